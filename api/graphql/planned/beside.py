"""Documents of which only some roots have a plan: the other roots are resolved beside it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import structlog
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    print_ast,
    visit,
)
from psycopg import Error
from psycopg.errors import QueryCanceled

from api.graphql.planned.asked import Asked
from api.graphql.planned.planner import Plan
from api.graphql.snapshot import Snapshot
from api.problems import DATABASE_AWAY
from projections.rebuild import LIVE

log = structlog.get_logger("cartera.api")


class Beside(NamedTuple):
    """A plan of some roots, a document that asks the rest, and the order of all."""

    plan: Plan
    rest: str
    keys: tuple[str, ...]

    def bound(self, variables: Mapping[str, Any]) -> "Beside":
        """With all that is late. Errors: ``Unplanned``, ``Refused``."""
        return self._replace(plan=self.plan.bound(variables))

    def joined(
        self, planned: Mapping[str, Any], resolved: Mapping[str, Any] | None
    ) -> dict[str, Any] | None:
        """The whole answer; none where a root that must not be null is."""
        if resolved is None:
            return None
        return {key: planned[key] if key in planned else resolved[key] for key in self.keys}


async def by_plan(view: Snapshot, beside: Beside | None) -> dict[str, Any] | None:
    """What the planned roots answer, in the snapshot that the others are resolved in.

    None for other books than the live ones, whose day is another, and where the statement fails:
    resolvers say then what is wrong. Errors: the database's own, when it went away.
    """
    if beside is None or view.books != LIVE:
        return None
    try:
        async with view.connection.transaction():  # a savepoint: the snapshot outlives a failure
            [row] = await view.rows(f"SELECT {beside.plan.data} AS data", beside.plan.values)
    except Error as error:
        if isinstance(error, DATABASE_AWAY) and not isinstance(error, QueryCanceled):
            raise
        log.warning("no answer by plan", reason=type(error).__name__)
        return None
    told: dict[str, Any] = orjson.loads(row["data"])
    return told


def asking(tree: DocumentNode, operation: OperationDefinitionNode, roots: Sequence[Asked]) -> str:
    """The document that asks those roots alone, with the fragments and variables they use."""
    nodes = [detail.node for root in roots for detail in root.details]
    fragments = {
        node.name.value: node
        for node in tree.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    used, reached = Used(), dict[str, FragmentDefinitionNode]()
    waiting: list[Node] = [*nodes]
    while waiting:
        visit(waiting.pop(), used)
        for name in used.fragments - reached.keys():
            reached[name] = fragments[name]
            waiting.append(fragments[name])
    asked = OperationDefinitionNode(
        operation=operation.operation,
        name=operation.name,
        variable_definitions=tuple(
            one
            for one in operation.variable_definitions or ()
            if one.variable.name.value in used.variables
        ),
        directives=(),
        selection_set=SelectionSetNode(selections=tuple(nodes)),
    )
    return "\n".join(print_ast(node) for node in (asked, *reached.values()))


class Used(Visitor):
    """Names of the variables and fragments that stand in what is visited."""

    def __init__(self) -> None:
        super().__init__()
        self.variables: set[str] = set()
        self.fragments: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.variables.add(node.name.value)

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.fragments.add(node.name.value)
