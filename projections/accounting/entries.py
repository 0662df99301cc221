"""The entries of a span of days, as an accountant's system takes them: by day, or one per event."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import force_setattr
from psycopg import Connection

from projections.accounting.booked import Booked, Header, as_date, booked
from projections.accounting.columns import KEYS
from projections.accounting.entry import Entry, EntryKind, Line
from projections.accounting.facts import Fact
from projections.accounting.rules import Rules

ROWS_AT_ONCE = 5_000

_MONEY_IN = frozenset({"payment", "recovery", "sale", "deposit"})
_MONEY_OUT = frozenset({"disbursement", "refund", "chargeback"})

TEXTS = {
    "disbursement": "Disposición de crédito", "taken_on": "Cartera migrada",
    "interest": "Devengo de intereses", "late_interest": "Devengo de intereses moratorios",
    "fee": "Comisiones", "capitalisation": "Capitalización de intereses",
    "charge_correction": "Corrección de cargos", "waiver": "Bonificación de comisiones",
    "waiver_undone": "Cancelación de bonificación", "payment": "Cobranza",
    "reversal": "Cancelación de pagos", "goodwill": "Abonos de cortesía",
    "goodwill_reversal": "Cancelación de abonos de cortesía",
    "payment_correction": "Reaplicación de pagos", "application": "Aplicación de saldos a favor",
    "deposit_application": "Aplicación de depósitos en garantía",
    "refund": "Devolución de saldos a favor", "chargeback": "Contracargos",
    "forgiveness": "Quitas y condonaciones", "write_off": "Castigo de cartera",
    "sale": "Venta de cartera", "recovery": "Recuperación de castigos",
    "to_stage_1": "Traspaso a etapa 1", "to_stage_2": "Traspaso a etapa 2",
    "to_stage_3": "Traspaso a etapa 3", "resumption": "Reanudación del devengo",
    "allowance": "Estimación preventiva",
    "amortisation": "Amortización de comisiones e intereses diferidos",
    "deposit": "Depósitos por identificar",
}  # fmt: skip


class Grouping(StrEnum):
    """What makes an entry: a day's facts of one sort, or one event's."""

    DAY = "day"
    EVENT = "event"


class _Row(NamedTuple):
    """Amounts to be posted in one entry."""

    branch: str
    product: str
    stage: int
    kind: str
    component: str
    added: int
    taken: int


def entries(
    connection: Connection[Any],
    rules: Rules,
    first: date,
    last: date,
    grouping: Grouping = Grouping.DAY,
) -> Iterator[Entry]:
    """Every entry posted from ``first`` to ``last``, streamed; a transaction keeps them together.

    By day: one per posting day, value date, currency and sort of entry, its lines by account,
    branch and product. By event: one per event and value date, in the order of the log, then those
    of no event. Numbers count from the beginning of the month, so they do not depend on ``first``.
    """
    begin = first.replace(day=1)
    found = _by_day(connection, rules, begin, last)
    if grouping is Grouping.EVENT:
        events = (one for part in booked(connection, begin, last) for one in _by_event(rules, part))
        found = _chained(events, _by_day(connection, rules, begin, last, "event"))
    yield from (entry for entry in _numbered(found) if entry.posted_on >= first)


def _chained(*parts: Iterable[Entry]) -> Iterator[Entry]:
    for part in parts:
        yield from part


def _numbered(found: Iterable[Entry]) -> Iterator[Entry]:
    """Counted within month and kind."""
    counts: dict[tuple[date, EntryKind], int] = {}
    for entry in found:
        key = (entry.posted_on.replace(day=1), entry.kind)
        counts[key] = counts.get(key, 0) + 1
        force_setattr(entry, "number", counts[key])  # its own, before anybody saw it
        yield entry


def sort_of(kind: str) -> EntryKind:
    """Which kind of póliza holds facts of a kind."""
    if kind in _MONEY_IN:
        return EntryKind.INCOME
    return EntryKind.EXPENSE if kind in _MONEY_OUT else EntryKind.JOURNAL


def _by_day(
    connection: Connection[Any], rules: Rules, first: date, last: date, without: str = ""
) -> Iterator[Entry]:
    sorts = {kind: sort_of(kind) for kind in TEXTS}
    with connection.cursor(name="accounting_entries") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(_AMOUNTS, [list(sorts), list(sorts.values()), first, last, without])
        for key, rows in groupby(cursor, key=lambda row: row[:4]):
            posted_on, value_on, currency, sort = key
            amounts = [_Row(*row[4:]) for row in rows]
            lines = _lines(rules, amounts)
            if lines:
                yield Entry(
                    key=f"{posted_on}:{value_on}:{currency}:{sort}" + f":{without}" * bool(without),
                    number=0, kind=EntryKind(sort), posted_on=posted_on, value_on=value_on,
                    currency=currency, text=_text(row.kind for row in amounts), lines=lines,
                )  # fmt: skip


_AMOUNTS = """
    SELECT posted_on, effective_on, currency, sorts.sort, branch, product, stage, kind, component,
           sum(added)::bigint, sum(taken)::bigint
    FROM read.accounting_amounts AS amounts
    JOIN unnest(%s::text[], %s::text[]) AS sorts (of_kind, sort) ON of_kind = kind
    WHERE posted_on BETWEEN %s AND %s AND source <> %s
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
    ORDER BY posted_on, effective_on, currency, sorts.sort, branch, product, kind, stage, component
"""


def _text(kinds: Iterable[str]) -> str:
    """What happened, in the accountant's words."""
    return ", ".join(dict.fromkeys(TEXTS[kind] for kind in kinds))


def _lines(rules: Rules, amounts: Iterable[_Row]) -> tuple[Line, ...]:
    """One line per account, side, branch and product; what goes each way stands apart."""
    sums: dict[tuple[str, bool, str, str], int] = {}
    texts: dict[tuple[str, bool, str, str], dict[str, None]] = {}
    for row in amounts:
        for debited, credited in rules.posted(row.kind, row.component, row.stage, row.product):
            for account, is_debit, amount in (
                (debited, True, row.added), (credited, False, row.added),
                (credited, True, row.taken), (debited, False, row.taken),
            ):  # fmt: skip
                if amount:
                    key = (account.number, is_debit, row.branch, row.product)
                    sums[key] = sums.get(key, 0) + amount
                    texts.setdefault(key, {})[row.kind] = None
    return tuple(
        Line(
            account=number, debit=amount if is_debit else 0, credit=0 if is_debit else amount,
            text=_text(texts[key]), branch=branch, product=product,
        )
        for key, amount in sorted(sums.items(), key=lambda one: (not one[0][1], one[0]))
        for number, is_debit, branch, product in (key,)
    )  # fmt: skip


def _by_event(rules: Rules, part: Booked) -> Iterator[Entry]:
    """Consecutive facts of one event and value date make an entry."""
    order = np.lexsort((part.days, part.positions))
    columns = (part.positions, part.days, part.posted, part.loans, part.stages, part.codes,
               part.amounts)  # fmt: skip
    rows = zip(*(column[order].tolist() for column in columns), strict=True)
    for (position, on, posted_on, loan), group in groupby(rows, key=itemgetter(0, 1, 2, 3)):
        facts = [(*KEYS[code], stage, amount) for *_, stage, code, amount in group]
        header, days = part.headers[loan], (as_date(posted_on), as_date(on))
        yield from _of_event(rules, header, position, days, facts)


def entries_of_facts(
    rules: Rules, header: Header, position: int, posted_on: date, facts: Sequence[Fact]
) -> Iterator[Entry]:
    """The entry of the facts of one event that have the same value date; none if it posts none."""
    told = [(one.kind, one.component, one.stage, one.amount) for one in facts]
    yield from _of_event(rules, header, position, (posted_on, facts[0].on), told)


def _of_event(
    rules: Rules,
    header: Header,
    position: int,
    days: tuple[date, date],
    facts: Sequence[tuple[str, str, int, int]],
) -> Iterator[Entry]:
    """The same of (kind, component, stage, amount), posted and valued on ``days``."""
    of = tuple([(kind, component, stage, amount > 0) for kind, component, stage, amount in facts])
    shape = _shape(rules, header.product, of)
    if not shape.lines:
        return
    amounts = [abs(fact[3]) for fact in facts]
    lines = []
    for number, is_debit, text, places in shape.lines:
        amount = amounts[places[0]]
        for place in places[1:]:
            amount += amounts[place]
        debit, credit = (amount, 0) if is_debit else (0, amount)
        lines.append(
            Line(
                account=number, debit=debit, credit=credit, text=text, branch=header.branch,
                product=header.product, loan_no=header.loan_no,
            )
        )  # fmt: skip
    posted_on, value_on = days
    yield Entry(
        key=f"event:{position}:{value_on}", number=0, kind=shape.kind, posted_on=posted_on,
        value_on=value_on, currency=header.currency, text=shape.text, lines=tuple(lines),
    )  # fmt: skip


class _Shape(NamedTuple):
    """What all entries of events alike have in common; a line is (account, whether debited, text,
    which facts).
    """

    kind: EntryKind
    text: str
    lines: tuple[tuple[str, bool, str, tuple[int, ...]], ...]


@lru_cache(maxsize=10_000)
def _shape(rules: Rules, product: str, facts: tuple[tuple[str, str, int, bool], ...]) -> _Shape:
    """Of facts by kind, component, stage, and whether they are in the sense of their kind."""
    places: dict[tuple[str, bool], list[int]] = {}
    for place, (kind, component, stage, forward) in enumerate(facts):
        for debited, credited in rules.posted(kind, component, stage, product):
            for account, is_debit in ((debited, forward), (credited, not forward)):
                places.setdefault((account.number, is_debit), []).append(place)
    in_order = sorted(places.items(), key=lambda one: (not one[0][1], one[0]))
    return _Shape(
        sort_of(facts[0][0]),
        _text(fact[0] for fact in facts),
        tuple(
            (number, is_debit, _text(facts[place][0] for place in of), tuple(of))
            for (number, is_debit), of in in_order
        ),
    )
