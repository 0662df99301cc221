"""What a reader of bureau files has to say, and the small questions that every one asks."""

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache

from msgspec import Struct


class Finding(Struct, frozen=True):
    """A fault of a file: the record (0 the header, -1 the trailer), the field, and the rule."""

    record: int
    field: str
    rule: str


Told = Callable[[str, str], None]
"""Takes a field and the rule that it breaks."""


@lru_cache(maxsize=20_000)
def day(text: str, form: str) -> date | None:
    """The date that ``text`` is in ``form`` (as of strptime), or None."""
    try:
        return datetime.strptime(text, form).date()
    except ValueError:
        return None


class Notes:
    """Gathers the findings of one record."""

    def __init__(self, record: int) -> None:
        self.record = record
        self.found: list[Finding] = []

    def __call__(self, field: str, rule: str) -> None:
        self.found.append(Finding(self.record, field, rule))


def words(text: str) -> frozenset[str]:
    """A catalogue of codes with blanks between them."""
    return frozenset(text.split())
