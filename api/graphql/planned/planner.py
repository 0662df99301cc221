"""From a valid document to the one statement that writes its answer."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

from graphql import GraphQLError

from api.graphql import journal, listing
from api.graphql.arguments import word
from api.graphql.connections import Keyset
from api.graphql.listing import Where
from api.graphql.nodes import loan_named
from api.graphql.planned import lending_groups
from api.graphql.planned.asked import Asked, Late, Reading, Unplanned
from api.graphql.planned.kinds import ENTRY, LOAN, PROMISE, part_of
from api.graphql.planned.named import node
from api.graphql.planned.rows import Kind, Listing, one, page, row_of, told, with_unit
from api.graphql.planned.whole import aging, portfolio, trial_balance
from api.graphql.planned.written import Literal, Written, bare, number, sql, thing


class Plan(NamedTuple):
    """The expression that writes an answer's `data`, and what it binds.

    ``keeps`` is whether the answer stays as it is until a read model moves; ``of_book`` whether
    it is such a one that takes long, because it adds up the whole book.
    """

    data: str
    values: dict[str, Any]
    keeps: bool
    of_book: bool

    def bound(self, variables: Mapping[str, Any]) -> "Plan":
        """With all that is late. Errors: ``Unplanned``, ``Refused``."""
        values = {name: made(value, variables) for name, value in self.values.items()}
        return self._replace(values=values)


def made(value: Any, variables: Mapping[str, Any]) -> Any:
    """A value, made now if it is late."""
    return value.made(variables[value.variable]) if isinstance(value, Late) else value


def plan(reading: Reading) -> tuple[Plan, list[Asked]]:
    """The plan of what is asked, and the roots that it leaves to resolvers: those that have none,
    and those with a bad argument, which is refused where it stands.
    """
    fields: dict[str, Written] = {}
    rest = []
    for key, asked in reading.roots():
        try:
            fields[key] = _root(asked)
        except (GraphQLError, Unplanned):
            rest.append(asked)
    keeps = not reading.asks_log
    whole = Plan(sql(thing(fields)), reading.values, keeps, keeps and reading.asks_book)
    return whole, rest


def _root(asked: Asked) -> Written:
    if asked.name == "__typename":
        return [Literal('"Query"')]
    if asked.name not in ROOTS:
        raise Unplanned
    return ROOTS[asked.name](asked)


POSITION = "SELECT coalesce(min(position), 0) FROM read.positions"


def loan(asked: Asked) -> Written:
    given = {name for name, value in asked.arguments.items() if value is not None}
    if given & {"as_of", "known_at", "at_position"} or len(given & {"id", "loan_no"}) != 1:
        raise Unplanned
    if "id" in given:  # one that names no loan is bound as null, which is equal to nothing
        column, value = "loan_id", asked.value("id", "id", loan_named)
    else:
        column, value = "loan_no", asked.value("loanNo", "loan_no", word)
    where = f"loans.{column} = {asked.reading.bind(value)}"
    row = row_of(asked.reading)
    columns = with_unit("loans.*", "loans.currency")
    return one(row, f"SELECT {columns} FROM read.loans WHERE {where}", told(LOAN, row, asked))


class Source(NamedTuple):
    """A list of the whole book: where it is read, and in which order."""

    kind: Kind
    columns: str
    table: str
    currency: str
    where: Where
    keyset: Keyset
    counted: str


def loans(arguments: dict[str, Any], today: date) -> Source:
    filtered = arguments.get("filter") or listing.LoanFilter()
    if filtered.as_of is not None:
        raise Unplanned
    keyset = listing.loan_keyset(arguments.get("order_by") or listing.LoanOrder(), aged=False)
    where = listing.loans_where(filtered, today)
    counted = listing.KEPT if listing.is_kept(filtered) else "SELECT count(*) FROM read.loans"
    return Source(LOAN, "loans.*", "read.loans AS loans", "loans.currency", where, keyset, counted)


def promises(arguments: dict[str, Any], _: date) -> Source:
    where = listing.promises_where(arguments.get("filter") or listing.PromiseFilter())
    columns, table = listing.PROMISES_LISTED
    counted = f"SELECT count(*) FROM {table}"
    return Source(PROMISE, columns, table, "loans.currency", where, listing.PROMISED, counted)


def journal_entries(arguments: dict[str, Any], _: date) -> Source:
    where = listing.journal_where(arguments.get("filter") or listing.JournalFilter())
    columns, table = journal.ENTRIES
    counted = f"SELECT count(*) FROM {table}"
    return Source(ENTRY, columns, table, "of.currency", where, journal.BOOKED, counted)


LISTS: dict[str, Callable[[dict[str, Any], date], Source]] = {
    "loans": loans,
    "promises": promises,
    "journalEntries": journal_entries,
}


def listed(asked: Asked) -> Written:
    """A page of a list."""
    reading = asked.reading
    source = LISTS[asked.name](asked.arguments, reading.today)
    condition = reading.bound(source.where.sql, source.where.values)
    columns = with_unit(source.columns, source.currency)
    rows = Listing(columns, source.table, condition, f"{source.counted} WHERE {condition}")
    return page(source.kind, row_of(reading), rows, asked, part_of(asked, source.keyset))


ROOTS: dict[str, Callable[[Asked], Written]] = {
    "loan": loan,
    "loans": listed,
    "promises": listed,
    "group": lending_groups.group,
    "groups": lending_groups.listed,
    "node": node,
    "portfolio": portfolio,
    "aging": aging,
    "trialBalance": trial_balance,
    "position": lambda _: number(f"({POSITION})"),
    "businessDate": lambda asked: bare(f"{asked.reading.bind(asked.reading.today)}::date"),
}
"""The roots that are planned. Resolved are pages of the journal, which merge two walks of indexes,
and `projections`."""
