"""One portfolio told twice: a disturbed run must end as an undisturbed one."""

from ledger.database import connect
from tests.ledger.builders import a_ledger, running

LOANS = 60


def history(connection):
    """Every stream by loan number: ids differ between two runs, what happened may not."""
    return connection.execute(
        "SELECT s.loan_no, e.version, e.type, e.more, e.state::text FROM ledger.events AS e"
        " JOIN ledger.loan_state AS s USING (loan_id) ORDER BY 1, 2"
    ).fetchall()


def state(connection):
    """State rows but for the ids, where events begin (that depends on who else wrote), and what
    only an append tells ahead.
    """
    return connection.execute(
        "SELECT to_jsonb(s) - '{loan_id,since,falls_due}'::text[] FROM ledger.loan_state AS s"
        " ORDER BY loan_no"
    ).fetchall()


def portfolio(settings):
    with a_ledger(settings) as ledger:
        for n in range(LOANS):
            running(ledger, f"K-{n:03d}")


def compare(app, undisturbed):
    with connect(undisturbed, autocommit=True) as other:
        assert history(app) == history(other)
        assert state(app) == state(other)
