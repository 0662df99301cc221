"""One file for one bureau and cut-off date: written whole or not at all, and kept as a draft."""

import csv
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, TextIO

from msgspec import Struct
from psycopg import Cursor

from ledger.database import Pool
from projections.bureau import gather, kept
from projections.bureau.consumer import Consumers
from projections.bureau.desk import Desk, Hands, Job, Page, pages_by
from projections.bureau.errors import BadCutOff, NothingToReport
from projections.bureau.formats.registry import format_of
from projections.bureau.kept import Sort
from projections.bureau.reported import Format, Totals

ALONE = 5_000
"""Loans of a book that starting other processes would not pay for."""
REASONS = 3
"""Told where nothing at all can be sent."""
Progress = Callable[[int, int], None]
Told = Callable[[int], object]


class Written(Struct, frozen=True, kw_only=True):
    """What became of it. ``unsendable`` counts tradelines left out, each listed with its reason."""

    file: int
    bureau: str
    format: str
    cut_off: date
    kind: Sort
    records: int
    balance: int
    past_due: int
    unsendable: int
    unsendable_list: str
    sha256: str


def write(
    pool: Pool,
    job: Job,
    consumers: Consumers,
    path: Path,
    progress: Progress | None = None,
    hands: Hands | None = None,
) -> Written:
    """Write the file; the same books and settings give the same bytes, by how many ``hands`` ever.

    What cannot be sent is listed in ``path`` + ``.unsendable.csv``.
    Errors: the ``BureauError`` family; then there is no file and no draft.
    """
    form = format_of(job.form)(job.lender)
    if job.cut_off > job.today:
        raise BadCutOff(f"{job.cut_off} is after the business date {job.today}")
    kind: Sort = "correction" if job.correction else "full"
    part, listed = _beside(path, ".part"), _beside(path, ".unsendable.csv")
    try:
        with pool.connection() as reader, pool.connection() as writer, ExitStack() as stack:
            with reader.transaction():
                gather.check_closed(reader, job.cut_off)
            with writer.transaction(), writer.cursor() as cursor:
                kept.lock(cursor, form.bureau)  # before the moment: what was sent is seen in it
                position = stack.enter_context(gather.one_moment(reader))
                gather.check_current(reader, job.cut_off)
                since = kept.last_sent(cursor, form.bureau, job.cut_off)
                file = kept.begin(
                    cursor, form.bureau, job.form, job.cut_off, kind, position,
                    sha256(job.lender_bytes).digest(), job.actor,
                )  # fmt: skip
                whole = gather.most(reader, job.cut_off)
                loans = gather.loans(reader, form, job.cut_off, since)
                if hands is None or whole < ALONE:
                    pages: Iterable[Page] = map(Desk(reader, file, job, consumers).page, loans)
                else:
                    pages = pages_by(hands, reader, file, job, loans)
                draft = _Draft(cursor, file, job, form)
                with part.open("w", encoding=form.encoding, newline="") as out:
                    totals = draft.written(
                        pages, out, lambda done: progress and progress(done, whole)
                    )
                digest = _finished(form, part, totals)
                kept.finish(cursor, file, totals, digest)
                draft.list_problems(listed)
        part.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            part.unlink()
        raise
    return Written(
        file=file, bureau=form.bureau, format=job.form, cut_off=job.cut_off, kind=kind,
        records=totals.records, balance=totals.balance, past_due=totals.past_due,
        unsendable=draft.unsendable, unsendable_list=str(listed) if draft.unsendable else "",
        sha256=digest.hex(),
    )  # fmt: skip


class _Draft:
    """Writes and keeps page by page: memory stays flat."""

    def __init__(self, cursor: Cursor[Any], file: int, job: Job, form: Format) -> None:
        self.cursor, self.file, self.job, self.form = cursor, file, job, form
        self.unsendable = 0

    def written(self, pages: Iterable[Page], out: TextIO, progress: Told) -> Totals:
        """Every page; the totals of what is in the file. Errors: ``NothingToReport``."""
        totals = Totals()
        out.write(self.form.begin(self.job.cut_off, correction=self.job.correction))
        done = 0
        for page in pages:
            out.writelines(totals.add(record) for record in page.records)
            kept.keep(self.cursor, page.kept, page.left_out)
            self.unsendable += page.unsendable
            done += page.loans
            progress(done)
        if not totals.records:
            left = f": {self.unsendable} cannot be sent{self._why()}" if self.unsendable else ""
            raise NothingToReport(f"{self.job.cut_off} has no record to report{left}")
        out.write(self.form.end(totals))
        return totals

    def _why(self) -> str:
        """The commonest reasons, each with a loan: with no file there is no list of all."""
        rows = self.cursor.execute(
            "SELECT field, rule, count(*), min(loan_no) FROM bureau.unsendable WHERE file = %s"
            " GROUP BY field, rule ORDER BY count(*) DESC, field, rule LIMIT %s",
            [self.file, REASONS],
        )
        return "".join(
            f"; {count} times {field} {rule}, such as of {loan_no}"
            for field, rule, count, loan_no in rows
        )

    def list_problems(self, path: Path) -> None:
        """One line a fault, for whoever mends the loans' data; nothing where there is none."""
        with suppress(FileNotFoundError):
            path.unlink()
        if not self.unsendable:
            return
        part = _beside(path, ".part")
        with part.open("w", encoding="utf-8", newline="") as out:
            lines = csv.writer(out)
            lines.writerow(["loan_no", "person", "role", "field", "rule"])
            rows = self.cursor.execute(
                "SELECT loan_no, person, role, field, rule FROM bureau.unsendable WHERE file = %s"
                " ORDER BY loan_no, person, field, rule",
                [self.file],
            )
            lines.writerows(rows)
        part.replace(path)


def _finished(form: Format, part: Path, totals: Totals) -> bytes:
    """The digest of the file, once a format that repeats its totals in each row has them."""
    if form.second_pass is not None:
        again = _beside(part, ".again")
        with (
            part.open(encoding=form.encoding, newline="") as first,
            again.open("w", encoding=form.encoding, newline="") as second,
        ):
            for line in first:
                second.write(form.second_pass(line, totals))
        again.replace(part)
    digest = sha256()
    with part.open("rb") as made:
        while chunk := made.read(1 << 20):
            digest.update(chunk)
        os.fsync(made.fileno())
    return digest.digest()


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
