"""How a lender's products are usually lent: how much, at which rate, for how long, how often."""

import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any, TypeAlias

from msgspec import Struct, structs

from domain.terms import Frequency, IrregularInstalment, PeriodCharge, Terms
from ledger import products

Shape: TypeAlias = Callable[[Terms, random.Random, date], Terms]


class Offer(Struct, frozen=True, kw_only=True):
    """One product as it is lent. ``share`` of a hundred loans are of it.

    Units: ``principal`` in whole pesos (or UDI) from and to, ``rate`` in percent from and to.
    ``moves``: its running loans can be taken over from another system. ``form`` is what a loan
    must say besides; ``shape`` what it says by its own dates and size.
    """

    share: int
    principal: tuple[int, int]
    rate: tuple[int, int]
    instalments: tuple[int, ...]
    frequencies: tuple[Frequency, ...] = (Frequency.MONTHLY,)
    moves: bool = True
    form: Mapping[str, Any] = {}
    shape: Shape = lambda terms, chance, on: terms


def _paid_once(most: int) -> Shape:
    def shape(terms: Terms, chance: random.Random, on: date) -> Terms:
        return structs.replace(terms, first_due_on=on + timedelta(days=chance.randint(10, most)))

    return shape


def _in_rows(every: int) -> Shape:
    """Rows of the loan's own, the last one much the largest."""

    def shape(terms: Terms, chance: random.Random, on: date) -> Terms:
        last = terms.instalments
        part = terms.principal // 10
        rows = tuple(
            IrregularInstalment(
                due_on=on + timedelta(days=every * (n + 1)),
                principal=part if n < last - 1 else terms.principal - part * (last - 1),
            )
            for n in range(last)
        )
        return structs.replace(terms, irregular=rows)

    return shape


def _balloon(terms: Terms, chance: random.Random, on: date) -> Terms:
    return structs.replace(terms, balloon=terms.principal * chance.choice((20, 30, 40)) // 100)


def _taxed_rent(terms: Terms, chance: random.Random, on: date) -> Terms:
    """The principal of a rent is taxed at the rate of its interest."""
    charge = PeriodCharge(
        kind="tax_on_principal", rate=terms.tax_rate, of_principal=True, is_tax=True
    )
    return structs.replace(terms, period_charges=(charge,))


def _rent(terms: Terms, chance: random.Random, on: date) -> Terms:
    charge = PeriodCharge(kind="rent", amount=chance.randrange(1_500_00, 30_000_00, 100_00))
    return structs.replace(terms, period_charges=(charge,))


W, F, S, M = (
    Frequency.WEEKLY, Frequency.FORTNIGHTLY, Frequency.SEMI_MONTHLY, Frequency.MONTHLY,
)  # fmt: skip
ONCE = (Frequency.SINGLE,)

OFFERS: dict[str, Offer] = {
    "personal": Offer(
        share=14, principal=(5_000, 120_000), rate=(30, 70), instalments=(6, 12, 18, 24)
    ),
    "payroll": Offer(
        share=14, principal=(6_000, 90_000), rate=(25, 45), instalments=(24, 36, 48),
        frequencies=(S, S, F),
    ),
    "micro_credit": Offer(
        share=12, principal=(2_000, 30_000), rate=(60, 98), instalments=(12, 16, 24, 40),
        frequencies=(W, W, F),
    ),
    "consumer": Offer(
        share=10, principal=(4_000, 80_000), rate=(25, 58), instalments=(6, 12, 18, 24),
        frequencies=(M, F, S),
    ),
    "group_loan": Offer(
        share=10, principal=(3_000, 25_000), rate=(40, 90), instalments=(16, 24),
        frequencies=(W, F),
    ),
    "purchase_in_instalments": Offer(
        share=6, principal=(900, 25_000), rate=(0, 0), instalments=(3, 6, 12), frequencies=(M, F),
        moves=False,
    ),
    "solidarity": Offer(
        share=5, principal=(3_000, 40_000), rate=(40, 96), instalments=(16, 24, 32),
        frequencies=(W, F),
    ),
    "communal": Offer(
        share=5, principal=(2_000, 20_000), rate=(36, 84), instalments=(8, 16, 24), frequencies=(F,)
    ),
    "payday": Offer(
        share=4, principal=(500, 6_000), rate=(120, 600), instalments=(1,), frequencies=ONCE,
        moves=False, shape=_paid_once(45),
    ),
    "private_credit_card": Offer(
        share=4, principal=(5_000, 60_000), rate=(36, 78), instalments=(24, 36), moves=False,
        form={"revolving": {"minimum_amount": "250.00"}},
    ),
    "auto": Offer(
        share=3, principal=(150_000, 600_000), rate=(12, 22), instalments=(24, 36, 48), moves=False,
        form={"balloon": "1.00"}, shape=_balloon,
    ),
    "revolving_line": Offer(
        share=2, principal=(20_000, 500_000), rate=(18, 45), instalments=(12, 24), moves=False
    ),
    "mortgage_fixed": Offer(
        share=2, principal=(500_000, 3_500_000), rate=(9, 14), instalments=(120, 180, 240)
    ),
    "factoring": Offer(
        share=2, principal=(20_000, 2_000_000), rate=(14, 36), instalments=(1,), frequencies=ONCE,
        moves=False, shape=_paid_once(90),
    ),
    "fira_agro": Offer(
        share=2, principal=(80_000, 3_000_000), rate=(12, 18), instalments=(12, 24, 36)
    ),
    "mortgage_udi": Offer(
        share=1, principal=(60_000, 500_000), rate=(4, 8), instalments=(120, 180, 240)
    ),
    "financial_lease": Offer(
        share=1, principal=(150_000, 2_000_000), rate=(14, 26), instalments=(24, 36, 48),
        shape=_taxed_rent,
    ),
    "pure_lease": Offer(
        share=1, principal=(1, 1), rate=(0, 0), instalments=(12, 24, 36), moves=False, shape=_rent,
        form={"period_charges": [{"kind": "rent", "amount": "8500.00"}]},
    ),
    "agro": Offer(
        share=1, principal=(50_000, 1_500_000), rate=(12, 24), instalments=(1, 2, 3),
        frequencies=(Frequency.ANNUAL,), moves=False, shape=_in_rows(180),
    ),
    "floor_plan": Offer(
        share=1, principal=(150_000, 700_000), rate=(12, 28), instalments=(1, 2, 3), moves=False,
        shape=_in_rows(60),
    ),
}  # fmt: skip


def deck(seed: int) -> list[str]:
    """The products of a hundred loans: one of each first, so that no portfolio goes without."""
    rest = [name for name, offer in OFFERS.items() for _ in range(offer.share - 1)]
    random.Random(f"{seed}:products").shuffle(rest)
    return [*OFFERS, *rest]


def agreement(name: str, chance: random.Random, opened_on: date) -> Terms:
    """The terms of one loan of the product, within its limits."""
    offer = OFFERS[name]
    terms = structs.replace(
        _usual(name),
        principal=_size(offer, chance),
        annual_rate=chance.randint(*offer.rate) * 10_000,
        instalments=chance.choice(offer.instalments),
        frequency=chance.choice(offer.frequencies),
    )
    return offer.shape(terms, chance, opened_on)


def _size(offer: Offer, chance: random.Random) -> int:
    """Small loans are many and large ones few; whole hundreds in minor units."""
    low, high = offer.principal
    amount = int(low * (high / low) ** chance.random())
    return amount * 100 if amount < 1_000 else amount // 500 * 500 * 100


@cache
def _usual(name: str) -> Terms:
    """The product's own terms, for which any loan's will do as a start."""
    offer, product = OFFERS[name], products.find(name)
    rows = [{"due": date(2026, 6, 1), "principal": f"{offer.principal[0]}.00"}]
    given: dict[str, Any] = {
        "principal": f"{offer.principal[0]}.00",
        "annual_rate": f"{offer.rate[0]}.00",
        "instalments": offer.instalments[0],
        "frequency": str(offer.frequencies[0]),
        **offer.form,
    }
    if product.defaults.get("method") == "irregular":
        given["irregular"] = rows * offer.instalments[0]
    return product.terms(given)
