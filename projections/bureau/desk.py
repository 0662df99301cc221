"""A page of loans becomes records: in one process, or in several that see one moment."""

import csv
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from datetime import date, timedelta
from multiprocessing import get_context
from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg import Connection, IsolationLevel, sql

from ledger.database import connect
from ledger.settings import Settings
from projections.bureau import gather, kept
from projections.bureau.consumer import Consumers, Role
from projections.bureau.formats.registry import format_of
from projections.bureau.kept import Key
from projections.bureau.lender import Lender
from projections.bureau.rejects import waiting
from projections.bureau.reported import Problem, Record, Report
from projections.bureau.tradeline import Tradeline

DAY = timedelta(days=1)
Found = tuple[UUID, Tradeline, Role, Report | list[Problem]]
Loans = list[tuple[UUID, date | None]]
"""Loans, and when each closed."""
People = Callable[[], AbstractContextManager[Consumers]]
"""Opens what knows the borrowers, in any process."""


class Job(Struct, frozen=True, kw_only=True):
    """What file is wanted. ``lender_bytes`` is the lender file as it was read."""

    form: str
    cut_off: date
    today: date
    lender: Lender
    lender_bytes: bytes
    actor: str
    correction: bool = False


class Page(Struct, frozen=True, kw_only=True):
    """Some loans as records of the file; ``kept`` and ``left_out`` are CSV rows for the books."""

    loans: int
    records: list[Record]
    kept: bytes
    unsendable: int
    left_out: bytes


class Desk:
    """Takes loans to records, on a connection that reads one moment of the books."""

    def __init__(
        self, connection: Connection[Any], file: int, job: Job, consumers: Consumers
    ) -> None:
        self.connection, self.file, self.job, self.consumers = connection, file, job, consumers
        self.form = format_of(job.form)(job.lender)
        self.form.begin(job.cut_off, correction=job.correction)
        self.rejected: frozenset[Key] = frozenset()
        if job.correction:
            self.rejected = waiting(connection.cursor(), self.form.bureau)

    def page(self, loans: Loans) -> Page:
        """The records of some loans, in their order."""
        records: list[Record] = []
        rows: list[tuple[UUID, Report, Record]] = []
        left_out: list[tuple[UUID, Tradeline, str, Problem]] = []
        unsendable = 0
        for loan_id, line, role, found in self._reports(
            gather.folded(self.connection, loans, self.job.cut_off)
        ):
            made = found if isinstance(found, list) else self.form.record(found)
            if isinstance(made, list) or isinstance(found, list):
                assert isinstance(made, list), made
                left_out += [(loan_id, line, role.value, problem) for problem in made]
                unsendable += 1
                continue
            records.append(made)
            rows.append((loan_id, found, made))
        return Page(
            loans=len(loans),
            records=records,
            kept=_csv(kept.row(self.file, *one) for one in rows),
            unsendable=unsendable,
            left_out=_csv(kept.unsendable_row(self.file, *one) for one in left_out),
        )

    def _reports(self, page: list[tuple[UUID, Tradeline]]) -> Iterator[Found]:
        lender, job, cursor = self.job.lender, self.job, self.connection.cursor()
        parties = self._parties(page)
        people = self.consumers.known(sorted({who for _, _, held in parties for who, _ in held}))
        ids = [loan_id for loan_id, _ in page]
        told = kept.told(cursor, self.form.bureau, ids, job.cut_off)
        earlier, sent = told, dict[Key, Tradeline]()
        if job.correction:
            earlier = kept.told(cursor, self.form.bureau, ids, job.cut_off - DAY)
            sent = kept.facts(cursor, self.form.bureau, ids, job.cut_off)
        for loan_id, line, held in parties:
            for reference, role in held:
                person, key = people.get(reference), (loan_id, reference)
                if person is None:
                    rule = "is not known" if reference else "is missing"
                    yield loan_id, line, role, [Problem(line.loan_no, reference, role.value, rule)]
                    continue
                if role is not Role.BORROWER and not self.form.reports_others:
                    continue  # told of within the borrower's record
                if job.correction and key not in self.rejected and sent.get(key) == line:
                    continue  # a correction has what was sent otherwise, not at all, or rejected
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


def _csv(rows: Iterable[tuple[Any, ...]]) -> bytes:
    """As ``COPY ... (FORMAT csv)`` reads it; all are quoted: a bare empty field would be null."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue().encode()


class Hands(Struct, frozen=True, kw_only=True):
    """Processes that work beside this one, and how each of them knows the borrowers."""

    settings: Settings
    people: People
    processes: int


def pages_by(
    hands: Hands, reader: Connection[Any], file: int, job: Job, pages: Iterable[Loans]
) -> Iterator[Page]:
    """The pages in their order, a few ahead. ``reader``'s moment is what every process reads."""
    [[snapshot]] = reader.execute("SELECT pg_export_snapshot()").fetchall()
    with ProcessPoolExecutor(
        hands.processes, get_context("spawn"), _sit_down, (hands, snapshot, file, job)
    ) as pool:
        waiting_for: deque[Future[Page]] = deque()
        for loans in pages:
            waiting_for.append(pool.submit(_work, loans))
            if len(waiting_for) > 3 * hands.processes:
                yield waiting_for.popleft().result()
        while waiting_for:
            yield waiting_for.popleft().result()


_seat = ExitStack()
_desks: list[Desk] = []


def _sit_down(hands: Hands, snapshot: str, file: int, job: Job) -> None:
    """In a process of its own: open the connection, the people and the desk for all its pages."""
    connection = _seat.enter_context(connect(hands.settings))
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    _seat.enter_context(connection.transaction())
    connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
    people = _seat.enter_context(hands.people())
    _desks.append(Desk(connection, file, job, people))


def _work(loans: Loans) -> Page:
    return _desks[0].page(loans)
