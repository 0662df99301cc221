"""What a loss allowance must come to by the lender's tables, and what is to be posted for it."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from psycopg import Connection

from ledger.money import FormError
from projections.accounting.balances import trial_balance
from projections.accounting.chart import read_yaml
from projections.accounting.rules import STAGES, Rules
from projections.batch import Ints
from projections.movements import COMPONENTS

MILLION = 1_000_000


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rates by days past due for the loans that it fits; ``source`` says where they come from.

    ``base`` are the components that a rate is taken of. From stage ``in_full_from_stage`` on the
    components ``in_full`` are provided whole instead.
    """

    name: str
    source: str
    rates: tuple[tuple[int, str], ...]
    base: tuple[str, ...] = ("principal",)
    product: tuple[str, ...] = ("*",)
    frequency: tuple[str, ...] = ("*",)
    stage: int | None = None
    in_full: tuple[str, ...] = ()
    in_full_from_stage: int = 3


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tables: tuple[Table, ...]


class Loans(NamedTuple):
    """Loans in columns: ``amounts`` is (loans, ``COMPONENTS``) in minor units on the accounts."""

    groups: list[tuple[str, str, str]]
    frequencies: list[str]
    stages: Ints
    days_past_due: Ints
    amounts: Ints


class Movement(Struct, frozen=True, kw_only=True):
    """What an allowance account must grow by (or shrink, below zero) to what is required."""

    currency: str
    branch: str
    product: str
    stage: int
    required: int
    standing: int

    @property
    def amount(self) -> int:
        return self.required - self.standing


class BalancesBeyond(ValueError):
    """The balances that could be read are of a later day."""

    field = "on"

    def __init__(self, on: date, through: date) -> None:
        super().__init__(
            f"balances stand at {through}, after {on}: ask books of that day"
            f" (cartera rebuild --as-of {on})"
        )
        self.on, self.through = on, through


def load_tables(path: Path) -> tuple[Table, ...]:
    """The tables of a YAML file. Errors: ``FormError`` naming the path inside it, and the rule."""
    tables = read_yaml(path, _File).tables
    for at, table in enumerate(tables):
        where = f"tables[{at}]"
        if not table.source.strip():
            raise FormError(f"{where}.source", "must say where the figures come from")
        for field in ("base", "in_full"):
            if unknown := set(getattr(table, field)) - set(COMPONENTS):
                raise FormError(f"{where}.{field}", f"{min(unknown)!r} is no component")
        starts = [start for start, _ in table.rates]
        if not starts or starts[0] != 0 or starts != sorted(set(starts)):
            raise FormError(f"{where}.rates", "must begin at 0 days and rise")
        _millionths(table, where)
    return tables


def _millionths(table: Table, where: str = "rates") -> Ints:
    found = []
    for at, (_, percent) in enumerate(table.rates):
        try:
            rate = Decimal(percent) * 10_000
        except InvalidOperation:
            rate = Decimal(-1)
        if not 0 <= rate <= MILLION or rate != rate.to_integral_value():
            told = f"{percent!r} is no per cent from 0 to 100 with four decimals at most"
            raise FormError(f"{where}.rates[{at}]", told)
        found.append(int(rate))
    return np.array(found, dtype=np.int64)


def required(tables: Sequence[Table], loans: Loans) -> Ints:
    """What each loan asks for, half a minor unit rounded to even; nothing where no table fits.

    Errors: ``FormError`` for a loan that no table fits.
    """
    of_table = np.array([
        _fitting(tables, product, frequency, stage)
        for (_, _, product), frequency, stage in zip(
            loans.groups, loans.frequencies, loans.stages.tolist(), strict=True
        )
    ], dtype=np.int64)  # fmt: skip
    found = np.zeros(len(loans.groups), dtype=np.int64)
    for number, table in enumerate(tables):
        chosen = np.flatnonzero(of_table == number)
        starts = np.array([start for start, _ in table.rates])
        step = np.searchsorted(starts, loans.days_past_due[chosen], side="right") - 1
        rates = _millionths(table)[step]
        amounts = np.maximum(loans.amounts[chosen], 0)
        whole = loans.stages[chosen] >= table.in_full_from_stage
        rated = np.zeros(len(chosen), dtype=np.int64)
        full = np.zeros_like(rated)
        for at, name in enumerate(COMPONENTS):
            in_full = whole & (name in table.in_full)
            full += np.where(in_full, amounts[:, at], 0)
            rated += np.where(~in_full & (name in table.base), amounts[:, at], 0)
        found[chosen] = full + _share(rated, rates)
    return found


def _share(amounts: Ints, rates: Ints) -> Ints:
    """``amounts`` x ``rates`` millionths, half to even, exactly: in parts that int64 holds."""
    whole, rest = np.divmod(amounts, MILLION)
    product = rest * rates
    down, left = np.divmod(product, MILLION)
    up = (2 * left > MILLION) | ((2 * left == MILLION) & ((whole * rates + down) % 2 == 1))
    shared: Ints = whole * rates + down + up
    return shared


def _fitting(tables: Sequence[Table], product: str, frequency: str, stage: int) -> int:
    for number, table in enumerate(tables):
        if (
            table.stage in (None, stage)
            and any(fnmatchcase(product, one) for one in table.product)
            and any(fnmatchcase(frequency, one) for one in table.frequency)
        ):
            return number
    told = f"none fits a loan of product {product!r}, {frequency}, stage {stage}"
    raise FormError("tables", told)


def standing_loans(connection: Connection[Any], on: date, schema: str = "read") -> Loans:
    """The loans on the books at the end of ``on``. Errors: ``BalancesBeyond``.

    Interest of a suspended loan that is kept off the accounts is no part of what they owe here.
    """
    [[through]] = connection.execute(
        f"SELECT max(accrued_through) FROM {schema}.balances".encode()
    ).fetchall()
    if through is not None and through > on:
        raise BalancesBeyond(on, through)
    columns = ", ".join(
        f"balances.{name} - coalesce((standing.standing -> 'owed' ->> 'suspended_{name}')::bigint,"
        f" 0)" if "interest" in name else f"balances.{name}"
        for name in COMPONENTS
    )  # fmt: skip
    rows = connection.execute(
        f"SELECT loans.currency, loans.branch, loans.product, loans.frequency, loans.stage,"
        f" aging.days_past_due, {columns} FROM {schema}.aging_at(%s) AS aging"
        f" JOIN {schema}.loans USING (loan_id) JOIN {schema}.balances USING (loan_id)"
        f" JOIN {schema}.accounting_loans AS standing USING (loan_id)".encode(),
        [on],
    ).fetchall()
    figures = np.array([row[4:] for row in rows], dtype=np.int64).reshape(len(rows), -1)
    figures = figures.reshape(-1, 2 + len(COMPONENTS))
    return Loans(
        [row[:3] for row in rows], [row[3] for row in rows], figures[:, 0], figures[:, 1],
        figures[:, 2:],
    )  # fmt: skip


def movements(
    connection: Connection[Any], rules: Rules, tables: Sequence[Table], loans: Loans, on: date
) -> list[Movement]:
    """What is to be posted so that every allowance account stands at what is required on ``on``."""
    asked: Counter[tuple[str, str, str, int]] = Counter()
    amounts = required(tables, loans).tolist()
    for group, stage, amount in zip(loans.groups, loans.stages.tolist(), amounts, strict=True):
        asked[*group, stage] += amount
    kept: Counter[tuple[str, str, str, int]] = Counter()
    for place, balances in trial_balance(connection, rules, on, by=("branch", "product")).items():
        by_number = {one.account.number: one.closing for one in balances}
        for stage in STAGES:
            kept[*place, stage] += by_number.pop(_account(rules, stage, place.product), 0)
    found = [
        Movement(
            currency=currency, branch=branch, product=product, stage=stage,
            required=asked[currency, branch, product, stage],
            standing=kept[currency, branch, product, stage],
        )
        for currency, branch, product, stage in sorted(asked.keys() | kept.keys())
    ]  # fmt: skip
    return [one for one in found if one.required or one.standing]


def _account(rules: Rules, stage: int, product: str) -> str:
    """The company's number of the account that holds the allowance of a stage."""
    [(_, credit)] = rules.pairs("allowance", "required", stage, product)
    return rules.chart.by_internal[credit].number
