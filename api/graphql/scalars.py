"""Money, amounts by component and whole numbers beyond 32 bits, as GraphQL shows them."""

from collections.abc import Mapping
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from domain.loan import COMPONENTS, Amounts
from ledger.money import text

BigInt = NewType("BigInt", int)

SCALARS: Mapping[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number of up to 64 bits.",
        serialize=int,
        parse_value=int,
    )
}


@strawberry.type(description="An exact amount. Never read it as a binary fraction.")
class Money:
    amount: str = strawberry.field(description='Plain decimal text, such as "1004.62".')
    currency: str = strawberry.field(description="ISO 4217 code.")
    minor: BigInt = strawberry.field(description="The amount in minor units (centavos).")


def money(minor: int, currency: str) -> Money:
    return Money(amount=text(minor, currency), currency=currency, minor=BigInt(minor))


def money_or_none(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else money(minor, currency)


@strawberry.type(description="An amount by component of the debt.")
class Components:
    fee_tax: Money
    fee: Money
    late_interest_tax: Money
    late_interest: Money
    interest_tax: Money
    interest: Money
    principal: Money
    total: Money


def components(figures: Mapping[str, Any] | Amounts, currency: str, prefix: str = "") -> Components:
    """Of a row with one column per component (``prefix`` before it), or of domain amounts."""
    if isinstance(figures, Amounts):
        by_name = {name: getattr(figures, name) for name in COMPONENTS}
    else:
        by_name = {name: figures[f"{prefix}{name}"] for name in COMPONENTS}
    shown = {str(name): money(amount, currency) for name, amount in by_name.items()}
    return Components(**shown, total=money(sum(by_name.values()), currency))
