"""Named bad input: one clear problem each, the right status, and nothing changed."""

from uuid import UUID

import pytest

from api.problems import refused as refusal
from domain.errors import OverRecovery
from ledger.database import connect
from ledger.errors import Conflict

DAY = "2026-02-15"


def refused(response, status, code, field=None):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert problem["type"] == f"urn:cartera:problem:{code}"
    assert problem["title"]
    assert problem["detail"]
    if field is not None:
        assert problem["field"] == field, problem
    return problem


def money(amount, currency="MXN", on=DAY):
    return {"amount": amount, "currency": currency, "effective_on": on}


def events(settings):
    with connect(settings) as connection:
        return connection.execute("SELECT count(*) FROM ledger.events").fetchall()[0][0]


@pytest.fixture(scope="module")
def running(client):
    return client.running()


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (money("0.00"), "invalid-amount", "amount"),
        (money("-1.00"), "invalid-amount", "amount"),
        (money("1.001"), "invalid-field", "amount"),
        (money("92233720368547758.08"), "invalid-field", "amount"),
        (money("99999999999999999999999999"), "invalid-field", "amount"),
        (money("1e3"), "invalid-field", "amount"),
        (money("NaN"), "invalid-field", "amount"),
        (money("1,000.00"), "invalid-field", "amount"),
        (money(""), "invalid-field", "amount"),
        (money("9" * 41), "invalid-field", "amount"),
        (money(100.50), "invalid-field", "amount"),
        (money(100), "invalid-field", "amount"),
        (money(True), "invalid-field", "amount"),
        (money(None), "invalid-field", "amount"),
        (money("1.00", "USD"), "wrong-currency", "amount"),
        (money("1.00", "XXQ"), "invalid-field", "currency"),
        (money("1.00", "mxn"), "invalid-field", "currency"),
        (money("1.00", on="2026-07-01"), "invalid-date", "effective_on"),
        (money("1.00", on="2026-01-14"), "invalid-date", "effective_on"),
        (money("1.00", on="9999-12-31"), "invalid-field", "effective_on"),
        (money("1.00", on="2026-02-30"), "invalid-field", "effective_on"),
        (money("1.00", on=1767225600), "invalid-field", "effective_on"),
        ({"amount": "1.00", "currency": "MXN"}, "invalid-field", "effective_on"),
        ({**money("1.00"), "amuont": "1.00"}, "invalid-field", "amuont"),
        ({**money("1.00"), "reference": "a\x00b"}, "invalid-field", "reference"),
        ({**money("1.00"), "reference": "x" * 201}, "invalid-field", "reference"),
        ([money("1.00")], "invalid-field", "body"),
        ("1.00", "invalid-field", "body"),
    ],
)
def test_a_bad_payment_is_refused_with_its_field(client, database, running, body, code, field):
    before = events(database)

    response = client.post(f"/v1/loans/{running}/payments", body)

    refused(response, 422, code, field)
    assert events(database) == before


def test_an_amount_that_no_total_could_hold_is_refused_and_the_read_side_goes_on(client):
    number = client.running()
    refused(client.pay(number, "92233720368547758.07", DAY), 422, "invalid-field", "amount")
    refused(client.pay(number, "10000000000000.01", DAY), 422, "invalid-field", "amount")
    for each in (number, client.running(), client.running()):
        assert client.pay(each, "10000000000000.00", DAY).status_code == 201
    client.settled()
    assert client.ask("{ trialBalance { balanced } }")["trialBalance"] == [{"balanced": True}]


@pytest.mark.parametrize(
    "number",
    ["12345678123456781234567812345678", "8d1f2a90-6c1e-4d47-9c7d-2b4d6f1f8a11"],
)
def test_a_loan_number_may_look_like_an_id(client, number):
    client.running(number)
    assert client.pay(number, "1.00", DAY).status_code == 201


def test_the_number_of_one_loan_never_stands_for_the_id_of_another(client):
    first = client.pay(client.running(), "1.00", DAY).json()["loan_id"]
    client.opened(first)  # a number chosen to look like the first loan's id
    assert client.pay(first, "1.00", DAY).json()["loan_id"] == first


def test_a_json_number_is_refused_with_the_reason(client, running):
    problem = refused(client.pay(running, 100.5, DAY), 422, "invalid-field", "amount")
    assert "loses cents" in problem["detail"]


def test_figures_are_shown_as_money_not_minor_units(client, running):
    problem = refused(client.pay(running, "-1.00", DAY), 422, "invalid-amount", "amount")
    assert "-1.00 MXN" in problem["detail"]
    assert "-100" not in problem["detail"]
    assert problem["figures"] == {"asked": {"amount": "-1.00", "currency": "MXN"}}

    over = {"amounts": {"principal": "12000.01"}, "currency": "MXN", "effective_on": DAY}
    problem = refused(
        client.post(f"/v1/loans/{running}/forgiveness", over), 422, "over-forgiveness", "principal"
    )
    assert problem["figures"]["owed"] == {"amount": "12000.00", "currency": "MXN"}
    assert "12000.01 MXN" in problem["detail"]


@pytest.mark.parametrize(
    "name", ["NO-SUCH", "01a20308-cae1-76a6-83c3-070162313aa0", "a%00b", "%ff"]
)
def test_an_unknown_loan_is_not_found(client, name):
    refused(client.pay(name, "1.00", DAY), 404, "unknown-loan")
    refused(client.get(f"/v1/loans/{name}/payoff?on={DAY}"), 404, "unknown-loan")


def test_a_loan_number_is_taken_once(client):
    number = client.opened()
    body = {"loan_no": number, "effective_on": DAY, "principal": "1.00", "annual_rate": "1.00",
            "instalments": 1, "frequency": "monthly"}  # fmt: skip
    refused(client.post("/v1/loans", body), 409, "duplicate-loan-number", "loan_no")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"annual_rate": 36.0}, "invalid-field", "annual_rate"),
        ({"principal": 12000}, "invalid-field", "principal"),
        ({"principal": "0.00"}, "invalid-amount", "principal"),
        ({"instalments": 0}, "invalid-terms", "instalments"),
        ({"instalments": 10**8}, "invalid-terms", "instalments"),
        ({"instalments": "12"}, "invalid-field", "instalments"),
        ({"frequency": "hourly"}, "invalid-field", "frequency"),
        ({"colour": "red"}, "invalid-field", "colour"),
        ({"loan_no": ""}, "invalid-field", "loan_no"),
        ({"effective_on": "2026-07-01"}, "invalid-date", "effective_on"),
    ],
)
def test_bad_terms_are_refused_with_their_field(client, change, code, field):
    body = {"loan_no": "BAD-1", "effective_on": DAY, "currency": "MXN", "principal": "1000.00",
            "annual_rate": "36.00", "instalments": 12, "frequency": "monthly",
            **change}  # fmt: skip
    refused(client.post("/v1/loans", body), 422, code, field)


def test_more_than_approved_is_not_paid_out(client):
    number = client.opened()
    response = client.post(f"/v1/loans/{number}/disbursements", money("12000.01"))
    problem = refused(response, 422, "over-disbursement", "principal")
    assert problem["figures"]["available"]["amount"] == "12000.00"


def test_nothing_is_paid_before_disbursement_and_the_hint_says_so(client):
    problem = refused(client.pay(client.opened(), "1.00", DAY), 409, "not-allowed-now", "status")
    assert "disburse it first" in problem["detail"]


def test_a_written_off_loan_takes_recoveries_and_the_hint_says_so(client):
    number = client.running()
    client.post(f"/v1/loans/{number}/write-off", {"effective_on": "2026-03-01"})
    problem = refused(client.pay(number, "1.00", "2026-03-02"), 409, "not-allowed-now", "status")
    assert "recovery" in problem["detail"]
    over = client.post(f"/v1/loans/{number}/recoveries", money("99999.00", on="2026-03-02"))
    refused(over, 422, "over-recovery", "amount")


def test_a_sold_loan_takes_nothing_more(client):
    number = client.running()
    sold = {"effective_on": DAY, "holder": "Fund II", "price": "1.00", "currency": "MXN"}
    assert client.post(f"/v1/loans/{number}/sale", sold).status_code == 201
    refused(client.pay(number, "1.00", DAY), 409, "not-allowed-now", "status")
    refused(client.get(f"/v1/loans/{number}/payoff?on={DAY}"), 409, "not-allowed-now")


def test_a_loan_that_owes_does_not_close(client, running):
    response = client.post(f"/v1/loans/{running}/closure", {"effective_on": DAY})
    problem = refused(response, 409, "balance-outstanding", "balance")
    assert problem["figures"]["owed"]["currency"] == "MXN"


def test_a_reversal_is_not_reversed(client):
    number = client.running()
    client.pay(number, "1000.00", DAY)
    path, body = f"/v1/loans/{number}/payments/1/reversal", {"reversed_on": "2026-02-20"}
    assert client.post(path, body).status_code == 201
    problem = refused(client.post(path, body), 409, "already-reversed", "payment")
    assert "receive it again" in problem["detail"]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("payments/9/reversal", {"reversed_on": DAY}, "unknown-payment"),
        ("fees/9/waiver", {"effective_on": DAY}, "unknown-fee"),
        ("fees/9/waiver/reversal", {"effective_on": DAY}, "unknown-fee"),
        ("instalments/1/waiver", {"effective_on": DAY}, "unknown-fee"),
        ("instalments/99/waiver", {"effective_on": DAY}, "unknown-fee"),
        ("instalments/1/waiver/reversal", {"effective_on": DAY}, "unknown-fee"),
        ("promises/9/cancellation", {"effective_on": DAY}, "unknown-promise"),
    ],
)
def test_what_does_not_exist_is_not_found(client, running, path, body, code):
    refused(client.post(f"/v1/loans/{running}/{path}", body), 404, code)


@pytest.mark.parametrize("number", ["0", "-1", "x", str(2**40)])
def test_a_payment_number_is_a_number(client, running, number):
    response = client.post(f"/v1/loans/{running}/payments/{number}/reversal", {"reversed_on": DAY})
    refused(response, 422, "invalid-field", "payment")


def test_the_same_key_with_another_body_is_refused(client, database):
    number = client.running()
    path = f"/v1/loans/{number}/payments"
    assert client.post(path, money("1.00"), key="once").status_code == 201
    before = events(database)
    refused(client.post(path, money("2.00"), key="once"), 422, "key-reused", "Idempotency-Key")
    other = f"/v1/loans/{client.running()}/payments"
    refused(client.post(other, money("1.00"), key="once"), 422, "key-reused")
    assert events(database) > before  # the other loan's own, nothing else
    assert client.post(path, money("1.00"), key="once").json()["repeated"] is True


def test_an_order_needs_an_idempotency_key(client, running):
    path = f"/v1/loans/{running}/payments"
    refused(
        client.post(path, money("1.00"), key=False), 400, "idempotency-key-missing",
        "Idempotency-Key",
    )  # fmt: skip
    refused(client.post(path, money("1.00"), key=" "), 400, "idempotency-key-missing")
    refused(client.post(path, money("1.00"), key="k" * 121), 400, "idempotency-key-not-usable")
    refused(client.post("/v1/close-of-day", {"through": DAY}, key=False),
            400, "idempotency-key-missing")  # fmt: skip


@pytest.mark.parametrize(
    "content", [b"{", b"", b"\xff\xfe", b"[" * 100_000, b'{"amount": ' + b"9" * 5000 + b"}"]
)
def test_a_body_that_is_no_json_is_refused(client, running, content):
    response = client.request(
        "POST", f"/v1/loans/{running}/payments", content=content,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    problem = response.json()
    assert response.status_code in (400, 422), problem
    assert problem["code"] in ("malformed-request", "invalid-field")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_says_to_be_something_else_is_told_what_to_be(client, running, kind):
    response = client.request(
        "POST", f"/v1/loans/{running}/payments", content=b'{"amount": "1.00"}',
        headers={"Content-Type": kind},
    )  # fmt: skip
    problem = refused(response, 415, "unsupported-media-type")
    assert "application/json" in problem["detail"]


def test_unknown_paths_and_methods_are_problems_too(client):
    refused(client.get("/v1/nothing"), 404, "not-found")
    refused(client.request("DELETE", "/v1/loans"), 405, "method-not-allowed")
    refused(client.get("/graphql"), 405, "method-not-allowed")
    refused(client.get("/v1/jobs/01a20308-cae1-76a6-83c3-070162313aa0"), 404, "unknown-job")
    refused(client.get("/v1/jobs/7"), 422, "invalid-field", "job")


def test_a_payoff_needs_a_date_in_reach(client, running):
    refused(client.get(f"/v1/loans/{running}/payoff"), 422, "invalid-field", "on")
    refused(client.get(f"/v1/loans/{running}/payoff?on=2026-01-01"), 422, "invalid-date", "on")
    refused(client.get(f"/v1/loans/{running}/payoff?on=9999-12-31"), 422, "invalid-field", "on")
    assert client.get(f"/v1/loans/{running}/payoff?on=2200-12-31").status_code == 200


def test_a_lost_race_says_to_come_again():
    problem = refusal(Conflict(UUID(int=7), 12), "MXN")
    assert (problem.status, problem.code) == (409, "conflict")
    assert int(problem.headers["Retry-After"]) > 0
    assert "12 times" in problem.detail  # a count, not an amount


def test_a_figure_is_not_mistaken_for_part_of_a_date():
    problem = refusal(OverRecovery(15, 2026), "MXN")
    assert problem.detail == (
        "amount 0.15 MXN is more than the 20.26 MXN written off and not recovered"
    )
    assert refusal(OverRecovery(100, 1), "MXN").detail.startswith(
        "amount 1.00 MXN is more than the 0.01 MXN"
    )


def test_our_own_failure_leaks_nothing_but_an_id(client, database, running, capsys):
    with connect(database, owner=True, autocommit=True) as owner:
        owner.execute("ALTER TABLE ledger.api_keys RENAME TO hidden")
        try:
            response = client.pay(running, "1.00", DAY)
        finally:
            owner.execute("ALTER TABLE ledger.hidden RENAME TO api_keys")
    problem = refused(response, 500, "internal-error")
    for word in ("api_keys", "SELECT", "psycopg", "Traceback", "relation"):
        assert word not in response.text
    assert problem["incident"] in problem["detail"]
    assert problem["incident"] in capsys.readouterr().out
