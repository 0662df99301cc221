"""What happens to a loan between its payments: each rule with figures worked by hand."""

from datetime import date, timedelta

import pytest

from domain import commands, views
from domain import events as e
from domain.errors import (
    AlreadyReversed,
    IndexWithoutValue,
    InvalidAmount,
    InvalidDate,
    InvalidTerms,
    NotAllowedNow,
    NotBackdatable,
    OverDisbursement,
    UnknownFee,
    UnknownPayment,
)
from domain.fold import replay
from domain.loan import Amounts, Status
from domain.restructuring import NewTerms
from domain.terms import (
    AllocationRule,
    ChargebackRule,
    Component,
    Floating,
    Frequency,
    Grace,
    Graduation,
    InAdvance,
    InterestBasis,
    LateBase,
    Method,
    PaymentKind,
    PeriodCharge,
    Revolving,
)
from tests.domain.histories import START, disbursed, opened, terms

DUE = [date(2026, 2, 15), date(2026, 3, 15), date(2026, 4, 15), date(2026, 5, 15)]


def lent(**changes):
    """12,000.00 at 24 %, four months, 2 % a period: the table is 3,151.49 a month."""
    return disbursed(per_period(**changes))


def per_period(**changes):
    agreed = {
        "principal": 12_000_00, "annual_rate": 240_000, "instalments": 4, "tax_rate": 0,
        "late_rate": 0, "interest": InterestBasis.PER_PERIOD,
    }  # fmt: skip
    return terms(**(agreed | changes))


def in_advance(how: InAdvance) -> AllocationRule:
    return AllocationRule(in_advance=how)


def left(book) -> list[int]:
    return [line.owed.principal - line.paid.principal for line in book.loan.lines]


def events_of(book, kind) -> list:
    return [event for event in book.history if isinstance(event, kind)]


# New terms


@pytest.mark.parametrize(
    ("treatment", "principal", "interest"),
    [
        (e.Treatment.CAPITALISE, 12_421_77, 0),  # 240.00 and 181.77 become principal
        (e.Treatment.KEEP, 12_000_00, 421_77),
        (e.Treatment.FORGIVE, 12_000_00, 0),
    ],
)
def test_a_restructure_takes_the_arrears_along(treatment, principal, interest):
    book = lent()

    book.do(commands.restructure, effective_on=DUE[1], new=NewTerms(instalments=6),
            treatment=treatment)  # fmt: skip

    loan = book.loan
    assert (loan.principal, loan.balances().interest) == (principal, interest)
    assert loan.days_past_due(DUE[1] + timedelta(30)) == 0
    assert [line.due_on.month for line in loan.lines[2:]] == [4, 5, 6, 7, 8, 9]
    assert sum(left(book)) == principal


def test_a_restructure_may_ask_for_its_first_instalment_that_day():
    """12,000.00 over 1 + 1/1.02 + 1/1.02^2 is 4,079.47; the first bears nothing."""
    book = lent()

    book.do(commands.restructure, effective_on=DUE[1],
            new=NewTerms(instalments=3, first_due_on=DUE[1]))  # fmt: skip

    new = views.schedule_rows(book.loan, DUE[1])[2:]
    assert [row.due_on for row in new] == DUE[1:]
    assert [row.principal for row in new] == [4_079_47, 3_921_06, 3_999_47]
    assert [row.interest for row in new] == [421_77, 158_41, 79_99]  # the arrears' are kept
    assert book.loan.days_past_due(DUE[1]) == 0
    assert views.as_of(book.loan, DUE[1] + timedelta(1)).days_past_due(DUE[1] + timedelta(1)) == 1


def test_no_restructure_asks_for_an_instalment_before_its_day():
    with pytest.raises(InvalidTerms) as refused:
        lent().do(commands.restructure, effective_on=DUE[1], new=NewTerms(first_due_on=DUE[0]))

    assert refused.value.field == "first_due"


def test_a_restructure_in_mid_period_ends_the_running_instalment_with_its_interest():
    book = lent(interest=InterestBasis.DAILY)  # 12,000 x 24 % x 10/360 = 80.00

    book.do(commands.restructure, effective_on=START + timedelta(10),
            treatment=e.Treatment.CAPITALISE)  # fmt: skip

    assert book.loan.principal == 12_080_00
    assert (book.loan.lines[0].due_on, book.loan.lines[0].left) == (START + timedelta(10), 0)
    assert len(book.loan.lines) == 5


def test_an_extension_leaves_the_arrears_where_they_are():
    book = lent()

    book.do(commands.restructure, effective_on=date(2026, 2, 20),
            kind=e.Revision.RESCHEDULE, new=NewTerms(instalments=6))  # fmt: skip

    assert book.loan.lines[0].left == 3_151_49
    assert book.loan.days_past_due(date(2026, 2, 20)) == 5
    assert len(book.loan.lines) == 7


def test_interest_paid_ahead_stays_owed_where_a_reschedule_asks_for_less():
    """Two rows' interest, 3 x 2.79, and 3.13 of principal are paid at once: then 2.78 would do."""
    book = lent(principal=1_000_00, annual_rate=145_000, instalments=3, frequency=Frequency.WEEKLY,
                method=Method.INTEREST_ONLY)  # fmt: skip
    book.do(commands.receive_payment, amount=11_50, effective_on=START)
    book.do(commands.restructure, effective_on=START + timedelta(18), kind=e.Revision.RESCHEDULE)
    book.do(commands.close_day, on=START + timedelta(21))
    assert [line.owed.interest for line in book.loan.lines] == [2_79, 2_79, 2_79]
    assert book.loan.balances().interest == 0


def test_a_reschedule_at_another_rate_divides_the_fixed_interest_of_its_period():
    """12,000.00: 14 of 28 nights of February at 2 % a month, then 14 at 3 %: 300.00."""
    book = lent(method=Method.INTEREST_ONLY)
    book.do(commands.receive_payment, amount=240_00, effective_on=DUE[0])
    book.do(commands.restructure, effective_on=DUE[0] + timedelta(14), kind=e.Revision.RESCHEDULE,
            new=NewTerms(annual_rate=360_000))  # fmt: skip
    book.do(commands.close_day, on=DUE[1])
    assert book.loan.balances().interest == 300_00


def test_arrears_spread_over_what_is_to_come():
    """375.00 a month at 0 %: the first is missed and spread over the other three: 500.00 each."""
    book = lent(principal=1_500_00, annual_rate=0)

    book.do(commands.restructure, effective_on=date(2026, 2, 20), kind=e.Revision.REAMORTIZATION)

    assert left(book) == [0, 500_00, 500_00, 500_00]
    assert book.loan.days_past_due(date(2026, 3, 1)) == 0


def test_new_terms_count_from_the_day_they_are_agreed_not_from_the_last_day_recorded():
    book = lent()  # nothing recorded since the disbursement

    book.do(commands.restructure, effective_on=date(2026, 3, 20),
            kind=e.Revision.RESCHEDULE, new=NewTerms(annual_rate=0))  # fmt: skip

    assert [line.due_on for line in book.loan.lines] == DUE


@pytest.mark.parametrize(("runs", "interest"), [(True, 240_00), (False, 0)])
def test_a_holiday_asks_for_nothing_and_the_term_grows(runs, interest):
    book = lent()

    book.do(commands.payment_holiday, effective_on=START, periods=1, interest_runs=runs)
    book.do(commands.close_day, on=DUE[0])

    assert len(book.loan.lines) == 5
    assert book.loan.lines[0].left == 0
    row = views.schedule_rows(book.loan, DUE[0])[1]
    assert row.interest == interest + 240_00


def test_acceleration_makes_all_due_with_the_interest_so_far():
    book = lent(interest=InterestBasis.DAILY)
    on = START + timedelta(10)

    book.do(commands.accelerate, effective_on=on, reason="contract terminated")

    [line] = book.loan.lines
    assert (line.due_on, line.owed.principal, line.owed.interest) == (on, 12_000_00, 80_00)
    assert book.loan.days_past_due(on + timedelta(1)) == 1


@pytest.mark.parametrize("paid", [0, 3_151_49])
def test_acceleration_on_a_due_date_asks_for_the_rest_with_the_instalment_of_that_day(paid):
    book = lent()
    book.do(commands.close_day, on=DUE[0])
    if paid:
        book.do(commands.receive_payment, amount=paid, effective_on=DUE[0])

    book.do(commands.accelerate, effective_on=DUE[0])

    [line] = book.loan.lines
    assert (line.due_on, line.owed.principal, line.owed.interest) == (DUE[0], 12_000_00, 240_00)
    assert (line.left, line.settled_on) == (12_240_00 - paid, None)
    assert book.loan.days_past_due(DUE[0] + timedelta(3)) == 3


def test_acceleration_on_a_due_date_keeps_its_own_row_where_the_next_period_was_charged():
    cover = PeriodCharge(kind="cover", amount=10_00, taxed=False)
    book = lent(period_charges=(cover,))

    book.do(commands.accelerate, effective_on=DUE[0])

    assert [line.due_on for line in book.loan.lines] == [DUE[0], DUE[0]]
    assert [line.owed.fee for line in book.loan.lines] == [10_00, 10_00]


def test_capitalised_grace_becomes_principal_on_its_due_date():
    grace = Grace(principal_periods=1, interest_payment_periods=1, capitalise=True)
    book = lent(grace=grace)

    book.do(commands.close_day, on=DUE[0])

    assert (book.loan.principal, book.loan.capitalised) == (12_240_00, 240_00)
    assert book.loan.balances().interest == 0
    assert book.loan.days_past_due(DUE[0] + timedelta(1)) == 0


def test_interest_kept_by_new_terms_is_owed_once_whatever_changes_in_their_first_period():
    """240.00 of the month before and 240.00 of the period, whatever is fitted anew."""
    book = lent()
    book.do(commands.restructure, effective_on=DUE[0], new=NewTerms(instalments=4))
    book.do(commands.change_rate, annual_rate=240_000, effective_on=DUE[0] + timedelta(5))

    book.do(commands.close_day, on=DUE[1])

    assert book.loan.balances().interest == 480_00
    assert views.schedule_rows(book.loan, DUE[1])[1].interest == 480_00


@pytest.mark.parametrize("kind", [e.Revision.RESTRUCTURE, e.Revision.RESCHEDULE])
@pytest.mark.parametrize("agreed", [None, 360_000])
def test_a_rate_learned_after_new_terms_holds_in_them_unless_they_say_another(kind, agreed):
    """12.00 % from the first due date: it holds after the second as well."""
    told, learned_late = lent(method=Method.INTEREST_ONLY), lent(method=Method.INTEREST_ONLY)
    for book in (told, learned_late):
        if book is told:
            book.do(commands.change_rate, annual_rate=120_000, effective_on=DUE[0])
        book.do(commands.restructure, effective_on=DUE[1], kind=kind,
                new=NewTerms(annual_rate=agreed))  # fmt: skip
    learned_late.do(commands.close_day, on=DUE[2])
    learned_late.do(commands.change_rate, annual_rate=120_000, effective_on=DUE[0])
    told.do(commands.close_day, on=DUE[2])

    assert learned_late.loan.terms == told.loan.terms
    assert [line.owed for line in learned_late.loan.lines] == [
        line.owed for line in told.loan.lines
    ]
    third = told.loan.lines[-2 if kind is e.Revision.RESCHEDULE else 2].owed.interest
    assert third == (360_00 if agreed else 120_00) + (
        360_00 if kind is e.Revision.RESTRUCTURE else 0  # 240.00 and 120.00 come along
    )


def test_a_deferred_interest_paid_before_it_fell_due_leaves_the_next_period_its_own():
    """240.00 deferred and paid at once: row 2 still earns its 2 % on 12,000.00."""
    grace = Grace(principal_periods=1, interest_payment_periods=1)
    book = lent(grace=grace)
    book.do(commands.receive_payment, amount=240_00, effective_on=START)
    book.do(commands.change_rate, annual_rate=240_000, effective_on=DUE[0])

    book.do(commands.close_day, on=DUE[1])

    assert book.loan.lines[1].owed.interest == 240_00


def test_a_tranche_learned_after_new_terms_leaves_what_was_paid_of_them():
    """2,000.00 lent late of 8,000.00; 500.00 of the first new instalment are paid by then."""
    told, learned_late = (opened(per_period(annual_rate=0)) for _ in range(2))
    for book in (told, learned_late):
        book.do(commands.disburse, principal=8_000_00, effective_on=START)
        if book is told:
            book.do(commands.disburse, principal=2_000_00, effective_on=START + timedelta(5))
        book.do(commands.restructure, effective_on=DUE[2], new=NewTerms(instalments=2))
        book.do(commands.receive_payment, amount=500_00, effective_on=DUE[2])
    learned_late.do(commands.disburse, principal=2_000_00, effective_on=START + timedelta(5))

    assert [(line.owed, line.paid) for line in learned_late.loan.lines] == [
        (line.owed, line.paid) for line in told.loan.lines
    ]
    assert learned_late.loan.principal == 9_500_00


# Rates


def test_a_new_rate_lowers_the_instalment_or_keeps_it():
    """Half the rate from the first due date: 9,088.51 at 1 % over three is 3,090.29 a month."""
    fitted, kept = lent(), lent()
    for book, keeps in ((fitted, False), (kept, True)):
        book.do(commands.receive_payment, amount=3_151_49, effective_on=DUE[0])
        book.do(commands.change_rate, annual_rate=120_000, effective_on=DUE[0],
                keeps_instalment=keeps)  # fmt: skip

    totals = [[row.total for row in views.schedule_rows(book.loan, DUE[0])[1:]]
              for book in (fitted, kept)]  # fmt: skip
    assert totals[0] == [3_090_29, 3_090_29, 3_090_31]
    assert totals[1][:2] == [3_151_49, 3_151_49]
    assert totals[1][2] < 3_090_00


def test_interest_rests_for_the_nights_of_a_pause():
    """31 nights of January and February less the 10 of the pause: 21/360 of 24 %."""
    book = lent(interest=InterestBasis.DAILY)

    book.do(commands.pause_interest, effective_on=START + timedelta(5),
            until=START + timedelta(15))  # fmt: skip
    book.do(commands.close_day, on=DUE[0])

    assert book.loan.lines[0].owed.interest == 168_00


def test_days_of_a_delinquency_pause_are_none_past_due():
    book = disbursed(per_period(interest=InterestBasis.DAILY, late_rate=360_000))
    book.do(commands.pause_delinquency, effective_on=date(2026, 2, 20), until=date(2026, 3, 2))

    book.do(commands.close_day, on=date(2026, 3, 5))

    assert book.loan.days_past_due(date(2026, 2, 25)) == 5
    assert book.loan.days_past_due(date(2026, 3, 5)) == 8  # 18 less 10
    overdue = book.loan.lines[0].owed.principal
    assert book.loan.balances().late_interest == round(overdue * 0.36 * 8 / 360)


def test_a_graduated_loan_goes_on_growing_where_it_would_have_whatever_changes():
    """At 0 %, 12,000 / (1 + 1 + 1.1 + 1.1) is 2,857.14; the growth after two stays there."""
    book = lent(
        annual_rate=0, method=Method.GRADUATED, graduation=Graduation(every=2, rate=100_000)
    )
    book.do(commands.receive_payment, amount=2_857_14, effective_on=DUE[0])

    book.do(commands.change_rate, annual_rate=0, effective_on=DUE[0])

    assert left(book) == [0, 2_857_14, 3_142_85, 3_142_87]


VALUES = {START: 100_000, DUE[0]: 110_000, DUE[1]: 300_000}


def value_of(index: str, day: date) -> int | None:
    known = [value for on, value in VALUES.items() if on <= day and index == "TIIE28"]
    return known[-1] if known else None


def test_a_floating_rate_is_fixed_on_every_reset_day_within_its_cap():
    floating = Floating(index="TIIE28", spread=50_000, cap=200_000)
    book = lent(annual_rate=150_000, floating=floating)

    book.do(commands.reset_rate, upto=DUE[1], value_of=value_of)

    changed = events_of(book, e.RateChanged)
    assert [(event.effective_on, event.annual_rate) for event in changed] == [
        (DUE[0], 160_000), (DUE[1], 200_000),
    ]  # fmt: skip
    assert book.do(commands.reset_rate, upto=DUE[1], value_of=value_of) == ()


def test_a_reset_day_without_a_value_is_an_error_that_names_index_and_day():
    book = lent(floating=Floating(index="LIBOR"))

    with pytest.raises(IndexWithoutValue, match=f"LIBOR has no value on {START}") as refusal:
        commands.reset_rate(book.loan, upto=DUE[0], value_of=value_of)
    assert refusal.value.field == "index"


# Payments


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (InAdvance.NEXT_INSTALMENT, [0, 2_000_00, 2_500_00, 2_500_00]),
        (InAdvance.LAST_INSTALMENT, [2_500_00, 2_500_00, 2_000_00, 0]),
        (InAdvance.REAMORTIZE, [1_750_00, 1_750_00, 1_750_00, 1_750_00]),
        (InAdvance.REDUCE_INSTALMENT, [1_750_00, 1_750_00, 1_750_00, 1_750_00]),
        (InAdvance.REDUCE_TERM, [2_500_00, 2_500_00, 2_000_00]),
        (InAdvance.WAIT, [2_500_00, 2_500_00, 2_500_00, 2_500_00]),
    ],
)
def test_where_3000_paid_in_advance_go(how, expected):
    book = lent(principal=10_000_00, annual_rate=0, allocation=in_advance(how))

    book.do(commands.receive_payment, amount=3_000_00, effective_on=START)

    assert left(book) == expected
    assert book.loan.overpaid == (3_000_00 if how is InAdvance.WAIT else 0)


def test_money_that_waits_clears_each_instalment_on_its_day():
    book = lent(principal=10_000_00, annual_rate=0, allocation=in_advance(InAdvance.WAIT))
    book.do(commands.receive_payment, amount=3_000_00, effective_on=START)

    book.do(commands.close_day, on=DUE[1])

    assert left(book) == [0, 2_000_00, 2_500_00, 2_500_00]
    assert book.loan.overpaid == 0
    assert book.loan.days_past_due(DUE[0] + timedelta(5)) == 0


@pytest.mark.parametrize("charged", [{}, {"prepayment_fee_rate": 20_000}])
@pytest.mark.parametrize("interest", list(InterestBasis))
def test_the_quote_counts_the_money_that_waits_and_closes_to_the_centavo(interest, charged):
    book = lent(interest=interest, allocation=in_advance(InAdvance.WAIT), tax_rate=160_000,
                **charged)  # fmt: skip
    book.do(commands.receive_payment, amount=3_000_00, effective_on=START)
    on = START + timedelta(10)
    owed, quote = views.as_of(book.loan, on).balances().total, views.payoff(book.loan, on)
    assert quote.total == owed - 3_000_00 + (240_00 + 38_40 if charged else 0)
    missing = commands.receive_payment(book.loan, amount=quote.total - 1, effective_on=on)

    book.do(commands.receive_payment, amount=quote.total, effective_on=on)

    assert (book.loan.status, book.loan.overpaid) == (Status.CLOSED, 0)
    assert not any(isinstance(event, e.LoanClosed) for event in missing)


def test_money_that_waits_and_more_than_the_quote_leaves_the_difference():
    book = lent(annual_rate=0, allocation=in_advance(InAdvance.WAIT))
    book.do(commands.receive_payment, amount=3_000_00, effective_on=START)
    book.do(commands.receive_payment, amount=9_000_01, effective_on=START)
    kept = [payment.overpaid for payment in book.loan.payments.values()]
    assert (book.loan.status, kept) == (Status.CLOSED, [0, 1])


@pytest.mark.parametrize(
    ("forgiven", "status", "kept"),
    [(5_999_99, Status.ACTIVE, 6_000_00), (6_000_00, Status.CLOSED, 0),
     (7_000_00, Status.CLOSED, 1_000_00)],
)  # fmt: skip
def test_what_waits_closes_a_loan_of_which_no_more_is_left_than_that(forgiven, status, kept):
    book = lent(annual_rate=0, allocation=in_advance(InAdvance.WAIT))
    book.do(commands.receive_payment, amount=6_000_00, effective_on=START)

    book.do(commands.forgive, amounts={Component.PRINCIPAL: forgiven}, effective_on=START)

    assert (book.loan.status, book.loan.overpaid) == (status, kept)
    if status is Status.CLOSED:
        assert (book.loan.closed_for, book.loan.balances()) == ("forgiven", Amounts())
    else:
        assert views.payoff(book.loan, START).total == 1


def test_what_waits_closes_a_loan_whose_last_fee_is_waived():
    book = lent(annual_rate=0, allocation=in_advance(InAdvance.WAIT))
    book.do(commands.charge_fee, kind="visit", amount=100_00, effective_on=START)
    book.do(commands.receive_payment, amount=12_000_00, effective_on=START)
    assert book.loan.status is Status.ACTIVE

    book.do(commands.waive_fee, fee=1, effective_on=START)

    assert (book.loan.status, book.loan.overpaid) == (Status.CLOSED, 0)


def test_whoever_paid_the_next_instalment_is_not_asked_for_it_again_by_a_new_rate():
    book = lent()
    book.do(commands.receive_payment, amount=3_151_49, effective_on=START)

    book.do(commands.change_rate, annual_rate=240_000, effective_on=START + timedelta(1))

    row = views.schedule_rows(book.loan, START + timedelta(1))[0]
    assert (row.total, row.paid) == (3_151_49, 3_151_49)


def test_a_kind_of_payment_has_its_own_allocation():
    goodwill = AllocationRule(in_advance=InAdvance.LAST_INSTALMENT)
    book = lent(annual_rate=0, allocations=((PaymentKind.GOODWILL_CREDIT, goodwill),))

    book.do(commands.receive_payment, amount=500_00, effective_on=START,
            kind=PaymentKind.GOODWILL_CREDIT)  # fmt: skip

    assert left(book) == [3_000_00, 3_000_00, 3_000_00, 2_500_00]


def test_a_chargeback_asks_again_for_the_money_from_its_day_on():
    book = lent(annual_rate=0)
    book.do(commands.receive_payment, amount=3_000_00, effective_on=DUE[0])

    book.do(commands.charge_back, payment=1, amount=1_000_00, effective_on=date(2026, 3, 1))

    assert left(book) == [0, 4_000_00, 3_000_00, 3_000_00]
    assert book.loan.days_past_due(date(2026, 3, 1)) == 0
    with pytest.raises(InvalidAmount):
        commands.charge_back(book.loan, payment=1, amount=2_000_01, effective_on=DUE[1])
    with pytest.raises(AlreadyReversed):
        commands.reverse_payment(book.loan, payment=1, reversed_on=DUE[1])


@pytest.mark.parametrize("rule", list(ChargebackRule))
def test_what_was_kept_of_a_payment_is_taken_back_once(rule):
    """Of 12,500.00 500.00 were kept and 100.00 given back: 300.00 and 12,100.00 make it whole."""
    book = lent(annual_rate=0, chargeback=rule)
    book.do(commands.receive_payment, amount=12_500_00, effective_on=START)
    book.do(commands.refund_overpayment, amount=100_00, effective_on=START)
    book.do(commands.charge_back, payment=1, amount=300_00, effective_on=DUE[0])

    with pytest.raises(InvalidAmount):
        commands.charge_back(book.loan, payment=1, amount=12_100_01, effective_on=DUE[0])
    book.do(commands.charge_back, payment=1, amount=7_100_00, effective_on=DUE[0])
    book.do(commands.charge_back, payment=1, effective_on=DUE[0])

    assert (book.loan.principal, book.loan.overpaid) == (12_000_00, 0)


def test_what_a_chargeback_leaves_owed_is_told_again_with_what_was_kept_by_its_day():
    """Of 4,000.00 one instalment took 3,000.00 and 1,000.00 were kept; 1,500.00 go back.

    A visit of 200.00 learned late had taken as much of what was kept: 700.00 are owed again.
    """
    book = lent(annual_rate=0, allocation=in_advance(InAdvance.WAIT))
    book.do(commands.receive_payment, amount=4_000_00, effective_on=START)
    book.do(commands.charge_back, payment=1, amount=1_500_00, effective_on=date(2026, 3, 1))
    assert left(book) == [0, 3_500_00, 3_000_00, 3_000_00]

    book.do(commands.charge_fee, kind="visit", amount=200_00, effective_on=date(2026, 2, 10))

    assert left(book) == [0, 3_700_00, 3_000_00, 3_000_00]
    assert (book.loan.principal, book.loan.overpaid) == (9_700_00, 0)
    [corrected] = events_of(book, e.HistoryCorrected)
    assert [one.overpaid for one in (*corrected.moved, *corrected.charged_back)] == [
        -200_00, 200_00,
    ]  # fmt: skip


def test_a_chargeback_of_a_closed_loan_opens_it_and_takes_what_was_kept_first():
    book = lent(annual_rate=0)
    book.do(commands.receive_payment, amount=12_500_00, effective_on=START)
    assert book.loan.status is Status.CLOSED

    book.do(commands.charge_back, payment=1, amount=1_500_00, effective_on=DUE[3])

    assert (book.loan.status, book.loan.overpaid) == (Status.ACTIVE, 0)
    assert book.loan.principal == 1_000_00
    assert book.loan.days_past_due(DUE[3] + timedelta(2)) == 2


@pytest.mark.parametrize("method", [Method.EQUAL_INSTALMENTS, Method.FLAT])
def test_a_repaid_loan_opened_again_by_a_chargeback_earns_no_interest_on_what_was_paid(method):
    """Paid off ten days into the period, 240.00 x 10/31 = 77.42; 500.00 go back to the payer."""
    book = lent(method=method, tax_rate=160_000)
    on = START + timedelta(10)
    book.do(commands.receive_payment, amount=views.payoff(book.loan, on).total, effective_on=on)

    book.do(commands.charge_back, payment=1, amount=500_00, effective_on=on + timedelta(5))
    book.do(commands.close_day, on=DUE[3])

    assert sum(line.owed.interest for line in book.loan.lines) == 77_42
    assert book.loan.balances() == Amounts(principal=500_00)
    assert book.loan.days_past_due(DUE[3]) == (DUE[3] - DUE[0]).days


def test_a_reversal_gives_back_the_interest_of_rows_that_a_payment_had_done_away_with():
    shortens = in_advance(InAdvance.REDUCE_TERM)
    bounced, never = lent(allocation=shortens), lent(allocation=shortens)
    bounced.do(commands.receive_payment, amount=9_500_00, effective_on=START)
    bounced.do(commands.close_day, on=DUE[0])
    assert len(bounced.loan.lines) == 1

    bounced.do(commands.reverse_payment, payment=1, reversed_on=DUE[3] + timedelta(5))

    wanted = views.as_of(never.loan, DUE[3] + timedelta(5))
    assert [line.owed for line in bounced.loan.lines] == [line.owed for line in wanted.lines]


def test_an_overpayment_is_refunded_once():
    book = lent(annual_rate=0)
    book.do(commands.receive_payment, amount=12_500_00, effective_on=START)

    book.do(commands.refund_overpayment, amount=200_00, effective_on=DUE[0])
    book.do(commands.refund_overpayment, effective_on=DUE[0])

    assert book.loan.overpaid == 0
    with pytest.raises(InvalidAmount):
        commands.refund_overpayment(book.loan, effective_on=DUE[0])


def test_money_that_comes_after_the_last_payment_is_kept_and_given_back():
    book = lent(annual_rate=0)
    book.do(commands.receive_payment, amount=12_000_00, effective_on=START)

    book.do(commands.receive_payment, amount=100_00, effective_on=DUE[0],
            kind=PaymentKind.GOODWILL_CREDIT)  # fmt: skip

    assert (book.loan.status, book.loan.closed_for) == (Status.CLOSED, "paid")
    assert book.loan.overpaid == 100_00
    book.do(commands.refund_overpayment, effective_on=DUE[0])
    assert (book.loan.status, book.loan.overpaid) == (Status.CLOSED, 0)


def test_money_kept_by_a_repaid_loan_pays_what_a_reversal_leaves_owed():
    book = lent(annual_rate=0)
    book.do(commands.receive_payment, amount=12_000_00, effective_on=START)
    book.do(commands.receive_payment, amount=3_000_00, effective_on=DUE[0])

    book.do(commands.reverse_payment, payment=1, reversed_on=DUE[0])

    assert (book.loan.status, book.loan.overpaid) == (Status.ACTIVE, 0)
    assert left(book) == [0, 3_000_00, 3_000_00, 3_000_00]


def test_a_repaid_loan_stays_so_when_the_money_that_came_after_was_none():
    book = lent(annual_rate=0)
    book.do(commands.receive_payment, amount=12_000_00, effective_on=START)
    book.do(commands.receive_payment, amount=3_000_00, effective_on=DUE[0])

    book.do(commands.reverse_payment, payment=2, reversed_on=DUE[1])

    assert (book.loan.status, book.loan.closed_for) == (Status.CLOSED, "paid")
    assert book.loan.overpaid == 0


# Fees


def test_a_late_fee_is_charged_once_and_not_at_all_to_who_had_paid():
    book = lent(late_fee=150_00, late_grace_days=3, tax_rate=160_000)

    book.do(commands.close_day, on=date(2026, 2, 18))
    assert book.loan.balances().fee == 0
    book.do(commands.close_day, on=date(2026, 3, 10))
    assert (book.loan.balances().fee, book.loan.balances().fee_tax) == (150_00, 24_00)
    owed = book.loan.lines[0].left - 174_00
    book.do(commands.receive_payment, amount=owed, effective_on=DUE[0])

    assert (book.loan.balances().fee, book.loan.days_past_due(date(2026, 3, 10))) == (0, 0)


def test_late_interest_may_run_on_the_whole_overdue_instalment():
    """2,911.49 and 240.00 overdue for ten days at 36 %: 3,151.49 x 0.36 x 10/360 = 31.51."""
    book = lent(late_rate=360_000, late_base=LateBase.INSTALMENT)

    book.do(commands.close_day, on=date(2026, 2, 25))

    assert book.loan.balances().late_interest == 31_51


def test_a_prepayment_fee_is_part_of_the_payoff():
    """2 % of 12,000.00: the fee that closing on the first day costs."""
    book = lent(prepayment_fee_rate=20_000)

    quote = views.payoff(book.loan, START)
    assert (quote.fee, quote.total) == (240_00, 12_240_00)
    book.do(commands.receive_payment, amount=quote.total, effective_on=START)

    assert (book.loan.status, book.loan.overpaid) == (Status.CLOSED, 0)


@pytest.mark.parametrize(
    ("financed", "owed", "received"),
    [(False, 12_000_00, 11_640_00), (True, 12_360_00, 12_000_00)],
)
def test_an_opening_fee_is_withheld_or_financed(financed, owed, received):
    book = opened(per_period(opening_fee_rate=30_000, opening_fee_financed=financed))

    book.do(commands.disburse, principal=12_000_00, effective_on=START)

    [paid_out] = events_of(book, e.LoanDisbursed)
    assert book.loan.principal == owed
    assert paid_out.principal - paid_out.withheld_fees == received


def test_insurance_is_charged_as_each_period_begins():
    cover = PeriodCharge(kind="cover", rate=1_000, of_balance=True, taxed=False)
    book = lent(period_charges=(cover,))

    assert book.loan.balances().fee == 12_00
    book.do(commands.receive_payment, amount=3_163_49, effective_on=DUE[0])

    assert book.loan.balances().fee == 9_09  # 0.1 % of 9,088.51
    assert book.loan.days_past_due(DUE[0] + timedelta(9)) == 0


def test_a_fee_due_after_the_last_instalment_gets_a_row_of_its_own():
    book = lent()

    book.do(commands.charge_fee, kind="release", amount=50_00, effective_on=START,
            due_on=date(2026, 6, 30))  # fmt: skip

    last = book.loan.lines[-1]
    assert (last.number, last.due_on, last.owed.fee) == (5, date(2026, 6, 30), 50_00)


def test_what_the_terms_charged_is_waived_by_its_instalment_and_owed_again_when_that_is_undone():
    """Insurance of 30.00 and 4.80 of tax, all of it given up, and later asked for after all."""
    cover = PeriodCharge(kind="cover", amount=30_00)
    book = lent(period_charges=(cover,), tax_rate=160_000)
    owed = book.loan.lines[0].left

    book.do(commands.waive_charges, instalment=1, effective_on=START + timedelta(1))
    assert book.loan.balances().fee == book.loan.balances().fee_tax == 0
    assert book.loan.lines[0].left - owed == 7_74 + 1_24 - 34_80  # and a night's interest
    with pytest.raises(UnknownFee, match="no fee of instalment 1 is left"):
        commands.waive_charges(book.loan, instalment=1, effective_on=DUE[0])
    book.do(commands.undo_waiver, instalment=1, effective_on=START + timedelta(2))

    assert (book.loan.balances().fee, book.loan.balances().fee_tax) == (30_00, 4_80)
    with pytest.raises(UnknownFee, match="no charge of instalment 1 is waived"):
        commands.undo_waiver(book.loan, instalment=1, effective_on=DUE[0])


def test_part_of_the_charges_is_waived_with_the_tax_on_it():
    book = lent(period_charges=(PeriodCharge(kind="cover", amount=30_00),), tax_rate=160_000)

    book.do(commands.waive_charges, instalment=1, amount=10_00, effective_on=START)

    assert (book.loan.balances().fee, book.loan.balances().fee_tax) == (20_00, 3_20)
    with pytest.raises(InvalidAmount, match="more than the 2000 left"):
        commands.waive_charges(book.loan, instalment=1, amount=20_01, effective_on=START)


def test_a_fee_whose_waiver_is_undone_may_be_waived_again():
    book = lent(annual_rate=0)
    book.do(commands.charge_fee, kind="visit", amount=50_00, effective_on=START)
    book.do(commands.waive_fee, fee=1, effective_on=START)
    book.do(commands.receive_payment, amount=3_000_00, effective_on=DUE[0])
    later = DUE[0] + timedelta(5)
    assert book.loan.days_past_due(later) == 0

    book.do(commands.undo_waiver, fee=1, effective_on=later)

    assert book.loan.days_past_due(later) == 5
    assert views.as_of(book.loan, DUE[0]).balances().fee == 0
    book.do(commands.waive_fee, fee=1, effective_on=later)
    assert (book.loan.balances().fee, book.loan.days_past_due(later)) == (0, 0)


# Endings


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "paid"),
        ({"kind": PaymentKind.INSURANCE_CLAIM}, "insured"),
        ({"channel": e.REFINANCING}, "refinanced"),
    ],
)
def test_a_loan_says_what_ended_it(given, reason):
    book = lent(annual_rate=0)

    book.do(commands.receive_payment, amount=12_000_00, effective_on=START, **given)

    assert book.loan.closed_for == reason


def test_a_sold_loan_leaves_the_books_whole():
    book = lent()

    book.do(commands.sell, effective_on=DUE[0], holder="Fund II", price=9_000_00)

    assert (book.loan.status, book.loan.closed_for) == (Status.CLOSED, "sold")
    assert book.loan.balances().total == 0
    [sold] = events_of(book, e.LoanSold)
    assert sum(portion.total for portion in sold.sold) == 12_240_00
    with pytest.raises(NotAllowedNow):
        commands.charge_back(book.loan, payment=1, effective_on=DUE[1])


def test_interest_is_no_income_from_so_many_days_past_due_until_paid():
    book = lent(suspend_from=30)

    book.do(commands.close_day, on=date(2026, 3, 16))
    assert not book.loan.suspended
    book.do(commands.close_day, on=date(2026, 3, 17))
    assert book.loan.suspended
    book.do(commands.receive_payment, amount=7_000_00, effective_on=date(2026, 3, 18))
    book.do(commands.close_day, on=date(2026, 3, 18))

    assert not book.loan.suspended


@pytest.mark.parametrize("how", [InAdvance.NEXT_INSTALMENT, InAdvance.LAST_INSTALMENT])
def test_a_claim_pays_no_interest_that_is_still_to_be_earned(how):
    """3,077.42 after ten of 31 days of 240.00: 77.42 of interest, the rest principal."""
    book = lent(allocation=in_advance(how))

    book.do(commands.receive_payment, amount=3_077_42, effective_on=START + timedelta(10),
            kind=PaymentKind.INSURANCE_CLAIM)  # fmt: skip

    [claim] = book.loan.payments.values()
    assert sum(cleared.interest for cleared in claim.allocation.values()) == 77_42
    assert book.loan.balances().interest == 0
    assert book.loan.principal == 9_000_00


@pytest.mark.parametrize("leave", [commands.write_off, commands.sell])
def test_what_leaves_the_books_is_what_is_owed_that_day_exactly(leave):
    """Of 240.00 paid ahead 10/31 are earned, 77.42: 162.58 stand against 9,088.51."""
    book = lent()
    book.do(commands.receive_payment, amount=3_151_49, effective_on=START)
    on = START + timedelta(10)
    given = {"holder": "Fund II", "price": 1} if leave is commands.sell else {}
    owed = views.payoff(book.loan, on).total

    book.do(leave, effective_on=on, **given)

    [gone] = events_of(book, e.LoanSold) + events_of(book, e.LoanWrittenOff)
    portions = gone.sold if isinstance(gone, e.LoanSold) else gone.written_off
    assert (owed, sum(portion.total for portion in portions)) == (8_925_93, 8_925_93)
    assert all(line.left == 0 for line in book.loan.lines)
    assert book.loan.balances() == Amounts()


def test_a_written_off_loan_that_had_paid_ahead_closes_when_all_is_recovered():
    book = lent()
    book.do(commands.receive_payment, amount=3_151_49, effective_on=START)
    book.do(commands.write_off, effective_on=START + timedelta(10))

    book.do(commands.receive_recovery, amount=8_925_93, effective_on=DUE[3])

    assert (book.loan.status, book.loan.closed_for) == (Status.CLOSED, "recovered")


def test_interest_paid_ahead_that_moved_on_to_the_next_instalment_pays_principal_as_well():
    """12.50 of interest paid ahead, 12.08 earned when it falls due: 0.42 go on to row 2."""
    book = lent(principal=1_000_00, annual_rate=145_000)
    paid = e.PaymentReceived(effective_on=START, payment=1, amount=12_50,
                             allocation=(e.Portion(instalment=1, interest=12_50),))  # fmt: skip
    accrued = e.InterestAccrued(effective_on=DUE[0], instalment=1, interest=12_08)
    due = e.InstalmentFellDue(effective_on=DUE[0], instalment=1, principal=245_50, interest=12_50,
                              carried=-42)  # fmt: skip
    book.loan = replay([paid, accrued, due], book.loan)
    assert book.loan.lines[1].left == book.loan.lines[1].owed.principal - 42

    book.do(commands.write_off, effective_on=DUE[0])

    assert book.loan.written_off == Amounts(principal=999_58)
    assert all(line.owed == line.paid for line in book.loan.lines)


# Refusals


def paid(book=None):
    book = book or lent(annual_rate=0)
    book.do(commands.receive_payment, amount=12_000_00, effective_on=START)
    return book


def sold():
    book = lent()
    book.do(commands.sell, effective_on=START, holder="Fund", price=1)
    return book


def matured():
    book = lent()
    book.do(commands.close_day, on=date(2026, 6, 1))
    return book


NEXT_DAY = date(2026, 6, 2)


@pytest.mark.parametrize(
    ("book", "command", "arguments", "error", "field"),
    [
        (paid, commands.restructure, {"effective_on": DUE[0]}, NotAllowedNow, "status"),
        (lent, commands.restructure, {"effective_on": START - timedelta(1)}, InvalidDate,
         "effective_on"),
        (lent, commands.restructure, {"effective_on": START, "new": NewTerms(instalments=0)},
         InvalidTerms, "instalments"),
        (lent, commands.restructure,
         {"effective_on": DUE[0], "new": NewTerms(first_due_on=START)}, InvalidTerms, "first_due"),
        (lent, commands.restructure, {"effective_on": START, "kind": e.Revision.ACCELERATION},
         InvalidTerms, "kind"),
        (matured, commands.restructure, {"effective_on": NEXT_DAY, "kind": e.Revision.RESCHEDULE},
         NotAllowedNow, "status"),
        (matured, commands.payment_holiday, {"effective_on": NEXT_DAY, "periods": 1},
         NotAllowedNow, "status"),
        *((lent, commands.payment_holiday, {"effective_on": START, "periods": periods},
           InvalidTerms, "periods") for periods in (-1, 0, 367)),
        (matured, commands.accelerate, {"effective_on": NEXT_DAY}, NotAllowedNow, "status"),
        (paid, commands.accelerate, {"effective_on": DUE[0]}, NotAllowedNow, "status"),
        (paid, commands.receive_payment, {"amount": 1, "effective_on": START - timedelta(1)},
         InvalidDate, "effective_on"),
        (sold, commands.receive_payment, {"amount": 1, "effective_on": DUE[0]}, NotAllowedNow,
         "status"),
        (lent, commands.change_rate, {"annual_rate": -1, "effective_on": START}, InvalidTerms,
         "annual_rate"),
        (paid, commands.change_rate, {"annual_rate": 1, "effective_on": START}, NotAllowedNow,
         "status"),
        (lent, commands.pause_interest, {"effective_on": DUE[0], "until": DUE[0]}, InvalidDate,
         "until"),
        (lent, commands.pause_delinquency, {"effective_on": DUE[0], "until": START}, InvalidDate,
         "until"),
        (lent, commands.charge_back, {"payment": 1, "effective_on": START}, UnknownPayment,
         "payment"),
        (lent, commands.refund_overpayment, {"effective_on": START}, InvalidAmount, "amount"),
        (lent, commands.sell, {"effective_on": START, "holder": " ", "price": 1}, InvalidTerms,
         "holder"),
        (lent, commands.sell, {"effective_on": START, "holder": "Fund", "price": -1},
         InvalidAmount, "price"),
        (lent, commands.charge_fee, {"kind": "visit", "amount": 1, "effective_on": DUE[0],
                                     "due_on": START}, InvalidDate, "due"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_name(book, command, arguments, error, field):
    given = book()

    with pytest.raises(error) as refusal:
        command(given.loan, **arguments)

    assert refusal.value.field == field


def test_two_delinquency_pauses_do_not_overlap():
    book = lent()
    book.do(commands.pause_delinquency, effective_on=DUE[0], until=DUE[1])

    with pytest.raises(InvalidDate, match="overlaps"):
        commands.pause_delinquency(book.loan, effective_on=DUE[1] - timedelta(1), until=DUE[2])
    book.do(commands.pause_delinquency, effective_on=DUE[1], until=DUE[2])


def test_a_card_paid_whole_each_time_bears_no_interest_and_one_that_is_not_bears_all_of_it():
    """Bought for 5,000.00, all paid; then for 3,000.00 on 20 February, 500.00 paid on 10 March.

    By 15 March: (3,000 x 18 + 2,500 x 5) days x 60 % / 360 = 110.83, owed from the day after.
    """
    card = terms(
        principal=20_000_00, annual_rate=600_000, instalments=24, tax_rate=0, late_rate=0,
        method=Method.REVOLVING, allocation=in_advance(InAdvance.REDUCE_INSTALMENT),
        revolving=Revolving(minimum_rate=100_000, statement_days=20, interest_free=True),
    )  # fmt: skip
    book = opened(card)
    book.do(commands.disburse, principal=5_000_00, effective_on=START)
    book.do(commands.receive_payment, amount=5_000_00, effective_on=date(2026, 2, 10))
    book.do(commands.disburse, principal=3_000_00, effective_on=date(2026, 2, 20))
    assert book.loan.balances().total == 3_000_00
    book.do(commands.receive_payment, amount=500_00, effective_on=date(2026, 3, 10))

    book.do(commands.close_day, on=DUE[1])
    assert book.loan.balances().interest == 0
    book.do(commands.close_day, on=DUE[1] + timedelta(6))

    assert book.loan.balances().interest == 110_83 + 25_00  # 2,500.00 for six days
    cut = events_of(book, e.StatementCut)
    assert [(event.effective_on, event.balance) for event in cut] == [
        (date(2026, 1, 26), 5_000_00), (date(2026, 2, 23), 3_000_00),
    ]  # fmt: skip


def card(**changes):
    """5,000.00 bought on the first day, billed on 26 January: 500.00 to pay by 15 February."""
    agreed = {
        "principal": 20_000_00, "annual_rate": 600_000, "instalments": 24,
        "method": Method.REVOLVING, "interest": InterestBasis.DAILY,
        "revolving": Revolving(minimum_rate=100_000, statement_days=20, interest_free=True),
    }  # fmt: skip
    book = opened(per_period(**(agreed | changes)))
    book.do(commands.disburse, principal=5_000_00, effective_on=START)
    return book


def test_whoever_pays_what_is_billed_owes_nothing_more_on_the_due_date():
    """5,000.00 x 60 % x 31/360 = 258.33 are billed by the next statement, and 7.50 for a night."""
    book = card()

    book.do(commands.receive_payment, amount=500_00, effective_on=DUE[0])
    book.do(commands.close_day, on=DUE[0] + timedelta(1))

    assert book.loan.days_past_due(DUE[0] + timedelta(1)) == 0
    assert [line.owed.interest for line in book.loan.lines[:2]] == [0, 258_33 + 7_50]


@pytest.mark.parametrize("days", [0, 5])
def test_the_interest_after_a_statement_is_asked_for_by_the_next_one(days):
    """4,500.00 from 15 February on: 8 nights to the cut, 60.00, and 20 more, 150.00.

    Billed are 450.00, 258.33 of the period before and 60.00. Paid five days early: 7.50 a night
    run on 4,500.00 for 15 nights, then on 4,050.00 for 5.
    """
    book = card()
    book.do(commands.receive_payment, amount=500_00, effective_on=DUE[0])
    book.do(commands.close_day, on=date(2026, 3, 1))
    assert events_of(book, e.StatementCut)[-1].minimum == 450_00 + 258_33 + 60_00
    forecast = [row.interest for row in views.schedule_rows(book.loan, date(2026, 3, 1))[1:3]]

    book.do(commands.receive_payment, amount=768_33, effective_on=DUE[1] - timedelta(days))
    book.do(commands.close_day, on=DUE[1] + timedelta(1))

    due, following = book.loan.lines[1:3]
    assert (due.left, book.loan.days_past_due(DUE[1] + timedelta(1))) == (0, 0)
    assert forecast[0] == due.owed.interest == 318_33
    since = 150_00 if not days else 112_50 + 33_75
    assert following.owed.interest == since + 6_75  # a night on 4,050.00
    assert forecast[1] == 150_00 + 74_25  # to the cut of 26 March, 11 nights


def test_a_fee_after_a_statement_is_asked_for_by_the_next_one():
    book = card(tax_rate=160_000)

    book.do(commands.charge_fee, kind="card", amount=100_00, effective_on=date(2026, 2, 1))

    assert [line.owed.fee for line in book.loan.lines[:2]] == [0, 100_00]


def test_a_payment_learned_late_among_statements_bills_as_if_it_had_been_known():
    told, learned_late = card(), card()
    early = {"amount": 700_00, "effective_on": date(2026, 2, 20)}
    for book in (told, learned_late):
        book.do(commands.close_day, on=DUE[0] + timedelta(2))
    told.do(commands.receive_payment, **early)
    learned_late.do(commands.close_day, on=date(2026, 3, 1))
    learned_late.do(commands.receive_payment, **early)

    for book in (told, learned_late):
        book.do(commands.close_day, on=DUE[1] + timedelta(1))
    assert learned_late.loan.billed == told.loan.billed
    assert [(line.owed, line.paid) for line in learned_late.loan.lines] == [
        (line.owed, line.paid) for line in told.loan.lines
    ]


def test_a_line_that_revolved_bears_nothing_again_once_a_statement_is_paid_whole_on_its_day():
    book = card()
    book.do(commands.close_day, on=date(2026, 2, 23))
    assert (book.loan.revolves, book.loan.cut_on) == (True, date(2026, 2, 23))

    book.do(commands.receive_payment, amount=book.loan.statement, effective_on=DUE[1])
    owed = book.loan.balances().interest
    book.do(commands.close_day, on=DUE[1] + timedelta(10))

    assert not book.loan.revolves
    assert book.loan.balances().interest == owed


def test_a_payment_found_late_spares_the_interest_as_if_it_had_been_known_on_the_due_date():
    book = card()
    book.do(commands.close_day, on=DUE[0] + timedelta(8))
    assert book.loan.balances().interest > 258_33

    book.do(commands.receive_payment, amount=5_000_00, effective_on=DUE[0])

    assert (book.loan.revolves, book.loan.balances().total) == (False, 0)


def test_what_is_paid_before_a_statement_lowers_its_minimum_and_after_it_counts_for_it():
    """1,000.00 before the cut leave 4,000.00, of which 400.00; 100.00 after it leave 300.00."""
    book = card()

    book.do(commands.receive_payment, amount=1_000_00, effective_on=START + timedelta(5))
    assert left(book)[0] == 400_00
    book.do(commands.receive_payment, amount=100_00, effective_on=START + timedelta(20))
    assert left(book)[0] == 300_00
    book.do(commands.disburse, principal=2_000_00, effective_on=START + timedelta(21))
    assert left(book)[0] == 300_00
    book.do(commands.receive_payment, amount=900_00, effective_on=START + timedelta(22))

    assert left(book)[:2] == [0, 500_00]
    assert book.loan.principal == 5_000_00


def test_a_line_lends_again_what_was_repaid():
    line = per_period(
        annual_rate=0, method=Method.REVOLVING, instalments=12, frequency=Frequency.MONTHLY,
        revolving=Revolving(minimum_rate=100_000, minimum_amount=500_00),
        allocation=in_advance(InAdvance.REDUCE_INSTALMENT),
    )  # fmt: skip
    book = opened(line)
    book.do(commands.disburse, principal=8_000_00, effective_on=START)
    book.do(commands.receive_payment, amount=3_000_00, effective_on=START + timedelta(1))

    with pytest.raises(OverDisbursement):
        commands.disburse(book.loan, principal=7_000_01, effective_on=START + timedelta(2))
    book.do(commands.disburse, principal=7_000_00, effective_on=START + timedelta(2))
    assert book.loan.principal == 12_000_00


@pytest.mark.parametrize("kind", [PaymentKind.PAYMENT, PaymentKind.GOODWILL_CREDIT])
@pytest.mark.parametrize("how", list(InAdvance))
def test_on_a_line_money_paid_ahead_lets_no_interest_of_the_cycle_wait(how, kind):
    """2,000.00 of 8,000.00 ten days in: 24 % on 8,000.00 for ten nights, paid, and 21 on 6,053.33.

    Where the money waits it clears what falls due on its day: 24 % for 31 nights of 8,000.00.
    """
    line = lent(
        method=Method.REVOLVING, principal=8_000_00, instalments=12, interest=InterestBasis.DAILY,
        revolving=Revolving(minimum_rate=100_000), allocation=in_advance(how),
    )  # fmt: skip
    line.do(commands.receive_payment, amount=2_000_00, effective_on=START + timedelta(10),
            kind=kind)  # fmt: skip
    line.do(commands.close_day, on=DUE[0])

    waits = how is InAdvance.WAIT
    assert line.loan.lines[0].owed.interest == (165_33 if waits else 53_33 + 84_75)
    assert line.loan.lines[1].owed.interest == 0


def test_a_draw_in_mid_period_bears_nothing_for_the_days_before_it():
    """Nothing owed since 15 February; 2,500.00 drawn on the 25th: 18 of 28 days at 2 %."""
    line = per_period(
        method=Method.REVOLVING, instalments=12,
        revolving=Revolving(minimum_rate=100_000, minimum_amount=12_000_00),
    )  # fmt: skip
    book = opened(line)
    book.do(commands.disburse, principal=5_000_00, effective_on=START)
    book.do(commands.receive_payment, amount=5_100_00, effective_on=DUE[0])
    assert book.loan.principal == 0

    book.do(commands.disburse, principal=2_500_00, effective_on=DUE[0] + timedelta(10))
    book.do(commands.close_day, on=DUE[1])

    assert book.loan.balances().interest == 32_14


def test_a_holiday_without_interest_keeps_what_ran_before_it():
    book = lent(principal=1_000_00, annual_rate=145_000, instalments=3, frequency=Frequency.WEEKLY)
    book.do(
        commands.payment_holiday,
        effective_on=START + timedelta(days=1),
        periods=2,
        interest_runs=False,
    )

    due = views.as_of(book.loan, book.loan.next_due_on)

    assert due.lines[0].owed.interest == 40  # 1,000.00 x 14.5 % / 52 x 1/7: of the first day
    assert due.balances().interest == 40


def test_interest_paid_ahead_of_an_instalment_that_a_reschedule_drops_pays_principal():
    """2,995.00 at 1 % a week: 29.95; 1,497.50 the week after: 14.98."""
    book = lent(
        principal=3_000_00, annual_rate=520_000, instalments=3, frequency=Frequency.WEEKLY,
        method=Method.EQUAL_PRINCIPAL, allocation=in_advance(InAdvance.LAST_INSTALMENT),
    )  # fmt: skip
    book.do(commands.receive_payment, amount=5_00, effective_on=START)
    assert book.loan.lines[2].paid == Amounts(interest=5_00)

    new = NewTerms(instalments=2)
    book.do(commands.restructure, effective_on=START, kind=e.Revision.RESCHEDULE, new=new)

    assert book.loan.balances() == Amounts(principal=2_995_00)
    assert [line.planned_interest for line in book.loan.lines] == [29_95, 14_98]


def test_a_deposit_is_held_until_it_is_applied_or_given_back():
    """Of 4,000.00 deposited 3,000.00 clear the instalment that is due, 1,000.00 go back."""
    book = lent(annual_rate=0)
    deposit = {"amount": 4_000_00, "kind": PaymentKind.SECURITY_DEPOSIT}
    book.do(commands.receive_payment, effective_on=START, **deposit)
    book.do(commands.close_day, on=DUE[0] + timedelta(3))
    assert (left(book)[0], book.loan.deposit, book.loan.kept) == (3_000_00, 4_000_00, 0)
    assert views.payoff(book.loan, DUE[0] + timedelta(3)).total == 12_000_00
    with pytest.raises(InvalidAmount) as refused:
        commands.apply_deposit(book.loan, amount=3_000_01, effective_on=DUE[0] + timedelta(3))
    assert refused.value.field == "amount"

    book.do(commands.apply_deposit, effective_on=DUE[0] + timedelta(3))
    assert (left(book)[0], book.loan.deposit) == (0, 1_000_00)
    with pytest.raises(InvalidAmount):
        commands.refund_overpayment(book.loan, effective_on=DUE[1])  # that of a running loan stays
    book.do(commands.refund_overpayment, amount=1_000_00, effective_on=DUE[1])

    assert (book.loan.deposit, book.loan.overpaid) == (0, 0)


def test_a_deposit_applied_late_ends_as_if_it_had_been_on_the_day():
    """Late interest and the payment since meet what the deposit had left of the debt."""
    late, timely = lent(), lent()
    for book, on in ((timely, DUE[0] + timedelta(3)), (late, None)):
        deposit = {"amount": 4_000_00, "kind": PaymentKind.SECURITY_DEPOSIT}
        book.do(commands.receive_payment, effective_on=START, **deposit)
        if on:
            book.do(commands.apply_deposit, amount=2_000_00, effective_on=on)
        book.do(commands.receive_payment, amount=1_500_00, effective_on=DUE[1] + timedelta(1))
        book.do(commands.close_day, on=DUE[1] + timedelta(9))

    late.do(commands.apply_deposit, amount=2_000_00, effective_on=DUE[0] + timedelta(3))

    assert left(late) == left(timely)
    assert late.loan.deposit == timely.loan.deposit == 2_000_00
    with pytest.raises(InvalidDate):
        late.do(commands.apply_deposit, effective_on=START - timedelta(1))
    with pytest.raises(InvalidAmount):  # that day it was due to the 2,000.00 told above
        late.do(commands.apply_deposit, amount=3_000_00, effective_on=DUE[0] + timedelta(4))


def test_a_deposit_given_back_cannot_have_been_applied_before():
    book = lent(annual_rate=0)
    deposit = {"amount": 4_000_00, "kind": PaymentKind.SECURITY_DEPOSIT}
    book.do(commands.receive_payment, effective_on=START, **deposit)
    book.do(commands.refund_overpayment, amount=3_500_00, effective_on=DUE[0] + timedelta(9))
    before = book.loan.version

    with pytest.raises(NotBackdatable):
        book.do(commands.apply_deposit, amount=1_000_00, effective_on=DUE[0] + timedelta(3))
    assert book.loan.version == before


def test_a_payment_learned_late_leaves_the_deposit_what_is_then_due():
    book = lent(annual_rate=0)
    deposit = {"amount": 4_000_00, "kind": PaymentKind.SECURITY_DEPOSIT}
    book.do(commands.receive_payment, effective_on=START, **deposit)
    book.do(commands.apply_deposit, effective_on=DUE[1])  # 3,000.00 and 1,000.00

    book.do(commands.receive_payment, amount=2_000_00, effective_on=DUE[0])

    assert left(book)[:2] == [0, 0]
    assert book.loan.deposit == 0
