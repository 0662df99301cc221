"""One field of a document where it stands: its arguments, what is selected of it, what is bound."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    get_named_type,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values
from strawberry import Schema
from strawberry.types.arguments import convert_arguments

from api.graphql.planned.written import Literal, Written, thing
from ledger.settings import Settings


class Late(NamedTuple):
    """What ``made`` makes of a variable, each time a plan is used."""

    variable: str
    made: Callable[[Any], Any]


class Unplanned(Exception):
    """There is no plan for what is asked."""


@dataclass
class Reading:
    """One operation with its variables, and the values that its statement binds.

    ``late`` are the variables that are only bound, so that one plan serves all their values;
    ``asks_log`` is whether it reads the log itself, which is ahead of the read models, and
    ``asks_book`` whether it adds up the whole book.
    """

    contract: Schema
    settings: Settings
    today: date
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    variables: VariableValues
    late: frozenset[str]
    values: dict[str, Any] = field(default_factory=dict)
    rows: int = 0
    asks_log: bool = False
    asks_book: bool = False

    @property
    def schema(self) -> GraphQLSchema:
        """The contract as graphql-core knows it."""
        return core(self.contract)

    def bind(self, value: Any) -> str:
        """The mark that stands for ``value``, late or not, in the statement."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"

    def bound(self, condition: str, values: Sequence[Any]) -> str:
        """``condition`` with a mark of its own for each ``%s``."""
        head, *rest = condition.split("%s")
        return head + "".join(
            self.bind(value) + after for value, after in zip(values, rest, strict=True)
        )

    def alias(self) -> str:
        """A new name for a row."""
        self.rows += 1
        return f"r{self.rows}"

    def roots(self) -> Iterator[tuple[str, "Asked"]]:
        """The fields asked of the query, by the names they are answered under."""
        query = self.schema.query_type
        assert query is not None, "a schema without a query"
        collected = collect_fields(
            self.schema, self.fragments, self.variables, query, self.operation
        )
        for name, details in collected.grouped_field_set.items():
            yield name, Asked(self, query, details)


def core(contract: Schema) -> GraphQLSchema:
    """Strawberry's schema as graphql-core knows it."""
    schema: GraphQLSchema = contract._schema  # noqa: SLF001 - no other way to it
    return schema


def reading(
    contract: Schema,
    settings: Settings,
    today: date,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: dict[str, Any],
    late: frozenset[str],
) -> Reading:
    """What a valid document asks with these variables. Errors: ``Unplanned`` for bad ones."""
    given = get_variable_values(core(contract), operation.variable_definitions or (), variables)
    if not isinstance(given, VariableValues):
        raise Unplanned
    fragments = {
        node.name.value: FragmentDetails(node)
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    return Reading(contract, settings, today, operation, fragments, given, late)


@dataclass
class Asked:
    """A field of ``parent``, asked by one or more nodes that are answered as one."""

    reading: Reading
    parent: GraphQLObjectType
    details: list[FieldDetails]
    of: GraphQLObjectType | None = None
    """The type of what it answers, where the schema leaves it open."""

    @property
    def name(self) -> str:
        return self.details[0].node.name.value

    @property
    def definition(self) -> GraphQLField:
        of: GraphQLField = self.parent.fields[self.name]
        return of

    @property
    def arguments(self) -> dict[str, Any]:
        """Its arguments as a resolver gets them."""
        if self.name not in self.parent.fields:  # `__typename` and the like
            return {}
        first = self.details[0]
        given = get_argument_values(
            self.definition, first.node, self.reading.variables, first.fragment_variable_values
        )
        if not given:
            return {}
        told = self.definition.extensions["strawberry-definition"]
        contract = self.reading.contract
        return convert_arguments(
            given, told.arguments, contract.schema_converter.scalar_registry, contract.config
        )

    def value(self, argument: str, python: str, made: Callable[[Any], Any]) -> Any:
        """What ``made`` makes of an argument, ``Late`` where it may wait; None if not given."""
        for given in self.details[0].node.arguments or ():
            if given.name.value == argument and isinstance(given.value, VariableNode):
                variable = given.value.name.value
                if variable in self.reading.late:
                    return Late(variable, made)
        found = self.arguments.get(python)
        return None if found is None else made(found)

    def being(self, kind: str) -> "Asked":
        """The same, where it answers an object of that type."""
        of = self.reading.schema.type_map[kind]
        assert isinstance(of, GraphQLObjectType), of
        return replace(self, of=of)

    def fields(self) -> Iterator[tuple[str, "Asked"]]:
        """What is selected of it, by the names it is answered under."""
        of = self.of or get_named_type(self.definition.type)
        assert isinstance(of, GraphQLObjectType), of
        reading = self.reading
        collected = collect_subfields(
            reading.schema, reading.fragments, reading.variables, reading.operation, of,
            self.details,
        )  # fmt: skip
        for key, details in collected.grouped_field_set.items():
            yield key, Asked(reading, of, details)

    def thing(self, tell: "Callable[[str, Asked], Written]") -> Written:
        """The object it answers; ``tell`` writes each field.

        Errors: ``Unplanned`` for a field that ``tell`` does not know.
        """
        return thing(
            {
                key: [Literal(f'"{asked.parent.name}"')]
                if asked.name == "__typename"
                else tell(asked.name, asked)
                for key, asked in self.fields()
            }
        )
