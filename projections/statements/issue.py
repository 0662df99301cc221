"""A month's statements for the whole book, in a folder: resumable, on every core."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeAlias
from uuid import UUID

from msgspec.structs import replace

from ledger import log
from ledger.database import connect
from ledger.log import Recorded
from ledger.settings import Settings
from projections.statements import records
from projections.statements.account import Cut, Statement, statement
from projections.statements.addressee import Addressees, Nobody, Register, by_number, party
from projections.statements.documents import account_statement, desk
from projections.statements.lender import lender
from projections.statements.period import (
    NothingToState,
    Period,
    PeriodNotClosed,
    PeriodNotOver,
    TemplateTooSlow,
)
from projections.statements.records import Issue
from projections.statements.render import Form, Setter, beside, limited, template, version
from projections.statements.sheet import Sheet, digest, file_name

AT_ONCE = 50

Progress: TypeAlias = Callable[[int, int], None]


class Left(NamedTuple):
    """A loan without its statement, and why."""

    loan_id: UUID
    code: str
    reason: str


class Report(NamedTuple):
    """What a run made; ``quiet`` loans had nothing to state."""

    made: int
    quiet: int
    left: list[Left]


class Task(NamedTuple):
    """What the processes of a run have in common."""

    settings: Settings
    period: Period
    position: int
    into: Path
    formats: tuple[Form, ...]
    seconds: float
    register: Register | None


def issue(
    settings: Settings,
    period: Period,
    into: Path,
    *,
    today: date,
    formats: tuple[Form, ...] = ("pdf",),
    processes: int | None = None,
    progress: Progress | None = None,
    register: Register | None = None,
) -> Report:
    """Write the statement of each loan on the books in ``period`` that has none yet.

    A file is ``LOAN-2026-03.pdf`` in ``into``. Loans of a run that was killed are done once, by
    the next run. A loan whose days are not closed is left, with the reason. ``register`` has the
    borrowers' names; without it documents are addressed by number.
    Errors: ``PeriodNotOver``, ``TemplateError``, ``LenderError``.
    """
    if today <= period.ends_on:
        raise PeriodNotOver(period.ends_on, today)
    lender(settings.lender_file)
    into.mkdir(parents=True, exist_ok=True)
    with connect(settings, autocommit=True, application_name="cartera-statements") as connection:
        position = log.horizon(connection)
        loans = records.to_state(connection, period)
    task = Task(settings, period, position, into, formats, settings.template_seconds, register)
    made = quiet = done = 0
    left: list[Left] = []
    for some in _run(task, loans, processes or os.cpu_count() or 1):
        made, quiet, left = made + some.made, quiet + some.quiet, left + some.left
        done += some.made + some.quiet + len(some.left)
        if progress:
            progress(done, len(loans))
    return Report(made, quiet, left)


def _run(task: Task, loans: Sequence[UUID], processes: int) -> Iterator[Report]:
    chunks = [loans[at : at + AT_ONCE] for at in range(0, len(loans), AT_ONCE)]
    if not chunks:
        return
    workers = min(processes, len(chunks))
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (task,)) as pool:
        try:
            for done in as_completed([pool.submit(_issue, chunk) for chunk in chunks]):
                yield done.result()
        except BrokenProcessPool:
            raise TemplateTooSlow("statement.typ", task.seconds) from None
        finally:
            pool.shutdown(cancel_futures=True)


_task: Task
_setter: Setter


def _begin(task: Task) -> None:
    global _task, _setter  # one of each in a process of the run
    _task = task
    _setter = Setter(task.settings.templates_dir, beside(task.settings))


def _issue(loans: Sequence[UUID]) -> Report:
    at = desk(lender(_task.settings.lender_file))
    told, left = _told(loans)
    issues: list[Issue] = []
    with _register() as addressees, connect(_task.settings, autocommit=True) as connection:
        numbers = [one.statement.loan.opened.borrower for one in told]
        known = addressees.known(numbers, f"statement {_task.period.ends_on:%Y-%m}") if told else {}
        for one in told:
            loan = one.statement.loan
            sheet = account_statement(
                at, one.statement, one.history, by_number(loan), one.paid_with
            )
            addressed = replace(sheet, to=party(loan, known, at.words))
            issues.append(_written(one, sheet, addressed))
        records.keep(connection, issues)
    return Report(len(issues), len(loans) - len(told) - len(left), left)


class _Told(NamedTuple):
    """A statement that can be written, and what it is written from."""

    loan_id: UUID
    statement: Statement
    history: Sequence[Recorded]
    paid_with: Mapping[str, str]


def _told(loans: Sequence[UUID]) -> tuple[list[_Told], list[Left]]:
    """The statements of some loans; those with nothing to state are in neither list."""
    told: list[_Told] = []
    left: list[Left] = []
    cut = Cut(_task.period.ends_on, _task.position)
    with connect(_task.settings, autocommit=True) as connection:
        cuts = records.cuts(connection, loans, _task.period)
        for loan_id in loans:
            history, known = log.facts(connection, loan_id), cuts[loan_id]
            try:
                made = statement(history, _task.period, cut, known.before, known.closed_through)
            except NothingToState:
                continue
            except PeriodNotClosed as open_days:
                left.append(Left(loan_id, open_days.code, str(open_days)))
                continue
            told.append(_Told(loan_id, made, history, known.paid_with))
    return told, left


def _register() -> AbstractContextManager[Addressees]:
    return _task.register(_task.settings) if _task.register else nullcontext(Nobody())


def _written(one: _Told, sheet: Sheet, addressed: Sheet) -> Issue:
    """Writes the file with the name; what is remembered is the hash of the one without."""
    folder = _task.settings.templates_dir
    for form in _task.formats:
        with limited(_task.seconds):
            laid = _setter.lay_out(addressed, form)
        whole = _task.into / f"{file_name(sheet)}.{form}"
        part = whole.with_suffix(f".{form}.part")
        part.write_bytes(laid)
        part.rename(whole)
    ending = "typ" if "pdf" in _task.formats else "html"
    return Issue(
        one.loan_id, one.statement, version(template(sheet.kind, ending, folder)),
        digest(sheet), one.paid_with,
    )  # fmt: skip
