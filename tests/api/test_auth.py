"""Nothing is open but health; each role may do what the table says and nothing else."""

import pytest

from api.policy import ALLOWED, Action, allows
from ledger.api_keys import ROLES, issue_key, keys, revoke_key
from ledger.database import connect

ENDPOINTS = {
    ("POST", "/v1/loans"): Action.OPEN_LOAN,
    ("POST", "/v1/loans/{loan}/disbursements"): Action.DISBURSE,
    ("POST", "/v1/loans/{loan}/payments"): Action.RECEIVE_PAYMENT,
    ("POST", "/v1/loans/{loan}/payments/{payment}/reversal"): Action.REVERSE_PAYMENT,
    ("POST", "/v1/loans/{loan}/fees"): Action.CHARGE_FEE,
    ("POST", "/v1/loans/{loan}/fees/{fee}/waiver"): Action.WAIVE_FEE,
    ("POST", "/v1/loans/{loan}/fees/{fee}/waiver/reversal"): Action.WAIVE_FEE,
    ("POST", "/v1/loans/{loan}/instalments/{instalment}/waiver"): Action.WAIVE_FEE,
    ("POST", "/v1/loans/{loan}/instalments/{instalment}/waiver/reversal"): Action.WAIVE_FEE,
    ("POST", "/v1/loans/{loan}/promises"): Action.MAKE_PROMISE,
    ("POST", "/v1/loans/{loan}/promises/{promise}/cancellation"): Action.CANCEL_PROMISE,
    ("POST", "/v1/loans/{loan}/forgiveness"): Action.FORGIVE,
    ("POST", "/v1/loans/{loan}/write-off"): Action.WRITE_OFF,
    ("POST", "/v1/loans/{loan}/recoveries"): Action.RECEIVE_RECOVERY,
    ("POST", "/v1/loans/{loan}/closure"): Action.CLOSE_LOAN,
    ("POST", "/v1/loans/{loan}/chargebacks"): Action.CHARGE_BACK,
    ("POST", "/v1/loans/{loan}/refunds"): Action.REFUND,
    ("POST", "/v1/loans/{loan}/rate-changes"): Action.CHANGE_RATE,
    ("POST", "/v1/loans/{loan}/interest-pauses"): Action.PAUSE,
    ("POST", "/v1/loans/{loan}/delinquency-pauses"): Action.PAUSE,
    ("POST", "/v1/loans/{loan}/restructures"): Action.RESTRUCTURE,
    ("POST", "/v1/loans/{loan}/holidays"): Action.RESTRUCTURE,
    ("POST", "/v1/loans/{loan}/acceleration"): Action.ACCELERATE,
    ("POST", "/v1/loans/{loan}/sale"): Action.SELL,
    ("GET", "/v1/loans/{loan}/payoff"): Action.READ,
    ("POST", "/v1/loans/{loan}/payoff"): Action.RECEIVE_PAYMENT,
    ("POST", "/v1/refinancings"): Action.REFINANCE,
    ("POST", "/v1/groups"): Action.OPEN_LOAN,
    ("POST", "/v1/groups/{group_no}/disbursement"): Action.DISBURSE,
    ("POST", "/v1/groups/{group_no}/payments"): Action.RECEIVE_PAYMENT,
    ("POST", "/v1/groups/{group_no}/returns"): Action.RECEIVE_PAYMENT,
    ("GET", "/v1/groups/{group_no}"): Action.READ,
    ("POST", "/v1/borrowers"): Action.REGISTER_BORROWER,
    ("POST", "/v1/borrowers/{borrower_no}/changes"): Action.REGISTER_BORROWER,
    ("POST", "/v1/borrowers/{borrower_no}/roles"): Action.REGISTER_BORROWER,
    ("POST", "/v1/borrowers/{borrower_no}/roles/ending"): Action.REGISTER_BORROWER,
    ("POST", "/v1/borrowers/{borrower_no}/forgetting"): Action.FORGET_BORROWER,
    ("GET", "/v1/borrowers/{borrower_no}"): Action.READ_PERSONAL,
    ("GET", "/v1/borrowers/{borrower_no}/history"): Action.READ_PERSONAL,
    ("GET", "/v1/borrowers/{borrower_no}/readings"): Action.READ_TRACES,
    ("GET", "/v1/loans/{loan}/parties"): Action.READ,
    ("POST", "/v1/loans/{loan}/references"): Action.ISSUE_REFERENCE,
    ("GET", "/v1/loans/{loan}/references"): Action.READ,
    ("GET", "/v1/suspense"): Action.READ,
    ("GET", "/v1/suspense/{deposit_key}/suggestions"): Action.READ,
    ("POST", "/v1/suspense/{deposit_key}/assignment"): Action.SETTLE_SUSPENSE,
    ("POST", "/v1/suspense/{deposit_key}/return"): Action.SETTLE_SUSPENSE,
    ("POST", "/v1/bank-statements"): Action.IMPORT_PAYMENTS,
    ("GET", "/v1/loans/{loan_no}/statements/{period}"): Action.READ,
    ("GET", "/v1/loans/{loan_no}/letters/{kind}"): Action.READ,
    ("POST", "/v1/deliveries"): Action.SEND_DOCUMENT,
    ("GET", "/v1/deliveries"): Action.READ,
    ("POST", "/v1/loans/{loan}/statement-deliveries"): Action.SEND_DOCUMENT,
    ("POST", "/v1/loans/{loan}/letter-deliveries"): Action.SEND_DOCUMENT,
    ("POST", "/v1/accounting/exports"): Action.EXPORT_ACCOUNTING,
    ("GET", "/v1/accounting/exports"): Action.READ_EXPORTS,
    ("GET", "/v1/accounting/exports/{batch}/file"): Action.READ_EXPORTS,
    ("POST", "/v1/accounting/cfdi"): Action.ISSUE_CFDI,
    ("POST", "/v1/bureau/files"): Action.SEND_BUREAU_FILE,
    ("GET", "/v1/bureau/files"): Action.READ_EXPORTS,
    ("GET", "/v1/bureau/files/{file}/content"): Action.SEND_BUREAU_FILE,
    ("GET", "/v1/bureau/files/{file}/unsendable"): Action.READ_EXPORTS,
    ("GET", "/v1/bureau/files/{file}/report"): Action.READ_EXPORTS,
    ("PUT", "/v1/bureau/files/{file}/sent"): Action.SEND_BUREAU_FILE,
    ("GET", "/v1/month-ends"): Action.READ,
    ("PUT", "/v1/month-ends/{name}"): Action.CLOSE_DAY,
    ("GET", "/v1/reports/{name}"): Action.READ,
    ("POST", "/v1/close-of-day"): Action.CLOSE_DAY,
    ("POST", "/v1/payment-files"): Action.IMPORT_PAYMENTS,
    ("POST", "/v1/remittances"): Action.IMPORT_PAYMENTS,
    ("PUT", "/v1/index-values"): Action.IMPORT_INDEX,
    ("GET", "/v1/indices"): Action.READ,
    ("GET", "/v1/jobs/{job}"): Action.READ_JOBS,
    ("POST", "/graphql"): Action.READ,
    ("POST", "/graphql/export"): Action.READ,
}
SIGNED = {("POST", "/notifications/stp")}
"""Not by a key of ours: by a signature of who is told the secret."""
OPEN = {("GET", "/healthz"), ("GET", "/readyz")} | SIGNED

EXPECTED = {
    "auditor": {Action.READ, Action.READ_JOBS, Action.READ_TRACES, Action.READ_EXPORTS},
    "accountant": {Action.READ, Action.READ_JOBS, Action.READ_EXPORTS,
                   Action.EXPORT_ACCOUNTING, Action.ISSUE_CFDI},
    "collector": {Action.READ, Action.READ_JOBS, Action.RECEIVE_PAYMENT, Action.MAKE_PROMISE,
                  Action.CANCEL_PROMISE, Action.RECEIVE_RECOVERY, Action.READ_PERSONAL},
    "supervisor": {Action.READ, Action.READ_JOBS, Action.RECEIVE_PAYMENT, Action.MAKE_PROMISE,
                   Action.CANCEL_PROMISE, Action.RECEIVE_RECOVERY, Action.FORGIVE,
                   Action.WRITE_OFF, Action.WAIVE_FEE, Action.REVERSE_PAYMENT,
                   Action.CREDIT_PAYMENT, Action.CHARGE_BACK, Action.CHANGE_RATE, Action.PAUSE,
                   Action.RESTRUCTURE, Action.ACCELERATE, Action.SELL, Action.READ_PERSONAL},
    "operator": set(Action) - {Action.MANAGE_KEYS, Action.FORGET_BORROWER, Action.READ_TRACES},
    "administrator": set(Action),
}  # fmt: skip


def path(template):
    return template.format(
        loan="NONE", payment=1, fee=1, instalment=1, promise=1, group_no="NONE", borrower_no="NONE",
        deposit_key="NONE", loan_no="NONE", period="2026-01", kind="schedule", batch=1, file=1,
        name="risk",
        job="01a20308-cae1-76a6-83c3-070162313aa0",
    )  # fmt: skip


def test_every_endpoint_is_in_this_table(client):
    described = client.get("/openapi.json", role=None).json()["paths"]
    found = {(verb.upper(), at) for at, verbs in described.items() for verb in verbs}
    assert found == set(ENDPOINTS) | OPEN


def test_the_table_of_roles_is_what_was_agreed():
    assert set(ALLOWED) == ROLES
    assert {role: set(actions) for role, actions in ALLOWED.items()} == EXPECTED
    assert not allows(["owner"], Action.READ)
    assert not allows([], Action.READ)


@pytest.mark.parametrize("role", sorted(ROLES))
@pytest.mark.parametrize(("method", "template"), sorted(ENDPOINTS))
def test_a_role_does_what_it_may_and_nothing_else(client, role, method, template):
    response = client.request(method, path(template), role=role)

    if ENDPOINTS[method, template] in EXPECTED[role]:
        assert response.status_code not in (401, 403), response.text
        assert response.status_code < 500
    else:
        assert response.status_code == 403, response.text
        assert response.json()["code"] == "forbidden"


@pytest.mark.parametrize(("method", "template"), sorted(ENDPOINTS))
@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer", "Bearer wrong", "Basic YTpi", "Bearer " + "x" * 5000, "Bearer \u00e9"],
)
def test_without_a_good_token_nothing_answers(client, method, template, authorization):
    headers = {} if authorization is None else {"Authorization": authorization.encode("utf-8")}

    response = client.request(method, path(template), role=None, headers=headers)

    assert response.status_code == 401, response.text
    assert response.headers["www-authenticate"].startswith("Bearer ")
    assert response.json()["code"] == "unauthenticated"


def test_a_revoked_key_opens_nothing(client, database):
    with connect(database) as connection:
        token = issue_key(connection, "short-lived", ["auditor"])
    client.tokens["gone"] = token
    assert client.post("/graphql", {"query": "{ position }"}, role="gone").status_code == 200
    with connect(database) as connection:
        [key] = [one for one in keys(connection) if one.name == "short-lived"]
        revoke_key(connection, key.id)
    assert client.post("/graphql", {"query": "{ position }"}, role="gone").status_code == 401


def test_a_key_with_two_roles_may_do_what_either_may(client, database):
    with connect(database) as connection:
        client.tokens["both"] = issue_key(connection, "both", ["auditor", "collector"])
    response = client.post("/v1/loans/NONE/payments", {}, role="both")
    assert response.status_code == 404


def test_the_action_is_in_the_refusal(client):
    response = client.post("/v1/loans/NONE/write-off", {}, role="collector")
    assert "write-off is not allowed to this key (roles: collector)" in response.json()["detail"]
