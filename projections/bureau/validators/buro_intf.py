"""Reads an INTF file back: grammar, lengths, alphabets, codes, rules, control figures."""

from collections.abc import Iterator
from pathlib import Path

from projections.bureau.validators.buro_rules import (
    CODES,
    FORM,
    SEGMENTS,
    check_account,
)
from projections.bureau.validators.finding import Finding, Notes, Told, day

BLOCK = 1 << 20
LONGEST = 16_384
"""More than a record can have: every tag once with 99 characters."""
HEADER, TRAILER = 150, 253
ORDER = ("PN", "PA", "PE", "TL")
REQUIRED = {
    segment: [tag for tag, (_, _, _, must) in tags.items() if must]
    for segment, tags in SEGMENTS.items()
}

LENGTHS = {f"{size:02}": size for size in range(100)}
TAGS = {
    segment: {
        tag: (most, holds.fullmatch, CODES.get((segment, tag)))
        for tag, (_, most, holds, _) in tags.items()
    }
    for segment, tags in SEGMENTS.items()
}
"""By segment and tag: most characters, whether a value holds what it may, codes."""


class _Broken(Exception):
    """The grammar is lost: nothing after this can be read."""


class _Reader:
    """The file as one run of characters, a block at a time."""

    def __init__(self, path: Path) -> None:
        self._file = path.open(encoding="latin-1", newline="")
        self.text, self.at = "", 0

    def close(self) -> None:
        self._file.close()

    def has(self, length: int) -> bool:
        """Whether so many characters are left, reading on where needed."""
        if self.at + length <= len(self.text):
            return True
        self.text = self.text[self.at :] + self._file.read(BLOCK)
        self.at = 0
        return length <= len(self.text)

    def take(self, length: int) -> str:
        if not self.has(length):
            raise _Broken(f"the file ends where {length} characters should follow")
        self.at += length
        return self.text[self.at - length : self.at]

    def peek(self, length: int) -> str:
        self.has(length)
        return self.text[self.at : self.at + length]

    def skip_line_ends(self) -> None:
        while self.has(1) and self.text[self.at] in "\r\n":
            self.at += 1


class _Sums:
    balance = past_due = records = 0


def check(path: Path) -> Iterator[Finding]:
    """Every fault of the file, in its order; a broken grammar ends the reading."""
    reader, sums, seen = _Reader(path), _Sums(), set[int]()
    number = 0
    try:
        header = reader.take(HEADER)
        yield from _header(header)
        reported = day(header[34:42], FORM)
        reader.skip_line_ends()
        while reader.peek(4) != "TRLR":
            number += 1
            told = Notes(number)
            segments = _record(reader, told)
            tl = segments["TL"]
            if not told.found:
                check_account(tl, reported, told)
                _check_person(segments["PN"], tl, told)
            key = hash((tl.get("04"), tl.get("05"), *segments["PN"].values()))
            if key in seen:
                told("TL 04", "the same account of the same person stands twice")
            seen.add(key)
            yield from told.found
            _add(sums, tl)
            reader.skip_line_ends()
        yield from _trailer(reader.take(TRAILER), sums, header)
        reader.skip_line_ends()
        if reader.has(1):
            yield Finding(-1, "file", "something stands after the trailer")
    except _Broken as broken:
        yield Finding(number, "file", str(broken))
    finally:
        reader.close()


def _record(reader: _Reader, told: Told) -> dict[str, dict[str, str]]:
    """The segments of a record, their fields checked one by one."""
    reader.has(LONGEST)
    text, at = reader.text, reader.at
    segments: dict[str, dict[str, str]] = {}
    for segment in ORDER:
        tags, fields, last = TAGS[segment], dict[str, str](), ""
        if text[at : at + 2] != segment:
            raise _Broken(f"segment {segment} should follow, not {text[at : at + 8]!r}")
        while True:
            tag, size = text[at : at + 2], LENGTHS.get(text[at + 2 : at + 4])
            if size is None:
                raise _Broken(f"{segment} {tag}: {text[at + 2 : at + 4]!r} is no length")
            value = text[at + 4 : at + 4 + size]
            at += 4 + size
            known = tags.get(tag)
            if known is None:
                _fault(segment, tag, value, told)
            elif value:
                most, holds, codes = known
                if size > most or not holds(value):
                    _fault(segment, tag, value, told)
                elif codes is not None and value not in codes:
                    told(f"{segment} {tag}", f"{value!r} is no code of the catalogue")
            if tag in fields or tag < last:
                told(f"{segment} {tag}", "stands twice or out of order")
            fields[tag] = value
            last = tag if tag != segment else ""
            if tag == "99" or (segment != "TL" and text[at : at + 2] in ORDER):
                break
            if at >= len(text):
                raise _Broken(f"the file ends within {segment}")
        for tag in REQUIRED[segment]:
            if not fields.get(tag):
                told(f"{segment} {tag}", f"{SEGMENTS[segment][tag][0]} is missing")
        segments[segment] = fields
    reader.at = at
    return segments


def _fault(segment: str, tag: str, value: str, told: Told) -> None:
    """What is wrong with a field that is unknown, too long or of other characters."""
    known = SEGMENTS[segment].get(tag)
    if known is None:
        told(f"{segment} {tag}", "is no field of the segment")
    elif len(value) > known[1]:
        told(f"{segment} {tag}", f"{known[0]} has more than {known[1]} characters")
    else:
        told(f"{segment} {tag}", f"{known[0]} {value!r} has what it may not have")


def _check_person(pn: dict[str, str], tl: dict[str, str], told: Told) -> None:
    born, opened = day(pn["04"], FORM), day(tl["13"], FORM)
    if born is None:
        told("PN 04", f"{pn['04']} is no date")
        return
    if opened and born >= opened:
        told("PN 04", "is not before the opening")
    for tag in ("05", "15"):
        if pn.get(tag) and pn[tag][4:10] != f"{born:%y%m%d}":
            told(f"PN {tag}", "does not have the birth date")
    if bool(pn.get("20")) is not (pn.get("21") == "Y"):
        told("PN 21", "a date of death goes with Y")


def _header(text: str) -> Iterator[Finding]:
    fields = {
        "label": text[:4] == "INTF",
        "version": text[4:6] == "14",
        "member key": text[6:16].strip().isalnum(),
        "member name": bool(text[16:32].strip()),
        "cycle": text[32:34] == "  ",
        "date": day(text[34:42], FORM) is not None,
        "future use": text[42:52] == "0" * 10,
        "line": "\n" not in text,
    }
    for name, right in fields.items():
        if not right:
            yield Finding(0, name, "is not what the header has there")


def _trailer(text: str, sums: _Sums, header: str) -> Iterator[Finding]:
    written = {
        "total of balances": (text[4:18], sums.balance),
        "total past due": (text[18:32], sums.past_due),
        "PN segments": (text[35:44], sums.records),
        "PA segments": (text[44:53], sums.records),
        "PE segments": (text[53:62], sums.records),
        "TL segments": (text[62:71], sums.records),
    }
    for name, (digits, counted) in written.items():
        if not digits.isdigit() or int(digits) != counted:
            yield Finding(-1, name, f"{digits} is not the {counted} of the records")
    if text[32:35] not in ("000", "001"):
        yield Finding(-1, "INTF segments", f"{text[32:35]!r} is neither 000 nor 001")
    if text[71:77] != "0" * 6:
        yield Finding(-1, "blocks", "is not zeros")
    if text[77:93] != header[16:32]:
        yield Finding(-1, "member name", "is not that of the header")


def _add(sums: _Sums, tl: dict[str, str]) -> None:
    sums.records += 1
    balance = tl.get("22", "0")
    if balance.rstrip("-").isdigit():
        sums.balance += int(balance.rstrip("-")) * (-1 if balance.endswith("-") else 1)
    if tl.get("24", "0").isdigit():
        sums.past_due += int(tl.get("24", "0"))
