"""People by REST and GraphQL: only for who needs them, never without a trace."""

import json

import pytest

from api import query
from ledger.borrowers.forms import person_form
from ledger.clock import FixedClock
from tests.api.harness import TODAY, served
from tests.api.test_commands import answered
from tests.ledger.people import a_person, rfc, somebody

ASK = """query($no: String!) { loan(loanNo: $no) { borrower parties {
    borrowerNo role since known person {
        fullName curp addresses { state } employment { monthlyIncome { amount } } } } } }"""
NUMBERS = "query($no: String!) { loan(loanNo: $no) { parties { borrowerNo role known } } }"


def registration(number, person=None, **changes):
    form = person_form(person or a_person())
    return {"borrower_no": number, "effective_on": "2026-01-15", "person": {**form, **changes}}


@pytest.fixture(scope="module")
def loan(client):
    """A loan of B-10, who is known, with a guarantor that is only a reference."""
    number = client.running("P-1", borrower="B-10", guarantors=["G-1"])
    answered(client.post("/v1/borrowers", registration("B-10"), role="operator"))
    answered(client.post("/v1/borrowers", registration("B-11", somebody(1))))
    role = {"loan_no": number, "role": "co_borrower", "effective_on": "2026-02-01"}
    answered(client.post("/v1/borrowers/B-11/roles", role))
    client.settled()
    return number


def readings(client, number):
    return answered(client.get(f"/v1/borrowers/{number}/readings"), 200)


def test_a_person_is_registered_once_and_shown_as_sent(client):
    body = registration("B-1", somebody(5))
    first = answered(client.post("/v1/borrowers", body, key="b-1"))
    assert (first["version"], first["events"], first["warnings"]) == (
        1, ["borrower-registered"], [],
    )  # fmt: skip
    again = answered(client.post("/v1/borrowers", body, key="b-1"))
    assert again == first | {"repeated": True}
    assert answered(client.post("/v1/borrowers", body), 409)["code"] == "duplicate-borrower"

    seen = answered(client.get("/v1/borrowers/B-1", role="collector"), 200)

    assert seen["person"] == body["person"]
    [trace] = readings(client, "B-1")
    assert (trace["actor"], trace["channel"], trace["what"]) == ("collector-key", "api", "person")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"rfc": rfc()[:-1] + "%"}, "invalid-rfc", "rfc"),
        ({"born_on": "1976-05-11"}, "rfc-differs", "rfc"),
        ({"rfc": "XAXX010101000"}, "generic-rfc", "rfc"),
        ({"curp": "X" * 18}, "invalid-curp", "curp"),
        ({"sex": "M"}, "curp-differs", "curp"),
        ({"addresses": [{"street": "S", "postal_code": "44100", "state": "Sonora"}]},
         "postal-code-differs", "addresses[0].postal_code"),
        ({"addresses": [{"street": "S", "postal_code": "44100", "state": "Texas"}]},
         "unknown-state", "addresses[0].state"),
        ({"addresses": [{"street": "S", "postal_code": "00100"}]},
         "invalid-postal-code", "addresses[0].postal_code"),
        ({"nick": "x"}, "invalid-field", "person.nick"),
        ({"first_name": None}, "invalid-field", "person.first_name"),
        ({"employment": {"employer": "X", "monthly_income": 12.5}}, "invalid-field",
         "person.employment.monthly_income"),
    ],
)  # fmt: skip
def test_what_cannot_be_true_is_a_problem_that_names_its_field(client, changes, code, field):
    problem = answered(client.post("/v1/borrowers", registration("B-0", **changes)), 422)
    assert (problem["code"], problem["field"]) == (code, field)
    assert client.get("/v1/borrowers/B-0").status_code == 404


def test_a_doubtful_rfc_is_taken_with_a_warning(client):
    good = somebody(7).rfc
    bad = good[:-1] + ("1" if good[-1] != "1" else "2")
    body = registration("B-2", somebody(7), rfc=bad)
    assert answered(client.post("/v1/borrowers", body))["warnings"] == [
        "rfc breaks the rule of its check digit"
    ]


def test_a_change_is_told_before_and_after(client):
    answered(client.post("/v1/borrowers", registration("B-3", somebody(8))))
    body = {"effective_on": "2026-03-01", "reason": "told us", "person": {"email": None,
            "phones": ["+52 33 1234 5678"]}}  # fmt: skip
    assert answered(client.post("/v1/borrowers/B-3/changes", body))["version"] == 2

    history = answered(client.get("/v1/borrowers/B-3/history"), 200)

    assert history[1]["before"] == {"email": "ana@example.mx", "phones": ["5512345678"]}
    assert history[1]["after"] == {"phones": ["3312345678"]}
    assert (history[1]["actor"], history[1]["channel"]) == ("administrator-key", "api")
    assert answered(client.post("/v1/borrowers/B-3/changes", body), 422)["code"] == (
        "nothing-changed"
    )


def test_a_person_is_shown_with_his_loan_to_who_may_read_it_and_it_is_noted(client, loan):
    before = len(readings(client, "B-10"))
    data = client.ask(ASK, role="collector", no=loan)["loan"]

    assert data["borrower"] == "B-10"
    parties = [(one["borrowerNo"], one["role"], one["known"]) for one in data["parties"]]
    assert parties == [("B-10", "borrower", True), ("G-1", "guarantor", False),
                       ("B-11", "co_borrower", True)]  # fmt: skip
    ana, unknown, other = (one["person"] for one in data["parties"])
    assert unknown is None
    assert ana["fullName"] == "Ana Lucía Gómez Núñez"
    assert ana["curp"] == a_person().curp
    assert ana["employment"] == {"monthlyIncome": {"amount": "18500.00"}}
    assert other["curp"] == somebody(1).curp
    told = readings(client, "B-10")
    assert len(told) == before + 1
    assert (told[0]["actor"], told[0]["channel"]) == ("collector-key", "graphql")
    assert readings(client, "G-1" if False else "B-11")[0]["actor"] == "collector-key"


@pytest.mark.parametrize("role", ["auditor", "accountant"])
def test_who_does_not_need_it_gets_the_numbers_and_no_person(client, loan, role):
    before = len(readings(client, "B-10"))
    answer = client.try_ask(ASK, role=role, no=loan)
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"forbidden"}
    assert [one["person"] for one in answer["data"]["loan"]["parties"]] == [None] * 3
    assert "Ana" not in json.dumps(answer)
    assert client.ask(NUMBERS, role=role, no=loan)["loan"]["parties"][0]["borrowerNo"] == "B-10"
    assert client.get("/v1/borrowers/B-10", role=role).status_code == 403
    assert len(readings(client, "B-10")) == before


def test_an_answer_with_a_person_is_never_kept(client, loan):
    body = {"query": ASK, "variables": {"no": loan}}
    before = len(readings(client, "B-10"))
    for _ in range(2):
        answer = client.post("/graphql", body, role="collector")
        assert "etag" not in answer.headers
    assert len(readings(client, "B-10")) == before + 2
    assert client.post("/graphql", body, role="accountant").json()["errors"]


def test_a_page_of_loans_reads_its_people_at_once_and_notes_each_once(client, loan):
    client.running("P-2", borrower="B-10")
    client.settled()
    before = len(readings(client, "B-10"))
    document = """{ loans(filter: {borrower: "B-10"}) { nodes { loanNo
        parties { person { fullName } } } } }"""
    nodes = client.ask(document)["loans"]["nodes"]
    names = {one["person"]["fullName"] for node in nodes for one in node["parties"]
             if one["person"]}  # fmt: skip
    assert {node["loanNo"] for node in nodes} == {"P-1", "P-2"}
    assert names == {"Ana Lucía Gómez Núñez"}
    assert len(readings(client, "B-10")) == before + 1


def test_a_question_without_a_server_is_noted_too(client, loan, database):
    told = query.run(ASK, {"no": loan}, database, clock=FixedClock(TODAY))
    assert told["data"]["loan"]["parties"][0]["person"]["curp"] == a_person().curp
    trace = readings(client, "B-10")[0]
    assert (trace["actor"], trace["channel"]) == ("command-line", "query")
    refused = query.run(ASK, {"no": loan}, database, roles=["auditor"], clock=FixedClock(TODAY))
    assert refused["data"]["loan"]["parties"][0]["person"] is None


def test_people_are_in_no_export(client, loan):
    """An export is planned, and what is planned is never decrypted."""
    for field in ("parties { borrowerNo }", "parties { person { fullName } }"):
        body = {"query": f"{{ loans {{ nodes {{ loanNo {field} }} }} }}"}
        assert 400 <= client.post("/graphql/export", body).status_code < 500


def test_parties_by_rest_are_numbers_as_of_today(client, loan):
    seen = answered(client.get(f"/v1/loans/{loan}/parties", role="accountant"), 200)
    assert [one["borrower_no"] for one in seen] == ["B-10", "G-1", "B-11"]
    body = {"loan_no": loan, "role": "co_borrower", "effective_on": "2026-05-01"}
    answered(client.post("/v1/borrowers/B-11/roles/ending", body))
    assert len(answered(client.get(f"/v1/loans/{loan}/parties"), 200)) == 2
    past = """query($no: String!) { loan(loanNo: $no, asOf: "2026-04-30") {
        parties { borrowerNo } } }"""
    assert len(client.ask(past, no=loan)["loan"]["parties"]) == 3
    assert answered(client.post("/v1/borrowers/B-11/roles/ending", body), 404)["code"] == (
        "role-not-held"
    )
    role = {"loan_no": loan, "role": "co_borrower", "effective_on": "2026-02-01"}
    answered(client.post("/v1/borrowers/B-11/roles", role))


def test_only_an_administrator_forgets_and_then_nobody_reads(client):
    answered(client.post("/v1/borrowers", registration("B-4", somebody(9))))
    number = client.running("P-4", borrower="B-4")
    client.settled()
    body = {"ground": "request"}
    assert client.post("/v1/borrowers/B-4/forgetting", body, role="operator").status_code == 403

    answered(client.post("/v1/borrowers/B-4/forgetting", body))

    assert answered(client.get("/v1/borrowers/B-4"), 410)["code"] == "borrower-forgotten"
    [party] = client.ask(ASK, no=number)["loan"]["parties"]
    assert (party["known"], party["person"]) == (True, None)
    history = answered(client.get("/v1/borrowers/B-4/history"), 200)
    assert [(one["type"], one["after"]) for one in history] == [
        ("borrower-registered", {}), ("borrower-forgotten", {}),
    ]  # fmt: skip


def test_without_a_master_key_people_are_refused_and_loans_go_on(fresh_database):
    chosen = fresh_database.model_copy(update={"borrower_development_key": False})
    with served(chosen, TODAY) as client:
        problem = answered(client.post("/v1/borrowers", registration("B-1")), 503)
        assert problem["code"] == "borrower-key-missing"
        number = client.running(borrower="B-1")
        client.settled()
        assert client.ask(NUMBERS, no=number)["loan"]["parties"]
