"""Whatever comes in, no answer is a 5xx, and every refusal is a problem with a code."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.test_auth import ENDPOINTS

WORDS = ["amount", "currency", "effective_on", "loan_no", "principal", "annual_rate", "instalments",
         "frequency", "first_due", "tax_rate", "reversed_on", "kind", "reason", "promised_for",
         "grace_days", "amounts", "through", "shards", "withheld_fees", "method", "allocation",
         "irregular", "month_days", "guarantors", "reference", "query", "variables",
         "until", "on", "payment", "terms", "treatment", "periods", "interest_runs", "holder",
         "price", "refinances", "floating", "grace", "period_charges", "graduation", "calendar",
         "rate_steps", "due_on", "keeps_instalment", "down_payment_percent"]  # fmt: skip
NEAR = [
    "1.00", "0.00", "-1", "1.001", "12000.00", "9" * 30, "1e5", "NaN", "MXN", "USD", "JPY", "CLF",
    "2026-02-15", "2026-01-01", "0001-01-01", "9999-12-31", "monthly", "weekly", "single", "daily",
    "equal_instalments", "balloon", "irregular", "cancelled", "", " ", "\x00", "\u202e", "\ud800",
    12, 0, -1, 2**63, 2**64, 1.5, True, None, [], {}, ["fee"], {"principal": "1.00"},
    [{"due": "2026-03-01", "principal": "1.00"}], [15, 31],
]  # fmt: skip

values = st.recursive(
    st.sampled_from(NEAR) | st.text(max_size=20) | st.integers() | st.floats() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
keys = st.sampled_from(WORDS) | st.sampled_from(["\ud800", "", "__class__", "\x00"])
bodies = st.dictionaries(keys, values, max_size=9)

SOUND = {
    "amount": "1.00", "currency": "MXN", "effective_on": "2026-02-15", "reversed_on": "2026-02-20",
    "kind": "x", "promised_for": "2026-03-01", "amounts": {"principal": "1.00"},
    "through": "2026-02-15", "loan_no": "F-1", "principal": "1000.00", "annual_rate": "36.00",
    "instalments": 3, "frequency": "monthly", "query": "{ position }", "until": "2026-08-01",
    "on": "2026-02-15", "payment": 1, "periods": 2, "holder": "F", "price": "1.00",
    "refinances": ["NONE"],
}  # fmt: skip
OPENING = (
    "loan_no",
    "effective_on",
    "currency",
    "principal",
    "annual_rate",
    "instalments",
    "frequency",
)
FIELDS = {
    "/v1/loans": OPENING,
    "disbursements": ("amount", "currency", "effective_on"),
    "payments": ("amount", "currency", "effective_on"),
    "reversal": ("reversed_on",),
    "fees": ("amount", "currency", "effective_on", "kind"),
    "promises": ("amount", "currency", "effective_on", "promised_for"),
    "forgiveness": ("amounts", "currency", "effective_on"),
    "recoveries": ("amount", "currency", "effective_on"),
    "close-of-day": ("through",),
    "chargebacks": ("payment", "effective_on"),
    "rate-changes": ("annual_rate", "effective_on"),
    "interest-pauses": ("until", "effective_on"),
    "delinquency-pauses": ("until", "effective_on"),
    "holidays": ("periods", "effective_on"),
    "sale": ("holder", "price", "currency", "effective_on"),
    "payoff": ("on",),
    "/v1/loans/{loan}/fees/{fee}/waiver/reversal": ("effective_on",),
    "/v1/loans/{loan}/instalments/{instalment}/waiver/reversal": ("effective_on",),
    "/v1/refinancings": (*OPENING, "refinances"),
    "/graphql": ("query",),
}
FILES = {"/v1/payment-files", "/v1/remittances"}
POSTS = sorted(at for method, at in ENDPOINTS if method == "POST" and at not in FILES)
slow = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def answered(response):
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"]


@pytest.fixture(scope="module")
def number(client):
    return client.running()


@pytest.mark.parametrize("template", POSTS)
@given(body=bodies, sound=st.booleans())
@slow
def test_no_body_breaks_an_endpoint(client, number, template, body, sound):
    if sound:  # nearly right: only some of the fields are odd
        wanted = FIELDS.get(template) or FIELDS.get(template.rsplit("/", 1)[1], ("effective_on",))
        body = {**{field: SOUND[field] for field in wanted}, **dict(list(body.items())[:2])}
    at = template.format(loan=number, payment=1, fee=1, instalment=1, promise=1,
                         group_no="NONE")  # fmt: skip

    answered(
        client.request(
            "POST", at, content=json.dumps(body), headers={"Content-Type": "application/json"}
        )
    )


@given(
    name=st.text(min_size=1, max_size=30),
    on=st.sampled_from([*map(str, NEAR)]) | st.text(max_size=12),
)
@slow
def test_no_path_or_query_breaks_an_endpoint(client, name, on):
    from urllib.parse import quote

    segment = quote(name.encode("utf-8", "replace"), safe="")
    answered(
        client.get(
            f"/v1/loans/{segment}/payoff", params={"on": on.encode("utf-8", "replace").decode()}
        )
    )


@given(
    key=st.text(
        st.characters(min_codepoint=1, max_codepoint=255, blacklist_characters="\r\n"), max_size=300
    )
)
@slow
def test_no_idempotency_key_breaks_an_endpoint(client, number, key):
    body = {"amount": "1.00", "currency": "MXN", "effective_on": "2026-02-15"}
    headers = {"Idempotency-Key": key.encode("latin-1")}
    answered(client.post(f"/v1/loans/{number}/payments", body, key=False, headers=headers))


PIECES = [
    "{", "}", "(", ")", "loans", "loan", "nodes", "edges", "node", "first: 2", 'loanNo: "x"',
    "balances", "owed", "total", "amount", "schedule", "payments", "id", "...", "on Loan",
    "fragment f on Loan", "query", "$a: Int", "@skip(if: true)", "__typename",
    'asOf: "2026-01-01"', "portfolio", "aging", "by: STAGE", "filter: {dpdFrom: 1}", '"', "#",
    "\x00", "\u00e9", ":", "orderBy: {field: PRINCIPAL}", "mutation", "subscription",
    "last: 99999999999999999999",
]  # fmt: skip


@given(document=st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join) | st.text(max_size=60),
       variables=st.dictionaries(st.sampled_from(["a", "b"]), values, max_size=2))  # fmt: skip
@settings(slow, max_examples=200)
def test_no_document_breaks_graphql(client, document, variables):
    body = json.dumps({"query": document, "variables": variables})
    response = client.request(
        "POST", "/graphql", content=body, headers={"Content-Type": "application/json"}
    )
    answered(response)
    for error in response.json().get("errors", []) if response.status_code == 200 else []:
        assert error["extensions"]["code"] != "internal-error", error


def test_halves_of_characters_and_endless_numbers_are_shown_again(client):
    def sent(at, body):
        content = json.dumps(body)
        return client.request(
            "POST", at, content=content, headers={"Content-Type": "application/json"}
        )

    answered(sent("/v1/loans", {**{field: SOUND[field] for field in OPENING}, "\ud800": 1}))
    answered(sent("/v1/loans/NONE/payments", {"\ud800": "\udfff"}))
    for variable in ("\ud800", 2**70, float("nan")):
        body = {
            "query": "query($a: Int) { loans(first: $a) { totalCount } }",
            "variables": {"a": variable},
        }
        response = sent("/graphql", body)
        assert response.status_code == 200, response.text
        [error] = response.json()["errors"]
        assert error["extensions"]["code"] in {"bad-variable", "too-wide"}
    answered(sent("/graphql", {"query": "{ \ud800 }"}))
