"""What does a batch change in each instalment? Pure: facts in the order of the log."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain import events as e
from projections.batch import Accruals, Batch, add_at
from projections.loans.lines import AT, Changes, staged
from projections.movements import COMPONENTS, MOVING, Movement, of_portion
from projections.staging import Column, day

MONEY = "paid"
SIDES = {"payment": MONEY, "reversal": MONEY, "payment_correction": MONEY, "application": MONEY,
         "waiver": "forgiven", "waiver_undone": "forgiven", "forgiveness": "forgiven"}  # fmt: skip
FIRST = {side: AT[f"{side}_{COMPONENTS[0]}"] for side in SIDES.values()}
WHOLE = {"write_off": AT["written_off"], "sale": AT["sold"]}
"""Movements of which an instalment keeps only the total."""
RAN = ("late_interest", "late_interest_tax", "interest", "interest_tax")
LATE = ("late_interest", "late_interest_tax")
FEES = ("fee", "fee_tax")
INTEREST = ("interest", "interest_tax")

Ran: TypeAlias = tuple[int, int, int, int, int]
"""What ran on an instalment: it, where its interest and its tax are added, and both."""
CHANGING: tuple[type, ...] = (e.InstalmentFellDue, e.ScheduleRevised, *MOVING)
"""The events that may change an instalment otherwise than by what runs on it."""
BESIDES: tuple[type, ...] = tuple(kind for kind in CHANGING if kind is not e.InstalmentFellDue)


def changes(batch: Batch) -> Changes:
    """What the batch comes to for each instalment, in the order of the log."""
    found = Changes()
    ran, busy = _ran(batch), _busy(batch)
    changing = np.array(batch.of(*CHANGING), dtype=np.int64)
    for at in sorted({*changing[busy[batch.codes[changing]]].tolist(), *ran}):
        loan, event = batch.place_of[at], batch.events[at]
        for instalment, interest_at, tax_at, interest, tax in ran.get(at, ()):
            added = found.line(loan, instalment).added
            added[interest_at] += interest
            added[tax_at] += tax
        if note := _NOTES.get(type(event)):
            note(found, loan, event)
        for movement in batch.moved.get(at, ()):
            _note_portions(found, loan, movement)
        if isinstance(event, e.HistoryCorrected):
            _note_extent(found, loan, event)
        for mark in getattr(event, "settled", ()):
            line = found.line(loan, mark.instalment)
            line.settled, line.settled_on = True, day(mark.on)
    return found


def _ran(batch: Batch) -> dict[int, list[Ran]]:
    """What ran on instalments that are due, of the loans to which more happened."""
    found: dict[int, list[Ran]] = {}
    busy = _busy(batch)
    for accruals, name in _running(batch):
        interest_at, tax_at = AT[name], AT[f"{name}_tax"]
        chosen = np.flatnonzero(accruals.due * busy[batch.codes[accruals.at]])
        rows = (column[chosen].tolist() for column in accruals[:4])
        for at, instalment, interest, tax in zip(*rows, strict=True):
            found.setdefault(at, []).append((instalment, interest_at, tax_at, interest, tax))
    return found


def _running(batch: Batch) -> Iterator[tuple[Accruals, str]]:
    """Late interest, and interest after maturity: what ran before falling due is planned."""
    yield batch.late_interest, "late_interest"
    yield batch.interest, "interest"


def _busy(batch: Batch) -> NDArray[np.bool_]:
    """Loans to which more happened than interest and plain instalments falling due."""
    busy = np.zeros(len(batch.uuids), dtype=bool)
    busy[batch.codes[batch.of(*BESIDES)]] = True
    busy[[batch.place_of[at] for at, event in _fell_due(batch) if _capitalises(event)]] = True
    return busy


def _fell_due(batch: Batch) -> Iterator[tuple[int, e.InstalmentFellDue]]:
    for at in batch.of(e.InstalmentFellDue):
        event = batch.events[at]
        assert isinstance(event, e.InstalmentFellDue), event
        yield at, event


def _capitalises(event: e.InstalmentFellDue) -> bool:
    return bool(event.capitalised or event.capitalised_tax)


def due_lines(batch: Batch) -> list[Column]:
    """Instalments that fell due, of loans to which at most interest happened besides."""
    busy = _busy(batch)
    rows = [
        (batch.place_of[at], event.instalment, event.interest, event.tax,
         day(event.settled[0].on if event.settled else None))
        for at, event in _fell_due(batch) if not busy[batch.place_of[at]]
    ]  # fmt: skip
    loans, instalments, interest, tax, settled_on = np.array(rows, np.int64).reshape(-1, 5).T
    return [
        ("loan_id", "uuid", batch.uuids[loans]),
        ("instalment", "int4", instalments),
        ("interest", "int8", interest),
        ("interest_tax", "int8", tax),
        ("settled_on", "date", settled_on),
    ]


def ran_lines(batch: Batch) -> list[Column]:
    """What ran on instalments that are due, of loans to which no more happened."""
    quiet = ~_busy(batch)
    keys, sums = [], []
    for side, (accruals, _) in enumerate(_running(batch)):
        loans = batch.codes[accruals.at]
        chosen = (accruals.due != 0) & quiet[loans]
        keys.append((loans[chosen] << 32) + accruals.instalment[chosen])
        amounts = np.zeros((len(keys[-1]), len(RAN)), dtype=np.int64)
        amounts[:, 2 * side] = accruals.interest[chosen]
        amounts[:, 2 * side + 1] = accruals.tax[chosen]
        sums.append(amounts)
    lines, places = np.unique(np.concatenate(keys), return_inverse=True)
    added = np.zeros((len(lines), len(RAN)), dtype=np.int64)
    add_at(added, places, np.concatenate(sums))
    return [
        ("loan_id", "uuid", batch.uuids[lines >> 32]),
        ("instalment", "int4", lines & (2**32 - 1)),
        *((name, "int8", added[:, at]) for at, name in enumerate(RAN)),
    ]


def _note_due(found: Changes, loan: int, event: e.InstalmentFellDue) -> None:
    line = found.line(loan, event.instalment)
    line.fall_due(event.interest, event.tax)
    line.added[AT["principal"]] += event.capitalised + event.capitalised_tax


def _note_fee(found: Changes, loan: int, event: e.InstalmentCharged | e.FeeCharged) -> None:
    if isinstance(event, e.FeeCharged):
        found.plan(loan, event.schedule)
    found.add(loan, event.instalment, {"fee": event.amount, "fee_tax": event.tax})


def _note_tranche(found: Changes, loan: int, event: e.LoanDisbursed) -> None:
    if event.tranche > 1 and event.schedule:
        found.plan(loan, event.schedule)
        found.end(loan, event.schedule[-1].number)


def _note_plan(found: Changes, loan: int, event: e.ScheduleRevised | e.ChargedBack) -> None:
    found.plan(loan, event.schedule)
    found.end(loan, event.instalments)
    if isinstance(event, e.ChargedBack) and event.restored is not None:
        _note_put_on(found, loan, event.restored)


def _note_corrected(found: Changes, loan: int, event: e.HistoryCorrected) -> None:
    found.plan(loan, event.schedule)
    for charge in event.charged:
        _note_charge(found, loan, charge)


def _note_charge(found: Changes, loan: int, charge: e.Charged) -> None:
    """What an instalment owes otherwise; interest that is not yet due is still planned."""
    names = (*FEES, *LATE, *INTEREST) if charge.due else (*FEES, *LATE)
    found.add(loan, charge.instalment, {name: getattr(charge, name) for name in names})
    if charge.final_interest is not None:
        line = found.line(loan, charge.instalment)
        line.fall_due(charge.final_interest, charge.final_tax or 0)


def _note_restructured(found: Changes, loan: int, event: e.LoanRestructured) -> None:
    for portion in event.cleared:
        amounts = {name: -getattr(portion, name) for name in (*FEES, *LATE, *INTEREST)}
        found.add(loan, portion.instalment, amounts)
    found.plan(loan, event.schedule)
    found.end(loan, event.instalments)
    if event.kept is not None:
        _note_put_on(found, loan, event.kept)


def _note_put_on(found: Changes, loan: int, portion: e.Portion) -> None:
    """What an instalment to come asks for besides its own plan."""
    amounts = {name: getattr(portion, name) for name in (*FEES, *LATE)}
    brought = {"brought_interest": portion.interest, "brought_tax": portion.interest_tax}
    found.add(loan, portion.instalment, amounts | brought)


def restructured(event: e.LoanRestructured) -> Iterator[tuple[e.Portion, int]]:
    """What left its instalment (1) and what was put on another (-1)."""
    for portion in event.cleared:
        yield portion, 1
    if event.kept is not None:
        yield event.kept, -1


def _note_extent(found: Changes, loan: int, event: e.HistoryCorrected) -> None:
    if event.instalments is not None:
        found.end(loan, event.instalments)
    if event.due is not None:
        found.due(loan, event.due)


def _note_portions(found: Changes, loan: int, movement: Movement) -> None:
    side = SIDES.get(movement.kind)
    for portion in movement.portions:
        line = found.line(loan, portion.instalment)
        if side is None:
            line.added[WHOLE[movement.kind]] += portion.total
            continue
        if movement.kind == "payment":
            line.receive(day(movement.on), portion)
        else:
            line.paid = line.paid or side == MONEY
        for at, amount in enumerate(of_portion(portion), start=FIRST[side]):
            line.added[at] += amount


_NOTES: dict[type, Callable[[Changes, int, Any], None]] = {
    e.InstalmentFellDue: _note_due,
    e.InstalmentCharged: _note_fee,
    e.FeeCharged: _note_fee,
    e.LoanDisbursed: _note_tranche,
    e.ScheduleRevised: _note_plan,
    e.ChargedBack: _note_plan,
    e.LoanRestructured: _note_restructured,
    e.HistoryCorrected: _note_corrected,
}
"""What an event says of instalments besides the portions that its movements name."""


def packed_lines(batch: Batch) -> tuple[bytes, int]:
    """The changes as rows of `staged_lines`, and how many."""
    return staged(batch.derive(changes).lines, batch.uuids)
