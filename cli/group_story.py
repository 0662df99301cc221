"""Plays a group's story in memory and compares what it comes to with what it expects."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

from cli.story_run import differences, unbalanced, unreadable
from domain import commands, group_loans
from domain.errors import LoanError
from domain.events import AnyLoanEvent
from domain.fold import replay
from domain.loan import Loan
from domain.views import as_of
from ledger.forms import FormError, rule_of
from ledger.group_opening import opening
from ledger.group_stories import GroupExpected, GroupStep, GroupStory, read
from ledger.group_views import standing
from ledger.money import text

Outcome: TypeAlias = dict[str, Any]


def outcome(path: Path) -> Outcome:
    """A story file played: ``{file, passed, failures, final}``; ``final`` is by member."""
    try:
        story = read(path)
        play = GroupPlay(story)
    except FormError as error:
        return unreadable(path, f"{error.field}: {error.rule}")
    except LoanError as error:
        return unreadable(path, f"group: {error}")
    except OSError as error:
        return unreadable(path, f"file: {error.strerror or error}")
    play.run()
    return {
        "file": str(path),
        "passed": not play.failures,
        "failures": play.failures,
        "final": figures_on(play.loans, story.last_day, story.currency),
    }


class GroupPlay:
    """One group being played: its loans as they stand, their events, and what went wrong."""

    def __init__(self, story: GroupStory) -> None:
        self.story = story
        self.loans: dict[str, Loan] = {}
        self.events: dict[str, list[AnyLoanEvent]] = {}
        self.kept: list[tuple[date, int]] = []
        self.failures: list[str] = []
        for member in story.group.members:
            events = opening(story.group, member)
            loan = replay(events)
            assert loan is not None, "a member's loan is opened"
            self.loans[member.loan_no] = loan
            self.events[member.loan_no] = list(events)

    def run(self) -> None:
        """Every step in order; each expectation once the steps of its day are known."""
        waiting = sorted(self.story.expect, key=lambda expected: expected.day)
        for step in self.story.timeline:
            while waiting and waiting[0].day < step.day:
                self._compare(waiting.pop(0))
            self._take(step)
        for expected in waiting:
            self._compare(expected)

    def _take(self, step: GroupStep) -> None:
        where = f"{step.at} {step.day} {step.verb}"
        try:
            made = dict(self._decided(step))
        except LoanError as error:
            if step.refused != error.code:
                field, rule = rule_of(error, self.story.currency)
                self.failures.append(f"{where}: refused ({error.code}), {field}: {rule}")
            return
        if step.refused:
            told = f"expected the refusal {step.refused}, but it was accepted"
            self.failures.append(f"{where}: {told}")
        for name, events in made.items():
            loan = replay(events, self.loans[name])
            assert loan is not None, name
            self.loans[name] = loan
            self.events[name] += events

    def _decided(self, step: GroupStep) -> Iterable[tuple[str, tuple[AnyLoanEvent, ...]]]:
        """What the step does to each loan that it touches."""
        match step.verb:
            case "disburse":
                for name, loan in self.loans.items():
                    yield (
                        name,
                        commands.disburse(
                            loan, principal=loan.terms.principal, effective_on=step.day
                        ),
                    )
            case "close_of_day":
                for name, loan in self.loans.items():
                    yield name, commands.close_day(loan, on=step.day)
            case "pay":
                yield (
                    step.member,
                    commands.receive_payment(
                        self.loans[step.member], amount=step.amount or 0, effective_on=step.day
                    ),
                )
            case "return_cover":
                yield (
                    step.member,
                    group_loans.return_cover(
                        self.loans[step.member], cover=step.cover, on=step.day, amount=step.amount
                    ),
                )
            case _:
                yield from self._group_pay(step)

    def _group_pay(self, step: GroupStep) -> Iterable[tuple[str, tuple[AnyLoanEvent, ...]]]:
        _, made = group_loans.share_out(
            self.loans, step.amount or 0, step.day, absent=step.absent, amounts=step.amounts,
            rule=self.story.group.rule,
        )  # fmt: skip
        for name, share in group_loans.shares(made).items():
            yield name, group_loans.take_share(self.loans[name], share, on=step.day)
        self.kept.append((step.day, made.kept))

    def _compare(self, expected: GroupExpected) -> None:
        where, currency = f"{expected.at} {expected.day}", self.story.currency
        if expected.day < self.story.group.effective_on:
            self.failures.append(f"{where}: day is before the group was opened")
            return
        found = figures_on(self.loans, expected.day, currency)
        for name, figures in expected.members.items():
            for figure, wanted in figures.items():
                if wanted != found[name][figure]:
                    told = f"expected {_shown(wanted)}, found {_shown(found[name][figure])}"
                    self.failures.append(f"{where} {name}.{figure}: {told}")
        if expected.kept is not None:
            kept = text(sum(one for day, one in self.kept if day <= expected.day), currency)
            self.failures += [
                f"{where} {told}" for told in differences("kept", expected.kept, kept)
            ]
        if expected.journal:
            for name, events in self.events.items():
                self.failures += [f"{where} {name} journal: {t}" for t in unbalanced(events)]


def figures_on(loans: Mapping[str, Loan], on: date, currency: str) -> dict[str, dict[str, Any]]:
    """What each member owes at the end of ``on``, the lender and the others."""
    seen = {name: as_of(loan, on) for name, loan in loans.items()}
    owed: dict[str, dict[str, int]] = {name: {} for name in loans}
    for name, loan in seen.items():
        for cover in loan.covers.values():
            if cover.left:
                owed[name][cover.for_loan] = owed[name].get(cover.for_loan, 0) + cover.left
    return {
        name: standing(loan, on, currency)
        | {
            "paid": text(_paid(seen[name]), currency),
            "owed_by": {other: text(left, currency) for other, left in owed[name].items()},
            "owes": {
                other: text(claims[name], currency)
                for other, claims in owed.items()
                if name in claims
            },
        }
        for name, loan in loans.items()
    }


def _paid(loan: Loan) -> int:
    """All that came onto the loan, whoever paid it."""
    return sum(one.amount for one in loan.payments.values() if one.reversed_on is None)


def _shown(figure: Any) -> str:
    if isinstance(figure, dict):
        return ", ".join(f"{name} {amount}" for name, amount in figure.items()) or "nobody"
    return str(figure)
