from datetime import date

import pytest

from domain import events as e
from ledger import log, upcasters
from ledger.errors import UnknownRevision
from ledger.mapper import StoredFact
from ledger.state import row
from ledger.streams import load_streams
from tests.ledger.builders import CAUSE, mxn, running

PROMISE_1 = (
    b'{"type":"promise-made","effective_on":"2026-02-20","promise":1,"amount":50000,'
    b'"due_on":"2026-02-27","grace_days":2}'
)
PROMISE = e.PromiseMade(
    effective_on=date(2026, 2, 20), promise=1, amount=500_00,
    promised_for=date(2026, 2, 27), grace_days=2,
)  # fmt: skip


@pytest.fixture
def with_old_promise(ledger):
    """A loan whose promise was stored by the first release."""
    loan_id = running(ledger)
    stream = ledger.stream(loan_id)
    stream.record([PROMISE])
    old = StoredFact(loan_id, 3, "promise-made", PROMISE_1, 1, PROMISE.effective_on)
    command = ledger.command("make-promise", CAUSE)
    ledger.facts.append(command, loan_id, 2, [old], row(loan_id, stream.known))
    return loan_id


def test_a_promise_of_revision_1_is_read_everywhere_as_one_of_today(with_old_promise, ledger, app):
    loan_id = with_old_promise

    assert ledger.load(loan_id).promises[1].promised_for == date(2026, 2, 27)
    assert log.history(app, loan_id)[-1][0].event == PROMISE
    assert log.read(app, 0, 10_000).events[-1].event == PROMISE
    assert log.load_many(app, [loan_id]) == {loan_id: ledger.load(loan_id)}
    assert [stream.loan for stream in load_streams(app, [loan_id])] == [ledger.load(loan_id)]
    notified = ledger.recorder.select_notifications(1, 10_000)[-1]
    assert ledger.mapper.to_domain_event(notified).event == PROMISE


def test_the_stored_bytes_stay_as_they_were_written(with_old_promise, app):
    rows = app.execute(
        "SELECT state::text, revision FROM ledger.events WHERE loan_id = %s AND version = 3",
        [with_old_promise],
    )
    assert rows.fetchall() == [(PROMISE_1.decode(), 1)]


def test_a_promise_of_today_is_stored_as_revision_2(ledger, app):
    loan_id = running(ledger)
    ledger.make_promise(
        loan_id, amount=mxn("500.00"), promised_for=date(2026, 2, 27),
        effective_on=date(2026, 2, 20), cause=CAUSE,
    )  # fmt: skip
    rows = app.execute(
        "SELECT revision, state->>'promised_for' FROM ledger.events"
        " WHERE loan_id = %s AND type = 'promise-made'",
        [loan_id],
    )
    assert rows.fetchall() == [(2, "2026-02-27")]


@pytest.mark.parametrize("revision", [0, 3])
def test_a_revision_this_program_does_not_know_is_named(revision):
    with pytest.raises(UnknownRevision):
        upcasters.decode("promise-made", revision, PROMISE_1)


def test_every_step_leads_to_an_event_of_today():
    """A step for an event that does not exist would never run."""
    assert set(upcasters.STEPS) <= {e.tag(kind) for kind in e.AnyLoanEvent.__args__}
