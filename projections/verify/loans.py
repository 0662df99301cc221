"""Loan by loan: does its replay equal its balances, instalments, header and state row?"""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection, Cursor
from psycopg.rows import namedtuple_row

from domain.closing import close_day
from domain.events import Instalment
from domain.falls_due import falls_due
from domain.loan import Line, Loan, Status
from domain.quiet import Quiet, quiet
from domain.refit import row_of
from ledger.log import load_many
from projections.movements import COMPONENTS
from projections.verify.finding import Finding

PAGE = 1_000


def check(connection: Connection[Any], progress: Callable[[int], None]) -> Iterator[Finding]:
    """Every loan, a page at a time."""
    places = dict(connection.execute("SELECT projection, position FROM read.positions").fetchall())
    after, done = UUID(int=0), 0
    while page := _page(connection, after):
        ids = [loan_id for loan_id, _ in page]
        loans = yield from _replayed(connection, ids)
        state = _rows(connection, "ledger.loan_state", ids)
        balances = _rows(connection, "read.balances", ids)
        headers = _rows(connection, "read.loans", ids)
        instalments = _instalments(connection, ids)
        for loan_id, last in page:
            loan = loans.get(loan_id)
            if loan is None:
                continue
            yield from _state(loan_id, loan, state.get(loan_id))
            if last <= places.get("balances", 0):
                yield from _balances(loan_id, loan, last, balances.get(loan_id))
            if last <= places.get("loans", 0):
                yield from _header(loan_id, loan, headers.get(loan_id))
                yield from _schedule(loan_id, loan, instalments.get(loan_id, []))
        after, done = ids[-1], done + len(ids)
        progress(done)


def _replayed(
    connection: Connection[Any], ids: Sequence[UUID]
) -> Generator[Finding, None, dict[UUID, Loan]]:
    """The loans at once; where one cannot be replayed, one by one, and that one is told."""
    try:
        return load_many(connection, ids)
    except psycopg.Error:
        raise
    except Exception as broken:  # noqa: BLE001  a history that was cut may fail anywhere
        if len(ids) == 1:
            message = f"the history cannot be replayed: {type(broken).__name__} {broken}"
            yield Finding("log", message, ids[0])
            return {}
    found: dict[UUID, Loan] = {}
    for loan_id in ids:
        found |= yield from _replayed(connection, [loan_id])
    return found


def _page(connection: Connection[Any], after: UUID) -> list[tuple[UUID, int]]:
    """The next loans and the position of each one's last event."""
    return connection.execute(
        "SELECT first.loan_id, (SELECT max(position) FROM ledger.events AS any_of"
        "                       WHERE any_of.loan_id = first.loan_id)"
        " FROM ledger.events AS first WHERE first.version = 1 AND first.loan_id > %s"
        " ORDER BY first.loan_id LIMIT %s",
        [after, PAGE],
    ).fetchall()


def _rows(connection: Connection[Any], table: str, ids: Sequence[UUID]) -> dict[UUID, Any]:
    cursor: Cursor[Any] = connection.cursor(row_factory=namedtuple_row)
    query = f"SELECT * FROM {table} WHERE loan_id = ANY(%s)"
    return {row.loan_id: row for row in cursor.execute(query, [ids])}


def _instalments(connection: Connection[Any], ids: Sequence[UUID]) -> dict[UUID, list[Any]]:
    cursor: Cursor[Any] = connection.cursor(row_factory=namedtuple_row)
    query = "SELECT * FROM read.schedule WHERE loan_id = ANY(%s) ORDER BY loan_id, instalment"
    found: dict[UUID, list[Any]] = {}
    for row in cursor.execute(query, [ids]):
        found.setdefault(row.loan_id, []).append(row)
    return found


def _differ(
    check: str, loan_id: UUID, expected: dict[str, Any], row: Any, position: int | None = None
) -> Iterator[Finding]:
    if row is None:
        yield Finding(check, "the loan has no row", loan_id, position)
        return
    kept = {name: getattr(row, name) for name in expected}
    wrong = [f"{name} {kept[name]}, replayed {value}"
             for name, value in expected.items() if kept[name] != value]  # fmt: skip
    if wrong:
        yield Finding(check, "; ".join(wrong), loan_id, position)


def _owed(loan: Loan) -> dict[str, int]:
    owed = loan.balances()
    return {name: getattr(owed, name) for name in COMPONENTS}


def _state(loan_id: UUID, loan: Loan, row: Any) -> Iterator[Finding]:
    running = loan.lines[loan.current] if loan.current < len(loan.lines) else None
    expected = {
        "loan_no": loan.loan_no,
        "group_no": loan.opened.group,
        "numerator": running.numerator if running else 0,
        "period_start_on": running.start_on if running else None,
        "version": loan.version,
        "status": loan.status.value,
        "currency": loan.terms.currency,
        "stage": loan.stage,
        "overpaid": loan.overpaid,
        "prepaid": loan.prepaid,
        "accrued_through": loan.through,
        "oldest_unpaid_due_on": loan.oldest_unpaid_due_on,
        "next_due_on": loan.next_due_on,
        **_owed(loan),
        **_running(loan, row),
    }
    yield from _differ("state row", loan_id, expected, row)
    closed = getattr(row, "closed_through", None)
    open_loan = loan.status is not Status.CLOSED
    if open_loan and closed and closed > loan.through and close_day(loan, on=closed):
        message = f"closed through {closed}, replayed only through {loan.through}"
        yield Finding("state row", message, loan_id)


def _running(loan: Loan, row: Any) -> dict[str, Any]:
    """What the close counts quiet days from; a row without it has the loan itself asked."""
    if getattr(row, "quiet_until", None) is None:
        return {}
    if (kept := quiet(loan)) is None:
        return {"quiet_until": None}
    late = [line.numerator for line in kept.late] or None
    return {
        "quiet_until": kept.until, "runs": kept.runs, "accruing": kept.instalment,
        "bears": kept.bears, "rate": kept.rate, "begins_on": kept.begins_on,
        "ends_on": kept.ends_on, "exact": kept.exact, "late_numerators": late,
        **_falling(loan, kept, row),
    }  # fmt: skip


def _falling(loan: Loan, kept: Quiet, row: Any) -> dict[str, Any]:
    """What falls due after the quiet days; the close forgets it, an append tells it again."""
    due = falls_due(loan, kept)
    return {"falls_due": due.figures if due else None} if row.falls_due else {}


def _balances(loan_id: UUID, loan: Loan, last: int, row: Any) -> Iterator[Finding]:
    written_off = loan.written_off
    expected = {
        "version": loan.version,
        "position": last,
        "accrued_through": loan.through,
        "disbursed": loan.disbursed,
        "capitalised": loan.capitalised,
        "charged_back": sum(payment.owed_again for payment in loan.payments.values()),
        "overpaid": loan.overpaid,
        "written_off": written_off.principal if written_off else 0,
        "written_off_total": written_off.total if written_off else 0,
        "recovered": loan.recovered.total,
        **_owed(loan),
    }
    yield from _differ("balances", loan_id, expected, row)


def _header(loan_id: UUID, loan: Loan, row: Any) -> Iterator[Finding]:
    expected = {
        "loan_no": loan.loan_no,
        "status": loan.status.value,
        "stage": loan.stage,
        "currency": loan.terms.currency,
        "opened_on": loan.opened_on,
        "disbursed_on": loan.disbursed_on,
        "disbursed": loan.disbursed,
        "principal": loan.principal,
        "instalments": len(loan.lines) or loan.terms.instalments,
        "first_due_on": min((line.due_on for line in loan.lines), default=None),
        "maturity_on": max((line.due_on for line in loan.lines), default=None),
        "suspended": loan.suspended,
        "oldest_unpaid_due_on": loan.oldest_unpaid_due_on,
        "next_due_on": loan.next_due_on,
    }
    yield from _differ("loan header", loan_id, expected, row)


def _schedule(loan_id: UUID, loan: Loan, rows: list[Any]) -> Iterator[Finding]:
    lines = [*loan.lines, *sorted(loan.apart, key=lambda line: line.number)]
    if len(rows) != len(lines):
        message = f"{len(rows)} instalments, replayed {len(lines)}"
        yield Finding("schedule", message, loan_id)
        return
    for line, row in zip(lines, rows, strict=True):
        for finding in _instalment(loan_id, loan, line, row_of(loan, line), row):
            message = f"instalment {line.number}: {finding.message}"
            yield Finding(finding.check, message, loan_id)


def _instalment(
    loan_id: UUID, loan: Loan, line: Line, planned: Instalment, row: Any
) -> Iterator[Finding]:
    """What is planned and paid, marks and dates; what is owed where it is final."""
    expected: dict[str, Any] = {
        "start_on": line.start_on,
        "due_on": line.due_on,
        "due": line.due,
        "planned_interest": planned.interest,
        "planned_tax": planned.tax,
        "planned_fee": planned.fee,
        "planned_fee_tax": planned.fee_tax,
        "settled_on": line.settled_on,
        "paid_on": line.paid_on,
        **{f"paid_{name}": getattr(line.paid, name) for name in COMPONENTS},
    }
    yield from _differ("schedule", loan_id, expected, row)
    charged = {name: getattr(row, name) - getattr(row, f"forgiven_{name}") for name in COMPONENTS}
    owed = {name: getattr(line.owed, name) for name in COMPONENTS}
    left_books = loan.written_off is not None or loan.closed_for == "sold"
    if not line.due and (left_books or loan.status is not Status.CLOSED):
        for forecast in ("interest", "interest_tax"):
            del charged[forecast], owed[forecast]
    left, kept = sum(owed.values()), sum(charged.values())
    gone = row.written_off + row.sold
    if not gone and charged != owed:
        yield Finding("schedule", f"charged {charged}, replayed {owed}", loan_id)
    if gone and line.due and left != kept - gone:  # before, interest was a forecast
        yield Finding("schedule", f"owed {kept - gone}, replayed {left}", loan_id)
