"""Groups by REST: opened, paid out, paid together, shown; every refusal a problem."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.test_commands import answered
from tests.api.test_fuzz import NEAR, values

MEMBERS = {"ana": "5000.00", "bea": "3000.00", "cai": "2000.00", "dora": "1000.00"}
WEEKLY = {"annual_rate": "0", "instalments": 10, "frequency": "weekly"}


def opening(number, **changes):
    return {
        "group_no": number, "kind": "solidarity", "effective_on": "2026-01-15", "loan": WEEKLY,
        "members": [
            {"loan_no": f"{number}-{name}", "borrower": f"B-{name}", "principal": principal}
            for name, principal in MEMBERS.items()
        ],
    } | changes  # fmt: skip


def money(amount, **more):
    return {"amount": amount, "currency": "MXN", "on": "2026-01-22"} | more


@pytest.fixture(scope="module")
def group(client):
    return running(client, "G-1")


def running(client, number):
    answered(client.post("/v1/groups", opening(number)))
    answered(client.post(f"/v1/groups/{number}/disbursement", {"on": "2026-01-15"}))
    return number


def test_a_group_is_opened_and_the_same_order_again_answers_the_first(client):
    first = answered(client.post("/v1/groups", opening("G-0"), key="g-0"))
    assert [one["events"] for one in first["loans"]] == [["loan-opened"]] * 4
    assert first["repeated"] is False

    again = answered(client.post("/v1/groups", opening("G-0"), key="g-0"))
    assert again["repeated"] is True
    assert [one["loan_id"] for one in again["loans"]] == [one["loan_id"] for one in first["loans"]]


def test_a_group_may_be_of_a_product(client):
    body = opening("G-00", product="solidarity", loan={"annual_rate": "60.00", "instalments": 16})
    body["members"] = [one | {"principal": "3000.00"} for one in body["members"]]
    answered(client.post("/v1/groups", body))

    body["group_no"], body["members"][2]["principal"] = "G-000", "1.00"
    refused = answered(client.post("/v1/groups", body), 422)
    assert refused["field"] == "members[2].principal"


def test_a_payment_is_split_and_the_absent_covered(client):
    number = running(client, "G-2")
    body = money("1100.00", absent=["G-2-dora"], reference="meeting 1")

    told = answered(client.post(f"/v1/groups/{number}/payments", body, key="m-1"))

    assert told["parts"] == [
        {"payer": "G-2-ana", "loan": "G-2-ana", "amount": "500.00", "kind": "own"},
        {"payer": "G-2-ana", "loan": "G-2-dora", "amount": "50.00", "kind": "cover"},
        {"payer": "G-2-bea", "loan": "G-2-bea", "amount": "300.00", "kind": "own"},
        {"payer": "G-2-bea", "loan": "G-2-dora", "amount": "30.00", "kind": "cover"},
        {"payer": "G-2-cai", "loan": "G-2-cai", "amount": "200.00", "kind": "own"},
        {"payer": "G-2-cai", "loan": "G-2-dora", "amount": "20.00", "kind": "cover"},
    ]
    assert (told["number"], told["kept"], told["repeated"]) == (1, "0.00", False)
    assert [one["paid"] for one in told["loans"]] == ["500.00", "300.00", "200.00", "100.00"]
    again = answered(client.post(f"/v1/groups/{number}/payments", body, key="m-1"))
    assert again == told | {"repeated": True}

    back = {"loan": "G-2-ana", "cover": 1, "on": "2026-01-23", "amount": "20.00"}
    receipt = answered(client.post(f"/v1/groups/{number}/returns", back))
    assert receipt["events"][-1] == "cover-returned"
    seen = answered(client.get(f"/v1/groups/{number}?on=2026-01-29"), 200)
    assert (seen["kind"], seen["status"], seen["currency"]) == ("solidarity", "active", "MXN")
    assert [(one["due"], one["principal"]) for one in seen["members"]] == [
        ("500.00", "4500.00"), ("300.00", "2700.00"), ("200.00", "1800.00"), ("100.00", "900.00"),
    ]  # fmt: skip
    assert [
        (one["loan"], one["for_loan"], one["amount"], one["left"]) for one in seen["covers"]
    ] == [
        ("G-2-ana", "G-2-dora", "50.00", "30.00"),
        ("G-2-bea", "G-2-dora", "30.00", "30.00"),
        ("G-2-cai", "G-2-dora", "20.00", "20.00"),
    ]
    assert seen["payments"] == [
        {"number": 1, "on": "2026-01-22", "amount": "1100.00", "kept": "0.00",
         "absent": ["G-2-dora"], "posted": True}
    ]  # fmt: skip
    client.settled()
    check_reads(client, number)


def check_reads(client, number):
    """GraphQL tells the same: who is in the group, whose money a payment was, what is owed back."""
    document = """query ($no: String!) { group(groupNo: $no) {
        kind shortfall openedOn
        members { place loanNo loan { groupNo covers { left { amount } }
                                      payments { nodes { number paidBy amount { amount } } } } }
        covers { loanNo forLoan amount { amount } returned { amount } left { amount } }
        payments { number amount { amount } kept { amount } posted } } }"""
    told = client.ask(document, no=number)["group"]
    assert (told["kind"], told["shortfall"]) == ("SOLIDARITY", "IN_PROPORTION")
    assert [one["loanNo"] for one in told["members"]] == [f"{number}-{name}" for name in MEMBERS]
    ana, *_, dora = (one["loan"] for one in told["members"])
    assert [(one["paidBy"], one["amount"]["amount"]) for one in dora["payments"]["nodes"]] == [
        (f"{number}-cai", "20.00"), (f"{number}-bea", "30.00"), (f"{number}-ana", "50.00"),
    ]  # fmt: skip
    assert ana["payments"]["nodes"][0]["paidBy"] == ""
    assert ana["covers"] == [{"left": {"amount": "30.00"}}]
    assert [(one["loanNo"], one["returned"]["amount"], one["left"]["amount"])
            for one in told["covers"]] == [
        (f"{number}-ana", "20.00", "30.00"), (f"{number}-bea", "0.00", "30.00"),
        (f"{number}-cai", "0.00", "20.00"),
    ]  # fmt: skip
    assert told["payments"][0]["posted"] is True
    assert client.ask('{ group(groupNo: "none") { groupNo } }')["group"] is None
    page = client.ask("{ groups(first: 1) { totalCount nodes { groupNo } } }")["groups"]
    assert len(page["nodes"]) == 1 <= page["totalCount"]


@pytest.mark.parametrize(
    ("status", "code", "field", "at", "body"),
    [
        (404, "unknown-group", "group_no", "NONE", money("1.00")),
        (422, "invalid-date", "on", "NONE", money("1.00", on="2026-12-31")),
        (422, "stranger-named", "absent", "G-1", money("1.00", absent=["G-1-eva"])),
        (422, "amounts-differ", "amounts", "G-1", money("1.00", amounts={"G-1-ana": "2.00"})),
        (422, "invalid-amount", "amount", "G-1", money("0.00")),
        (422, "invalid-date", "on", "G-1", money("1.00", on="2026-12-31")),
        (422, "wrong-currency", "amount", "G-1", money("1.00", currency="USD")),
        (422, "invalid-field", "on", "G-1", {"amount": "1.00", "currency": "MXN"}),
    ],
)
def test_what_cannot_be_is_a_problem_with_its_field(client, group, status, code, field, at, body):
    told = answered(client.post(f"/v1/groups/{at}/payments", body), status)
    assert (told["code"], told["field"]) == (code, field)


def test_figures_of_a_refusal_are_money(client, group):
    body = money("1.00", amounts={"G-1-ana": "2.00"})
    told = answered(client.post(f"/v1/groups/{group}/payments", body), 422)
    assert told["detail"] == "amounts sum to 2.00 MXN, but 1.00 MXN came in"


def test_a_number_taken_and_a_group_not_paid_out_are_conflicts(client, group):
    other = opening("G-1", branch="norte")
    assert answered(client.post("/v1/groups", other), 409)["code"] == "duplicate-group-number"
    answered(client.post("/v1/groups", opening("G-3")))
    told = answered(client.post("/v1/groups/G-3/payments", money("1.00")), 409)
    assert told["code"] == "no-open-loans"


SOUND = {
    "payments": money("10.00"),
    "returns": {"loan": "G-1-ana", "cover": 1, "on": "2026-01-22"},
    "disbursement": {"on": "2026-01-15"},
    "": opening("G-9"),
}
odd = st.sampled_from(NEAR) | values


@pytest.mark.parametrize("door", sorted(SOUND))
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_body_breaks_a_door(client, group, door, data):
    body = dict(SOUND[door])
    names = sorted({*body, "absent", "amounts", "rule", "loan", "members", "product"})
    for name in data.draw(st.sets(st.sampled_from(names), min_size=1, max_size=2)):
        body[name] = data.draw(odd)
    if data.draw(st.booleans()) and door == "":
        body["members"] = [dict(SOUND[""]["members"][0]) | {"principal": data.draw(odd)}] * 2
    at = f"/v1/groups/{group}/{door}" if door else "/v1/groups"

    response = client.request(
        "POST", at, content=json.dumps(body), headers={"Content-Type": "application/json"}
    )

    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert response.json()["code"]
