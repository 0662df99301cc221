"""A group's story as people write it in `scenarios/groups/*.yaml`; see the README there."""

from collections.abc import Callable, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from msgspec import Struct

from ledger.fields import Fields
from ledger.group_forms import group_from
from ledger.group_opening import NewGroup, check_group
from ledger.money import FormError, text
from ledger.yaml_form import read_form


class GroupStep(Struct, frozen=True, kw_only=True):
    """One order of the timeline; ``refused`` is the code of the refusal it must meet."""

    at: str
    day: date
    verb: str
    amount: int | None = None
    member: str = ""
    absent: tuple[str, ...] = ()
    amounts: Mapping[str, int] = {}
    cover: int = 0
    refused: str = ""


class GroupExpected(Struct, frozen=True, kw_only=True):
    """What must be so at the end of ``day``: figures of members, and what is kept for the group."""

    at: str
    day: date
    members: Mapping[str, Mapping[str, Any]]
    kept: str | None = None
    journal: bool = False


class GroupStory(Struct, frozen=True, kw_only=True):
    """One group, what happens to it and what that must come to."""

    title: str
    source: str
    group: NewGroup
    timeline: tuple[GroupStep, ...]
    expect: tuple[GroupExpected, ...]

    @property
    def currency(self) -> str:
        """All of its members' loans have it."""
        return self.group.members[0].terms.currency

    @property
    def last_day(self) -> date:
        """The day its final figures are of."""
        return max([self.timeline[-1].day, *(expected.day for expected in self.expect)])


def read(path: Path) -> GroupStory:
    """The story in a file. Errors: ``FormError`` naming key and rule; ``OSError``."""
    return group_story_from(read_form(path))


def group_story_from(form: Any) -> GroupStory:
    """The story that parsed YAML describes."""
    fields = Fields(form)
    rows = fields.rows("timeline")
    if not rows:
        raise FormError("timeline", "must have at least one step")
    first = Fields(rows[0], "timeline[0]").day("day")
    title, source = fields.text("title"), fields.text("source", longest=10_000)
    group = group_from(fields.take("group"), at="group", group_no="story", effective_on=first)
    try:
        check_group(group)
    except FormError as refused:
        raise FormError(f"group.{refused.field}", refused.rule) from None
    reader = _Reader(group)
    timeline = tuple(reader.step(row, f"timeline[{n}]") for n, row in enumerate(rows))
    for earlier, later in pairwise(timeline):
        if later.day < earlier.day:
            raise FormError(f"{later.at}.day", f"{later.day} is before the {earlier.day} above it")
    story = GroupStory(
        title=title,
        source=source,
        group=group,
        timeline=timeline,
        expect=tuple(
            reader.expected(row, f"expect[{n}]") for n, row in enumerate(fields.rows("expect"))
        ),
    )
    fields.done()
    return story


class _Reader:
    """Reads steps and figures of one group, whose members' names it knows."""

    def __init__(self, group: NewGroup) -> None:
        self.currency = group.members[0].terms.currency
        self.names = [member.loan_no for member in group.members]
        self.verbs: dict[str, Callable[[Fields], dict[str, Any]]] = {
            "disburse": self._disburse,
            "group_pay": self._group_pay,
            "pay": self._pay,
            "return_cover": self._return_cover,
            "close_of_day": self._close_of_day,
        }

    def step(self, row: Any, at: str) -> GroupStep:
        fields = Fields(row, at)
        day = fields.day("day")
        verbs = [verb for verb in self.verbs if verb in fields.form]
        if len(verbs) != 1:
            raise FormError(at, f"a step has one of: {', '.join(self.verbs)}")
        given = self.verbs[verbs[0]](fields)
        step = GroupStep(at=at, day=day, verb=verbs[0], refused=fields.text("refused", ""), **given)
        fields.done()
        return step

    def _disburse(self, fields: Fields) -> dict[str, Any]:
        if fields.take("disburse") != "all":
            raise FormError(fields.name("disburse"), "must be all")
        return {}

    def _close_of_day(self, fields: Fields) -> dict[str, Any]:
        fields.flag("close_of_day")
        return {}

    def _group_pay(self, fields: Fields) -> dict[str, Any]:
        given = Fields(fields.take("group_pay"), fields.name("group_pay"))
        amounts = Fields(given.take("amounts", {}), given.name("amounts"))
        found = {
            "amount": given.amount("amount", self.currency),
            "absent": tuple(str(name) for name in given.rows("absent")),
            "amounts": {str(name): amounts.amount(name, self.currency) for name in amounts.form},
        }
        given.done()
        return found

    def _pay(self, fields: Fields) -> dict[str, Any]:
        given = Fields(fields.take("pay"), fields.name("pay"))
        found = {
            "member": self._member(given),
            "amount": given.amount("amount", self.currency),
        }
        given.done()
        return found

    def _return_cover(self, fields: Fields) -> dict[str, Any]:
        given = Fields(fields.take("return_cover"), fields.name("return_cover"))
        part = given.take("amount", None) is not None
        found = {
            "member": self._member(given),
            "cover": given.whole("cover"),
            "amount": given.amount("amount", self.currency) if part else None,
        }
        given.done()
        return found

    def _member(self, fields: Fields) -> str:
        name = fields.text("member")
        if name not in self.names:
            raise FormError(fields.name("member"), f"{name[:40]!r} is no member")
        return name

    def expected(self, row: Any, at: str) -> GroupExpected:
        fields = Fields(row, at)
        members = Fields(fields.take("members", {}), fields.name("members"))
        for name in members.form:
            if name not in self.names:
                raise FormError(members.name(str(name)[:40]), "is no member")
        kept = fields.take("kept", None) is not None
        journal = fields.take("journal", None)
        if journal not in (None, "balanced"):
            raise FormError(fields.name("journal"), "must be balanced")
        expected = GroupExpected(
            at=at,
            day=fields.day("day"),
            members={
                name: self._figures(Fields(members.take(name), members.name(name)))
                for name in members.form
            },
            kept=self.amount(fields, "kept") if kept else None,
            journal=journal is not None,
        )
        fields.done()
        return expected

    def _figures(self, fields: Fields) -> dict[str, Any]:
        figures: dict[str, Any] = {}
        for name, read in FIGURES.items():
            if name in fields.form:
                figures[name] = read(self, fields, name)
        fields.done()
        return figures

    def amount(self, fields: Fields, name: str) -> str:
        return text(fields.amount(name, self.currency), self.currency)

    def number(self, fields: Fields, name: str) -> int:
        return fields.whole(name)

    def word(self, fields: Fields, name: str) -> str:
        return fields.text(name)

    def by_member(self, fields: Fields, name: str) -> dict[str, str]:
        given = Fields(fields.take(name), fields.name(name))
        return {str(other): self.amount(given, other) for other in given.form}


FIGURES: dict[str, Callable[[_Reader, Fields, str], Any]] = {
    "status": _Reader.word,
    "due": _Reader.amount,
    "principal": _Reader.amount,
    "owed": _Reader.amount,
    "overpaid": _Reader.amount,
    "paid": _Reader.amount,
    "days_past_due": _Reader.number,
    "owed_by": _Reader.by_member,
    "owes": _Reader.by_member,
}
"""``owed_by``: what others still owe him for covers; ``owes``: what he owes others."""
