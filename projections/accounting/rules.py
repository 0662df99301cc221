"""Posting rules as data: which accounts a fact debits and credits. The most specific rule wins."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from ledger.money import FormError
from projections.accounting.chart import Chart, load_chart, read_yaml
from projections.accounting.entry import Account
from projections.accounting.facts import KEPT, MEETS, SUSPENDED, effects

SHIPPED = Path(__file__).with_name("rules_mx.yaml")
STAGES = (1, 2, 3)

Pair: TypeAlias = tuple[str, str]
"""Internal names of the account debited and of the one credited with the same amount."""


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What facts of these kinds and components post.

    ``post`` are pairs of accounts, so that an entry balances however rules are put together;
    ``{stage}``, ``{component}`` and ``{base}`` (the component without ``suspended_``) stand in
    their names. ``stage`` and ``product`` (patterns such as ``lease*``) narrow the rule.
    """

    when: tuple[str, ...]
    component: tuple[str, ...]
    post: tuple[tuple[str, str], ...]
    stage: int | None = None
    product: tuple[str, ...] = ()


class Instead(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Accounts that take the place of others for loans of these products."""

    product: tuple[str, ...]
    accounts: dict[str, str]


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rules: tuple[Rule, ...]
    instead: tuple[Instead, ...] = ()


class _Found(NamedTuple):
    """A rule and where it stands in its file."""

    rule: Rule
    path: str


class Rules:
    """The rules over one chart, checked: every fact there can be has its pairs."""

    def __init__(self, file: _File, chart: Chart) -> None:
        self.chart = chart
        self._instead = file.instead
        self._by_key: dict[tuple[str, str], list[_Found]] = {}
        for at, rule in enumerate(file.rules):
            path = f"rules[{at}]"
            for kind in rule.when:
                for component in rule.component:
                    _known(kind, component, path)
                    self._by_key.setdefault((kind, component), []).append(_Found(rule, path))
        self._pairs: dict[tuple[str, str, int, str], tuple[Pair, ...]] = {}
        self._posted: dict[tuple[str, str, int, str], tuple[tuple[Account, Account], ...]] = {}

    def pairs(self, kind: str, component: str, stage: int, product: str) -> tuple[Pair, ...]:
        """What a fact posts, by internal names. Errors: ``FormError`` where no rule answers."""
        key = (kind, component, stage, product)
        if key not in self._pairs:
            rule, path = self._rule(*key)
            self._pairs[key] = self._filled(rule, path, component, stage, product)
        return self._pairs[key]

    def posted(
        self, kind: str, component: str, stage: int, product: str
    ) -> tuple[tuple[Account, Account], ...]:
        """The company's accounts that a fact debits and credits; no pair that is one account."""
        key = (kind, component, stage, product)
        if key not in self._posted:
            accounts = self.chart.by_internal
            pairs = [(accounts[debit], accounts[credit]) for debit, credit in self.pairs(*key)]
            self._posted[key] = tuple(one for one in pairs if one[0].number != one[1].number)
        return self._posted[key]

    def products(self) -> list[str]:
        """A product of each pattern that the rules name, and one that none names."""
        named = [one.product for found in self._by_key.values() for one, _ in found]
        patterns = {p for product in (*named, *(i.product for i in self._instead)) for p in product}
        return ["", *sorted(pattern.replace("*", "") for pattern in patterns)]

    def _rule(self, kind: str, component: str, stage: int, product: str) -> _Found:
        told = f"{kind} {component} in stage {stage}" + f" of product {product!r}" * bool(product)
        ranked = [
            (rank, found)
            for found in self._by_key.get((kind, component), ())
            if (rank := _rank(found.rule, stage, product)) is not None
        ]
        if not ranked:
            raise FormError("rules", f"none says what {told} posts")
        ranked.sort(key=lambda one: one[0], reverse=True)
        if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
            both = f"{ranked[0][1].path} and {ranked[1][1].path}"
            raise FormError("rules", f"{both} both say what {told} posts")
        return ranked[0][1]

    def _filled(
        self, rule: Rule, path: str, component: str, stage: int, product: str
    ) -> tuple[Pair, ...]:
        base = component.removeprefix(SUSPENDED)
        replaced = {
            old: new
            for one in self._instead
            if any(fnmatchcase(product, pattern) for pattern in one.product)
            for old, new in one.accounts.items()
        }
        pairs = []
        for at, pair in enumerate(rule.post):
            names = []
            for side, template in zip(("debit", "credit"), pair, strict=True):
                where = f"{path}.post[{at}].{side}"
                given = replaced.get(template, template)
                try:
                    name = given.format(stage=stage, component=component, base=base)
                except (KeyError, IndexError, ValueError):
                    raise FormError(where, f"{given!r} has a placeholder nobody fills") from None
                name = replaced.get(name, name)
                if name not in self.chart.mapped:
                    raise FormError(where, f"{name!r} is no account of the chart")
                names.append(name)
            off = [self.chart.mapped[name].memorandum for name in names]
            if off[0] != off[1]:
                raise FormError(f"{path}.post[{at}]", "mixes a memorandum account with another")
            pairs.append((names[0], names[1]))
        return tuple(pairs)

    def check(self) -> None:
        """Every fact there can be posts what keeps the accounts at what loans owe.

        Errors: ``FormError`` naming the rule and what it leaves out of balance.
        """
        holds = self.chart.holding()
        for key in self.everything():
            self._hold(*key, holds)

    def everything(self) -> Iterator[tuple[str, str, int, str]]:
        """(kind, component, stage, product) of all the facts there can be."""
        products = self.products()
        for kind, components in MEETS.items():
            for component in components:
                for stage in STAGES:
                    for product in products:
                        yield kind, component, stage, product

    def _hold(
        self, kind: str, component: str, stage: int, product: str, holds: dict[str, str]
    ) -> None:
        changed: dict[str, int] = {}
        for debit, credit in self.pairs(kind, component, stage, product):
            for account, way in ((debit, 1), (credit, -1)):
                if (held := holds.get(account)) is not None:
                    sign = -1 if held in KEPT else 1  # owed by the lender, not to him
                    changed[held] = changed.get(held, 0) + way * sign
        found = {name: change for name, change in changed.items() if change}
        expected = effects(kind, component)
        if found != expected:
            path = self._rule(kind, component, stage, product).path
            told = f"{kind} {component} in stage {stage} changes what accounts hold by"
            raise FormError(path, f"{told} {_told(found)}, what loans owe by {_told(expected)}")


def load_rules(rules: Path | None = None, chart: Path | None = None) -> Rules:
    """The rules of a YAML file over a chart, both shipped ones if none are given, checked.

    Errors: ``FormError`` naming the path inside the file, and the rule.
    """
    path = rules or SHIPPED
    over = load_chart(chart)
    return _rules(path, path.stat().st_mtime_ns, over)


@cache
def _rules(path: Path, _changed: int, chart: Chart) -> Rules:
    made = Rules(read_yaml(path, _File), chart)
    made.check()
    return made


def _rank(rule: Rule, stage: int, product: str) -> tuple[int, int] | None:
    """How specific a rule is to a fact; None where it says nothing of it."""
    if rule.stage is not None and rule.stage != stage:
        return None
    of_product = 0
    if rule.product:
        matching = [one for one in rule.product if fnmatchcase(product, one)]
        if not matching:
            return None
        of_product = 1 + max(_length(one) for one in matching)
    return of_product, int(rule.stage is not None)


def _length(pattern: str) -> int:
    """A longer pattern says more, a whole name the most."""
    return len(pattern) if "*" in pattern else 1_000


def _known(kind: str, component: str, path: str) -> None:
    if kind not in MEETS:
        raise FormError(f"{path}.when", f"{kind!r} is not one of: {_listed(MEETS)}")
    if component not in MEETS[kind]:
        told = f"{kind} has no {component!r}, but {_listed(MEETS[kind])}"
        raise FormError(f"{path}.component", told)


def _listed(names: Sequence[str] | dict[str, tuple[str, ...]]) -> str:
    return ", ".join(names)


def _told(changes: dict[str, int]) -> str:
    return " and ".join(_signed(changes)) or "nothing"


def _signed(changes: dict[str, int]) -> Iterator[str]:
    for name, change in sorted(changes.items()):
        yield f"{change:+d} {name}"
