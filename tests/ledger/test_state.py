from datetime import date, timedelta

from domain.terms import Component
from ledger import log, state
from ledger.close_of_day import close_through
from tests.ledger.builders import CAUSE, START, mxn, opened, pay, running

COLUMNS = tuple(name for name in state.COLUMNS if name != "falls_due")
"""``falls_due`` is told by an append, and forgotten by the close on which that happens."""


def rows(connection):
    columns = ", ".join(COLUMNS)
    return connection.execute(
        f"SELECT {columns} FROM ledger.loan_state ORDER BY loan_id"
    ).fetchall()


def told(ledger):
    """Loans in many situations."""
    opened(ledger)
    late, paid, given_up = running(ledger), running(ledger), running(ledger)
    pay(ledger, paid, "11000.00", on=START)
    pay(ledger, late, "100.00", on=date(2026, 3, 1))
    close_through(ledger, date(2026, 4, 30))
    day = date(2026, 5, 2)
    ledger.charge_fee(late, kind="visit", amount=mxn("50.00"), effective_on=day, cause=CAUSE)
    ledger.reverse_payment(late, payment=1, reversed_on=day, cause=CAUSE)
    ledger.forgive(late, amounts={Component.PRINCIPAL: mxn("10.00")}, effective_on=day, cause=CAUSE)
    ledger.write_off(given_up, effective_on=day, cause=CAUSE)
    return [late, paid, given_up]


def test_the_state_row_equals_the_loan_replayed(ledger, app):
    told(ledger)
    for values in rows(app):
        kept = dict(zip(COLUMNS, values, strict=True))
        loan = log.load_many(app, [kept["loan_id"]])[kept["loan_id"]]
        made = state.row(kept["loan_id"], loan, kept["closed_through"])
        assert kept == {column: getattr(made, column) for column in COLUMNS}


def test_the_table_made_again_from_the_log_equals_the_one_kept(ledger, app):
    told(ledger)
    before = rows(app)
    lost = before[-1][0]
    app.execute("UPDATE ledger.loan_state SET principal = principal + 1, version = 1, status = 'x'")
    assert rows(app) != before

    state.rebuild(app, batch=2)
    assert rows(app) == before

    app.execute("DELETE FROM ledger.loan_state WHERE loan_id = %s", [lost])
    state.rebuild(app)
    progress = COLUMNS.index("closed_through")
    assert [_without(row, progress) for row in rows(app)] == [
        _without(row, progress) for row in before
    ]


def _without(row, nth):
    return row[:nth] + row[nth + 1 :]


def test_commands_wait_for_a_rebuild_and_then_go_on(ledger, app, owner):
    loan_id = running(ledger)
    with owner.transaction():
        state.rebuild(owner)
        app.execute("SET lock_timeout = '100ms'")
        held = app.execute(
            "SELECT count(*) FROM pg_locks WHERE relation = 'ledger.loan_state'::regclass"
            " AND mode = 'ShareRowExclusiveLock' AND granted"
        ).fetchone()
    assert held == (1,)
    assert pay(ledger, loan_id, on=START + timedelta(days=1)).version > 2


def test_rows_made_again_know_where_their_loans_begin(ledger, app):
    loans = told(ledger)
    state.rebuild(app, batch=2)
    since = dict(app.execute("SELECT loan_id, since FROM ledger.loan_state").fetchall())
    for loan_id in loans:
        first = log.facts(app, loan_id)[0]
        assert since[loan_id] < first.position
        assert ledger.load(loan_id) == log.load_many(app, [loan_id])[loan_id]
