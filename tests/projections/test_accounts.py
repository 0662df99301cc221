"""The chart of accounts in the database is the one the postings use."""

from domain.terms import Component
from projections.journal.accounts import RECEIVABLE, Account
from tests.projections.stories import read


def test_every_account_is_listed_under_its_number(fresh_database):
    rows = read(fresh_database, "SELECT * FROM read.accounts")

    assert {row["account"] for row in rows} == {int(account) for account in Account}
    assert len({row["code"] for row in rows}) == len(rows)


def test_each_component_of_a_debt_is_carried_on_an_asset_of_its_own(fresh_database):
    rows = read(fresh_database, "SELECT * FROM read.accounts WHERE component IS NOT NULL")

    carried = {row["component"]: row["account"] for row in rows if row["kind"] == "asset"}
    assert carried == {name: int(account) for name, account in RECEIVABLE.items()}
    assert set(carried) == {component.value for component in Component}
    assert {row["component"] for row in rows} - set(carried) == {"overpaid"}
