"""A copy of a loan on which a command tries out its events, and the passing of time on it."""

from collections.abc import Iterable
from datetime import date

from domain import events as e
from domain.daycount import elapsed, interest_of
from domain.fold import apply
from domain.loan import Amounts, Line, Loan, Status, copy
from domain.money import divide, share


class Draft:
    """What a command would record, and the loan as it would then stand."""

    def __init__(self, loan: Loan) -> None:
        self.loan = copy(loan)
        self.events: list[e.AnyLoanEvent] = []

    def record(self, event: e.AnyLoanEvent) -> None:
        """Add ``event`` to what the command answers and fold it."""
        apply(self.loan, event)
        self.events.append(event)

    def catch_up(self, to: date) -> None:
        """Record what passing time does up to ``to``: accruals and instalments falling due.

        One accrual per stretch in which nothing changes; day by day the sums are the same.
        """
        loan = self.loan
        while loan.status is Status.ACTIVE and (due_on := loan.next_due_on) and due_on <= to:
            self._accrue(due_on)
            self._fall_due(loan.lines[loan.current])
        if loan.status is Status.ACTIVE:
            self._accrue(to)

    def close_if_paid(self, on: date) -> None:
        """Close a loan that owes nothing any more, or whose written-off debt is recovered."""
        loan = self.loan
        if loan.status is Status.WRITTEN_OFF and loan.written_off == loan.recovered:
            self.record(e.LoanClosed(effective_on=on, reason="recovered"))
        if loan.status is Status.ACTIVE and loan.principal == 0 and loan.balances() == Amounts():
            forgiven = bool(loan.facts) and isinstance(loan.facts[-1], e.DebtForgiven)
            self.record(e.LoanClosed(effective_on=on, reason="forgiven" if forgiven else "paid"))

    def _accrue(self, to: date) -> None:
        since = self.loan.through
        if to <= since:
            return
        late = tuple(self._late_lines(since, to))
        line = accruing_line(self.loan)
        if line is not None:
            before, after, numerator = self._interest(line, since, to)
            if after != before or numerator:
                self.record(
                    e.InterestAccrued(
                        effective_on=to,
                        instalment=line.number,
                        interest=after - before,
                        tax=self._tax(after) - self._tax(before),
                        numerator=numerator,
                        due=line.due,
                    )
                )
        if late:
            self.record(e.LateInterestAccrued(effective_on=to, lines=late))

    def _interest(self, line: Line, since: date, to: date) -> tuple[int, int, int]:
        """Interest of the line's period, rounded, up to ``since`` and ``to``; and the increment."""
        loan = self.loan
        if not loan.accrues_daily:
            return fixed_interest(line, since, loan), fixed_interest(line, to, loan), 0
        start_on = line.due_on if line.due else line.start_on
        terms = loan.terms
        units = elapsed(terms.day_count, start_on, since, to)
        numerator = loan.principal * terms.annual_rate * units
        return (
            interest_of(terms, line.numerator),
            interest_of(terms, line.numerator + numerator),
            numerator,
        )

    def _late_lines(self, since: date, to: date) -> Iterable[e.LateLine]:
        terms = self.loan.terms
        if not terms.late_rate:
            return
        for line in self.loan.lines[: self.loan.current]:
            overdue = line.owed.principal - line.paid.principal
            if not overdue:
                continue
            units = elapsed(terms.day_count, line.due_on, since, to)
            numerator = overdue * terms.late_rate * units
            before = self._late_interest(line, line.late_numerator, since)
            after = self._late_interest(line, line.late_numerator + numerator, to)
            if numerator or after != before:  # grace may end on a night that counts no day
                yield e.LateLine(
                    instalment=line.number,
                    interest=after - before,
                    tax=self._tax(after) - self._tax(before),
                    numerator=numerator,
                )

    def _late_interest(self, line: Line, numerator: int, on: date) -> int:
        """Nothing within the grace days; past them all that ran since the due date."""
        in_grace = (on - line.due_on).days <= self.loan.terms.late_grace_days
        return 0 if in_grace else interest_of(self.loan.terms, numerator)

    def _fall_due(self, line: Line) -> None:
        carried, carried_tax = carry(self.loan, line)
        left = line.left - carried - carried_tax
        self.record(
            e.InstalmentFellDue(
                effective_on=line.due_on,
                instalment=line.number,
                principal=line.owed.principal,
                interest=line.owed.interest - carried,
                tax=line.owed.interest_tax - carried_tax,
                carried=carried,
                carried_tax=carried_tax,
                settled=() if left else (e.Settled(instalment=line.number, on=line.due_on),),
            )
        )

    def _tax(self, interest: int) -> int:
        return share(interest, self.loan.terms.tax_rate, self.loan.terms.rounding)


def accruing_line(loan: Loan) -> Line | None:
    """The instalment that interest runs on: the current one, after maturity the last unpaid."""
    if loan.current < len(loan.lines):
        return loan.lines[loan.current]
    if not loan.accrues_daily or loan.terms.interest_after_maturity == "stops":
        return None
    return next((line for line in reversed(loan.lines) if line.settled_on is None), None)


def fixed_interest(line: Line, on: date, loan: Loan) -> int:
    """Of a fixed period interest, what has accrued up to ``on``: in proportion to its days."""
    days = (line.due_on - line.start_on).days
    gone = min(max((on - line.start_on).days, 0), days)
    return divide(line.planned_interest * gone, days, loan.terms.rounding)


def carry(loan: Loan, line: Line) -> tuple[int, int]:
    """(interest, tax) of the period that falls due with the next instalment instead.

    Who paid the whole instalment some days early has paid principal ahead, and that principal
    covers the interest of the last days: he must not become past due for it.
    """
    if loan.prepaid <= 0 or line.number == len(loan.lines):
        return 0, 0
    interest = line.owed.interest - line.paid.interest
    tax = line.owed.interest_tax - line.paid.interest_tax
    if interest + tax <= loan.prepaid:
        return interest, tax
    carried = loan.prepaid * interest // (interest + tax)
    return carried, min(tax, loan.prepaid - carried)


def marks(
    loan: Loan, portions: Iterable[e.Portion], on: date, sign: int = -1
) -> tuple[e.Settled, ...]:
    """Which due instalments ``portions`` settle, or open again when taken back (``sign`` +1)."""
    found = []
    for portion in portions:
        line = loan.lines[portion.instalment - 1]
        settled = line.left + sign * portion.total == 0
        if line.due and settled != (line.settled_on is not None):
            found.append(e.Settled(instalment=line.number, on=on if settled else None))
    return tuple(found)
