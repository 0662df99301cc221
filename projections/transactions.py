"""What moved on a loan, and how does each payment stand today?"""

from collections import Counter
from collections.abc import Iterator
from itertools import compress
from operator import not_
from typing import Any, TypeAlias

from psycopg import Cursor

from domain import events as e
from ledger.packed_rows import hexes
from ledger.text_rows import NULL, Days, Moments, escaped, in_pieces
from projections.batch import Batch
from projections.movements import COMPONENTS, MOVING, NOTHING, Movement
from projections.projection import Projection
from projections.staging import copy_lines, copy_rows, staging_table

MOVEMENT = (
    "loan_id", "position", "line", "kind", "number", "effective_on", "recorded_at", "effect",
    "amount", *COMPONENTS, "overpaid", "channel", "reference", "reason", "source",
)  # fmt: skip
CLEARED = (*COMPONENTS, "overpaid", "refunded", "charged_back")
PAYMENT = (
    "loan_id", "payment", "position", "effective_on", "recorded_at", "amount", *CLEARED,
    "channel", "reference", "source", "paid_by", "reversed_on", "reversal_reason",
)  # fmt: skip
OF_PAYMENTS = frozenset(
    {"payment", "reversal", "payment_correction", "application", "refund", "chargeback"}
)

MOVED_ON = frozenset({"payment_correction", "refund"})
"""What of these is neither cleared nor kept was given back."""


def movement_lines(batch: Batch) -> list[str]:
    """The rows of `transactions`."""
    return list(in_pieces(_movement_lines(batch)))


def _movement_lines(batch: Batch) -> Iterator[str]:
    loans, moments, days = hexes(batch.uuids), Moments(), Days()
    before, line = -1, 0
    for at, one in batch.movements:
        line = line + 1 if at == before else 1
        before = at
        a, b, c, d, f, g, h = one.amounts
        number = NULL if one.number is None else one.number
        told = "\t".join(map(escaped, (one.channel, one.reference, one.reason, one.source)))
        yield (
            f"{loans[batch.place_of[at]]}\t{batch.positions[at]}\t{line}\t{one.kind}\t{number}"
            f"\t{days[one.on]}\t{moments[batch.instants[at]]}\t{one.effect}\t{one.amount}"
            f"\t{a}\t{b}\t{c}\t{d}\t{f}\t{g}\t{h}\t{one.overpaid}\t{told}\n"
        )


Told: TypeAlias = tuple[int, int | None, bool, str]
"""The loan's place and the payment that a row is of, whether it is the payment itself, the row."""


def payment_lines(batch: Batch) -> tuple[list[str], list[str]]:
    """The rows of payments of which nothing more is told, and the rows of `staged_payments`."""
    rows = list(_payment_lines(batch))
    told = Counter(row[:2] for row in rows)
    plain = [itself and told[place, payment] == 1 for place, payment, itself, _ in rows]
    lines = [row[-1] for row in rows]
    return (
        list(in_pieces(compress(lines, plain))),
        list(in_pieces(compress(lines, map(not_, plain)))),
    )


def _payment_lines(batch: Batch) -> Iterator[Told]:
    """A row per movement of a payment; only the payment itself brings the amount."""
    loans, moments, days = hexes(batch.uuids), Moments(), Days()
    for at, one in batch.movements:
        if one.kind not in OF_PAYMENTS:
            continue
        itself = one.kind == "payment"
        head, told, undone = f"{NULL}\t{NULL}\t0", "\t".join([NULL] * 4), f"{NULL}\t{NULL}"
        if itself:
            head = f"{days[one.on]}\t{moments[batch.instants[at]]}\t{one.amount}"
            told = "\t".join(map(escaped, (one.channel, one.reference, one.source, one.paid_by)))
        elif isinstance(reversal := batch.events[at], e.PaymentReversed):
            undone = f"{days[reversal.reversed_on]}\t{escaped(reversal.reason)}"
        place = batch.place_of[at]
        cleared = "\t".join(map(str, _cleared(one)))
        yield place, one.number, itself, (
            f"{loans[place]}\t{one.number}\t{batch.positions[at]}\t{head}\t{cleared}\t{told}"
            f"\t{undone}\n"
        )  # fmt: skip


def _cleared(one: Movement) -> tuple[int, ...]:
    """What is added to a payment's ``CLEARED``; a chargeback takes nothing off what it cleared.

    Where a correction clears or keeps more than before, that much less of it was given back: the
    refund was then of another payment.
    """
    if one.kind == "chargeback":
        return (*NOTHING, one.overpaid, -one.overpaid, one.amount)
    given_back = -(sum(one.amounts) + one.overpaid) if one.kind in MOVED_ON else 0
    return (*one.amounts, one.overpaid, given_back, 0)


class Transactions(Projection):
    """Movements are only added; a payment's row gathers its reversal and corrections, that of a
    cover (paid for another member's loan) what comes back of it.
    """

    name = "transactions"
    tables = ("transactions", "payments", "covers")
    reads = (*MOVING, e.CoverGiven, e.CoverReturned)
    derives = (movement_lines, payment_lines)

    def prepare(self, cursor: Cursor[Any]) -> None:
        staging_table(
            cursor,
            "staged_payments",
            "loan_id uuid, payment integer, position bigint, effective_on date,"
            " recorded_at timestamptz, amount bigint,"
            f" {', '.join(f'{name} bigint' for name in CLEARED)},"
            " channel text, reference text, source text, paid_by text, reversed_on date,"
            " reversal_reason text",
        )
        staging_table(cursor, "staged_covers", "loan_id uuid, cover integer, returned bigint")

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        _fold_covers(cursor, batch)
        if not batch.movements:
            return
        copy_lines(cursor, "transactions", MOVEMENT, batch.derive(movement_lines))
        new, others = batch.derive(payment_lines)
        if new:
            copy_lines(cursor, "payments", PAYMENT, new)
        if others:
            copy_lines(cursor, "staged_payments", PAYMENT, others)
            cursor.execute(_FOLD)


def _fold_covers(cursor: Cursor[Any], batch: Batch) -> None:
    """Covers are given once, and come back in parts."""
    given = [
        (loan, one.cover, one.for_loan, one.effective_on, one.amount)
        for loan, one in batch.each(e.CoverGiven)
    ]
    if given:
        copy_rows(cursor, "covers", COVER, given)
    if back := [(loan, one.cover, one.amount) for loan, one in batch.each(e.CoverReturned)]:
        copy_rows(cursor, "staged_covers", ("loan_id", "cover", "returned"), back)
        cursor.execute(_RETURN)


COVER = ("loan_id", "cover", "for_loan", "given_on", "amount")
_RETURN = """
    UPDATE covers AS kept SET returned = kept.returned + back.returned
    FROM (SELECT loan_id, cover, sum(returned) AS returned FROM staged_covers
          GROUP BY loan_id, cover) AS back
    WHERE kept.loan_id = back.loan_id AND kept.cover = back.cover
"""

_FOLD = f"""
    MERGE INTO payments AS kept
    USING (
        SELECT loan_id, payment, min(position) AS position, min(effective_on) AS effective_on,
               min(recorded_at) AS recorded_at, sum(amount) AS amount,
               {", ".join(f"sum({name}) AS {name}" for name in CLEARED)},
               max(channel) AS channel, max(reference) AS reference,
               max(source) AS source, max(paid_by) AS paid_by,
               max(reversed_on) AS reversed_on, max(reversal_reason) AS reversal_reason
        FROM staged_payments GROUP BY loan_id, payment
    ) AS staged ON kept.loan_id = staged.loan_id AND kept.payment = staged.payment
    WHEN MATCHED THEN UPDATE SET
        {", ".join(f"{name} = kept.{name} + staged.{name}" for name in CLEARED)},
        reversed_on = coalesce(staged.reversed_on, kept.reversed_on),
        reversal_reason = coalesce(staged.reversal_reason, kept.reversal_reason)
    WHEN NOT MATCHED THEN
        INSERT ({", ".join(PAYMENT)}) VALUES ({", ".join(f"staged.{name}" for name in PAYMENT)})
"""
