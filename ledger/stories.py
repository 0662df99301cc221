"""A loan's story as people write it in `scenarios/*.yaml`: its terms, its timeline, its figures.

Format: `scenarios/README.md` and `scenarios/scenario.schema.json`. A story is plain data; whoever
plays it asks each step to `decide` on the loan as it then stands.
"""

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from msgspec import Struct

from domain.errors import LoanError
from domain.limits import MAX_RATE
from domain.terms import Terms
from ledger import products
from ledger.forms import Fields, FormError, rule_of, terms_from
from ledger.story_figures import FIGURES
from ledger.story_verbs import VERBS, Decide
from ledger.yaml_form import read_form


class Step(Struct, frozen=True, kw_only=True):
    """One order of the timeline; ``refused`` is the code of the refusal it must meet."""

    at: str
    day: date
    verb: str
    decide: Decide
    refused: str = ""


class Expected(Struct, frozen=True, kw_only=True):
    """What must be so at the end of ``day``, each figure as the text that a view answers."""

    at: str
    day: date
    figures: Mapping[str, Any]


class Story(Struct, frozen=True, kw_only=True):
    """One loan, what happens to it and what that must come to."""

    title: str
    source: str
    terms: Terms
    timeline: tuple[Step, ...]
    expect: tuple[Expected, ...]
    indices: Mapping[str, tuple[tuple[date, int], ...]] = {}
    product: str = ""

    def value_of(self, index: str, day: date) -> int | None:
        """The index on a day, or the last before it (millionths); None where there is none."""
        values = [value for on, value in self.indices.get(index, ()) if on <= day]
        return values[-1] if values else None

    @property
    def opened_on(self) -> date:
        """A story's loan is approved on the day of its first step."""
        return self.timeline[0].day

    @property
    def last_day(self) -> date:
        """The day its final figures are of."""
        return max([self.timeline[-1].day, *(expected.day for expected in self.expect)])


def read(path: Path) -> Story:
    """The story in a file. Its product is one of ``products/`` beside it, else of those that ship.

    Errors: ``FormError`` naming the key and the rule; ``OSError`` where there is no such file.
    """
    own = path.parent / "products"
    return story_from(read_form(path), own if own.is_dir() else None)


def story_from(form: Any, folder: Path | None = None) -> Story:
    """The story that parsed YAML describes; ``folder`` is that of its product."""
    fields = Fields(form)
    product = fields.text("product", "")
    terms = _terms(fields, product, folder)
    story = Story(
        title=fields.text("title", ""),
        source=fields.text("source", "", longest=10_000),
        product=product,
        terms=terms,
        indices=_indices(fields),
        timeline=_timeline(fields, terms.currency),
        expect=tuple(
            _expected(row, f"expect[{index}]", terms.currency)
            for index, row in enumerate(fields.rows("expect"))
        ),
    )
    fields.done()
    return story


def _terms(fields: Fields, product: str, folder: Path | None) -> Terms:
    """The loan's terms, or those of its product with what the loan says differently."""
    loan = fields.take("loan")
    if not product:
        return terms_from(loan, at="loan", currency="MXN")
    offered = products.find(product, folder)
    try:
        return offered.terms(loan, at="loan", opened_on=_first_day(fields))
    except LoanError as refused:
        field, rule = rule_of(refused, offered.currencies[0])
        raise FormError(f"loan.{field}", rule) from None


def _first_day(fields: Fields) -> date | None:
    """The day of the first step; None where there is none, which is for the timeline to refuse."""
    steps = fields.rows("timeline")
    return Fields(steps[0], "timeline[0]").day("day") if steps else None


def _indices(fields: Fields) -> dict[str, tuple[tuple[date, int], ...]]:
    """Each index's values by day, in percent: what floating rates follow in the story."""
    given = fields.part("indices")
    found: dict[str, tuple[tuple[date, int], ...]] = {}
    for name in given.form if given else ():
        assert given is not None, "an absent mapping has no names"
        rows = []
        for index, row in enumerate(given.rows(name)):
            one = Fields(row, given.name(f"{name}[{index}]"))
            rows.append((one.day("on"), one.rate("value", lowest=-MAX_RATE)))
            one.done()
        found[str(name)] = tuple(sorted(rows))
    return found


def _timeline(fields: Fields, currency: str) -> tuple[Step, ...]:
    steps = tuple(
        _step(row, f"timeline[{index}]", currency)
        for index, row in enumerate(fields.rows("timeline"))
    )
    if not steps:
        raise FormError("timeline", "must have at least one step")
    for earlier, later in pairwise(steps):
        if later.day < earlier.day:
            raise FormError(f"{later.at}.day", f"{later.day} is before the {earlier.day} above it")
    return steps


def _step(row: Any, at: str, currency: str) -> Step:
    fields = Fields(row, at)
    day = fields.day("day")
    verbs = [verb for verb in VERBS if verb in fields.form]
    if not verbs:
        known = {"day", "refused", *VERBS}
        strange = next((key for key in fields.form if key not in known), None)
        named = f"unknown key {strange!r}; " if strange is not None else ""
        raise FormError(at, f"{named}a step has one of: {', '.join(VERBS)}")
    if len(verbs) > 1:
        raise FormError(at, f"a step has one verb, not {' and '.join(verbs)}")
    decide = VERBS[verbs[0]](fields, day, currency)
    refused = fields.text("refused", "")
    fields.done()
    return Step(at=at, day=day, verb=verbs[0], decide=decide, refused=refused)


def _expected(row: Any, at: str, currency: str) -> Expected:
    fields = Fields(row, at)
    day = fields.day("day")
    figures = {
        name: read(fields, name, currency) for name, read in FIGURES.items() if name in fields.form
    }
    fields.done()
    if not figures:
        raise FormError(at, f"names nothing to compare; it may have: {', '.join(FIGURES)}")
    return Expected(at=at, day=day, figures=figures)
