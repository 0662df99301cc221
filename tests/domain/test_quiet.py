"""While a loan is quiet, a close of day is arithmetic: in columns it gives the same facts."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import event, given, reject
from hypothesis import strategies as st
from msgspec import structs

from domain import commands
from domain import events as e
from domain.arrays.quiet import Book, Overdue, quiet_day
from domain.errors import LoanError
from domain.falls_due import Bears, falls_due
from domain.money import Rounding
from domain.quiet import DAY_COUNTS, ROUNDINGS, Late, Runs, quiet
from domain.terms import ChargesDue, DayCount, LateBase, Method, Revolving
from tests.domain.histories import (
    PLAIN_STEPS,
    STEPS,
    agreements,
    common_products,
    disbursed,
    play,
    terms,
)

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


def check_due_day(book) -> bool:
    """Close the day on which an instalment plainly falls due, as told ahead; whether there is."""
    kept = quiet(book.loan)
    due = kept and falls_due(book.loan, kept)
    if not due:
        return False
    through, balances = book.loan.through, book.loan.balances()
    day = kept.until + DAY
    before = list(counted(kept, *columns(book.loan, kept), day))
    ran = [one for one in before if isinstance(one, e.InterestAccrued)]
    interest = balances.interest - due.interest_apart + sum(one.interest for one in ran)
    tax = balances.interest_tax - due.tax_apart + sum(one.tax for one in ran)
    fell_due = e.InstalmentFellDue(
        effective_on=day, instalment=due.instalment, principal=due.principal, interest=interest,
        tax=tax,
    )  # fmt: skip
    assert book.do(commands.close_day, on=day) == (*before, fell_due), through

    late = {line.instalment: line for one in before for line in getattr(one, "lines", ())}
    lines = [
        structs.replace(one, numerator=one.numerator + late[one.instalment].numerator)
        if one.instalment in late else one
        for one in kept.late
    ]  # fmt: skip
    base = due.principal + (interest if due.late is Bears.WITH_INTEREST else 0)
    if due.late:
        lines.append(Late(due.instalment, day, base, 0))
    after = structs.replace(kept, until=due.until, late=tuple(lines), exact=0)
    if kept.runs:
        after = structs.replace(
            after, instalment=due.instalment + 1, begins_on=day, bears=due.bears,
            ends_on=due.next_due_on if kept.runs is Runs.FIXED else kept.ends_on,
        )  # fmt: skip
    assert quiet(book.loan) == after
    assert book.loan.next_due_on == due.next_due_on
    assert book.loan.lines[book.loan.current].start_on == day
    return True


@given(st.one_of(common_products(), common_products(), products), STEPS | PLAIN_STEPS)
def test_what_plainly_falls_due_is_told_ahead(agreed, steps):
    try:
        book = disbursed(agreed)
    except LoanError:
        reject()
    play(book, steps)
    fell = 0
    for _ in range(20):
        told = quiet(book.loan)
        ahead = told and falls_due(book.loan, told)
        if told and told.until >= book.loan.through:
            near = min(told.until, book.loan.through + 9 * DAY)
            book.do(commands.close_day, on=near)
            now = quiet(book.loan)
            assert now is None or near != told.until or falls_due(book.loan, now) == ahead
        if check_due_day(book):
            fell += 1
        else:
            book.do(commands.close_day, on=book.loan.through + DAY)
    event(f"instalments that fell due: {min(fell, 3)}")


@pytest.mark.parametrize("due_on", [date(2026, 2, 15), date(2026, 2, 25), date(2026, 3, 15)])
def test_a_charge_with_a_date_of_its_own_is_not_told_ahead_with_an_instalment(due_on):
    """It would fall due unseen: with the instalment, or among the days that are quiet after it."""
    book = disbursed(terms())
    book.do(
        commands.charge_fee, kind="visit", amount=100_00, effective_on=date(2026, 1, 20),
        due_on=due_on, falls_due=ChargesDue.ON_THEIR_DATE,
    )  # fmt: skip
    book.do(commands.close_day, on=date(2026, 2, 14))

    kept = quiet(book.loan)
    assert kept.until == date(2026, 2, 14)
    assert falls_due(book.loan, kept) is None


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
