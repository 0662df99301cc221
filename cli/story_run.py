"""Plays a loan's story in memory and compares what it comes to with what it expects."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

from domain import commands
from domain.errors import LoanError
from domain.events import AnyLoanEvent
from domain.fold import apply, replay
from domain.loan import Amounts, Loan
from domain.terms import Component
from domain.views import as_of, schedule_rows
from ledger.forms import FormError, rule_of
from ledger.money import rate_text, text
from ledger.stories import Expected, Step, Story, read
from projections.journal.postings import postings

Outcome: TypeAlias = dict[str, Any]


def outcome(path: Path) -> Outcome:
    """A story file played: ``{file, passed, failures, final}``, as ``--json`` prints it.

    A file that holds no story has ``final`` None and one failure, which names key and rule.
    """
    try:
        story = read(path)
    except FormError as error:
        return unreadable(path, f"{error.field}: {error.rule}")
    except OSError as error:
        return unreadable(path, f"file: {error.strerror or error}")
    play = Play(story)
    play.run()
    return {
        "file": str(path),
        "passed": not play.failures,
        "failures": play.failures,
        "final": figures_on(play.loan, story.last_day) if play.loan else None,
    }


def unreadable(path: Path, failure: str) -> Outcome:
    """The outcome of a file that holds no story."""
    return {"file": str(path), "passed": False, "failures": [failure], "final": None}


class Play:
    """One story being played: the loan as it stands, its events, and what went wrong."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.loan: Loan | None = None
        self.events: list[AnyLoanEvent] = []
        self.failures: list[str] = []

    def run(self) -> None:
        """Every step in order; each expectation once the steps of its day are known."""
        if not self._open():
            return
        waiting = sorted(self.story.expect, key=lambda expected: expected.day)
        for step in self.story.timeline:
            while waiting and waiting[0].day < step.day:
                self._compare(waiting.pop(0))
            self._take(step)
        for expected in waiting:
            self._compare(expected)

    def _open(self) -> bool:
        story = self.story
        try:
            self._record(
                commands.open_loan(
                    loan_no="story",
                    terms=story.terms,
                    product=story.product,
                    effective_on=story.opened_on,
                )
            )
        except LoanError as error:
            self._fail("loan", error)
        return self.loan is not None

    def _take(self, step: Step) -> None:
        assert self.loan is not None, "a story's loan is open before its first step"
        try:
            self._record(follow_indices(self.story, self.loan, step.day))
            events = step.decide(self.loan)
        except LoanError as error:
            if step.refused != error.code:
                self._fail(f"{step.at} {step.day} {step.verb}", error)
            return
        if step.refused:
            told = f"expected the refusal {step.refused}, but it was accepted"
            self.failures.append(f"{step.at} {step.day} {step.verb}: {told}")
        self._record(events)

    def _record(self, events: tuple[AnyLoanEvent, ...]) -> None:
        for event in events:
            if self.loan is None:
                self.loan = replay((event,))
            else:
                apply(self.loan, event)
            self.events.append(event)

    def _fail(self, where: str, error: LoanError) -> None:
        field, rule = rule_of(error, self.story.terms.currency)
        self.failures.append(f"{where}: refused ({error.code}), {field}: {rule}")

    def _compare(self, expected: Expected) -> None:
        assert self.loan is not None, "a story's loan is open before it is compared"
        where = f"{expected.at} {expected.day}"
        if expected.day < self.loan.opened_on:
            self.failures.append(f"{where}: day is before the loan was opened")
            return
        wanted = dict(expected.figures)
        if wanted.pop("journal", None):
            self.failures += [f"{where} journal: {told}" for told in unbalanced(self.events)]
        try:
            self._record(follow_indices(self.story, self.loan, expected.day))
        except LoanError as error:
            self._fail(where, error)
            return
        found = figures_on(self.loan, expected.day, more=True)
        self.failures += [f"{where} {told}" for told in differences("", wanted, found)]


def follow_indices(story: Story, loan: Loan, on: date) -> tuple[AnyLoanEvent, ...]:
    """What the story's indices made of a floating rate by the day."""
    return commands.reset_rate(loan, upto=on, value_of=story.value_of)


def figures_on(loan: Loan, on: date, *, more: bool = False) -> dict[str, Any]:
    """What a reader sees of the loan at the end of ``on``; ``more`` adds all a story may expect."""
    seen = as_of(loan, on)
    currency = loan.terms.currency
    figures: dict[str, Any] = {
        "balances": _amounts(seen.balances(), currency, total=True),
        "days_past_due": seen.days_past_due(on),
        "schedule": [
            {
                "n": row.number,
                "due": str(row.due_on),
                "principal": text(row.principal, currency),
                "interest": text(row.interest, currency),
                "tax": text(row.tax, currency),
                "fees": text(row.fees, currency),
                "late_interest": text(row.late_interest, currency),
                "total": text(row.total, currency),
                "balance": text(row.balance, currency),
                "paid": text(row.paid, currency),
                "paid_on": str(row.paid_on) if row.paid_on else None,
                "paid_late": text(row.paid_late, currency),
                "paid_in_advance": text(row.paid_in_advance, currency),
            }
            for row in schedule_rows(loan, on)
        ],
        "payments": [
            {
                "n": payment.number,
                "day": str(payment.effective_on),
                "amount": text(payment.amount, currency),
                "allocated": _amounts(_sum(payment.allocation.values()), currency),
                "overpaid": text(payment.overpaid, currency),
            }
            for payment in seen.payments.values()
            if payment.reversed_on is None
        ],
    }
    if more:
        figures |= _more(loan, seen, currency)
        for row in figures["payments"]:
            payment = seen.payments[row["n"]]
            row["type"] = str(payment.kind)
            row["charged_back"] = text(payment.charged_back, currency)
    return figures


def _more(loan: Loan, seen: Loan, currency: str) -> dict[str, Any]:
    due_on = seen.next_due_on
    return {
        "status": str(seen.status),
        "stage": seen.stage,
        "next_due": str(due_on) if due_on else None,
        "closed_for": seen.closed_for or None,
        "annual_rate": rate_text(seen.terms.rate_on(seen.through)),
        "suspended": seen.suspended,
        "capitalised": text(seen.capitalised, currency),
        "overpaid": text(seen.overpaid, currency),
        "written_off": _amounts(seen.written_off_left(), currency, total=True),
        "promises": [
            {
                "n": promise.number,
                "state": promise.state,
                "amount": text(promise.amount, currency),
                "by": str(promise.promised_for),
            }
            for promise in loan.promises.values()
        ],
    }


def differences(at: str, wanted: Any, found: Any) -> Iterator[str]:
    """Where ``found`` says other than ``wanted``, which names only what it compares."""
    if isinstance(wanted, dict):
        for name, figure in wanted.items():
            yield from differences(f"{at}.{name}" if at else name, figure, found[name])
    elif isinstance(wanted, list):
        rows = {row["n"]: row for row in found}
        for row in wanted:
            where = f"{at} n {row['n']}"
            if row["n"] in rows:
                yield from differences(where, row, rows[row["n"]])
            else:
                yield f"{where}: there is none"
    elif wanted != found:
        yield f"{at}: expected {_shown(wanted)}, found {_shown(found)}"


def unbalanced(events: list[AnyLoanEvent]) -> Iterator[str]:
    """The events whose journal entry does not balance; the journal itself says by how much."""
    for version, event in enumerate(events, start=1):
        try:
            assert sum(line.amount for line in postings(event)) == 0, "is out of balance"
        except AssertionError as told:
            yield f"event {version} {type(event).__name__}: {told}"


def _amounts(amounts: Amounts, currency: str, *, total: bool = False) -> dict[str, str]:
    figures = {str(name): text(getattr(amounts, name), currency) for name in Component}
    return figures | ({"total": text(amounts.total, currency)} if total else {})


def _sum(amounts: Any) -> Amounts:
    total = Amounts()
    for one in amounts:
        total.add(one)
    return total


def _shown(figure: Any) -> str:
    return "none" if figure is None else str(figure)
