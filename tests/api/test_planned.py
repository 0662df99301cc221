"""Answers planned as SQL are the answers of the resolvers, whatever is asked."""

import asyncio
import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import event, given, note
from hypothesis import strategies as st

from api.graphql.endpoint import Question, answered
from api.graphql.planned.answer import Planner, answer
from api.graphql.planned.kinds import (
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
from api.graphql.schema import schema
from api.graphql.snapshot import plan_pool, read_pool, snapshot
from cli.story_run import outcome
from cli.story_store import compare
from ledger.application import Ledger
from ledger.clock import FixedClock
from ledger.database import connect, conninfo
from tests.api.documents import Maker

TODAY = date(2027, 3, 1)
KINDS = {"Loan": LOAN, "Instalment": INSTALMENT, "Payment": PAYMENT, "Promise": PROMISE,
         "Transaction": TRANSACTION, "LoanEvent": EVENT, "JournalEntry": ENTRY,
         "JournalLine": LINE, "RecordedBalances": RECORDED}  # fmt: skip
RESOLVED = {("Loan", "balances"), ("Loan", "payoff"), ("Loan", "parties")}
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
        return json.loads(self.run(answer(self.plans, read)).body)

    def resolved(self, document, variables=None):
        async def ask():
            async with snapshot(self.reads, self.settings, TODAY) as view:
                asked = Question(query=document, variables=variables)
                return await answered(self.schema, view, asked, self.read(document, variables))

        return json.loads(json.dumps(self.run(ask()), default=str))


@pytest.fixture(scope="module")
def both(database):
    """Every story of ours in one database."""
    outcomes = [outcome(path) for path in sorted(Path("scenarios").glob("*.yaml"))]
    with Ledger(database, clock=FixedClock(date(2040, 1, 1))) as ledger:
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
    numbers = [f'"{row[0]}"' for row in rows]
    return {
        "loanNo": numbers,
        "branch": ['["", "centro"]'],
        "product": [f'["{row[3]}"]' for row in rows],
        "currency": ['["MXN"]'],
        "loan": [f'"{row[1]}"' for row in rows],
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
