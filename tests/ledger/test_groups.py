"""A group's payments in the ledger: split once, posted once, on each member's own loan."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from fractions import Fraction

import psycopg
import pytest
from moneyed import Money

from domain.errors import InvalidAmount, InvalidDate
from domain.group_loans import UnknownCover
from domain.groups import (
    AbsentPays,
    AmountsDiffer,
    NobodyPresent,
    SplitRule,
    StrangerNamed,
    Surplus,
)
from domain.terms import Floating
from ledger import group_book, groups, state
from ledger.errors import DuplicateLoanNumber, KeyReused, WrongCurrency
from ledger.group_errors import ClosedGroup, DuplicateGroupNumber, NoOpenLoans, UnknownGroup
from ledger.group_opening import disburse_group, open_group
from ledger.group_posting import Taken
from ledger.groups import return_cover
from ledger.money import FormError
from ledger.suspense import waiting
from tests.ledger.builders import CAUSE, START, TODAY, a_ledger, keyed, mxn, opened, pay
from tests.ledger.groups import (
    FIRST,
    PRINCIPALS,
    SECOND,
    a_group,
    covers,
    loans,
    new_group,
    pay_group,
    payments,
)


def events(connection):
    return connection.execute("SELECT count(*) FROM ledger.events").fetchone()


# Opening


def test_a_group_opens_one_loan_for_each_member_and_these_name_it(ledger, app):
    receipt = open_group(ledger, new_group("O-1"), CAUSE)

    assert [one.events for one in receipt.loans] == [("loan-opened",)] * 4
    assert {loan.opened.group for loan in loans(ledger, "O-1").values()} == {"O-1"}
    assert app.execute(
        "SELECT loan_no FROM ledger.loan_state WHERE group_no = 'O-1' ORDER BY loan_id"
    ).fetchall() == [(f"O-1-{name}",) for name in PRINCIPALS]


def test_the_same_group_again_opens_nothing_and_another_under_its_number_is_refused(ledger, app):
    first = open_group(ledger, new_group("O-2"), CAUSE)
    before = events(app)

    again = open_group(ledger, new_group("O-2"), CAUSE)
    assert again.repeated
    assert [one.loan_id for one in again.loans] == [one.loan_id for one in first.loans]
    with pytest.raises(DuplicateGroupNumber):
        open_group(ledger, new_group("O-2", {"ana": 1_00, "bea": 1_00}), CAUSE)
    assert events(app) == before


def test_an_opening_that_was_cut_short_opens_what_is_missing(ledger, monkeypatch):
    begin, done = ledger.begin, []

    def dies_after_two(*given):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return begin(*given)

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "begin", dies_after_two)
        with pytest.raises(KeyboardInterrupt):
            open_group(ledger, new_group("O-3"), keyed("o-3"))

    receipt = open_group(ledger, new_group("O-3"), keyed("o-3"))
    assert [one.repeated for one in receipt.loans] == [True, True, False, False]
    assert len(group_book.loans_of(ledger.store, "O-3")) == 4
    with pytest.raises(KeyReused):
        open_group(ledger, new_group("O-4"), keyed("o-3"))


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("group_no", {"number": " "}),
        ("members", {"principals": {"ana": 1_00}}),
        ("members[0].principal", {"principals": {"ana": 0, "bea": 1_00}}),
        ("members[0].instalments", {"instalments": 0}),
    ],
)
def test_a_group_that_cannot_be_names_the_field(ledger, app, field, given):
    before = events(app)
    with pytest.raises(FormError) as refused:
        open_group(ledger, new_group(**({"number": "O-5"} | given)), CAUSE)
    assert refused.value.field == field
    assert events(app) == before


def test_a_loan_number_of_another_loan_is_refused_before_anything_is_recorded(ledger, app):
    opened(ledger, "O-6-cai")
    before = events(app)
    with pytest.raises(DuplicateLoanNumber):
        open_group(ledger, new_group("O-6"), CAUSE)
    assert events(app) == before
    assert group_book.find(ledger.store, "O-6") is None


def test_a_group_is_paid_out_once_however_often_it_is_ordered(ledger):
    a_group(ledger, "O-7")
    assert disburse_group(ledger, "O-7", on=START, cause=CAUSE).repeated
    assert {n: loan.disbursed for n, loan in loans(ledger, "O-7").items()} == PRINCIPALS


# Paying


def test_each_member_gets_what_he_owes(ledger):
    a_group(ledger, "P-1")

    receipt = pay_group(ledger, "P-1", "1100.00", channel="cash", reference="meeting 1")

    assert [(one.loan_no, one.paid) for one in receipt.taken] == [
        ("P-1-ana", 500_00), ("P-1-bea", 300_00), ("P-1-cai", 200_00), ("P-1-dora", 100_00),
    ]  # fmt: skip
    assert payments(ledger, "P-1") == {
        "ana": [(500_00, "")], "bea": [(300_00, "")], "cai": [(200_00, "")],
        "dora": [(100_00, "")],
    }  # fmt: skip
    ana = loans(ledger, "P-1")["ana"]
    assert (ana.payments[1].channel, ana.payments[1].reference) == ("cash", "meeting 1")


def test_the_absent_is_covered_pays_back_and_nobody_owes_anybody(ledger):
    a_group(ledger, "P-2")

    pay_group(ledger, "P-2", "1100.00", absent=["dora"])
    assert payments(ledger, "P-2")["dora"] == [(50_00, "ana"), (30_00, "bea"), (20_00, "cai")]
    assert covers(ledger, "P-2") == {
        "ana": [("dora", 50_00, 50_00)], "bea": [("dora", 30_00, 30_00)],
        "cai": [("dora", 20_00, 20_00)],
    }  # fmt: skip
    assert loans(ledger, "P-2")["dora"].days_past_due(FIRST) == 0

    brought = {"ana": "450.00", "bea": "270.00", "cai": "180.00", "dora": "200.00"}
    pay_group(ledger, "P-2", "1100.00", on=SECOND, amounts=brought)
    assert payments(ledger, "P-2")["ana"] == [(500_00, ""), (450_00, ""), (50_00, "dora")]
    assert [left for owed in covers(ledger, "P-2").values() for *_, left in owed] == [0, 0, 0]
    assert {n: loan.principal for n, loan in loans(ledger, "P-2").items()} == {
        "ana": 4_000_00, "bea": 2_400_00, "cai": 1_600_00, "dora": 800_00,
    }  # fmt: skip
    assert not [one for one in waiting(ledger.store) if one.reference.startswith("P-2")]


def test_what_loans_do_not_take_waits_in_suspense_for_the_group(ledger):
    a_group(ledger, "P-3", rule=SplitRule(surplus=Surplus.KEPT))
    receipt = pay_group(ledger, "P-3", "1150.00")
    assert receipt.kept == 50_00
    [one] = [one for one in waiting(ledger.store) if one.reference == "P-3"]
    assert (one.amount, one.code, one.source) == (50_00, "group-surplus", "group-payment")


def test_a_payment_learned_late_is_split_by_what_was_owed_on_its_day(ledger):
    a_group(ledger, "P-4", annual_rate=360_000)
    later = SECOND + timedelta(days=3)
    for loan_id in group_book.loans_of(ledger.store, "P-4"):
        ledger.close_day(loan_id, on=later, cause=CAUSE)

    receipt = pay_group(ledger, "P-4", "1200.00", on=FIRST, absent=["dora"])

    loan = loans(ledger, "P-4")["dora"]
    paid = {part.loan: part.amount for part in receipt.parts if part.payer == "P-4-ana"}
    assert loan.lines[0].settled_on == FIRST
    assert loan.payments[1].paid_by == "P-4-ana"
    assert paid["P-4-dora"] == loan.payments[1].amount


def test_a_members_own_payment_before_the_meeting_counts(ledger):
    a_group(ledger, "P-5")
    pay(ledger, ledger.find("P-5-bea"), "300.00", on=FIRST)
    receipt = pay_group(ledger, "P-5", "800.00")
    assert {part.loan: part.amount for part in receipt.parts} == {
        "P-5-ana": 500_00, "P-5-cai": 200_00, "P-5-dora": 100_00,
    }  # fmt: skip


# Once


def test_the_same_order_again_answers_the_first_result(ledger, app):
    a_group(ledger, "I-1")
    first = pay_group(ledger, "I-1", "1100.00", cause=keyed("i-1"), absent=["dora"])
    before = events(app)

    again = pay_group(ledger, "I-1", "1100.00", cause=keyed("i-1"), absent=["dora"])

    assert again.repeated
    assert (again.id, again.number, again.parts) == (first.id, first.number, first.parts)
    assert [one.receipt.version for one in again.taken] == [
        one.receipt.version for one in first.taken
    ]
    assert events(app) == before
    with pytest.raises(KeyReused):
        pay_group(ledger, "I-1", "1100.01", cause=keyed("i-1"), absent=["dora"])
    with pytest.raises(KeyReused):
        pay(ledger, ledger.find("I-1-ana"), on=FIRST, cause=keyed("i-1"))
    pay(ledger, ledger.find("I-1-ana"), on=FIRST, cause=keyed("i-1b"))
    with pytest.raises(KeyReused):
        pay_group(ledger, "I-1", "1.00", cause=keyed("i-1b"))


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("survive", range(6))
def test_killed_between_members_and_given_again_it_is_finished_once(ledger, monkeypatch, survive):
    """By the same order again, whatever of the four loans and the mark was reached."""
    number = a_group(ledger, f"K-{survive}")
    undisturbed = a_group(ledger, f"U-{survive}")
    pay_group(ledger, undisturbed, "1080.00", absent=["dora"])

    execute, mark, done = ledger.execute, group_book.mark_posted, []

    def step(work):
        def then(*given, **named):
            if len(done) == survive:
                raise Killed
            done.append(1)
            return work(*given, **named)

        return then

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "execute", step(execute))
        patched.setattr(group_book, "mark_posted", step(mark))
        if survive < 5:
            with pytest.raises(Killed):
                pay_group(ledger, number, "1080.00", cause=keyed(number), absent=["dora"])
        else:
            pay_group(ledger, number, "1080.00", cause=keyed(number), absent=["dora"])

    receipt = pay_group(ledger, number, "1080.00", cause=keyed(number), absent=["dora"])

    assert receipt.repeated
    assert payments(ledger, number) == payments(ledger, undisturbed)
    assert covers(ledger, number) == covers(ledger, undisturbed)
    assert group_book.unposted(ledger.store, number) == (1, [])


def mortal(execute):
    """Works once."""
    done = []

    def then(*given):
        if done:
            raise Killed
        done.append(1)
        return execute(*given)

    return then


def test_what_one_left_half_done_the_groups_next_payment_finishes_first(ledger, monkeypatch):
    number = a_group(ledger, "K-9")
    execute = ledger.execute
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "execute", mortal(execute))
        with pytest.raises(Killed):
            pay_group(ledger, number, "1100.00", absent=["dora"])
    assert sum(map(len, payments(ledger, number).values())) == 3  # on dora's loan

    receipt = pay_group(ledger, number, "1100.00", on=SECOND)

    assert receipt.number == 2
    assert {n: loan.principal for n, loan in loans(ledger, number).items()} == {
        "ana": 4_000_00, "bea": 2_400_00, "cai": 1_600_00, "dora": 800_00,
    }  # fmt: skip
    assert covers(ledger, number).keys() == {"ana", "bea", "cai"}


def test_concurrent_payments_of_a_group_come_one_after_the_other(database):
    with a_ledger(database) as ledger, ThreadPoolExecutor(6) as threads:
        number = a_group(ledger, "C-1")
        one_by_one = a_group(ledger, "C-2")
        sums = ["550.00", "100.00", "77.77", "300.00", "72.23", "400.00"]

        receipts = list(
            threads.map(lambda one: pay_group(ledger, number, one, absent=["dora"]), sums)
        )

        assert sorted(one.number for one in receipts) == [1, 2, 3, 4, 5, 6]
        for receipt in sorted(receipts, key=lambda one: one.number):
            again = pay_group(ledger, one_by_one, receipt.amount / 100, absent=["dora"])
            assert [(p.payer[4:], p.loan[4:], p.amount) for p in again.parts] == [
                (p.payer[4:], p.loan[4:], p.amount) for p in receipt.parts
            ]
        assert payments(ledger, number) == payments(ledger, one_by_one)
        assert covers(ledger, number) == covers(ledger, one_by_one)


def test_the_same_order_from_many_at_once_is_carried_out_once(database):
    with a_ledger(database) as ledger, ThreadPoolExecutor(6) as threads:
        number = a_group(ledger, "C-3")

        receipts = list(
            threads.map(
                lambda _: pay_group(ledger, number, "1100.00", cause=keyed("c-3"), absent=["dora"]),
                range(6),
            )
        )

        assert {one.id for one in receipts} == {receipts[0].id}
        assert [one.repeated for one in receipts].count(False) == 1
        assert len(group_book.payments(ledger.store, number)) == 1
        assert sum(map(len, payments(ledger, number).values())) == 6


def test_money_whose_loan_ended_between_split_and_posting_waits_in_suspense(ledger, monkeypatch):
    """And who would have covered it has no claim."""
    number = a_group(ledger, "S-1")
    fix = group_book.fix

    def then_dora_pays_off(store, command, payment):
        fixed = fix(store, command, payment)
        pay(ledger, ledger.find("S-1-dora"), "1000.00", on=FIRST)
        return fixed

    with monkeypatch.context() as patched:
        patched.setattr(group_book, "fix", then_dora_pays_off)
        receipt = pay_group(ledger, number, "1100.00", absent=["dora"], cause=keyed("s-1"))

    assert {one.loan_no: one.suspended for one in receipt.taken if one.suspended} == {
        "S-1-dora": 100_00
    }
    assert covers(ledger, number) == {}
    again = pay_group(ledger, number, "1100.00", absent=["dora"], cause=keyed("s-1"))
    assert again.taken == tuple(
        Taken(loan_no=o.loan_no, paid=o.paid, suspended=o.suspended, receipt=a.receipt)
        for o, a in zip(receipt.taken, again.taken, strict=True)
    )
    [one] = [one for one in waiting(ledger.store) if one.reference == "S-1-dora"]
    assert (one.amount, one.code) == (100_00, "group-share-refused")


# Refusals


@pytest.mark.parametrize(
    ("refusal", "field", "given"),
    [
        (UnknownGroup, "group_no", {"number": "R-0"}),
        (StrangerNamed, "absent", {"absent": ["eva"]}),
        (StrangerNamed, "amounts", {"amounts": {"eva": "1.00"}}),
        (AbsentPays, "amounts", {"amounts": {"ana": "1.00"}, "absent": ["ana"]}),
        (NobodyPresent, "absent", {"absent": list(PRINCIPALS)}),
        (AmountsDiffer, "amounts", {"amounts": dict.fromkeys(PRINCIPALS, "1.00")}),
        (InvalidAmount, "amount", {"amount": "0.00"}),
        (InvalidAmount, "amount", {"amount": "-5.00"}),
        (InvalidAmount, "amounts", {"amounts": {"ana": "0.00"}}),
        (FormError, "amount", {"amount": "1.001"}),
        (InvalidDate, "on", {"on": START - timedelta(days=1)}),
        (InvalidDate, "on", {"on": TODAY + timedelta(days=1)}),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_rule_and_leaves_nothing(
    ledger, app, refusal, field, given
):
    if group_book.find(ledger.store, "R-1") is None:
        a_group(ledger, "R-1")
    before = events(app)

    with pytest.raises(refusal) as refused:
        pay_group(ledger, **({"number": "R-1", "amount": "100.00"} | given), cause=keyed("r"))

    assert refused.value.field == field
    assert events(app) == before
    assert group_book.payments(ledger.store, "R-1") == []
    assert app.execute(
        "SELECT count(*) FROM ledger.commands WHERE idempotency_key = 'r'"
    ).fetchone() == (0,)


def test_another_currency_is_refused(ledger):
    a_group(ledger, "R-2")
    with pytest.raises(WrongCurrency) as refused:
        groups.group_payment(ledger, "R-2", amount=Money("1.00", "USD"), on=FIRST, cause=CAUSE)
    assert refused.value.field == "amount"


def test_a_group_without_open_loans_takes_nothing(ledger):
    open_group(ledger, new_group("R-3"), CAUSE)
    with pytest.raises(NoOpenLoans):
        pay_group(ledger, "R-3", "1.00")


def test_a_group_whose_loans_have_all_ended_is_closed(ledger):
    a_group(ledger, "R-4")
    receipt = pay_group(ledger, "R-4", "11000.10")  # all at once, and 0.10 too much
    assert receipt.kept == 10
    assert {loan.status for loan in loans(ledger, "R-4").values()} == {"closed"}
    with pytest.raises(ClosedGroup):
        pay_group(ledger, "R-4", "1.00")


def test_a_member_whose_loan_has_ended_brings_nothing(ledger):
    a_group(ledger, "R-5")
    pay(ledger, ledger.find("R-5-ana"), "5000.00", on=FIRST)
    with pytest.raises(StrangerNamed) as refused:
        pay_group(ledger, "R-5", "1.00", amounts={"ana": "1.00"})
    assert "closed" in str(refused.value)


# Between the members


def test_members_may_settle_a_cover_among_themselves(ledger):
    a_group(ledger, "B-1")
    pay_group(ledger, "B-1", "1100.00", absent=["dora"])
    ana = ledger.find("B-1-ana")
    owed = ledger.load(ana).balances()

    return_cover(ledger, "B-1", "B-1-ana", cover=1, on=SECOND, cause=CAUSE, amount=mxn("20.00"))
    assert covers(ledger, "B-1")["ana"] == [("dora", 50_00, 30_00)]
    with pytest.raises(InvalidAmount):
        return_cover(ledger, "B-1", "B-1-ana", cover=1, on=SECOND, cause=CAUSE, amount=mxn("30.01"))
    with pytest.raises(InvalidDate):
        return_cover(ledger, "B-1", "B-1-ana", cover=1, on=START, cause=CAUSE)
    return_cover(ledger, "B-1", "B-1-ana", cover=1, on=SECOND, cause=CAUSE)
    with pytest.raises(UnknownCover):
        return_cover(ledger, "B-1", "B-1-ana", cover=1, on=SECOND, cause=CAUSE)
    with pytest.raises(StrangerNamed):
        return_cover(ledger, "B-1", "B-2-ana", cover=1, on=SECOND, cause=CAUSE)
    assert ledger.load(ana).balances() == owed


# What is kept


def test_state_rows_of_members_are_made_again_with_their_group(ledger, app):
    a_group(ledger, "V-1")
    pay_group(ledger, "V-1", "1100.00", absent=["dora"])
    before = app.execute("SELECT * FROM ledger.loan_state ORDER BY loan_id").fetchall()
    state.rebuild(app)
    assert app.execute("SELECT * FROM ledger.loan_state ORDER BY loan_id").fetchall() == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.group_payments SET split = '{}'",
        "DELETE FROM ledger.group_payments",
        "TRUNCATE ledger.group_payments",
        "UPDATE ledger.groups SET rule = '{}'",
        "DELETE FROM ledger.groups",
        "TRUNCATE ledger.groups CASCADE",
    ],
)
def test_a_group_and_a_split_once_fixed_are_changed_by_nobody(app, owner, statement):
    for connection in (app, owner):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_dates_of_the_story_are_those_of_the_schedule(ledger):
    a_group(ledger, "D-1")
    assert [line.due_on for line in loans(ledger, "D-1")["ana"].lines[:2]] == [FIRST, SECOND]
    assert date(2026, 1, 22) == FIRST


# Who ordered it, and the rate of the day


def test_every_part_names_the_order_it_came_from(ledger, app):
    a_group(ledger, "M-1")
    receipt = pay_group(ledger, "M-1", "1100.00", cause=keyed("m-1"), absent=["dora"])

    [[correlation]] = app.execute(
        "SELECT correlation_id FROM ledger.commands WHERE id = %s", [receipt.id]
    ).fetchall()
    ids = [one.receipt.command_id for one in receipt.taken]
    assert app.execute(
        "SELECT DISTINCT name, actor, channel, correlation_id, causation_id FROM ledger.commands"
        " WHERE id = ANY(%s)",
        [ids],
    ).fetchall() == [("take-group-payment", "ana", "test", correlation, receipt.id)]


def test_the_split_is_kept_with_the_grounds_it_was_decided_on(ledger, app):
    a_group(ledger, "M-2")
    pay_group(ledger, "M-2", "1100.00", absent=["dora"])

    [kept] = group_book.payments(ledger.store, "M-2")
    assert [(seat.member.due, seat.member.absent, seat.version) for seat in kept.decided.seats] == [
        (500_00, False, 2), (300_00, False, 2), (200_00, False, 2), (100_00, True, 2),
    ]  # fmt: skip


def test_a_group_opened_by_many_at_once_is_opened_once(database):
    with a_ledger(database) as ledger, ThreadPoolExecutor(4) as threads:
        receipts = list(
            threads.map(lambda _: open_group(ledger, new_group("M-3"), CAUSE), range(4))
        )
        assert len({one.loan_id for each in receipts for one in each.loans}) == 4
        assert len(group_book.loans_of(ledger.store, "M-3")) == 4


def test_members_with_a_floating_rate_owe_what_the_index_made_of_it(ledger, app):
    """The split and the posting fix the rate first, as any payment does: 52 % from FIRST on."""
    app.execute(
        "INSERT INTO ledger.index_values (index, on_day, value, recorded_by)"
        " SELECT 'TIIE28', day::date, 520000, 'test'"
        " FROM generate_series('2026-01-15'::date, '2026-02-28', '1 day') AS day"
    )
    a_group(ledger, "M-4", floating=Floating(index="TIIE28"), annual_rate=100_000)
    pay_group(ledger, "M-4", "1300.00")
    left = loans(ledger, "M-4")["ana"].principal
    pay_group(ledger, "M-4", "1300.00", on=SECOND)

    ana = loans(ledger, "M-4")["ana"]
    assert ana.terms.rate_on(FIRST) == 520_000
    assert ana.lines[1].owed.interest == round(left * Fraction(52 * 7, 100 * 360))
    assert ana.lines[1].settled_on == SECOND
    assert not [one for one in waiting(ledger.store) if one.reference.startswith("M-4")]
