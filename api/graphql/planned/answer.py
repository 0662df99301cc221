"""Answers by plan: one statement, its bytes passed through."""

from datetime import date
from functools import lru_cache
from typing import Any

import orjson
from graphql import GraphQLError, OperationDefinitionNode, OperationType

from api.graphql.limits import faults, parsed
from api.graphql.planned.asked import Unplanned, core, reading
from api.graphql.planned.planner import POSITION, Plan, plan
from api.graphql.schema import Schema
from api.graphql.snapshot import ReadPool
from api.policy import ALLOWED, Action, allows
from ledger.settings import Settings

KEPT_PLANS = 1_000


class Planner:
    """The plans of one schema, kept by document, operation, variables and day."""

    def __init__(self, schema: Schema, settings: Settings, *, introspection: bool) -> None:
        self.schema = schema
        self.settings = settings
        self.introspection = introspection
        self._kept = lru_cache(KEPT_PLANS)(self._planned)

    def planned(
        self, document: str, operation: str | None, variables: dict[str, Any] | None, today: date
    ) -> Plan | None:
        """The plan of a question; None where the resolvers answer or refuse it."""
        try:
            given = orjson.dumps(variables or {})
        except orjson.JSONEncodeError:
            return None
        return self._kept(document, operation, given, today)

    def _planned(
        self, document: str, operation: str | None, given: bytes, today: date
    ) -> Plan | None:
        variables = orjson.loads(given)
        try:
            tree = parsed(document, self.settings.graphql_max_tokens)
            if faults(
                core(self.schema),
                tree,
                operation,
                variables,
                self.settings,
                introspection=self.introspection,
            ):
                return None
            asked = next(
                node
                for node in tree.definitions
                if isinstance(node, OperationDefinitionNode)
                and (operation is None or (node.name and node.name.value == operation))
            )
            if asked.operation is not OperationType.QUERY:
                return None
            return plan(reading(self.schema, self.settings, today, tree, asked, variables))
        except (GraphQLError, Unplanned):
            return None


async def answer(pool: ReadPool, plan: Plan, key: bytes | None = None) -> bytes | None:
    """The whole answer of a plan, with the position it is true at.

    With the digest of a ``key``, None unless it may read: the same statement looks. One statement
    sees one moment: under READ COMMITTED it looks after it holds its tables, so that a rebuild
    swapped in meanwhile is seen whole.
    """
    data, values = plan.data, plan.values
    if key is not None:
        data = f"CASE WHEN {MAY_READ} THEN {data} END"
        values = values | {"key": key, "readers": READERS}
    async with pool.connection() as connection:
        ran = await connection.execute(
            f"SELECT {data} AS data, ({POSITION}) AS position".encode(), values
        )
        row = await ran.fetchone()
    assert row is not None, "a statement of one row"
    if row["data"] is None:
        return None
    return f'{{"data":{row["data"]},"extensions":{{"position":{row["position"] or 0}}}}}'.encode()


MAY_READ = (
    "EXISTS (SELECT FROM ledger.api_keys"
    " WHERE digest = %(key)s AND revoked_at IS NULL AND roles && %(readers)s)"
)
READERS = [role for role in ALLOWED if allows([role], Action.READ)]
