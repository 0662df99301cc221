from datetime import timedelta

import pytest
from msgspec import structs

from domain.limits import MAX_AMOUNT
from ledger import log
from ledger.streams import load_streams
from tests.ledger.builders import CAUSE, START, TERMS, mxn, pay, running


def long_lived(ledger):
    """A loan with more events than a snapshot apart, and some after it."""
    loan_id = running(ledger)
    for day in range(1, 61):
        ledger.close_day(loan_id, on=START + timedelta(days=day), cause=CAUSE)
        if day % 20 == 0:
            pay(ledger, loan_id, "500.00", on=START + timedelta(days=day))
    ledger.make_promise(
        loan_id, amount=mxn("5.00"), promised_for=START + timedelta(days=70),
        effective_on=START + timedelta(days=60), cause=CAUSE,
    )  # fmt: skip
    return loan_id


@pytest.fixture
def small_steps(ledger):
    ledger.snapshot_every = 10
    return ledger


def test_a_loan_from_its_snapshot_equals_the_loan_replayed(small_steps, app):
    loan_id = long_lived(small_steps)
    replayed = log.load_many(app, [loan_id])[loan_id]

    stream = small_steps.stream(loan_id)

    assert 0 < stream.snapshot_version < stream.version == replayed.version
    assert stream.loan == replayed
    [bulk] = load_streams(app, [loan_id])
    assert (bulk.snapshot_version, bulk.loan) == (stream.snapshot_version, replayed)


def test_a_loan_goes_on_from_its_snapshot(small_steps, app):
    loan_id = long_lived(small_steps)
    pay(small_steps, loan_id, "1.00", on=START + timedelta(days=61))
    assert small_steps.load(loan_id) == log.load_many(app, [loan_id])[loan_id]


@pytest.mark.parametrize(
    ("column", "value"),
    [("layout", "of another release"), ("state", b"\xc1 no message"), ("state", b"\x80")],
    ids=["other_layout", "garbage", "empty"],
)
def test_a_snapshot_that_cannot_be_used_is_ignored(column, value, small_steps, app):
    loan_id = long_lived(small_steps)
    replayed = log.load_many(app, [loan_id])[loan_id]
    app.execute(f"UPDATE ledger.snapshots SET {column} = %s WHERE loan_id = %s", [value, loan_id])

    assert small_steps.load(loan_id) == replayed
    assert [stream.loan for stream in load_streams(app, [loan_id])] == [replayed]


def test_a_snapshot_of_another_layout_is_replaced(small_steps, app):
    loan_id = long_lived(small_steps)
    app.execute("UPDATE ledger.snapshots SET layout = 'old' WHERE loan_id = %s", [loan_id])

    pay(small_steps, loan_id, "1.00", on=START + timedelta(days=61))

    assert small_steps.stream(loan_id).snapshot_version == small_steps.load(loan_id).version


def test_an_earlier_version_is_the_loan_as_it_was(small_steps, app):
    loan_id = long_lived(small_steps)
    facts = [fact.event for fact, _ in log.history(app, loan_id)]
    for version in (1, 2, 30):
        loan = small_steps.load(loan_id, version)
        assert loan.version == version
        assert loan.through == max(fact.effective_on for fact in facts[:version])


def test_a_sum_beyond_64_bits_is_kept_in_a_snapshot(small_steps, app):
    loan_id = running(small_steps, terms=structs.replace(TERMS, principal=MAX_AMOUNT // 4))
    for day in range(1, 15):
        small_steps.close_day(loan_id, on=START + timedelta(days=day), cause=CAUSE)

    [stream] = load_streams(app, [loan_id])

    assert stream.snapshot_version > 0
    assert stream.known.lines[0].numerator > 2**64
    assert stream.loan == log.load_many(app, [loan_id])[loan_id]
