"""Do the fiscal documents that stand say what was collected? Read from the stamped XML itself."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import TupleRow

from domain import events as e
from domain.fold import replay
from domain.terms import Component
from ledger import log
from ledger.log import MAX_POSITION
from ledger.money import decimals
from projections.accounting.cfdi import register
from projections.accounting.cfdi.documents import TAXED
from projections.accounting.cfdi.settings import CfdiSettings
from projections.accounting.cfdi.wanted import READS

CFDI = "{http://www.sat.gob.mx/cfd/4}"
PAGOS = "{http://www.sat.gob.mx/Pagos20}"
STAMP = "{http://www.sat.gob.mx/TimbreFiscalDigital}"
IN_FORCE = ("stamped", "cancelling")


class Reconciled(Struct, frozen=True, kw_only=True):
    """One loan, in minor units: what it collected of interest, fees and their tax, and what the
    documents in force say. ``waiting`` counts documents that are not done.

    Taxes may differ by what SAT's rule moves between an amount and its tax; totals may not.
    """

    loan_no: str
    currency: str
    collected: int
    documented: int
    tax_collected: int
    tax_documented: int
    waiting: int

    @property
    def agrees(self) -> bool:
        return self.collected == self.documented and not self.waiting


def reconcile(
    connection: Connection[TupleRow], settings: CfdiSettings, upto: int = MAX_POSITION
) -> Iterator[Reconciled]:
    """Every loan that collected something, or has documents, by its facts up to a position."""
    rows = connection.execute(
        "SELECT DISTINCT loan_id FROM ledger.events WHERE type = ANY(%s) ORDER BY loan_id",
        [[e.tag(one) for one in READS]],
    ).fetchall()
    for (loan_id,) in rows:
        found = _loan(connection, loan_id, settings, upto)
        if found is not None and (found.collected or found.documented or found.waiting):
            yield found


def _loan(
    connection: Connection[TupleRow], loan_id: UUID, settings: CfdiSettings, upto: int
) -> Reconciled | None:
    facts = log.facts(connection, loan_id)
    history = [one.event for one in facts if one.position <= upto]
    loan = replay(history)
    if loan is None:  # it was opened later
        return None
    kept = register.of_loan(connection, loan_id).values()
    currency = loan.terms.currency
    told = _told([_read(one) for one in _with_xml(connection, kept)], currency)
    collected, tax = _collected(loan, history, settings)
    return Reconciled(
        loan_no=loan.opened.loan_no, currency=currency, collected=collected, tax_collected=tax,
        documented=told[0], tax_documented=told[1],
        waiting=sum(one.state in register.OPEN for one in kept),
    )  # fmt: skip


def _collected(
    loan: Any, history: Iterable[e.AnyLoanEvent], settings: CfdiSettings
) -> tuple[int, int]:
    """Total and tax, from the loan as it stands."""
    amounts: list[tuple[int, int]] = []
    for payment in loan.payments.values():
        counts = payment.reversed_on is None and payment.kind in settings.kinds
        if counts and payment.effective_on >= settings.since:
            amounts += [
                (getattr(one, name), getattr(one, f"{name}_tax"))
                for one in payment.allocation.values() for name in TAXED
            ]  # fmt: skip
    for event in history:
        if event.effective_on < settings.since:
            continue
        if isinstance(event, e.LoanDisbursed):
            amounts.append((event.withheld_fees, event.withheld_fees_tax))
            amounts.append((event.withheld_interest, event.withheld_interest_tax))
        elif isinstance(event, e.RecoveryReceived):
            by = event.by_component
            amounts += [
                (by.get(Component(name), 0), by.get(Component(f"{name}_tax"), 0)) for name in TAXED
            ]
    tax = sum(tax for _, tax in amounts)
    return sum(amount for amount, _ in amounts) + tax, tax


def _with_xml(
    connection: Connection[TupleRow], kept: Iterable[register.Step]
) -> Iterator[register.Step]:
    """The stamped form of each document in force; the step that asks to cancel has none."""
    for one in kept:
        if one.state in IN_FORCE:
            yield one if one.xml else register.stamped(connection, one.document)


def _read(one: register.Step) -> Any:
    from lxml import etree

    assert one.xml is not None
    return etree.fromstring(one.xml.encode())


def _told(documents: list[Any], currency: str) -> tuple[int, int]:
    """Total and tax that documents say were collected; an invoice to be paid says none, nor does a
    credit note on one.
    """
    at_once = {_uuid(root) for root in documents if root.get("MetodoPago") == "PUE"}
    minor = 10 ** decimals(currency)
    total = tax = 0
    for root in documents:
        kind = root.get("TipoDeComprobante")
        if kind == "P":
            paid = sum(Decimal(one.get("Monto")) for one in root.iter(f"{PAGOS}Pago"))
            taxes = [one.get("ImporteDR", "0") for one in root.iter(f"{PAGOS}TrasladoDR")]
            side = 1
        else:
            paid = Decimal(root.get("Total"))
            taxes = [
                one.get("TotalImpuestosTrasladados", "0") for one in root.iter(f"{CFDI}Impuestos")
            ]
            of = {_uuid(root)} if kind == "I" else _related(root)
            side = (1 if kind == "I" else -1) if of & at_once else 0
        total += side * int(paid * minor)
        tax += side * int(sum(map(Decimal, taxes)) * minor)
    return total, tax


def _uuid(root: Any) -> str:
    return str(next(root.iter(f"{STAMP}TimbreFiscalDigital")).get("UUID")).lower()


def _related(root: Any) -> set[str]:
    return {one.get("UUID").lower() for one in root.iter(f"{CFDI}CfdiRelacionado")}
