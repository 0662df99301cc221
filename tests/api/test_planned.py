"""Answers planned as SQL are the answers of the resolvers, whatever is asked."""

import asyncio
import json
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import event, given, note
from hypothesis import strategies as st

from api.graphql.endpoint import Question, answered
from api.graphql.nodes import global_id
from api.graphql.planned import lending_groups
from api.graphql.planned.answer import Planner, answer
from api.graphql.planned.kinds import (
    COVER,
    ENTRY,
    EVENT,
    INSTALMENT,
    LINE,
    LOAN,
    PAYMENT,
    PROMISE,
    RECORDED,
    TRANSACTION,
)
from api.graphql.planned.planner import ROOTS
from api.graphql.planned.rows import Row
from api.graphql.planned.whole import BALANCE, BUCKET, GROUP, PORTFOLIO, TRIAL_BALANCE, ratio
from api.graphql.planned.written import sql
from api.graphql.portfolio import ratio as resolved_ratio
from api.graphql.schema import schema
from api.graphql.snapshot import plan_pool, read_pool, snapshot
from cli.story_run import outcome
from cli.story_store import compare
from ledger.application import Ledger
from ledger.clock import FixedClock
from ledger.database import connect, conninfo
from ledger.group_opening import open_group
from ledger.groups import group_payment, return_cover
from tests.api.documents import Maker
from tests.ledger.builders import CAUSE, mxn
from tests.ledger.groups import FIRST, SECOND, a_group, new_group

TODAY = date(2027, 3, 1)
KINDS = {"Loan": LOAN, "Instalment": INSTALMENT, "Payment": PAYMENT, "Promise": PROMISE,
         "Transaction": TRANSACTION, "LoanEvent": EVENT, "JournalEntry": ENTRY,
         "JournalLine": LINE, "RecordedBalances": RECORDED, "Bucket": BUCKET,
         "AgingGroup": GROUP, "Portfolio": PORTFOLIO, "TrialBalance": TRIAL_BALANCE,
         "TrialBalanceLine": BALANCE, "Cover": COVER, "LoanGroup": lending_groups.GROUP,
         "GroupMember": lending_groups.MEMBER,
         "GroupPayment": lending_groups.PAYMENT}  # fmt: skip
RESOLVED = {
    ("Loan", "balances"),
    ("Loan", "payoff"),
    ("Loan", "parties"),
    ("Loan", "bureauReports"),
}
"""What the domain tells, or must be decrypted, and no plan can."""


class Both:
    """Asks by plan and by resolvers."""

    def __init__(self, settings, run):
        self.settings, self.run = settings, run
        self.schema = schema(settings)
        self.planner = Planner(self.schema, settings, introspection=True)

    async def opened(self):
        target = conninfo(self.settings)
        self.plans = plan_pool(target, self.settings, 30)
        self.reads = read_pool(target, self.settings, 30)
        await self.plans.open()
        await self.reads.open()

    async def closed(self):
        await self.plans.close()
        await self.reads.close()

    def read(self, document, variables=None):
        return self.planner.read(document, None, variables, TODAY)

    def planned(self, read):
        return json.loads(self.run(answer(self.plans, read)).whole(read, None))

    def resolved(self, document, variables=None):
        read = self.read(document, variables)._replace(beside=None)
        return self.answered(read, document, variables)

    def answered(self, read, document, variables=None):
        async def ask():
            async with snapshot(self.reads, self.settings, TODAY) as view:
                asked = Question(query=document, variables=variables)
                return await answered(self.schema, view, asked, read)

        return json.loads(json.dumps(self.run(ask()), default=str))


@pytest.fixture(scope="module")
def both(database):
    """Every story of ours in one database."""
    outcomes = [outcome(path) for path in sorted(Path("scenarios").glob("*.yaml"))]
    with Ledger(database, clock=FixedClock(date(2040, 1, 1))) as ledger:
        a_group(ledger, "G-1")
        group_payment(ledger, "G-1", amount=mxn("1100.00"), on=FIRST, cause=CAUSE,
                      absent=["G-1-dora"])  # fmt: skip
        return_cover(ledger, "G-1", "G-1-ana", cover=1, on=SECOND, cause=CAUSE, amount=mxn("20.00"))
        open_group(ledger, new_group("G-2"), CAUSE)
        compare(ledger, outcomes)
    with asyncio.Runner() as runner:
        asker = Both(database, runner.run)
        runner.run(asker.opened())
        yield asker
        runner.run(asker.closed())


@pytest.fixture(scope="module")
def known(both):
    """Arguments that name something there is."""
    with connect(both.settings) as connection:
        rows = connection.execute(
            "SELECT loan_no, loan_id, branch, product FROM read.loans"
        ).fetchall()
        named = connection.execute(
            "SELECT 'Payment', loan_id, payment FROM read.payments"
            " UNION ALL SELECT 'Promise', loan_id, promise FROM read.promises"
        ).fetchall()
    numbers = [f'"{row[0]}"' for row in rows]
    return {
        "loanNo": numbers,
        "groupNo": ['"G-1"', '"G-2"', '"none"'],
        "branch": ['["", "centro"]'],
        "product": [f'["{row[3]}"]' for row in rows],
        "currency": ['["MXN"]'],
        "loan": [f'"{row[1]}"' for row in rows],
        "id": [
            f'"{global_id(*parts)}"'
            for parts in (
                *named,
                *(("Loan", row[1]) for row in rows),
                ("Loan", UUID(int=7)),
                ("Promise", rows[0][1], 999),
                ("Other", rows[0][1]),
            )
        ],
        "dpdFrom": ["0", "1", "30"],
        "dpdTo": ["0", "29", "400"],
        "account": ['"1310"', '"4010"', '"nix"'],
        "event": ['["payment-received"]', '["loan-disbursed", "fee-charged"]'],
    }


@given(data=st.data())
def test_any_document_is_answered_alike(both, known, data):
    maker = Maker(both.schema._schema, data.draw, known, RESOLVED)
    document = maker.document(ROOTS.keys())
    note(document)
    read = both.read(document)
    by_resolvers = both.resolved(document)
    event(f"planned: {read.plan is not None}")
    if read.plan is None:
        assert "errors" in by_resolvers
    else:
        by_plan = both.planned(read)
        assert by_plan == by_resolvers
        assert list(by_plan["data"]) == list(by_resolvers["data"])


@given(data=st.data())
def test_roots_without_a_plan_are_resolved_beside_those_that_have_one(both, known, data):
    maker = Maker(both.schema._schema, data.draw, known, set())
    document = maker.document({*ROOTS, "journalEntries", "projections"})
    note(document)
    read = both.read(document)
    event(f"beside: {read.beside is not None}")
    if read.beside is None:
        return
    mixed, by_resolvers = both.answered(read, document), both.resolved(document)
    for error in by_resolvers.get("errors", []):
        error.pop("locations", None)
    assert mixed == by_resolvers
    assert list(mixed["data"] or ()) == list(by_resolvers["data"] or ())


def test_what_is_resolved_beside_a_plan_is_as_little_as_it_can_be(both, known):
    number = json.loads(known["loanNo"][0])
    document = """query Some($no: String!, $at: Date, $n: Int) {
        first: loans(first: $n) { nodes { ...part } } ...owed
        aging(asOf: $at) { name } unknown: node(id: "x") { id } }
        fragment part on Loan { loanNo approved { ...money } }
        fragment money on Money { amount }
        fragment owed on Query { mine: loan(loanNo: $no) { loanNo payoff { total { ...money } } } }
    """
    given = {"no": number, "at": "2026-04-30", "n": 2}
    read = both.read(document, given)
    asked = read.beside.rest
    assert [name for name in ("first", "part", "aging", "$at", "$n:") if name in asked] == []
    assert [name for name in ("mine", "money", "$no", "unknown") if name not in asked] == []
    told = both.answered(read, document, given)
    assert list(told["data"]) == ["first", "mine", "aging", "unknown"]
    [error] = told["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["unknown"], "bad-id")
    by_resolvers = both.resolved(document, given)
    assert told["data"] == by_resolvers["data"]
    assert told["extensions"] == by_resolvers["extensions"]


def test_a_plan_that_fails_beside_resolvers_leaves_all_to_them(both, known):
    document = "{ loans(first: 2) { nodes { loanNo } } projections { name } }"
    read = both.read(document)
    broken = read.beside._replace(plan=read.beside.plan._replace(data="1 / 0", values={}))
    assert both.answered(read._replace(beside=broken), document) == both.resolved(document)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_planned_or_said_to_be_the_domain_s(both, kind):
    fields = both.schema._schema.type_map[kind].fields
    assert set(fields) - set(KINDS[kind]) == {name for of, name in RESOLVED if of == kind}
    assert set(KINDS[kind]) <= set(fields)


def test_an_answer_says_what_it_is_true_at_and_what_it_cost(both):
    read = both.read("{ loans(first: 3) { nodes { loanNo schedule { number } } } }")
    told = both.planned(read)
    with connect(both.settings) as connection:
        [[position]] = connection.execute("SELECT max(position) FROM ledger.events").fetchall()
    assert told["extensions"]["position"] == position
    assert told["extensions"]["cost"] == {
        "requested": read.cost, "limit": both.settings.graphql_max_cost
    }  # fmt: skip
    assert read.cost >= 3 * 12


def test_one_plan_serves_all_values_that_are_only_bound(both, known):
    document = """query($no: String!, $n: Int!) {
        loan(loanNo: $no) { loanNo payments(first: $n) { nodes { number } } } }"""
    one, other = (json.loads(number) for number in known["loanNo"][:2])
    first, second, third = (
        both.read(document, {"no": no, "n": n}) for no, n in ((one, 2), (other, 2), (one, 3))
    )
    assert first.plan.data == second.plan.data != third.plan.data
    assert len({first.name, second.name, third.name}) == 3
    assert both.planned(second)["data"]["loan"]["loanNo"] == other


@pytest.mark.parametrize("after", [None, "no cursor", 7])
def test_a_cursor_by_variable_is_read_like_any_other(both, after):
    document = """query($at: String) { loans(first: 2, after: $at) {
        pageInfo { hasPreviousPage endCursor } nodes { loanNo } } }"""
    first = both.planned(both.read(document, {"at": None}))["data"]["loans"]
    given = {"at": first["pageInfo"]["endCursor"] if after is None else after}
    read, by_resolvers = both.read(document, given), both.resolved(document, given)
    assert (read.plan is None) is ("errors" in by_resolvers)
    if after is None:
        assert both.planned(read) == by_resolvers
        assert by_resolvers["data"]["loans"]["pageInfo"]["hasPreviousPage"]


@pytest.mark.parametrize("whole", [20_000, 7, 0])
def test_a_share_is_rounded_half_even_as_resolvers_do(both, whole):
    parts = [*range(9, 60), 19_999, 20_000]  # of 20,000 every odd one lies half way
    row = Row("of", "", "")
    with connect(both.settings) as connection:
        told = connection.execute(
            f"SELECT {sql(ratio(row, 'part'))} FROM (SELECT part, nth, %s::numeric AS principal"
            " FROM unnest(%s::bigint[]) WITH ORDINALITY AS given (part, nth)) AS of ORDER BY nth",
            [whole, parts],
        ).fetchall()
    assert [one for (one,) in told] == [f'"{resolved_ratio(part, whole)}"' for part in parts]
