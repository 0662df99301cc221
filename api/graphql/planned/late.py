"""Which variables of a document are only bound, so that one plan serves all their values."""

from collections import Counter
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    print_ast,
    visit,
)

BOUND = frozenset({"id", "loanNo", "groupNo", "after", "before", "atLeast"})
"""Arguments whose value changes nothing of a statement but what it binds."""

KINDS: dict[str, tuple[type, Any]] = {"String": (str, ""), "ID": (str, ""), "BigInt": (int, 0)}
"""What a late variable of each type is, and what stands for it while a plan is made."""


def late_variables(document: DocumentNode, operation: OperationDefinitionNode) -> dict[str, str]:
    """The names and types of the variables that stand nowhere but as such an argument."""
    uses = Uses()
    visit(document, uses)
    kinds = {
        definition.variable.name.value: print_ast(definition.type).rstrip("!")
        for definition in operation.variable_definitions or ()
    }
    return {
        name: kind
        for name, kind in kinds.items()
        if kind in KINDS and uses.bound[name] == uses.all[name] - 1  # and its definition
    }


class Uses(Visitor):
    """How often each variable stands anywhere, and how often as an argument that is bound."""

    def __init__(self) -> None:
        super().__init__()
        self.all: Counter[str] = Counter()
        self.bound: Counter[str] = Counter()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.all[node.name.value] += 1

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        if node.name.value in BOUND and isinstance(node.value, VariableNode):
            self.bound[node.value.name.value] += 1
