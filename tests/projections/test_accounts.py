"""The chart of accounts and the journal in the database are those the postings make."""

from collections import defaultdict
from itertools import groupby
from operator import itemgetter

from domain import events as e
from domain.terms import Component
from projections.journal.accounts import RECEIVABLE, Account
from projections.journal.postings import postings
from tests.projections.stories import EVERY_KIND, Log, catch_up, every_kind, read


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


def test_the_journal_tells_of_every_event_what_its_postings_are(fresh_database):
    stories = [every_kind(name) for name in EVERY_KIND]
    Log(fresh_database).append(*stories)
    catch_up(fresh_database)

    entries = read(fresh_database, "SELECT * FROM read.journal ORDER BY loan_id, position, part")

    told = defaultdict(list)
    for (loan_id, _), of in groupby(entries, key=itemgetter("loan_id", "position")):
        lines = []
        for one in of:
            sides = zip(one["accounts"], one["amounts"], strict=True)
            lines += [(one["event"], one["effective_on"], *side) for side in sides]
        told[loan_id].append(lines)
    for story in stories:
        meant = [
            [(e.tag(event), posting.on, posting.account, posting.amount) for posting in found]
            for event in story.history
            if (found := postings(event))
        ]
        assert told[story.loan_id] == meant


def test_totals_by_account_are_those_of_the_entries(fresh_database):
    Log(fresh_database).append(*[every_kind(name) for name in EVERY_KIND])
    catch_up(fresh_database)

    of = "SELECT account, effective_on, sum(debit - credit)::bigint AS change FROM read.{}"
    by = " GROUP BY 1, 2 HAVING sum(debit - credit) <> 0 ORDER BY 1, 2"
    totals, lines = (
        read(fresh_database, of.format(one) + by) for one in ("journal_totals", "journal_lines")
    )

    assert totals == lines != []
