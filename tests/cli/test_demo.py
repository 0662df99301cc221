"""The demo's book is the same every time, and a second run repeats nothing."""

import stat
from datetime import date
from pathlib import Path

import pytest

from cli import demo
from scenarios import demo_book

SCENARIOS = Path(__file__).parent.parent.parent / "scenarios"


@pytest.fixture
def a_week(monkeypatch):
    monkeypatch.setattr(demo, "LAST_DAY", date(2026, 2, 8))


def test_the_demo_prints_a_portfolio_that_balances_and_goes_on_where_it_stopped(
    cartera, fresh_database, tmp_path, monkeypatch, a_week
):
    chosen = fresh_database.model_copy(update={"var_dir": tmp_path})
    monkeypatch.setattr(demo, "settings", lambda: chosen)

    first = cartera("demo", "--no-serve")
    again = cartera("demo", "--no-serve")
    monkeypatch.setattr(demo, "LAST_DAY", date(2026, 2, 10))
    later = cartera("demo", "--no-serve")

    assert (first.code, again.code, later.code) == (0, 0, 0)
    assert "8 days through 2026-02-08" in first.out
    for told in ("PAR30", "Trial balance", "debits equal credits", "Aging", "Balances"):
        assert told in first.out
    assert "0 days through 2026-02-08" in again.out
    assert first.out.partition("Portfolio")[2] == again.out.partition("Portfolio")[2]
    assert "2 days through 2026-02-10" in later.out
    assert cartera("verify").code == 0


def test_the_token_is_kept_for_its_owner_only_and_given_again(cartera, fresh_database, tmp_path):
    from cli.servers import development_token

    chosen = fresh_database.model_copy(update={"var_dir": tmp_path})

    token = development_token(chosen)

    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert development_token(chosen) == token
    [key] = cartera("key", "list", "--json").json
    cartera("key", "revoke", key["id"])
    assert development_token(chosen) != token


def test_the_shipped_book_is_what_its_script_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_book, "HERE", tmp_path)

    demo_book.main()

    for name in ("demo_loans.csv", "demo_payments.csv"):
        assert (tmp_path / name).read_bytes() == (SCENARIOS / name).read_bytes()
