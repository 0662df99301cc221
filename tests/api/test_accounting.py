"""The books in company accounts through GraphQL: balances, a ledger, its events, their entries."""

import pytest

from tests.api.harness import served

BANK, INTEREST = "1020-001", "1065-001"


@pytest.fixture(scope="module")
def client(database):
    with served(database) as client:
        client.number = client.running()
        client.pay(client.number, "1000.00", "2026-02-15")
        client.pay(client.number, "1000.00", "2026-03-15")
        client.settled()
        yield client


BALANCES = """query($from: Date, $to: Date, $branch: Boolean) {
    accountBalances(from: $from, to: $to, byBranch: $branch) { currency branch product from to
        accounts { account { number nature memorandum satCode } opening { minor }
            debit { minor } credit { minor } closing { minor } } } }"""
LEDGER = """query($account: String!, $to: Date) {
    accountLedger(account: $account, from: "2026-01-01", to: $to) {
        postedOn valueOn kind debit { minor } credit { minor } balance { minor } } }"""
EVENTS = """query($account: String!, $first: Int, $after: BigInt, $kind: String) {
    accountEvents(account: $account, from: "2026-01-01", to: "2026-06-30", first: $first,
        after: $after, kind: $kind) {
        position loanId loanNo postedOn kind component debit { minor } credit { minor } } }"""
ENTRIES = """query($loan: ID!, $position: BigInt) {
    companyEntries(loanId: $loan, position: $position) { key kind text postedOn
        lines { account { number } debit { minor } credit { minor } } } }"""


def test_balances_are_told_in_company_accounts(client):
    [told] = client.ask(BALANCES, **{"from": "2026-02-01", "to": "2026-02-28", "branch": True})[
        "accountBalances"
    ]

    bank = next(one for one in told["accounts"] if one["account"]["number"] == BANK)
    assert (told["currency"], told["branch"], told["product"]) == ("MXN", "centro", None)
    assert bank["account"]["satCode"] == "102.01"
    assert bank["opening"]["minor"] == -12000_00
    assert (bank["debit"]["minor"], bank["closing"]["minor"]) == (1000_00, -11000_00)
    assert sum(one["debit"]["minor"] for one in told["accounts"]) == sum(
        one["credit"]["minor"] for one in told["accounts"]
    )


def test_a_ledger_leads_to_its_events_and_they_to_their_entries(client):
    lines = client.ask(LEDGER, account=BANK, to="2026-06-30")["accountLedger"]
    events = client.ask(EVENTS, account=BANK, kind="payment")["accountEvents"]
    payments = {one["position"] for one in events}

    assert [one["balance"]["minor"] for one in lines] == [-12000_00, -11000_00, -10000_00]
    assert sum(one["debit"]["minor"] for one in events) == 2000_00
    assert {one["loanNo"] for one in events} == {client.number}
    for position in payments:
        loan = events[0]["loanId"]
        [entry] = client.ask(ENTRIES, loan=loan, position=position)["companyEntries"]
        bank = [one for one in entry["lines"] if one["account"]["number"] == BANK]
        assert [one["debit"]["minor"] for one in bank] == [1000_00]
        assert (entry["kind"], entry["text"]) == ("income", "Cobranza")


def test_events_come_in_pages_after_a_position(client):
    whole = client.ask(EVENTS, account=INTEREST, first=500)["accountEvents"]
    paged, after = [], 0
    while page := client.ask(EVENTS, account=INTEREST, first=1, after=after)["accountEvents"]:
        paged += page
        after = page[-1]["position"]

    assert paged == whole
    assert {one["kind"] for one in whole} == {"interest", "payment"}


@pytest.mark.parametrize(
    ("document", "given", "code"),
    [
        (LEDGER, {"account": "9999", "to": "2026-06-30"}, "unknown-account"),
        (EVENTS, {"account": BANK, "first": 0}, "bad-page"),
        (BALANCES, {"to": "0001-01-01"}, "bad-date"),
    ],
)
def test_what_cannot_be_asked_is_refused(client, document, given, code):
    [error] = client.try_ask(document, **given)["errors"]

    assert error["extensions"]["code"] == code


def test_a_loan_that_is_not_there_has_no_entries(client):
    found = client.ask(ENTRIES, loan="0197a000-0000-7000-8000-000000000000")["companyEntries"]

    assert found == []
