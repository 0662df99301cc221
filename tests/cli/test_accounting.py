"""`cartera accounting`: the books in company accounts, from balances down to a loan's event."""

import json
from datetime import date
from pathlib import Path

import pytest

from domain import commands
from ledger.settings import override
from projections.accounting import rules
from tests.projections.stories import Log, catch_up, paid_out

EXAMPLE = Path(rules.__file__).with_name("allowance_example.yaml")
BANK, PRINCIPAL = "1020-001", "1060-001"


@pytest.fixture(scope="module")
def book(database):
    story = paid_out(loan_no="L-1")
    story.do(commands.receive_payment, amount=1_000_00, effective_on=date(2026, 2, 1))
    story.do(commands.close_day, on=date(2026, 2, 28))
    Log(database).append(story)
    catch_up(database)
    return story


def lines(told):
    return [json.loads(line) for line in told.out.splitlines()]


def test_a_trial_balance_says_what_each_account_came_to(cartera, book):
    [told] = cartera(
        "accounting", "trial-balance", "--from", "2026-02-01", "--to", "2026-02-28",
        "--by", "branch", "--json",
    ).json  # fmt: skip

    bank = next(one for one in told["accounts"] if one["number"] == BANK)
    assert (told["currency"], told["branch"], told["product"]) == ("MXN", "norte", "")
    assert (bank["opening"], bank["debit"], bank["closing"]) == ("-10000.00", "1000.00", "-9000.00")
    assert "Bancos nacionales" in cartera("accounting", "trial-balance", "--to", "2026-02-28").out


def test_from_a_ledgers_line_to_the_event_and_its_entry(cartera, book):
    span = ("--from", "2026-02-01", "--to", "2026-02-28")
    [line] = cartera("accounting", "ledger", BANK, *span, "--json").json
    parts = lines(cartera("accounting", "drill", BANK, *span, "--kind", line["kind"]))
    [event] = lines(cartera("accounting", "drill", PRINCIPAL, *span))
    [entry] = lines(
        cartera("accounting", "entries", "--loan", "L-1", "--position", event["position"])
    )

    assert (line["kind"], line["debit"], line["balance"]) == ("payment", "1000.00", "-9000.00")
    assert sum(int(part["debit"].replace(".", "")) for part in parts) == 1_000_00
    assert {part["position"] for part in parts} == {event["position"]}
    assert (event["loan_no"], event["component"]) == ("L-1", "principal")
    assert event["credit"] == next(one["debit"] for one in parts if one["component"] == "principal")
    assert (entry["text"], entry["kind"]) == ("Cobranza", "income")
    assert {"account": BANK, "debit": "1000.00"}.items() <= entry["lines"][0].items()
    assert "payment" in cartera("accounting", "ledger", BANK, *span).out


def test_entries_come_by_day_or_by_event(cartera, book):
    span = ("--from", "2026-02-01", "--to", "2026-02-28")
    by_day = lines(cartera("accounting", "entries", *span))
    by_event = lines(cartera("accounting", "entries", *span, "--group", "event"))

    for entry in (*by_day, *by_event):
        cents = [int(one.get(side, "0").replace(".", "")) * sign for one in entry["lines"]
                 for side, sign in (("debit", 1), ("credit", -1))]  # fmt: skip
        assert sum(cents) == 0
    assert {one["loan_no"] for entry in by_event for one in entry["lines"]} == {"L-1"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ledger", "9999", "--to", "2026-02-28"), "account: '9999' is none that the chart"),
        (("trial-balance", "--to", "2026-02-28", "--by", "x"), "by: x is none of: branch, product"),
        (("trial-balance", "--to", "2026-02-01", "--from", "2026-02-02"), "from: 2026-02-02 lies"),
        (("drill", BANK, "--to", "2026-02-28", "--kind", "x"), "kind: 'x' is none of"),
        (("entries",), "to: give either --to DATE or --loan LOAN"),
        (("entries", "--to", "2026-02-28", "--group", "x"), "group: 'x' is none of: day, event"),
        (("entries", "--loan", "L-9"), "loan: there is no loan L-9"),
        (("allowance", "--on", "2026-02-28"), "accounting_allowance: no tables are set"),
        (("close-period", "2099-01"), "period: 2099-01 is not over"),
    ],
)
def test_what_cannot_be_meant_is_named(cartera, book, arguments, told):
    found = cartera("accounting", *arguments)

    assert found.code == 2
    assert told in found.err


def test_the_check_lists_what_is_still_to_be_confirmed(cartera, book):
    told = cartera("accounting", "check", "--json").json

    by_number = {one["number"]: one for one in told["to_be_confirmed"]}
    assert (by_number["2050-002"]["sat"], by_number["2050-002"]["cnbv"]) == ("205.06", None)
    assert PRINCIPAL not in by_number
    assert "keep what loans owe" in cartera("accounting", "check").out


def test_an_account_that_rules_need_and_the_chart_lacks_is_found_before_an_export(
    cartera, book, database, tmp_path
):
    chart = (EXAMPLE.parent / "chart_mx.yaml").read_text(encoding="utf-8")
    (tmp_path / "own.yaml").write_text(chart.replace("internal: bank,", "internal: banks,"))
    with override(database.model_copy(update={"accounting_chart": tmp_path / "own.yaml"})):
        told = cartera("accounting", "check")

    assert told.code == 2
    assert "rules[0].post[0].credit: 'bank' is no account of the chart" in told.err


def test_the_allowance_is_shown_and_posted_once_and_its_month_closed(cartera, book, database):
    chosen = database.model_copy(update={"accounting_allowance": EXAMPLE})
    with override(chosen):
        on = ("accounting", "allowance", "--on", "2026-02-28")
        shown = cartera(*on, "--json").json
        posted = cartera(*on, "--post", "--json").json
        again = cartera(*on, "--post", "--json").json
        assert "nothing to post" in cartera(*on, "--post").out

    [one] = shown["movements"]
    assert one["required"] == one["amount"]
    assert (posted["key"], again["key"]) == ("allowance:2026-02-28/1", None)

    done = cartera("accounting", "close-period", "2026-01", "--actor", "ana", "--json").json
    assert (done["month"], done["actor"]) == ("2026-01-01", "ana")
    assert "is closed" in cartera("accounting", "close-period", "2026-01").err
    assert "2026-01 closed by ana" in cartera("accounting", "periods").out


def test_what_is_earned_of_withheld_fees_is_told(cartera, book):
    told = cartera("accounting", "amortise", "--on", "2026-02-28", "--post", "--json").json

    assert told["key"] is None
    assert told["movements"] == {"withheld_fee": [], "withheld_interest": []}
    assert (
        "nothing to post" in cartera("accounting", "amortise", "--on", "2026-02-28", "--post").out
    )


def test_roll_rates_are_told(cartera, book):
    told = cartera("accounting", "roll-rates", "--from", "2026-02-01", "--to", "2026-02-28",
                   "--json").json  # fmt: skip

    assert sum(map(sum, told["loans"])) == 1
    assert "current" in cartera("accounting", "roll-rates", "--to", "2026-02-28").out
