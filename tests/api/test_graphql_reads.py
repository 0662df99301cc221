"""Every root and every field of a loan, against figures worked out by hand."""

import base64
import time
from datetime import date

import psycopg
import pytest

from ledger.database import connect, conninfo
from projections.portfolio import summary
from tests.api.harness import served

LOAN = """query($no: String!, $on: Date, $known: DateTime, $at: BigInt) {
    loan(loanNo: $no, asOf: $on, knownAt: $known, atPosition: $at) { %s } }"""


@pytest.fixture(scope="module")
def paid(client):
    """12,000.00 at 36 % from 15 January; 1,000.00 paid on time, 300.00 five days late."""
    number = client.running()
    assert (
        client.pay(number, "1000.00", "2026-02-15", channel="spei", reference="A").status_code
        == 201
    )
    assert client.pay(number, "300.00", "2026-02-20", channel="cash").status_code == 201
    client.settled()
    return number


def seen(client, number, fields, **given):
    return client.ask(LOAN % fields, no=number, **given)["loan"]


def amount(text, currency="MXN"):
    return {"amount": text, "currency": currency, "minor": int(text.replace(".", ""))}


MONEY = "{ amount currency minor }"


def test_the_header(client, paid):
    fields = f"""id loanId loanNo borrower guarantors product branch officer currency
        approved {MONEY} disbursed {MONEY} instalments terms openedOn disbursedOn bookedOn
        firstDueOn maturityOn closedOn writtenOffOn status stage nextDueOn oldestUnpaidDueOn"""
    loan = seen(client, paid, fields)
    assert loan["approved"] == loan["disbursed"] == amount("12000.00")
    assert (loan["status"], loan["stage"], loan["instalments"]) == ("ACTIVE", 1, 12)
    assert (loan["openedOn"], loan["disbursedOn"]) == ("2026-01-15", "2026-01-15")
    assert (loan["firstDueOn"], loan["maturityOn"]) == ("2026-02-15", "2027-01-15")
    assert (loan["closedOn"], loan["writtenOffOn"], loan["branch"]) == (None, None, "centro")
    assert loan["terms"]["principal"] == 12000_00
    by_id = client.ask("query($id: ID!) { loan(id: $id) { loanNo } }", id=loan["id"])
    by_uuid = client.ask("query($id: ID!) { loan(id: $id) { loanNo } }", id=loan["loanId"])
    assert by_id["loan"]["loanNo"] == by_uuid["loan"]["loanNo"] == paid


def test_balances_are_told_for_any_day_without_a_close(client, paid):
    parts = "owed { interest { amount } principal { amount } total { amount } }"
    loan = seen(client, paid, f"""
        paidOut: balances(asOf: "2026-01-15") {{ asOf {parts} }}
        tenDays: balances(asOf: "2026-01-25") {{ asOf {parts} }}
        before: balances(asOf: "2026-01-14") {{ asOf }}
        today: balances {{ asOf overpaid {{ amount }} }}
        recordedBalances {{ accruedThrough position version {parts} }}
    """)  # fmt: skip
    assert loan["paidOut"]["owed"]["total"]["amount"] == "12000.00"
    assert loan["tenDays"]["owed"]["interest"]["amount"] == "120.00"  # 12,000 x 36 % x 10 / 360
    assert loan["tenDays"]["owed"]["total"]["amount"] == "12139.20"  # with 16 % tax on it
    assert loan["before"] is None
    assert loan["today"] == {"asOf": "2026-06-30", "overpaid": {"amount": "0.00"}}
    assert loan["recordedBalances"]["accruedThrough"] == "2026-02-20"


def test_the_read_model_agrees_with_the_log_on_the_day_it_is_recorded_through(client, paid):
    names = ("feeTax", "fee", "lateInterestTax", "lateInterest", "interestTax", "interest",
             "principal", "total")  # fmt: skip
    parts = "owed { " + " ".join(f"{name} {{ minor }}" for name in names) + " }"
    loan = seen(
        client, paid, f'balances(asOf: "2026-02-20") {{ {parts} }} recordedBalances {{ {parts} }}'
    )
    assert loan["balances"]["owed"] == loan["recordedBalances"]["owed"]


def test_the_schedule_as_recorded_and_as_told(client, paid):
    row = """number dueOn due charged { principal {amount} interest {amount} total {amount} }
        paid { total {amount} } left {amount} settledOn paidOn
        paidLate {amount} paidInAdvance {amount}"""
    loan = seen(
        client, paid, f'schedule {{ {row} }} told: schedule(asOf: "2026-02-20") {{ {row} }}'
    )
    assert len(loan["schedule"]) == len(loan["told"]) == 12
    first = loan["schedule"][0]
    assert (first["number"], first["dueOn"], first["due"]) == (1, "2026-02-15", True)
    assert first["charged"]["interest"]["amount"] == "372.00"
    # 1,000.00 on its day and the rest of what was due five days late
    assert first["settledOn"] == first["paidOn"] == "2026-02-20"
    assert first["left"]["amount"] == "0.00"
    assert loan["told"][0] == first
    assert (
        sum(int(r["charged"]["principal"]["amount"].replace(".", "")) for r in loan["schedule"])
        == 12000_00
    )


def test_payments_transactions_and_events(client, paid):
    loan = seen(client, paid, """
        payments { totalCount nodes { id number effectiveOn recordedAt position channel reference
                   amount { amount } cleared { total { amount } } overpaid { amount } reversedOn } }
        transactions { totalCount nodes { kind effect number effectiveOn amount { amount }
                       components { principal { amount } } reason } }
        events { totalCount nodes { version position type effectiveOn recordedAt actor channel
                 command commandId correlationId causationId revision facts } }
    """)  # fmt: skip
    latest, earliest = loan["payments"]["nodes"]
    assert (latest["number"], latest["amount"]["amount"], latest["channel"]) == (
        2,
        "300.00",
        "cash",
    )
    assert (earliest["reference"], earliest["cleared"]["total"]["amount"]) == ("A", "1000.00")
    kinds = [row["kind"] for row in loan["transactions"]["nodes"]]
    assert kinds == ["payment", "payment", "disbursement"]
    events = loan["events"]["nodes"]
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["type"] == "loan-opened"
    assert {event["actor"] for event in events} == {"administrator-key"}
    assert {event["channel"] for event in events} == {"api"}
    paying = [event for event in events if event["type"] == "payment-received"]
    assert paying[0]["facts"]["amount"] == 1000_00
    assert paying[0]["command"] == "receive-payment"


def test_journal_entries_balance_line_by_line(client, paid):
    data = client.ask("""query($no: String!) {
        loan(loanNo: $no) { id journalEntries { totalCount nodes {
            event effectiveOn position
            lines { account { code kind } debit { minor } credit { minor } } } } }
        trialBalance { currency balanced debit { minor } credit { minor }
                       lines { account { code } balance { minor } } } }""", no=paid)  # fmt: skip
    entries = data["loan"]["journalEntries"]["nodes"]
    assert entries
    for entry in entries:
        lines = entry["lines"]
        assert (
            sum(x["debit"]["minor"] for x in lines) == sum(x["credit"]["minor"] for x in lines) > 0
        )
    [books] = data["trialBalance"]
    assert books["balanced"] is True
    assert books["debit"] == books["credit"]
    assert sum(line["balance"]["minor"] for line in books["lines"]) == 0

    found = client.ask(
        """query($id: ID!) { journalEntries(filter: {loan: $id, account: "1010", currency: "MXN",
             effectiveFrom: "2026-02-16", effectiveTo: "2026-02-20", event: ["payment-received"]}) {
               totalCount nodes { event effectiveOn } } }""",
        id=data["loan"]["id"],
    )["journalEntries"]
    assert found == {
        "totalCount": 1,
        "nodes": [{"event": "payment-received", "effectiveOn": "2026-02-20"}],
    }


def test_promises_by_loan_and_by_due_date(client):
    number = client.running()
    for day in ("2026-03-05", "2026-03-06"):
        body = {
            "amount": "100.00",
            "currency": "MXN",
            "effective_on": "2026-03-01",
            "promised_for": day,
        }
        assert client.post(f"/v1/loans/{number}/promises", body).status_code == 201
    client.post(f"/v1/loans/{number}/promises/2/cancellation", {"effective_on": "2026-03-02"})
    client.settled()
    own = seen(client, number, "promises { id number status promisedFor amount { amount } loanNo }")
    assert [promise["status"] for promise in own["promises"]] == ["open", "cancelled"]
    document = (
        "query($f: PromiseFilter) { promises(filter: $f) { totalCount nodes { number loanNo } } }"
    )
    for given, expected in (
        ({"dueOn": "2026-03-05"}, [1]),
        ({"dueBefore": "2026-03-06"}, [1]),
        ({"dueFrom": "2026-03-06", "status": ["cancelled"]}, [2]),
        ({"status": ["kept"]}, []),
    ):
        found = client.ask(document, f=given)["promises"]
        assert [row["number"] for row in found["nodes"]] == expected
        assert found["totalCount"] == len(expected)
    again = client.ask("query($id: ID!) { node(id: $id) { id ... on Promise { number } } }",
                       id=own["promises"][1]["id"])  # fmt: skip
    assert again["node"]["number"] == 2


def test_a_loan_of_the_past_had_only_the_promises_of_then(client):
    number = client.running()
    body = {"amount": "100.00", "currency": "MXN", "effective_on": "2026-03-01",
            "promised_for": "2026-03-05"}  # fmt: skip
    client.post(f"/v1/loans/{number}/promises", body)
    body = {"effective_on": "2026-03-03", "reason": "a new agreement"}
    client.post(f"/v1/loans/{number}/promises/1/cancellation", body)
    client.settled()
    fields = "promises { status resolvedOn reason } disbursed { amount } disbursedOn"
    told = {on: seen(client, number, fields, on=on) for on in ("2026-02-28", "2026-03-02")}
    assert told["2026-02-28"]["promises"] == []
    assert told["2026-03-02"]["promises"] == [{"status": "open", "resolvedOn": None, "reason": ""}]
    [now] = seen(client, number, fields)["promises"]
    assert (now["status"], now["resolvedOn"]) == ("cancelled", "2026-03-03")


def test_a_loan_not_yet_paid_out_then_had_nothing_disbursed(client):
    number = client.running(effective_on="2026-01-10")
    client.settled()
    fields = "status disbursed { amount } disbursedOn"
    then = seen(client, number, fields, on="2026-01-12")
    assert then == {"status": "OPENED", "disbursed": {"amount": "0.00"}, "disbursedOn": None}


def test_any_node_is_given_again_by_its_id(client, paid):
    loan = seen(client, paid, "id payments(first: 1) { nodes { id } }")
    document = "query($id: ID!) { node(id: $id) { __typename id } }"
    payment_id = loan["payments"]["nodes"][0]["id"]
    assert client.ask(document, id=loan["id"])["node"] == {"__typename": "Loan", "id": loan["id"]}
    assert client.ask(document, id=payment_id)["node"] == {
        "__typename": "Payment",
        "id": payment_id,
    }
    plain = base64.urlsafe_b64decode(payment_id + "==").decode()
    other = base64.urlsafe_b64encode((plain[:-1] + "9").encode()).decode().rstrip("=")
    assert client.ask(document, id=other)["node"] is None


def test_days_past_due_and_bucket_on_any_day(client, paid):
    loan = seen(client, paid, """now: daysPastDue bucket
        due: daysPastDue(asOf: "2026-02-15") late: daysPastDue(asOf: "2026-02-19")
        paid: daysPastDue(asOf: "2026-02-20") next: daysPastDue(asOf: "2026-03-16")
        lateBucket: bucket(asOf: "2026-02-19") before: bucket(asOf: "2026-01-01")""")  # fmt: skip
    assert (loan["due"], loan["late"], loan["paid"], loan["next"]) == (0, 4, 0, 1)
    assert (loan["now"], loan["bucket"]) == (107, "91-120")  # 15 March to 30 June
    assert (loan["lateBucket"], loan["before"]) == ("1-7", None)


def test_a_payoff_is_quoted_and_a_day_already_recorded_is_refused(client, paid):
    quote = seen(client, paid, 'payoff(on: "2026-02-20") { total { amount } principal { amount } }')
    rest = client.get(f"/v1/loans/{paid}/payoff?on=2026-02-20").json()
    assert quote["payoff"]["total"]["amount"] == rest["total"]
    answer = client.try_ask(LOAN % 'payoff(on: "2026-02-01") { total { amount } }', no=paid)
    assert answer["errors"][0]["extensions"]["code"] == "invalid-date"


def test_a_loan_as_of_a_day_shows_only_what_was_effective(client, paid):
    fields = """status payments { totalCount nodes { number } } transactions { totalCount }
                events { totalCount } balances { asOf } daysPastDue
                schedule { paid { total { minor } } }"""
    loan = seen(client, paid, fields, on="2026-02-16")
    assert [row["number"] for row in loan["payments"]["nodes"]] == [1]
    assert loan["transactions"]["totalCount"] == 2
    assert loan["balances"]["asOf"] == "2026-02-16"
    assert loan["daysPastDue"] == 1
    assert sum(row["paid"]["total"]["minor"] for row in loan["schedule"]) == 1000_00
    assert seen(client, paid, fields, on="2026-01-14") is None


@pytest.mark.parametrize("by", ["recordedAt", "position"])
def test_a_loan_as_known_at_a_moment_shows_only_what_had_been_recorded(client, by):
    number = client.running()
    client.pay(number, "1000.00", "2026-02-15")
    client.settled()
    last = seen(client, number, "events(last: 1) { nodes { recordedAt position } }")["events"]
    moment = {"known" if by == "recordedAt" else "at": last["nodes"][0][by]}
    time.sleep(0.01)
    client.post(f"/v1/loans/{number}/payments/1/reversal", {"reversed_on": "2026-02-20"})
    client.settled()
    fields = """payments { nodes { reversedOn cleared { total { amount } } } }
                transactions { totalCount } journalEntries { totalCount }
                events { totalCount } daysPastDue(asOf: "2026-02-16") bucket
                payoff(on: "2026-03-01") { total { amount } }"""
    known = seen(client, number, fields, **moment)
    now = seen(client, number, fields)
    assert known["payments"]["nodes"] == [
        {"reversedOn": None, "cleared": {"total": {"amount": "1000.00"}}}
    ]
    assert now["payments"]["nodes"] == [
        {"reversedOn": "2026-02-20", "cleared": {"total": {"amount": "0.00"}}}
    ]
    assert known["events"]["totalCount"] < now["events"]["totalCount"]
    assert known["transactions"]["totalCount"] == 2
    assert now["transactions"]["totalCount"] > 2
    assert known["bucket"] is not None
    assert known["journalEntries"]["totalCount"] < now["journalEntries"]["totalCount"]
    assert known["payoff"] != now["payoff"]


def test_a_loan_before_anything_was_recorded_is_null_and_one_of_the_future_is_refused(client):
    number = client.running()
    client.settled()
    fields = "loanNo balances { owed { total { amount } } }"
    assert seen(client, number, fields, known="2020-01-01T00:00:00Z") is None
    assert seen(client, number, fields, at=0) is None
    for position in (-1, 2**62):
        told = client.try_ask(LOAN % fields, no=number, at=position)
        assert told["errors"][0]["extensions"]["code"] == "unknown-position"


def test_a_written_off_loan_in_its_past_was_active(client):
    number = client.running()
    client.post(f"/v1/loans/{number}/write-off", {"effective_on": "2026-06-01"})
    client.settled()
    fields = """status writtenOffOn bucket balances { owed { total { amount } } }
                payoff { total { amount } }"""
    now, then = seen(client, number, fields), seen(client, number, fields, on="2026-05-31")
    assert (now["status"], now["writtenOffOn"], now["bucket"]) == (
        "WRITTEN_OFF",
        "2026-06-01",
        None,
    )
    assert (now["balances"]["owed"]["total"]["amount"], now["payoff"]) == ("0.00", None)
    assert (then["status"], then["writtenOffOn"]) == ("ACTIVE", None)
    assert then["bucket"] == "91-120"


def test_portfolio_and_aging_add_up_to_the_loans(client, paid):
    data = client.ask("""{
        portfolio { asOf currency loans principal { minor } pastDueLoans pastDuePrincipal { minor }
                    par30 { minor } par30Ratio par90 { minor } par90Ratio
                    buckets { bucket loans principal { minor } } }
        early: portfolio(asOf: "2026-01-20") { loans principal { minor } pastDueLoans }
        aging(by: BRANCH) { name currency loans principal { minor } buckets { bucket loans } }
        all: aging(by: ALL) { name loans } officers: aging(by: OFFICER) { name }
        stages: aging(by: STAGE) { name } products: aging(by: PRODUCT) { name }
        loans(first: 500, filter: {status: [ACTIVE]}) { nodes {
            daysPastDue recordedBalances { owed { principal { minor } } } } }
        projections { name position lag status stoppedBy } position businessDate
    }""")  # fmt: skip
    [book] = data["portfolio"]
    loans = data["loans"]["nodes"]
    principal = [row["recordedBalances"]["owed"]["principal"]["minor"] for row in loans]
    assert book["loans"] == len(loans)
    assert book["principal"]["minor"] == sum(principal)
    over_30 = sum(p for row, p in zip(loans, principal, strict=True) if row["daysPastDue"] > 30)
    assert book["par30"]["minor"] == over_30
    assert book["par30Ratio"] == f"{over_30 / sum(principal):.4f}"
    assert sum(b["loans"] for b in book["buckets"]) == book["loans"]
    assert sum(b["principal"]["minor"] for b in book["buckets"]) == sum(principal)
    assert data["early"][0]["pastDueLoans"] == 0
    assert data["early"][0]["principal"]["minor"] % 12000_00 == 0
    assert [group["name"] for group in data["aging"]] == ["centro"]
    assert data["all"] == [{"name": "", "loans": book["loans"]}]
    assert data["businessDate"] == "2026-06-30"
    assert {row["status"] for row in data["projections"]} == {"running"}
    assert all(row["lag"] == 0 for row in data["projections"])
    assert data["position"] == max(row["position"] for row in data["projections"])


def test_reads_follow_an_order_at_once_without_waiting_for_the_next_look(database):
    with served(database.model_copy(update={"projection_poll_seconds": 60.0})) as client:
        number = client.running("woken")
        client.settled()
        begun = time.monotonic()
        client.pay(number, "10.00", "2026-02-15")
        client.settled()
        print(f"read its own write after {time.monotonic() - begun:.3f} s")
        assert seen(client, number, "payments { totalCount }")["payments"]["totalCount"] == 1
        assert time.monotonic() - begun < 10


def test_all_statements_of_a_question_see_the_same_moment(client, database, monkeypatch):
    client.running()
    client.settled()
    counts = []

    async def counting(view):
        counts.append(await view.count("SELECT count(*) FROM ledger.events"))
        async with await psycopg.AsyncConnection.connect(conninfo(database)) as other:
            await other.execute(
                "INSERT INTO ledger.commands (id, name, actor, channel, correlation_id, appended)"
                " VALUES (gen_random_uuid(), 'x', 'x', 'x', gen_random_uuid(), 0)"
            )
            await other.commit()
        return await commands(view)

    async def commands(view):
        return await view.count("SELECT count(*) FROM ledger.commands")

    monkeypatch.setattr("api.graphql.portfolio.position", counting)
    data = client.ask(
        "{ a: position b: position c: position projections { name } }"
    )  # by resolvers
    assert data["a"] == data["b"] == data["c"]
    assert len(counts) == 3


@pytest.fixture(scope="module")
def eventful(client):
    """Loans with something of everything that moves a debt."""
    late, returned, backdated, settled, gone = (client.running() for _ in range(5))
    orders = [
        (late, "payments", {"amount": "500.00", "effective_on": "2026-04-03"}),
        (late, "fees", {"kind": "late", "amount": "50.00", "effective_on": "2026-04-04"}),
        (late, "payments", {"amount": "2500.00", "effective_on": "2026-05-20"}),
        (returned, "payments", {"amount": "1300.00", "effective_on": "2026-02-15"}),
        (returned, "payments", {"amount": "1300.00", "effective_on": "2026-03-15"}),
        (returned, "payments/1/reversal", {"reversed_on": "2026-03-20"}),
        (backdated, "payments", {"amount": "1300.00", "effective_on": "2026-04-15"}),
        (backdated, "payments", {"amount": "1300.00", "effective_on": "2026-02-20"}),
        (settled, "payments", {"amount": "13000.00", "effective_on": "2026-02-20"}),
        (gone, "forgiveness", {"amounts": {"principal": "100.00"}, "effective_on": "2026-03-01"}),
        (gone, "write-off", {"effective_on": "2026-05-01"}),
        (gone, "recoveries", {"amount": "700.00", "effective_on": "2026-05-15"}),
    ]
    for number, order, given in orders:
        body = {"currency": "MXN", **given}
        if order in ("payments/1/reversal", "write-off"):
            del body["currency"]
        answer = client.post(f"/v1/loans/{number}/{order}", body)
        assert answer.status_code == 201, answer.text
    client.settled()
    return late, returned, backdated, settled, gone


LATER = "2200-01-01T00:00:00Z"  # all is known by then, and it is told from the log


DAYS = ("2026-01-20", "2026-02-15", "2026-02-18", "2026-03-17", "2026-04-10", "2026-04-30",
        "2026-05-19", "2026-06-30", "2026-12-31")  # fmt: skip


@pytest.mark.parametrize("on", DAYS)
def test_the_portfolio_is_the_one_the_command_line_prints(client, database, eventful, on):
    document = """query($on: Date!) {
        portfolio(asOf: $on) { principal { minor } par30 { minor }
                               buckets { bucket loans principal { minor } } }
        trialBalance(on: $on) { debit { minor } lines { account { code } balance { minor } } } }"""
    data = client.ask(document, on=on)
    with connect(database) as connection:
        [printed] = summary(connection, date.fromisoformat(on)).currencies
    [book], [accounts] = data["portfolio"], data["trialBalance"]
    assert book["par30"]["minor"] == printed.par30
    assert book["principal"]["minor"] == sum(bucket.principal for bucket in printed.aging)
    assert {b["bucket"]: (b["loans"], b["principal"]["minor"]) for b in book["buckets"]} == {
        bucket.bucket: (bucket.loans, bucket.principal) for bucket in printed.aging if bucket.loans
    }
    assert accounts["debit"]["minor"] == printed.debit
    assert {line["account"]["code"]: line["balance"]["minor"] for line in accounts["lines"]} == {
        total.code: total.balance for total in printed.trial_balance
    }


@pytest.mark.parametrize("on", DAYS)
def test_arrears_of_any_day_are_the_same_by_read_model_and_by_log(client, eventful, on):
    fields = f'daysPastDue(asOf: "{on}") bucket(asOf: "{on}")'
    for number in eventful:
        assert seen(client, number, fields) == seen(client, number, fields, known=LATER), number


def test_the_next_due_date_is_today_s_though_days_were_not_closed(client, eventful):
    found = {number: seen(client, number, "nextDueOn") for number in eventful}

    assert found == {number: seen(client, number, "nextDueOn", known=LATER) for number in eventful}
    assert any(next_due["nextDueOn"] for next_due in found.values())


def test_payments_and_header_are_the_same_by_read_model_and_by_log(client, eventful):
    cleared = "principal {minor} interest {minor} fee {minor} lateInterest {minor} total {minor}"
    fields = f"""status stage disbursed {{ amount }} disbursedOn closedOn writtenOffOn
        oldestUnpaidDueOn payments {{ totalCount nodes {{ id number amount {{ minor }} effectiveOn
            recordedAt position cleared {{ {cleared} }} overpaid {{ minor }} channel reference
            reversedOn }} }}"""
    for number in eventful:
        through = seen(client, number, "recordedBalances { accruedThrough }")
        on = through["recordedBalances"]["accruedThrough"]
        assert seen(client, number, fields) == seen(client, number, fields, on=on), number


def test_pages_of_payments_told_from_the_log_are_pages_too(client, eventful):
    late = eventful[0]
    fields = """payments(first: %d, after: $after) { totalCount nodes { number }
                pageInfo { endCursor hasNextPage hasPreviousPage } }"""
    document = (
        'query($no: String!, $after: String) { loan(loanNo: $no, asOf: "2026-06-30") { %s } }'
    )
    first = client.ask(document % (fields % 1), no=late)["loan"]["payments"]
    assert [row["number"] for row in first["nodes"]] == [2]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (2, True)
    end = first["pageInfo"]["endCursor"]
    rest = client.ask(document % (fields % 5), no=late, after=end)["loan"]["payments"]
    assert [row["number"] for row in rest["nodes"]] == [1]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)


def test_a_fragment_on_another_kind_leaves_an_object_without_fields(client):
    number = client.running()
    client.settled()
    found = client.ask("query ($no: String!) { loan(loanNo: $no) { id } }", no=number)["loan"]["id"]
    of_promises = "node(id: $id) { ... on Promise { reason } }"

    alone = client.ask(f"query ($id: ID!) {{ {of_promises} }}", id=found)
    beside = client.ask(
        f'query ($id: ID!) {{ {of_promises} loan(id: $id) {{ bucket(asOf: "2026-04-30") }} }}',
        id=found,
    )

    assert alone["node"] == beside["node"] == {}
