"""Fields of fixed width as Metro 2 writes them, and where each segment has them."""

from collections.abc import Iterable

from projections.bureau.reported import Faults


def text(value: str, width: int) -> str:
    """Left-justified, blank filled."""
    return value.ljust(width)


def number(value: int, width: int) -> str:
    """Right-justified, zero filled."""
    return f"{value:0{width}}"


def joined(parts: Iterable[str], length: int) -> str:
    """A segment: it must come to its length."""
    made = "".join(parts)
    assert len(made) == length, f"{len(made)} characters in a segment of {length}: {made!r}"
    return made


class Amounts:
    """Whole units, cents cut off, nine digits at most."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def __call__(self, field: str, minor: int) -> int:
        """The whole units of an amount; below zero is zero."""
        units = max(0, minor) // 100
        if units >= 10**9:
            self._faults(field, f"{units} has more than the 9 digits of the format")
            return 0
        return units
