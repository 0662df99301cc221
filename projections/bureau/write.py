"""One file for one bureau and cut-off date: written whole or not at all, and kept as a draft."""

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

from msgspec import Struct
from psycopg import Cursor

from ledger.database import Pool
from projections.bureau import gather, kept
from projections.bureau.consumer import Consumers, Role
from projections.bureau.errors import BadCutOff, NothingToReport
from projections.bureau.formats.registry import format_of
from projections.bureau.kept import Key, Sort
from projections.bureau.lender import Lender
from projections.bureau.rejects import waiting
from projections.bureau.reported import Format, Problem, Record, Report, Totals
from projections.bureau.tradeline import Tradeline

DAY = timedelta(days=1)
Progress = Callable[[int, int], None]
Found = tuple[UUID, Tradeline, Role, Report | list[Problem]]


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


class Job(Struct, frozen=True, kw_only=True):
    """What file is wanted. ``lender_bytes`` is the lender file as it was read."""

    form: str
    cut_off: date
    today: date
    lender: Lender
    lender_bytes: bytes
    actor: str
    correction: bool = False


def write(
    pool: Pool, job: Job, consumers: Consumers, path: Path, progress: Progress | None = None
) -> Written:
    """Write the file; the same books and settings give the same bytes.

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
                position = stack.enter_context(gather.one_moment(reader))
                gather.check_current(reader, job.cut_off)
                since = kept.last_sent(cursor, form.bureau, job.cut_off)
                file = kept.begin(
                    cursor, form.bureau, job.form, job.cut_off, kind, position,
                    sha256(job.lender_bytes).digest(), job.actor,
                )  # fmt: skip
                pages = gather.tradelines(reader, form, job.cut_off, since)
                draft = _Draft(cursor, file, job, form, consumers)
                with part.open("w", encoding=form.encoding, newline="") as out:
                    totals = draft.written(pages, out, progress)
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
    """Takes pages of tradelines to records, and keeps them page by page: memory stays flat."""

    def __init__(
        self, cursor: Cursor[Any], file: int, job: Job, form: Format, consumers: Consumers
    ) -> None:
        self.cursor, self.file, self.job, self.form = cursor, file, job, form
        self.consumers = consumers
        self.unsendable = 0
        self.rejected = waiting(cursor, form.bureau) if job.correction else frozenset()

    def written(
        self, pages: Iterable[list[tuple[UUID, Tradeline]]], out: TextIO, progress: Progress | None
    ) -> Totals:
        """Every page; the totals of what is in the file. Errors: ``NothingToReport``."""
        totals = Totals()
        out.write(self.form.begin(self.job.cut_off, correction=self.job.correction))
        done = 0
        for page in pages:
            self._page(page, out, totals)
            done += len(page)
            if progress is not None:
                progress(done, done)
        if not totals.records:
            left = f": {self.unsendable} cannot be sent" if self.unsendable else ""
            raise NothingToReport(f"{self.job.cut_off} has no record to report{left}")
        out.write(self.form.end(totals))
        return totals

    def _page(self, page: list[tuple[UUID, Tradeline]], out: TextIO, totals: Totals) -> None:
        rows: list[tuple[UUID, Report, Record]] = []
        left_out: list[tuple[UUID, Tradeline, str, Problem]] = []
        for loan_id, line, role, found in self._reports(page):
            made = found if isinstance(found, list) else self.form.record(found)
            if isinstance(made, list) or isinstance(found, list):
                assert isinstance(made, list), made
                left_out += [(loan_id, line, role.value, problem) for problem in made]
                self.unsendable += 1
                continue
            out.write(totals.add(made))
            rows.append((loan_id, found, made))
        kept.keep(self.cursor, self.file, rows)
        kept.keep_unsendable(self.cursor, self.file, left_out)

    def _reports(self, page: list[tuple[UUID, Tradeline]]) -> Iterator[Found]:
        lender, job = self.job.lender, self.job
        parties = self._parties(page)
        people = self.consumers.known(sorted({who for _, _, held in parties for who, _ in held}))
        ids = [loan_id for loan_id, _ in page]
        told = kept.told(self.cursor, self.form.bureau, ids, job.cut_off)
        earlier = told
        if job.correction:
            earlier = kept.told(self.cursor, self.form.bureau, ids, job.cut_off - DAY)
        sent = self._sent(ids)
        for loan_id, line, held in parties:
            for reference, role in held:
                person, key = people.get(reference), (loan_id, reference)
                if person is None:
                    rule = "is not known" if reference else "is missing"
                    yield loan_id, line, role, [Problem(line.loan_no, reference, role.value, rule)]
                    continue
                if role is not Role.BORROWER and not self.form.reports_others:
                    continue  # told of within the borrower's record
                if job.correction and not self._changed(key, line, sent):
                    continue
                report = Report(
                    line=line, person=person, role=role, mark=lender.marks.get(line.loan_no),
                    beside=tuple((people[who], as_) for who, as_ in held[1:] if who in people),
                    before=earlier.get(key),
                    told_default_on=told[key].first_default_on if key in told else None,
                )  # fmt: skip
                yield loan_id, line, role, report

    def _parties(
        self, page: list[tuple[UUID, Tradeline]]
    ) -> list[tuple[UUID, Tradeline, list[tuple[str, Role]]]]:
        """Who answers for each loan, its borrower first: by its opening, and who joined it.

        Somebody in two roles is told of in the first.
        """
        joined = self.consumers.joined([line.loan_no for _, line in page], self.job.cut_off)
        found = []
        for loan_id, line in page:
            held = {line.borrower: Role.BORROWER}
            others = [(one, Role.GUARANTOR) for one in line.guarantors]
            for reference, role in (*others, *joined.get(line.loan_no, ())):
                held.setdefault(reference, role)
            found.append((loan_id, line, list(held.items())))
        return found

    def _sent(self, ids: list[UUID]) -> dict[Key, Tradeline]:
        if not self.job.correction:
            return {}
        return kept.facts(self.cursor, self.form.bureau, ids, self.job.cut_off)

    def _changed(self, key: Key, line: Tradeline, sent: dict[Key, Tradeline]) -> bool:
        """A correction has what was sent otherwise, not at all, or was rejected."""
        return key in self.rejected or sent.get(key) != line

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
