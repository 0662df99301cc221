"""Metro 2, character format: header, base segments of 426 characters, appendages, trailer."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Literal

from msgspec import Struct

from domain.borrower.person import Kind
from projections.bureau.catalogues import table
from projections.bureau.errors import BadLenderFile, TotalTooWide
from projections.bureau.formats.metro2_fields import Amounts, joined, number, text
from projections.bureau.formats.metro2_people import (
    NO_NUMBER,
    NO_PHONE,
    Somebody,
    associated,
    employment,
    somebody,
)
from projections.bureau.lender import Lender, ProductCodes, Reporter
from projections.bureau.reported import Faults, Problem, Record, Report, Totals, history, sign_of
from projections.bureau.text import month_first, plain
from projections.bureau.tradeline import Tradeline

LENGTH = 426
SEPARATORS = {"newline": "\n", "crlf": "\r\n", "none": ""}
NUMBER = re.compile(r"[A-Z0-9&./#-]([A-Z0-9 &./#-]*[A-Z0-9&./#-])?")
LATE_FROM = 30
NO_DATE = "0" * 8
COUNTED = (
    "DF", "J1", "J2", "blocks", "DA", "05", "11", "13", "61", "62", "63", "64", "65", "71", "78",
    "80", "82", "83", "84", "88", "89", "93", "94", "95", "96", "97", "Z", "N1", "K1", "K2", "K3",
    "K4", "L1", "ssn", "ssn base", "ssn J1", "ssn J2", "born", "born base", "born J1", "born J2",
    "phone",
)  # fmt: skip
"""The counters of the trailer, in their order."""


class Codes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """tables/metro2.yaml."""

    source: str
    portfolio_types: dict[str, str]
    durations: dict[str, str]
    frequencies: dict[str, dict[int, str]]
    other_frequency: str
    monthly: dict[str, tuple[int, int]]
    statuses: list[tuple[int, str]]
    charged_off: str
    closed: dict[str, str]
    rated: list[str]
    special_comments: dict[str, str]
    compliance: dict[str, str]
    relations: dict[str, str]
    residences: dict[str, str]
    states: list[str]

    def status(self, line: Tradeline) -> str:
        """The account status of a loan."""
        if line.status == "written_off":
            return self.charged_off
        if line.status == "closed":
            return self.closed[line.closed_for]
        return [code for first, code in self.statuses if line.days_past_due >= first][-1]


@cache
def codes() -> Codes:
    """The codes of Metro 2."""
    return table("metro2", Codes)


class Metro2:
    """A base segment a loan; guarantors and co-borrowers are appended to it as J1 or J2."""

    bureau = "metro2"
    encoding = "ascii"
    reports_others = False
    order: Literal["loan", "borrower"] = "loan"
    second_pass: Callable[[str, Totals], str] | None = None

    def __init__(self, lender: Lender) -> None:
        if lender.metro2 is None:
            raise BadLenderFile("metro2: who furnishes the file is missing")
        self.lender, self.reporter, self.codes = lender, lender.metro2, codes()
        self.states = frozenset(self.codes.states)
        self.separator = SEPARATORS[self.reporter.choices.separator]
        self.correction = False
        _check(self.reporter)

    def begin(self, cut_off: date, *, correction: bool) -> str:
        """The header."""
        self.correction = correction
        r, on = self.reporter, month_first(cut_off)
        return joined(
            (
                number(LENGTH, 4), "HEADER", text(r.cycle, 2), text(r.innovis, 10),
                text(r.equifax, 10), text(r.experian, 5), text(r.transunion, 10), on, on,
                r.program_on or NO_DATE, NO_DATE, text(plain(r.name), 40),
                text(plain(r.address), 96), text(r.phone, 10), text("CARTERA", 40), " " * 161,
            ),
            LENGTH,
        ) + self.separator  # fmt: skip

    def record(self, report: Report) -> Record | list[Problem]:
        """The base segment and what is appended; its first four digits are the whole length."""
        faults = Faults(report)
        if report.person.kind is not Kind.PERSON:
            faults("kind", f"{report.person.kind} is no consumer")
            return faults.found
        people = [somebody(one, self.states, self.codes.residences, faults)
                  for one in (report.person, *(one for one, _ in report.beside))]  # fmt: skip
        counts: Counter[str] = Counter()
        appended = self._appended(report, people, counts, faults)
        base, record = self._base(report, people[0], faults)
        if faults.found:
            return faults.found
        counts[self.codes.status(report.line)] += 1
        _count(people[0], "base", counts)
        written = number(LENGTH + len(appended), 4) + base + appended + self.separator
        return Record(
            text=written, balance=record.balance, past_due=record.past_due, rating=record.rating,
            sign=record.sign, first_default_on=record.first_default_on, counts=dict(counts),
        )  # fmt: skip

    def end(self, totals: Totals) -> str:
        """The trailer: base segments, then every counter."""
        counted = [totals.records, *(totals.counts[name] for name in COUNTED)]
        for name, figure in zip(("base", *COUNTED), counted, strict=True):
            if figure >= 10**9:
                raise TotalTooWide(name, figure, 9)
        digits = [number(figure, 9) for figure in counted]
        return joined(
            (number(LENGTH, 4), "TRAILER", digits[0], " " * 9, *digits[1:], " " * 19), LENGTH
        ) + self.separator  # fmt: skip

    def _appended(
        self, report: Report, people: list[Somebody], counts: Counter[str], faults: Faults
    ) -> str:
        segments: dict[str, list[str]] = {"J1": [], "J2": []}
        for one, (_, role) in zip(people[1:], report.beside, strict=True):
            which, segment = associated(one, self.codes.relations[role], people[0])
            segments[which].append(segment)
            counts[which] += 1
            _count(one, which, counts)
        made = "".join(segments["J1"] + segments["J2"])
        if report.line.closed_for == "sold":
            counts["K2"] += 1
            holder = faults.fitting("holder", plain(report.line.holder), 30)
            made += joined(("K2", "2", text(holder, 30), " "), 34)
        if worked := employment(report.person, faults):
            counts["N1"] += 1
            made += worked
        return made

    def _base(self, report: Report, who: Somebody, faults: Faults) -> tuple[str, Record]:
        line, codes = report.line, self.codes
        product = self.lender.product(line.product) or ProductCodes()
        if len(product.metro2) != 2:
            faults("product", f"{line.product!r} has no account type of Metro 2 in the lender file")
        kind = codes.portfolio_types["revolving" if line.revolving else product.kind]
        status, units = codes.status(line), Amounts(faults)
        late = status not in codes.rated and status not in ("11", "64")
        first = (report.told_default_on or line.late_since) if late else None
        if late and first is None:
            faults("late_since", f"{status} needs a first delinquency: the loan was never late")
        balance = units("balance", line.balance)
        past_due = units("past_due", line.past_due) if late else 0
        lost = line.written_off if status in (codes.charged_off, "64") else 0
        frequency = codes.frequencies.get(line.frequency, {}).get(line.every, codes.other_frequency)
        monthly = units("instalment", line.instalment * codes.monthly[frequency][0]
                        // codes.monthly[frequency][1])  # fmt: skip
        limit = units("approved", line.approved) if line.revolving else 0
        highest = units("highest", line.highest if line.revolving
                        else max(line.approved, line.highest))  # fmt: skip
        rating = str(min(6, line.days_past_due // LATE_FROM)) if status in codes.rated else " "
        base = joined(
            (
                "1", month_first(line.on), "0" * 6, "1" if self.correction else "0",
                text(self.reporter.identification, 20), text(self.reporter.cycle, 2),
                text(faults.account(line.loan_no, 1, 30, NUMBER), 30), kind,
                text(product.metro2[:2], 2), month_first(line.opened_on), number(limit, 9),
                number(highest, 9), self._duration(line, kind, faults), frequency,
                number(monthly if line.status == "active" else 0, 9),
                number(units("month_paid", line.month_paid), 9), status, rating,
                history(report, 24), text(codes.special_comments.get(line.closed_for, ""), 2),
                text(codes.compliance.get(report.mark or "", ""), 2), number(balance, 9),
                number(past_due, 9), number(units("written_off", lost), 9), month_first(line.on),
                month_first(first), month_first(line.closed_on), month_first(line.last_paid_on),
                " ", " " * 17, who.name, who.ssn, who.born_on, who.phone, self._relation(report),
                "  ", who.country, who.where, " ", who.residence,
            ),
            LENGTH - 4,
        )  # fmt: skip
        return base, Record(
            text="", balance=balance, past_due=past_due, rating=status, sign=sign_of(line),
            first_default_on=first,
        )  # fmt: skip

    def _duration(self, line: Tradeline, kind: str, faults: Faults) -> str:
        """REV, LOC, 001, or the term in months of 30.4 days, one at least."""
        fixed = self.codes.durations[kind]
        months = max(1, (20 * line.term_days + 304) // 608)
        return fixed or faults.fitting("term", number(months, 3), 3).rjust(3)

    def _relation(self, report: Report) -> str:
        relations = self.codes.relations
        died_on = report.person.died_on
        if died_on is not None and died_on <= report.line.on:
            return relations["deceased"]
        return relations["maker" if report.beside else "alone"]


def _count(one: Somebody, where: str, counts: Counter[str]) -> None:
    for name, there in (("ssn", one.ssn != NO_NUMBER), ("born", one.born_on != NO_DATE)):
        counts[name] += there
        counts[f"{name} {where}"] += there
    counts["phone"] += one.phone != NO_PHONE


def _check(reporter: Reporter) -> None:
    widths = {"name": 40, "address": 96, "phone": 10, "identification": 20, "cycle": 2,
              "equifax": 10, "experian": 5, "transunion": 10, "innovis": 10}  # fmt: skip
    for name, width in widths.items():
        if len(getattr(reporter, name)) > width:
            raise BadLenderFile(f"metro2.{name}: has more than {width} characters")
    for name in ("name", "address", "identification"):
        if not plain(getattr(reporter, name)):
            raise BadLenderFile(f"metro2.{name}: is missing")
    if reporter.program_on and not (
        len(reporter.program_on) == 8 and reporter.program_on.isdigit()
    ):
        raise BadLenderFile("metro2.program_on: is not eight digits, MMDDYYYY")
