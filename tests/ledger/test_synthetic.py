"""A synthetic portfolio is the same for the same seed, whole, and such as the products allow."""

import random
from datetime import date, timedelta
from functools import partial

import pytest

from domain.errors import InvalidDate
from domain.events import decode
from domain.fold import replay
from ledger.application import Ledger
from ledger.clock import FixedClock
from ledger.database import connect
from ledger.errors import DuplicateLoanNumber
from ledger.forms import FormError
from ledger.log import facts
from ledger.products import catalogue
from ledger.synthetic import fill
from ledger.synthetic.lives import Life, Span
from ledger.synthetic.offers import OFFERS, deck

UNTIL = date(2026, 6, 30)


def made(settings, **given):
    words = {"loans": 100, "seed": 5, "until": UNTIL, "history": "events", "days": 120}
    return fill(settings, **(words | given))


def recorded(settings):
    """Everything but positions and booking times, in the order of the log."""
    with connect(settings) as connection:
        return connection.execute(
            "SELECT e.loan_id, e.version, e.type, e.revision, e.more, e.effective_on, e.command_id,"
            " e.state::text, c.name, c.appended FROM ledger.events AS e"
            " JOIN ledger.commands AS c ON c.id = e.command_id ORDER BY e.position"
        ).fetchall()


def test_a_hundred_loans_hold_every_product_of_the_catalogue(fresh_database):
    summary = made(fresh_database)

    assert set(OFFERS) == set(catalogue()) == set(summary.products)
    assert sum(offer.share for offer in OFFERS.values()) == len(deck(5)) == 100
    assert summary.loans == sum(summary.statuses.values()) == 100
    assert len(recorded(fresh_database)) == summary.events


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"loans": 0}, "loans"),
        ({"loans": -5}, "loans"),
        ({"seed": -1}, "seed"),
        ({"history": "weekly"}, "history"),
        ({"days": 0}, "days"),
        ({"twins": 0}, "twins"),
        ({"twins": 5_000}, "twins"),
    ],
)
def test_words_that_make_no_portfolio_are_refused_by_name(database, given, field):
    with pytest.raises(FormError) as refused:
        made(database, **given)

    assert refused.value.field == field
    assert recorded(database) == []


@pytest.mark.parametrize("name", OFFERS)
def test_a_life_begins_on_any_day_of_the_year(name):
    """In November 2024 the month's last banking day is the 29th: due then, of a loan of then."""
    for nth in range(366):
        since = date(2024, 2, 1) + timedelta(days=nth)
        span = Span(since, since + timedelta(days=9), daily=False, running=1.0)
        life = Life(name, random.Random(nth), span, lambda *_: 80_000)
        assert life.loan.terms.instalments >= 1


def test_no_day_after_the_business_date_is_told(database):
    with pytest.raises(InvalidDate) as refused:
        made(database, clock=FixedClock(date(2026, 6, 29)))

    assert refused.value.field == "until"
    assert recorded(database) == []


def test_the_same_loans_are_made_in_one_way_only(fresh_database):
    made(fresh_database, loans=20)
    before = recorded(fresh_database)

    assert made(fresh_database, loans=20).repeated == 20
    with pytest.raises(FormError, match="seed 5 has made loans with other options"):
        made(fresh_database, loans=20, days=60)
    with pytest.raises(DuplicateLoanNumber):
        made(fresh_database, loans=30)
    assert recorded(fresh_database) == before
    assert made(fresh_database, loans=20, seed=6).loans == 20


def test_one_seed_gives_the_same_bytes_and_another_seed_others(fresh_database, second_database):
    made(fresh_database, history="daily", days=20)
    made(second_database, history="daily", days=20)

    assert recorded(fresh_database) == recorded(second_database)
    states = "SELECT to_jsonb(s) - 'since' FROM ledger.loan_state AS s ORDER BY loan_id"
    with connect(fresh_database) as one, connect(second_database) as other:
        assert one.execute(states).fetchall() == other.execute(states).fetchall()
    made(second_database, history="daily", days=20, seed=6)
    assert len({row[7] for row in recorded(second_database) if row[2] == "loan-opened"}) == 200


def test_every_loan_is_one_its_product_allows_and_twins_differ_by_name_only(fresh_database):
    made(fresh_database, loans=200, twins=2, history="none", days=10)
    products = catalogue()

    with connect(fresh_database) as connection:
        opened = [
            event
            for (tag, state) in connection.execute("SELECT type, state::text FROM ledger.events")
            if tag == "loan-opened" and (event := decode.decode(state))
        ]
        lives = connection.execute(
            "SELECT array_agg(s.version || s.status || s.principal || s.numerator) AS lives"
            " FROM ledger.loan_state AS s GROUP BY right(loan_no, 7)::integer / 2"
        ).fetchall()
    for event in opened:
        products[event.product].check(event.terms, event.effective_on)
    assert len({(event.loan_no, event.officer[:3]) for event in opened}) == 200
    assert len(lives) == 100
    assert all(one == other for [(one, other)] in lives)


def test_a_loan_of_long_history_has_its_snapshot(fresh_database):
    made(fresh_database, loans=40, history="daily")

    with connect(fresh_database) as connection:
        kept = dict(
            connection.execute(
                "SELECT s.loan_id, s.version FROM ledger.snapshots AS s"
                " JOIN ledger.loan_state AS l ON l.loan_id = s.loan_id AND l.version = s.version"
            ).fetchall()
        )
        [[long]] = connection.execute(
            "SELECT count(*) FROM ledger.loan_state WHERE version >= 100"
        ).fetchall()
    assert len(kept) == long > 0
    with Ledger(fresh_database) as ledger:
        for loan_id, version in kept.items():
            assert ledger.load(loan_id) == replay(
                recorded.event for recorded in ledger.store.run(partial(facts, loan_id=loan_id))
            )
            assert ledger.load(loan_id).version == version
