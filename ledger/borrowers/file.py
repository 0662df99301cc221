"""Borrowers from a CSV file: each line registers a person, or changes what is otherwise.

A line that says what is known already adds nothing. Only what a line fills in is changed: an empty
cell says nothing about the person. Columns: `docs/guides/borrowers.md`.
"""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from domain.borrower import borrower as borrowers
from domain.borrower.errors import NothingChanged
from domain.borrower.person import Person
from domain.errors import LoanError
from ledger.application import Ledger
from ledger.borrowers.columns import PERSON_COLUMNS, People, column_of, person_on
from ledger.borrowers.errors import DuplicateBorrower
from ledger.borrowers.forms import person_form
from ledger.borrowers.registry import BorrowerReceipt, Registry
from ledger.csv_lines import CsvLines, Line, Reject, RejectFile, reject_path
from ledger.errors import LedgerError
from ledger.fields import Fields
from ledger.money import FormError
from ledger.orders import Cause
from ledger.spread import spread

COLUMNS: dict[str, tuple[str, ...]] = {
    "borrower_no": ("borrower", "borrower ref", "client", "acreditado", "cliente", "clave cliente"),
    **PERSON_COLUMNS,
}
REQUIRED = ("borrower_no",)
CHANNEL = "borrower-file"

Progress: TypeAlias = Callable[[int, int], None]


class BorrowerReport(Struct, kw_only=True):
    """What an import came to. ``doubtful``: taken, with a warning."""

    lines: int = 0
    registered: int = 0
    changed: int = 0
    unchanged: int = 0
    doubtful: int = 0
    rejected: int = 0
    rejects: str | None = None
    ignored_columns: list[str] = []


def import_borrowers(
    ledger: Ledger,
    path: Path,
    *,
    on: date | None = None,
    rejects: Path | None = None,
    encoding: str = "utf-8",
    actor: str = "operator",
    progress: Progress | None = None,
) -> BorrowerReport:
    """Register every person of the file at ``path``, or change what is otherwise since ``on``.

    Errors: ``FormError`` where the file as a whole cannot be read, those of the vault, ``OSError``.
    """
    day = on or ledger.clock.business_date()
    ledger.check_date(day, "on")
    registry, cause = Registry(ledger), Cause(actor, CHANNEL)
    report = BorrowerReport()
    with (
        CsvLines(path, COLUMNS, REQUIRED, encoding) as lines,
        RejectFile(reject_path(path, rejects)) as refused,
    ):
        read = _read(lines, ledger.settings.currency)
        for _, result in spread(read, lambda one: _land(registry, one, day, cause)):
            report.lines += 1
            if isinstance(result, Reject):
                refused.add(result)
            elif result is None:
                report.unchanged += 1
            else:
                report.registered += "borrower-registered" in result.events
                report.changed += "borrower-changed" in result.events
                report.doubtful += bool(result.warnings)
            if progress is not None:
                progress(lines.read_bytes, lines.size)
        report.ignored_columns = lines.ignored
    report.rejected, report.rejects = refused.count, refused.written
    return report


class Told(Struct, frozen=True):
    """A line that could be read."""

    line: Line
    number: str
    person: Person


def _read(lines: CsvLines, currency: str) -> Iterator[tuple[str, Told | Reject]]:
    """Each line as a person or a reject, under the number that it must wait its turn by."""
    people = People()
    for line in lines:
        found = line if isinstance(line, Reject) else _person(line, people, currency)
        yield (found.number if isinstance(found, Told) else ""), found


def _person(line: Line, people: People, currency: str) -> Told | Reject:
    try:
        fields = Fields({name: cell for name, cell in line.cells.items() if cell})
        number, person = fields.text("borrower_no"), person_on(line.cells, currency)
        if person is None:
            raise FormError("first_name", "is missing")
        people.told_apart(number, person, line.number)
    except FormError as error:
        return Reject(line.number, error.field, error.rule, line.original)
    return Told(line, number, person)


def _land(
    registry: Registry, told: Told | Reject, on: date, cause: Cause
) -> BorrowerReceipt | Reject | None:
    if isinstance(told, Reject):
        return told
    try:
        return settled(registry, told.number, told.person, on, cause)
    except (FormError, LoanError, LedgerError) as error:
        rule = error.rule if isinstance(error, FormError) else str(error)
        return Reject(told.line.number, column_of(error.field), rule, told.line.original)


def settled(
    registry: Registry, number: str, person: Person, on: date, cause: Cause
) -> BorrowerReceipt | None:
    """The person as told, registered or changed; None where all of it was known."""
    try:
        return registry.register(number, person, on=on, cause=cause)
    except DuplicateBorrower:
        pass
    told = {name: value for name, value in person_form(person).items() if value}
    try:
        return registry.change(number, told, on=on, cause=cause)
    except NothingChanged:
        return None


def same(registry: Registry, number: str, person: Person, on: date, cause: Cause) -> bool:
    """Register the person, unless he is known; False where he is known otherwise.

    For a tape: it brings people in with their loans and never changes one.
    """
    try:
        registry.register(number, person, on=on, cause=cause)
    except DuplicateBorrower:
        known = registry.known(number)
        told = {name: getattr(person, name) for name in person_form(person)}
        return not borrowers.differing(known.person, replace(known.person, **told))
    return True
