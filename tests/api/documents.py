"""Random GraphQL documents over our schema, with arguments, aliases, fragments, directives."""

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_required_argument,
)
from hypothesis import strategies as st

DATES = ("2026-01-20", "2026-02-15", "2026-03-31", "2027-06-30")
DIRECTIVES = ("", "", "", " @skip(if: false)", " @include(if: $yes)", " @skip(if: $yes)")
WHOLE = {"portfolio", "aging"}
COMPUTED = {"asOf", "knownAt", "atPosition"}
"""Arguments for another moment than now, which no plan is made for but of the whole book."""


class Maker:
    """Makes selections of the schema's types; what it skips, no document asks for."""

    def __init__(self, schema, draw, known, skip):
        self.schema, self.draw, self.known, self.skip = schema, draw, known, skip
        self.fragments = []
        self.aliases = 0

    def document(self, roots):
        query = self.schema.query_type
        chosen = self.draw(st.lists(st.sampled_from(sorted(roots)), min_size=1, max_size=3))
        body = " ".join(self.field(query, name, 3) for name in chosen)
        return (
            f"query Asked($yes: Boolean = true) {{ __typename @include(if: $yes) {body} }}"
            + "".join(self.fragments)
        )

    def field(self, parent, name, depth):
        definition = parent.fields[name]
        arguments = ", ".join(
            f"{argument}: {value}"
            for argument, given in definition.args.items()
            if argument not in COMPUTED or name in WHOLE
            if (value := self.value(argument, given)) is not None
        )
        self.aliases += 1
        named = self.draw(st.sampled_from([f"a{self.aliases}: {name}"] if arguments else [name]))
        directive = self.draw(
            st.sampled_from(["", "", "", " @skip(if: false)", " @include(if: $yes)"])
        )
        inner = get_named_type(definition.type)
        body = ""
        if isinstance(inner, GraphQLObjectType):
            body = self.selection(inner, depth - 1)
        elif isinstance(inner, GraphQLInterfaceType):
            kinds = self.schema.get_implementations(inner).objects
            parts = (f"... on {kind.name}{self.selection(kind, depth - 1)}" for kind in kinds)
            body = f" {{ __typename id {' '.join(parts)} }}"
        return f"{named}{f'({arguments})' if arguments else ''}{directive}{body}"

    def selection(self, kind, depth):
        names = [
            name
            for name, definition in kind.fields.items()
            if (kind.name, name) not in self.skip
            and (depth > -4 or not isinstance(get_named_type(definition.type), GraphQLObjectType))
        ]
        if not names:
            return " { __typename }"
        chosen = self.draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True))
        body = " ".join(self.field(kind, name, depth) for name in chosen)
        match self.draw(st.integers(0, 6)):
            case 0:
                return f" {{ ... on {kind.name} {{ {body} }} __typename }}"
            case 1:
                named = f"part{len(self.fragments)}"
                self.fragments.append(f" fragment {named} on {kind.name} {{ {body} }}")
                return f" {{ ...{named} }}"
            case _:
                return f" {{ {body} }}"

    def value(self, name, argument):
        if not is_required_argument(argument) and self.draw(st.booleans()) and name != "loanNo":
            return None
        kind = get_named_type(argument.type)
        if name in {"first", "last"}:
            return str(self.draw(st.integers(0, 7))) if name == "first" else None
        if name in self.known:
            return self.draw(st.sampled_from(self.known[name]))
        if isinstance(kind, GraphQLEnumType):
            one = self.draw(st.sampled_from(sorted(kind.values)))
            return f"[{one}]" if is_list_type(get_nullable_type(argument.type)) else one
        if isinstance(kind, GraphQLInputObjectType):
            fields = {
                field: value
                for field, given in kind.fields.items()
                if field not in COMPUTED
                and self.draw(st.integers(0, 3)) == 0
                and (value := self.value(field, given))
            }
            return "{" + ", ".join(f"{field}: {value}" for field, value in fields.items()) + "}"
        if kind.name == "Date":
            return f'"{self.draw(st.sampled_from(DATES))}"'
        return None
