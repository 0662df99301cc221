from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError

from domain import commands
from ledger.application import ATTEMPTS
from ledger.errors import Conflict, DuplicateLoanNumber, UnknownLoan
from ledger.state import row
from tests.ledger.builders import CAUSE, START, a_ledger, opened, pay, running, stored


def payment_decided_while_another_commits(ledger, loan_id, seen, interrupt):
    def decide(loan):
        seen.append(loan.version)
        if interrupt(len(seen)):
            pay(ledger, loan_id, "2.00", on=START)
        return commands.receive_payment(loan, amount=1_00, effective_on=START)

    return lambda: ledger.execute(loan_id, decide, {"command": "receive-payment"}, CAUSE)


def test_one_writer_wins_and_the_other_decides_again_on_what_it_left(ledger):
    loan_id, seen = running(ledger), []

    receipt = payment_decided_while_another_commits(ledger, loan_id, seen, lambda n: n == 1)()

    assert seen == [2, 3]
    assert receipt.version == 4
    amounts = [payment.amount for payment in ledger.load(loan_id).payments.values()]
    assert amounts == [2_00, 1_00]


def test_a_writer_that_always_loses_gives_up_and_leaves_nothing(ledger, app):
    loan_id, seen = running(ledger), []

    with pytest.raises(Conflict) as refused:
        payment_decided_while_another_commits(ledger, loan_id, seen, lambda _: True)()

    assert refused.value.attempts == len(seen) == ATTEMPTS
    assert [amount for *_, amount in paid(app, loan_id)] == [2_00] * ATTEMPTS


def paid(connection, loan_id):
    return connection.execute(
        "SELECT version, (state->>'amount')::int FROM ledger.events"
        " WHERE loan_id = %s AND type = 'payment-received' ORDER BY version",
        [loan_id],
    ).fetchall()


def test_many_writers_on_one_loan_lose_no_payment(database):
    with a_ledger(database) as ledger, ThreadPoolExecutor(4) as threads:
        loan_id = running(ledger)
        receipts = list(threads.map(lambda _: pay(ledger, loan_id, "0.01"), range(40)))

        assert len({receipt.version for receipt in receipts}) == 40
        loan = ledger.load(loan_id)
        assert len(loan.payments) == 40
        assert loan.version == max(receipt.version for receipt in receipts)


def test_a_crowd_on_one_loan_is_served_to_the_last(database):
    with a_ledger(database) as ledger, ThreadPoolExecutor(32) as threads:
        loan_id = running(ledger)
        receipts = list(threads.map(lambda _: pay(ledger, loan_id, "0.01"), range(320)))
    assert len({receipt.version for receipt in receipts}) == 320


def test_the_same_version_is_refused_by_its_key_alone(ledger, app):
    """Without the state row's version, which refuses it first."""
    loan_id = running(ledger)
    with pytest.raises(psycopg.errors.UniqueViolation, match="events_from_1_pkey"):
        app.execute(
            "INSERT INTO ledger.events (loan_id, version, type, revision, more, effective_on,"
            " command_id, state) SELECT loan_id, version, type, revision, more, effective_on,"
            " command_id, state FROM ledger.events WHERE loan_id = %s AND version = 2",
            [loan_id],
        )


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_an_append_to_another_version_than_the_loans_is_refused(expected, ledger, app):
    loan_id = running(ledger)
    before, stream = stored(app, loan_id), ledger.stream(loan_id)
    stream.record(commands.receive_payment(stream.known, amount=1_00, effective_on=START))
    facts = [ledger.mapper.to_stored_event(recorded) for recorded in stream.pending]
    command = ledger.command("receive-payment", CAUSE)

    with pytest.raises(IntegrityError):
        ledger.facts.append(command, loan_id, expected, facts, row(loan_id, stream.known))

    assert stored(app, loan_id) == before
    assert not app.execute("SELECT FROM ledger.commands WHERE id = %s", [command.id]).fetchall()


def test_two_loans_never_share_a_number(ledger):
    opened(ledger, "ONE")
    with pytest.raises(DuplicateLoanNumber) as refused:
        opened(ledger, "ONE")
    assert refused.value.field == "loan_no"


def test_a_loan_nobody_opened_is_unknown(ledger):
    command = ledger.command("x", CAUSE)
    with pytest.raises(UnknownLoan):
        pay(ledger, command.id)
    with pytest.raises(UnknownLoan):
        ledger.find("no such number")
