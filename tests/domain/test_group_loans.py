"""What a group's payment does to its loans: covers are claims between members, and nothing else."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import commands
from domain import events as e
from domain.errors import InvalidDate, LoanError
from domain.fold import replay
from domain.group_loans import member, return_cover, share_out, shares, take_share
from domain.groups import SplitRule
from domain.loan import Status
from domain.terms import Frequency
from domain.views import as_of
from projections.journal.postings import postings
from projections.movements import movements
from tests.domain.histories import START, Book, terms

NAMES = ("ana", "bea", "cai")
WEEK = timedelta(days=7)
FIRST = START + WEEK


def village(**changes):
    """600.00, 300.00 and 100.00 a week for ten weeks, without interest."""
    books = {}
    for name, principal in zip(NAMES, (6_000_00, 3_000_00, 1_000_00), strict=True):
        agreed = {"annual_rate": 0, "instalments": 10, "frequency": Frequency.WEEKLY, "tax_rate": 0}
        agreed = terms(**(agreed | {"principal": principal} | changes))
        opening = commands.open_loan(loan_no=name, terms=agreed, effective_on=START)
        books[name] = Book(replay(opening), list(opening))
        books[name].do(commands.disburse, principal=principal, effective_on=START)
    return books


def loans(books):
    return {name: book.loan for name, book in books.items()}


def meet(books, total, on=FIRST, **given):
    _, made = share_out(loans(books), total, on, **given)
    for name, share in shares(made).items():
        books[name].do(take_share, share=share, on=on)
    return made


def test_a_cover_is_a_payment_on_one_loan_and_a_claim_on_the_other():
    books = village()
    meet(books, 1_000_00, absent=["cai"])

    assert [(one.amount, one.paid_by) for one in books["cai"].loan.payments.values()] == [
        (66_67, "ana"), (33_33, "bea"),
    ]  # fmt: skip
    assert books["cai"].loan.lines[0].settled_on == FIRST
    [given_] = books["ana"].loan.covers.values()
    assert (given_.for_loan, given_.amount, given_.left, given_.given_on) == (
        "cai", 66_67, 66_67, FIRST,
    )  # fmt: skip
    assert books["ana"].loan.principal == 5_400_00


def test_covers_move_nothing_of_the_lender():
    books = village()
    meet(books, 1_000_00, absent=["cai"])
    books["ana"].do(return_cover, cover=1, on=FIRST + WEEK)

    told = [one for one in books["ana"].history if isinstance(one, e.CoverGiven | e.CoverReturned)]
    assert len(told) == 2
    for event in told:
        assert postings(event) == []
        assert movements(event) == ()


def test_days_that_pass_before_a_cover_are_not_lost():
    """A payer who owes nothing on the day gives a cover; his interest runs on all the same."""
    books = village(annual_rate=360_000)
    books["ana"].do(commands.receive_payment, amount=2_000_00, effective_on=START)
    without = as_of(books["ana"].loan, FIRST).balances()
    cai = member(books["cai"].loan, 2, FIRST).due

    meet(books, cai + member(books["bea"].loan, 1, FIRST).due, absent=["cai"])

    assert books["ana"].loan.covers
    assert books["ana"].loan.balances() == without


def test_a_loan_as_it_stood_has_the_covers_of_then():
    books = village()
    meet(books, 1_000_00, absent=["cai"])
    books["ana"].do(return_cover, cover=1, on=FIRST + WEEK, amount=6_67)

    ana = books["ana"].loan
    assert as_of(ana, START).covers == {}
    assert as_of(ana, FIRST).covers[1].left == 66_67
    assert ana.covers[1].left == 60_00


def test_a_payment_learned_late_leaves_who_paid_and_the_covers_as_they_were():
    books = village(annual_rate=360_000, late_rate=720_000)
    meet(books, 1_200_00, absent=["cai"])
    meet(books, 1_200_00, on=FIRST + WEEK, absent=["cai"])
    before = books["ana"].loan.covers

    for book in books.values():
        book.do(commands.close_day, on=FIRST + 3 * WEEK)
        book.do(commands.receive_payment, amount=5_00, effective_on=START + timedelta(days=2))

    assert books["ana"].loan.covers == before
    assert [one.paid_by for one in books["cai"].loan.payments.values()][:2] == ["ana", "bea"]
    cai = books["cai"].loan
    assert as_of(cai, FIRST).payments[1].paid_by == "ana"


def test_a_cover_given_on_the_day_the_payers_loan_ends_outlives_it():
    books = village()
    owed = books["ana"].loan.balances().total
    meet(books, owed + 400_00, amounts={"ana": owed + 100_00, "bea": 300_00}, absent=["cai"])

    ana = books["ana"].loan
    assert ana.status is Status.CLOSED
    assert ana.covers[1].left == 100_00

    # Her loan takes no payment any more: the cover comes back between the two of them only.
    made = meet(books, 450_00, on=FIRST + WEEK)
    assert not any(part.returns for part in made.parts)
    books["ana"].do(return_cover, cover=1, on=FIRST + WEEK)
    assert books["ana"].loan.covers[1].left == 0
    assert books["ana"].loan.status is Status.CLOSED


def test_a_cover_goes_back_no_earlier_than_it_was_given():
    books = village()
    meet(books, 1_000_00, absent=["cai"])
    with pytest.raises(InvalidDate):
        return_cover(books["ana"].loan, cover=1, on=START)


def test_a_group_pays_no_earlier_than_it_was_paid_out():
    with pytest.raises(InvalidDate) as refused:
        share_out(loans(village()), 1_00, START - WEEK)
    assert refused.value.field == "on"


@given(data=st.data())
@settings(max_examples=40)
def test_whoever_pays_the_loans_stand_as_if_each_had_paid_what_came_onto_his(data):
    """And replaying what was recorded gives the same loans."""
    rate = data.draw(st.sampled_from([0, 360_000]))
    books, alone = village(annual_rate=rate), village(annual_rate=rate)
    for week in range(1, data.draw(st.integers(1, 5)) + 1):
        on = START + week * WEEK
        absent = data.draw(st.sets(st.sampled_from(NAMES), max_size=2))
        total = data.draw(st.integers(1, 2_500_00))
        try:
            made = meet(books, total, on=on, absent=absent, rule=SplitRule())
        except LoanError:
            continue
        for part in made.parts:
            alone[part.loan].do(commands.receive_payment, amount=part.amount, effective_on=on)

    for name, book in books.items():
        with_others, by_himself = as_of(book.loan, on), as_of(alone[name].loan, on)
        assert with_others.balances() == by_himself.balances()
        assert with_others.status == by_himself.status
        assert replay(book.history) == book.loan
    left = sum(one.left for book in books.values() for one in book.loan.covers.values())
    given_ = sum(one.amount for book in books.values() for one in book.loan.covers.values())
    by_others = sum(
        one.amount for book in books.values() for one in book.loan.payments.values() if one.paid_by
    )
    assert by_others == given_ + (given_ - left)


def test_events_of_before_there_were_groups_are_read_as_of_today():
    opened = e.decode.decode(e.encode.encode(village()["ana"].history[0]))
    assert opened.group == ""
    old = (
        b'{"type":"payment-received","effective_on":"2026-01-22","payment":1,"amount":100,'
        b'"allocation":[]}'
    )
    assert e.decode.decode(old).paid_by == ""
    assert b"paid_by" not in e.encode.encode(e.decode.decode(old))
    assert b"group" not in e.encode.encode(opened)


def test_a_claim_of_the_future_is_none_yet():
    books = village()
    meet(books, 1_000_00, absent=["cai"])
    _, made = share_out(loans(books), 50_00, date(2026, 1, 20))
    assert not any(part.returns for part in made.parts)
