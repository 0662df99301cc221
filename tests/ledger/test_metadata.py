from datetime import UTC, datetime, timedelta

import pytest

from ledger import log
from ledger.errors import NotStorable
from ledger.orders import Cause
from tests.ledger.builders import START, keyed, mxn, opened, pay, running


def test_every_event_tells_who_when_how_and_by_which_command(ledger, app):
    asked_at = datetime.now(UTC) - timedelta(seconds=1)
    loan_id = opened(ledger, cause=keyed("opening"))
    root = ledger.command("x", keyed(None))
    cause = Cause("bea", "branch", None, correlation_id=root.id, causation_id=root.id)
    receipt = ledger.disburse(loan_id, principal=mxn("10000.00"), effective_on=START, cause=cause)

    (opening, by_ana), (disbursement, by_bea) = log.history(app, loan_id)

    assert (by_ana.actor, by_ana.channel, by_ana.command) == ("ana", "test", "open-loan")
    assert by_ana.idempotency_key == "opening"
    assert by_ana.correlation_id == by_ana.command_id == opening.command_id
    assert by_ana.causation_id is None
    assert (by_bea.actor, by_bea.channel, by_bea.command) == ("bea", "branch", "disburse")
    assert by_bea.correlation_id == by_bea.causation_id == root.id
    assert by_bea.command_id == disbursement.command_id == receipt.command_id
    assert disbursement.effective_on == START
    assert asked_at <= opening.recorded_at <= disbursement.recorded_at <= datetime.now(UTC)


def test_events_of_one_command_share_it_and_count_down(ledger, app):
    loan_id = running(ledger)
    receipt = pay(ledger, loan_id, on=START.replace(month=3))

    recorded = [fact for fact, _ in log.history(app, loan_id)][2:]

    assert len(recorded) == len(receipt.events) > 2
    assert {fact.command_id for fact in recorded} == {receipt.command_id}
    assert [fact.more for fact in recorded] == list(range(len(recorded)))[::-1]
    assert recorded[-1].position == receipt.position


def test_no_event_is_without_its_command(ledger, app):
    pay(ledger, running(ledger))
    assert not app.execute(
        "SELECT FROM ledger.events AS e"
        " WHERE NOT EXISTS (SELECT FROM ledger.commands AS c WHERE c.id = e.command_id)"
    ).fetchall()


@pytest.mark.parametrize("cause", [Cause("", "test"), Cause("ana", "")])
def test_nobody_through_nothing_is_refused(cause, ledger):
    loan_id = running(ledger)
    with pytest.raises(NotStorable):
        pay(ledger, loan_id, cause=cause)
    assert ledger.load(loan_id).version == 2
