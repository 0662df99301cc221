"""The figures of the products' stories, worked out a second time from the plain formulas.

`tests/test_scenarios.py` holds the domain to what a story expects; here what it expects is held to
`tests/by_hand.py`, which shares nothing with the domain.
"""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from ledger.products import catalogue
from ledger.stories import read
from ledger.yaml_form import read_form
from tests.by_hand import (
    actual,
    cat,
    cents,
    interest,
    level,
    level_of,
    money,
    rate_per_period,
    rows,
    share,
    thirty_e,
)

SCENARIOS = Path(__file__).parent.parent / "scenarios"

BY_HAND = {}


def story(work):
    """``work`` answers the figures by day; its name is the story's."""
    BY_HAND[work.__name__] = work
    return work


def plain(rows_, *fields, **same):
    """The rows as a story writes them: due, principal, interest, tax; and what else is asked."""
    shown = ("n", "due", "principal", "interest", "tax", *fields)
    return [{name: row[name] for name in shown if name in row} | same for row in rows_]


def due_total(row):
    return row["principal"] + row["interest"] + row["tax"] + row.get("fees", 0)


def fixed(r):
    """Interest of a period is a fixed part of the balance."""
    return lambda place, balance: cents(balance * r)


def by_days(percent, dues, start, basis=360):
    """Interest of a period by its days."""
    begins = [start, *dues]
    return lambda place, balance: interest(
        balance, percent, actual(begins[place], begins[place + 1]), basis
    )


# ------------------------------------------------------------------------------------- consumer


def consumer_level(principal, percent, start, dues):
    """Level with tax, from the days as they are."""
    begins = [start, *dues]
    growth = [
        1 + Fraction(percent) / 100 * Fraction(actual(a, b), 360) * Fraction(116, 100)
        for a, b in zip(begins, dues, strict=False)
    ]
    asked = cents(level(principal, growth))
    bears = by_days(percent, dues, start)
    return asked, rows(principal, dues, lambda k, b, i, t: asked - i - t, bears, "16")


@story
def consumer_prepaid_lower_instalment():
    dues = ["2026-02-16", "2026-03-17", "2026-04-15", "2026-05-15", "2026-06-15", "2026-07-15"]
    asked, first = consumer_level(12_000_00, "24", "2026-01-15", dues)
    left = first[1]["balance"] - 3_000_00
    lower, rest = consumer_level(left, "24", "2026-03-17", dues[2:])
    for row in rest:
        row["n"] += 2
    rest[0]["principal"] += 3_000_00  # what is paid ahead stands on the next row
    assert (asked, lower < asked) == (2_166_88, True)
    return {
        "2026-01-15": {"days_past_due": 0, "balances": {"principal": 12_000_00, "interest": 0},
                       "schedule": plain(first)},
        "2026-03-17": {
            "days_past_due": 0, "next_due": "2026-04-15",
            "balances": {"principal": left, "interest": 0, "interest_tax": 0},
            "payments": [
                {"n": 2, "amount": asked + 3_000_00, "overpaid": 0,
                 "allocated": {"interest_tax": first[1]["tax"], "interest": first[1]["interest"],
                               "principal": first[1]["principal"] + 3_000_00}},
            ],
            "schedule": plain([*first[:2], *rest]),
        },
    }  # fmt: skip


@story
def consumer_suspended():
    dues = ["2026-02-16", "2026-03-17", "2026-04-15"]
    asked, plan = consumer_level(6_000_00, "36", "2026-01-15", dues)
    assert asked == 2_143_24
    owed = plan[0]["balance"]
    second, third = plan[1]["principal"], plan[2]["principal"]

    def owing(on):
        """What is owed before anything more is paid."""
        old = plan[1]["interest"]
        new = interest(owed, "36", actual("2026-03-17", on))
        late = [
            interest(second, "90", actual("2026-03-17", on)),
            interest(third, "90", actual("2026-04-15", on)),
        ]
        return {
            "principal": owed,
            "interest": old + new,
            "interest_tax": share(old, "16") + share(new, "16"),
            "late_interest": sum(late),
            "late_interest_tax": sum(share(one, "16") for one in late),
        }  # fmt: skip

    paid_late = interest(second, "90", 95)
    asked_for = plan[1]["principal"] + plan[1]["interest"] + plan[1]["tax"]
    asked_for += paid_late + share(paid_late, "16")
    new, late = interest(owed, "36", 95), interest(third, "90", 66)
    return {
        "2026-06-14": {"days_past_due": 89, "suspended": False, "stage": 2,
                       "balances": owing("2026-06-14")},
        "2026-06-15": {"days_past_due": 90, "suspended": True, "stage": 3,
                       "balances": owing("2026-06-15")},
        "2026-06-20": {
            "days_past_due": 66, "suspended": False, "stage": 2,
            "payments": [{"n": 2, "amount": asked_for}],
            "balances": {
                "principal": third, "interest": new, "interest_tax": share(new, "16"),
                "late_interest": late, "late_interest_tax": share(late, "16"),
            },
        },
    }  # fmt: skip


# ------------------------------------------------------------------------------------- personal


def personal(principal, percent, dues):
    """Level before tax, up to the peso; interest fixed by the month."""
    r = rate_per_period(percent, 12)
    asked = -(-level_of(principal, r, len(dues)) // 100) * 100
    return asked, rows(principal, dues, lambda k, b, i, t: asked - i, fixed(r), "16")


def months(year, month, count, of=15):
    return [f"{year + (month - 1 + k) // 12}-{(month - 1 + k) % 12 + 1:02d}-{of:02d}"
            for k in range(count)]  # fmt: skip


@story
def published_cat_personal():
    asked, plan = personal(20_000_00, "58", months(2020, 7, 12, 26))
    assert asked == 2_236_00
    equal = [(n, asked) for n in range(1, 13)]
    ours = [(row["n"], row["principal"] + row["interest"]) for row in plan]
    assert f"{cat(20_000_00 - 1_000_00, equal, 12):.1f}" == "95.7"
    assert f"{cat(20_000_00 - 1_000_00, ours, 12):.1f}" == "95.6"
    return {
        "2020-06-26": {"days_past_due": 0, "balances": {"principal": 20_000_00},
                       "schedule": plain(plan)},
        "2020-07-26": {"days_past_due": 0,
                       "balances": {"principal": plan[0]["balance"], "interest": 0}},
    }  # fmt: skip


@story
def personal_prepaid_shorter_term():
    asked, plan = personal(10_000_00, "36", months(2026, 2, 12))
    assert asked == 1_005_00
    balance, shorter, dues = plan[0]["balance"] - 2_000_00, [], months(2026, 3, 11)
    while balance:
        own = cents(balance * Fraction(3, 100))
        part = min(asked - own, balance)
        balance -= part
        shorter.append({"n": len(shorter) + 2, "due": dues[len(shorter)], "principal": part,
                        "interest": own, "tax": share(own, "16"), "balance": balance})  # fmt: skip
    assert len(shorter) == 9
    own_second = shorter[0]["principal"]
    shorter[0]["principal"] += 2_000_00
    return {
        "2026-02-15": {"days_past_due": 0, "balances": {"principal": 7_295_00, "interest": 0},
                       "schedule": plain([plan[0], *shorter])},
        "2026-03-15": {"days_past_due": 0,
                       "balances": {"principal": 7_295_00 - own_second, "interest": 0}},
    }  # fmt: skip


def three_missed():
    """What a personal loan of 10,000 owes on 20 May, only its first instalment paid."""
    _, plan = personal(10_000_00, "36", months(2026, 2, 12))
    running = cents(plan[4]["interest"] * Fraction(5, 31))
    parts = [*(row["interest"] for row in plan[1:4]), running]
    late = [interest(row["principal"], "72", thirty_e(row["due"], "2026-05-20"))
            for row in plan[1:4]]  # fmt: skip
    return plan, {
        "principal": plan[0]["balance"],
        "interest": sum(parts),
        "interest_tax": sum(share(part, "16") for part in parts),
        "late_interest": sum(late),
        "late_interest_tax": sum(share(part, "16") for part in late),
    }


@story
def personal_restructured_capitalised():
    _, owed = three_missed()
    added = sum(owed.values()) - owed["principal"]
    whole = owed["principal"] + added
    asked = -(-level_of(whole, Fraction(2, 100), 12) // 100) * 100
    dues, bears = months(2026, 6, 12, 20), fixed(Fraction(2, 100))
    new = rows(whole, dues, lambda k, b, i, t: asked - i, bears, "16", first=6)
    return {
        "2026-05-19": {"days_past_due": 65, "status": "active"},
        "2026-05-20": {
            "days_past_due": 0, "annual_rate": 24_00, "capitalised": added,
            "next_due": "2026-06-20",
            "balances": {"principal": whole, "interest": 0, "late_interest": 0, "total": whole},
            "schedule": plain(new),
        },
        "2026-06-20": {
            "days_past_due": 0,
            "balances": {"principal": whole, "interest": new[0]["interest"],
                         "interest_tax": new[0]["tax"]},
        },
    }  # fmt: skip


@story
def personal_charged_back():
    _, plan = personal(10_000_00, "36", months(2026, 2, 12))
    paid = due_total(plan[1])
    assert paid == 1_049_62
    third = plan[2] | {"principal": plan[2]["principal"] + paid}
    return {
        "2026-03-24": {"balances": {"principal": plan[1]["balance"]}, "days_past_due": 0},
        "2026-03-25": {
            "days_past_due": 0,
            "balances": {"principal": plan[1]["balance"] + paid},
            "payments": [{"n": 2, "amount": paid, "charged_back": paid}],
            "schedule": plain([plan[1], third, plan[3]]),
        },
    }


@story
def personal_sold():
    _, owed = three_missed()
    nothing = dict.fromkeys(owed, 0)
    return {
        "2026-05-19": {"days_past_due": 65, "balances": {"principal": owed["principal"]}},
        "2026-05-20": {"status": "closed", "closed_for": "sold", "days_past_due": 0,
                       "balances": nothing | {"total": 0}},
        "2026-05-21": {"status": "closed", "balances": nothing},
    }  # fmt: skip


# ---------------------------------------------------------- micro-credit, payday, payroll, store


@story
def micro_credit_holiday():
    start = "2026-03-02"
    dues = ["2026-03-09", "2026-03-17", "2026-03-23", "2026-03-30", "2026-04-06", "2026-04-13",
            "2026-04-20", "2026-04-27"]  # fmt: skip

    def growth(begin, ends):
        begins = [begin, *ends]
        return [
            1 + Fraction(80, 100) * Fraction(actual(a, b), 360)
            for a, b in zip(begins, ends, strict=False)
        ]

    asked = cents(level(5_000_00, growth(start, dues)))
    plan = rows(5_000_00, dues, lambda k, b, i, t: asked - i, by_days("80", dues, start), "16")
    first, second, third = plan[:3]
    # From 17 to 22 March the overdue principal bears interest as well.
    ran = Fraction(80, 100) * (first["balance"] * 5 + second["balance"] * 1) / 360
    third_interest = cents(ran)
    third_tax = share(third_interest, "16")
    left = third["balance"]
    later = ["2026-03-30", "2026-04-06", "2026-04-13", "2026-04-20", "2026-04-27", "2026-05-04",
             "2026-05-11"]  # fmt: skip
    level_after = cents(level(left, growth("2026-04-06", later[2:])))
    waiting = [interest(left, "80", 7), interest(left, "80", 7)]
    after = rows(left, later[2:], lambda k, b, i, t: level_after - i,
                 by_days("80", later[2:], "2026-04-06"), "16", first=6)  # fmt: skip
    after[0]["interest"] += sum(waiting)
    after[0]["tax"] += sum(share(one, "16") for one in waiting)
    none = [{"n": n, "due": later[n - 4], "principal": 0, "interest": 0, "tax": 0} for n in (4, 5)]
    return {
        "2026-03-02": {"days_past_due": 0, "schedule": plain(plan),
                       "balances": {"principal": 5_000_00}},
        "2026-03-20": {"days_past_due": 3, "balances": {"fee": 0, "principal": first["balance"]}},
        "2026-03-22": {
            "days_past_due": 0,
            "payments": [
                {"n": 1, "amount": due_total(first)},
                {"n": 2, "amount": due_total(second),
                 "allocated": {"fee_tax": 8_00, "fee": 50_00, "interest_tax": second["tax"],
                               "interest": second["interest"],
                               "principal": second["principal"] - 58_00}},
                {"n": 3, "amount": 58_00, "type": "goodwill_credit",
                 "allocated": {"principal": 58_00}},
            ],
            "balances": {"principal": second["balance"], "fee": 0,
                         "interest": interest(first["balance"], "80", 5)},
        },
        "2026-03-23": {
            "days_past_due": 0, "next_due": "2026-03-30",
            "payments": [{"n": 4, "amount": third["principal"] + third_interest + third_tax}],
            "balances": {"principal": left, "interest": 0},
            "schedule": plain([*none, *after]),
        },
        "2026-04-06": {  # nothing fell due in the two weeks; their interest waits
            "days_past_due": 0,
            "balances": {"principal": left, "interest": sum(waiting)},
        },
    }  # fmt: skip


@story
def published_cat_payday():
    own = interest(3_000_00, "200.84", 15)
    assert own == 251_05
    assert f"{100 * ((3_251_05 / 3_000_00) ** (365 / 15) - 1):.1f}" == "606.8"
    tax, fee, fee_tax = share(own, "16"), 150_00, 24_00
    return {
        "2024-09-10": {"balances": {"principal": 3_000_00}, "days_past_due": 0,
                       "schedule": [{"n": 1, "due": "2024-09-25", "principal": 3_000_00,
                                     "interest": own, "tax": tax}]},
        "2024-09-25": {"days_past_due": 0,
                       "balances": {"principal": 3_000_00, "interest": own, "fee": 0}},
        "2024-09-29": {"days_past_due": 4, "status": "active",
                       "balances": {"principal": 3_000_00, "interest": own, "interest_tax": tax,
                                    "fee": fee, "fee_tax": fee_tax,
                                    "total": 3_000_00 + own + tax + fee + fee_tax}},
        "2024-09-30": {"status": "closed", "closed_for": "paid", "days_past_due": 0,
                       "balances": {"total": 0}},
    }  # fmt: skip


@story
def payroll_retained():
    dues = ["2026-01-15", "2026-01-30", "2026-02-13", "2026-02-27", "2026-03-13", "2026-03-31"]
    r = rate_per_period("36", 24)
    asked = cents(level_of(10_000_00, r, 6))
    plan = rows(10_000_00, dues, lambda k, b, i, t: asked - i, fixed(r), "16")
    assert asked == 1_755_25
    early, twice = due_total(plan[1]), due_total(plan[2])
    assert (early, twice) == (1_775_40, 1_771_49)
    earned = cents(plan[1]["interest"] * Fraction(13, 15))
    return {
        "2026-01-02": {"days_past_due": 0, "balances": {"principal": 10_000_00},
                       "schedule": plain(plan)},
        "2026-01-28": {"overpaid": early, "days_past_due": 0,
                       "balances": {"principal": plan[0]["balance"], "interest": earned}},
        "2026-01-30": {"overpaid": 0, "days_past_due": 0,
                       "balances": {"principal": plan[1]["balance"], "interest": 0},
                       "schedule": [{"n": 2, "paid": early, "paid_in_advance": early}]},
        "2026-02-13": {"overpaid": twice, "days_past_due": 0,
                       "balances": {"principal": plan[2]["balance"], "interest": 0}},
        "2026-02-16": {"overpaid": 0, "next_due": "2026-02-27",
                       "balances": {"principal": plan[2]["balance"]}},
    }  # fmt: skip


@story
def purchase_in_instalments():
    dues = ["2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01", "2026-07-01"]
    plan = [{"n": n + 1, "due": due, "principal": 1_000_00, "interest": 0, "tax": 0}
            for n, due in enumerate(dues)]  # fmt: skip
    return {
        "2026-03-01": {"days_past_due": 0, "balances": {"principal": 4_000_00},
                       "schedule": plain(plan)},
        "2026-04-20": {"balances": {"principal": 2_200_00}, "days_past_due": 0,
                       "payments": [{"n": 3, "type": "merchant_refund", "amount": 800_00,
                                     "allocated": {"principal": 800_00}}],
                       "schedule": [{"n": 3, "paid": 800_00, "paid_in_advance": 800_00}]},
        "2026-06-04": {"days_past_due": 3, "balances": {"principal": 2_000_00, "fee": 0}},
        "2026-06-05": {"days_past_due": 4,
                       "balances": {"principal": 2_000_00, "fee": 120_00, "fee_tax": 19_20}},
        "2026-06-08": {"days_past_due": 0, "next_due": "2026-07-01",
                       "balances": {"principal": 1_000_00, "fee": 0, "total": 1_000_00}},
    }  # fmt: skip


# -------------------------------------------------------------------------- cars, homes, leases


@story
def published_balloon():
    r = rate_per_period("6", 12)
    asked = cents(level_of(500_000_00, r, 60, 380_045_82))
    plan = rows(500_000_00, months(2009, 11, 60), lambda k, b, i, t: asked - i, fixed(r))
    published = {1: (2_500_00, 1_719_28), 2: (2_491_40, 1_727_88), 12: (2_403_04, 1_816_24),
                 28: (2_252_16, 1_967_12), 29: (2_242_33, 1_976_95)}  # fmt: skip
    assert asked == 4_219_28
    assert {n: (plan[n - 1]["interest"], plan[n - 1]["principal"]) for n in published} == published
    assert plan[-1]["principal"] + plan[-1]["interest"] == 384_265_10
    return {
        "2009-10-15": {"balances": {"principal": 500_000_00}, "days_past_due": 0,
                       "schedule": plain([plan[n - 1] for n in (*published, 60)])},
        "2009-11-15": {"balances": {"principal": plan[0]["balance"], "interest": 0}},
    }  # fmt: skip


def days_of(year, month, count, of=20):
    return months(year, month, count, of)


def car(insurance):
    """A car with down payment, balloon and, where it is insured, a charge of each period."""
    tax = share(insurance, "16")
    r, dues = rate_per_period("18", 12), days_of(2026, 2, 24)
    asked = cents(level_of(240_000_00, r, 24, 90_000_00))
    plan = rows(240_000_00, dues, lambda k, b, i, t: asked - i, fixed(r), "16", first=2)
    shown = [row | {"fees": insurance, "tax": row["tax"] + tax} for row in plan]
    down = {"n": 1, "due": "2026-01-20", "principal": 60_000_00, "interest": 0, "tax": 0}
    earned = cents(plan[2]["interest"] * Fraction(16, 31))
    claim = {"fee_tax": tax, "fee": insurance, "interest_tax": share(earned, "16"),
             "interest": earned, "principal": plan[1]["balance"]}  # fmt: skip
    return {
        "2026-01-20": {"balances": {"principal": 240_000_00, "fee": insurance},
                       "days_past_due": 0,
                       "schedule": plain([down, shown[0], shown[1], shown[-1]], "fees")},
        "2026-03-20": {
            "days_past_due": 0,
            "payments": [{"n": 2, "amount": due_total(shown[0])},
                         {"n": 3, "amount": due_total(shown[1])}],
            "balances": {"principal": plan[1]["balance"], "interest": 0, "fee": insurance},
        },
        "2026-04-05": {
            "status": "closed", "closed_for": "insured",
            "payments": [{"n": 4, "amount": sum(claim.values()), "type": "insurance_claim",
                          "allocated": claim}],
            "balances": {"total": 0},
        },
    }  # fmt: skip


@story
def auto_claim_at_death():
    return car(insurance=0)


@story
def auto_balloon():
    return car(insurance=850_00)


@story
def auto_insured():
    r, dues = rate_per_period("18", 12), days_of(2026, 2, 24)
    asked = cents(level_of(240_000_00, r, 24))
    plan = rows(240_000_00, dues, lambda k, b, i, t: asked - i, fixed(r), "16")
    for row in plan:
        row["fees"] = 850_00
        row["tax"] += 136_00
    assert asked == 11_981_78
    return {
        "2026-01-20": {"balances": {"principal": 240_000_00, "fee": 850_00}, "days_past_due": 0,
                       "schedule": plain([plan[0], plan[1], plan[-1]], "fees")},
        "2026-02-20": {"days_past_due": 0, "payments": [{"n": 1, "amount": due_total(plan[0])}],
                       "balances": {"principal": plan[0]["balance"], "interest": 0,
                                    "fee": 850_00, "fee_tax": 136_00}},
    }  # fmt: skip


@story
def auto_lower_instalment():
    r, dues = rate_per_period("18", 12), days_of(2026, 2, 12)
    asked = cents(level_of(240_000_00, r, 12))
    plan = rows(240_000_00, dues, lambda k, b, i, t: asked - i, fixed(r), "16", first=2)
    left = plan[0]["balance"] - 30_000_00
    lower = cents(level_of(left, r, 11))
    rest = rows(left, dues[1:], lambda k, b, i, t: lower - i, fixed(r), "16", first=3)
    rest[0] |= {"principal": rest[0]["principal"] + 30_000_00, "tax": rest[0]["tax"] + 48_00,
                "fees": 300_00}  # fmt: skip
    paid = due_total(plan[0]) + 30_348_00
    return {
        "2026-02-20": {
            "days_past_due": 0,
            "payments": [{"n": 2, "amount": paid, "overpaid": 0,
                          "allocated": {"fee": 300_00, "fee_tax": 48_00,
                                        "interest": plan[0]["interest"],
                                        "interest_tax": plan[0]["tax"],
                                        "principal": plan[0]["principal"] + 30_000_00}}],
            "balances": {"principal": left, "interest": 0, "fee": 0},
            "schedule": plain([plan[0], *rest], "fees"),
        },
    }  # fmt: skip


@story
def published_mortgage():
    r = rate_per_period("6.5", 12)
    asked = cents(level_of(300_000_00, r, 360))
    plan = rows(300_000_00, months(2026, 2, 360), lambda k, b, i, t: asked - i, fixed(r))
    assert asked == 1_896_20
    paid = sum(map(due_total, plan))
    assert abs(paid - 682_633_00) < 5_00
    return {
        "2026-01-15": {"balances": {"principal": 300_000_00}, "days_past_due": 0,
                       "schedule": plain([plan[n - 1] for n in (1, 2, 180, 360)], "balance")},
        "2026-02-15": {"balances": {"principal": plan[0]["balance"], "interest": 0}},
    }  # fmt: skip


@story
def mortgage_accelerated():
    r = rate_per_period("10.5", 12)
    asked = cents(level_of(1_500_000_00, r, 240))
    plan = rows(1_500_000_00, months(2026, 2, 240), lambda k, b, i, t: asked - i, fixed(r))
    before = 1_500_000_00
    for row in plan:
        row["fees"] = share(before, "0.03") + share(1_500_000_00, "0.015")
        before = row["balance"]
    owed = plan[0]["balance"]
    overdue = plan[1:4]
    # Life insurance is of what is outstanding, overdue principal too, less what falls due that day.
    fees = sum(share(owed - row["principal"], "0.03") + 225_00 for row in overdue)
    fees += share(owed, "0.03") + 225_00
    running = cents(plan[4]["interest"] * Fraction(5, 31))
    late = [interest(row["principal"], "18", thirty_e(row["due"], "2026-05-20"))
            for row in overdue]  # fmt: skip
    return {
        "2026-01-15": {"days_past_due": 0, "balances": {"principal": 1_500_000_00, "fee": 675_00},
                       "schedule": plain([plan[n - 1] for n in (1, 2, 120, 240)], "fees")},
        "2026-02-15": {"days_past_due": 0, "payments": [{"n": 1, "amount": due_total(plan[0])}],
                       "balances": {"principal": owed, "interest": 0}},
        "2026-05-20": {
            "days_past_due": 66, "next_due": None,
            "balances": {
                "principal": owed,
                "interest": sum(row["interest"] for row in overdue) + running,
                "fee": fees, "late_interest": sum(late),
            },
            "schedule": [{"n": 5, "due": "2026-05-20", "principal": plan[3]["balance"],
                          "interest": running}],
        },
    }  # fmt: skip


@story
def mortgage_stepped_rate():
    dues = months(2026, 2, 60)
    low, high = rate_per_period("9", 12), rate_per_period("11", 12)
    asked = cents(level_of(800_000_00, low, 60))
    plan = rows(800_000_00, dues, lambda k, b, i, t: asked - i, fixed(low))[:12]
    more = cents(level_of(plan[-1]["balance"], high, 48))
    plan += rows(plan[-1]["balance"], dues[12:], lambda k, b, i, t: more - i, fixed(high), first=13)
    assert (asked, more > asked) == (16_606_68, True)
    return {
        "2026-01-15": {"balances": {"principal": 800_000_00}, "days_past_due": 0,
                       "schedule": plain([plan[n - 1] for n in (1, 2, 12, 13, 60)], "balance")},
        "2026-02-15": {"balances": {"principal": plan[0]["balance"], "interest": 0},
                       "annual_rate": 9_00},
    }  # fmt: skip


@story
def mortgage_udi():
    r = rate_per_period("6", 12)
    asked = cents(level_of(400_000_00, r, 240))
    plan = rows(400_000_00, months(2026, 2, 240), lambda k, b, i, t: asked - i, fixed(r))
    assert asked == 2_865_72
    return {
        "2026-01-15": {"balances": {"principal": 400_000_00}, "days_past_due": 0,
                       "schedule": plain([plan[n - 1] for n in (1, 2, 120, 240)], "balance")},
        "2026-02-15": {"balances": {"principal": plan[0]["balance"], "interest": 0},
                       "days_past_due": 0},
    }  # fmt: skip


@story
def financial_lease_equal_principal():
    plan = rows(480_000_00, months(2026, 2, 12), lambda k, b, i, t: 40_000_00,
                fixed(rate_per_period("18", 12)), "16")  # fmt: skip
    for row in plan:
        row["fees"] = 0
        row["tax"] += 6_400_00
        assert row["tax"] == share(row["principal"] + row["interest"], "16")
    plan[-1]["fees"] += 4_800_00
    plan[-1]["tax"] += 768_00
    assert due_total(plan[0]) == 54_752_00
    return {
        "2026-01-15": {"balances": {"principal": 480_000_00}, "days_past_due": 0,
                       "schedule": plain(plan, "fees")},
        "2026-02-15": {"balances": {"principal": 440_000_00, "interest": 0},
                       "schedule": [{"n": 1, "paid": 54_752_00}], "days_past_due": 0},
    }  # fmt: skip


@story
def financial_lease_level_rent():
    r = rate_per_period("18", 12)
    rent = cents(level_of(480_000_00, r, 12, 48_000_00))
    plan = rows(480_000_00, months(2026, 2, 12), lambda k, b, i, t: rent - i, fixed(r), "16")
    for row in plan:
        row["fees"] = 0
        row["tax"] += share(row["principal"], "16")
        assert row is plan[-1] or abs(row["tax"] - share(rent, "16")) <= 1
    assert abs(due_total(plan[-1]) - (rent + 48_000_00) * Fraction(116, 100)) < 10
    return {
        "2026-01-15": {"balances": {"principal": 480_000_00}, "days_past_due": 0,
                       "schedule": plain(plan, "fees")},
        "2026-02-15": {"balances": {"principal": plan[0]["balance"], "interest": 0},
                       "payments": [{"n": 1, "amount": due_total(plan[0])}], "days_past_due": 0},
    }  # fmt: skip


@story
def pure_lease():
    return {
        "2026-01-15": {
            "days_past_due": 0,
            "balances": {"principal": 1_00, "interest": 0, "fee": 8_500_00, "fee_tax": 1_360_00},
            "schedule": [
                {"n": 1, "due": "2026-02-15", "principal": 0, "interest": 0, "fees": 8_500_00,
                 "tax": 1_360_00, "total": 9_860_00},
                {"n": 12, "due": "2027-01-15", "principal": 1_00, "interest": 0,
                 "fees": 8_500_00, "tax": 1_360_00, "total": 9_861_00},
            ],
        },
        "2026-03-21": {"days_past_due": 6, "balances": {"fee": 17_500_00, "fee_tax": 2_800_00}},
        "2026-03-23": {"days_past_due": 0, "next_due": "2026-04-15",
                       "balances": {"fee": 8_500_00, "fee_tax": 1_360_00, "principal": 1_00}},
    }  # fmt: skip


# ----------------------------------------------------------------- factoring, lines, farm, floor


@story
def factoring_reserve():
    return {
        "2026-02-02": {"days_past_due": 0,
                       "balances": {"principal": 80_000_00, "interest": 0, "fee": 0},
                       "schedule": [{"n": 1, "due": "2026-04-03", "principal": 80_000_00,
                                     "interest": 0, "tax": 0}]},
        "2026-04-03": {"status": "closed", "closed_for": "paid", "overpaid": 20_000_00,
                       "balances": {"total": 0}},
        "2026-04-06": {"overpaid": 0, "status": "closed", "balances": {"total": 0}},
    }  # fmt: skip


@story
def factoring_recourse():
    own, late = interest(80_000_00, "24", 14), interest(80_000_00, "48", 14)
    return {
        "2026-04-17": {"days_past_due": 14,
                       "balances": {"principal": 80_000_00, "interest": own,
                                    "interest_tax": share(own, "16"), "late_interest": late,
                                    "late_interest_tax": share(late, "16")}},
        "2026-04-18": {
            "status": "closed", "closed_for": "paid", "overpaid": 0,
            "payments": [{"n": 1, "amount": 82_784_00,
                          "allocated": {"principal": 80_000_00, "interest": 800_00,
                                        "interest_tax": 128_00, "late_interest": 1_600_00,
                                        "late_interest_tax": 256_00}}],
            "balances": {"total": 0},
        },
    }  # fmt: skip


@story
def revolving_line():
    first = cents(Fraction(30, 100) * (20_000_00 * 15 + 30_000_00 * 16) / 360)
    second = cents(Fraction(30, 100) * (28_500_00 * 10 + 36_500_00 * 18) / 360)
    assert (first, second) == (650_00, 785_00)
    return {
        "2026-01-25": {"days_past_due": 0, "balances": {"principal": 30_000_00},
                       "schedule": [{"n": 1, "due": "2026-02-10", "principal": 1_500_00,
                                     "interest": first, "tax": share(first, "16")}]},
        "2026-02-10": {"days_past_due": 0,
                       "balances": {"principal": 28_500_00, "interest": 0}},
        "2026-02-21": {"days_past_due": 0, "next_due": "2026-03-10",
                       "balances": {"principal": 36_500_00},
                       "schedule": [{"n": 2, "due": "2026-03-10", "principal": 1_825_00,
                                     "interest": second, "tax": share(second, "16")}]},
        "2026-03-10": {"days_past_due": 0, "next_due": "2026-04-10",
                       "balances": {"principal": 34_675_00, "interest": 0}},
    }  # fmt: skip


@story
def revolving_repaid():
    interest_due = cents(Fraction(30, 100) * (23_500_00 * 10 + 31_500_00 * 18) / 360)
    assert interest_due == 668_33
    return {
        "2026-03-10": {"balances": {"principal": 31_500_00, "interest": interest_due},
                       "schedule": [{"n": 2, "due": "2026-03-10", "interest": interest_due,
                                     "tax": share(interest_due, "16")}]},
    }  # fmt: skip


@story
def private_credit_card():
    first = cents(Fraction(60, 100) * (3_000_00 * 5 + 4_200_00 * 15 + 3_000_00 * 11) / 360)
    assert first == 185_00
    left = 2_750_00
    night, in_time, after = (interest(left, "60", days) for days in (1, 28, 3))
    return {
        "2026-01-25": {"days_past_due": 0, "balances": {"principal": 3_000_00},
                       "payments": [{"n": 1, "type": "merchant_refund", "amount": 1_200_00,
                                     "overpaid": 0}]},
        "2026-02-05": {"days_past_due": 0, "balances": {"principal": left, "interest": 0},
                       "payments": [{"n": 2, "amount": 250_00}]},
        "2026-02-06": {"days_past_due": 0,
                       "balances": {"principal": left, "interest": first + night,
                                    "interest_tax": share(first, "16") + share(night, "16")}},
        "2026-03-08": {
            "days_past_due": 3,
            "balances": {"principal": left, "interest": first + in_time + after,
                         "interest_tax": sum(share(part, "16")
                                             for part in (first, in_time, after)),
                         "fee": 200_00, "fee_tax": 32_00},
        },
    }  # fmt: skip


@story
def private_credit_card_paid_whole():
    second, night = interest(1_000_00, "60", 28), interest(1_000_00, "60", 1)
    assert second == 46_67
    return {
        "2026-02-18": {"balances": {"principal": 4_000_00, "interest": 0, "total": 4_000_00},
                       "days_past_due": 0},
        "2026-02-20": {"balances": {"principal": 1_000_00, "interest": 0}, "days_past_due": 0},
        "2026-03-20": {"balances": {"principal": 1_000_00, "interest": 0}},
        "2026-03-21": {"balances": {"principal": 1_000_00, "interest": second + night,
                                    "interest_tax": share(second, "16") + share(night, "16")}},
    }  # fmt: skip


@story
def card_paid_on_its_due_date():
    return {"2026-02-20": {"days_past_due": 0, "overpaid": 0,
                           "balances": {"principal": 0, "interest": 0, "total": 0}}}  # fmt: skip


@story
def agro_tranches():
    ran = cents(Fraction(15, 100) * (120_000_00 * 91 + 220_000_00 * 62 + 300_000_00 * 105) / 360)
    assert ran == 23_358_33
    since = interest(300_000_00, "15", 26)
    return {
        "2026-09-01": {
            "days_past_due": 0, "balances": {"principal": 300_000_00},
            "schedule": [
                {"n": 1, "due": "2026-12-15", "principal": 180_000_00, "interest": ran},
                {"n": 2, "due": "2027-02-15", "principal": 120_000_00,
                 "interest": interest(120_000_00, "15", 62)},
            ],
        },
        "2027-01-05": {"days_past_due": 0, "stage": 1,
                       "balances": {"principal": 300_000_00, "late_interest": 0}},
        "2027-01-10": {
            "days_past_due": 0, "next_due": "2027-02-15",
            "balances": {"principal": 120_000_00, "interest": since, "late_interest": 0},
        },
        "2027-02-15": {  # 120,000.00 for the 36 days that are left
            "balances": {"interest": cents(
                Fraction(15, 100) * (300_000_00 * 26 + 120_000_00 * 36) / 360
            )},
        },
    }  # fmt: skip


@story
def fira_floating_seasonal():
    dues = ["2026-05-15", "2026-06-15", "2026-10-15", "2026-11-17", "2026-12-15", "2027-01-15"]
    rates = ["14.5", "14.25", "14", "13.75", "13.75", "13.75"]
    begins = ["2026-04-15", *dues]
    plan = rows(
        300_000_00, dues, lambda k, b, i, t: 50_000_00,
        lambda k, b: interest(b, rates[k], actual(begins[k], begins[k + 1])),
    )  # fmt: skip
    return {
        "2026-04-15": {"annual_rate": 14_50, "days_past_due": 0,
                       "balances": {"principal": 300_000_00}},
        "2026-05-15": {"annual_rate": 14_25, "days_past_due": 0,
                       "balances": {"principal": 250_000_00, "interest": 0}},
        "2026-10-15": {"annual_rate": 13_75, "days_past_due": 0, "next_due": "2026-11-17",
                       "balances": {"principal": 150_000_00, "interest": 0},
                       "schedule": plain(plan)},
    }  # fmt: skip


@story
def fira_grace_capitalised():
    first = interest(200_000_00, "15", 90)
    second = interest(200_000_00 + first, "15", 91)
    whole = 200_000_00 + first + second
    dues = ["2026-10-15", "2027-01-15", "2027-04-15", "2027-07-15"]
    part = cents(Fraction(whole, 4))
    plan = [
        {"n": 1, "due": "2026-04-15", "principal": -first, "interest": first, "tax": 0},
        {"n": 2, "due": "2026-07-15", "principal": -second, "interest": second, "tax": 0},
        *rows(whole, dues, lambda k, b, i, t: part, by_days("15", dues, "2026-07-15"), first=3),
    ]
    return {
        "2026-01-15": {"balances": {"principal": 200_000_00}, "days_past_due": 0,
                       "schedule": plain(plan)},
        "2026-04-15": {"balances": {"principal": 200_000_00 + first, "interest": 0},
                       "capitalised": first},
        "2026-07-15": {"balances": {"principal": whole, "interest": 0}, "days_past_due": 0,
                       "capitalised": first + second},
    }  # fmt: skip


@story
def floor_plan_unit():
    first, second = interest(400_000_00, "16", 90), interest(360_000_00, "16", 15)
    assert (first, second) == (16_000_00, 2_400_00)
    return {
        "2026-03-02": {
            "days_past_due": 0, "balances": {"principal": 400_000_00},
            "schedule": [
                {"n": 1, "due": "2026-05-31", "principal": 40_000_00, "interest": first,
                 "tax": 2_560_00},
                {"n": 2, "due": "2026-06-30", "principal": 40_000_00, "interest": 4_800_00,
                 "tax": 768_00},
                {"n": 3, "due": "2026-08-29", "principal": 320_000_00,
                 "interest": interest(320_000_00, "16", 60)},
            ],
        },
        "2026-05-31": {"balances": {"principal": 360_000_00, "interest": 0}, "days_past_due": 0},
        "2026-06-15": {
            "status": "closed", "closed_for": "paid", "overpaid": 0,
            "payments": [{"n": 2, "amount": 362_784_00,
                          "allocated": {"principal": 360_000_00, "interest": second,
                                        "interest_tax": 384_00}}],
            "balances": {"total": 0},
        },
    }  # fmt: skip


# ----------------------------------------------------------------------------- members of groups


@story
def group_member():
    own = cents(Fraction(10_000_00 * 60, 100 * 52))
    tax = share(own, "16")
    assert 625_00 + own + tax == 758_84
    return {
        "2026-03-02": {"days_past_due": 0, "balances": {"principal": 10_000_00},
                       "schedule": [{"n": n, "due": due, "principal": 625_00, "interest": own,
                                     "tax": tax} for n, due in
                                    ((1, "2026-03-09"), (2, "2026-03-16"), (16, "2026-06-22"))]},
        "2026-03-26": {"days_past_due": 3, "balances": {"fee": 0, "principal": 8_750_00}},
        "2026-03-27": {"days_past_due": 0, "next_due": "2026-03-30",
                       "payments": [{"n": 3, "amount": 793_64,
                                     "allocated": {"fee": 30_00, "fee_tax": 4_80,
                                                   "interest": own, "interest_tax": tax,
                                                   "principal": 625_00}}],
                       "balances": {"principal": 8_125_00, "fee": 0}},
    }  # fmt: skip


@story
def communal_member():
    dues = ["2026-03-16", "2026-03-30", "2026-04-13", "2026-04-27", "2026-05-11", "2026-05-25",
            "2026-06-08", "2026-06-22"]  # fmt: skip
    asked = cents(level_of(8_000_00, Fraction(2, 100) * Fraction(116, 100), 8))
    plan = rows(8_000_00, dues, lambda k, b, i, t: asked - i - t, fixed(Fraction(2, 100)), "16")
    assert abs(due_total(plan[-1]) - asked) <= 4  # half a cent a row: nothing to level
    return {
        "2026-03-02": {"days_past_due": 0, "balances": {"principal": 8_000_00},
                       "schedule": plain(plan)},
        "2026-03-16": {"days_past_due": 0, "payments": [{"n": 1, "amount": due_total(plan[0])}],
                       "balances": {"principal": plan[0]["balance"], "interest": 0}},
    }  # fmt: skip


@story
def solidarity_paused_rescheduled():
    dues = ["2026-03-09", "2026-03-16", "2026-03-23", "2026-03-30", "2026-04-06", "2026-04-13",
            "2026-04-20", "2026-04-27"]  # fmt: skip
    asked = cents(level_of(6_000_00, Fraction(60, 5200), 8))
    plan = rows(6_000_00, dues, lambda k, b, i, t: asked - i, by_days("60", dues, "2026-03-02"),
                "16")  # fmt: skip
    left = plan[1]["balance"]
    free = [{"n": n, "due": dues[n - 1], "principal": asked, "interest": 0, "tax": 0}
            for n in (3, 4)]  # fmt: skip
    rest = left - 2 * asked
    later = ["2026-05-04", "2026-05-18", "2026-06-01"]
    again = cents(level_of(rest, Fraction(60, 2600), 3))
    after = rows(rest, later, lambda k, b, i, t: again - i, by_days("60", later, "2026-03-30"),
                 "16", first=5)  # fmt: skip
    return {
        "2026-03-02": {"days_past_due": 0, "schedule": plain(plan),
                       "balances": {"principal": 6_000_00}},
        "2026-03-16": {"days_past_due": 0, "payments": [{"n": 1, "amount": due_total(plan[0])},
                                                        {"n": 2, "amount": due_total(plan[1])}],
                       "balances": {"principal": left, "interest": 0}},
        "2026-03-30": {
            "days_past_due": 0,
            "payments": [{"n": 3, "amount": asked}, {"n": 4, "amount": asked}],
            "balances": {"principal": rest, "interest": 0},
            "schedule": plain([*free, *after]),
        },
        "2026-05-04": {"balances": {"principal": rest, "interest": after[0]["interest"]}},
    }  # fmt: skip


# ------------------------------------------------------------------------------ what is held equal

AS_TEXT = ("due", "status", "next_due", "closed_for", "type")
AS_IT_IS = ("n", "stage", "days_past_due", "suspended")


def told(name, figure):
    """A figure as a story writes it."""
    if isinstance(figure, dict):
        return {key: told(key, part) for key, part in figure.items()}
    if isinstance(figure, list):
        return [told(name, part) for part in figure]
    if figure is None:
        return "none"
    return figure if name in AS_TEXT or name in AS_IT_IS else money(figure)


def written(name):
    """The figures that a story expects, by day, without the journal."""
    form = json.loads(json.dumps(read_form(SCENARIOS / f"{name}.yaml"), default=str))
    return {
        row.pop("day"): {key: figure for key, figure in row.items() if key != "journal"}
        for row in form["expect"]
    }


@pytest.mark.parametrize("name", BY_HAND)
def test_every_figure_of_a_story_is_the_one_worked_out_by_hand(name):
    assert written(name) == told("", BY_HAND[name]())


def test_every_product_has_a_story():
    told_of = {read(path).product for path in SCENARIOS.glob("*.yaml")}

    assert set(catalogue()) - told_of == set()
