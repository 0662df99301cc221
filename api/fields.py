"""What a body may hold: text without surprises, amounts as text, dates a lender could mean."""

from datetime import date
from typing import Annotated, Any

from moneyed import Money
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ledger.money import parse

EARLIEST = date(1900, 1, 1)
LATEST = date(2200, 12, 31)


def text_only(given: Any) -> Any:
    """Refuse numbers where a figure is expected: JSON readers turn them into binary fractions."""
    if isinstance(given, int | float):
        rule = 'must be text such as "1004.62", not a JSON number, which loses cents'
        raise ValueError(rule)  # noqa: TRY004 - what pydantic reports as the field's fault
    return given


def plain(given: str) -> str:
    """Refuse control characters and halves of characters: no name or reference has them."""
    if not given.isprintable():
        raise ValueError("must not have control or unprintable characters")
    return given


def storable(given: str) -> bool:
    """Whether a database could hold the text at all, whoever wrote it."""
    return "\x00" not in given and given.encode("utf-8", "ignore").decode() == given


def plausible(given: date) -> date:
    """Refuse dates that only a typing error makes."""
    if not EARLIEST <= given <= LATEST:
        raise ValueError(f"must lie between {EARLIEST} and {LATEST}")
    return given


def iso(given: Any) -> Any:
    """Dates come as ``YYYY-MM-DD`` only, never as seconds since 1970."""
    if not isinstance(given, str | date) or (isinstance(given, str) and len(given) != 10):
        raise ValueError("must be a date such as 2026-02-15")
    return given


Figure = Annotated[str, BeforeValidator(text_only), Field(max_length=40)]
Words = Annotated[str, AfterValidator(plain), Field(max_length=200)]
Day = Annotated[date, BeforeValidator(iso), AfterValidator(plausible)]
Code = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217", examples=["MXN"])]
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Body(BaseModel):
    """A body with unknown members is refused: they are more often a typing error than extra."""

    model_config = ConfigDict(extra="forbid")


class Effective(Body):
    """What takes effect on a value date."""

    effective_on: Day = Field(description="value date", examples=["2026-02-15"])


class Amount(Effective):
    """An amount that takes effect on a value date."""

    amount: Figure = Field(examples=["1004.62"])
    currency: Code

    @property
    def money(self) -> Money:
        return parse(self.amount, self.currency)
