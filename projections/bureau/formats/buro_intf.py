"""INTF version 14: Buró de Crédito's file of people, a run of tag, length and value."""

from collections.abc import Iterable
from datetime import date

from projections.bureau.errors import TotalTooWide
from projections.bureau.formats.buro import Account, Buro
from projections.bureau.formats.people import Person
from projections.bureau.reported import Problem, Record, Report, Totals
from projections.bureau.text import day_first, plain

LENGTHS = [f"{length:02}" for length in range(100)]
SEPARATORS = {"newline": "\n", "crlf": "\r\n", "none": ""}


class Intf(Buro):
    """A header of 150 characters, a record a tradeline (PN, PA, PE, TL), a trailer of 253."""

    def begin(self, cut_off: date, *, correction: bool) -> str:
        """INTF, version, member, cut-off date."""
        header = (
            f"INTF{self.codes.version}{self.key}{self.name:<16}  {day_first(cut_off)}{'0' * 10}"
        )
        return header.ljust(150) + self._separator

    def record(self, report: Report) -> Record | list[Problem]:
        """Each segment begins with its own letters as a tag; what is optional is left out."""
        found = self.fields(report)
        if isinstance(found, list):
            return found
        who, account, record = found
        segments = (
            run(_name(who)),
            run(_address(who)),
            run((("PE", who.employer or self.choices.no_employer), ("18", "MX"))),
            run(self._account_tags(account)),
        )
        return Record(
            text="".join(segments) + self._separator,
            balance=record.balance,
            past_due=record.past_due,
            rating=record.rating,
            sign=record.sign,
            first_default_on=record.first_default_on,
        )

    def end(self, totals: Totals) -> str:
        """TRLR: sums of balances, segments counted."""
        count = f"{totals.records:09}" * 4
        return (
            f"TRLR{_total('balances', totals.balance)}{_total('past due', totals.past_due)}"
            f"{self.choices.header_segments}{count}{'0' * 6}{self.name:<16}"
            f"{plain(self.member.return_address):<160}{self._separator}"
        )

    @property
    def _separator(self) -> str:
        return SEPARATORS[self.choices.separator]

    def _account_tags(self, a: Account) -> Iterable[tuple[str, str | None]]:
        """None is left out; "" is sent with a length of 00."""
        return (
            ("TL", "TL"), ("01", self.key), ("02", self.name), ("04", a.number),
            ("05", a.responsibility), ("06", a.kind), ("07", a.contract), ("08", a.currency),
            ("10", a.payments), ("11", a.frequency), ("12", str(a.to_pay)), ("13", a.opened_on),
            ("14", a.last_paid_on), ("15", a.last_drawn_on), ("16", a.closed_on or None),
            ("17", a.reported_on), ("21", str(a.highest)), ("22", str(a.balance)),
            ("23", a.limit), ("24", str(a.past_due)), ("25", a.missed or None), ("26", a.rating),
            ("30", a.observation or None), ("43", a.first_default_on), ("44", str(a.principal)),
            ("45", str(a.last_paid)), ("46", a.past_due_since), ("49", a.days_past_due),
            ("50", a.term), ("51", str(a.original)), ("52", a.email or None), ("99", "FIN"),
        )  # fmt: skip


def run(fields: Iterable[tuple[str, str | None]]) -> str:
    """Tag, two digits of length, value; a field of None is left out."""
    return "".join(
        [f"{tag}{LENGTHS[len(value)]}{value}" for tag, value in fields if value is not None]
    )


def _name(who: Person) -> Iterable[tuple[str, str | None]]:
    return (
        ("PN", who.paternal), ("00", who.maternal), ("01", who.additional or None),
        ("02", who.first), ("03", who.second or None), ("04", day_first(who.born_on)),
        ("05", who.rfc or None), ("08", who.nationality or None), ("09", who.residence or None),
        ("11", who.civil_status or None), ("12", who.sex or None), ("15", who.curp or None),
        ("20", day_first(who.died_on) or None), ("21", "Y" if who.died_on else None),
    )  # fmt: skip


def _address(who: Person) -> Iterable[tuple[str, str | None]]:
    place = who.place
    return (
        ("PA", place.street[0]), ("00", place.street[1] if len(place.street) > 1 else None),
        ("01", place.colonia or None), ("02", place.municipality or None),
        ("03", place.city or None), ("04", place.state), ("05", place.postal_code),
        ("07", who.phone or None), ("12", place.country),
    )  # fmt: skip


def _total(name: str, figure: int) -> str:
    if figure >= 10**14:
        raise TotalTooWide(name, figure, 14)
    return f"{figure:014}"
