"""What an operation may bring: its depth, its nodes with pages multiplied, its aliases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from ledger.settings import Settings

LIST = 12
"""What a list without pages counts: instalments, promises, components."""


@dataclass
class Measured:
    """Depth, nodes and aliases of a valid document; each fragment is measured once per type."""

    schema: GraphQLSchema
    document: DocumentNode
    variables: Mapping[str, Any]
    limits: Settings
    seen: dict[tuple[str, str], tuple[int, int, int]] = field(default_factory=dict)
    largest_page: int | None = None
    """What no page is counted beyond, to see what smaller ones would come to."""

    def operation(self, name: str | None) -> tuple[int, int, int]:
        """The operation called ``name``, or the only one."""
        measures = []
        for node in self.document.definitions:
            if isinstance(node, OperationDefinitionNode) and (
                name is None or (node.name and node.name.value == name)
            ):
                root = self.schema.get_root_type(node.operation)
                measures.append(self._selections(node.selection_set, root))
        depths, nodes, aliases = zip(*measures, strict=True)
        return max(depths), max(nodes), max(aliases)

    def _selections(
        self, selections: SelectionSetNode, parent: GraphQLNamedType | None
    ) -> tuple[int, int, int]:
        depth = nodes = aliases = 0
        for node in selections.selections:
            match node:
                case FieldNode():
                    measure = self._field(node, parent)
                case InlineFragmentNode():
                    at = node.type_condition
                    inner = self.schema.get_type(at.name.value) if at else parent
                    measure = self._selections(node.selection_set, inner)
                case FragmentSpreadNode():
                    measure = self._fragment(node.name.value)
                case _:
                    raise AssertionError(f"a selection is no {type(node).__name__}")
            depth = max(depth, measure[0])
            nodes += measure[1]
            aliases += measure[2]
        return depth, nodes, aliases

    def _fragment(self, name: str) -> tuple[int, int, int]:
        for node in self.document.definitions:
            if isinstance(node, FragmentDefinitionNode) and node.name.value == name:
                at = node.type_condition.name.value
                if (name, at) not in self.seen:
                    measure = self._selections(node.selection_set, self.schema.get_type(at))
                    self.seen[name, at] = measure
                return self.seen[name, at]
        raise AssertionError(f"fragment {name} was validated and is not there")

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None) -> tuple[int, int, int]:
        alias = int(node.alias is not None)
        if node.name.value.startswith("__"):
            return 1, 1, alias  # graphql-core limits how deep introspection goes
        definition: GraphQLField = getattr(parent, "fields")[node.name.value]  # noqa: B009
        if node.selection_set is None:
            return 1, 0, alias
        inner = get_named_type(definition.type)
        depth, nodes, aliases = self._selections(node.selection_set, inner)
        return depth + 1, self._rows(node, definition, parent) * (1 + nodes), alias + aliases

    def _rows(
        self, node: FieldNode, definition: GraphQLField, parent: GraphQLNamedType | None
    ) -> int:
        """How many objects the field may bring."""
        if "first" in definition.args:
            given = [
                self._whole(argument.value)
                for argument in node.arguments or ()
                if argument.name.value in {"first", "last"}
            ]
            pages = [size for size in given if size is not None]
            asked = max(pages, default=self.limits.default_page_size)
            return asked if self.largest_page is None else min(asked, self.largest_page)
        of_page = parent is not None and parent.name.endswith("Connection")
        is_list = is_list_type(get_nullable_type(definition.type))
        return LIST if is_list and not of_page else 1

    def _whole(self, value: object) -> int | None:
        match value:
            case IntValueNode():
                return max(0, int(value.value))
            case VariableNode():
                given = self.variables.get(value.name.value)
                if isinstance(given, int | float) and isfinite(given):  # 500.0 is an Int too
                    return max(0, int(given))
                return self._default(value.name.value)
            case _:
                return None

    def _default(self, variable: str) -> int | None:
        """What the document says a variable is when it is not given."""
        for node in self.document.definitions:
            if isinstance(node, OperationDefinitionNode):
                for definition in node.variable_definitions or ():
                    if definition.variable.name.value == variable:
                        return self._whole(definition.default_value)
        return None
