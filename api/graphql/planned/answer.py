"""Answers by plan: one statement, its bytes passed through."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from typing import Any, NamedTuple

import orjson
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode

from api.graphql.limits import Measured, faults, parsed
from api.graphql.planned.asked import Unplanned, core, reading
from api.graphql.planned.planner import Plan, plan
from api.graphql.schema import Schema
from api.graphql.snapshot import ReadPool
from api.policy import ALLOWED, Action, allows
from ledger.settings import Settings

KEPT_QUESTIONS = 1_000


class Read(NamedTuple):
    """A question, understood: its plan if it has one, what it costs, how far reads must be.

    ``name`` tells it from every other question; ``cost`` counts the objects it may bring, pages
    multiplied; ``at_least`` is a position.
    """

    name: str
    plan: Plan | None
    limit: int
    cost: int = 0
    at_least: int = 0


class Planner:
    """Reads questions for one schema; kept by document, operation, variables and day."""

    def __init__(self, schema: Schema, settings: Settings, *, introspection: bool) -> None:
        self.schema = schema
        self.settings = settings
        self.introspection = introspection
        self._not_understood = Read("", None, settings.graphql_max_cost)
        self._kept = lru_cache(KEPT_QUESTIONS)(self._read)

    def read(
        self, document: str, operation: str | None, variables: dict[str, Any] | None, today: date
    ) -> Read:
        """The question as far as it can be understood: resolvers answer or refuse the others."""
        try:
            given = orjson.dumps(variables or {})
        except orjson.JSONEncodeError:
            return self._not_understood
        return self._kept(document, operation, given, today)

    def _read(self, document: str, operation: str | None, given: bytes, today: date) -> Read:
        variables = orjson.loads(given)
        try:
            tree = parsed(document, self.settings.graphql_max_tokens)
            asked = self._asked(tree, operation, variables)
            if asked is None:
                return self._not_understood
            understood = reading(self.schema, self.settings, today, tree, asked, variables)
            at_least = max((root.at_least for _, root in understood.roots()), default=0)
        except (GraphQLError, Unplanned):
            return self._not_understood
        measured = Measured(core(self.schema), tree, variables, self.settings)
        _, cost, _ = measured.operation(operation)
        name = _name(document, operation or "", given.decode(), today.isoformat())
        read = Read(name, None, self.settings.graphql_max_cost, cost, at_least)
        try:
            return read._replace(plan=plan(understood))
        except (GraphQLError, Unplanned):
            return read

    def _asked(
        self, tree: DocumentNode, operation: str | None, variables: dict[str, Any]
    ) -> OperationDefinitionNode | None:
        """The query that is asked; None where something speaks against it."""
        if faults(
            core(self.schema),
            tree,
            operation,
            variables,
            self.settings,
            introspection=self.introspection,
        ):
            return None
        return next(
            node
            for node in tree.definitions
            if isinstance(node, OperationDefinitionNode)
            and (operation is None or (node.name and node.name.value == operation))
        )  # fmt: skip


def _name(*parts: str) -> str:
    """Of this code: another version may answer otherwise."""
    return sha256(orjson.dumps([RELEASE, *parts])).hexdigest()[:24]


class Seen(NamedTuple):
    """An answer, and how far each read model had read when it was given."""

    body: bytes
    positions: str


@dataclass
class Kept:
    """The latest answers, good for as long as no read model has moved; the oldest go first."""

    most_bytes: int
    answers: OrderedDict[str, Seen] = field(default_factory=OrderedDict)
    size: int = 0

    def get(self, read: Read) -> Seen | None:
        """The last answer to the question, if it is still kept."""
        return self.answers.get(read.name)

    def keep(self, read: Read, seen: Seen) -> None:
        """Remember an answer that follows from the read models alone."""
        assert read.plan is not None, read
        if not read.plan.keeps:
            return
        before = self.answers.pop(read.name, None)
        self.answers[read.name] = seen
        self.size += len(seen.body) - (len(before.body) if before else 0)
        while self.size > self.most_bytes:
            _, gone = self.answers.popitem(last=False)
            self.size -= len(gone.body)


async def answer(
    pool: ReadPool, read: Read, key: bytes | None = None, known: Seen | None = None
) -> Seen | None:
    """The whole answer by plan; None if there is none this way. ``known`` is given again if it is
    still true.

    With the digest of a ``key``, none unless it may read: the same statement looks. One statement
    sees one moment: under READ COMMITTED it looks after it holds its tables, so that a rebuild
    swapped in meanwhile is seen whole.
    """
    if read.plan is None:
        return None
    values = {**read.plan.values, "known": known.positions if known else ""}
    may_read = "true"
    if key is not None:
        may_read = MAY_READ
        values |= {"key": key, "readers": READERS}
    statement = (
        f"SELECT positions, position, {may_read} AS allowed,"
        f" CASE WHEN {may_read} AND positions <> %(known)s THEN {read.plan.data} END AS data"
        f" FROM ({POSITIONS}) AS reached"
    )
    async with pool.connection() as connection:
        ran = await connection.execute(statement.encode(), values)
        row = await ran.fetchone()
    assert row is not None, "a statement of one row"
    if not row["allowed"] or row["position"] < read.at_least:
        return None
    if row["data"] is None:
        return known
    told = orjson.dumps(extensions(row["position"], read))
    body = b'{"data":%b,"extensions":%b}' % (row["data"].encode(), told)
    return Seen(body, row["positions"])


def extensions(position: int, read: Read) -> dict[str, Any]:
    """What every answer says of itself."""
    return {"position": position, "cost": {"requested": read.cost, "limit": read.limit}}


POSITIONS = (
    "SELECT coalesce(string_agg(position::text, '.' ORDER BY projection), '0') AS positions,"
    " coalesce(min(position), 0) AS position FROM read.positions"
)
MAY_READ = (
    "EXISTS (SELECT FROM ledger.api_keys"
    " WHERE digest = %(key)s AND revoked_at IS NULL AND roles && %(readers)s)"
)
READERS = [role for role in ALLOWED if allows([role], Action.READ)]
RELEASE = version("cartera")
