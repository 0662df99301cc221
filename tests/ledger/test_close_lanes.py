"""Counted together or asked one by one, a close of day leaves the same facts, states and books."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from domain import commands
from domain import events as e
from domain.errors import LoanError
from domain.limits import MAX_AMOUNT
from domain.terms import Floating, LateBase, Method, Revolving
from ledger import log, state, upcasters
from ledger.close_of_day import close_through
from ledger.errors import NotStorable
from ledger.indices import rates_first, with_rates
from ledger.synthetic import publish
from projections.engine import catch_up
from projections.verify import verify
from tests.domain.histories import START, STEPS, agreements, common_products, disbursed, play
from tests.ledger.builders import CAUSE, TODAY, _numbers, a_ledger

cards = st.builds(
    Revolving,
    minimum_rate=st.just(100_000),
    minimum_amount=st.just(500_00),
    statement_days=st.just(20),
    interest_free=st.booleans(),
)
products = st.one_of(
    common_products(),
    common_products(),
    agreements(),
    agreements(principal=MAX_AMOUNT // 4 - 7, annual_rate=360_000),
    agreements(principal=10**12 + 7, annual_rate=360_000),
    agreements(late_grace_days=3, late_base=LateBase.INSTALMENT, late_fee=100_00, late_rate=72_000),
    agreements(stage_2_from=8, stage_3_from=20, suspend_from=12, late_rate=720_000),
    agreements(plain=True, floating=Floating(index="TIIE_28", spread=50_000)),
    cards.flatmap(
        lambda card: agreements(plain=True, method=Method.REVOLVING, revolving=card, balloon=0,
                                graduation=None, interest="daily")
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def ledger(database):
    with a_ledger(database) as ledger:
        publish(ledger.store, 1, START - timedelta(days=30), TODAY)
        yield ledger


@st.composite
def lives(draw):
    """The history of a loan, as far as it can be told."""
    agreed, steps = draw(products), draw(STEPS)
    try:
        book = disbursed(agreed)
    except LoanError:
        return None
    play(book, steps)
    return book.history


def recorded(ledger, history):
    loan_id = ledger.open_loan(
        loan_no=f"P-{next(_numbers):06d}", terms=history[0].terms, effective_on=START, cause=CAUSE
    ).loan_id
    try:
        ledger.execute(loan_id, lambda _: history[1:], {"command": "story"}, CAUSE, START)
    except NotStorable:  # beyond the largest amounts a state row holds
        assume(False)
    return loan_id


def closed_alone(loan, hops, value_of):
    """The loan as closing it day by day leaves it, and (events of the same append after, event)."""
    made, closed = [], None
    for hop in hops:
        first = max(closed + timedelta(days=1), loan.through) if closed else loan.through
        if loan.status != "active":
            first = hop
        for number in range(min(first, hop).toordinal(), hop.toordinal() + 1):
            day = date.fromordinal(number)
            events = rates_first(
                loan, day, value_of, lambda known, on=day: commands.close_day(known, on=on)
            )
            made += [(len(events) - n, event) for n, event in enumerate(events, start=1)]
            loan = with_rates(loan, events)
        closed = hop
    return loan, made


def rows_of(connection, loan_id, after):
    return connection.execute(
        "SELECT version, type, revision, more, effective_on, state::text FROM ledger.events"
        " WHERE loan_id = %s AND version > %s ORDER BY version",
        [loan_id, after],
    ).fetchall()


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(
    st.lists(lives().filter(bool), min_size=3, max_size=8),
    st.integers(0, 60), st.integers(1, 45), st.sampled_from([1, 3, 1_000]),
)  # fmt: skip
def test_together_is_as_one_by_one(ledger, histories, wait, later, batch):
    look = ledger.store.run
    ids = [recorded(ledger, history) for history in histories]
    before = look(lambda c: log.load_many(c, ids))
    mid = START + timedelta(days=60 + wait)
    hops = [mid, mid + timedelta(days=later)]

    reports = [close_through(ledger, hop, batch=batch) for hop in hops]

    assert [report.set_aside for report in reports] == [[], []]
    for loan_id in ids:
        seen = before[loan_id].version
        loan, made = closed_alone(before[loan_id], hops, ledger.indices.lookup())
        assert look(lambda c, loan_id=loan_id, seen=seen: rows_of(c, loan_id, seen)) == [
            (seen + n, e.tag(event), upcasters.revision(e.tag(event)), more, event.effective_on,
             e.encode.encode(event).decode())
            for n, (more, event) in enumerate(made, start=1)
        ]  # fmt: skip
        made_row = state.row(loan_id, loan)
        [kept] = look(lambda c, loan_id=loan_id: state_rows(c, loan_id))
        if kept["falls_due"] is None:  # told by an append, forgotten once it fell due
            del kept["falls_due"]
        assert kept == {name: getattr(made_row, name) for name in kept}
    look(catch_up)
    assert look(verify) == []


def state_rows(connection, loan_id):
    names = [name for name in state.COLUMNS if name != "closed_through"]
    rows = connection.execute(
        f"SELECT {', '.join(names)} FROM ledger.loan_state WHERE loan_id = %s", [loan_id]
    )
    return [dict(zip(names, row, strict=True)) for row in rows]
