"""A bank's payment file: each line onto its loan once, or into suspense, or back with a reason.

A line that can be read is money in the bank, so it is applied or waits in `ledger.suspense`; one
that cannot be read is rejected. The bank's transaction id is the line's identity for ever.
Columns: `docs/guides/payment_file.md`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from domain.errors import LoanError
from ledger.application import Ledger
from ledger.bank_line import COLUMNS, REQUIRED, BankLine
from ledger.csv_lines import CsvLines, Line, Lines, Reject, RejectFile, reject_path
from ledger.database import connect
from ledger.forms import FormError
from ledger.money import text
from ledger.orders import Cause
from ledger.payment_clerks import AT_WORK, Clerks, clerks_for
from ledger.payment_landing import Landed, Landing, rejected

BATCH = 2_000
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
ONE_AT_A_TIME = 8400000002  # advisory lock: two imports could part one line between them

Progress: TypeAlias = Callable[[int, int], None]


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
    batch: int = BATCH,
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
        return land(ledger, lines, path, BankLine.of, cause, rejects, days, progress, batch)


def land(
    ledger: Ledger,
    lines: Lines,
    path: Path,
    read: Callable[[Line], BankLine],
    cause: Cause,
    rejects: Path | None = None,
    days: tuple[date, date] = (date.min, date.max),
    progress: Progress | None = None,
    batch: int = BATCH,
) -> PaymentReport:
    """Bring each of ``lines``, as ``read`` understands it, to its loan, into suspense, or back."""
    with (
        closing(connect(ledger.settings, autocommit=True)) as turn,
        RejectFile(reject_path(path, rejects)) as refused,
    ):
        turn.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME])
        turn.execute("SELECT pg_advisory_lock(%s)", [AT_WORK])  # of one that was killed
        turn.execute("SELECT pg_advisory_unlock(%s)", [AT_WORK])
        job = _Import(ledger, read)
        landing = Landing(ledger, path.name, cause)
        count = clerks_for(ledger, lines.size)
        with Clerks(landing, count) as clerks:
            for results in clerks.landed(job.batches(lines, days, batch * max(count, 1))):
                for result in results:
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

    def __init__(self, ledger: Ledger, read: Callable[[Line], BankLine]) -> None:
        self.ledger = ledger
        self.line_of = read
        self.report = PaymentReport()
        self.seen: dict[str, tuple[int, int]] = {}
        self.sums: dict[str, dict[str, int]] = {}

    def batches(
        self, lines: Lines, days: tuple[date, date], size: int
    ) -> Iterator[Sequence[BankLine | Reject]]:
        """The lines as understood, so many at a time."""
        read = self._read(lines, days)
        while batch := list(islice(read, size)):
            yield batch

    def _read(self, lines: Lines, days: tuple[date, date]) -> Iterator[BankLine | Reject]:
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
            return rejected(line, error)
        return found

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
