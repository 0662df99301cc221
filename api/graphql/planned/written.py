"""JSON as PostgreSQL writes it: literal text and expressions, joined by ``||``.

Text joined piece by piece costs a third of ``json_build_object``; so each piece must be valid JSON
and never null. Expressions are ours alone: what a client sends is bound, never written here.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from moneyed import CURRENCIES

from ledger.money import decimals


class Literal(NamedTuple):
    """Text of the answer, as it is."""

    text: str


Written: TypeAlias = list[Literal | str]
"""Literals, and SQL expressions that are never null."""


def sql(written: Written) -> str:
    """One expression of type text; neighbouring literals become one."""
    terms: list[str] = []
    literal = ""
    for piece in [*written, ""]:
        if isinstance(piece, Literal):
            literal += piece.text
            continue
        if literal or not terms:
            terms.append(_quoted(literal))
            literal = ""
        if piece:
            terms.append(f"({piece})")
    return " || ".join(terms)


def _quoted(literal: str) -> str:
    return "'" + literal.replace("'", "''").replace("%", "%%") + "'"


def nullable(written: Written) -> Written:
    """Null where any expression in it is."""
    return [f"coalesce({sql(written)}, 'null')"]


def choice(absent: str, written: Written) -> Written:
    """Null where ``absent`` holds."""
    return [f"CASE WHEN {absent} THEN 'null' ELSE {sql(written)} END"]


def thing(fields: Mapping[str, Written]) -> Written:
    """An object with those fields, in that order."""
    written: Written = []
    for name, value in fields.items():
        written += [Literal(f'{"," if written else "{"}"{name}":'), *value]
    return [*written, Literal("}")] if fields else [Literal("{}")]


def number(expression: str) -> Written:
    """A whole number."""
    return [expression]


def truth(expression: str) -> Written:
    """A boolean."""
    return [f"({expression})::text"]


def bare(expression: str) -> Written:
    """Text in which nothing needs an escape: dates, UUIDs, decimals, words of ours."""
    return [Literal('"'), expression, Literal('"')]


def words(expression: str) -> Written:
    """Any text."""
    return [f"to_json({expression})"]


def instant(expression: str) -> Written:
    """A booking time in UTC, as Python writes it: microseconds only where there are any."""
    shown = f"""to_char({expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""
    return bare(f"replace({shown}, '.000000+', '+')")


def opaque(plain: str) -> str:
    """Text as base64 for addresses, without padding; ``plain`` is an expression of type bytea."""
    return f"translate(encode({plain}, 'base64'), E'+/\\n=', '-_')"


def global_id(kind: str, *parts: str) -> Written:
    """As `api.graphql.nodes.global_id` makes it."""
    plain = f"'{kind}'" + "".join(f" || ':' || {part}" for part in parts)
    return bare(opaque(f"convert_to({plain}, 'UTF8')"))


def _unit() -> str:
    """What one minor unit is of a currency: times it, an amount has the currency's decimals."""
    by_places: dict[int, list[str]] = {}
    for code in CURRENCIES:
        by_places.setdefault(decimals(code), []).append(code)
    cases = " ".join(
        f"WHEN {{currency}} IN ({', '.join(repr(code) for code in sorted(codes))})"
        f" THEN {10**-places if places == 0 else f'0.{1:0{places}}'}"
        for places, codes in sorted(by_places.items())
        if places != 2
    )
    return f"CASE {cases} ELSE 0.01 END"


UNIT = _unit()
"""An expression over ``{currency}``."""
