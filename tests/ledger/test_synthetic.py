"""A synthetic portfolio is the same for the same seed, whole, and such as the products allow."""

from datetime import date

import pytest

from domain.errors import InvalidDate
from ledger.clock import FixedClock
from ledger.database import connect
from ledger.errors import DuplicateLoanNumber
from ledger.forms import FormError
from ledger.products import catalogue
from ledger.synthetic import fill
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
