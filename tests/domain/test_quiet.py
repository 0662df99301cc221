"""While a loan is quiet, a close of day is arithmetic: in columns it gives the same facts."""

from datetime import timedelta

import numpy as np
from hypothesis import given, reject
from hypothesis import strategies as st
from msgspec import structs

from domain import commands
from domain import events as e
from domain.arrays.quiet import Book, Overdue, quiet_day
from domain.errors import LoanError
from domain.money import Rounding
from domain.quiet import DAY_COUNTS, ROUNDINGS, quiet
from domain.terms import DayCount, LateBase, Method, Revolving
from tests.domain.histories import STEPS, agreements, disbursed, play

DAY = timedelta(days=1)
AT_MOST = 70

cards = st.builds(
    Revolving,
    minimum_rate=st.just(100_000),
    minimum_amount=st.just(500_00),
    statement_days=st.just(20),
    interest_free=st.booleans(),
)
products = st.one_of(
    agreements(),
    agreements(late_grace_days=3, late_base=LateBase.INSTALMENT, late_fee=100_00, late_rate=72_000),
    agreements(stage_2_from=8, stage_3_from=20, suspend_from=12),
    cards.flatmap(
        lambda card: agreements(plain=True, method=Method.REVOLVING, revolving=card, balloon=0,
                                graduation=None, interest="daily")
    ),
)  # fmt: skip


def columns(loan, kept):
    """One loan as a book of one."""
    agreed = loan.terms
    figures = [kept.runs, kept.bears, kept.rate, kept.exact, DAY_COUNTS.index(agreed.day_count),
               ROUNDINGS.index(agreed.rounding), agreed.tax_rate, agreed.late_rate,
               agreed.late_grace_days]  # fmt: skip
    runs, bears, rate, exact, *others = np.array(figures, np.int64)[:, None]
    through, begins_on, ends_on = np.array([loan.through, kept.begins_on, kept.ends_on], "M8[D]")[
        :, None
    ]
    book = Book(through, runs, bears, rate, begins_on, ends_on, exact, *others)
    overdue = Overdue(
        np.zeros(len(kept.late), np.int64),
        np.array([line.due_on for line in kept.late], "M8[D]"),
        np.array([line.base for line in kept.late], np.int64),
        np.array([line.numerator for line in kept.late], np.int64),
    )
    return book, overdue


def counted(kept, book, overdue, day):
    """The facts of ``day`` by the arithmetic in columns."""
    ran, late = quiet_day(book, overdue, day, np.ones(1, np.bool_))
    if ran.recorded[0]:
        yield e.InterestAccrued(
            effective_on=day, instalment=kept.instalment, interest=int(ran.interest[0]),
            tax=int(ran.tax[0]), numerator=int(ran.numerator[0]), due=kept.runs == 2,
        )  # fmt: skip
    lines = tuple(
        e.LateLine(instalment=line.instalment, interest=int(late.interest[nth]),
                   tax=int(late.tax[nth]), numerator=int(late.numerator[nth]))
        for nth, line in enumerate(kept.late) if late.recorded[nth]
    )  # fmt: skip
    if lines:
        yield e.LateInterestAccrued(effective_on=day, lines=lines)


def check_quiet_days(book) -> int:
    """Close day by day while it is quiet; how many days that were."""
    kept, day = quiet(book.loan), book.loan.through
    if kept is None:
        return 0
    columns_of, days = columns(book.loan, kept), 0
    if day - DAY <= kept.until:  # a day that was recorded before
        assert not list(counted(kept, *columns_of, day - DAY))
        assert commands.close_day(book.loan, on=day - DAY) == ()
    while day <= kept.until and days < AT_MOST:
        assert tuple(counted(kept, *columns_of, day)) == commands.close_day(book.loan, on=day)
        book.do(commands.close_day, on=day)
        now = quiet(book.loan)
        assert now is not None
        exact, numerators = int(columns_of[0].exact[0]), columns_of[1].numerator.tolist()
        assert now == structs.replace(
            kept,
            exact=exact,
            late=tuple(
                structs.replace(line, numerator=numerator)
                for line, numerator in zip(kept.late, numerators, strict=True)
            ),
        )
        day, days = day + DAY, days + 1
    return days


@given(products, STEPS)
def test_a_quiet_day_records_interest_alone_and_leaves_what_was_told(agreed, steps):
    try:
        book = disbursed(agreed)
    except LoanError:
        reject()
    play(book, steps)
    for _ in range(4):
        if not check_quiet_days(book):
            book.do(commands.close_day, on=book.loan.through + DAY)


def test_the_stored_numbers_name_every_convention_and_rounding():
    assert set(DAY_COUNTS) == set(DayCount)
    assert set(ROUNDINGS) == set(Rounding)
