"""The documents themselves: read back with lxml, checked by SAT's schemas, their seals verified."""

import base64
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from lxml import etree
from satcfdi.cfdi import CFDI

from projections.accounting.cfdi.build import Loan, Related, check, complement, income, sealed
from projections.accounting.cfdi.documents import Complement, Income, Item, Part
from projections.accounting.cfdi.errors import (
    CertificateNotUsable,
    DocumentNotValid,
    NoPaymentForm,
    ReceiverIncomplete,
)
from projections.accounting.cfdi.receiver import Receiver, receiver_of
from projections.accounting.cfdi.seal import check_validity, load_signer
from projections.accounting.cfdi.settings import Concept
from tests.projections.accounting.cfdi.tools import (
    BORROWER,
    NOW,
    PASSWORD,
    RFC,
    SERIAL,
    Known,
    certificate,
    key_file,
    private_key,
    settings,
)

CFDI4 = "{http://www.sat.gob.mx/cfd/4}"
PAGO20 = "{http://www.sat.gob.mx/Pagos20}"
LOAN = Loan("L-1", "B-1", "MXN")
AT = datetime(2026, 6, 30, 12, 0)
UUID = "6F8B1D0E-3A52-4C5E-9B1E-2F6D1A7C0001"


@pytest.fixture(scope="session")
def signer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("csd")
    (folder / "csd.cer").write_bytes(certificate())
    (folder / "csd.key").write_bytes(key_file())
    return load_signer(folder / "csd.cer", folder / "csd.key", PASSWORD, issuer=RFC)


def invoice(*items, rate=160_000, paid=True, **given):
    return Income(**({"key": "I7", "position": 7, "on": date(2026, 6, 15), "items": items,
                      "rate": rate, "paid": paid, "channel": "spei"} | given))  # fmt: skip


def read(xml):
    return etree.fromstring(xml)


def cents(text):
    return int(Decimal(text).scaleb(2).to_integral_exact())


def test_an_invoice_paid_at_once_says_how_and_for_what(signer):
    made = income(
        invoice(Item("interest", 100_00, 16_00), Item("fee", 50_00, 8_00)),
        LOAN, BORROWER, settings(), AT,
    )  # fmt: skip

    root = read(sealed(made, signer, "I7"))

    assert {name: root.get(name) for name in (
        "Version", "SubTotal", "Total", "Moneda", "TipoDeComprobante", "Exportacion",
        "MetodoPago", "FormaPago", "LugarExpedicion", "Folio", "NoCertificado",
    )} == {
        "Version": "4.0", "SubTotal": "150.00", "Total": "174.00", "Moneda": "MXN",
        "TipoDeComprobante": "I", "Exportacion": "01", "MetodoPago": "PUE", "FormaPago": "03",
        "LugarExpedicion": "42501", "Folio": "I7", "NoCertificado": SERIAL,
    }  # fmt: skip
    assert dict(root.find(f"{CFDI4}Receptor").attrib) == {
        "Rfc": BORROWER.rfc, "Nombre": BORROWER.name, "DomicilioFiscalReceptor": "36257",
        "RegimenFiscalReceptor": "612", "UsoCFDI": "S01",
    }  # fmt: skip
    concepts = root.findall(f".//{CFDI4}Concepto")
    assert [(c.get("ClaveProdServ"), c.get("Descripcion"), c.get("Importe")) for c in concepts] == [
        ("84121500", "Intereses, crédito L-1", "100.00"),
        ("84121500", "Comisiones, crédito L-1", "50.00"),
    ]
    taxes = root.find(f"{CFDI4}Impuestos")
    assert taxes.get("TotalImpuestosTrasladados") == "24.00"


def test_the_seal_is_that_of_the_certificates_key(signer):
    made = income(invoice(Item("interest", 100, 16)), LOAN, BORROWER, settings(), AT)
    xml = sealed(made, signer, "I7")

    root = read(xml)
    seal = base64.b64decode(root.get("Sello"))
    chain = CFDI.from_string(xml).cadena_original().encode()
    verify = private_key().public_key().verify
    verify(seal, chain, padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        verify(seal, chain.replace(b"L-1", b"L-2"), padding.PKCS1v15(), hashes.SHA256())
    assert base64.b64decode(root.get("Certificado")) == certificate()


def test_an_invoice_paid_later_leaves_the_form_open(signer):
    made = income(invoice(Item("interest", 1_00, 16), paid=False), LOAN, BORROWER, settings(), AT)
    root = read(sealed(made, signer, "I7"))

    assert (root.get("MetodoPago"), root.get("FormaPago")) == ("PPD", "99")


@pytest.mark.parametrize(
    ("untaxed", "object_", "factors"), [("exempt", "02", ["Exento"]), ("not_object", "01", [])]
)
def test_interest_without_tax_is_declared_as_the_lender_says(untaxed, object_, factors, signer):
    wanted = invoice(Item("interest", 1_00, 0), rate=0)
    made = income(wanted, LOAN, BORROWER, settings(untaxed=untaxed), AT)

    root = read(sealed(made, signer, "I7"))

    [concept] = root.findall(f".//{CFDI4}Concepto")
    assert concept.get("ObjetoImp") == object_
    assert [t.get("TipoFactor") for t in concept.iter(f"{CFDI4}Traslado")] == factors
    assert root.get("Total") == "1.00"


def test_a_document_in_place_of_another_names_it(signer):
    made = income(invoice(Item("interest", 1_00, 16)), LOAN, BORROWER, settings(), AT, [UUID])
    root = read(sealed(made, signer, "I7"))

    related = root.find(f"{CFDI4}CfdiRelacionados")
    assert related.get("TipoRelacion") == "04"
    assert [one.get("UUID") for one in related] == [UUID]


@hypothesis_settings(max_examples=30)
@given(
    amounts=st.lists(st.integers(1, 10**9), min_size=1, max_size=3),
    rate=st.sampled_from([0, 80_000, 160_000]),
    share=st.integers(1, 100),
)
def test_a_complement_adds_up_to_what_was_paid(amounts, rate, share, signer):
    invoices, parts = {}, []
    for nth, amount in enumerate(amounts):
        item = Item("interest", amount, round(Decimal(amount) * rate / 10**6))
        document = invoice(item, rate=rate, paid=False, key=f"I{nth}")
        invoices[document.key] = Related(UUID, document)
        paid = max(1, document.total * share // 100)
        parts.append(Part(document.key, 1, document.total, paid))
    wanted = Complement(key="P9", position=9, on=date(2026, 6, 20), parts=tuple(parts),
                        channel="cash")  # fmt: skip

    made = complement(wanted, LOAN, BORROWER, settings(), AT, invoices)
    root = read(sealed(made, signer, "P9"))

    [payment] = root.iter(f"{PAGO20}Pago")
    [totals] = root.iter(f"{PAGO20}Totales")
    related = list(root.iter(f"{PAGO20}DoctoRelacionado"))
    assert (root.get("TipoDeComprobante"), root.get("Moneda"), root.get("Total")) == (
        "P", "XXX", "0",
    )  # fmt: skip
    assert (payment.get("FormaDePagoP"), payment.get("FechaPago")) == ("01", "2026-06-20T12:00:00")
    assert cents(payment.get("Monto")) == wanted.total == cents(totals.get("MontoTotalPagos"))
    for one, part in zip(related, parts, strict=True):
        assert cents(one.get("ImpSaldoInsoluto")) == part.before - part.paid
        base = sum(cents(t.get("BaseDR")) for t in one.iter(f"{PAGO20}TrasladoDR"))
        tax = sum(cents(t.get("ImporteDR", "0")) for t in one.iter(f"{PAGO20}TrasladoDR"))
        assert base + tax == part.paid
        assert abs(tax * 10**6 - base * rate) <= 10**6
    if rate:
        name = f"TotalTrasladosImpuestoIVA{rate // 10_000}"
        all_taxes = sum(cents(t.get("ImporteDR", "0")) for t in root.iter(f"{PAGO20}TrasladoDR"))
        assert cents(totals.get(name)) == all_taxes


def test_the_public_at_large_is_invoiced_where_the_lender_says_so(signer):
    receiver = receiver_of("B-9", Known({}), settings(without_rfc="public"))
    made = income(invoice(Item("interest", 1_00, 16)), LOAN, receiver, settings(), AT)
    root = read(sealed(made, signer, "I7"))

    assert dict(root.find(f"{CFDI4}InformacionGlobal").attrib) == {
        "Periodicidad": "04", "Meses": "06", "Año": "2026",
    }  # fmt: skip
    assert root.find(f"{CFDI4}Receptor").get("Nombre") == "PUBLICO EN GENERAL"


def changed(**given):
    fields = {name: getattr(BORROWER, name) for name in ("rfc", "name", "postal_code", "regime")}
    return Receiver(**(fields | given))


@pytest.mark.parametrize(
    ("receiver", "field"),
    [
        (None, "receiver.rfc"),
        (changed(rfc=""), "receiver.rfc"),
        (changed(rfc="CACX7605101P9"), "receiver.rfc"),
        (changed(rfc="CACX7605101"), "receiver.rfc"),
        (changed(rfc="XAXX010101000"), "receiver.rfc"),
        (changed(name=""), "receiver.name"),
        (changed(postal_code=""), "receiver.postal_code"),
        (changed(postal_code="3625"), "receiver.postal_code"),
        (changed(regime=""), "receiver.regime"),
        (changed(postal_code="", regime=""), "receiver.postal_code"),
    ],
)
def test_a_receiver_whom_sat_would_not_know_is_named(receiver, field):
    with pytest.raises(ReceiverIncomplete) as refused:
        receiver_of("B-1", Known({"B-1": receiver}), settings())

    assert refused.value.field == field
    assert "B-1" in str(refused.value)


def test_a_receiver_whom_sat_knows_is_taken():
    assert receiver_of("B-1", Known({"B-1": BORROWER}), settings()) == BORROWER


def test_a_channel_without_payment_form_is_named():
    with pytest.raises(NoPaymentForm) as refused:
        income(invoice(Item("interest", 1_00, 16), channel="barter"), LOAN, BORROWER,
               settings(other_form=None), AT)  # fmt: skip
    assert "barter" in str(refused.value)


def test_a_product_key_that_sat_has_not_is_named(signer):
    concepts = {"interest": Concept(text="x", product="99999999")}
    made = income(invoice(Item("interest", 1_00, 16)), LOAN, BORROWER,
                  settings(concepts=concepts), AT)  # fmt: skip

    with pytest.raises(DocumentNotValid) as refused:
        sealed(made, signer, "I7")
    assert "99999999" in str(refused.value)


def test_a_complement_that_is_wrong_inside_is_found_too(signer):
    document = invoice(Item("interest", 1_00, 16), paid=False)
    wanted = Complement(key="P9", position=9, on=date(2026, 6, 20),
                        parts=(Part("I7", 1, 1_16, 1_16),), channel="cash")  # fmt: skip
    made = complement(wanted, LOAN, BORROWER, settings(), AT, {"I7": Related(UUID, document)})
    xml = sealed(made, signer, "P9")

    with pytest.raises(DocumentNotValid):
        check(xml.replace(b'FormaDePagoP="01"', b'FormaDePagoP="77"'), "P9")


def signer_of(folder, cer, key, password=PASSWORD, issuer=RFC):
    (folder / "a.cer").write_bytes(cer)
    (folder / "a.key").write_bytes(key)
    return load_signer(folder / "a.cer", folder / "a.key", password, issuer=issuer)


@pytest.mark.parametrize(
    ("cer", "key", "password", "rule"),
    [
        (certificate(), key_file(private_key(1)), PASSWORD, "does not match"),
        (certificate(rfc="CACX7605101P8"), key_file(), PASSWORD, "is of CACX7605101P8"),
        (certificate(), key_file(), "wrong", "cannot be read"),
        (b"nothing", key_file(), PASSWORD, "cannot be read"),
        (certificate(), b"nothing", PASSWORD, "cannot be read"),
    ],
)
def test_a_certificate_that_is_not_the_keys_is_refused(cer, key, password, rule, tmp_path):
    with pytest.raises(CertificateNotUsable) as refused:
        signer_of(tmp_path, cer, key, password)
    assert rule in refused.value.rule


@pytest.mark.parametrize(
    ("at", "rule"),
    [
        (datetime(2025, 6, 29, tzinfo=UTC), "valid only from"),
        (datetime(2025, 7, 1, tzinfo=UTC), None),
        (NOW, None),
        (NOW + timedelta(days=3 * 365 + 1), "expired"),
    ],
)
def test_a_certificate_seals_only_while_it_is_valid(at, rule, tmp_path):
    signer = signer_of(tmp_path, certificate(), key_file())
    if rule is None:
        check_validity(signer, at)
        return
    with pytest.raises(CertificateNotUsable) as refused:
        check_validity(signer, at)
    assert rule in refused.value.rule
