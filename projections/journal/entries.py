"""Which debits and credits did every event cause?"""

from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import Cursor

from domain import events as e
from ledger.packed_rows import FIRST_ORDINAL, copy_packed
from projections.batch import Accruals, Batch, Ints, add_at
from projections.journal.accounts import Account
from projections.journal.postings import Changes, post, postings
from projections.movements import MOVING, NOTHING, Movement
from projections.projection import Projection
from projections.staging import copy_rows, day, staging_table

ENTRY = (
    "loan_id", "position", "part", "effective_on", "recorded_at", "event", "currency",
    "accounts", "amounts",
)  # fmt: skip
TOTAL = ("currency", "effective_on", "account", "debit", "credit")
ACCOUNTS = max(Account) + 1
KEPT_CURRENCIES = 500_000
UUID_BYTES = 16
INT2, INT8 = 21, 20  # PostgreSQL's type numbers, inside binary arrays


class Entries(NamedTuple):
    """Entries with the same event and accounts: ``amounts`` is (entries, accounts).

    ``derived`` are those of plain accruals: `read.accrual_entries` reads them from the events.
    """

    event: type[e.LoanEvent]
    accounts: tuple[Account, ...]
    at: Ints
    part: Ints
    days: Ints
    amounts: Ints
    derived: bool = False


class Currencies(NamedTuple):
    """Currencies by number, and the number of each loan of a batch."""

    names: list[str]
    of_loan: Ints


_FOLD = """
    MERGE INTO journal_totals AS kept
    USING staged_journal_totals AS staged
    ON kept.currency = staged.currency AND kept.effective_on = staged.effective_on
       AND kept.account = staged.account
    WHEN MATCHED THEN UPDATE SET
        debit = kept.debit + staged.debit, credit = kept.credit + staged.credit
    WHEN NOT MATCHED THEN
        INSERT (currency, effective_on, account, debit, credit)
        VALUES (staged.currency, staged.effective_on, staged.account, staged.debit, staged.credit)
"""


def entries_of(batch: Batch) -> list[Entries]:
    """The entries of ``batch``: accruals and movements by column, the rest event by event."""
    return list(_entries(batch))


def _entries(batch: Batch) -> Iterable[Entries]:
    singles: list[int] = batch.of(e.LoanDisbursed)
    if batch.interest.at.size:
        singles += yield from _accrued(batch, e.InterestAccrued, batch.interest, _INTEREST)
    if batch.late_interest.at.size:
        late = _by_event(batch.late_interest)
        singles += yield from _accrued(batch, e.LateInterestAccrued, late, _LATE_INTEREST)
    yield from _moved(batch)
    yield from _one_by_one(batch, sorted(singles))


_INTEREST = (Account.INTEREST, Account.INTEREST_TAX, Account.INTEREST_INCOME)
_LATE_INTEREST = (Account.LATE_INTEREST, Account.LATE_INTEREST_TAX, Account.LATE_INTEREST_INCOME)
ACCRUAL_ACCOUNTS = (*_INTEREST, *_LATE_INTEREST, Account.TAX_NOT_COLLECTED)
"""Those that a plain accrual changes."""


def _accrued(
    batch: Batch, event: type[e.LoanEvent], ran: Accruals, accounts: tuple[Account, ...]
) -> Generator[Entries, None, list[int]]:
    """The entries of accruals; answers the places of those that are not plain charges."""
    interest, tax, income = accounts
    plain = (ran.interest > 0) & (ran.tax == 0)
    yield _charges(batch, event, ran, plain, {interest: 1, income: -1})
    taxed = (ran.interest > 0) & (ran.tax > 0)
    both = {interest: 1, tax: 1, Account.TAX_NOT_COLLECTED: -1, income: -1}
    yield _charges(batch, event, ran, taxed, both)
    return [int(at) for at in ran.at[~(plain | taxed)]]


def _charges(
    batch: Batch,
    event: type[e.LoanEvent],
    ran: Accruals,
    chosen: NDArray[np.bool_],
    signs: dict[Account, int],
) -> Entries:
    taxes = (Account.INTEREST_TAX, Account.LATE_INTEREST_TAX, Account.TAX_NOT_COLLECTED)
    columns = [
        sign * (ran.tax if account in taxes else ran.interest)[chosen]
        for account, sign in signs.items()
    ]
    at = ran.at[chosen]
    return Entries(
        event, tuple(signs), at, np.ones_like(at), batch.days[at], np.stack(columns, axis=1), True
    )


def _by_event(lines: Accruals) -> Accruals:
    """The lines of each event added up."""
    at, inverse = np.unique(lines.at, return_inverse=True)
    interest, tax = np.zeros_like(at), np.zeros_like(at)
    add_at(interest, inverse, lines.interest)
    add_at(tax, inverse, lines.tax)
    return Accruals(at, np.zeros_like(at), interest, tax, np.ones_like(at))


def _moved(batch: Batch) -> Iterator[Entries]:
    """What movements mean, added up by event and date; disbursements mean more than they move."""
    alike = [(kind, at) for kind, at in batch.alike.items() if kind[0] != "disbursement"]
    if not alike:
        return
    numbers = np.concatenate([at for _, at in alike])
    booked = np.concatenate([batch.amounts[at] @ _means(*kind) for kind, at in alike])
    moved = [batch.movements[number] for number in numbers]
    keys = [(at << 32) + one.on.toordinal() for at, one in moved]
    found, group = np.unique(keys, return_inverse=True)
    lines = np.zeros((len(found), ACCOUNTS), dtype=np.int64)
    add_at(lines, group, booked)
    assert not lines.sum(axis=1).any(), "an entry is out of balance"
    there = lines.any(axis=1)
    yield from _by_accounts(batch, found[there] >> 32, found[there] & (2**32 - 1), lines[there])


def _by_accounts(batch: Batch, at: Ints, ordinals: Ints, lines: Ints) -> Iterator[Entries]:
    """Entries in the order of their events and dates, gathered by event and accounts."""
    first = np.concatenate(([True], at[1:] != at[:-1])) if at.size else np.zeros(0, dtype=bool)
    number = np.arange(len(at))
    part = number - np.maximum.accumulate(np.where(first, number, 0)) + 1
    kinds = batch.kinds[at][:, None]
    shapes, shape = np.unique(np.hstack((kinds, np.sign(lines))), axis=0, return_inverse=True)
    for which, (_, *signs) in enumerate(shapes.tolist()):
        chosen = np.flatnonzero(shape.reshape(-1) == which)
        accounts = [n for way in (1, -1) for n, sign in enumerate(signs) if sign == way]
        yield Entries(
            type(batch.events[at[chosen[0]]]), tuple(map(Account, accounts)), at[chosen],
            part[chosen], ordinals[chosen] - FIRST_ORDINAL, lines[chosen][:, accounts],
        )  # fmt: skip


@cache
def _means(kind: str, effect: int, source: str) -> Ints:
    """What one unit of each of a movement's amounts does to each account."""
    found = np.zeros((len(NOTHING) + 2, ACCOUNTS), dtype=np.int64)
    for row, unit in enumerate(np.eye(len(found), dtype=np.int64).tolist()):
        a, b, c, d, f, g, h, overpaid, amount = unit
        changes: Changes = defaultdict(int)
        one = Movement(
            kind, date.min, effect, amount, (a, b, c, d, f, g, h), overpaid=overpaid, source=source
        )
        post(changes, one)
        for account, change in changes.items():
            found[row, account] = change
    return found


def _one_by_one(batch: Batch, places: Sequence[int]) -> Iterable[Entries]:
    grouped: defaultdict[Any, list[tuple[int, int, int, list[int]]]] = defaultdict(list)
    for at in places:
        event = batch.events[at]
        by_date: dict[Any, list[Any]] = {}
        for posting in postings(event):
            by_date.setdefault(posting.on, []).append(posting)
        for part, (on, lines) in enumerate(by_date.items(), start=1):
            key = (type(event), tuple(line.account for line in lines))
            grouped[key].append((at, part, day(on), [line.amount for line in lines]))
    for (event_type, accounts), rows in grouped.items():
        at, part, days = np.array([row[:3] for row in rows], dtype=np.int64).T
        amounts = np.array([row[3] for row in rows], dtype=np.int64)
        yield Entries(event_type, accounts, at, part, days, amounts)


class Journal(Projection):
    """One entry per event and value date, only added; totals by day for trial balances."""

    name = "journal"
    tables = ("journal_entries", "journal_loans", "journal_totals")
    reads = (e.LoanOpened, e.InterestAccrued, e.LateInterestAccrued, *MOVING)
    derives = (entries_of,)

    def __init__(self) -> None:
        self._currencies: dict[bytes, str] = {}

    def prepare(self, cursor: Cursor[Any]) -> None:
        staging_table(
            cursor,
            "staged_journal_totals",
            "currency text, effective_on date, account smallint, debit bigint, credit bigint",
        )

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        opened = [(loan, o.terms.currency) for loan, o in batch.each(e.LoanOpened)]
        if opened:
            copy_rows(cursor, "journal_loans", ("loan_id", "currency"), opened)
        entries = batch.derive(entries_of)
        if not entries:
            return
        currencies = self._of_loans(cursor, batch)
        kept = [_packed(batch, currencies, some) for some in entries if not some.derived]
        copy_packed(cursor, "journal_entries", ENTRY, kept)
        copy_rows(cursor, "staged_journal_totals", TOTAL, _totals(batch, currencies, entries))
        cursor.execute(_FOLD)

    def _of_loans(self, cursor: Cursor[Any], batch: Batch) -> Currencies:
        """The currency of each loan of the batch; most books have only one."""
        cursor.execute("SELECT min(currency), max(currency) FROM journal_loans")
        [(first, last)] = cursor.fetchall()
        if first == last:
            return Currencies([first], np.zeros(len(batch.uuids), dtype=np.int64))
        if len(self._currencies) > KEPT_CURRENCIES:
            self._currencies.clear()
        known = self._currencies
        loans: list[bytes] = batch.uuids.tolist()
        if unknown := [loan.hex() for loan in loans if loan not in known]:
            known.update(_currencies(cursor, unknown))
        of_loan = [known[loan] for loan in loans]
        names = {name: number for number, name in enumerate(sorted(set(of_loan)))}
        return Currencies(list(names), np.array([names[name] for name in of_loan]))


def _currencies(cursor: Cursor[Any], loans: Sequence[str]) -> Iterator[tuple[bytes, str]]:
    """The currencies of loans; ids go as one text and come packed, for a list takes its time."""
    rows = cursor.connection.cursor(binary=True).execute(_CURRENCIES, [",".join(loans)])
    for currency, ids in rows:
        for at in range(0, len(ids), UUID_BYTES):
            yield ids[at : at + UUID_BYTES], currency


_CURRENCIES = """
    SELECT currency, string_agg(uuid_send(loan_id), '') FROM journal_loans
    WHERE loan_id = ANY(string_to_array(%s, ',')::uuid[]) GROUP BY currency
"""


def _packed(batch: Batch, currencies: Currencies, some: Entries) -> bytes:
    """Rows of `journal_entries` for binary COPY."""
    tag = e.tag(some.event).encode()
    width = len(some.accounts)
    array = 20
    rows = np.empty(
        len(some.at),
        dtype=[
            ("columns", ">i2"),
            ("w0", ">i4"), ("loan_id", "V16"), ("w1", ">i4"), ("position", ">i8"),
            ("w2", ">i4"), ("part", ">i2"), ("w3", ">i4"), ("effective_on", ">i4"),
            ("w4", ">i4"), ("recorded_at", ">i8"), ("w5", ">i4"), ("event", f"S{len(tag)}"),
            ("w6", ">i4"), ("currency", "S3"),
            ("w7", ">i4"), ("accounts_head", ">i4", 5),
            ("accounts", [("w", ">i4"), ("v", ">i2")], width),
            ("w8", ">i4"), ("amounts_head", ">i4", 5),
            ("amounts", [("w", ">i4"), ("v", ">i8")], width),
        ],
    )  # fmt: skip
    rows["columns"] = len(ENTRY)
    for at, size in enumerate((16, 8, 2, 4, 8, len(tag), 3, array + 6 * width, array + 12 * width)):
        rows[f"w{at}"] = size
    rows["loan_id"] = batch.uuids[batch.codes[some.at]]
    rows["position"] = batch.positions[some.at]
    rows["part"] = some.part
    rows["effective_on"] = some.days
    rows["recorded_at"] = batch.instants[some.at]
    rows["event"] = tag
    names = np.array(currencies.names, dtype="S3")
    rows["currency"] = names[currencies.of_loan[batch.codes[some.at]]]
    for name, kind, size, values in (
        ("accounts", INT2, 2, np.array(some.accounts)),
        ("amounts", INT8, 8, some.amounts),
    ):
        rows[f"{name}_head"] = (1, 0, kind, width, 1)
        rows[name]["w"] = size
        rows[name]["v"] = values
    return rows.tobytes()


def _totals(
    batch: Batch, currencies: Currencies, entries: Iterable[Entries]
) -> list[tuple[str, date, int, int, int]]:
    """Debits and credits by currency, day and account."""
    found: defaultdict[tuple[int, int, int], list[int]] = defaultdict(lambda: [0, 0])
    for some in entries:
        days, of_day = np.unique(some.days, return_inverse=True)
        cells = currencies.of_loan[batch.codes[some.at]] * len(days) + of_day
        for column, account in enumerate(some.accounts):
            amounts = some.amounts[:, column]
            for side, part in enumerate((np.maximum(amounts, 0), np.maximum(-amounts, 0))):
                sums = np.zeros(len(currencies.names) * len(days), dtype=np.int64)
                add_at(sums, cells, part)
                for cell in np.flatnonzero(sums).tolist():
                    key = (cell // len(days), int(days[cell % len(days)]), int(account))
                    found[key][side] += int(sums[cell])
    return [
        (currencies.names[name], date.fromordinal(on + FIRST_ORDINAL), account, debit, credit)
        for (name, on, account), (debit, credit) in found.items()
    ]
