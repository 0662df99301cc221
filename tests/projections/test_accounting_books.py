"""Entries, trial balances and ledgers agree with the loans, with each other and with the events."""

from collections import Counter
from datetime import date
from itertools import pairwise

import pytest

from ledger import database as db
from projections.accounting.balances import general_ledger, trial_balance
from projections.accounting.drill import behind, entries_of_loan
from projections.accounting.entries import Grouping, entries
from projections.accounting.entry import EntryKind, Nature
from projections.accounting.facts import facts_of
from projections.accounting.rules import load_rules
from projections.journal.accounts import Account
from projections.journal.postings import postings
from projections.movements import COMPONENTS
from tests.domain.histories import terms
from tests.projections.stories import EVERY_KIND, Log, catch_up, every_kind, paid_out, read
from tests.projections.test_accounting_facts import neglected

FIRST, LAST = date(2026, 1, 1), date(2027, 12, 31)


@pytest.fixture(scope="module")
def rules():
    return load_rules()


@pytest.fixture(scope="module")
def book(database):
    stories = [
        neglected(), *map(every_kind, EVERY_KIND),
        paid_out(terms(), branch="sur", product="lease-pure"),
    ]  # fmt: skip
    Log(database).append(*stories)
    assert not catch_up(database).stopped
    return stories


@pytest.fixture
def connection(database, book):
    with db.connect(database) as connection:
        yield connection


def total(found, by):
    """Debits and credits of entries by what ``by`` says of a line."""
    sums = Counter()
    for entry in found:
        for line in entry.lines:
            sums[by(entry, line), "debit"] += line.debit
            sums[by(entry, line), "credit"] += line.credit
    return +sums


def of_account(entry, line):
    return line.account


@pytest.mark.parametrize("name", EVERY_KIND)
def test_rules_mean_what_the_neutral_journal_means(name, rules):
    """Held against the journal, which books every event in code of its own."""
    for event in every_kind(name).history:
        meant = Counter()
        for posting in postings(event):
            meant[_neutral(posting.account)] += posting.amount
        found = Counter()
        for fact in facts_of(event):
            for debit, credit in rules.pairs(fact.kind, fact.component, 1, ""):
                found[_of_journal(debit)] += fact.amount
                found[_of_journal(credit)] -= fact.amount
        found.pop(None, None)
        assert {k: n for k, n in found.items() if n} == {k: n for k, n in meant.items() if n}, event


def _neutral(account):
    return "loss" if account in (Account.WRITTEN_OFF, Account.FORGIVEN) else account.name.lower()


def _of_journal(name):
    """The journal's account for an internal name; memorandum accounts it has none."""
    if name.startswith(("suspended_", "written_off")):
        return None
    plain = name.removesuffix("_1")
    renamed = {"fee": "fees", "allowance": "loss", "rebates": "loss",
               "security_deposits": "overpayments"}  # fmt: skip
    return renamed.get(plain, plain)


@pytest.mark.parametrize("on", [date(2026, 2, 28), date(2026, 5, 31), LAST])
def test_account_balances_are_what_the_loans_owe_by_component(connection, rules, book, on):
    holds = {}
    for name, component in rules.chart.holding().items():
        holds[rules.chart.mapped[name].number] = component
    found = Counter()
    for balances in trial_balance(connection, rules, on).values():
        for one in balances:
            if (component := holds.get(one.account.number)) is not None:
                component = component.removeprefix("suspended_")
                found["overpaid" if component == "security_deposit" else component] += one.closing
    owed = Counter()
    for event in (event for story in book for event in story.history):
        for posting in postings(event):
            if posting.on <= on:
                owed[posting.account.name.lower()] += posting.amount

    for component in COMPONENTS:
        assert found[component] == owed["fees" if component == "fee" else component], component
    assert found["overpaid"] == -owed["overpayments"]


def test_debits_equal_credits_in_every_trial_balance(connection, rules):
    for by in ((), ("branch",), ("branch", "product")):
        for balances in trial_balance(connection, rules, LAST, FIRST, by=by).values():
            assert sum(one.debit for one in balances) == sum(one.credit for one in balances) > 0
            sides = [one.closing * (1 if one.account.nature is Nature.DEBIT else -1)
                     for one in balances]  # fmt: skip
            assert sum(sides) == 0


@pytest.mark.parametrize("grouping", Grouping)
def test_entries_add_up_to_the_trial_balance(connection, rules, grouping):
    found = list(entries(connection, rules, FIRST, LAST, grouping))
    [balances] = trial_balance(connection, rules, LAST, FIRST).values()

    expected = Counter()
    for one in balances:
        expected[one.account.number, "debit"] += one.debit
        expected[one.account.number, "credit"] += one.credit
    assert total(found, of_account) == +expected
    assert len({entry.key for entry in found}) == len(found)


def test_entries_by_day_and_by_event_are_the_same_amounts(connection, rules):
    def by(entry, line):
        return (entry.posted_on, entry.value_on, line.account, line.branch, line.product)

    by_day = entries(connection, rules, FIRST, LAST)
    by_event = entries(connection, rules, FIRST, LAST, Grouping.EVENT)

    assert total(by_day, by) == total(by_event, by)


@pytest.mark.parametrize("grouping", Grouping)
def test_entries_count_from_the_beginning_of_the_month_wherever_one_looks(
    connection, rules, grouping
):
    month = list(entries(connection, rules, date(2026, 5, 1), date(2026, 5, 31), grouping))
    later = [one for one in month if one.posted_on >= date(2026, 5, 2)]

    assert list(entries(connection, rules, date(2026, 5, 2), date(2026, 5, 31), grouping)) == later
    for kind in EntryKind:
        numbers = [one.number for one in month if one.kind is kind]
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_loans_entries_from_its_events_alone_are_those_of_the_books(connection, rules, book):
    kept = {}
    for entry in entries(connection, rules, FIRST, LAST, Grouping.EVENT):
        kept.setdefault(entry.lines[0].loan_no, []).append(entry)

    for story in book:
        alone = entries_of_loan(connection, rules, story.loan_id)
        of_books = kept[story.loan.loan_no]
        assert [(one.key, one.lines) for one in alone] == [(o.key, o.lines) for o in of_books]


def test_a_ledger_runs_to_the_trial_balance_and_its_lines_lead_to_events(connection, rules):
    [balances] = trial_balance(connection, rules, date(2026, 6, 30)).values()
    for one in balances:
        first, last = date(2026, 6, 1), date(2026, 6, 30)
        lines = general_ledger(connection, rules, one.account.number, first, last)
        sign = 1 if one.account.nature is Nature.DEBIT else -1
        for before, after in pairwise(lines):
            assert after.balance - before.balance == sign * (after.debit - after.credit)
        assert (lines[-1].balance if lines else one.opening) == one.closing
        events = list(behind(connection, rules, one.account.number, first, last))
        assert sum(event.debit for event in events) == one.debit
        assert sum(event.credit for event in events) == one.credit


def test_the_line_of_a_ledger_names_the_loan_and_the_event(connection, rules, book):
    lines = list(behind(connection, rules, "1020-001", FIRST, LAST, kind="payment"))

    numbers = {story.loan.loan_no for story in book}
    for line in lines:
        [entry] = entries_of_loan(connection, rules, line.loan_id, line.position)
        assert line.loan_no in numbers
        assert any(one.account == "1020-001" and one.debit for one in entry.lines)


def test_a_product_of_its_own_has_accounts_of_its_own(connection, rules):
    leases = trial_balance(connection, rules, LAST, by=("product",))
    [lease] = [balances for place, balances in leases.items() if place.product == "lease-pure"]

    assert [one.account.number for one in lease] == ["1020-001", "1060-101"]


def test_money_nobody_can_place_is_owed_to_whoever_sent_it(connection, rules, database):
    connection.execute(
        "INSERT INTO ledger.suspense (id, line_key, source, line, paid_on, amount, currency, code,"
        " reason, raw) VALUES (gen_random_uuid(), 'x', 'bank', 1, '2026-02-10', 50000, 'USD',"
        " 'unknown', 'no loan', '{}')"
    )
    found = trial_balance(connection, rules, date(2026, 2, 28))
    [(place, balances)] = [one for one in found.items() if one[0].currency == "USD"]
    connection.rollback()

    assert place.currency == "USD"
    assert {one.account.internal: one.closing for one in balances} == {
        "bank": 500_00, "unidentified_deposits": 500_00,
    }  # fmt: skip
    assert read(database, "SELECT * FROM ledger.suspense") == []


@pytest.mark.parametrize(
    ("settled_as", "before", "after"),
    [("assigned", 0, 0), ("returned", 500_00, 0)],
)
def test_a_settled_deposit_is_in_the_bank_once_on_every_date(
    connection, rules, settled_as, before, after
):
    """One that a loan took is booked as its payment, on the day it came in."""
    connection.execute(
        "INSERT INTO ledger.suspense (id, line_key, source, line, paid_on, amount, currency, code,"
        " reason, raw, settled_at, settled_on, settled_as) VALUES (gen_random_uuid(), 'x', 'bank',"
        " 1, '2026-02-10', 50000, 'USD', 'unknown', 'no loan', '{}', now(), '2026-02-20', %s)",
        [settled_as],
    )
    for on, left in ((date(2026, 2, 15), before), (date(2026, 2, 20), after)):
        found = trial_balance(connection, rules, on)
        [balances] = [balances for place, balances in found.items() if place.currency == "USD"]
        assert {one.account.internal: one.closing for one in balances} == {
            "bank": left, "unidentified_deposits": left,
        }, on  # fmt: skip
    connection.rollback()
