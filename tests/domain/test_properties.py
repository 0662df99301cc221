"""What holds for every loan, whatever is done to it."""

from contextlib import suppress
from datetime import date, timedelta

import msgspec
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from domain import commands, views
from domain import events as e
from domain.errors import InvalidTerms, LoanError
from domain.fold import replay
from domain.loan import Amounts, Loan, Status
from domain.terms import AllocationRule, Frequency, InAdvance, InterestBasis, Method, Walk
from tests.domain.histories import (
    EVENTFUL_STEPS,
    PLAIN_STEPS,
    START,
    STEPS,
    agreements,
    disbursed,
    disbursed_in_part,
    play,
    step,
    terms,
)


def book_of(agreed):
    """The loan paid out, every third one only in part."""
    try:
        return disbursed(agreed) if agreed.principal % 3 else disbursed_in_part(agreed)
    except InvalidTerms:
        assume(False)


def figures(loan: Loan) -> dict:
    """All that a loan owes and when, without how it came to be recorded."""
    return {
        "status": loan.status,
        "principal": loan.principal,
        "overpaid": loan.overpaid,
        "owed": [(line.owed, line.paid, line.numerator, line.late_numerator)
                 for line in loan.rows],
    }  # fmt: skip


@given(agreements(), STEPS)
def test_a_replayed_loan_equals_the_loan_that_recorded(agreed, steps):
    book = book_of(agreed)

    play(book, steps)

    assert replay(book.history) == book.loan
    assert book.loan.version == len(book.history)


@given(agreements(), STEPS)
def test_a_snapshot_is_the_loan(agreed, steps):
    book = book_of(agreed)

    play(book, steps)

    assert msgspec.json.decode(msgspec.json.encode(book.loan), type=Loan) == book.loan


@given(agreements(), STEPS)
def test_a_command_never_changes_the_loan_it_is_given(agreed, steps):
    book = book_of(agreed)
    day = play(book, steps)
    before = msgspec.json.encode(book.loan)

    for command, arguments in (
        (commands.receive_payment, {"amount": 123_45, "effective_on": day}),
        (commands.receive_payment, {"amount": 123_45, "effective_on": START}),
        (commands.close_day, {"on": day + timedelta(days=40)}),
        (commands.reverse_payment, {"payment": 1, "reversed_on": day}),
    ):
        with suppress(LoanError):
            command(book.loan, **arguments)
        assert msgspec.json.encode(book.loan) == before


@given(agreements(), STEPS)
def test_what_was_lent_is_repaid_forgiven_written_off_sold_or_outstanding(agreed, steps):
    book = book_of(agreed)

    play(book, steps)

    loan = book.loan
    repaid = sum(line.paid.principal for line in loan.rows)
    assert loan.principal == loan.balances().principal
    owed_again = principal_owed_again(book)
    assert loan.disbursed + loan.capitalised + owed_again == (
        repaid
        + amount_given(book, e.DebtForgiven, "forgiven")
        + amount_given(book, e.LoanWrittenOff, "written_off")
        + amount_given(book, e.LoanSold, "sold")
        + loan.balances().principal
    )


def principal_owed_again(book) -> int:
    """What chargebacks made owed again, as they and corrections say."""
    return sum(
        each.principal if isinstance(each, e.ChargedBack)
        else sum(again.overpaid for again in each.charged_back)
        for each in book.history if isinstance(each, e.ChargedBack | e.HistoryCorrected)
    )  # fmt: skip


def amount_given(book, kind, portions=None) -> int:
    """What events of one kind say of principal."""
    found = [event for event in book.history if isinstance(event, kind)]
    if portions is None:
        return sum(event.amount for event in found)
    return sum(portion.principal for event in found for portion in getattr(event, portions))


@given(agreements(), STEPS)
def test_every_payment_is_where_it_says_and_nothing_is_paid_twice(agreed, steps):
    book = book_of(agreed)

    play(book, steps)

    loan = book.loan
    held = [p for p in loan.payments.values() if p.reversed_on is None]
    cleared = 0
    for payment in held:
        assert payment.overpaid >= 0
        for amounts in payment.allocation.values():
            parts = msgspec.structs.asdict(amounts)
            if not loan.accrues_daily:  # a payoff gives back fixed interest that was paid ahead
                parts["interest"] = parts["interest_tax"] = 0
            assert min(parts.values()) >= 0
        cleared += sum(amounts.total for amounts in payment.allocation.values())
    refunded = (
        amount_given(book, e.OverpaymentRefunded)
        + sum(each.amount for each in book.history if isinstance(each, e.ChargedBack))
        - principal_owed_again(book)
        - sum(
            each.owed_again - each.principal
            for each in book.history
            if isinstance(each, e.ChargedBack)
        )
    )
    assert cleared + loan.overpaid + refunded == sum(payment.amount for payment in held)
    for line in loan.rows:
        paid = Amounts()
        for payment in held:
            paid.add(payment.allocation.get(line.number, Amounts()))
        assert paid == line.paid
    assert loan.overpaid == sum(payment.overpaid for payment in held)


EVEN_AND_PAID_FROM_THE_END = terms(
    principal=155_085_32,
    annual_rate=145_000,
    instalments=3,
    frequency=Frequency.WEEKLY,
    method=Method.EQUAL_PRINCIPAL,
    interest=InterestBasis.PER_PERIOD,
    late_rate=0,
    allocation=AllocationRule(in_advance=InAdvance.LAST_INSTALMENT),
)
TAX_PAID_AHEAD_OF_INTEREST = msgspec.structs.replace(
    EVEN_AND_PAID_FROM_THE_END,
    allocation=AllocationRule(walk=Walk.BY_COMPONENT, in_advance=InAdvance.LAST_INSTALMENT),
)


@given(agreements(), STEPS)
@example(EVEN_AND_PAID_FROM_THE_END, [(0, "pay", 1), (0, "reschedule", 1), (21, "pay", 773)])
@example(TAX_PAID_AHEAD_OF_INTEREST, [(0, "pay", 8), (0, "reschedule", 2), (21, "pay", 448)])
@example(TAX_PAID_AHEAD_OF_INTEREST, [(9, "pay", 900), (8, "rate_now", 1), (21, "pay", 1)])
def test_no_balance_is_negative(agreed, steps):
    book = book_of(agreed)

    play(book, steps)

    for line in book.loan.rows:
        left = msgspec.structs.asdict(line.owed.less(line.paid))
        if not book.loan.accrues_daily and not line.due:
            left["interest"] = left["interest_tax"] = 0
        if not line.due and agreed.grace.capitalise:
            left["principal"] = 0  # planned to become principal
        assert min(left.values()) >= 0


@given(agreements(), STEPS)
def test_a_due_instalment_is_settled_exactly_when_it_owes_nothing(agreed, steps):
    book = book_of(agreed)

    play(book, steps)

    assume(book.loan.status is not Status.WRITTEN_OFF and book.loan.closed_for != "sold")
    for line in book.loan.rows:
        if line.due:
            assert (line.settled_on is not None) == (line.left == 0)
        else:
            assert line.settled_on is None


@given(agreements(), STEPS, st.integers(1, 70))
def test_closing_day_by_day_equals_one_jump(agreed, steps, days):
    book = book_of(agreed)
    last = play(book, steps)
    jumped = replay(book.history)
    end = max(last, book.loan.through) + timedelta(days=days)

    for offset in range((end - book.loan.through).days + 1):
        book.do(commands.close_day, on=end - timedelta(days=days) + timedelta(days=offset))
    jumped = replay(commands.accrue(jumped, effective_on=end), jumped)

    assert figures(book.loan) == figures(views.as_of(jumped, book.loan.through))


@given(agreements(), STEPS)
def test_a_day_closed_twice_records_nothing_more(agreed, steps):
    book = book_of(agreed)
    day = max(play(book, steps), book.loan.through)
    book.do(commands.close_day, on=day)

    assert book.do(commands.close_day, on=day) == ()


@given(agreements(), PLAIN_STEPS, st.data())
def test_a_backdated_payment_ends_as_if_it_had_come_on_time(agreed, steps, data):
    told, learned_late = book_of(agreed), book_of(agreed)
    which = data.draw(st.sampled_from([n for n, step in enumerate(steps) if step[1] == "pay"]))
    wait = data.draw(st.integers(0, 45))

    days = play_plain(told, steps)
    play_plain(learned_late, steps, without=which)
    assume(learned_late.loan.status is Status.ACTIVE)
    end = days[-1] + timedelta(days=wait)
    learned_late.do(commands.close_day, on=end)
    assume(learned_late.loan.status is Status.ACTIVE)  # money that waited may have paid it off
    amount = part(agreed, steps[which][2])
    learned_late.do(commands.receive_payment, amount=amount, effective_on=days[which])

    assert figures(views.as_of(learned_late.loan, end)) == figures(views.as_of(told.loan, end))


@given(agreements(), PLAIN_STEPS, st.data())
def test_a_reversed_payment_might_never_have_come(agreed, steps, data):
    bounced, never = book_of(agreed), book_of(agreed)
    which = data.draw(st.sampled_from([n for n, step in enumerate(steps) if step[1] == "pay"]))
    wait = data.draw(st.integers(0, 45))

    days = play_plain(bounced, steps)
    play_plain(never, steps, without=which)
    end = days[-1] + timedelta(days=wait)
    number = sum(step[1] == "pay" for step in steps[: which + 1])
    bounced.do(commands.reverse_payment, payment=number, reversed_on=end)

    assert figures(views.as_of(bounced.loan, end)) == figures(views.as_of(never.loan, end))


@given(agreements(), EVENTFUL_STEPS, st.data())
def test_a_payment_learned_late_among_changes_of_terms_ends_as_if_on_time(agreed, steps, data):
    told, learned_late = book_of(agreed), book_of(agreed)
    which = data.draw(st.sampled_from([n for n, each in enumerate(steps) if each[1] == "pay"]))
    wait = data.draw(st.integers(0, 45))

    days = play_strictly(told, steps)
    play_strictly(learned_late, steps, without=which)
    assume(learned_late.loan.status is Status.ACTIVE)
    end = days[-1] + timedelta(days=wait)
    learned_late.do(commands.close_day, on=end)
    assume(learned_late.loan.status is Status.ACTIVE)
    amount = max(1, agreed.principal * steps[which][2] // 2_000)
    try:
        learned_late.do(commands.receive_payment, amount=amount, effective_on=days[which])
    except LoanError:
        assume(False)

    assert figures(views.as_of(learned_late.loan, end)) == figures(views.as_of(told.loan, end))


@given(agreements(), PLAIN_STEPS, st.data())
def test_a_rate_learned_late_ends_as_if_it_had_come_on_time(agreed, steps, data):
    told, learned_late = book_of(agreed), book_of(agreed)
    which = data.draw(st.integers(0, len(steps) - 1))
    change = {"annual_rate": data.draw(st.sampled_from([0, 90_000, 600_000])),
              "keeps_instalment": data.draw(st.booleans())}  # fmt: skip
    wait = data.draw(st.integers(0, 45))

    days = play_plain(told, steps, first=(which, change))
    play_plain(learned_late, steps)
    assume(learned_late.loan.status is Status.ACTIVE)
    end = days[-1] + timedelta(days=wait)
    learned_late.do(commands.close_day, on=end)
    assume(learned_late.loan.status is Status.ACTIVE)
    learned_late.do(commands.change_rate, effective_on=days[which], **change)

    assert figures(views.as_of(learned_late.loan, end)) == figures(views.as_of(told.loan, end))


@given(agreements(), EVENTFUL_STEPS, st.data())
def test_a_rate_learned_late_among_changes_of_terms_ends_as_if_on_time(agreed, steps, data):
    """Of a day with a rate or new terms of its own the last one known holds: none of these."""
    told, learned_late = book_of(agreed), book_of(agreed)
    money = ("pay", "fee", "goodwill", "close_day", "tranche_now")
    which = data.draw(st.sampled_from([n for n, step in enumerate(steps) if step[1] in money]))
    change = {"annual_rate": data.draw(st.sampled_from([0, 90_000, 600_000])),
              "keeps_instalment": data.draw(st.booleans())}  # fmt: skip
    wait = data.draw(st.integers(0, 45))

    days = play_strictly(told, steps, first=(which, change))
    play_strictly(learned_late, steps)
    assume(learned_late.loan.status is Status.ACTIVE)
    end = days[-1] + timedelta(days=wait)
    learned_late.do(commands.close_day, on=end)
    assume(learned_late.loan.status is Status.ACTIVE)
    try:
        learned_late.do(commands.change_rate, effective_on=days[which], **change)
    except LoanError:
        assume(False)

    assert figures(views.as_of(learned_late.loan, end)) == figures(views.as_of(told.loan, end))


def play_strictly(book, steps, without=None, first=(None, None)) -> list[date]:
    """Every step accepted, or the example is dropped; each step's day.

    ``first`` is (number of a step, the change of rate that comes before it that day).
    """
    days, day = [], START
    for n, (wait, verb, size) in enumerate(steps):
        day += timedelta(days=wait)
        days.append(day)
        if n == first[0]:
            assume(book.loan.status is Status.ACTIVE)
            book.do(commands.change_rate, effective_on=day, **first[1])
        if n == without:
            continue
        try:
            step(book, day, verb, size)
        except LoanError:
            assume(False)
    return days


def play_plain(book, steps, without=None, first=(None, None)) -> list[date]:
    """Payments, fees and closes, all accepted or the example is dropped; each step's day.

    ``first`` is (number of a step, the change of rate that comes before it that day).
    """
    days, day = [], START
    for n, (wait, verb, size) in enumerate(steps):
        day += timedelta(days=wait)
        days.append(day)
        if n == first[0]:
            assume(book.loan.status is Status.ACTIVE)
            book.do(commands.change_rate, effective_on=day, **first[1])
        if n == without:
            continue
        if verb == "close_day":
            book.do(commands.close_day, on=day)
            continue
        assume(book.loan.status is Status.ACTIVE)
        if verb == "pay":
            amount = part(book.loan.terms, size)
            book.do(commands.receive_payment, amount=amount, effective_on=day)
        else:
            book.do(commands.charge_fee, kind="visit", amount=size * 10, effective_on=day)
    return days


def part(agreed, size) -> int:
    return agreed.principal * size // 1_000


def play_on(book, day, verb, size):
    wait = (day - book.loan.disbursed_on).days
    play(book, [(wait, verb, size)])


@given(agreements(), STEPS, STEPS)
def test_the_past_seen_today_is_what_was_recorded_then(agreed, before, after):
    dated_back = ("pay_back", "reverse", "rate", "tranche", "apply_deposit_back")
    after = [step for step in after if step[1] not in dated_back]
    book = book_of(agreed)
    day = max(play(book, before), book.loan.through)
    book.do(commands.close_day, on=day)
    then = replay(book.history)
    steps = [(wait + (1 if n == 0 else 0), verb, size) for n, (wait, verb, size) in
             enumerate(after)]  # fmt: skip

    for wait, verb, size in steps:
        day += timedelta(days=wait)
        play_on(book, day, verb, size)

    seen = views.as_of(book.loan, then.through)
    assert figures(seen) == figures(then)
    assert seen.days_past_due(then.through) == then.days_past_due(then.through)
    assert seen.stage == then.stage
    assert {n: p.state for n, p in seen.promises.items()} == {
        n: p.state for n, p in then.promises.items()
    }


@given(agreements(), STEPS)
def test_the_payoff_quote_closes_the_loan_to_the_centavo(agreed, steps):
    book = book_of(agreed)
    day = max(play(book, steps), book.loan.through) + timedelta(days=3)
    assume(book.loan.status is Status.ACTIVE)
    quote = views.payoff(book.loan, day).total
    assume(quote > 1 and agreed.method is not Method.REVOLVING)
    short = replay(book.history)

    book.do(commands.receive_payment, amount=quote, effective_on=day)

    assert book.loan.status is Status.CLOSED
    assert (book.loan.balances(), book.loan.kept) == (Amounts(), 0)
    missing = commands.receive_payment(short, amount=quote - 1, effective_on=day)
    assert not any(isinstance(event, e.LoanClosed) for event in missing)


@given(agreements(), STEPS, st.sampled_from([0, 1, 17, "due"]), st.booleans())
def test_whatever_was_paid_ahead_a_loan_leaves_the_books_whole(agreed, steps, when, is_sold):
    book = book_of(agreed)
    day = max(play(book, steps), book.loan.through)
    assume(book.loan.status is Status.ACTIVE)
    due_on = book.loan.next_due_on or day
    day = max(day, due_on) if when == "due" else day + timedelta(days=when)
    before = views.as_of(book.loan, day)
    owed, kept = before.balances().total, before.overpaid
    assume(before.status is Status.ACTIVE)

    if is_sold:
        book.do(commands.sell, effective_on=day, holder="Fund", price=1)
    else:
        book.do(commands.write_off, effective_on=day)

    gone = next(each for each in reversed(book.history)
                if isinstance(each, e.LoanSold | e.LoanWrittenOff))  # fmt: skip
    portions = gone.sold if is_sold else gone.written_off
    credit = book.loan.overpaid - kept  # paid ahead beyond all principal: the borrower's
    assert sum(portion.total for portion in portions) == owed + credit
    assert book.loan.balances() == Amounts()
    if not agreed.grace.capitalise:  # a row planned to become principal owes less than nothing
        assert all(line.owed == line.paid for line in book.loan.rows)


@settings(max_examples=50)
@given(agreements(), STEPS)
def test_a_forecast_comes_true_when_nothing_more_happens_late(agreed, steps):
    """The next instalment's interest forecast is what falls due if nothing comes in before."""
    book = book_of(agreed)
    play(book, steps)
    loan = book.loan
    assume(loan.status is Status.ACTIVE and loan.period_ends_on and loan.prepaid == 0)
    assume(not loan.terms.grace.capitalise)
    rows = views.schedule_rows(loan, loan.through)
    row = next(row for row in rows if row.number == loan.current + 1)

    later = views.as_of(loan, loan.period_ends_on)

    assert later.lines[loan.current].owed.interest == row.interest
