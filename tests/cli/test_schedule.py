"""Terms in on stdin, their schedule out; or the field and the rule they break."""

import json
from datetime import date

import msgspec
import numpy_financial
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.schedule import schedule_of as _schedule
from cli.schedule import schedules_of

TERMS = {
    "currency": "MXN", "principal": "10000.00", "annual_rate": "36.00", "instalments": 3,
    "frequency": "monthly", "tax_rate": "16.00", "disbursed_on": "2026-01-15",
}  # fmt: skip


def given_terms(**changes):
    return json.dumps({**TERMS, **changes})


def test_a_schedule_is_printed_with_its_totals_and_amounts_as_text(cartera):
    told = cartera("schedule", stdin=given_terms())

    assert told.code == 0
    assert told.json == {
        "instalments": [
            {"n": 1, "due": "2026-02-15", "days": 31, "principal": "3225.30",
             "interest": "310.00", "tax": "49.60", "fees": "0.00", "total": "3584.90",
             "balance": "6774.70"},
            {"n": 2, "due": "2026-03-15", "days": 28, "principal": "3345.61",
             "interest": "189.69", "tax": "30.35", "fees": "0.00", "total": "3565.65",
             "balance": "3429.09"},
            {"n": 3, "due": "2026-04-15", "days": 31, "principal": "3429.09",
             "interest": "106.30", "tax": "17.01", "fees": "0.00", "total": "3552.40",
             "balance": "0.00"},
        ],
        "totals": {"principal": "10000.00", "interest": "605.99", "tax": "96.96",
                   "fees": "0.00", "total": "10702.95"},
        "cat": "42.6",
        "effective_rate": "42.58",
    }  # fmt: skip


@given(
    principal=st.integers(min_value=1_000_00, max_value=9_000_000_00),
    rate=st.integers(min_value=1, max_value=120),
    count=st.integers(min_value=1, max_value=120),
)
def test_the_instalment_is_the_one_of_numpy_financial(principal, rate, count):
    told = _schedule(
        given_terms(
            principal=f"{principal // 100}.{principal % 100:02d}", annual_rate=f"{rate}.00",
            instalments=count, interest="per_period", tax_rate="0.00",
        ).encode()
    )  # fmt: skip

    theirs = -numpy_financial.pmt(rate / 1200, count, principal / 100)
    if count > 1:
        assert abs(float(told["instalments"][0]["total"]) - theirs) <= 0.0051
    assert told["totals"]["principal"] == f"{principal // 100}.{principal % 100:02d}"


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"principal": 10000.0}, "principal", "must be text"),
        ({"principal": "0.00"}, "principal", "must be more than zero"),
        ({"instalments": 0}, "instalments", "must be between 1 and"),
        ({"instalments": 1_000_000}, "instalments", "must be between 1 and"),
        ({"annual_rate": "-1.00"}, "annual_rate", "must be between 0 and"),
        ({"first_due": "2026-01-15"}, "first_due", "must be after the disbursement"),
        ({"tranche": []}, "tranche", "is an unknown key"),
        ({"disbursed_on": None}, "disbursed_on", "is missing"),
        ({"frequency": "single", "instalments": 1}, "first_due", "needs its due date"),
        ({"disbursed_on": "9999-12-01"}, "instalments", "beyond the year 9999"),
        (
            {"every": 366, "frequency": "annual", "interest": "daily"},
            "instalments",
            "(1317600.56) does not cover its interest (1336780.00)",
        ),
        (
            {"instalment_multiple": "10000.01"},
            "instalment_multiple",
            "instalment_multiple 10000.01 must be between 0.01 and 10000.00",
        ),
        (
            {"method": "balloon", "balloon": "10000.00"},
            "balloon",
            "balloon 10000.00 must be between 0.01 and 9999.99",
        ),
        (
            {
                "method": "irregular",
                "instalments": 1,
                "irregular": [{"due": "2026-02-15", "principal": "9.50"}],
            },
            "irregular",
            "irregular rows repay 9.50 of 10000.00",
        ),
        ({"x" * 1000: 1}, "x" * 80, "is an unknown key"),
    ],
)
def test_impossible_terms_are_an_error_on_stdout_and_exit_code_2(cartera, changes, field, rule):
    told = cartera("schedule", stdin=given_terms(**changes))

    assert told.code == 2
    assert told.json["error"]["field"] == field
    assert rule in told.json["error"]["rule"]


@pytest.mark.parametrize("stdin", ["", "{", "[]", "7", "[" * 100_000, "\xff"])
def test_what_is_no_json_object_is_an_error_too(cartera, stdin):
    told = cartera("schedule", stdin=stdin)

    assert told.code == 2
    assert set(told.json["error"]) == {"field", "rule"}


def test_lines_are_answered_one_by_one_with_errors_in_their_place(cartera):
    lines = [given_terms(), "nonsense", given_terms(instalments=0), given_terms(instalments=1)]

    told = cartera("schedule", "--lines", stdin="\n".join(lines) + "\n")

    answers = [json.loads(line) for line in told.out.splitlines()]
    assert told.code == 1
    assert ["error" in answer for answer in answers] == [False, True, True, False]
    assert answers[2]["error"]["field"] == "instalments"
    assert len(answers[3]["instalments"]) == 1
    assert date.fromisoformat(answers[3]["instalments"][0]["due"]) == date(2026, 2, 15)


@pytest.mark.parametrize(
    ("stdin", "field"),
    [('{"principal": "1.00", ' + given_terms()[1:], "principal"),
     (given_terms(allocation={"walk": 1})[:-2] + ', "walk": 2}}', "walk")],
)  # fmt: skip
def test_a_key_that_stands_twice_is_an_error_and_not_the_last_one_taken(cartera, stdin, field):
    told = cartera("schedule", stdin=stdin)

    assert told.code == 2
    assert told.json == {"error": {"field": field, "rule": "stands twice"}}


def test_lines_worked_out_together_are_answered_as_each_alone():
    methods = ("equal_instalments", "equal_principal", "flat")
    lines = [
        given_terms(
            principal=f"{1_000 + 37 * n}.{n % 100:02d}", instalments=n % 13, tax_rate="16.00",
            method=methods[n % 3], interest=("daily", "per_period")[n % 2],
            down_payment_percent=("0.00", "10.00")[n % 5 == 0],
        )
        for n in range(120)
    ]  # fmt: skip
    lines[7], lines[50] = (
        "[",
        given_terms(charges=[{"on": "2026-01-15", "kind": "x", "amount": "1.00"}]),
    )
    requests = [line.encode() for line in lines]

    together = [msgspec.to_builtins(answer) for answer in schedules_of(requests)]

    assert together == [_schedule(request) for request in requests]
    assert sum("error" in answer for answer in together) == 1 + 10  # of 0 instalments


def test_lines_are_answered_wherever_a_block_of_them_ends(cartera, monkeypatch):
    lines = "\n".join([given_terms(instalments=n) for n in range(1, 6)] + ["", "nonsense"])
    whole = cartera("schedule", "--lines", stdin=lines).out

    monkeypatch.setattr("cli.schedule.BLOCK", 100)

    assert cartera("schedule", "--lines", stdin=lines).out == whole
    assert len(whole.splitlines()) == 6
