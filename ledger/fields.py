"""One mapping of a form, read field by field; a refusal names the field by its path, and the rule.

Amounts and rates are text: a number that passed through a float may have lost its cents.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from domain.limits import MAX_RATE
from ledger.money import FormError, minor, parse

MAX_WHOLE = 10**9
MAX_TEXT = 500
LONGEST_KEY = 80  # of one we do not know, in what we say about it
REQUIRED: Any = object()
"""In place of a default: the field must be there."""

_Choice = TypeVar("_Choice", bound=StrEnum)
_PERCENT = re.compile(r"-?\d{1,9}(\.\d{1,9})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Fields:
    """One mapping of a form, read field by field; what nobody asked for is an unknown key."""

    def __init__(self, form: Any, at: str = "") -> None:
        if not isinstance(form, Mapping):
            raise FormError(at or "form", f"must be a mapping of fields, not {_kind(form)}")
        self.form = form
        self.at = at
        self.asked: set[str] = set()

    def name(self, field: str) -> str:
        """The field as the reader of an error finds it: its path from the form's root."""
        return f"{self.at}.{field}" if self.at else field

    def take(self, field: str, default: Any = REQUIRED) -> Any:
        """The bare value; a field left empty counts as absent."""
        self.asked.add(field)
        value = self.form.get(field)
        if value is not None:
            return value
        if default is REQUIRED:
            raise FormError(self.name(field), "is missing")
        return default

    def done(self) -> None:
        """Refuse the keys that were never asked for."""
        for key in self.form:
            if key not in self.asked:
                named = self.name(str(key)[:LONGEST_KEY])
                raise FormError(named, "is an unknown key")

    def amount(self, field: str, currency: str, default: Any = REQUIRED) -> int:
        """Minor units of an amount written as text; ``default`` is in minor units already."""
        if default is not REQUIRED and self.take(field, None) is None:
            return int(default)
        value = self.take(field)
        if not isinstance(value, str):
            raise FormError(self.name(field), f'must be text such as "1200.00", not {_kind(value)}')
        return minor(parse(value, currency, self.name(field)), self.name(field))

    def rate(self, field: str, default: Any = REQUIRED, *, lowest: int = 0) -> int:
        """Millionths of a percentage written as text; ``default`` is in millionths already."""
        if default is not REQUIRED and self.take(field, None) is None:
            return int(default)
        value = self.take(field)
        if not isinstance(value, str):
            raise FormError(self.name(field), f'must be text such as "36.00", not {_kind(value)}')
        return percent(value, self.name(field), lowest)

    def whole(self, field: str, default: Any = REQUIRED) -> int:
        value = self.take(field, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise FormError(self.name(field), f"must be a whole number, not {_kind(value)}")
        if abs(value) > MAX_WHOLE:
            raise FormError(self.name(field), f"must be within {MAX_WHOLE}")
        return value

    def day(self, field: str, default: Any = REQUIRED) -> date:
        value = self.take(field, default)
        return value if value is default else _day(value, self.name(field))

    def text(self, field: str, default: Any = REQUIRED, longest: int = MAX_TEXT) -> str:
        value = self.take(field, default)
        if not isinstance(value, str):
            raise FormError(self.name(field), f"must be text, not {_kind(value)}")
        if len(value) > longest or "\x00" in value:
            raise FormError(self.name(field), f"must be at most {longest} plain characters")
        return value

    def flag(self, field: str) -> bool:
        """A verb without arguments, written ``verb: true``."""
        if self.take(field) is not True:
            raise FormError(self.name(field), "must be true")
        return True

    def either(self, field: str, *, otherwise: bool = False) -> bool:
        """True or false; ``otherwise`` where it is absent."""
        value = self.take(field, otherwise)
        if not isinstance(value, bool):
            raise FormError(self.name(field), f"must be true or false, not {_kind(value)}")
        return value

    def part(self, field: str) -> "Fields | None":
        """The fields of a mapping of its own; None where there is none."""
        value = self.take(field, None)
        return None if value is None else Fields(value, self.name(field))

    def choice(self, field: str, kind: type[_Choice], default: Any = REQUIRED) -> _Choice:
        value = self.take(field, default)
        return value if isinstance(value, kind) else one_of(value, kind, self.name(field))

    def rows(self, field: str) -> list[Any]:
        """A list, absent where there is none."""
        value = self.take(field, [])
        if not isinstance(value, list):
            raise FormError(self.name(field), f"must be a list, not {_kind(value)}")
        return value


def percent(given: str, field: str, lowest: int = 0) -> int:
    """Millionths of a percentage: "36.00" is 360_000."""
    if not _PERCENT.fullmatch(given):
        raise FormError(field, f'must be a percentage such as "36.00", not {given[:40]!r}')
    millionths = Decimal(given) * 10_000
    if millionths != millionths.to_integral_value():
        raise FormError(field, "has more than four decimals")
    if not lowest <= millionths <= MAX_RATE:
        rule = f"must be between {lowest // 10_000} and {MAX_RATE // 10_000} percent"
        raise FormError(field, rule)
    return int(millionths)


def one_of(value: Any, kind: Callable[[Any], _Choice], field: str) -> _Choice:
    try:
        return kind(value)
    except ValueError:
        allowed: Any = kind
        listed = ", ".join(str(one) for one in allowed)
        raise FormError(field, f"{str(value)[:40]!r} is not one of: {listed}") from None


def _day(value: Any, field: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise FormError(field, f"{value} is not a day of the calendar") from None
    raise FormError(field, f"must be a date such as 2026-01-31, not {_kind(value)}")


_KINDS = {bool: "true or false", int: "a number", float: "a number with a point", str: "text",
          list: "a list", dict: "a mapping", type(None): "nothing"}  # fmt: skip


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return f"{value[:40]!r}"
    return _KINDS.get(type(value), type(value).__name__)
