"""CFDI 4.0 and its payment complement 2.0, made by `satcfdi` and sealed with the certificate."""

from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal
from functools import cache
from importlib.resources import as_file, files
from typing import Any, NamedTuple

from domain.money import MILLION
from projections.accounting.cfdi.documents import Complement, Credit, Income, Item, apart, taxed
from projections.accounting.cfdi.errors import DocumentNotValid, NoPaymentForm
from projections.accounting.cfdi.receiver import PUBLIC_RFC, Receiver
from projections.accounting.cfdi.settings import CfdiSettings, Concept
from projections.accounting.exports.fit import exact

TAX, RATE, EXEMPT = "002", "Tasa", "Exento"
NOT_OBJECT, OBJECT = "01", "02"
AT_ONCE, LATER, TO_BE_DEFINED = "PUE", "PPD", "99"
SUBSTITUTES = "04"
EXPENSE = "E"
NOON = time(12)  # what SAT asks for where the hour of a payment is not known
SCHEMAS = {
    "http://www.sat.gob.mx/cfd/4": "sitio_internet/cfd/4/cfdv40.xsd",
    "http://www.sat.gob.mx/Pagos20": "sitio_internet/cfd/Pagos/Pagos20.xsd",
}


class Loan(NamedTuple):
    """What a document says of the loan."""

    loan_no: str
    borrower: str
    currency: str


class Related(NamedTuple):
    """An invoice that a complement pays a part of: its UUID, and the document itself."""

    uuid: str
    document: Income


def income(
    wanted: Income,
    loan: Loan,
    receiver: Receiver,
    settings: CfdiSettings,
    at: datetime,
    replaced: Sequence[str] = (),
) -> Any:
    """An invoice, not yet sealed. ``replaced`` are the UUIDs of those it stands in for.

    Errors: ``NoPaymentForm``.
    """
    from satcfdi.create.cfd.cfdi40 import Comprobante, InformacionGlobal

    public = None
    if receiver.rfc == PUBLIC_RFC:
        public = InformacionGlobal(settings.public_period, f"{wanted.on:%m}", wanted.on.year)
    return Comprobante(
        emisor=_issuer(settings),
        lugar_expedicion=settings.issuer.postal_code,
        receptor=_receiver(receiver, receiver.use or settings.use),
        conceptos=[
            _concept(item, wanted.rate, loan, settings, settings.concepts[item.component])
            for item in wanted.items
        ],
        moneda=loan.currency,
        serie=settings.series or None,
        folio=wanted.key,
        forma_pago=form_of(wanted.channel, settings) if wanted.paid else TO_BE_DEFINED,
        metodo_pago=AT_ONCE if wanted.paid else LATER,
        informacion_global=public,
        cfdi_relacionados=_related(replaced),
        fecha=at,
    )


def credit(
    wanted: Credit, loan: Loan, receiver: Receiver, settings: CfdiSettings, at: datetime, uuid: str
) -> Any:
    """A credit note on the invoice of that ``uuid``, not yet sealed. Errors: ``NoPaymentForm``."""
    from satcfdi.create.cfd.cfdi40 import CfdiRelacionados, Comprobante

    forgiven = wanted.why == "forgiven"
    return Comprobante(
        tipo_de_comprobante=EXPENSE,
        emisor=_issuer(settings),
        lugar_expedicion=settings.issuer.postal_code,
        receptor=_receiver(
            receiver, receiver.use if receiver.rfc == PUBLIC_RFC else settings.credit_use
        ),
        conceptos=[
            _concept(
                item, wanted.rate, loan, settings,
                settings.credit_concept or settings.concepts[item.component],
            )
            for item in wanted.items
        ],
        moneda=loan.currency,
        serie=settings.series or None,
        folio=wanted.key,
        forma_pago=settings.forgiven_form if forgiven else form_of(wanted.channel, settings),
        metodo_pago=AT_ONCE,
        cfdi_relacionados=CfdiRelacionados(settings.credit_relation, [uuid]),
        fecha=at,
    )  # fmt: skip


def complement(
    wanted: Complement,
    loan: Loan,
    receiver: Receiver,
    settings: CfdiSettings,
    at: datetime,
    invoices: dict[str, Related],
    replaced: Sequence[str] = (),
) -> Any:
    """A payment's complement, not yet sealed. ``invoices`` are those it pays, by their key.

    Errors: ``NoPaymentForm``.
    """
    from satcfdi.create.cfd.cfdi40 import Comprobante
    from satcfdi.create.cfd.pago20 import DoctoRelacionado, Pago, Pagos

    paid = [
        DoctoRelacionado(
            id_documento=invoices[part.invoice].uuid,
            moneda_dr=loan.currency,
            num_parcialidad=part.number,
            imp_saldo_ant=exact(part.before, loan.currency),
            imp_pagado=exact(part.paid, loan.currency),
            folio=part.invoice,
            serie=settings.series or None,
            equivalencia_dr=1,
            **_taxes(part.paid, invoices[part.invoice].document, loan, settings),
        )
        for part in wanted.parts
    ]
    payment = Pago(
        fecha_pago=datetime.combine(wanted.on, NOON),
        forma_de_pago_p=form_of(wanted.channel, settings),
        moneda_p=loan.currency,
        tipo_cambio_p=1,
        docto_relacionado=paid,
    )
    return Comprobante.pago(
        emisor=_issuer(settings),
        lugar_expedicion=settings.issuer.postal_code,
        receptor=_receiver(receiver, "CP01"),
        complemento_pago=Pagos([payment]),
        cfdi_relacionados=_related(replaced),
        serie=settings.series or None,
        folio=wanted.key,
        fecha=at,
    )


def sealed(document: Any, signer: Any, name: str) -> bytes:
    """The document with its seal, as XML. Errors: ``DocumentNotValid``."""
    document.sign(signer)
    xml: bytes = document.xml_bytes()
    check(xml, name)
    return xml


def check(xml: bytes, name: str) -> None:
    """Errors: ``DocumentNotValid`` with the first fault that SAT's schemas find."""
    from lxml import etree

    schema = _schema()
    tree = etree.fromstring(xml)
    if not schema.validate(tree):
        raise DocumentNotValid(name, str(schema.error_log[0].message))


@cache
def _schema() -> Any:
    """Invoice and complement together: alone, the invoice's does not look into complements."""
    from lxml import etree

    with as_file(files("satcfdi").joinpath("transform/schemas")) as folder:
        base = (folder / "all.xsd").as_posix()
        found = etree.fromstring(
            '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>', base_url=base
        )
        for namespace, path in SCHEMAS.items():
            attributes = {"namespace": namespace, "schemaLocation": f"www.sat.gob.mx/{path}"}
            etree.SubElement(found, f"{{{found.nsmap['xs']}}}import", attributes)
        return etree.XMLSchema(found)


def form_of(channel: str, settings: CfdiSettings) -> str:
    """Errors: ``NoPaymentForm``."""
    form = settings.forms.get(channel) or settings.other_form
    if form is None:
        raise NoPaymentForm(channel)
    return form


def _issuer(settings: CfdiSettings) -> Any:
    from satcfdi.create.cfd.cfdi40 import Emisor

    own = settings.issuer
    return Emisor(rfc=own.rfc, nombre=own.name, regimen_fiscal=own.regime)


def _receiver(one: Receiver, use: str) -> Any:
    from satcfdi.create.cfd.cfdi40 import Receptor

    return Receptor(
        rfc=one.rfc,
        nombre=one.name,
        domicilio_fiscal_receptor=one.postal_code,
        regimen_fiscal_receptor=one.regime,
        uso_cfdi=use,
    )


def _related(replaced: Sequence[str]) -> Any:
    from satcfdi.create.cfd.cfdi40 import CfdiRelacionados

    return CfdiRelacionados(SUBSTITUTES, list(replaced)) if replaced else None


def _concept(item: Item, rate: int, loan: Loan, settings: CfdiSettings, called: Concept) -> Any:
    from satcfdi.create.cfd.cfdi40 import Concepto, Impuestos, Traslado

    amount = exact(item.amount, loan.currency)
    taxes = None
    if taxed(item, rate):
        taxes = Traslado(TAX, RATE, _rate(rate), exact(item.tax, loan.currency), amount)
    elif settings.untaxed == "exempt":
        taxes = Traslado(TAX, EXEMPT, None, None, amount)
    return Concepto(
        clave_prod_serv=called.product,
        cantidad=Decimal(1),
        clave_unidad=called.unit,
        descripcion=f"{called.text}, crédito {loan.loan_no}",
        valor_unitario=amount,
        objeto_imp=NOT_OBJECT if taxes is None else OBJECT,
        impuestos=Impuestos(traslados=taxes) if taxes else None,
    )


def _taxes(paid: int, invoice: Income, loan: Loan, settings: CfdiSettings) -> dict[str, Any]:
    """The part of a payment that is tax, by the invoice's rate."""
    from satcfdi.create.cfd.pago20 import ImpuestosDR, TrasladoDR

    bears = any(taxed(item, invoice.rate) for item in invoice.items)
    if not bears and settings.untaxed == "not_object":
        return {"objeto_imp_dr": NOT_OBJECT}
    part = apart("interest", paid, invoice.rate, bears)
    base = exact(part.amount, loan.currency)
    if bears:
        tax = exact(part.tax, loan.currency)
        found = TrasladoDR(base, TAX, RATE, _rate(invoice.rate), tax)
    else:
        found = TrasladoDR(base, TAX, EXEMPT)
    return {"objeto_imp_dr": OBJECT, "impuestos_dr": ImpuestosDR(traslados_dr=[found])}


def _rate(millionths: int) -> Decimal:
    return (Decimal(millionths) / MILLION).quantize(Decimal("0.000001"))
