"""A loan tape: the portfolio of another system, one loan a line, taken into the ledger.

A line with a balance is a loan already running, taken on as of a date; one without is a new loan,
opened and disbursed. Columns: `docs/guides/loan_tape.md`.
"""

from collections.abc import Callable, Iterator
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from domain.borrower.person import Person
from domain.errors import LoanError
from ledger.application import Ledger
from ledger.borrowers.columns import People
from ledger.borrowers.errors import DuplicatePerson
from ledger.borrowers.file import same
from ledger.borrowers.registry import Registry
from ledger.csv_lines import CsvLines, Line, Reject, RejectFile, reject_path
from ledger.errors import DuplicateLoanNumber, KeyReused, NotStorable
from ledger.forms import FormError, rule_of
from ledger.lending_club import LendingClub
from ledger.money import text
from ledger.orders import Cause, Receipt
from ledger.spread import spread
from ledger.tape_format import Cartera
from ledger.tape_loan import TapeLoan

Progress = Callable[[int, int], None]
Format = Literal["cartera", "lending-club"]


class TapeReport(Struct, kw_only=True):
    """What an import came to. ``principal`` sums what the good lines owe, by currency."""

    lines: int = 0
    taken_on: int = 0
    opened: int = 0
    repeated: int = 0
    rejected: int = 0
    rejects: str | None = None
    ignored_columns: list[str] = []
    principal: dict[str, str] = {}
    checks: dict[str, dict[str, Any]] = {}


def import_loans(
    ledger: Ledger,
    path: Path,
    *,
    form: Format = "cartera",
    as_of: date | None = None,
    rejects: Path | None = None,
    encoding: str = "utf-8",
    actor: str = "operator",
    progress: Progress | None = None,
) -> TapeReport:
    """Take every good line of the tape at ``path`` into the ledger, once.

    ``as_of`` dates the balances of lines that name no date. Bad lines go to ``rejects`` (beside
    the input by default). A line that is in the ledger already adds nothing; one whose content
    changed since is rejected.
    Errors: ``FormError`` where the file as a whole cannot be read, ``OSError``.
    """
    reader: Cartera | LendingClub
    reader = LendingClub(as_of) if form == "lending-club" else Cartera(as_of)
    columns, required = reader.columns, reader.required
    ledger.store.make_room()
    with (
        CsvLines(path, columns, required, encoding) as lines,
        RejectFile(reject_path(path, rejects)) as refused,
    ):
        job = _Import(ledger, reader, Cause(actor, "loan-tape"))
        for found, result in spread(job.prepared(lines), job.land):
            job.count(found, result, refused)
            if progress is not None:
                progress(lines.read_bytes, lines.size)
        report = job.report
        report.ignored_columns = lines.ignored
    report.rejected, report.rejects = refused.count, refused.written
    report.principal = {money: text(total, money) for money, total in job.owed.items()}
    report.checks = reader.checks() if isinstance(reader, LendingClub) else {}
    return report


class Taken(Struct, frozen=True):
    """A line that could be read: its loan, and the borrower's data where it has some."""

    line: Line
    loan: TapeLoan
    person: Person | None


class _Import:
    """One run over one file."""

    def __init__(self, ledger: Ledger, reader: Cartera | LendingClub, cause: Cause) -> None:
        self.ledger = ledger
        self.reader = reader
        self.people = People()
        self.cause = cause
        self.report = TapeReport()
        self.seen: dict[str, int] = {}
        self.owed: dict[str, int] = {}

    @cached_property
    def registry(self) -> Registry:
        """Where people go: only a tape that brings some needs a master key."""
        return Registry(self.ledger)

    def prepared(self, lines: CsvLines) -> Iterator[tuple[str, Taken | Reject]]:
        """Each line as a loan or a reject, under the loan number that it must wait its turn by."""
        for line in lines:
            found = line if isinstance(line, Reject) else self._read(line)
            yield (found.loan.loan_no if isinstance(found, Taken) else ""), found

    def _read(self, line: Line) -> Taken | Reject:
        try:
            loan = self.reader.loan(line.cells)
            person = self.reader.person(line.cells)
            if person is not None:
                self.people.told_alike(loan.borrower, person, line.number)
                self.people.told_apart(loan.borrower, person, line.number)
            first = self.seen.setdefault(loan.loan_no, line.number)
            if first != line.number:
                raise FormError("loan_no", f"{loan.loan_no} stands already on line {first}")
        except FormError as error:
            return Reject(line.number, error.field, error.rule, line.original)
        return Taken(line, loan, person)

    def land(self, found: Taken | Reject) -> Receipt | Reject:
        """The loan in the ledger, or why not. Called by several threads."""
        if isinstance(found, Reject):
            return found
        line, loan = found.line, found.loan
        try:
            self.ledger.check_date(loan.disbursed_on, "disbursed_on")
            if loan.running is not None:
                self.ledger.check_date(loan.running.as_of, "as_of")
            if found.person is not None:
                self._introduce(loan, found.person)
            body = {"command": "import-loan", **msgspec.to_builtins(loan)}
            cause = msgspec.structs.replace(self.cause, idempotency_key=f"tape:{loan.loan_no}")
            return self.ledger.begin(loan.events, body, cause)
        except LoanError as error:
            field, rule = rule_of(error, loan.terms.currency)
            return Reject(line.number, field, rule, line.original)
        except KeyReused:
            rule = f"{loan.loan_no} was imported before with other content; a tape never changes it"
            return Reject(line.number, "loan_no", rule, line.original)
        except FormError as error:
            return Reject(line.number, error.field, error.rule, line.original)
        except (DuplicateLoanNumber, DuplicatePerson, NotStorable) as error:
            return Reject(line.number, error.field, str(error), line.original)

    def _introduce(self, loan: TapeLoan, person: Person) -> None:
        """Register the borrower. A tape changes no person, as it changes no loan.

        Errors: ``FormError``, the ``BorrowerError`` family, ``DuplicatePerson``.
        """
        since = loan.running.as_of if loan.running else loan.disbursed_on
        if not same(self.registry, loan.borrower, person, since, self.cause):
            rule = f"{loan.borrower} is known with other data; a tape never changes a person"
            raise FormError("borrower", rule)

    def count(
        self,
        found: Taken | Reject,
        result: Receipt | Reject,
        refused: RejectFile,
    ) -> None:
        report = self.report
        report.lines += 1
        if isinstance(found, Reject) or isinstance(result, Reject):
            assert isinstance(result, Reject), "a line that was not read cannot have landed"
            refused.add(result)
            return
        loan = found.loan
        if result.repeated:
            report.repeated += 1
        elif loan.running is not None:
            report.taken_on += 1
        else:
            report.opened += 1
        owes = loan.terms.principal if loan.running is None else loan.running.principal
        currency = loan.terms.currency
        self.owed[currency] = self.owed.get(currency, 0) + owes
