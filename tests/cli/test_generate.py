"""`cartera generate` fills a ledger, once, and says what it made."""

import pytest


def test_a_portfolio_is_made_once_and_its_read_models_are_up(cartera, fresh_database):
    words = ("generate", "--loans", 40, "--seed", 2, "--history", "none", "--until", "2026-06-30")

    made = cartera(*words, "--json").json

    assert (made["loans"], made["repeated"], len(made["products"])) == (40, 0, 20)
    assert made["events"] >= 80
    again = cartera(*words)
    assert again.out.startswith("0 loans")
    assert "40 were there" in again.out
    assert cartera("verify", "--json").json == {"findings": []}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--loans", "-1"), "loans: must be between 1 and 10000000, not -1"),
        (("--history", "weekly"), "history: must be one of: none, events, daily"),
        (("--until", "2999-01-01"), "until: 2999-01-01 is in the future"),
    ],
)
def test_options_that_make_no_portfolio_are_refused_in_one_line(cartera, database, words, told):
    refused = cartera("generate", "--loans", 5, *words)

    assert refused.code == 2
    assert told in refused.err
