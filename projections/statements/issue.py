"""A month's statements for the whole book, in a folder: resumable, on every core."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from domain.events import LoanClosed
from domain.fold import replay
from domain.loan import Loan
from ledger import log
from ledger.database import connect
from ledger.settings import Settings
from projections.statements import records
from projections.statements import sheet as sheets
from projections.statements.account import Cut, Statement, statement
from projections.statements.documents import (
    Desk,
    account_statement,
    amortization_table,
    desk,
    no_debt_letter,
    payoff_letter,
    receipt,
)
from projections.statements.lender import lender
from projections.statements.period import (
    NothingToState,
    Period,
    PeriodNotClosed,
    PeriodNotOver,
    TemplateTooSlow,
)
from projections.statements.records import Cuts, Issue
from projections.statements.render import Form, Press, Setter, limited, template, version
from projections.statements.sheet import Letter, Party, Sheet

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


def issue(
    settings: Settings,
    period: Period,
    into: Path,
    *,
    today: date,
    formats: tuple[Form, ...] = ("pdf",),
    processes: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Write the statement of each loan on the books in ``period`` that has none yet.

    A file is ``LOAN-2026-03.pdf`` in ``into``. Loans of a run that was killed are done once, by
    the next run. A loan whose days are not closed is left, with the reason.
    Errors: ``PeriodNotOver``, ``TemplateError``, ``LenderError``.
    """
    if today <= period.ends_on:
        raise PeriodNotOver(period.ends_on, today)
    lender(settings.lender_file)
    into.mkdir(parents=True, exist_ok=True)
    with connect(settings, autocommit=True, application_name="cartera-statements") as connection:
        position = log.horizon(connection)
        loans = records.to_state(connection, period)
    task = Task(settings, period, position, into, formats, settings.template_seconds)
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
    _task, _setter = task, setter(task.settings)


def _issue(loans: Sequence[UUID]) -> Report:
    issues: list[Issue] = []
    left: list[Left] = []
    quiet = 0
    at = desk(lender(_task.settings.lender_file))
    with connect(_task.settings, autocommit=True) as connection:
        cuts = records.cuts(connection, loans, _task.period)
        for loan_id, history in ((one, log.facts(connection, one)) for one in loans):
            cut = Cut(_task.period.ends_on, _task.position)
            try:
                told = statement(
                    history, _task.period, cut, cuts[loan_id].before, cuts[loan_id].closed_through
                )
            except NothingToState:
                quiet += 1
                continue
            except PeriodNotClosed as open_days:
                left.append(Left(loan_id, open_days.code, str(open_days)))
                continue
            sheet = account_statement(at, told, history, party(told.loan))
            issues.append(_written(loan_id, told, sheet))
        records.keep(connection, issues)
    return Report(len(issues), quiet, left)


def _written(loan_id: UUID, told: Statement, sheet: Sheet) -> Issue:
    folder = _task.settings.templates_dir
    for form in _task.formats:
        with limited(_task.seconds):
            laid = _setter.lay_out(sheet, form)
        whole = _task.into / f"{file_name(sheet)}.{form}"
        part = whole.with_suffix(f".{form}.part")
        part.write_bytes(laid)
        part.rename(whole)
    ending = "typ" if "pdf" in _task.formats else "html"
    digest = hashlib.sha256(msgspec.json.encode(sheet)).hexdigest()
    return Issue(loan_id, told, version(template(sheet.kind, ending, folder)), digest)


def file_name(sheet: Sheet) -> str:
    """The sheet's name, without what a file's name may not have."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in sheet.name).lstrip(".")


def setter(settings: Settings) -> Setter:
    """What lays documents out with the lender's templates and logo."""
    return Setter(settings.templates_dir, _beside(settings))


def _beside(settings: Settings) -> Path | None:
    """Where the lender's logo is."""
    return settings.lender_file.parent if settings.lender_file else None


def party(loan: Loan) -> Party:
    """To whom: the reference, for the ledger of loans knows no names."""
    return Party(loan.opened.borrower or loan.loan_no)


class Told(NamedTuple):
    """One statement as figures and as a document."""

    statement: Statement
    sheet: Sheet


def one(settings: Settings, loan_no: str, period: Period, today: date) -> Told:
    """One loan's statement as it was issued, or as it would be issued now.

    Errors: ``UnknownLoan``, ``PeriodNotOver``, ``PeriodNotClosed``, ``NothingToState``.
    """
    if today <= period.ends_on:
        raise PeriodNotOver(period.ends_on, today)
    at: Desk = desk(lender(settings.lender_file))
    with closing(connect(settings, autocommit=True)) as connection:
        loan_id = records.loan_id(connection, loan_no)
        known: Cuts = records.cuts(connection, [loan_id], period)[loan_id]
        cut = known.issued or Cut(period.ends_on, log.horizon(connection))
        history = log.facts(connection, loan_id)
    told = statement(history, period, cut, known.before, known.closed_through)
    return Told(told, account_statement(at, told, history, party(told.loan)))


def letter(
    settings: Settings,
    loan_no: str,
    kind: Letter,
    today: date,
    *,
    on: date | None = None,
    payment: int | None = None,
) -> Sheet:
    """Another document of a loan.

    ``on`` is the day of a payoff or schedule (default: the business date), ``payment`` the number
    of a receipt's (default: the latest that stands).
    Errors: ``UnknownLoan``, ``UnknownPayment``, ``NothingOwedLetter``, and the domain's own.
    """
    at = desk(lender(settings.lender_file))
    with closing(connect(settings, autocommit=True)) as connection:
        history = log.facts(connection, records.loan_id(connection, loan_no))
    loan = replay(recorded.event for recorded in history)
    assert loan is not None, loan_no
    to = party(loan)
    match kind:
        case Letter.SCHEDULE:
            return amortization_table(at, loan, on or max(today, loan.through), to)
        case Letter.PAYOFF:
            return payoff_letter(at, loan, on or max(today, loan.through), to)
        case Letter.RECEIPT:
            standing = [n for n, paid in loan.payments.items() if paid.reversed_on is None]
            return receipt(at, loan, payment or max(standing, default=0), to)
        case Letter.NO_DEBT:
            closed = [
                recorded.event.effective_on
                for recorded in history
                if isinstance(recorded.event, LoanClosed)
            ]
            return no_debt_letter(at, loan, max(closed, default=today), to)


def laid_out(settings: Settings, sheet: Sheet, form: sheets.Form) -> bytes:
    """A sheet as a file, laid out in a process of its own.

    Errors: ``TemplateError``, ``TemplateTooSlow``.
    """
    if form is sheets.Form.JSON:
        return msgspec.json.encode(sheet)
    seconds = settings.template_seconds
    with Press(settings.templates_dir, _beside(settings), seconds=seconds) as press:
        return press.one(sheet, "html" if form is sheets.Form.HTML else "pdf")
