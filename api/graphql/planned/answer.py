"""Answers by plan: one statement, its bytes passed through."""

import json
from datetime import date
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from typing import Any, NamedTuple

import orjson
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType

from api.graphql import readers
from api.graphql.errors import Refused
from api.graphql.limits import faults, parsed, suggestion
from api.graphql.measured import Measured
from api.graphql.planned.asked import Asked, Reading, Unplanned, core, reading
from api.graphql.planned.beside import Beside, asking
from api.graphql.planned.late import KINDS, late_variables
from api.graphql.planned.planner import Plan, made, plan
from api.graphql.said import REASONS, Nullable, Spent, cost, problems
from api.graphql.schema import Schema
from api.graphql.snapshot import ReadPool
from ledger.settings import Settings

KEPT_QUESTIONS = 1_000


class Read(NamedTuple):
    """A question, understood: its plan if it has one, what it costs, how far reads must be.

    ``name`` tells it from every other question; ``cost`` counts the objects it may bring, pages
    multiplied; ``at_least`` is a position; ``nullable`` are roots that may find nothing; ``beside``
    is what there is where only some roots have a plan.
    """

    name: str
    plan: Plan | None
    limit: int
    cost: int = 0
    at_least: int = 0
    nullable: tuple[Nullable, ...] = ()
    beside: Beside | None = None

    def said(self, spent: Spent | None) -> dict[str, int]:
        """Its cost, as answers say it."""
        return cost(self.cost, self.limit, spent)


class Planned(NamedTuple):
    """What is kept of a question for all values of its late variables."""

    plan: Plan | None
    cost: int
    at_least: list[Any]
    nullable: tuple[Nullable, ...]
    beside: Beside | None


class Planner:
    """Reads questions for one schema. Plans are kept: by document, operation, day, and the
    variables that are more than bound.
    """

    def __init__(self, schema: Schema, settings: Settings, *, introspection: bool) -> None:
        self.schema = schema
        self.settings = settings
        self.introspection = introspection
        self._documents = lru_cache(KEPT_QUESTIONS)(self._document)
        self._plans = lru_cache(KEPT_QUESTIONS)(self._planned)

    def read(
        self, document: str, operation: str | None, variables: dict[str, Any] | None, today: date
    ) -> Read:
        """The question as far as it can be understood: resolvers answer or refuse the others."""
        given = variables or {}
        limit = self.settings.graphql_max_cost
        try:
            _, _, kinds = self._documents(document, operation)
            late = {name for name, kind in kinds.items() if type(given.get(name)) is KINDS[kind][0]}
            fixed = {name: value for name, value in given.items() if name not in late}
            planned = self._plans(document, operation, json.dumps([fixed, sorted(late)]), today)
            awaited = [made(one, given) for one in planned.at_least if one is not None]
        except (GraphQLError, Unplanned):
            return Read("", None, limit)
        at_least = max(awaited, default=0)
        read = Read("", None, limit, planned.cost, at_least, planned.nullable)
        try:
            if planned.plan is not None:
                name = _name(document, operation, given, today.isoformat())
                return read._replace(name=name, plan=planned.plan.bound(given))
            if planned.beside is not None:
                return read._replace(beside=planned.beside.bound(given))
        except (GraphQLError, Unplanned):
            pass  # a value that resolvers refuse where it stands
        return read

    def suggestion(
        self, document: str, operation: str | None, variables: dict[str, Any] | None, most: int
    ) -> tuple[str, dict[str, int]]:
        """With which pages a valid question would cost no more than ``most``."""
        tree, _, _ = self._documents(document, operation)
        measured = Measured(core(self.schema), tree, variables or {}, self.settings)
        return suggestion(measured, operation, most)

    def reading(
        self, document: str, operation: str | None, variables: dict[str, Any] | None, today: date
    ) -> Reading:
        """A question on its own. Errors: ``GraphQLError`` for the first thing against it."""
        tree = parsed(document, self.settings.graphql_max_tokens)
        given = variables or {}
        contract = core(self.schema)
        for fault in faults(
            contract, tree, operation, given, self.settings, introspection=self.introspection
        ):
            raise fault
        try:
            _, asked, _ = self._documents(document, operation)
            return reading(self.schema, self.settings, today, tree, asked, given, frozenset())
        except Unplanned:
            told = "the document asks no query, or its variables do not fit"
            raise Refused("invalid-document", told) from None

    def _document(
        self, document: str, operation: str | None
    ) -> tuple[DocumentNode, OperationDefinitionNode, dict[str, str]]:
        """The tree, the query that is asked, and its late variables."""
        tree = parsed(document, self.settings.graphql_max_tokens)
        for node in tree.definitions:
            if not isinstance(node, OperationDefinitionNode) or (
                operation is not None and (node.name is None or node.name.value != operation)
            ):
                continue
            if node.operation is OperationType.QUERY:
                return tree, node, late_variables(tree, node)
        raise Unplanned

    def _planned(self, document: str, operation: str | None, named: str, today: date) -> Planned:
        tree, asked, kinds = self._documents(document, operation)
        fixed, late = json.loads(named)
        variables = {**fixed, **{name: KINDS[kinds[name]][1] for name in late}}
        contract = core(self.schema)
        if faults(
            contract, tree, operation, variables, self.settings, introspection=self.introspection
        ):
            raise Unplanned
        _, nodes, _ = Measured(contract, tree, variables, self.settings).operation(operation)
        understood = reading(
            self.schema, self.settings, today, tree, asked, variables, frozenset(late)
        )
        at_least = [root.value("atLeast", "at_least", int) for _, root in understood.roots()]
        nullable = tuple(_nullable(key, root) for key, root in understood.roots()
                         if root.name in REASONS)  # fmt: skip
        found, rest = plan(understood)
        if not rest:
            return Planned(found, nodes, at_least, nullable, None)
        return Planned(None, nodes, at_least, nullable, self._beside(understood, tree, found, rest))

    def _beside(
        self, understood: Reading, tree: DocumentNode, found: Plan, rest: list[Asked]
    ) -> Beside | None:
        """How to answer by the plan and by resolvers; None where all that is planned is small."""
        roots = dict(understood.roots())
        left = {id(asked.details[0].node) for asked in rest}
        planned = [one for one in roots.values() if id(one.details[0].node) not in left]
        if not any(one.details[0].node.selection_set for one in planned):
            return None
        others = asking(tree, understood.operation, rest)
        try:
            parsed(others, self.settings.graphql_max_tokens)
        except Refused:  # its fragments, taken together, repeat a field too often
            return None
        return Beside(found, others, tuple(roots))


def _nullable(key: str, root: Asked) -> Nullable:
    by_number = root.arguments.get("loan_no") is not None
    return Nullable(key, root.name, "loanNo" if by_number else "id")


def _name(*parts: Any) -> str:
    """Of this code: another version may answer otherwise."""
    return sha256(json.dumps([RELEASE, *parts]).encode()).hexdigest()[:24]


class Seen(NamedTuple):
    """An answer but for what it cost, and how far each read model had read when it was given."""

    body: bytes
    positions: str

    def whole(self, read: Read, spent: Spent | None) -> bytes:
        """The whole answer, with its cost."""
        return b'%b,"cost":%b}}' % (self.body, orjson.dumps(read.said(spent)))


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
        may_read = readers.MAY_READ
        values |= readers.values(key)
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
    body = b'{"data":%b,"extensions":{"position":%d' % (row["data"].encode(), row["position"])
    if unknown := _unknown(read, row["data"]):
        body += b',"problems":' + orjson.dumps(unknown)
    return Seen(body, row["positions"])


def _unknown(read: Read, data: str) -> list[dict[str, Any]]:
    """Why roots are null; the text is read again only where one may be."""
    if not any(f'"{root.key}":null' in data for root in read.nullable):
        return []
    return problems(read.nullable, orjson.loads(data))


POSITIONS = (
    "SELECT concat_ws('.', string_agg(position::text, '.' ORDER BY projection),"
    " to_regclass('read.loans')::oid, hashtext(current_database()),"
    " extract(epoch FROM pg_postmaster_start_time())) AS positions,"
    " coalesce(min(position), 0) AS position FROM read.positions"
)
"""How far each read model is; which tables they are, since a rebuild makes new ones; and in which
database of which run of the server: no answer of another ledger is taken for one of this."""

RELEASE = version("cartera")
