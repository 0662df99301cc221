"""`atLeast`: a client reads what it has just ordered, or is told why it cannot."""

import pytest

LOAN = "query($no: String!, $at: BigInt) { loan(loanNo: $no, atLeast: $at) { %s } }"
FIELDS = "payments { nodes { amount { amount } } }"
TOLD = "balances { owed { total { amount } } } " + FIELDS


def refusal(client, document, **variables):
    [error] = client.try_ask(document, **variables)["errors"]
    return error["extensions"]


@pytest.mark.parametrize("fields", [FIELDS, TOLD])
def test_an_order_is_seen_by_the_question_that_names_its_position(client, fields):
    number = client.running()
    for nth in range(1, 6):
        placed = client.pay(number, f"{nth}.00", f"2026-02-{nth:02}").json()
        answer = client.try_ask(LOAN % fields, no=number, at=placed["position"])
        assert "errors" not in answer, answer
        assert len(answer["data"]["loan"]["payments"]["nodes"]) == nth
        assert answer["extensions"]["position"] >= placed["position"]


def test_a_position_beyond_the_log_is_refused_at_once(client):
    assert refusal(client, LOAN % FIELDS, no="nobody", at=10**12)["code"] == "unknown-position"
