"""Relay connections by keyset: a page starts where a row stands, never at a count of rows."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import strawberry

from api.graphql.cursors import cursor, place
from api.graphql.errors import Refused
from ledger.settings import Settings

T = TypeVar("T")
Row = dict[str, Any]


@strawberry.type(description="Where a page stands in its connection.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="One row and where it stands.")
class Edge(Generic[T]):
    cursor: str
    node: T


@strawberry.type(description="A page of rows.")
class Connection(Generic[T]):
    edges: list[Edge[T]]
    page_info: PageInfo
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The rows, for who needs no cursor of each.")
    def nodes(self) -> list[T]:
        return [edge.node for edge in self.edges]

    @strawberry.field(description="How many rows there are on all pages.")
    async def total_count(self) -> int:
        return await self.count()


@dataclass(frozen=True)
class Keyset:
    """A total order: SQL expressions that are never null, the last one unique."""

    name: str
    keys: tuple[tuple[str, type], ...]
    descending: bool = False

    @property
    def columns(self) -> str:
        """The values a cursor is made of, for the select list."""
        return ", ".join(f"{sql} AS key_{n}" for n, (sql, _) in enumerate(self.keys))

    @property
    def kinds(self) -> list[type]:
        """What each value of a cursor is."""
        return [kind for _, kind in self.keys]

    def cursor(self, row: Row) -> str:
        return cursor(self.name, [row[f"key_{n}"] for n in range(len(self.keys))])


@dataclass(frozen=True)
class Slice:
    """Which rows of an order a page asks for."""

    keyset: Keyset
    size: int
    backwards: bool
    after: tuple[Any, ...] | None
    before: tuple[Any, ...] | None

    @property
    def where(self) -> str:
        """The bounds of the page: row comparisons an index answers."""
        row = ", ".join(sql for sql, _ in self.keyset.keys)
        marks = ", ".join(["%s"] * len(self.keyset.keys))
        on, back = ("<", ">") if self.keyset.descending else (">", "<")
        bounds = ["true"]
        if self.after is not None:
            bounds.append(f"({row}) {on} ({marks})")
        if self.before is not None:
            bounds.append(f"({row}) {back} ({marks})")
        return " AND ".join(bounds)

    @property
    def values(self) -> list[Any]:
        """What is bound to the marks of ``where``."""
        return [*(self.after or ()), *(self.before or ())]

    @property
    def tail(self) -> str:
        """Order and length: one row more than the page, to see whether another follows."""
        way = "DESC" if self.keyset.descending is not self.backwards else "ASC"
        order = ", ".join(f"{sql} {way}" for sql, _ in self.keyset.keys)
        return f"ORDER BY {order} LIMIT {self.size + 1}"


def sliced(
    settings: Settings,
    keyset: Keyset,
    first: int | None,
    after: str | None,
    last: int | None = None,
    before: str | None = None,
) -> Slice:
    """The slice that Relay's four arguments describe.

    Errors: ``Refused`` for a page below zero or over the limit, both ends at once, a bad cursor.
    """
    if first is not None and last is not None:
        raise Refused("bad-page", "give first or last, not both")
    given = first if last is None else last
    size = min(settings.default_page_size, settings.max_page_size) if given is None else given
    if size < 0:
        raise Refused("bad-page", "a page cannot have fewer than 0 rows")
    if size > settings.max_page_size:
        raise Refused(
            "page-too-large",
            f"a page may have {settings.max_page_size} rows at most, not {size}",
            suggestedFirst=settings.max_page_size,
        )
    return Slice(keyset, size, last is not None, _bound(after, keyset), _bound(before, keyset))


def _bound(given: str | None, keyset: Keyset) -> tuple[Any, ...] | None:
    if given is None:
        return None
    return tuple(place(given, keyset.name, keyset.kinds))


def connection(
    rows: Sequence[Row],
    asked: Slice,
    build: Callable[[Row], T],
    count: Callable[[], Awaitable[int]],
) -> Connection[T]:
    """The page of what ``asked`` brought."""
    more = len(rows) > asked.size
    shown = list(rows[: asked.size])
    if asked.backwards:
        shown.reverse()
    edges = [Edge(cursor=asked.keyset.cursor(row), node=build(row)) for row in shown]
    return Connection(
        edges=edges,
        page_info=PageInfo(
            has_next_page=asked.before is not None if asked.backwards else more,
            has_previous_page=more if asked.backwards else asked.after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        count=count,
    )
