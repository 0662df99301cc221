"""The loan that the benchmarks run on: a year of instalments, a fact a day."""

from datetime import date, timedelta

from domain import commands
from domain.events import AnyLoanEvent
from domain.fold import replay
from domain.loan import Loan
from domain.terms import Frequency, Terms
from ledger.orders import Cause

START = date(2026, 1, 15)
CAUSE = Cause("bench", "bench")
TERMS = Terms(
    currency="MXN",
    principal=10_000_00,
    annual_rate=360_000,
    instalments=12,
    frequency=Frequency.MONTHLY,
    tax_rate=160_000,
    late_rate=720_000,
)


def history(days: int = 360, terms: Terms = TERMS, payment: int = 1_060_00) -> list[AnyLoanEvent]:
    """Opened, disbursed, accrued daily, paid monthly: about 400 facts."""
    events: list[AnyLoanEvent] = list(
        commands.open_loan(loan_no="B-1", terms=terms, effective_on=START, product="personal")
    )
    loan = replay(events)
    assert loan is not None

    def tell(new: tuple[AnyLoanEvent, ...], told: Loan) -> None:
        replay(new, told)
        events.extend(new)

    tell(commands.disburse(loan, principal=terms.principal, effective_on=START), loan)
    for day in (START + timedelta(days=n) for n in range(1, days)):
        tell(commands.close_day(loan, on=day), loan)
        if day.day == 15:
            paid = commands.receive_payment(
                loan, amount=payment, effective_on=day, channel="spei", reference=f"R{day}"
            )
            tell(paid, loan)
    return events
