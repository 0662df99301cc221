"""The bureaus' codes for what the ledger knows: data of tables/*.yaml, read once."""

from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from domain.terms import Frequency
from projections.bureau.errors import BadTable
from projections.bureau.tradeline import Tradeline

TABLES = Path(__file__).parent / "tables"
T = TypeVar("T")


class State(Struct, frozen=True, forbid_unknown_fields=True):
    """A Mexican state and what each bureau calls it."""

    name: str
    buro: str
    circulo: str


class Observation(Struct, frozen=True, forbid_unknown_fields=True):
    """The code of what became of a loan; ``rating`` where days past due do not say it."""

    code: str
    rating: str = ""


class Catalogue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The codes of one bureau: ``source`` says where from, ``states`` whose keys of states."""

    version: str
    source: str
    states: Literal["buro", "circulo"]
    currencies: dict[str, str]
    responsibilities: dict[str, str]
    civil_status: dict[str, str]
    residences: dict[str, str]
    account_types: dict[str, str]
    frequencies: dict[str, dict[int, str]]
    other_frequency: str
    revolving_frequency: str
    single_payment: list[tuple[int, int, str]]
    monthly: dict[str, tuple[int, int]]
    payment_ratings: list[tuple[int, str]]
    oldest: str
    too_new: str
    no_information: str
    unrecovered: str
    fraud: str
    observations: dict[str, Observation]
    contracts: list[str]
    no_employer: list[str]

    def frequency(self, line: Tradeline) -> str:
        """The letter of a loan's frequency; a single payment goes by its term."""
        if line.revolving:
            return self.revolving_frequency
        if line.frequency is Frequency.SINGLE:
            for first, last, code in self.single_payment:
                if first <= line.term_days <= last:
                    return code
            return self.other_frequency
        known = self.frequencies.get(line.frequency.value, {})
        return known.get(line.every, self.other_frequency)

    def rating_of_days(self, days: int, oldest_from: int) -> str:
        """The code of so many days past due; the oldest begins after ``oldest_from``."""
        if days > oldest_from:
            return self.oldest
        return [code for first, code in self.payment_ratings if days >= first][-1]


def table(name: str, kind: type[T]) -> T:
    """A shipped table. Errors: ``BadTable`` naming the file and the key."""
    path = TABLES / f"{name}.yaml"
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=kind)
    except msgspec.MsgspecError as error:
        raise BadTable(f"{path.name}: {error}") from None


@cache
def buro() -> Catalogue:
    """The codes of Buró de Crédito."""
    return table("buro", Catalogue)


@cache
def circulo() -> Catalogue:
    """The codes of Círculo de Crédito."""
    return table("circulo", Catalogue)


@cache
def states() -> dict[str, State]:
    """The states by the lender's key."""
    return table("states", dict[str, State])
