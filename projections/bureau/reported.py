"""What goes to a bureau of one loan and one person, before and after a format has its say."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Literal, Protocol

from msgspec import Struct, field

from projections.bureau.consumer import Consumer, Role
from projections.bureau.lender import Mark
from projections.bureau.tradeline import Tradeline


class Before(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was last reported of a loan and a person: it is not told otherwise later on.

    ``history`` is the ratings of the months before it, the latest first, one sign each.
    """

    on: date
    rating: str
    balance: int
    past_due: int
    closed: bool = False
    first_default_on: date | None = None
    history: str = ""


class Report(Struct, frozen=True, kw_only=True):
    """One tradeline of one person, with all that its format may ask.

    ``beside`` are the others who answer for the loan, as far as they are known.
    ``before`` is what the months before were told, ``told_default_on`` the first missed payment
    that any file has, of the same date too.
    """

    line: Tradeline
    person: Consumer
    role: Role = Role.BORROWER
    beside: tuple[tuple[Consumer, Role], ...] = ()
    mark: Mark | None = None
    before: Before | None = None
    told_default_on: date | None = None

    @property
    def first_default_on(self) -> date | None:
        """The first missed payment; once told it never moves."""
        return self.told_default_on or self.line.first_default_on


class Problem(Struct, frozen=True):
    """Why a tradeline cannot be sent: the field, and the rule that it breaks."""

    loan_no: str
    person: str
    field: str
    rule: str


class Record(Struct, frozen=True, kw_only=True):
    """A tradeline as a file says it. ``balance`` and ``past_due`` as written, in whole units.

    ``sign`` is its rating in a history of one sign a month; ``rating`` the file's own. ``head``
    stands once before the records of ``whose`` it is, where a format groups them. ``counts`` add to
    the counters of a trailer.
    """

    text: str
    balance: int
    past_due: int
    rating: str
    sign: str
    first_default_on: date | None = None
    head: str = ""
    whose: str = ""
    counts: dict[str, int] | None = None


class Totals(Struct, kw_only=True):
    """Control figures of a file, in whole units of its currency. ``persons`` have a head."""

    records: int = 0
    persons: int = 0
    balance: int = 0
    past_due: int = 0
    last: str = ""
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, record: Record) -> str:
        """Count one more; the text that it adds to the file."""
        self.records += 1
        self.balance += record.balance
        self.past_due += record.past_due
        if record.counts:
            self.counts.update(record.counts)
        if record.whose == self.last:
            return record.text
        self.last = record.whose
        self.persons += 1
        return record.head + record.text


class Format(Protocol):
    """How a bureau's file is written, text piece by piece.

    ``reports_others``: a guarantor or co-borrower is a tradeline too. ``order``: what they go by.
    ``second_pass`` rewrites each line once the totals are known, where they stand in every row.
    """

    bureau: str
    encoding: str
    reports_others: bool
    order: Literal["loan", "borrower"]
    second_pass: Callable[[str, Totals], str] | None

    def begin(self, cut_off: date, *, correction: bool) -> str:
        """What stands before the first record."""
        ...

    def record(self, report: Report) -> Record | list[Problem]:
        """One tradeline, or why it cannot be sent."""
        ...

    def end(self, totals: Totals) -> str:
        """What stands after the last record. Errors: ``TotalTooWide``."""
        ...


class Faults:
    """Gathers what is wrong with one tradeline while its fields are looked at."""

    def __init__(self, report: Report) -> None:
        self._loan_no, self._person = report.line.loan_no, report.person.reference
        self.found: list[Problem] = []

    def __call__(self, field: str, rule: str) -> str:
        """Note a fault; an empty field stands in its place until the record is given up."""
        self.found.append(Problem(self._loan_no, self._person, field, rule))
        return ""

    def needed(self, field: str, value: str) -> str:
        """A value that must be there."""
        return value or self(field, "is missing")

    def fitting(self, field: str, value: str, width: int) -> str:
        """A value that must not be cut."""
        if len(value) > width:
            return self(field, f"{value!r} has more than the {width} characters of the format")
        return value

    def account(self, number: str, least: int, most: int, signs: re.Pattern[str]) -> str:
        """The loan's number as the bureau knows it for good: never cleaned, only checked."""
        if not least <= len(number) <= most or not signs.fullmatch(number):
            return self(
                "loan_no", f"{number!r} is not {least} to {most} of the format's characters"
            )
        return number

    def whole(self, field: str, amount: int, width: int) -> int:
        """An amount in whole units, half up, that fits. Below one but above zero it is one."""
        rounded = whole(amount)
        if not -(10**width) < rounded < 10**width:
            self(field, f"{rounded} has more than the {width} digits of the format")
        return rounded


def whole(minor: int, unit: int = 100) -> int:
    """Whole units of ``minor``, half away from zero; what is above zero never becomes zero."""
    if minor < 0:
        return -whole(-minor, unit)
    return max(1, (2 * minor + unit) // (2 * unit)) if minor else 0


def outcome(report: Report, *, member: bool) -> str:
    """The key in ``observations`` of what became of the loan, or "".

    ``member`` is whether who bought it is a member of the bureau too.
    """
    line, mark = report.line, report.mark
    if mark is not None and mark.startswith("fraud"):
        return mark
    if line.status == "written_off":
        return "written_off"
    if line.closed_for == "sold":
        sold = "sold_late" if line.days_past_due else "sold_current"
        return sold if member else f"{sold}_outside"
    if line.status == "closed":
        return f"closed_{line.closed_for}"
    if mark is not None:
        return mark
    if line.paused:
        return "paused"
    if line.restructured_on is not None:
        return "restructured_late" if line.days_past_due else "restructured_current"
    return ""


def sign_of(line: Tradeline) -> str:
    """The month's sign in a history: 0 to 6 by blocks of 30 days past due, E closed, L lost."""
    if line.status == "written_off" or line.closed_for in ("sold", "forgiven"):
        return "L"
    if line.status == "closed":
        return "E"
    return "0" if line.days_past_due < 30 else str(min(6, line.days_past_due // 30))


def history(report: Report, length: int) -> str:
    """The signs of the months before, latest first; D where a month was not reported, then B."""
    before = report.before
    if before is None:
        return "B" * length
    months = 12 * (report.line.on.year - before.on.year) + report.line.on.month - before.on.month
    return ("D" * (months - 1) + before.history)[:length].ljust(length, "B")


def next_before(report: Report, record: Record) -> Before:
    """What later months have to keep to, once this is sent."""
    told = history(report, 23).rstrip("B")
    return Before(
        on=report.line.on,
        rating=record.rating,
        balance=record.balance,
        past_due=record.past_due,
        closed=report.line.status == "closed",
        first_default_on=record.first_default_on,
        history=record.sign + told,
    )
