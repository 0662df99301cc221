"""Reads Buró's file of companies back: segments of fixed width, order, codes, rules, totals."""

import re
from collections.abc import Iterator
from pathlib import Path

from projections.bureau.validators.finding import Finding, Notes, day

FORM = "%d%m%Y"
NO_DATE = "0" * 8
NUMBER = re.compile(r"[0-9]+")
TEXT = re.compile(r"[A-Z0-9 &Ñ-]*")
RFC = re.compile(r"[A-ZÑ&]{3,4}[0-9]{6}[A-Z0-9]{3}")

# Widths by tag, # where it is a number; the rest is text. A segment begins with its letters.
_WIDTHS = {
    "HD": "HD:5 00:4 01:4 02:3 03:1# 04:8# 05:6# 06:2# 07:49",
    "EM": (
        "EM:2 00:13 01:18 02:10# 03:75 04:75 05:75 06:25 07:25 08:2 09:2 10:11# 11:11# "
        "12:11# 13:40 14:40 15:60 16:40 17:40 18:4 19:10 20:11 21:8 22:11 23:1# 24:40 "
        "25:2 26:8# 27:72"
    ),
    "AC": (
        "AC:2 00:13 01:18 02:10# 03:75 04:75 05:75 06:25 07:25 08:2# 09:40 10:40 11:60 "
        "12:40 13:40 14:4 15:10 16:11 17:8 18:11 19:1# 20:40 21:2 22:25"
    ),
    "CR": (
        "CR:2 00:13 01:6# 02:25 03:25 04:8# 05:5# 06:4# 07:20# 08:3# 09:4# 10:3# 11:20# "
        "12:8# 13:8# 14:20# 15:8# 16:20# 17:20# 18:20# 19:4 20:1 21:8# 22:20# 23:75"
    ),
    "DE": "DE:2 00:13 01:25 02:3# 03:20# 04:75",
    "AV": (
        "AV:2 00:13 01:18 02:10# 03:75 04:75 05:75 06:25 07:25 08:40 09:40 10:60 11:40 "
        "12:40 13:4 14:10 15:11 16:8 17:11 18:1# 19:40 20:2 21:29"
    ),
    "TS": "TS:2 00:7# 01:30# 02:53",
}
LAYOUT = {
    name: [
        (tag, int(width.rstrip("#")), width.endswith("#"))
        for tag, width in (cell.split(":") for cell in widths.split())
    ]
    for name, widths in _WIDTHS.items()
}
LENGTHS = {"HD": 100, "EM": 800, "AC": 700, "CR": 400, "DE": 150, "AV": 700, "TS": 100}
AFTER = {
    "": {"HD"}, "HD": {"EM"}, "EM": {"AC", "CR"}, "AC": {"AC", "CR"}, "CR": {"DE"},
    "DE": {"DE", "AV", "CR", "EM", "TS"}, "AV": {"AV", "CR", "EM", "TS"}, "TS": set(),
}  # fmt: skip
"""Which segment may follow which."""
Fields = dict[str, str]


class _Broken(Exception):
    """The segments are lost: nothing after this can be read."""


class _Credit:
    """A CR with its DE, until the next begins."""

    def __init__(self, fields: Fields, number: int) -> None:
        self.fields, self.number = fields, number
        self.amount = self.days = 0


def check(path: Path) -> Iterator[Finding]:
    """Every fault of the file, in its order; a wrong length ends the reading."""
    number, total, companies = 0, 0, 0
    last, rfc, shares = "", "", 0
    credit: _Credit | None = None
    seen: set[int] = set()
    try:
        for name, segment in _segments(path):
            number += name == "CR"
            told = Notes({"HD": 0, "TS": -1}.get(name, number))
            if name not in AFTER[last]:
                told(name, f"may not follow {last or 'nothing'}")
            fields = _fields(name, segment, told)
            if credit is not None and name in ("CR", "EM", "TS"):
                yield from _credit(credit)
                credit = None
            if name == "EM":
                companies, rfc = companies + 1, fields["00"].strip()
                _company(fields, seen, told)
            elif name == "AC":
                shares = (shares if last == "AC" else 0) + _int(fields["08"])
                _partner("AC", fields, told)
                if shares > 100:
                    told("AC 08", f"{shares} % is more than all of the company")
            elif name == "AV":
                _partner("AV", fields, told)
            elif name in ("CR", "DE") and fields["00"].strip() != rfc:
                told(f"{name} 00", "is not the RFC of the company")
            if name == "CR":
                credit = _Credit(fields, number)
            elif name == "DE" and credit is not None:
                total += _int(fields["03"])
                credit.amount += _int(fields["03"])
                credit.days = max(credit.days, _int(fields["02"]))
                if fields["01"] != credit.fields["02"]:
                    told("DE 01", "is not the account of its CR")
            elif name == "TS":
                if _int(fields["00"]) != companies:
                    told("TS 00", f"{fields['00']} is not the {companies} companies of the file")
                if _int(fields["01"]) != total:
                    told("TS 01", f"{fields['01']} is not the {total} of DE")
            yield from told.found
            last = name
    except _Broken as broken:
        yield Finding(number, "file", str(broken))
        return
    if last != "TS":
        yield Finding(-1, "file", "there is no TS")


def _segments(path: Path) -> Iterator[tuple[str, str]]:
    with path.open(encoding="latin-1", newline="") as file:
        while head := file.read(2):
            head = head.lstrip("\r\n")
            head += file.read(2 - len(head))
            if not head:
                return
            if head not in LENGTHS:
                raise _Broken(f"{head!r} is no segment")
            rest = file.read(LENGTHS[head] - 2)
            if len(rest) != LENGTHS[head] - 2 or "\n" in rest:
                raise _Broken(f"{head} is not of {LENGTHS[head]} characters")
            yield head, head + rest


def _fields(name: str, segment: str, told: Notes) -> Fields:
    fields, at = Fields(), 0
    for tag, width, number in LAYOUT[name]:
        found, value = segment[at : at + 2], segment[at + 2 : at + 2 + width]
        at += 2 + width
        fields[tag] = value
        if found != tag:
            told(f"{name} {tag}", f"{found!r} stands where its tag should")
        elif number and not NUMBER.fullmatch(value):
            told(f"{name} {tag}", f"{value!r} is not digits")
        elif not number and (not TEXT.fullmatch(value) or (value[:1] == " " and value.strip())):
            told(f"{name} {tag}", f"{value!r} has other characters, or does not begin at the left")
    return fields


def _company(fields: Fields, seen: set[int], told: Notes) -> None:
    rfc, kind = fields["00"].strip(), fields["23"]
    if not RFC.fullmatch(rfc) or rfc in ("XAXX010101000", "XEXX010101000"):
        told("EM 00", f"{rfc!r} is no RFC")
    if kind == "1" and (len(rfc) != 12 or not fields["03"].strip()):
        told("EM 23", "a company has an RFC of 12 and a name")
    if kind == "2" and (len(rfc) != 13 or not fields["06"].strip()):
        told("EM 23", "a sole trader has an RFC of 13 and a surname")
    if not fields["13"].strip() or not fields["18"].strip():
        told("EM 13", "the address is missing")
    if hash(rfc) in seen:
        told("EM 00", f"{rfc} stands twice")
    seen.add(hash(rfc))


def _partner(segment: str, fields: Fields, told: Notes) -> None:
    """A shareholder, or who answers for a credit: named, with an RFC."""
    company = bool(fields["03"].strip())
    if not company and not (fields["04"].strip() and fields["06"].strip()):
        told(f"{segment} 03", "there is neither a company's name nor a person's")
    if not RFC.fullmatch(fields["00"].strip()) or len(fields["00"].strip()) != 13 - company:
        told(f"{segment} 00", f"{fields['00'].strip()!r} is no RFC of {13 - company}")


def _credit(one: _Credit) -> Iterator[Finding]:
    """The rules between the fields of a CR and its DE."""
    fields, told = one.fields, Notes(one.number)
    dates = {tag: fields[tag] for tag in ("04", "12", "13", "15", "21")}
    for tag, value in dates.items():
        if value != NO_DATE and day(value, FORM) is None:
            told(f"CR {tag}", f"{value} is no date")
    opened, settled = day(dates["04"], FORM), day(dates["15"], FORM)
    if opened is None:
        told("CR 04", "the opening has its date")
    if opened and settled and settled < opened:
        told("CR 15", "is before the opening")
    if not fields["02"].strip():
        told("CR 02", "the account is missing")
    if _int(fields["22"]) > one.amount:
        told("CR 22", "the principal is more than the amounts of DE")
    if one.days and dates["21"] == NO_DATE:
        told("CR 21", "days past due go with the date of the first default")
    code = fields["19"].strip()
    if code == "CC" and (one.amount or not settled):
        told("CR 19", "CC goes with no amount and a settlement date")
    if code == "LC" and (one.amount or not _int(fields["16"]) or not settled):
        told("CR 19", "LC goes with no amount, a quita and a settlement date")
    if code == "UP" and not (one.amount and not settled) and not _int(fields["18"]):
        told("CR 19", "UP goes with an amount, or with a quebranto")
    if settled and one.amount:
        told("CR 15", "a settled credit has no amount")
    yield from told.found


def _int(digits: str) -> int:
    return int(digits) if NUMBER.fullmatch(digits) else 0
