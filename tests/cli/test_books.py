"""A book kept from the command line: in, closed, asked, checked; each answer stable JSON."""

import json

import pytest

TAPE = """\
loan_no,principal,annual_rate,instalments,frequency,disbursed_on,tax_rate,late_rate,branch
A-1,10000.00,36.00,12,monthly,2026-01-15,16.00,72.00,CDMX
A-2,5000.00,48.00,24,semi_monthly,2026-01-20,16.00,96.00,GDL
A-3,5000.00,48.00,24,sometimes,2026-01-20,16.00,96.00,GDL
"""
PAYMENTS = """\
date,reference,amount,channel,transaction_id
2026-02-15,A-1,1054.22,SPEI,T1
2026-02-17,nobody,10.00,OXXO,T2
"""


@pytest.fixture(scope="module")
def book(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    (folder / "loans.csv").write_text(TAPE)
    (folder / "payments.csv").write_text(PAYMENTS)
    return folder


def test_migrating_twice_applies_nothing_the_second_time(cartera, book):
    assert cartera("migrate", "--json").json == {"applied": []}


def test_a_tape_lands_and_rejected_lines_make_exit_code_1(cartera, book):
    told = cartera("import", "loans", book / "loans.csv", "--json")

    assert told.code == 1
    assert told.json == {
        "lines": 3, "taken_on": 0, "opened": 2, "repeated": 0, "rejected": 1,
        "rejects": str(book / "loans.csv.rejects.csv"), "ignored_columns": [],
        "principal": {"MXN": "15000.00"}, "checks": {},
    }  # fmt: skip


def test_a_payment_file_lands_and_the_rest_is_in_suspense(cartera, book):
    told = cartera("import", "payments", book / "payments.csv", "--json")

    assert told.code == 0
    assert told.json == {
        "lines": 2, "applied": 1, "recovered": 0, "suspended": 1, "repeated": 0, "rejected": 0,
        "later": 0, "rejects": None, "ignored_columns": [],
        "amounts": {"applied": {"MXN": "1054.22"}, "suspended": {"MXN": "10.00"}},
    }  # fmt: skip
    [waiting] = cartera("suspense", "--json").json
    assert (waiting["line_key"], waiting["amount"], waiting["code"]) == (
        "bank:T2", "10.00", "unknown-reference",
    )  # fmt: skip
    assert "nobody" in cartera("suspense").out


def test_a_second_import_for_people_says_that_nothing_was_added(cartera, book):
    told = cartera("import", "payments", book / "payments.csv")

    assert told.code == 0
    assert "repeated            2" in told.out


def test_closing_twice_records_nothing_the_second_time(cartera, book):
    first = cartera("close", "--through", "2026-03-31", "--json")
    again = cartera("close", "--through", "2026-03-31", "--json")

    assert (first.code, first.json["closed"], first.json["on"]) == (0, 2, "2026-03-31")
    assert first.json["events"] > 0
    assert (again.json["closed"], again.json["events"]) == (0, 0)


def test_a_replay_tells_every_event_with_the_balances_after_it(cartera, book):
    told = cartera("replay", "A-1", "--json")

    events = told.json["events"]
    assert told.code == 0
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    assert [event["type"] for event in events[:2]] == ["loan-opened", "loan-disbursed"]
    assert events[0]["balances"]["total"] == "0.00"
    assert events[1]["balances"]["principal"] == "10000.00"
    [paid] = [event for event in events if event["type"] == "payment-received"]
    assert paid["actor"] == "operator"
    assert paid["channel"] == "payment-file"
    assert paid["summary"] == (
        "payment 1: 1054.22 = interest tax 49.60, interest 310.00, principal 694.62"
    )
    assert paid["balances"]["principal"] == "9305.38"
    assert told.json["standing"]["on"] == "2026-03-31"
    assert told.json["standing"]["days_past_due"] == 16


def test_a_replay_as_of_a_date_stops_there(cartera, book):
    told = cartera("replay", "A-1", "--as-of", "2026-02-10", "--json").json

    assert {event["effective_on"] for event in told["events"]} <= {
        "2026-01-15", *(f"2026-01-{day}" for day in range(16, 32)),
        *(f"2026-02-{day:02d}" for day in range(1, 11)),
    }  # fmt: skip
    assert told["standing"]["balances"]["interest"] == "260.00"  # 26 days of 10.00


def test_a_replay_for_people_has_a_line_an_event(cartera, book):
    by_number = cartera("replay", "A-1")
    loan_id = cartera("replay", "A-1", "--json").json["loan_id"]

    assert "payment-received" in by_number.out
    assert "active, 16 days past due" in by_number.out
    assert cartera("replay", loan_id).out.splitlines()[3:] == by_number.out.splitlines()[3:]


def test_a_graphql_question_is_answered_from_the_read_models(cartera, book):
    told = cartera(
        "query",
        "query ($n: Int!) { loans(first: $n) { edges { node { loanNo } } } }",
        "--vars",
        json.dumps({"n": 5}),
    )

    assert told.code == 0
    numbers = {edge["node"]["loanNo"] for edge in told.json["data"]["loans"]["edges"]}
    assert numbers == {"A-1", "A-2"}


def test_the_books_verify_before_and_after_a_rebuild(cartera, book):
    assert cartera("verify", "--json").json == {"findings": []}

    rebuilt = cartera("rebuild", "--json")

    assert (rebuilt.code, rebuilt.json["stopped"]) == (0, [])
    assert cartera("verify").out == "replay, read models and journal agree\n"


def test_verify_ends_with_exit_code_1_where_a_read_model_differs(cartera, fresh_database, book):
    from ledger.database import connect

    cartera("import", "loans", book / "loans.csv")
    with connect(fresh_database, owner=True) as connection:
        connection.execute("UPDATE read.balances SET interest = interest + 1")

    told = cartera("verify", "--json")

    assert told.code == 1
    assert told.json["findings"]


def test_keys_are_issued_listed_and_revoked(cartera, book):
    issued = cartera("key", "create", "office", "--role", "operator", "--role", "auditor", "--json")
    [key] = [one for one in cartera("key", "list", "--json").json if one["name"] == "office"]

    assert issued.json["roles"] == sorted(key["roles"]) == ["auditor", "operator"]
    assert issued.json["token"] not in cartera("key", "list").out
    assert cartera("key", "revoke", key["id"]).code == 0
    again = cartera("key", "revoke", key["id"])
    assert (again.code, again.err) == (2, f"error id: no open key has the id {key['id']}\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["replay", "NONE-1"], "error loan: there is no loan NONE-1"),
        (["replay", "A-1", "--as-of", "2020-01-01"], "is before the loan was opened (2026-01-15)"),
        (["close", "--through", "2999-01-01"], "error on: 2999-01-01 is in the future"),
        (["key", "create", "x", "--role", "king"], "'king' is no role"),
        (["query", "{ loans }", "--vars", "[]"], "error vars: must be a JSON object"),
        (["query", "{ loans }", "--vars", "{"], "error vars: is not JSON"),
        (["query", "{ loans }", "--vars", "[" * 100_000], "error vars: is not JSON"),
        (["key", "create", " ", "--role", "operator"], "error name: must say who"),
        (["replay", "\udcff"], "error argument: holds bytes that are no text"),
        (["bench", "sprint"], "error name: 'sprint' is no benchmark"),
        (["import", "loans", "none.csv"], "error file: none.csv is no file"),
        (["import", "loans", "{book}/loans.csv", "--encoding", "ebcdic"], "error encoding: must"),
        (["import", "payments", "{book}/loans.csv"], "error date: the file has no such column"),
        (["close", "--through", "yesterday"], "Invalid value"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line_and_exit_code_2(cartera, book, arguments, told):
    answer = cartera(*(one.replace("{book}", str(book)) for one in arguments))

    assert answer.code == 2
    assert told in " ".join(answer.err.split())
    assert "Traceback" not in answer.err


def test_a_question_that_graphql_refuses_ends_with_exit_code_2(cartera, book):
    told = cartera("query", "{ nonsense }")

    assert told.code == 2
    assert told.json["errors"]
