"""The lender's own books, as exports take them: rules applied to the facts of closed months."""

from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

from msgspec.structs import replace
from psycopg import Connection
from psycopg.rows import TupleRow

from ledger.database import connect
from ledger.settings import Settings
from projections.accounting.balances import Place, trial_balance
from projections.accounting.cfdi import register
from projections.accounting.entries import entries
from projections.accounting.entry import Account, AccountBalance, Entry
from projections.accounting.exports.batches import Batch, export, file_of, recent, silent
from projections.accounting.exports.errors import BooksBehind
from projections.accounting.exports.period import Documents, Period
from projections.accounting.exports.settings import ExportSettings, read_settings
from projections.accounting.exports.tally import Told
from projections.accounting.rules import Rules, load_rules

CHUNK = 2_000
BY_EVENT = "event:"


class OwnBooks:
    """Books read on one connection, which sees one moment of them."""

    def __init__(
        self,
        connection: Connection[TupleRow],
        rules: Rules,
        settings: ExportSettings,
        known_at: datetime | None = None,
    ) -> None:
        self._connection, self._rules, self._settings = connection, rules, settings
        [(now,)] = connection.execute("SELECT transaction_timestamp()").fetchall()
        self.known_at: datetime = known_at or now

    def is_closed(self, period: Period) -> bool:
        """Errors: ``BooksBehind`` where what was posted to the month is not all read yet."""
        rows = self._connection.execute(
            "SELECT periods.position <= positions.position FROM ledger.periods AS periods,"
            " read.positions AS positions WHERE month = %s AND projection = 'accounting'",
            [first_day(period)],
        ).fetchall()
        for (read,) in rows:
            if not read:
                raise BooksBehind(str(period))
            return True
        return False

    def accounts(self) -> Mapping[str, Account]:
        return {one.number: one for one in self._rules.chart.accounts()}

    def balances(self, period: Period) -> Iterable[AccountBalance]:
        """Of the company's currency; month 13 is the year's end, without movements."""
        first, last = first_day(period), last_day(period)
        if period.month == 13:
            first = last + timedelta(days=1)
        found = trial_balance(self._connection, self._rules, last, first)
        own = found.get(Place(self._settings.currency, "", ""), [])
        if not self._settings.sat.headings:
            return own
        return rolled_up(own, self._rules.chart.headings, self.accounts())

    def entries(self, period: Period) -> Iterator[Entry]:
        """One per event has its fiscal documents on its lines."""
        if period.month == 13:
            return
        first, last = first_day(period), last_day(period)
        found = entries(self._connection, self._rules, first, last, self._settings.grouping)
        while some := list(islice(found, CHUNK)):
            yield from self._documented(some)

    def documents(self) -> Documents:
        return partial(register.issued, self._connection)

    def _documented(self, some: Sequence[Entry]) -> Iterator[Entry]:
        positions = {
            entry.key: int(entry.key.split(":")[1]) for entry in some
            if entry.key.startswith(BY_EVENT)
        }  # fmt: skip
        found = {}
        if positions:
            found = register.by_position(
                self._connection, list(set(positions.values())), self.known_at
            )
        for entry in some:
            uuids = found.get(positions.get(entry.key, 0), ())
            lines = tuple(replace(line, cfdi=uuids) for line in entry.lines) if uuids else ()
            yield replace(entry, lines=lines) if uuids else entry


def rolled_up(
    balances: Sequence[AccountBalance],
    headings: Sequence[Account],
    accounts: Mapping[str, Account],
) -> list[AccountBalance]:
    """The balances with those of the accounts that gather them, on each one's own side."""
    sums = {one.number: [0, 0, 0, 0] for one in headings}
    for one in balances:
        above = one.account.parent
        while above in sums:
            sign = 1 if accounts[above].nature is one.account.nature else -1
            figures = (sign * one.opening, one.debit, one.credit, sign * one.closing)
            sums[above] = [a + b for a, b in zip(sums[above], figures, strict=True)]
            above = accounts[above].parent
    gathered = [
        AccountBalance(account=accounts[number], opening=a, debit=b, credit=c, closing=d)
        for number, (a, b, c, d) in sums.items()
        if any((a, b, c, d))
    ]
    return sorted([*balances, *gathered], key=lambda one: one.account.number)


def first_day(period: Period) -> date:
    """Month 13 is part of December."""
    return date(period.year, min(period.month, 12), 1)


def last_day(period: Period) -> date:
    """As ``first_day``."""
    first = first_day(period)
    return first.replace(day=monthrange(first.year, first.month)[1])


@contextmanager
def own_books(
    chosen: Settings, settings: ExportSettings, known_at: datetime | None = None
) -> Iterator[OwnBooks]:
    """The books at one moment, on a connection of their own. ``known_at``: with the fiscal
    documents that there were then; entries of a closed month do not change.

    Errors: ``FormError`` for rules or a chart that cannot be.
    """
    rules = load_rules(chosen.accounting_rules, chosen.accounting_chart)
    with connect(chosen, application_name="cartera-accounting") as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield OwnBooks(connection, rules, settings, known_at)


def make_batch(
    chosen: Settings, name: str, period: Period, *, actor: str, told: Told = silent
) -> Batch:
    """A format's file of a closed month, kept in the folder of exports.

    Errors: as ``batches.export``; ``FormError`` for settings, rules or a chart that cannot be.
    """
    settings = read_settings(chosen.accounting_files)
    with (
        connect(chosen, autocommit=True, application_name="cartera-export") as connection,
        own_books(chosen, settings) as books,
    ):
        return export(
            connection, books, name, period, settings, folder=chosen.exports, actor=actor, told=told
        )


def kept_batch(chosen: Settings, number: int) -> tuple[Batch, Path]:
    """A batch and its file. Errors: as ``batches.file_of``."""
    with connect(chosen, autocommit=True, application_name="cartera-export") as connection:
        return file_of(connection, partial(own_books, chosen), number, folder=chosen.exports)


def batches(chosen: Settings, limit: int = 100) -> list[Batch]:
    """The batches there are, the newest first."""
    with connect(chosen) as connection:
        return recent(connection, limit)
