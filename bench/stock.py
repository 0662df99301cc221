"""The same loan on the eventsourcing library as it comes: its aggregate, JSON and recorder."""

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import JSONTranscoder, Transcoding

from domain import events as e


class DateAsISO(Transcoding):
    """A date as text: the library brings datetimes only."""

    type = date
    name = "date_iso"

    def encode(self, obj: date) -> str:
        return obj.isoformat()

    def decode(self, data: str) -> date:
        return date.fromisoformat(data)


@dataclass
class StockLine:
    """One instalment as it stands."""

    due_on: date
    owed: int
    interest: int = 0
    tax: int = 0
    paid: int = 0
    due: bool = False


class StockLoan(Aggregate):
    """What `domain.loan.Loan` keeps, in the library's own documented style."""

    @event("Opened")
    def __init__(self, loan_no: str, effective_on: date, currency: str, principal: int) -> None:
        self.loan_no = loan_no
        self.through = effective_on
        self.currency = currency
        self.approved = principal
        self.balance = 0
        self.numerator = 0
        self.payments = 0
        self.lines: list[StockLine] = []

    @event("Disbursed")
    def disburse(self, effective_on: date, principal: int, schedule: list[dict[str, Any]]) -> None:
        self.balance += principal
        self.lines = [StockLine(row["due_on"], row["principal"]) for row in schedule]

    @event("Accrued")
    def accrue(
        self, effective_on: date, instalment: int, interest: int, tax: int, numerator: int
    ) -> None:
        line = self.lines[instalment - 1]
        line.interest += interest
        line.tax += tax
        self.numerator += numerator
        self.through = effective_on

    @event("FellDue")
    def fall_due(
        self, effective_on: date, instalment: int, principal: int, interest: int, tax: int
    ) -> None:
        self.lines[instalment - 1].due = True
        self.through = effective_on

    @event("Paid")
    def pay(
        self,
        effective_on: date,
        amount: int,
        allocation: list[dict[str, int]],
        channel: str,
        reference: str,
    ) -> None:
        for portion in allocation:
            line = self.lines[portion["instalment"] - 1]
            line.paid += sum(portion.values()) - portion["instalment"]
            self.balance -= portion.get("principal", 0)
        self.payments += 1


def record(loan: StockLoan, fact: e.AnyLoanEvent) -> None:
    """The same fact in the library's shape."""
    on = fact.effective_on
    match fact:
        case e.LoanDisbursed():
            rows = [
                {name: getattr(row, name) for name in row.__struct_fields__}
                for row in fact.schedule
            ]
            loan.disburse(on, fact.principal, rows)
        case e.InterestAccrued():
            loan.accrue(on, fact.instalment, fact.interest, fact.tax, fact.numerator)
        case e.InstalmentFellDue():
            loan.fall_due(on, fact.instalment, fact.principal, fact.interest, fact.tax)
        case e.PaymentReceived():
            portions = [portion(one) for one in fact.allocation]
            loan.pay(on, fact.amount, portions, fact.channel, fact.reference)
        case _:
            raise TypeError(f"the benchmark's story has no {e.tag(fact)}")


def portion(one: e.Portion) -> dict[str, int]:
    """What is not zero of a portion."""
    given = {name: getattr(one, name) for name in one.__struct_fields__}
    return {name: value for name, value in given.items() if value}


class StockLedger(Application[UUID]):
    """The library's application; its environment says which recorder."""

    env: ClassVar[dict[str, str]] = {}

    def register_transcodings(self, transcoder: JSONTranscoder) -> None:
        super().register_transcodings(transcoder)
        transcoder.register(DateAsISO())


def told(events: list[e.AnyLoanEvent]) -> StockLoan:
    """The story, told to the library's aggregate."""
    first, *rest = events
    assert isinstance(first, e.LoanOpened)
    loan = StockLoan(
        loan_no=first.loan_no, effective_on=first.effective_on,
        currency=first.terms.currency, principal=first.terms.principal,
    )  # fmt: skip
    for fact in rest:
        record(loan, fact)
    return loan
