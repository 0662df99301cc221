"""How much one document may ask for: measured before anything is read."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FieldsOnCorrectTypeRule,
    GraphQLError,
    GraphQLSchema,
    IntValueNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationRule,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)
from graphql.execution.values import get_variable_values
from strawberry.extensions import SchemaExtension

from api.graphql.errors import Refused
from api.graphql.measured import Measured
from ledger.settings import Settings

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
    rules = RULES if introspection else (*RULES, NoSchemaIntrospectionCustomRule)
    return (
        _faults(schema, document, rules)
        or list(unclear(document, operation))
        or list(unfit(schema, document, operation, variables))
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


def unfit(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: str | None,
    variables: Mapping[str, Any],
) -> Iterator[GraphQLError]:
    """Variables that are not of the types that the operation says."""
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode) and (
            operation is None or (node.name and node.name.value == operation)
        ):
            wanted = node.variable_definitions or ()
            given = get_variable_values(schema, wanted, dict(variables), max_errors=20)
            for error in given if isinstance(given, list) else ():
                error.extensions = {"code": "bad-variable"}
                yield error


class KnownFields(FieldsOnCorrectTypeRule):
    """A field that its type does not have, with a code of its own."""

    def report_error(self, error: GraphQLError) -> None:
        """Say which."""
        error.extensions = {"code": "unknown-field"}
        super().report_error(error)


RULES = tuple(KnownFields if rule is FieldsOnCorrectTypeRule else rule for rule in specified_rules)


def over(measured: Measured, operation: str | None, limits: Settings) -> Iterator[GraphQLError]:
    """Each limit that the operation goes over, with its code."""
    depth, nodes, aliases = measured.operation(operation)
    for code, what, seen, most in (
        ("too-deep", "levels of fields", depth, limits.graphql_max_depth),
        ("too-many-aliases", "aliases", aliases, limits.graphql_max_aliases),
        ("too-wide", "nodes, pages multiplied", nodes, limits.graphql_max_cost),
    ):
        if seen > most:
            told = f"a query may have {most:,} {what} at most, not {seen:,}"
            hint, extra = suggestion(measured, operation, most) if code == "too-wide" else ("", {})
            yield Refused(code, told + hint, limit=most, asked=seen, **extra)


def suggestion(measured: Measured, operation: str | None, most: int) -> tuple[str, dict[str, int]]:
    """The largest page, the same for every list, with which the operation has ``most`` nodes."""

    def nodes(first: int) -> int:
        return replace(measured, largest_page=first, seen={}).operation(operation)[1]

    first = bisect_right(range(1, measured.limits.max_page_size + 1), most, key=nodes)
    if not first:
        return "; ask for fewer fields that are lists", {}
    return f"; with pages of {first} it would fit", {"suggestedFirst": first}
