"""Thousands of documents over our schema, right and wrong: no 5xx, a code each, nothing leaks.

`CARTERA_FUZZ_DOCUMENTS=10000` asks that many; by default a hundred or two are asked.
"""

import json
import os
import re
from collections import Counter

import pytest
from graphql import Visitor, build_schema, parse, parse_value, print_ast, visit
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, nodes, queries

from api.export_schema import sdl
from api.graphql.cursors import cursor

DOCUMENTS = int(os.environ.get("CARTERA_FUZZ_DOCUMENTS", "160"))
LEAKS = re.compile(
    r"psycopg|Traceback|asyncpg|/api/|\.py\b|\bSELECT\b|\b(?:read|ledger)\.[a-z_]+"
    r"|\bLINE \d|relation \"|column \"|NoneType|object at 0x"
)
SCALARS = {
    "BigInt": st.integers(-(2**63), 2**63).map(nodes.Int),
    "Date": st.dates().map(str).map(nodes.String) | st.just(nodes.String("2026-02-15")),
    "DateTime": st.datetimes().map(lambda at: nodes.String(at.isoformat())),
    "UUID": st.uuids().map(str).map(nodes.String),
    "JSON": st.just(nodes.Object(fields=())),
}
quickly = settings(
    max_examples=DOCUMENTS // 4, deadline=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)  # fmt: skip
SCHEMA = build_schema(sdl())
seen = Counter()


@pytest.fixture(scope="module")
def loan(client):
    number = client.running()
    client.pay(number, "1000.00", "2026-02-15")
    client.settled()
    yield number, client.ask(f'{{ loan(loanNo: "{number}") {{ id }} }}')["loan"]["id"]
    print(dict(seen))


def check(client, document, variables=None):
    """An answer or a refusal, as clients may rely on."""
    note(document)
    body = json.dumps({"query": document, "variables": variables})
    headers = {"Content-Type": "application/json"}
    response = client.request("POST", "/graphql", content=body, headers=headers)
    assert response.status_code < 500, response.text
    told = response.json()
    if response.status_code != 200:
        seen[told["code"]] += 1
        return
    for error in told.get("errors", []):
        code = error["extensions"]["code"]
        seen[code] += 1
        assert code not in {"internal-error", "not-read"}, error
        assert not LEAKS.search(error["message"]), error
    seen["answered"] += "errors" not in told


class Sensible(Visitor):
    """Makes random arguments ones that bring something."""

    def __init__(self, number, loan_id):
        super().__init__()
        self.values = {"first": "3", "after": "null", "before": "null", "last": "null",
                       "atLeast": "1", "filter": "null", "asOf": '"2026-04-30"',
                       "knownAt": "null", "on": '"2026-05-31"'}  # fmt: skip
        self.named = {"loan": parsed_field(f'loan(loanNo: "{number}")').arguments,
                      "node": parsed_field(f'node(id: "{loan_id}")').arguments}  # fmt: skip

    def enter_field(self, node, *_):
        arguments = [
            replace(one, value=parse_value(self.values.get(one.name.value, "null")))
            for one in node.arguments or ()
            if one.name.value in self.values
        ]
        return replace(node, arguments=(*arguments, *self.named.get(node.name.value, ())))


def parsed_field(text):
    return parse(f"{{ {text} {{ id }} }}").definitions[0].selection_set.selections[0]


def replace(node, **changes):
    return type(node)(**{**{key: getattr(node, key) for key in node.keys}, **changes})


@pytest.mark.timeout(3_600)
@given(document=queries(SCHEMA, custom_scalars=SCALARS, print_ast=lambda tree: tree))
@quickly
def test_no_document_over_the_schema_breaks_or_leaks(client, loan, document):
    check(client, print_ast(document))
    check(client, print_ast(visit(document, Sensible(*loan))))


@pytest.mark.timeout(3_600)
@given(document=queries(SCHEMA, custom_scalars=SCALARS, mode=Mode.NEGATIVE))
@quickly
def test_no_wrong_document_breaks_or_leaks(client, loan, document):
    check(client, document)


KEYS = st.lists(
    st.one_of(st.text(max_size=8), st.integers(), st.none(), st.booleans(), st.floats()), max_size=4
)


@pytest.mark.timeout(3_600)
@given(
    order=st.sampled_from(["loans:loan_no:asc", "payments:latest", "journal:booked", "x"]),
    keys=KEYS,
    place=st.integers(0, 40),
    with_=st.sampled_from(["", "A", "_", "=", "é", "\x00", "%"]),
)
@quickly
def test_no_cursor_breaks_a_list(client, loan, order, keys, place, with_):
    made = cursor(order, keys) if all(storable(key) for key in keys) else "x"
    altered = made[:place] + with_ + made[place + bool(with_) :]
    for sent in (made, altered):
        for root in ("loans", "promises", "journalEntries"):
            check(
                client,
                f"query($at: String) {{ {root}(first: 2, after: $at) {{ totalCount"
                " pageInfo { endCursor } } }",
                {"at": sent},
            )


def storable(key):
    return not isinstance(key, int) or abs(key) < 2**63


SPLICES = ["{", "}", "(", ")", "...", "$a", "@skip", '"', "#", "\x00", "\ud800", "first: -1", "é"]


@pytest.mark.timeout(3_600)
@given(data=st.data(), at=st.floats(0, 1), until=st.floats(0, 0.2), splice=st.sampled_from(SPLICES))
@quickly
def test_no_document_cut_and_spliced_breaks_or_leaks(client, loan, data, at, until, splice):
    document = data.draw(queries(SCHEMA, custom_scalars=SCALARS))
    start = int(len(document) * at)
    check(client, document[:start] + splice + document[start + int(len(document) * until) :])
