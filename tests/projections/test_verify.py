"""Whatever is tampered with is named: which check, which loan, which event."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date

import pytest

from domain import commands
from ledger import database as db
from projections.accounting.balances import trial_balance
from projections.accounting.rules import load_rules
from projections.rebuild import RebuildRunning, rebuild
from projections.verify import accounting, verify
from tests.projections.stories import Log, catch_up, every_kind, paid_out


@pytest.fixture(scope="module")
def book(database):
    log, story = Log(database), paid_out()
    story.do(commands.close_day, on=date(2026, 2, 20))
    story.do(commands.receive_payment, amount=1_500_00, effective_on=date(2026, 2, 20))
    story.do(commands.make_promise, amount=1_00, promised_for=date(2026, 2, 25),
             effective_on=date(2026, 2, 20))  # fmt: skip
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
OF_PAID_INTEREST = "WHERE kind = 'payment' AND component = 'interest'"
TAMPERED = [
    ("balances", f"UPDATE read.balances SET interest = interest + {{}} {OF_LOAN}"),
    ("balances", f"UPDATE read.balances SET version = version + {{}} {OF_LOAN}"),
    ("schedule", f"UPDATE read.schedule SET paid_principal = paid_principal + {{}} {FIRST}"),
    ("schedule", f"UPDATE read.schedule SET late_interest = late_interest + {{}} {FIRST}"),
    ("loan header", f"UPDATE read.loans SET principal = principal + {{}} {OF_LOAN}"),
    ("portfolio totals", "UPDATE read.portfolio_totals SET loans = loans + {}"),
    ("journal", f"UPDATE read.journal_rules SET debit = debit + {{}} {OF_PAID_INTEREST}"),
    (
        "journal totals",
        "UPDATE read.accounting_facts SET added = added + {} WHERE kind = 'disbursement'",
    ),
    ("account of a loan", f"UPDATE read.transactions SET interest = interest + {{}} {PAYMENT}"),
    ("transactions", f"UPDATE read.transactions SET overpaid = overpaid + {{}} {PAYMENT}"),
    ("accounts", "UPDATE read.accounting_facts SET added = added + {} WHERE kind = 'payment'"),
    ("table", "UPDATE read.accounting_facts SET last_position = last_position + {}"),
    ("table", f"UPDATE read.accounting_loans SET version = version + {{}} {OF_LOAN}"),
    ("table", f"UPDATE read.portions SET effective_on = effective_on + {{}} {OF_LOAN}"),
    ("table", f"UPDATE read.payments SET position = position + {{}} {OF_LOAN}"),
    ("table", f"UPDATE read.promises SET amount = amount + {{}} {OF_LOAN}"),
    ("table", f"UPDATE read.schedule SET paid_late = paid_late + {{}} {FIRST}"),
    ("table", f"UPDATE read.loans SET maturity_on = maturity_on + {{}} {OF_LOAN}"),
    ("schedule", f"UPDATE read.schedule SET planned_fee = planned_fee + {{}} {FIRST}"),
    ("table", f"UPDATE read.loans SET restructures = restructures + {{}} {OF_LOAN}"),
    ("table", f"UPDATE read.payments SET charged_back = charged_back + {{}} {OF_LOAN}"),
    ("table", f"UPDATE read.balances SET paid_total = paid_total + {{}} {OF_LOAN}"),
    ("state row", f"UPDATE ledger.loan_state SET numerator = numerator + {{}} {OF_LOAN}"),
    (
        "state row",
        f"UPDATE ledger.loan_state SET closed_through = date '2026-02-20' + {{}} {OF_LOAN}",
    ),
    ("state row", f"UPDATE ledger.loan_state SET exact = exact + {{}} {OF_LOAN}"),
    (
        "state row",
        f"UPDATE ledger.loan_state SET falls_due = nullif(ARRAY[{{}}], ARRAY[-1]) {OF_LOAN}",
    ),
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


DEPOSIT = (
    "INSERT INTO ledger.suspense (id, line_key, source, line, paid_on, amount, currency, code,"
    " reason, raw, settled_at, settled_on, settled_as) VALUES (gen_random_uuid(), 'x', 'bank', 1,"
    " '2026-02-10', 50000, 'USD', 'unknown', 'no loan', '{{}}', {}, {}, {})"
)
NARROWED = "CREATE OR REPLACE VIEW read.accounting_amounts AS {} AND waiting.amount > 50000"


@pytest.mark.parametrize(
    ("settled", "told"),
    [
        (("NULL", "NULL", "NULL"), {"2026-02-10"}),
        (("now()", "'2026-02-20'", "'returned'"), {"2026-02-10", "2026-02-20"}),
        (("now()", "'2026-02-20'", "'assigned'"), set()),
    ],
)
def test_the_account_of_deposits_is_held_to_the_list_of_what_waits(book, settled, told):
    settings, _ = book
    with db.connect(settings, owner=True) as connection:
        connection.execute(DEPOSIT.format(*settled))
        assert list(accounting.check(connection)) == []

        [[view]] = connection.execute(
            "SELECT pg_get_viewdef('read.accounting_amounts'::regclass)"
        ).fetchall()
        connection.execute(NARROWED.format(view.rstrip(";\n ")))
        found = [one.message for one in accounting.check(connection)]
        connection.rollback()

    assert {one.split(" on ")[1][:10] for one in found} == told
    assert all("the list of what waits by" in one for one in found)


@pytest.mark.parametrize("name", ["deposit", "deposit undone"])
def test_security_deposits_have_an_account_that_holds_what_is_left_of_them(fresh_database, name):
    story = every_kind(name)
    Log(fresh_database).append(story)
    catch_up(fresh_database)
    rules = load_rules()

    with db.connect(fresh_database) as connection:
        assert verify(connection) == []
        [balances] = trial_balance(connection, rules, date(2026, 12, 31), date(2026, 1, 1)).values()

    account = rules.chart.mapped["security_deposits"].number
    assert sum(one.closing for one in balances if one.account.number == account) == (
        story.loan.deposit
    )
    assert any(one.credit and one.debit for one in balances if one.account.number == account)


def test_a_stopped_projection_is_a_finding(fresh_database):
    catch_up(fresh_database)
    stop = "UPDATE read.positions SET status = 'stopped', error = 'no room' WHERE projection = %s"
    with db.connect(fresh_database, owner=True, autocommit=True) as connection:
        connection.execute(stop, ["accounting"])
        [found] = verify(connection)

    assert found.check == "projection"
    assert found.message.startswith("accounting is stopped: no room")


def test_the_first_event_with_another_entry_is_named(book):
    settings, loan_id = book
    swap = (
        "UPDATE read.transactions SET principal = -principal, interest = -interest"
        " WHERE loan_id = %(loan)s AND kind = 'payment'"
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


OF_PAYMENT = f"{OF_LOAN} AND type = 'payment-received'"
IN_THE_LOG = [
    f"DELETE FROM ledger.events {OF_PAYMENT}",
    f"DELETE FROM ledger.events {OF_LOAN} AND version = 1",
    f"DELETE FROM ledger.events {OF_LOAN} AND version = 2",
    f"DELETE FROM ledger.events {OF_LOAN} AND type = 'promise-made'",
    f"DELETE FROM ledger.events {OF_LOAN}",
    f"DELETE FROM ledger.commands {OF_LOAN}",
    f"UPDATE ledger.events SET state = '{{}}' {OF_PAYMENT}",
    f"UPDATE ledger.events SET state = '7' {OF_PAYMENT}",
    f"UPDATE ledger.events SET state = (state::jsonb - 'amount')::json {OF_PAYMENT}",
    f"UPDATE ledger.events SET type = 'fee-charged' {OF_PAYMENT}",
    f"UPDATE ledger.events SET revision = 9 {OF_PAYMENT}",
    f"UPDATE ledger.events SET effective_on = effective_on - 1 {OF_PAYMENT}",
    f"UPDATE ledger.events SET recorded_at = recorded_at - interval '1 day' {OF_PAYMENT}",
    f"UPDATE ledger.events SET more = more + 1 {OF_PAYMENT}",
    f"UPDATE ledger.events SET command_id = gen_random_uuid() {OF_PAYMENT}",
    f"UPDATE ledger.commands SET version = version + 1 {OF_LOAN}",
]


@pytest.mark.parametrize("tampering", IN_THE_LOG)
def test_a_log_that_was_laid_hands_on_is_told_not_tripped_over(fresh_database, tampering):
    log, story = Log(fresh_database), paid_out()
    story.do(commands.receive_payment, amount=1_500_00, effective_on=date(2026, 2, 20))
    story.do(commands.make_promise, amount=1_00, promised_for=date(2026, 2, 25),
             effective_on=date(2026, 2, 20))  # fmt: skip
    other = paid_out()
    log.append(story, other)
    catch_up(fresh_database)
    with db.connect(fresh_database, owner=True) as connection:
        connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER ALL")
        connection.execute("ALTER TABLE ledger.commands DISABLE TRIGGER ALL")

    found = findings(fresh_database, story.loan_id, tampering)

    assert "log" in {one.check for one in found}
    assert other.loan_id not in {one.loan_id for one in found}


def test_an_altered_word_in_an_event_shows_in_what_was_made_of_it(fresh_database):
    log, story = Log(fresh_database), paid_out()
    story.do(commands.receive_payment, amount=1_00, effective_on=date(2026, 2, 20), reference="A")
    log.append(story)
    catch_up(fresh_database)
    with db.connect(fresh_database, owner=True) as connection:
        connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER ALL")

    found = findings(
        fresh_database, story.loan_id,
        "UPDATE ledger.events SET state = jsonb_set(state::jsonb, '{reference}', '\"B\"')"
        f" {OF_PAYMENT}",
    )  # fmt: skip

    assert {one.check for one in found} == {"table"}
    assert {one.loan_id for one in found} == {story.loan_id}


def test_a_projection_cannot_be_ahead_of_the_log(book):
    settings, _ = book
    with db.connect(settings, owner=True) as connection:
        connection.execute("UPDATE read.positions SET position = position + 1000")
        connection.commit()
        found = {one.check for one in verify(connection)}
        connection.execute("UPDATE read.positions SET position = position - 1000")
    assert "positions" in found


def test_several_may_verify_at_once_and_beside_a_rebuild(fresh_database):
    log = Log(fresh_database)
    log.append(*(paid_out() for _ in range(5)))
    catch_up(fresh_database)

    def looked(_):
        with db.connect(fresh_database) as connection:
            return verify(connection)

    def rebuilt():
        with db.pool(fresh_database, min_size=2) as pool, suppress(RebuildRunning):
            rebuild(pool)

    with ThreadPoolExecutor(5) as threads:
        beside = threads.submit(rebuilt)
        assert list(threads.map(looked, range(12))) == [[]] * 12
        beside.result()
