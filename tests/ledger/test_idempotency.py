from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import msgspec
import pytest

from domain import commands
from ledger.application import LONGEST_KEY
from ledger.errors import KeyNotUsable, KeyReused
from ledger.recorder import AlreadyApplied
from ledger.state import row
from tests.ledger.builders import CAUSE, START, a_ledger, keyed, mxn, opened, pay, running, stored


def without_mark(receipt):
    return msgspec.structs.replace(receipt, repeated=False)


def test_a_repeated_command_returns_the_first_result_and_changes_nothing(ledger, app):
    loan_id = running(ledger)
    first = pay(ledger, loan_id, cause=keyed("once"))
    before = stored(app, loan_id)

    again = pay(ledger, loan_id, cause=keyed("once"))

    assert not first.repeated
    assert again.repeated
    assert without_mark(again) == first
    assert stored(app, loan_id) == before


def test_a_repeat_long_after_still_returns_the_first_result(ledger):
    """The loan is closed by now, so that deciding again would keep the money."""
    loan_id = running(ledger)
    first = pay(ledger, loan_id, "11000.00", on=START, cause=keyed("all"))
    assert ledger.load(loan_id).status == "closed"
    again = pay(ledger, loan_id, "11000.00", on=START)
    assert again.events != first.events

    assert without_mark(pay(ledger, loan_id, "11000.00", on=START, cause=keyed("all"))) == first


def test_the_repeat_of_an_opening_answers_the_first_loan(ledger):
    assert opened(ledger, "TWICE", cause=keyed("o")) == opened(ledger, "TWICE", cause=keyed("o"))


def test_a_repeat_of_what_had_nothing_to_record_has_nothing_to_record(ledger):
    loan_id = running(ledger)
    first = ledger.accrue(loan_id, effective_on=START, cause=keyed("nothing"))
    pay(ledger, loan_id, on=START)

    again = ledger.accrue(loan_id, effective_on=START, cause=keyed("nothing"))

    assert again.repeated
    assert without_mark(again) == first
    assert first.events == ()


@pytest.mark.parametrize(
    "other",
    [
        lambda ledger, loan_id: pay(ledger, loan_id, "1.01", cause=keyed("k")),
        lambda ledger, loan_id: pay(ledger, running(ledger), cause=keyed("k")),
        lambda ledger, loan_id: opened(ledger, cause=keyed("k")),
        lambda ledger, loan_id: ledger.receive_recovery(
            loan_id, amount=mxn("1.00"), effective_on=START, cause=keyed("k")
        ),
    ],
    ids=["amount", "loan", "opening", "command"],
)
def test_a_key_used_for_another_command_is_refused(other, fresh_database):
    with a_ledger(fresh_database) as ledger:
        loan_id = running(ledger)
        pay(ledger, loan_id, on=START, cause=keyed("k"))
        before = ledger.load(loan_id)

        with pytest.raises(KeyReused) as refused:
            other(ledger, loan_id)

        assert refused.value.field == "idempotency_key"
        assert ledger.load(loan_id) == before


def test_the_same_amount_written_otherwise_is_the_same_command(ledger):
    loan_id = running(ledger)
    first = pay(ledger, loan_id, "1.00", cause=keyed("spelling"))
    assert without_mark(pay(ledger, loan_id, "1.0", cause=keyed("spelling"))) == first


def test_the_same_command_sent_by_many_at_once_is_applied_once(database):
    senders = 8
    together = Barrier(senders)
    with a_ledger(database) as ledger, ThreadPoolExecutor(senders) as threads:
        loan_id = running(ledger)

        def send(_):
            together.wait()
            return pay(ledger, loan_id, cause=keyed("race"))

        receipts = list(threads.map(send, range(senders)))

        assert sum(not receipt.repeated for receipt in receipts) == 1
        assert len({without_mark(receipt) for receipt in receipts}) == 1
        assert len(ledger.load(loan_id).payments) == 1


def test_a_key_seen_only_by_the_database_returns_the_first_result(ledger, app):
    """Both looked for the key before either was applied: the append itself must find it."""
    loan_id, stream = running(ledger), None
    twin = ledger.command("receive-payment", keyed("twin"), {"command": "receive-payment"})

    def decide(loan):
        return commands.receive_payment(loan, amount=1_00, effective_on=START)

    stream = ledger.stream(loan_id)
    stream.record(decide(stream.known))
    facts = [ledger.mapper.to_stored_event(recorded) for recorded in stream.pending]
    first = ledger.facts.append(twin, loan_id, 2, facts, row(loan_id, stream.known))
    before = stored(app, loan_id)
    other_id = msgspec.structs.replace(twin, id=ledger.command("x", CAUSE).id)

    with pytest.raises(AlreadyApplied) as applied:
        ledger.facts.append(other_id, loan_id, 3, facts, row(loan_id, stream.known))

    assert applied.value.result == first
    assert stored(app, loan_id) == before


def test_an_append_sent_again_after_a_lost_answer_is_recognised_by_its_id(ledger, app):
    """No key: after a lost connection the store repeats the call with the same command id."""
    loan_id = running(ledger)
    stream = ledger.stream(loan_id)
    stream.record(commands.receive_payment(stream.known, amount=1_00, effective_on=START))
    facts = [ledger.mapper.to_stored_event(recorded) for recorded in stream.pending]
    command = ledger.command("receive-payment", CAUSE)
    first = ledger.facts.append(command, loan_id, 2, facts, row(loan_id, stream.known))

    with pytest.raises(AlreadyApplied) as applied:
        ledger.facts.append(command, loan_id, 2, facts, row(loan_id, stream.known))

    assert applied.value.result == first
    assert len(stored(app, loan_id)) == 3


@pytest.mark.parametrize(
    ("key", "usable"),
    [("", False), ("k", True), ("k" * LONGEST_KEY, True), ("k" * (LONGEST_KEY + 1), False),
     ("a\0b", False), ("line\nbreak", False), ("pago-ñ", True)],
)  # fmt: skip
def test_a_key_is_short_printable_text(key, usable, ledger):
    loan_id = running(ledger)
    if usable:
        assert not pay(ledger, loan_id, cause=keyed(key)).repeated
    else:
        with pytest.raises(KeyNotUsable):
            pay(ledger, loan_id, cause=keyed(key))
