"""What payments cleared of a loan, by instalment and component: sums for the documents of it."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from domain import events as e
from projections.accounting.cfdi.documents import TAXED

Cleared: TypeAlias = dict[int, dict[str, int]]
"""What a payment cleared, by instalment and component, in minor units."""


def by_instalment(forgiven: e.Portion, cleared: Iterable[e.Portion]) -> Iterator[e.Portion]:
    """New terms tell what was given up as one sum: it is of the oldest instalments they end."""
    interest, tax = forgiven.interest, forgiven.interest_tax
    for one in sorted(cleared, key=lambda one: one.instalment):
        part, part_tax = min(interest, one.interest), min(tax, one.interest_tax)
        interest, tax = interest - part, tax - part_tax
        yield e.Portion(instalment=one.instalment, interest=part, interest_tax=part_tax)


def cleared_by(portions: Iterable[e.Portion]) -> Cleared:
    """The portions of a payment, added up."""
    found: Cleared = {}
    for portion in portions:
        amounts = {name: getattr(portion, name) for name in e.Portion.__struct_fields__[1:]}
        found = summed(found, {portion.instalment: amounts})
    return found


def summed(one: Cleared, other: Cleared) -> Cleared:
    """Both together, as new sums."""
    found = {instalment: dict(amounts) for instalment, amounts in one.items()}
    for instalment, amounts in other.items():
        mine = found.setdefault(instalment, dict.fromkeys(amounts, 0))
        for name, amount in amounts.items():
            mine[name] += amount
    return found


def only_more(cleared: Cleared) -> bool:
    """Whether nothing is given back."""
    return all(amount >= 0 for amounts in cleared.values() for amount in amounts.values())


def taxable(cleared: Cleared) -> bool:
    """Whether there is interest, or a fee, or tax in it, which documents tell of."""
    return any(
        amounts[name] or amounts[f"{name}_tax"] for amounts in cleared.values() for name in TAXED
    )
