"""Loans folded from the log, as of any value date and as known at any booking time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from api.graphql.arguments import ALL, Known
from api.graphql.snapshot import Snapshot
from domain import events as e
from domain.commands import reset_rate
from domain.fold import replay
from domain.loan import Amounts, Loan, Status
from domain.views import as_of, payoff
from ledger import upcasters
from ledger.indices import ALWAYS, VALUES, Series, with_rates


@dataclass(frozen=True)
class Told:
    """One loan as it stood ``on`` a value date, and when each of its payments was recorded."""

    on: date
    loan: Loan
    booked: dict[int, tuple[int, datetime]]


async def told(snapshot: Snapshot, loan_id: UUID, on: date, known: Known | None) -> Told | None:
    """The loan on a date; None before it was opened. One statement for all loans of a page."""
    record: Record | None = await snapshot.load(("log", known), _records(known or ALL), loan_id)
    if record is None or record.loan.opened_on > on:
        return None
    found: Told = await snapshot.load(("told", on, known), _as_of(on), record)
    return found


@dataclass(frozen=True, eq=False)
class Record:
    """All that is known of one loan: its state after every event, not yet of any date."""

    loan: Loan
    booked: dict[int, tuple[int, datetime]]


def _records(known: Known) -> Any:
    """Of facts booked while the clock was set back, none is known before those it follows."""

    async def load(snapshot: Snapshot, loan_ids: list[UUID]) -> Sequence[Record | None]:
        rows = await snapshot.rows(
            "SELECT * FROM (SELECT loan_id, version, type, revision, position, recorded_at,"
            " state::text AS state,"
            " max(recorded_at) OVER (PARTITION BY loan_id ORDER BY version) AS known_at"
            " FROM ledger.events WHERE loan_id = ANY(%s)) AS of"
            " WHERE known_at <= %s AND position <= %s ORDER BY loan_id, version",
            [loan_ids, known.until, known.position],
        )
        by_loan = await asyncio.to_thread(_fold, rows)
        return [by_loan.get(loan_id) for loan_id in loan_ids]

    return load


def _fold(rows: list[DictRow]) -> dict[UUID, Record]:
    histories: dict[UUID, list[e.AnyLoanEvent]] = {}
    booked: dict[UUID, dict[int, tuple[int, datetime]]] = {}
    for row in rows:
        event = upcasters.decode(row["type"], row["revision"], row["state"])
        histories.setdefault(row["loan_id"], []).append(event)
        if isinstance(event, e.PaymentReceived):
            payments = booked.setdefault(row["loan_id"], {})
            payments[event.payment] = (row["position"], row["recorded_at"])
    found = {}
    for loan_id, history in histories.items():
        loan = replay(history)
        assert loan is not None, loan_id
        found[loan_id] = Record(loan, booked.get(loan_id, {}))
    return found


def _as_of(on: date) -> Any:
    async def load(snapshot: Snapshot, records: list[Record]) -> Sequence[Told]:
        def tell() -> list[Told]:
            return [Told(on, as_of(record.loan, on), record.booked) for record in records]

        return await asyncio.to_thread(tell)

    return load


async def quote(snapshot: Snapshot, loan_id: UUID, on: date, known: Known | None) -> Amounts | None:
    """What closes the loan if paid on ``on``; None for a loan that is not running.

    A floating rate is what its index makes of it up to the day, recorded or not.
    """
    record: Record | None = await snapshot.load(("log", known), _records(known or ALL), loan_id)
    if record is None or record.loan.status is not Status.ACTIVE:
        return None
    loan = record.loan
    if loan.terms.floating is not None:
        index = loan.terms.floating.index
        values: Series = await snapshot.load(("index", known), _series(known), index)
        resets = reset_rate(loan, upto=on, value_of=lambda _, day: values.on(day))
        loan = with_rates(loan, resets)
    return payoff(loan, on)


def _series(known: Known | None) -> Any:
    async def load(snapshot: Snapshot, indices: list[str]) -> list[Series]:
        until = ALWAYS if known is None else await _recorded(snapshot, known)
        max_age = timedelta(days=snapshot.settings.index_max_age_days)
        found = []
        for index in indices:
            rows = await snapshot.rows(VALUES, [index, date.min, date.max, until])
            found.append(Series([(row["on_day"], row["value"]) for row in rows], max_age))
        return found

    return load


async def _recorded(snapshot: Snapshot, known: Known) -> datetime:
    """Until when values of an index count: they have a time, but no position in the log."""
    if known.position == ALL.position:
        return known.until
    [row] = await snapshot.rows(
        "SELECT max(recorded_at) AS at FROM ledger.events"
        " WHERE position = (SELECT max(position) FROM ledger.events WHERE position <= %s)",
        [known.position],
    )
    return min(known.until, row["at"] or known.until)
