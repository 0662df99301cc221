"""Orders by REST on what was agreed, on money that goes back, and on what closes a loan."""

from decimal import Decimal

import jsonschema
import pytest

from api.agreement_schema import AGREED, CHANGEABLE
from api.policy import Action
from ledger.database import connect
from ledger.fields import Fields
from ledger.forms import terms_of
from ledger.new_terms import new_terms
from tests.api.harness import HEADER, TERMS
from tests.api.test_commands import answered
from tests.api.test_refusals import refused

DAY = "2026-02-20"


def events(settings):
    with connect(settings) as connection:
        return connection.execute("SELECT count(*) FROM ledger.events").fetchall()[0][0]


@pytest.fixture
def paid(client):
    """A loan on which 1,000.00 came in."""
    number = client.running()
    answered(client.pay(number, "1000.00", "2026-02-15"))
    return number


ORDERS = {
    "chargebacks": {"payment": 1, "amount": "400.00", "currency": "MXN", "reason": "disputed"},
    "rate-changes": {"annual_rate": "24.00", "keeps_instalment": True, "reason": "good payer"},
    "interest-pauses": {"until": "2026-12-01", "reason": "flood"},
    "delinquency-pauses": {"until": "2026-12-01", "reason": "flood"},
    "restructures": {"kind": "restructure", "treatment": "capitalise", "approval": "committee 7",
                     "terms": {"instalments": 24, "annual_rate": "24.00", "first_due": "2026-04-15",
                               "grace": {"principal_periods": 2}}},
    "holidays": {"periods": 2, "interest_runs": False, "approval": "committee 7"},
    "acceleration": {"approval": "committee 7", "reason": "clause 12"},
    "sale": {"holder": "Fondo Norte", "price": "4000.00", "currency": "MXN", "reference": "C-9"},
}  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_is_carried_out_once(client, database, paid, order):
    path, body = f"/v1/loans/{paid}/{order}", {"effective_on": DAY, **ORDERS[order]}
    first = answered(client.post(path, body, key=f"{paid}-{order}"))
    before = events(database)

    again = answered(client.post(path, body, key=f"{paid}-{order}"))

    assert again == {**first, "repeated": True}
    other = {**body, "effective_on": "2026-02-21"}
    refused(client.post(path, other, key=f"{paid}-{order}"), 422, "key-reused")
    assert events(database) == before


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_on_a_loan_never_paid_out_is_refused(client, order):
    number = client.opened()
    body = {"effective_on": DAY, **ORDERS[order]}
    refused(client.post(f"/v1/loans/{number}/{order}", body), 409, "not-allowed-now", "status")


@pytest.mark.parametrize(
    ("order", "change", "status", "code", "field"),
    [
        ("chargebacks", {"payment": 9}, 404, "unknown-payment", "payment"),
        ("chargebacks", {"amount": "1000.01"}, 422, "invalid-amount", "amount"),
        ("chargebacks", {"amount": 5}, 422, "invalid-field", "amount"),
        ("chargebacks", {"currency": None}, 422, "invalid-field", "body"),
        ("chargebacks", {"currency": "USD"}, 422, "wrong-currency", "amount"),
        ("chargebacks", {"effective_on": "2026-02-01"}, 422, "invalid-date", "effective_on"),
        ("rate-changes", {"annual_rate": "24"}, 201, None, None),
        ("rate-changes", {"annual_rate": "-1.00"}, 422, "invalid-field", "annual_rate"),
        ("rate-changes", {"annual_rate": "99999999"}, 422, "invalid-field", "annual_rate"),
        ("rate-changes", {"annual_rate": 24}, 422, "invalid-field", "annual_rate"),
        ("rate-changes", {"effective_on": "2026-07-01"}, 422, "invalid-date", "effective_on"),
        ("interest-pauses", {"until": DAY}, 422, "invalid-date", "until"),
        ("interest-pauses", {"until": "soon"}, 422, "invalid-field", "until"),
        ("delinquency-pauses", {"until": "2026-01-01"}, 422, "invalid-date", "until"),
        ("restructures", {"kind": "acceleration"}, 422, "invalid-field", "kind"),
        ("restructures", {"treatment": "hide"}, 422, "invalid-field", "treatment"),
        ("restructures", {"terms": {"principal": "1.00"}}, 422, "invalid-field", "terms.principal"),
        ("restructures", {"terms": {"instalments": "24"}}, 422, "invalid-field",
         "terms.instalments"),
        ("restructures", {"terms": {"instalments": 0}}, 422, "invalid-terms", "instalments"),
        ("restructures", {"terms": {"grace": {"holiday": 1}}}, 422, "invalid-field",
         "terms.grace.holiday"),
        ("restructures", {"terms": []}, 422, "invalid-field", "terms"),
        ("holidays", {"periods": 0}, 422, "invalid-field", "periods"),
        ("holidays", {"periods": "2"}, 201, None, None),
        ("sale", {"holder": " "}, 422, "invalid-field", "holder"),
        ("sale", {"price": "-1.00"}, 422, "invalid-amount", "price"),
        ("sale", {"price": "1.001"}, 422, "invalid-field", "price"),
        ("sale", {"currency": "USD"}, 422, "wrong-currency", "price"),
        ("acceleration", {"effective_on": "2026-02-01"}, 422, "invalid-date", "effective_on"),
    ],
)  # fmt: skip
def test_a_bad_order_is_refused_with_its_field(
    client, database, paid, order, change, status, code, field
):
    before = events(database)
    body = {"effective_on": DAY, **ORDERS[order], **change}
    response = client.post(f"/v1/loans/{paid}/{order}", body)
    if code is None:
        answered(response, status)
        return
    refused(response, status, code, field)
    assert events(database) == before


def test_a_chargeback_says_what_is_owed_again(client, paid):
    body = {"payment": 1, "effective_on": DAY}
    answer = answered(client.post(f"/v1/loans/{paid}/chargebacks", body))
    assert (answer["chargeback"], answer["payment"]) == (1, 1)
    assert (answer["amount"], answer["currency"]) == ("1000.00", "MXN")


def test_money_kept_for_the_borrower_is_given_back_once(client):
    number = client.running()
    answered(client.pay(number, "20000.00", "2026-02-15"))
    path = f"/v1/loans/{number}/refunds"
    part = {"effective_on": DAY, "amount": "1000.00", "currency": "MXN", "channel": "spei"}
    assert answered(client.post(path, part))["amount"] == "1000.00"
    rest = answered(client.post(path, {"effective_on": DAY}))
    assert "overpayment-refunded" in rest["events"]
    problem = refused(client.post(path, {"effective_on": DAY}), 422, "invalid-amount", "amount")
    assert "0.00 MXN" in problem["detail"]


def test_tranches_are_paid_out_until_nothing_is_left(client):
    number = client.opened()
    path = f"/v1/loans/{number}/disbursements"
    body = {"currency": "MXN", "effective_on": "2026-01-15"}
    answered(client.post(path, {**body, "amount": "5000.00", "refinances": "OLD-1"}))
    problem = refused(client.post(path, {**body, "amount": "7000.01"}), 422, "over-disbursement")
    assert problem["figures"]["available"] == {"amount": "7000.00", "currency": "MXN"}
    answered(client.post(path, {**body, "amount": "7000.00"}))
    refused(client.post(path, {**body, "amount": "0.01"}), 409, "not-allowed-now")


def test_the_opening_fee_of_the_terms_is_withheld_unless_another_is_said(client, database):
    number = client.opened(opening_fee_percent="1.00")
    body = {"amount": "12000.00", "currency": "MXN", "effective_on": "2026-01-15"}
    answer = answered(client.post(f"/v1/loans/{number}/disbursements", body))
    with connect(database) as connection:
        [[fees]] = connection.execute(
            "SELECT (state ->> 'withheld_fees')::int FROM ledger.events WHERE command_id = %s",
            [answer["command_id"]],
        ).fetchall()
    assert fees == 120_00


def test_a_fee_may_fall_due_ahead(client, paid):
    body = {"kind": "legal", "amount": "100.00", "currency": "MXN", "effective_on": DAY}
    path = f"/v1/loans/{paid}/fees"
    assert answered(client.post(path, {**body, "due_on": "2027-06-01"}))["fee"] == 1
    refused(client.post(path, {**body, "due_on": "2026-02-19"}), 422, "invalid-date", "due")


@pytest.mark.parametrize(
    ("role", "kind", "status"),
    [("collector", "payment", 201), ("collector", "goodwill_credit", 403),
     ("supervisor", "goodwill_credit", 201), ("operator", "insurance_claim", 201),
     ("supervisor", "recovery", 422), ("supervisor", "gift", 422)],
)  # fmt: skip
def test_money_of_another_kind_needs_who_may_approve_it(client, paid, role, kind, status):
    body = {"amount": "10.00", "currency": "MXN", "effective_on": DAY, "kind": kind}
    response = client.post(f"/v1/loans/{paid}/payments", body, role=role)
    assert response.status_code == status, response.text
    if status == 403:
        assert Action.CREDIT_PAYMENT in response.json()["detail"]


def test_the_quote_is_paid_to_the_centavo_or_refused(client, paid):
    quote = answered(client.get(f"/v1/loans/{paid}/payoff?on={DAY}"), 200)
    path, body = f"/v1/loans/{paid}/payoff", {"on": DAY, "currency": "MXN", "channel": "spei"}

    problem = refused(
        client.post(path, {**body, "amount": "1.00"}), 409, "payoff-differs", "amount"
    )
    assert problem["figures"]["owed"] == {"amount": quote["total"], "currency": "MXN"}
    answer = answered(client.post(path, {**body, "amount": quote["total"]}))

    assert answer["events"][-1] == "loan-closed"
    assert (answer["amount"], answer["overpaid"]) == (quote["total"], "0.00")
    refused(client.post(path, {"on": DAY}), 409, "not-allowed-now")
    refused(client.get(f"/v1/loans/{paid}/payoff?on={DAY}"), 409, "not-allowed-now")


def test_a_payoff_needs_no_amount(client, paid):
    answer = answered(client.post(f"/v1/loans/{paid}/payoff", {"on": DAY}))
    assert answer["events"][-1] == "loan-closed"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"on": "2026-02-14"}, "invalid-date", "on"),  # a payment is recorded on the 15th
        ({"on": "2026-07-01"}, "invalid-date", "on"),
        ({}, "invalid-field", "on"),
        ({"on": DAY, "amount": "1.00"}, "invalid-field", "body"),
        ({"on": DAY, "amount": "1.00", "currency": "USD"}, "wrong-currency", "amount"),
    ],
)
def test_a_bad_payoff_is_refused(client, paid, body, code, field):
    refused(client.post(f"/v1/loans/{paid}/payoff", body), 422, code, field)


def test_a_quote_for_a_day_already_recorded_is_refused(client, paid):
    refused(client.get(f"/v1/loans/{paid}/payoff?on=2026-02-14"), 422, "invalid-date", "on")


FLOATING = {"annual_rate": "16.00", "floating": {"index": "TIIE28", "spread": "5.00"}}


def test_a_floating_loan_without_its_index_says_what_to_import(client):
    number = client.running(**FLOATING)
    for response in (
        client.pay(number, "10.00", "2026-02-20"),
        client.get(f"/v1/loans/{number}/payoff?on={DAY}"),
    ):
        problem = refused(response, 409, "index-without-value", "index")
        assert "TIIE28 has no value on 2026-01-15: import it first" in problem["detail"]


QUOTE = """query ($no: String!, $on: Date!) {
    loan(loanNo: $no) { payoff(on: $on) { total { amount } interest { amount } } }
}"""


@pytest.fixture(scope="module")
def known(database):
    """An index on the day of disbursement and on the first due date."""
    with connect(database) as connection:
        connection.execute(
            "INSERT INTO ledger.index_values (index, on_day, value, recorded_by) VALUES"
            " ('KNOWN', '2026-01-15', 110000, 'test'), ('KNOWN', '2026-02-13', 310000, 'test')"
        )
        connection.commit()


def test_both_doors_quote_a_floating_loan_with_the_resets_nobody_recorded(client, known):
    floating = {"index": "KNOWN", "spread": "-1.00"}
    number = client.running(annual_rate="16.00", floating=floating)
    client.settled()
    for on in ("2026-01-16", DAY):
        rest = answered(client.get(f"/v1/loans/{number}/payoff?on={on}"), 200)
        graph = client.ask(QUOTE, no=number, on=on)["loan"]["payoff"]
        assert graph["total"]["amount"] == rest["total"]
        assert graph["interest"]["amount"] == rest["components"]["interest"]
    body = {"on": DAY, "amount": rest["total"], "currency": "MXN"}
    assert answered(client.post(f"/v1/loans/{number}/payoff", body))["events"][-1] == "loan-closed"

    body = {"effective_on": "2026-02-20", "terms": {"floating": {"index": "KNOWN", "cap": "9.00"}}}
    other = client.running(annual_rate="16.00", floating=floating)
    answered(client.post(f"/v1/loans/{other}/restructures", body))
    quoted = answered(client.get(f"/v1/loans/{other}/payoff?on=2026-02-22"), 200)["components"]
    # 36 nights at 10 and 30 percent, then two at 9
    nights = 31 * Decimal("0.10") + 5 * Decimal("0.30") + 2 * Decimal("0.09")
    assert Decimal(quoted["interest"]) == (12000 * nights / 360).quantize(Decimal("0.01"))


def test_a_quote_without_its_index_is_refused_by_both_doors(client):
    number = client.running(annual_rate="16.00", floating={"index": "NOWHERE"})
    client.settled()
    answer = client.try_ask(QUOTE, no=number, on=DAY)
    assert answer["errors"][0]["extensions"]["code"] == "index-without-value"


def test_a_loan_in_udi_is_quoted_and_paid_in_pesos(client, database):
    with connect(database) as connection:
        connection.execute(
            "INSERT INTO ledger.index_values (index, on_day, value, recorded_by)"
            " VALUES ('UDI', '2026-02-20', 8123456, 'test')"
        )
        connection.commit()
    number = client.opened(currency="MXV", tax_rate="0.00")
    body = {"amount": "12000.00", "currency": "MXV", "effective_on": "2026-01-15"}
    answered(client.post(f"/v1/loans/{number}/disbursements", body))

    paid = answered(
        client.post(
            f"/v1/loans/{number}/payments",
            {"amount": "812.35", "currency": "MXN", "effective_on": DAY},
        )
    )
    assert (paid["amount"], paid["currency"]) == ("100.00", "MXV")
    quote = answered(client.get(f"/v1/loans/{number}/payoff?on={DAY}"), 200)
    assert quote["currency"] == "MXV"
    body = {"on": DAY, "amount": quote["paid_in"]["MXN"], "currency": "MXN"}
    off = answered(client.post(f"/v1/loans/{number}/payoff", body))
    assert off["events"][-1] == "loan-closed"
    assert (off["amount"], off["currency"]) == (quote["total"], "MXV")


def test_a_refinancing_pays_the_old_loan_off_once(client, database):
    old = client.running()
    owed = answered(client.get(f"/v1/loans/{old}/payoff?on={DAY}"), 200)["total"]
    body = {**HEADER, **TERMS, "loan_no": f"{old}-R", "effective_on": DAY,
            "first_due": "2026-03-15", "principal": "20000.00", "refinances": [old],
            "opening_fee_percent": "1.00", "channel": "spei"}  # fmt: skip

    done = answered(client.post("/v1/refinancings", body, key=f"{old}-r"))
    before = events(database)
    again = answered(client.post("/v1/refinancings", body, key=f"{old}-r"))

    assert done["events"] == ["loan-opened", "loan-disbursed"]
    assert [one["amount"] for one in done["paid_off"]] == [owed]
    assert int(done["paid_out"].replace(".", "")) == 20000_00 - 232_00 - int(owed.replace(".", ""))
    assert again == {**done, "repeated": True}
    assert events(database) == before
    refused(client.get(f"/v1/loans/{old}/payoff?on={DAY}"), 409, "not-allowed-now")


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"principal": "100.00"}, 422, "below-payoff", "principal"),
        ({"refinances": []}, 422, "invalid-field", "refinances"),
        ({"refinances": ["NONE"]}, 404, "unknown-loan", None),
        ({"currency": "USD"}, 422, "wrong-currency", "refinances"),
        ({"annual_rate": "x"}, 422, "invalid-field", "annual_rate"),
        ({"withheld_fees": "0.001"}, 422, "invalid-field", "withheld_fees"),
    ],
)
def test_a_bad_refinancing_is_refused(client, database, paid, change, status, code, field):
    body = {**HEADER, **TERMS, "loan_no": f"{paid}-R", "effective_on": DAY, "refinances": [paid],
            "first_due": "2026-03-15", "principal": "20000.00", **change}  # fmt: skip
    before = events(database)
    problem = refused(client.post("/v1/refinancings", body), status, code, field)
    if code == "below-payoff":
        assert problem["figures"]["paid_out"] == {"amount": "100.00", "currency": "MXN"}
    assert events(database) == before


def test_openapi_tells_every_field_that_terms_are_read_from(client):
    asked = Fields({**TERMS})
    terms_of(asked, None)
    assert set(AGREED) == asked.asked
    changes = Fields({name: None for name in CHANGEABLE if name in ("first_due", "grace")})
    new_terms(changes, "MXN")
    assert changes.asked <= set(CHANGEABLE)
    schemas = client.get("/openapi.json", role=None).json()["components"]["schemas"]
    for name in ("Opening", "Refinancing"):
        assert set(AGREED) <= set(schemas[name]["properties"])
    assert set(CHANGEABLE) == set(schemas["Restructure"]["properties"]["terms"]["properties"])


EVERYTHING = {
    "loan_no": "ALL-1", "effective_on": "2026-01-15", "currency": "MXN", "principal": "12000.00",
    "annual_rate": "36.00", "instalments": 12, "frequency": "monthly", "every": 1,
    "first_due": "2026-02-15", "method": "graduated", "day_count": "actual/364",
    "graduation": {"every": 6, "percent": "5.00"}, "level_rounding": "up",
    "grace": {"principal_periods": 1}, "down_payment_percent": "10.00",
    "rate_steps": [{"on": "2026-06-15", "annual_rate": "30.00"}], "calendar": "mx_banking",
    "business_day_rule": "following", "skip_months": [12], "tax_rate": "16.00",
    "late_rate": "72.00", "late_base": "instalment", "late_fee": "50.00",
    "opening_fee_percent": "1.50", "opening_fee_financed": True, "prepayment_fee_percent": "2.00",
    "period_charges": [{"kind": "insurance", "percent": "0.10", "of_balance": True}],
    "allocations": {"goodwill_credit": ["principal"]}, "suspend_from": 90,
}  # fmt: skip


def test_a_loan_is_opened_on_everything_that_can_be_agreed(client, database):
    receipt = answered(client.post("/v1/loans", EVERYTHING))
    with connect(database) as connection:
        [[terms]] = connection.execute(
            "SELECT state -> 'terms' FROM ledger.events WHERE command_id = %s",
            [receipt["command_id"]],
        ).fetchall()
    assert terms["graduation"] == {"every": 6, "rate": 50_000}
    assert terms["skip_months"] == [12]
    assert terms["suspend_from"] == 90


def test_what_works_is_what_openapi_says(client):
    described = client.get("/openapi.json", role=None).json()
    components = described["components"]

    def check(name, body):
        jsonschema.validate(body, {**components["schemas"][name], "components": components})

    check("Opening", EVERYTHING)
    for order, body in ORDERS.items():
        path = described["paths"][f"/v1/loans/{{loan}}/{order}"]
        [content] = path["post"]["requestBody"]["content"].values()
        name = content["schema"]["$ref"].rsplit("/", 1)[1]
        check(name, {"effective_on": DAY, **body})
