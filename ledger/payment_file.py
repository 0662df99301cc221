"""A bank's payment file: each line onto its loan once, or into suspense, or back with a reason.

A line that can be read is money in the bank, so it is applied or waits in `ledger.suspense`; one
that cannot be read is rejected. The bank's transaction id is the line's identity for ever.
Columns: `docs/guides/payment_file.md`.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from moneyed import Money
from msgspec import Struct

from domain import commands
from domain.errors import LoanError
from domain.events import AnyLoanEvent
from domain.loan import Loan, Status
from ledger.application import Ledger
from ledger.bank_line import COLUMNS, REQUIRED, BankLine, reference_key
from ledger.csv_lines import CsvLines, Line, Reject, RejectFile, reject_path
from ledger.database import connect
from ledger.errors import KeyReused, WrongCurrency
from ledger.forms import FormError, rule_of
from ledger.money import minor, money, parse, text
from ledger.orders import Cause
from ledger.references import Match, matches
from ledger.spread import spread
from ledger.suspense import Suspended, suspend, suspended
from ledger.units import paid_in

BATCH = 500
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
ONE_AT_A_TIME = 8400000002  # advisory lock: two imports could part one line between them

Progress: TypeAlias = Callable[[int, int], None]


class Task(Struct, frozen=True):
    """A readable line, and the loans that its reference may mean."""

    line: BankLine
    matches: tuple[Match, ...]


class PaymentReport(Struct, kw_only=True):
    """What an import came to; ``amounts`` by outcome and currency, to set against the bank's.

    ``later``: lines outside the days asked for. ``repeated``: lines of an earlier import.
    """

    lines: int = 0
    applied: int = 0
    recovered: int = 0
    suspended: int = 0
    repeated: int = 0
    rejected: int = 0
    later: int = 0
    rejects: str | None = None
    ignored_columns: list[str] = []
    amounts: dict[str, dict[str, str]] = {}


class Landed(Struct, frozen=True):
    """Where one line went."""

    outcome: str
    amount: int
    currency: str


def import_payments(
    ledger: Ledger,
    path: Path,
    *,
    progress: Progress | None = None,
    rejects: Path | None = None,
    since: date | None = None,
    through: date | None = None,
    encoding: str = "utf-8",
    actor: str = "operator",
) -> PaymentReport:
    """Bring every good line of the file at ``path`` to its loan, once.

    Killed at any instant, the next run goes on where it stopped. ``since`` and ``through`` keep
    to lines of those days. Only one import runs at a time; another waits for its end.
    Errors: ``FormError`` where the file as a whole cannot be read, ``OSError``.
    """
    with CsvLines(path, COLUMNS, REQUIRED, encoding) as lines:
        ledger.store.make_room()
        days = (since or date.min, through or date.max)
        cause = Cause(actor, "payment-file")
        return land(ledger, lines, path, BankLine.of, cause, rejects, days, progress)


def land(
    ledger: Ledger,
    lines: CsvLines,
    path: Path,
    read: Callable[[Line], BankLine],
    cause: Cause,
    rejects: Path | None = None,
    days: tuple[date, date] = (date.min, date.max),
    progress: Progress | None = None,
) -> PaymentReport:
    """Bring each of ``lines``, as ``read`` understands it, to its loan, into suspense, or back."""
    with (
        closing(connect(ledger.settings, autocommit=True)) as turn,
        RejectFile(reject_path(path, rejects)) as refused,
    ):
        turn.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME])
        job = _Import(ledger, path.name, cause, read)
        for _, result in spread(job.prepared(lines, days), job.land):
            job.count(result, refused)
            if progress is not None:
                progress(lines.read_bytes, lines.size)
        report = job.report
        report.ignored_columns = lines.ignored
    report.rejected, report.rejects = refused.count, refused.written
    report.lines += report.later
    report.amounts = {
        outcome: {currency: text(sum_, currency) for currency, sum_ in sums.items()}
        for outcome, sums in job.sums.items()
    }
    return report


class _Import:
    """One run over one file."""

    def __init__(
        self, ledger: Ledger, source: str, cause: Cause, read: Callable[[Line], BankLine]
    ) -> None:
        self.ledger = ledger
        self.line_of = read
        self.source = source
        self.cause = cause
        self.report = PaymentReport()
        self.seen: dict[str, tuple[int, int]] = {}
        self.sums: dict[str, dict[str, int]] = {}

    def prepared(
        self, lines: CsvLines, days: tuple[date, date]
    ) -> Iterator[tuple[str, Task | Reject]]:
        """Each line with the loans it may mean, under the loan that it must wait its turn by."""
        read = self._read(lines, days)
        while batch := list(islice(read, BATCH)):
            references = [line.reference for line in batch if isinstance(line, BankLine)]
            found = matches(self.ledger.store, references)
            for line in batch:
                if isinstance(line, Reject):
                    yield "", line
                    continue
                task = Task(line, found.get(reference_key(line.reference), ()))
                yield (str(task.matches[0].loan_id) if task.matches else line.key), task

    def _read(self, lines: CsvLines, days: tuple[date, date]) -> Iterator[BankLine | Reject]:
        first, last = str(days[0]), str(days[1])
        for line in lines:
            if isinstance(line, Line) and not first <= _iso_day(line, first) <= last:
                self.report.later += 1
                continue
            yield line if isinstance(line, Reject) else self._bank_line(line)

    def _bank_line(self, line: Line) -> BankLine | Reject:
        try:
            found = self.line_of(line)
            content = hash(tuple(found.content().items()))
            first, same = self.seen.setdefault(found.key, (line.number, content))
            if content != same:
                rule = f"{found.transaction_id} stands with other content on line {first}"
                raise FormError("transaction_id", rule)
            self.ledger.check_date(found.paid_on, found.dated_by)
        except (FormError, LoanError) as error:
            return _reject(line, error)
        return found

    def land(self, found: Task | Reject) -> Landed | Reject:
        """Where the line went. Called by several threads, one loan's lines in order."""
        if isinstance(found, Reject):
            return found
        line, currency = found.line, self._currency(found)
        try:
            amount = minor(parse(line.amount, currency, "amount"))
            if amount <= 0:
                raise FormError("amount", f"{line.amount} must be more than zero")
            if (before := suspended(self.ledger.store, line.key)) is not None:
                return self._waits_already(line, before, amount)
            return self._apply(found, amount, currency)
        except FormError as error:
            return _reject(line, error)
        except KeyReused:
            rule = f"{line.transaction_id} was imported before with other content"
            return _reject(line, FormError(line.known_by, rule))

    def _currency(self, found: Task) -> str:
        if found.line.currency:
            return found.line.currency
        if found.matches:
            return paid_in(found.matches[0].currency)
        return self.ledger.settings.currency

    def _apply(self, found: Task, amount: int, currency: str) -> Landed:
        line = found.line
        if len(found.matches) != 1:
            told = "means more than one loan" if found.matches else "is no loan's number"
            code = "ambiguous-reference" if found.matches else "unknown-reference"
            return self._suspend(line, amount, currency, code, f"{line.reference!r} {told}")
        loan = found.matches[0]
        if currency not in (loan.currency, paid_in(loan.currency)):
            return self._suspend(
                line, amount, currency, WrongCurrency("amount", currency, loan.currency).code,
                f"the line is in {currency}, the loan in {loan.currency}",
            )  # fmt: skip
        cause = msgspec.structs.replace(self.cause, idempotency_key=line.key)
        body = {"command": f"{line.source}-payment", **line.content()}
        taking = _taking(self.ledger, line, money(amount, currency))
        try:
            receipt = self.ledger.execute(loan.loan_id, taking, body, cause, line.paid_on)
        except LoanError as error:
            _, rule = rule_of(error, loan.currency)
            return self._suspend(line, amount, currency, error.code, rule)
        recovered = "recovery-received" in receipt.events
        outcome = "repeated" if receipt.repeated else "recovered" if recovered else "applied"
        return Landed(outcome, amount, currency)

    def _suspend(
        self, line: BankLine, amount: int, currency: str, code: str, reason: str
    ) -> Landed:
        if _applied(self.ledger, line.key):  # in an earlier run, to a loan it named then
            raise KeyReused(line.key)
        waiting = Suspended(
            line_key=line.key,
            source=self.source,
            line=line.number,
            paid_on=line.paid_on,
            amount=amount,
            currency=currency,
            reference=line.reference,
            channel=line.channel,
            code=code,
            reason=reason,
        )
        suspend(self.ledger.store, waiting, line.content())
        return Landed("suspended", amount, currency)

    def _waits_already(self, line: BankLine, before: Suspended, amount: int) -> Landed:
        same = (before.paid_on, before.amount, before.reference, before.channel)
        if same != (line.paid_on, amount, line.reference, line.channel):
            raise KeyReused(line.key)
        return Landed("repeated", amount, before.currency)

    def count(self, result: Landed | Reject, refused: RejectFile) -> None:
        self.report.lines += 1
        if isinstance(result, Reject):
            refused.add(result)
            return
        setattr(self.report, result.outcome, getattr(self.report, result.outcome) + 1)
        sums = self.sums.setdefault(result.outcome, {})
        sums[result.currency] = sums.get(result.currency, 0) + result.amount


def _iso_day(line: Line, otherwise: str) -> str:
    """The date as written, which sorts as it reads; what is no date is for the reader to refuse."""
    cell = line.cells.get("date", otherwise)
    return cell if ISO_DAY.fullmatch(cell) else otherwise


def _taking(
    ledger: Ledger, line: BankLine, paid: Money
) -> Callable[[Loan], tuple[AnyLoanEvent, ...]]:
    """Money on a written-off loan is a recovery; on any other a payment."""

    def decide(loan: Loan) -> tuple[AnyLoanEvent, ...]:
        amount, reference = ledger.tendered(loan, paid, line.paid_on, line.note or line.reference)
        given: dict[str, Any] = {
            "amount": amount,
            "effective_on": line.paid_on,
            "channel": line.channel,
            "reference": reference,
        }
        if loan.status is Status.WRITTEN_OFF:
            return commands.receive_recovery(loan, **given)
        return commands.receive_payment(loan, **given)

    return decide


def _applied(ledger: Ledger, key: str) -> bool:
    found = ledger.store.run(
        lambda connection: connection.execute(
            "SELECT 1 FROM ledger.commands WHERE idempotency_key = %s", [key]
        ).fetchone()
    )
    return found is not None


def _reject(line: Line | BankLine, error: FormError | LoanError) -> Reject:
    rule = error.rule if isinstance(error, FormError) else str(error)
    return Reject(line.number, error.field, rule, line.original)
