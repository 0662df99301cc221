"""The company's chart of accounts: which account stands behind each name that rules use."""

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from ledger.money import FormError
from projections.accounting.entry import Account, Nature
from projections.accounting.facts import KEPT, OFF_ACCOUNTS
from projections.movements import COMPONENTS

SHIPPED = Path(__file__).with_name("chart_mx.yaml")
MAX_BYTES = 5_000_000
HELD = frozenset({*COMPONENTS, *OFF_ACCOUNTS, *KEPT})

T = TypeVar("T")


class Heading(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account that only gathers others."""

    number: str
    name: str
    nature: Nature
    parent: str = ""
    sat: str | None = None
    cnbv: str | None = None


class Mapped(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account of the company behind an internal name.

    ``holds`` is the component of the loans' debt whose balance it carries, so that it can be held
    against the loans. ``sat`` is SAT's código agrupador, ``cnbv`` the regulator's concept.
    """

    internal: str
    number: str
    name: str
    nature: Nature
    parent: str = ""
    sat: str | None = None
    cnbv: str | None = None
    holds: str | None = None
    memorandum: bool = False


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The chart as it is written."""

    accounts: tuple[Mapped, ...]
    headings: tuple[Heading, ...] = ()


class Chart:
    """Accounts by internal name and by number; ``headings`` have no internal name."""

    def __init__(self, mapped: tuple[Mapped, ...], headings: tuple[Heading, ...]) -> None:
        levels = _levels(headings, mapped)
        self.mapped = {one.internal: one for one in mapped}
        self.headings = [_account(one, "", levels[one.number]) for one in headings]
        self.by_internal = {
            one.internal: _account(one, one.internal, levels[one.number]) for one in mapped
        }

    @property
    def by_number(self) -> dict[str, Account]:
        """The accounts that can be posted to; several internal names may share one."""
        return {one.number: one for one in reversed(self.by_internal.values())}

    def accounts(self) -> list[Account]:
        """Headings and accounts, by number."""
        return sorted([*self.headings, *self.by_number.values()], key=lambda one: one.number)

    def holding(self) -> dict[str, str]:
        """The component whose balance each internal account carries."""
        return {name: one.holds for name, one in self.mapped.items() if one.holds}

    def unconfirmed(self) -> list[Account]:
        """Accounts without a SAT code or, on the balance sheet or in income, a CNBV concept."""
        return [one for one in self.accounts() if one.sat_code is None or one.cnbv_concept is None]


def load_chart(path: Path | None = None) -> Chart:
    """The chart in a YAML file; the shipped one if none is given.

    Errors: ``FormError`` naming the path inside the file, and the rule.
    """
    path = path or SHIPPED
    return _chart(path, path.stat().st_mtime_ns)


@cache
def _chart(path: Path, _changed: int) -> Chart:
    file = read_yaml(path, _File)
    for at, one in enumerate(file.accounts):
        where = f"accounts[{at}]"
        if not one.internal or not one.number:
            raise FormError(where, "needs an internal name and the company's number")
        if one.holds is not None and one.holds not in HELD:
            raise FormError(f"{where}.holds", f"{one.holds!r} is no component of a debt")
    for name, count in Counter(one.internal for one in file.accounts).items():
        if count > 1:
            raise FormError("accounts", f"{name} stands {count} times")
    kinds: dict[str, Mapped] = {}
    for at, one in enumerate(file.accounts):
        first = kinds.setdefault(one.number, one)
        if (first.nature, first.memorandum) != (one.nature, one.memorandum):
            told = f"{one.number} has another nature as {first.internal}"
            raise FormError(f"accounts[{at}].nature", told)
    return Chart(file.accounts, file.headings)


def read_yaml(path: Path, kind: type[T]) -> T:
    """A file of plain data, of that shape. Errors: ``FormError`` naming the path inside it."""
    raw = path.read_bytes()[: MAX_BYTES + 1]
    if len(raw) > MAX_BYTES:
        raise FormError(path.name, f"is longer than {MAX_BYTES} bytes")
    try:
        return msgspec.yaml.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        told, _, where = str(error).partition(" - at `$.")
        raise FormError(f"{path.name}: {where.rstrip('`') or 'file'}", told) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormError(path.name, f"cannot be read: {' '.join(str(error).split())}") from None


def _levels(headings: tuple[Heading, ...], mapped: tuple[Mapped, ...]) -> dict[str, int]:
    """Depth of each number, 1 at the top. Errors: ``FormError`` for a parent there is none of."""
    parents = {one.number: one.parent for one in mapped}
    parents |= {one.number: one.parent for one in headings}
    found: dict[str, int] = {}

    def level(number: str, below: tuple[str, ...] = ()) -> int:
        if number in below:
            raise FormError("headings", f"{number} is its own parent")
        if number not in found:
            parent = parents[number]
            if parent and parent not in parents:
                raise FormError("parent", f"{parent} of {number} is no heading of the chart")
            found[number] = 1 + (level(parent, (*below, number)) if parent else 0)
        return found[number]

    return {number: level(number) for number in parents}


def _account(one: Any, internal: str, level: int) -> Account:
    return Account(
        internal=internal, number=one.number, name=one.name, nature=one.nature, level=level,
        parent=one.parent, sat_code=one.sat, cnbv_concept=one.cnbv,
        memorandum=getattr(one, "memorandum", False),
    )  # fmt: skip
