"""How much one document may ask for: measured before anything is read."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationRule,
    VariableNode,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_list_type,
    parse,
    specified_rules,
    validate,
    visit,
)
from strawberry.extensions import SchemaExtension

from api.graphql.errors import Refused
from ledger.settings import Settings

LIST = 12
"""What a list without pages counts: instalments, promises, components."""

CACHED_DOCUMENTS = 256
LONGEST_NUMBER = 20
MOST_REPEATS = 30
"""Comparing repeated fields, which have to be merged, takes the square of their number."""


@lru_cache(CACHED_DOCUMENTS)
def parsed(document: str, most_tokens: int) -> DocumentNode:
    """The document's tree. Errors: ``Refused`` when it is longer than allowed."""
    try:
        tree = parse(document, max_tokens=most_tokens)
    except GraphQLError as error:
        if f"more than {most_tokens} tokens" in error.message:
            raise Refused(
                "document-too-long", f"a document may have {most_tokens} tokens at most"
            ) from error
        if "nested too deeply" in error.message:
            raise Refused("too-deep", "a document may not be nested that deep") from error
        raise
    visit(tree, Plain())
    return tree


class Plain(Visitor):
    """Refuses what costs a lot to validate: endless numbers, one field asked over and over."""

    def enter_int_value(self, node: IntValueNode, *_: Any) -> None:
        if len(node.value) > LONGEST_NUMBER:
            raise Refused("bad-argument", f"a number has {LONGEST_NUMBER} digits at most")

    def enter_selection_set(self, node: SelectionSetNode, *_: Any) -> None:
        names = Counter(
            (one.alias or one.name).value if isinstance(one, FieldNode) else "..."
            for one in node.selections
        )
        if max(names.values(), default=0) > MOST_REPEATS:
            told = f"a field or fragments may stand {MOST_REPEATS} times side by side at most"
            raise Refused("too-many-repeats", told)


@lru_cache(CACHED_DOCUMENTS)
def _faults(
    schema: GraphQLSchema, document: DocumentNode, rules: tuple[type[ValidationRule], ...]
) -> list[GraphQLError]:
    return validate(schema, document, rules, max_errors=20)


class Limits(SchemaExtension):
    """Parses and validates each document once, then measures it; refuses what is over a limit."""

    settings: Settings
    introspection: bool

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        context.graphql_document = parsed(context.query or "", self.settings.graphql_max_tokens)
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        document = context.graphql_document
        assert document is not None, "validated before it was parsed"
        context.pre_execution_errors = faults(
            context.schema._schema,  # noqa: SLF001 - graphql-core's own
            document,
            context._provided_operation_name,  # noqa: SLF001
            context.variables or {},
            self.settings,
            introspection=self.introspection,
        )
        yield


def faults(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: str | None,
    variables: Mapping[str, Any],
    settings: Settings,
    *,
    introspection: bool,
) -> list[GraphQLError]:
    """What speaks against answering the operation: invalid, unclear or over a limit."""
    rules = tuple(specified_rules)
    if not introspection:
        rules = (*rules, NoSchemaIntrospectionCustomRule)
    return (
        _faults(schema, document, rules)
        or list(unclear(document, operation))
        or list(over(Measured(schema, document, variables, settings), operation, settings))
    )


def unclear(document: DocumentNode, operation: str | None) -> Iterator[GraphQLError]:
    """Whether it can be told which operation is meant."""
    names = [
        node.name.value if node.name else None
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode)
    ]
    if operation is None and len(names) > 1:
        yield GraphQLError("the document has several operations: say which by operationName")
    if operation is not None and operation not in names:
        yield GraphQLError("the document has no operation of that operationName")


def over(measured: "Measured", operation: str | None, limits: Settings) -> Iterator[GraphQLError]:
    """Each limit that the operation goes over, with its code."""
    depth, nodes, aliases = measured.operation(operation)
    for code, what, seen, most in (
        ("too-deep", "levels of fields", depth, limits.graphql_max_depth),
        ("too-many-aliases", "aliases", aliases, limits.graphql_max_aliases),
        ("too-wide", "nodes, pages multiplied", nodes, limits.graphql_max_cost),
    ):
        if seen > most:
            hint = "; ask for smaller pages" if code == "too-wide" else ""
            yield Refused(
                code, f"a query may have {most:,} {what} at most, not {seen:,}{hint}",
                limit=most, asked=seen,
            )  # fmt: skip


@dataclass
class Measured:
    """Depth, nodes and aliases of a valid document; each fragment is measured once per type."""

    schema: GraphQLSchema
    document: DocumentNode
    variables: Mapping[str, Any]
    limits: Settings
    seen: dict[tuple[str, str], tuple[int, int, int]] = field(default_factory=dict)

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
            return max(pages, default=self.limits.default_page_size)
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
