"""Writes the demo's book: `demo_loans.csv` and `demo_payments.csv`, the same bytes every time.

A Mexican lender's portfolio on 31 January 2026, the loans it grants until May, and what the bank
reports until the end of June. References stand for people; nobody real is in it.
"""

import csv
import random
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from domain import commands
from domain.fold import apply, replay
from domain.loan import Loan, Status
from domain.schedule import schedule
from domain.views import as_of
from ledger.money import text
from ledger.tape_format import Cartera

HERE = Path(__file__).parent
SEED = 20260131
TRUE_AT = date(2026, 1, 31)
UNTIL = date(2026, 6, 30)


class Product(NamedTuple):
    """What a kind of loan looks like; amounts in pesos, rates in percent."""

    name: str
    count: int
    lent: tuple[int, int, int]
    rates: tuple[str, ...]
    instalments: tuple[int, ...]
    frequency: str
    method: str = "equal_instalments"
    day_count: str = "actual/360"
    interest: str = "daily"
    late: int = 2
    taxed: bool = True


PRODUCTS = (
    Product("personal", 90, (8_000, 80_000, 500), ("36.00", "42.00", "54.00"), (12, 18, 24),
            "monthly"),
    Product("nomina", 70, (6_000, 60_000, 500), ("30.00", "34.00"), (24, 36, 48), "semi_monthly"),
    Product("microcredito", 60, (3_000, 15_000, 500), ("72.00", "84.00"), (16, 26, 40), "weekly"),
    Product("tienda", 35, (2_000, 14_000, 250), ("48.00",), (13, 26), "fortnightly", "flat",
            "30/360", "per_period"),
    Product("auto", 25, (120_000, 350_000, 5_000), ("16.90", "19.50"), (36, 48, 60), "monthly"),
    Product("pyme", 14, (150_000, 900_000, 10_000), ("27.00", "31.00"), (12, 24, 36), "monthly",
            "equal_principal"),
    Product("hipotecario", 6, (600_000, 2_400_000, 50_000), ("10.75", "11.40"), (120, 180),
            "monthly", day_count="30/360", taxed=False),
)  # fmt: skip
BRANCHES = {"CDMX": "16.00", "GDL": "16.00", "MTY": "16.00", "PUE": "16.00", "MID": "16.00",
            "TIJ": "8.00"}  # fmt: skip
STEP = {"weekly": 7, "fortnightly": 14, "semi_monthly": 15, "monthly": 30}
HABITS = (
    ("punctual",) * 70
    + ("late",) * 12
    + ("partial",) * 6
    + ("stops",) * 6
    + ("prepays",) * 3
    + ("pays off",) * 3
)
CHANNELS = ("SPEI",) * 6 + ("OXXO",) * 3 + ("ventanilla",)
COLUMNS = (
    "loan_no", "borrower", "product", "branch", "officer", "currency", "principal", "annual_rate",
    "instalments", "frequency", "method", "day_count", "interest", "tax_rate", "late_rate",
    "late_grace_days", "disbursed_on", "as_of", "principal_balance", "late_interest_balance",
    "late_interest_tax_balance",
)  # fmt: skip
PAYMENT_COLUMNS = ("date", "reference", "amount", "channel", "transaction_id")

Row = dict[str, Any]


def loans(chance: random.Random) -> list[Row]:
    """The tape: running loans and, for some products, new ones."""
    rows = []
    for product in PRODUCTS:
        for _ in range(product.count):
            rows.append(_loan(chance, product, len(rows) + 1))
    return rows


def _loan(chance: random.Random, product: Product, number: int) -> Row:
    branch = chance.choice(tuple(BRANCHES))
    rate = chance.choice(product.rates)
    instalments = chance.choice(product.instalments)
    row: Row = {
        "loan_no": f"{branch}-{number:05d}",
        "borrower": f"A-{chance.randrange(100_000, 999_999)}",
        "product": product.name,
        "branch": branch,
        "officer": f"{branch}-{chance.randrange(1, 4)}",
        "currency": "MXN",
        "principal": f"{chance.randrange(*product.lent)}.00",
        "annual_rate": rate,
        "instalments": str(instalments),
        "frequency": product.frequency,
        "method": product.method,
        "day_count": product.day_count,
        "interest": product.interest,
        "tax_rate": BRANCHES[branch] if product.taxed else "0.00",
        "late_rate": str(Decimal(rate) * product.late),
        "late_grace_days": "3",
    }
    if chance.random() < 0.15 and product.name != "hipotecario":
        row["disbursed_on"] = str(TRUE_AT + timedelta(days=chance.randrange(2, 110)))
        return row
    life = int(instalments * STEP[product.frequency] * 0.8)
    row["disbursed_on"] = str(TRUE_AT - timedelta(days=chance.randrange(5, min(life, 700))))
    return row | _balances(chance, row)


def _balances(chance: random.Random, row: Row) -> Row:
    """What is owed at the tape's date by a borrower who missed none, some or several."""
    loan = Cartera(None).loan(row)
    rows = schedule(loan.terms, loan.terms.principal, loan.disbursed_on)
    due = [one for one in rows if one.due_on <= TRUE_AT]
    missed = min(chance.choices((0, 1, 2, 4), (86, 8, 4, 2))[0], len(due))
    unpaid = due[len(due) - missed :]
    late = sum(
        one.principal * loan.terms.late_rate * (TRUE_AT - one.due_on).days // 360_000_000
        for one in unpaid
        if (TRUE_AT - one.due_on).days > loan.terms.late_grace_days
    )
    outstanding = (
        loan.terms.principal
        - sum(one.principal for one in due)
        + sum(one.principal for one in unpaid)
    )
    balances = {"as_of": str(TRUE_AT), "principal_balance": text(outstanding, "MXN")}
    if late:
        balances["late_interest_balance"] = text(late, "MXN")
        balances["late_interest_tax_balance"] = text(
            (late * loan.terms.tax_rate + 500_000) // 1_000_000, "MXN"
        )
    return balances


def payments(chance: random.Random, tape: list[Row]) -> list[Row]:
    """What the borrowers pay, worked out by the domain so that the punctual owe nothing."""
    rows = []
    for row in tape:
        rows += _paid(chance, row)
    rows.sort(key=lambda row: (row["date"], row["reference"]))
    for number, row in enumerate(rows, start=1):
        row["transaction_id"] = (
            f"{row['channel'][:2].upper()}{row['date'].replace('-', '')}{number:05d}"
        )
    return rows


def _paid(chance: random.Random, row: Row) -> list[Row]:
    loan = replay(Cartera(None).loan(row).events())
    assert loan is not None, "a tape's loan has its first events"
    habit = chance.choice(HABITS)
    last = UNTIL - timedelta(days=chance.randrange(20, 130)) if habit == "stops" else UNTIL
    whole = TRUE_AT + timedelta(days=chance.randrange(30, 140))
    channel = "nomina" if row["product"] == "nomina" else chance.choice(CHANNELS)
    rows: list[Row] = []
    for due_on in [line.due_on for line in loan.lines if TRUE_AT < line.due_on <= last]:
        day = due_on + timedelta(days=_delay(chance, habit))
        if not TRUE_AT < day <= last or day < loan.through or loan.status is not Status.ACTIVE:
            continue
        amount = _amount(chance, habit, loan, day, whole)
        if amount <= 0:
            continue
        for event in commands.receive_payment(loan, amount=amount, effective_on=day):
            apply(loan, event)
        reference = chance.choice((row["loan_no"], row["loan_no"].replace("-", ""),
                                   row["loan_no"].lower().replace("-", " ")))  # fmt: skip
        rows.append({"date": str(day), "reference": reference, "amount": text(amount, "MXN"),
                     "channel": channel})  # fmt: skip
    return rows


def _delay(chance: random.Random, habit: str) -> int:
    if habit == "late":
        return chance.choice((0, 2, 5, 9, 16, 24))
    return chance.choice((0, 0, 0, 0, -1, 1)) if habit == "punctual" else 0


def _amount(chance: random.Random, habit: str, loan: Loan, day: date, whole: date) -> int:
    seen = as_of(loan, day)
    due = sum(line.left for line in seen.lines if line.due_on <= day)
    if not due and (row := next((line for line in seen.lines if not line.due), None)):
        due = row.left + row.planned_interest + row.planned_tax - row.owed.interest
    if habit == "partial" and chance.random() < 0.4:
        return due // 2
    if habit == "prepays" and chance.random() < 0.3:
        return due + loan.terms.principal // 20
    if habit == "pays off" and day >= whole:
        return seen.balances().total
    return due


def mishaps(rows: list[Row]) -> list[Row]:
    """What a real file holds as well: strangers' money, a line twice, and lines nobody can read."""
    odd = [
        ("2026-02-17", "CDMX-99999", "850.00", "SPEI", "MIS-1"),
        ("2026-03-02", "", "1200.00", "OXXO", "MIS-2"),
        ("2026-03-19", "PAGO MARZO", "640.50", "ventanilla", "MIS-3"),
        ("2026-04-08", "GDL 0O123", "415.00", "SPEI", "MIS-4"),
        ("2026-02-20", rows[10]["reference"], "1,250.00", "SPEI", "MIS-5"),
        ("2026-02-31", rows[11]["reference"], "300.00", "SPEI", "MIS-6"),
        ("2026-04-21", rows[12]["reference"], "0.00", "OXXO", "MIS-7"),
    ]
    extra = [dict(zip(PAYMENT_COLUMNS, line, strict=True)) for line in odd]
    again = dict(rows[40])
    changed = rows[50] | {"amount": "1.00"}
    return [*rows, *extra, again, changed]


def write(path: Path, columns: tuple[str, ...], rows: list[Row]) -> None:
    """A CSV file with LF line ends."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def main() -> None:
    """Write both files beside this script."""
    chance = random.Random(SEED)
    tape = loans(chance)
    paid = payments(chance, tape)
    bad = [
        tape[0] | {"loan_no": "CDMX-00901", "frequency": "cada quincena"},
        tape[1] | {"loan_no": "CDMX-00902", "principal_balance": "1e5"},
    ]
    write(HERE / "demo_loans.csv", COLUMNS, [*tape, *bad])
    write(HERE / "demo_payments.csv", PAYMENT_COLUMNS, mishaps(paid))
    print(f"{len(tape)} loans, {len(paid)} payments")  # noqa: T201  a script says what it did


if __name__ == "__main__":
    main()
