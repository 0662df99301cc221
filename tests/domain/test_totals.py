"""Instalments that keep their total: principal is what the interest leaves of it."""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain import commands, views
from domain import events as e
from domain.errors import InvalidTerms
from domain.loan import Status
from domain.terms import (
    ChargebackRule,
    DayCount,
    InstalmentRule,
    InterestBasis,
    Level,
    Method,
    OverdueForecast,
    Rounding,
)
from tests.domain.histories import START, disbursed, disbursed_in_part, opened, terms
from tests.oracle_dates import a_day, rounded

DUE = [date(2026, 2, 15), date(2026, 3, 15), date(2026, 4, 15), date(2026, 5, 15)]


def kept(**changes):
    """12,000.00 at 24 %, four months, actual/360: A is 3,151.49."""
    agreed = {
        "principal": 12_000_00, "annual_rate": 240_000, "instalments": 4, "tax_rate": 0,
        "late_rate": 0, "instalment": InstalmentRule.KEEPS_TOTAL,
    }  # fmt: skip
    return terms(**(agreed | changes))


def rows(book, on):
    return [(row.principal, row.interest) for row in views.schedule_rows(book.loan, on)]


def pay(book, amount, on):
    return book.do(commands.receive_payment, amount=amount, effective_on=on)


def test_what_is_paid_on_its_day_asks_for_what_was_planned():
    book = disbursed(kept())
    planned = rows(book, START)

    for due_on in DUE[:3]:
        pay(book, 3_151_49, due_on)

    assert planned[:2] == [(2_903_49, 248_00), (2_981_69, 169_80)]
    assert planned[2:] == [(3_025_12, 126_37), (3_089_70, 61_79)]
    assert rows(book, DUE[2]) == planned
    assert not any(isinstance(event, e.ScheduleRevised) for event in book.history)


def test_paid_late_the_next_one_asks_for_more_interest_and_less_principal():
    """Nothing paid by 15 March: row 2 bears 12,000.00 x 24 % x 28/360 = 224.00."""
    book = disbursed(kept())

    book.do(commands.close_day, on=DUE[1])

    assert rows(book, DUE[1])[:2] == [(2_903_49, 248_00), (2_927_49, 224_00)]
    assert sum(principal for principal, _ in rows(book, DUE[1])) == 12_000_00


def test_paid_whole_early_the_interest_to_come_is_the_next_ones():
    """Paid on 25 January: 80.00 of interest, 3,071.49 principal; 8,928.51 bear 21 and 28 days."""
    book = disbursed(kept())

    pay(book, 3_151_49, date(2026, 1, 25))

    interest = 125_00 + 166_67  # 8,928.51 x 24 % x 21/360 and x 28/360
    expected = [(3_071_49, 80_00), (3_151_49 - interest, interest)]
    assert rows(book, date(2026, 1, 25))[:2] == expected
    book.do(commands.close_day, on=DUE[1])
    assert rows(book, DUE[1])[:2] == expected
    assert [line.owed.principal for line in book.loan.lines[:2]] == [3_071_49, 2_859_82]


def test_interest_that_fills_the_instalment_alone_is_asked_for_up_to_the_total():
    """At 300 % over 18 months A is 3,055.03; 12,000.00 unpaid bear 3,100.00 in 31 days."""
    book = disbursed(kept(annual_rate=3_000_000, instalments=18), date(2026, 2, 15))

    book.do(commands.close_day, on=date(2026, 5, 15))

    due = [event for event in book.history if isinstance(event, e.InstalmentFellDue)]
    assert [(event.principal, event.interest, event.carried) for event in due] == [
        (255_03, 2_800_00, 0),
        (0, 3_055_03, 44_97),
        (10_06, 3_044_97, 0),  # 3,000.00 in 30 days, and what moved on
    ]


def test_with_tax_in_the_total_principal_makes_room_for_both():
    book = disbursed(kept(tax_rate=160_000, level=Level.WITH_TAX))

    book.do(commands.close_day, on=DUE[1])

    shown = views.schedule_rows(book.loan, DUE[1])
    assert shown[1].interest == 224_00
    assert shown[1].tax == 35_84
    assert shown[0].total == shown[1].total


def test_a_second_tranche_finds_what_was_paid_early_within_the_new_total():
    book = disbursed_in_part(kept())
    first = sum(rows(book, START)[0])
    pay(book, first, date(2026, 1, 20))

    book.do(commands.disburse, principal=4_800_00, effective_on=date(2026, 1, 26))

    shown = rows(book, date(2026, 1, 26))
    assert len({sum(row) for row in shown[:3]}) == 1
    assert sum(shown[0]) > first
    assert sum(principal for principal, _ in shown) == 12_000_00


def test_what_is_overdue_bears_until_the_next_due_date_in_the_forecast_or_is_taken_as_paid_today():
    """On 25 February: 10 days of 12,000.00, then 18 of 12,000.00 or of 9,096.51."""
    on = date(2026, 2, 25)
    until_next = disbursed(kept())
    today = disbursed(kept(overdue_forecast=OverdueForecast.PAID_TODAY))

    assert rows(until_next, on)[1] == (3_151_49 - 224_00, 224_00)
    assert rows(today, on)[1] == (3_151_49 - 189_16, 189_16)
    later = views.as_of(today.loan, DUE[1])
    assert later.lines[1].owed.interest == 224_00  # nobody paid: that is what it came to


def test_the_forecast_takes_what_is_overdue_as_paid_where_principal_stays_as_well():
    on, agreed = date(2026, 2, 25), {"instalment": InstalmentRule.KEEPS_PRINCIPAL}
    today = disbursed(kept(overdue_forecast=OverdueForecast.PAID_TODAY, **agreed))

    assert rows(today, on)[1] == (2_981_69, 189_16)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": Method.EQUAL_PRINCIPAL},
        {"method": Method.SINGLE, "instalments": 1},
        {"interest": InterestBasis.PER_PERIOD},
    ],
)
def test_only_level_instalments_with_daily_interest_keep_their_total(changes):
    with pytest.raises(InvalidTerms) as refused:
        opened(kept(**changes))

    assert refused.value.field == "instalment"


def test_a_charge_back_restores_what_the_payment_had_cleared():
    """Of 3,151.49 paid, 1,000.00 goes back: its interest of 248.00, then 752.00 of principal."""
    book = disbursed(kept(chargeback=ChargebackRule.AS_PAID))
    pay(book, 3_151_49, DUE[0])

    book.do(commands.charge_back, payment=1, amount=1_000_00, effective_on=date(2026, 2, 20))
    book.do(commands.charge_back, payment=1, amount=500_00, effective_on=date(2026, 2, 20))

    first, second = (event for event in book.history if isinstance(event, e.ChargedBack))
    assert (first.restored.interest, first.principal) == (248_00, 752_00)
    assert (second.restored.interest, second.principal) == (0, 500_00)
    assert book.loan.lines[1].owed.interest - 248_00 == 30_32  # five nights of 9,096.51
    assert sum(rows(book, date(2026, 2, 20))[1]) == 3_151_49 + 1_500_00


@dataclass
class Row:
    """Of the walk: its total, its interest so far, what is paid, and what it asked for."""

    total: int
    due: date
    exact: Fraction = Fraction(0)
    brought: int = 0
    interest: int = 0
    principal: int | None = None
    paid_interest: int = 0
    paid: int = 0

    def asks(self) -> tuple[int, int]:
        """(principal, interest) by the rule in words: docs/arithmetic.md."""
        if self.interest >= self.total:
            return self.paid, max(self.total - self.paid, self.paid_interest)
        if self.paid > self.total - self.interest:
            return max(self.total - self.paid_interest, self.paid), self.paid_interest
        return self.total - self.interest, self.interest


def walk(agreed, table, payments, until) -> list[Row]:
    """Night by night: interest on all that is outstanding goes to the row of the night."""
    found = [Row(p + i, due) for p, i, due in table]
    balance, day, start = agreed.principal, START, START
    current = 0
    while day < until:
        day += timedelta(days=1)
        row = found[current]
        of_year = a_day(agreed.day_count, start, day, row.due)
        row.exact += balance * Fraction(agreed.annual_rate, 10**6) * of_year
        row.interest = row.brought + rounded(row.exact, Rounding.HALF_EVEN)
        if day == row.due:
            row.principal, asked = row.asks()
            found[current + 1].brought = row.interest - asked
            row.interest, start = asked, day
            current += 1
            found[current].interest = found[current].brought
        for paid_on, amount in payments:
            if paid_on == day:
                balance -= clear(found, current, amount)
    return found


def clear(found, current, amount) -> int:
    """Due rows first, each its interest before its principal; then ahead, up to each total."""
    repaid = 0
    for row in found:
        fell_due = row.principal is not None
        principal, interest = (row.principal, row.interest) if fell_due else row.asks()
        part = min(amount, interest - row.paid_interest)
        row.paid_interest += part
        amount -= part
        part = min(amount, principal - row.paid)
        row.paid += part
        amount -= part
        repaid += part
    assert amount == 0, "the walk is for loans that are not paid off"
    return repaid


@given(
    st.sampled_from([DayCount.ACTUAL_360, DayCount.THIRTY_360, DayCount.ACTUAL_365]),
    st.sampled_from([60_000, 240_000, 720_000]),
    st.lists(st.tuples(st.integers(1, 60), st.integers(1, 1_300)), max_size=6),
    st.integers(0, 100),
)
def test_the_loan_is_that_of_a_walk_night_by_night(day_count, rate, steps, after):
    agreed = kept(day_count=day_count, annual_rate=rate, instalments=12)
    book = disbursed(agreed)
    planned = views.schedule_rows(book.loan, START)
    table = [(row.principal, row.interest, row.due_on) for row in planned]
    level, day, payments = sum(table[0][:2]), START, []
    for wait, thousandths in steps:
        day += timedelta(days=wait)
        payments.append((day, level * thousandths // 1_000))
    until = day + timedelta(days=after)
    assume(until < planned[-2].due_on)
    assume(sum(amount for _, amount in payments) < 9 * level)

    for paid_on, amount in payments:
        pay(book, amount, paid_on)
    expected = walk(agreed, table, payments, until)

    seen = views.as_of(book.loan, until)
    for line, row in zip(seen.lines, expected, strict=True):
        assert (line.paid.principal, line.paid.interest) == (row.paid, row.paid_interest)
        if line.due:
            assert (line.owed.principal, line.owed.interest) == (row.principal, row.interest)
            assert line.owed.principal + line.owed.interest == level
    shown = views.schedule_rows(book.loan, until)
    assert sum(row.principal for row in shown) == agreed.principal


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 2_500)), max_size=8))
def test_principal_sums_to_what_was_lent_and_every_total_but_the_last_stays(steps):
    book = disbursed(kept(instalments=8))
    level, day = sum(rows(book, START)[0]), START
    for wait, thousandths in steps:
        day += timedelta(days=wait)
        if book.loan.status is Status.ACTIVE:
            pay(book, level * thousandths // 1_000, day)
    assume(book.loan.status is Status.ACTIVE and book.loan.principal)

    shown = views.schedule_rows(book.loan, day)

    assert sum(row.principal for row in shown) == 12_000_00
    last = max(n for n, row in enumerate(shown) if row.principal)
    for row in shown[:last]:
        assert row.principal + row.interest == level
