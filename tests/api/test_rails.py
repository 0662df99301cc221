"""Payment rails by REST: references, signed notifications, money that waits, statements."""

import hmac
import json
from hashlib import sha256
from itertools import count
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from ledger import jobs
from ledger.application import Ledger
from ledger.clock import FixedClock
from ledger.database import connect
from tests.api.harness import TODAY, served
from tests.api.test_commands import answered
from workers.actors import WORK

SECRET = "between us"
TRACKING = count(1)
NOWHERE = "032180000118359719"


@pytest.fixture(scope="module")
def client(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("layouts")
    (folder / "our-bank.yaml").write_text(
        'account: "1"\ncurrency: MXN\ncolumns: {date: Fecha, amount: Abono, reference: Ref}\n'
    )
    chosen = database.model_copy(
        update={
            "clabe_prefix": "6461801118",
            "stp_secret": SecretStr(SECRET),
            "bank_layouts_dir": folder,
            "var_dir": tmp_path_factory.mktemp("var"),
        }
    )
    with served(chosen) as client:
        yield client


@pytest.fixture(scope="module")
def loan(client):
    return client.running("R-1")


def clabe(client, loan):
    answer = client.post(f"/v1/loans/{loan}/references", {"algorithm": "clabe"})
    return answered(answer)["reference"]


def told(account, **changes):
    return {
        "id": 7, "fechaOperacion": 20260215, "institucionOrdenante": 40012,
        "claveRastreo": f"T{next(TRACKING)}", "monto": "100.00", "nombreOrdenante": "ANA GOMEZ",
        "cuentaBeneficiario": account,
    } | changes  # fmt: skip


def notify(client, body, secret=SECRET, **headers):
    raw = json.dumps(body).encode() if isinstance(body, dict) else body
    signature = hmac.new(secret.encode(), raw, sha256).hexdigest()
    return client.request(
        "POST", "/notifications/stp", role=None, content=raw,
        headers={"X-Signature": signature, "Content-Type": "application/json", **headers},
    )  # fmt: skip


def payments(client, loan):
    client.settled()
    document = """query($no: String!) { loan(loanNo: $no) { payments { nodes {
        amount { amount } channel } } } }"""
    nodes = client.ask(document, no=loan)["loan"]["payments"]["nodes"]
    return [(one["amount"]["amount"], one["channel"]) for one in nodes]


def test_a_loan_s_clabe_is_given_out_once(client, loan):
    first = clabe(client, loan)
    assert clabe(client, loan) == first
    forced = {"algorithm": "bbva-10", "base": "77", "amount": "10.00", "currency": "MXN",
              "due_on": "2026-07-01"}  # fmt: skip
    assert answered(client.post(f"/v1/loans/{loan}/references", forced))["kind"] == "bbva-10"
    listed = answered(client.get(f"/v1/loans/{loan}/references", role="auditor"), 200)
    assert {one["kind"] for one in listed} == {"clabe", "bbva-10"}


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"algorithm": "x"}, "unknown-algorithm", "algorithm"),
        ({"algorithm": "luhn", "base": "x"}, "invalid-reference", "reference"),
        ({"algorithm": "bbva-10", "base": "1"}, "invalid-reference", "amount"),
    ],
)
def test_a_reference_that_cannot_be_is_a_problem(client, loan, body, code, field):
    problem = answered(client.post(f"/v1/loans/{loan}/references", body), 422)
    assert (problem["code"], problem["field"]) == (code, field)


def test_a_signed_deposit_is_on_its_loan_once(client):
    loan = client.running()
    body = told(clabe(client, loan))
    for _ in range(2):
        answer = notify(client, body)
        assert (answer.status_code, answer.json()) == (200, {"mensaje": "confirmar"})
    assert payments(client, loan) == [("100.00", "spei")]


def test_a_deposit_that_cannot_be_taken_goes_back_by_its_id(client, loan):
    answer = notify(client, told(NOWHERE[:-1] + "8"))
    assert (answer.status_code, answer.json()["mensaje"], answer.json()["id"]) == (
        400, "devolver", 7,
    )  # fmt: skip
    assert answer.json()["field"] == "cuentaBeneficiario"
    assert notify(client, b"{").json()["mensaje"] == "devolver"


def test_nobody_else_s_word_is_taken(client, loan):
    body = told(clabe(client, loan))
    before = payments(client, loan)
    assert answered(notify(client, body, "guessed"), 401)["code"] == "signature-wrong"
    unsigned = client.request("POST", "/notifications/stp", role=None, json=body)
    assert answered(unsigned, 401)["code"] == "signature-wrong"
    assert payments(client, loan) == before


def test_without_a_secret_no_notification_is_taken(fresh_database):
    with served(fresh_database) as client:
        assert answered(notify(client, told(NOWHERE)), 503)["code"] == "notifications-off"


def waiting(client, **changes):
    body = told(NOWHERE, **changes)
    assert notify(client, body).status_code == 200
    found = answered(client.get("/v1/suspense"), 200)["deposits"]
    return next(one for one in found if one["deposit"].endswith(body["claveRastreo"]))


def path(deposit, tail):
    return f"/v1/suspense/{quote(deposit['deposit'], safe='')}/{tail}"


def test_waiting_money_is_shown_with_its_age_and_the_payer_to_who_may_know(client):
    deposit = waiting(client, monto="41.00")
    assert (deposit["days"], deposit["bucket"], deposit["payer"]) == (135, "91+", "ANA GOMEZ")
    seen = answered(client.get("/v1/suspense", role="accountant"), 200)
    assert {one["payer"] for one in seen["deposits"]} == {None}
    assert set(seen["totals"]) == {"MXN"}


def test_waiting_money_is_suggested_assigned_once_and_gone(client):
    person = {"first_name": "Ana", "paternal": "Gómez"}
    registration = {"borrower_no": "R-9", "effective_on": "2026-01-15", "person": person}
    answered(client.post("/v1/borrowers", registration))
    loan = client.running("CR-77001", borrower="R-9")
    deposit = waiting(client, conceptoPago="PAGO CR77010 FEB")

    found = answered(client.get(path(deposit, "suggestions")), 200)
    assert found[0]["loan_no"] == loan
    assert found[0]["reasons"] == [
        "reference differs by 1 from CR-77001", "payer's name is 100 % the borrower's",
    ]  # fmt: skip
    alone = answered(client.get(path(deposit, "suggestions"), role="accountant"), 200)
    assert alone[0]["reasons"] == found[0]["reasons"][:1]

    refused = client.post(path(deposit, "assignment"), {"loan": loan}, role="collector")
    assert refused.status_code == 403
    receipt = answered(client.post(path(deposit, "assignment"), {"loan": loan}, role="operator"))
    assert receipt["events"][-1] == "payment-received"
    again = client.post(path(deposit, "assignment"), {"loan": loan})
    assert answered(again, 409)["code"] == "already-settled"
    assert payments(client, loan) == [("100.00", "spei")]


def test_money_may_go_back(client, loan):
    deposit = waiting(client)
    assert answered(client.post(path(deposit, "return")))["settled_as"] == "returned"
    problem = answered(client.post(path(deposit, "assignment"), {"loan": loan}), 409)
    assert problem["code"] == "already-settled"
    assert client.post("/v1/suspense/none/return").status_code == 404


def test_a_statement_is_queued_by_its_form_and_lands(client, database):
    loan = client.running("ST-1")
    headers = {"Content-Type": "application/octet-stream"}
    content = b"Fecha,Abono,Ref\n2026-02-15,55.00,ST-1\n"
    bad = client.request("POST", "/v1/bank-statements?form=elsewhere", content=content,
                         headers=headers)  # fmt: skip
    assert "our-bank" in answered(bad, 422)["detail"]

    queued = client.request("POST", "/v1/bank-statements?form=our-bank", content=content,
                            headers=headers, key="st-1")  # fmt: skip
    [job] = answered(queued, 202)["jobs"]
    assert job["kind"] == "import-statement"

    with (
        connect(database, autocommit=True) as here,
        Ledger(client.settings, clock=FixedClock(TODAY)) as ledger,
    ):
        done = jobs.run(here, job["id"], lambda one: WORK[one.kind](ledger, one))
    assert done.state == "done", done.error
    assert payments(client, loan) == [("55.00", "bank")]
