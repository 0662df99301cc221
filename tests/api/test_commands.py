"""Every order by REST: an example that works, and its receipt."""

from api.orders import CHANNEL
from ledger.api_keys import issue_key
from ledger.database import connect


def answered(response, status=201):
    assert response.status_code == status, response.text
    return response.json()


def test_opening_answers_a_receipt(client):
    body = {
        "loan_no": "CR-1", "borrower": "B-77", "product": "personal", "branch": "centro",
        "officer": "marta", "guarantors": ["B-78"], "effective_on": "2026-01-15",
        "currency": "MXN", "principal": "10000.00", "annual_rate": "36.00", "instalments": 12,
        "frequency": "monthly", "first_due": "2026-02-15", "method": "equal_instalments",
        "day_count": "actual/360", "tax_rate": "16.00",
    }  # fmt: skip
    receipt = answered(client.post("/v1/loans", body))
    assert receipt["events"] == ["loan-opened"]
    assert (receipt["version"], receipt["repeated"]) == (1, False)
    assert receipt["position"] >= 1


def test_the_uuid_of_a_loan_works_as_well_as_its_number(client):
    number = client.opened()
    loan_id = answered(client.post(f"/v1/loans/{number}/closure", {"effective_on": "2026-01-15"}))[
        "loan_id"
    ]
    refusal = client.post(f"/v1/loans/{loan_id}/closure", {"effective_on": "2026-01-15"})
    assert refusal.status_code == 409  # found, and already closed


def test_disbursement_may_withhold_fees(client):
    number = client.opened()
    body = {"amount": "12000.00", "currency": "MXN", "effective_on": "2026-01-15",
            "withheld_fees": "120.00", "channel": "spei"}  # fmt: skip
    receipt = answered(client.post(f"/v1/loans/{number}/disbursements", body))
    assert receipt["events"] == ["loan-disbursed"]


def test_a_payment_answers_what_it_cleared(client):
    number = client.running()
    receipt = answered(client.pay(number, "1000.00", "2026-02-15", channel="spei", reference="7"))
    assert receipt["events"] == ["interest-accrued", "instalment-fell-due", "payment-received"]
    assert receipt["payment"] == 1
    assert receipt["allocation"] == {
        "fee_tax": "0.00", "fee": "0.00", "late_interest_tax": "0.00", "late_interest": "0.00",
        "interest_tax": "59.52",  # 16 % of the interest
        "interest": "372.00",  # 12,000.00 x 36 % x 31 / 360
        "principal": "568.48",
    }  # fmt: skip
    assert (receipt["amount"], receipt["overpaid"]) == ("1000.00", "0.00")


def test_a_backdated_payment_answers_what_it_cleared_after_the_correction(client):
    number = client.running()
    answered(client.pay(number, "500.00", "2026-04-20"))
    receipt = answered(client.pay(number, "1300.00", "2026-02-15"))
    assert "history-corrected" in receipt["events"]
    cleared = sum(int(amount.replace(".", "")) for amount in receipt["allocation"].values())
    assert cleared == 1300_00


def test_a_payment_is_reversed_once(client):
    number = client.running()
    answered(client.pay(number, "1000.00", "2026-02-15"))
    body = {"reversed_on": "2026-02-20", "reason": "returned by the bank"}
    receipt = answered(client.post(f"/v1/loans/{number}/payments/1/reversal", body))
    assert "payment-reversed" in receipt["events"]


def test_a_fee_is_charged_with_its_tax_and_waived(client):
    number = client.running()
    body = {"kind": "collection", "amount": "100.00", "currency": "MXN",
            "effective_on": "2026-02-01"}  # fmt: skip
    fee = answered(client.post(f"/v1/loans/{number}/fees", body))
    assert (fee["fee"], fee["amount"], fee["tax"]) == (1, "100.00", "16.00")
    waived = answered(
        client.post(f"/v1/loans/{number}/fees/1/waiver", {"effective_on": "2026-02-02"})
    )
    assert "fee-waived" in waived["events"]
    undone = answered(
        client.post(f"/v1/loans/{number}/fees/1/waiver/reversal", {"effective_on": "2026-02-03"})
    )
    assert "waiver-undone" in undone["events"]


def test_what_falls_due_with_an_instalment_of_fees_is_waived_in_part_and_that_undone(client):
    number = client.running()
    body = {"kind": "collection", "amount": "100.00", "currency": "MXN",
            "effective_on": "2026-02-01"}  # fmt: skip
    answered(client.post(f"/v1/loans/{number}/fees", body))
    path = f"/v1/loans/{number}/instalments/1/waiver"
    part = {"amount": "40.00", "currency": "MXN", "effective_on": "2026-02-02", "reason": "visit"}
    assert "charges-waived" in answered(client.post(path, part))["events"]
    undone = answered(client.post(f"{path}/reversal", {"effective_on": "2026-02-03"}))
    assert "waiver-undone" in undone["events"]


def test_a_promise_is_made_and_cancelled(client):
    number = client.running()
    body = {"amount": "1265.07", "currency": "MXN", "effective_on": "2026-02-20",
            "promised_for": "2026-02-27", "grace_days": 2}  # fmt: skip
    made = answered(client.post(f"/v1/loans/{number}/promises", body))
    assert made["promise"] == 1
    cancelled = answered(
        client.post(
            f"/v1/loans/{number}/promises/1/cancellation",
            {"effective_on": "2026-02-21", "reason": "new agreement"},
        )
    )
    assert "promise-cancelled" in cancelled["events"]


def test_part_of_the_debt_is_forgiven(client):
    number = client.running()
    body = {"amounts": {"principal": "1000.00"}, "currency": "MXN", "effective_on": "2026-02-01",
            "approval": "committee 7", "reason": "settlement"}  # fmt: skip
    receipt = answered(client.post(f"/v1/loans/{number}/forgiveness", body))
    assert "debt-forgiven" in receipt["events"]


def test_a_written_off_loan_takes_recoveries(client):
    number = client.running()
    answered(client.post(f"/v1/loans/{number}/write-off", {"effective_on": "2026-06-01"}))
    body = {"amount": "500.00", "currency": "MXN", "effective_on": "2026-06-10"}
    receipt = answered(client.post(f"/v1/loans/{number}/recoveries", body))
    assert receipt["recovery"] == 1
    assert sum(int(a.replace(".", "")) for a in receipt["allocation"].values()) == 500_00


def test_a_loan_never_disbursed_is_closed(client):
    number = client.opened()
    receipt = answered(client.post(f"/v1/loans/{number}/closure", {"effective_on": "2026-01-20"}))
    assert receipt["events"] == ["loan-closed"]


def test_the_quoted_payoff_closes_the_loan(client):
    number = client.running()
    quote = answered(client.get(f"/v1/loans/{number}/payoff?on=2026-02-14"), 200)
    assert quote["components"]["interest"] == "360.00"  # 12,000.00 x 36 % x 30 / 360
    assert quote["total"] == "12417.60"
    receipt = answered(client.pay(number, quote["total"], "2026-02-14"))
    assert receipt["events"][-1] == "loan-closed"


def test_an_order_given_twice_is_carried_out_once(client):
    number = client.running()
    body = {"amount": "100.00", "currency": "MXN", "effective_on": "2026-02-15"}
    path = f"/v1/loans/{number}/payments"
    first = answered(client.post(path, body, key="pay-42"))
    again = answered(client.post(path, body, key="pay-42"))
    assert again == {**first, "repeated": True}
    client.settled()
    loan = client.ask("query($no: String!) { loan(loanNo: $no) { payments { totalCount } } }",
                      no=number)  # fmt: skip
    assert loan["loan"]["payments"]["totalCount"] == 1


def test_two_clients_may_choose_the_same_idempotency_key(client):
    number = client.running()
    body = {"amount": "100.00", "currency": "MXN", "effective_on": "2026-02-15"}
    path = f"/v1/loans/{number}/payments"
    mine = answered(client.post(path, body, key="1", role="operator"))
    yours = answered(client.post(path, body, key="1", role="collector"))
    assert mine["command_id"] != yours["command_id"]
    assert (mine["repeated"], yours["repeated"]) == (False, False)


def test_keys_never_meet_whatever_the_names_of_their_clients(client, database):
    number = client.running()
    body = {"amount": "1.00", "currency": "MXN", "effective_on": "2026-02-15"}
    with connect(database) as connection:
        client.tokens |= {
            name: issue_key(connection, name, ["operator"]) for name in ("a", "a:b", "a%3Ab")
        }
    for name, key in (("a", "b:c"), ("a:b", "c"), ("a%3Ab", "c")):
        answer = client.post(f"/v1/loans/{number}/payments", body, role=name, key=key)
        assert answer.json()["repeated"] is False


def test_the_actor_of_an_order_is_the_key_it_came_with(client, database):
    number = client.running()
    body = {"amount": "100.00", "currency": "MXN", "effective_on": "2026-02-15"}
    receipt = answered(client.post(f"/v1/loans/{number}/payments", body, role="collector"))
    with connect(database) as connection:
        [row] = connection.execute(
            "SELECT actor, channel FROM ledger.commands WHERE id = %s", [receipt["command_id"]]
        ).fetchall()
    assert row == ("collector-key", CHANNEL)


def test_health_needs_no_key_and_tells_the_lag(client):
    assert client.get("/healthz", role=None).json() == {"status": "live"}
    client.settled()
    ready = client.get("/readyz", role=None).json()
    assert (ready["status"], ready["lag"], ready["stopped"]) == ("ready", 0, [])
