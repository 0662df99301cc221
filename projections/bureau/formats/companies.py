"""Buró's file of companies and sole traders (BNCPM, version 03): tags and fields of fixed width."""

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Literal

from msgspec import Struct

from domain.borrower.person import Kind
from domain.terms import Frequency
from projections.bureau.catalogues import buro
from projections.bureau.errors import BadLenderFile, TotalTooWide
from projections.bureau.formats.company_people import (
    Cell,
    company_cells,
    consumer,
    guarantor_cells,
    rfc_of,
    shareholder_cells,
)
from projections.bureau.lender import Lender
from projections.bureau.reported import Faults, Problem, Record, Report, Totals, outcome, sign_of
from projections.bureau.text import day_first
from projections.bureau.tradeline import Tradeline

SEPARATORS = {"newline": "\n", "crlf": "\r\n", "none": ""}
NO_DATE = "0" * 8
NUMBER = re.compile(r"[A-Z0-9&-]([A-Z0-9 &-]*[A-Z0-9&-])?")
PESOS = "001"
DAYS = {
    Frequency.DAILY: 1, Frequency.WEEKLY: 7, Frequency.FORTNIGHTLY: 14, Frequency.FOUR_WEEKLY: 28,
    Frequency.SEMI_MONTHLY: 15, Frequency.MONTHLY: 30, Frequency.BIMONTHLY: 60,
    Frequency.QUARTERLY: 90, Frequency.SEMIANNUAL: 180, Frequency.ANNUAL: 360,
}  # fmt: skip
"""Payment frequency in days; a single payment has the days of its term."""


class Settled(Struct, frozen=True):
    """What became of the debt, whole units: given up, lost, and when it was over."""

    forgiven: int = 0
    lost: int = 0
    on: date | None = None


class Companies:
    """EM and AC once a company, then CR, DE and AV a credit: tradelines come by borrower."""

    bureau = "buro_companies"
    encoding = "latin-1"
    reports_others = False
    order: Literal["loan", "borrower"] = "borrower"
    second_pass: Callable[[str, Totals], str] | None = None

    def __init__(self, lender: Lender) -> None:
        if lender.buro_companies is None:
            raise BadLenderFile("buro_companies: the member's key is missing")
        self.lender, self.member = lender, lender.buro_companies
        self.choices = self.member.choices
        self.separator = SEPARATORS[self.choices.separator]
        for name, width in (("key", 4), ("previous_key", 4), ("institution", 3)):
            value = getattr(self.member, name)
            if len(value) > width or (not value.isalnum() and value):
                raise BadLenderFile(f"buro_companies.{name}: {value!r} is not {width} characters")
        if not self.member.key or not self.member.institution:
            raise BadLenderFile("buro_companies: key and institution are needed")

    def begin(self, cut_off: date, *, correction: bool) -> str:
        """HD."""
        return self._segment(
            100,
            [
                ("HD", 5, "BNCPM"), ("00", 4, self.member.key), ("01", 4, self.member.previous_key),
                ("02", 3, self.member.institution), ("03", 1, "1"), ("04", 8, day_first(cut_off)),
                ("05", 6, f"{cut_off:%m%Y}"), ("06", 2, "03"), ("07", 49, ""),
            ],
        )  # fmt: skip

    def record(self, report: Report) -> Record | list[Problem]:
        """CR, DE and AV; EM and AC where a company begins."""
        faults = Faults(report)
        if report.person.kind is Kind.PERSON:
            faults("kind", "a person without business activity goes in the file of people")
            return faults.found
        who = report.person
        head = self._segment(800, company_cells(who, faults)) + "".join(
            self._segment(700, shareholder_cells(one, nth, faults))
            for nth, one in enumerate(who.company.shareholders if who.company else ())
        )
        credit, record = self._credit(report, faults)
        guarantors = "".join(
            self._segment(700, guarantor_cells(one, faults)) for one, _ in report.beside
        )
        if faults.found:
            return faults.found
        return Record(
            text=credit + guarantors, head=head, whose=who.reference, balance=record.balance,
            past_due=record.past_due,
            rating=record.rating, sign=record.sign, first_default_on=record.first_default_on,
        )  # fmt: skip

    def end(self, totals: Totals) -> str:
        """TS: companies, and the sum of DE."""
        if totals.balance >= 10**30:
            raise TotalTooWide("balances", totals.balance, 30)
        count = f"{totals.persons:07}"
        return self._segment(
            100, [("TS", 2, "TS"), ("00", 7, count), ("01", 30, f"{totals.balance:030}"),
                  ("02", 53, "")],
        )  # fmt: skip

    def _credit(self, report: Report, faults: Faults) -> tuple[str, Record]:
        line = report.line
        product = self.lender.product(line.product)
        kind = product.buro_company if product else ""
        if not re.fullmatch(r"[0-9]{4}", kind):
            faults("product", f"{line.product!r} has no credit type (four digits) of Buró in the"
                              " lender file")  # fmt: skip
        if line.currency != "MXN":
            faults("currency", f"{line.currency} has no known number at Buró")
        rfc, number = (
            rfc_of(consumer(report.person), faults),
            faults.account(line.loan_no, 1, 25, NUMBER),
        )
        over = _settled(line, faults)
        lost = line.status == "written_off" and self.choices.write_off_balance == "zero"
        balance = 0 if over.on or lost else faults.whole("balance", line.balance, 18)
        late = min(faults.whole("past_due", line.past_due, 18), balance)
        principal = min(faults.whole("principal", line.principal, 18), balance)
        first = report.first_default_on
        seen = buro().observations.get(outcome(report, member=line.holder in self.lender.buyers))
        code = seen.code if seen else ""
        credit = self._segment(
            400,
            [
                ("CR", 2, "CR"), ("00", 13, rfc), ("01", 6, "0" * 6), ("02", 25, number),
                ("03", 25, ""), ("04", 8, day_first(line.opened_on)), ("05", 5, _term(line)),
                ("06", 4, kind), ("07", 20, _whole(faults, "approved", line.approved)),
                ("08", 3, PESOS), ("09", 4, f"{0 if line.revolving else line.instalments:04}"),
                ("10", 3, f"{_days(line):03}"),
                ("11", 20, _whole(faults, "instalment", 0 if over.on else line.instalment)),
                ("12", 8, day_first(line.last_paid_on or line.opened_on)),
                ("13", 8, day_first(line.restructured_on, NO_DATE)), ("14", 20, "0" * 20),
                ("15", 8, day_first(over.on, NO_DATE)), ("16", 20, f"{over.forgiven:020}"),
                ("17", 20, "0" * 20), ("18", 20, f"{over.lost:020}"), ("19", 4, code),
                ("20", 1, ""), ("21", 8, day_first(first, NO_DATE)), ("22", 20, f"{principal:020}"),
                ("23", 75, ""),
            ],
        )  # fmt: skip
        details = [(0, balance - late)] if balance > late or not late else []
        if late or (over.on and line.days_past_due):
            details.append((min(line.days_past_due, 999), late))
        text = credit + "".join(self._detail(rfc, number, *one) for one in details)
        return text, Record(
            text="", balance=balance, past_due=late, rating=code, sign=sign_of(line),
            first_default_on=first,
        )  # fmt: skip

    def _detail(self, rfc: str, number: str, days: int, amount: int) -> str:
        return self._segment(
            150,
            [("DE", 2, "DE"), ("00", 13, rfc), ("01", 25, number), ("02", 3, f"{days:03}"),
             ("03", 20, f"{amount:020}"), ("04", 75, "")],
        )  # fmt: skip

    def _segment(self, length: int, cells: Iterable[Cell]) -> str:
        made = "".join(f"{tag}{value:<{width}}" for tag, width, value in cells)
        assert len(made) == length, f"{len(made)} characters of {length}: {made[:4]}"
        return made + self.separator


def _whole(faults: Faults, field: str, minor: int) -> str:
    return f"{faults.whole(field, minor, 18):020}"


def _term(line: Tradeline) -> str:
    """Days; version 03 has five digits for it."""
    return f"{0 if line.revolving else min(line.term_days, 99_999):05}"


def _days(line: Tradeline) -> int:
    if line.revolving:
        return 0
    if line.frequency is Frequency.SINGLE:
        return min(line.term_days, 999)
    return min(DAYS[line.frequency] * line.every, 999)


def _settled(line: Tradeline, faults: Faults) -> Settled:
    """A closed credit is over; a written-off one is lost without being over."""
    if line.status == "written_off":
        return Settled(lost=faults.whole("written_off", line.written_off, 18))
    if line.status != "closed":
        return Settled()
    forgiven = line.forgiven if line.closed_for == "forgiven" else 0
    return Settled(faults.whole("forgiven", forgiven, 18), 0, line.closed_on)
