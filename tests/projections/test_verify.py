"""Whatever is tampered with is named: which check, which loan, which event."""

from datetime import date

import pytest

from domain import commands
from ledger import database as db
from projections.verify import verify
from tests.projections.stories import Log, catch_up, paid_out


@pytest.fixture(scope="module")
def book(database):
    log, story = Log(database), paid_out()
    story.do(commands.close_day, on=date(2026, 2, 20))
    story.do(commands.receive_payment, amount=1_500_00, effective_on=date(2026, 2, 20))
    log.append(story, paid_out())
    catch_up(database)
    return database, story.loan_id


def findings(settings, loan_id, tampering):
    with db.connect(settings, owner=True) as connection:
        assert connection.execute(tampering, {"loan": loan_id}).rowcount
        connection.commit()
        try:
            return verify(connection)
        finally:
            connection.rollback()


FIRST = "WHERE loan_id = %(loan)s AND instalment = 1"
PAYMENT = "WHERE loan_id = %(loan)s AND kind = 'payment'"
OF_LOAN = "WHERE loan_id = %(loan)s"
TAMPERED = [
    ("balances", f"UPDATE read.balances SET interest = interest + {{}} {OF_LOAN}"),
    ("balances", f"UPDATE read.balances SET version = version + {{}} {OF_LOAN}"),
    ("schedule", f"UPDATE read.schedule SET paid_principal = paid_principal + {{}} {FIRST}"),
    ("schedule", f"UPDATE read.schedule SET late_interest = late_interest + {{}} {FIRST}"),
    ("loan header", f"UPDATE read.loans SET principal = principal + {{}} {OF_LOAN}"),
    ("portfolio totals", "UPDATE read.portfolio_totals SET loans = loans + {}"),
    ("journal totals", "UPDATE read.journal_totals SET debit = debit + {} WHERE account = 1"),
    ("transactions", f"UPDATE read.transactions SET overpaid = overpaid + {{}} {PAYMENT}"),
    ("state row", f"UPDATE ledger.loan_state SET principal = principal + {{}} {OF_LOAN}"),
]


def test_an_untouched_book_has_no_findings_and_tells_its_progress(book):
    settings, _ = book
    seen = []
    with db.connect(settings) as connection:
        assert verify(connection, lambda *at: seen.append(at)) == []
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] > 0


@pytest.mark.parametrize(("check", "tampering"), TAMPERED)
def test_a_changed_row_is_found(book, check, tampering):
    settings, loan_id = book

    found = findings(settings, loan_id, tampering.format(1))

    assert check in {one.check for one in found}
    assert {one.loan_id for one in found} <= {loan_id, None}
    with db.connect(settings, owner=True) as connection:
        connection.execute(tampering.format(-1), {"loan": loan_id})
        connection.commit()
        assert verify(connection) == []


def test_the_first_event_with_another_entry_is_named(book):
    settings, loan_id = book
    swap = (
        "UPDATE read.journal_entries SET amounts = ARRAY(SELECT -amount FROM unnest(amounts)"
        " AS amount) WHERE loan_id = %(loan)s AND event = 'payment-received'"
    )

    found = findings(settings, loan_id, swap)

    [named] = [one for one in found if one.check == "journal"]
    with db.connect(settings, owner=True) as connection:
        [[position]] = connection.execute(
            "SELECT position FROM ledger.events WHERE loan_id = %s AND type = 'payment-received'",
            [loan_id],
        ).fetchall()
        connection.execute(swap, {"loan": loan_id})
    assert (named.loan_id, named.position) == (loan_id, position)
    assert "account of a loan" in {one.check for one in found}


def test_a_position_inside_an_append_is_found(book):
    settings, _ = book
    with db.connect(settings, owner=True) as connection:
        [[inside]] = connection.execute(
            "SELECT max(position) FROM ledger.events WHERE more > 0"
        ).fetchall()
        [[before]] = connection.execute("SELECT max(position) FROM read.positions").fetchall()
        connection.execute("UPDATE read.positions SET position = %s WHERE projection = 'promises'",
                           [inside])  # fmt: skip
        connection.commit()
        found = verify(connection)
        connection.execute("UPDATE read.positions SET position = %s", [before])

    assert [one.check for one in found] == ["positions"]
