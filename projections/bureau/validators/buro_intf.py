"""Reads an INTF file back: grammar, lengths, alphabets, codes, rules, control figures."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from hashlib import blake2b
from multiprocessing import get_context
from os import SEEK_END
from pathlib import Path

from projections.bureau.validators.buro_rules import (
    CODES,
    FORM,
    SEGMENTS,
    check_account,
)
from projections.bureau.validators.finding import Finding, Notes, Told, day

BLOCK = 1 << 20
WORTH_SHARING = 16 << 20
TWICE = "the same account of the same person stands twice"
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

    def __init__(self, path: Path, start: int) -> None:
        self._file = path.open(encoding="latin-1", newline="")
        self._file.seek(start)
        self.text, self.at = "", 0
        self._before = start

    @property
    def place(self) -> int:
        """Where it reads, from the file's beginning: a character is a byte."""
        return self._before + self.at

    def close(self) -> None:
        self._file.close()

    def has(self, length: int) -> bool:
        """Whether so many characters are left, reading on where needed."""
        if self.at + length <= len(self.text):
            return True
        self._before += self.at
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


class _Part:
    """What the records of a part come to; ``told`` counts them from the part's first."""

    def __init__(self) -> None:
        self.balance = self.past_due = self.records = 0
        self.told: list[Finding] = []
        self.keys: dict[int, int] = {}
        self.broken = ""


def check(path: Path, processes: int = 1) -> Iterator[Finding]:
    """Every fault of the file, in its order; a broken grammar ends the reading.

    Of a file with a record a line, several ``processes`` read a part each.
    """
    size = path.stat().st_size
    with path.open(encoding="latin-1", newline="") as file:
        header = file.read(HEADER)
        if len(header) < HEADER:
            yield Finding(0, "file", f"the file ends where {HEADER} characters should follow")
            return
        lines = file.read(1) in ("\r", "\n")
    yield from _header(header)
    ends = _ends(path, size, processes) if lines and size > WORTH_SHARING else [size]
    spans = list(zip([HEADER, *ends], ends, strict=False))
    reported = header[34:42]
    if len(spans) == 1:
        parts: Iterable[_Part] = [_part(path, *spans[0], reported)]
    else:
        with ProcessPoolExecutor(len(spans), get_context("spawn")) as pool:
            parts = list(pool.map(partial(_spanned, path, reported), spans))
    total = _Part()
    for part in parts:
        yield from _joined(total, part)
        if part.broken:
            yield Finding(total.records, "file", part.broken)
            return
    yield from _end(path, total, header)


def _ends(path: Path, size: int, processes: int) -> list[int]:
    """Where each part ends: at a line's end."""
    found = []
    with path.open("rb") as file:
        for nth in range(1, processes):
            file.seek(HEADER + (size - HEADER) * nth // processes)
            file.readline()
            found.append(file.tell())
    return [*found, size]


def _spanned(path: Path, reported: str, span: tuple[int, int]) -> _Part:
    return _part(path, *span, reported)


def _part(path: Path, start: int, end: int, reported: str) -> _Part:
    """The records between two places; the trailer ends them too."""
    reader, part, on = _Reader(path, start), _Part(), day(reported, FORM)
    try:
        reader.skip_line_ends()
        while reader.place < end and reader.peek(4) != "TRLR":
            part.records += 1
            told = Notes(part.records)
            segments = _record(reader, told)
            tl = segments["TL"]
            if not told.found:
                check_account(tl, on, told)
                _check_person(segments["PN"], tl, told)
            key = hash_of((tl.get("04", ""), tl.get("05", ""), *segments["PN"].values()))
            if key in part.keys:
                told("TL 04", TWICE)
            part.keys.setdefault(key, part.records)
            part.told += told.found
            _add(part, tl)
            reader.skip_line_ends()
    except _Broken as broken:
        part.broken = str(broken)
    finally:
        reader.close()
    return part


def _joined(total: _Part, part: _Part) -> Iterator[Finding]:
    """The part's findings with their numbers in the file, and what stands in a part before too."""
    for one in part.told:
        yield Finding(one.record + total.records, one.field, one.rule)
    for key in part.keys.keys() & total.keys.keys():
        yield Finding(part.keys[key] + total.records, "TL 04", TWICE)
    total.keys |= part.keys
    total.records += part.records
    total.balance += part.balance
    total.past_due += part.past_due


def _end(path: Path, total: _Part, header: str) -> Iterator[Finding]:
    """The trailer stands at the file's end, and nothing after it."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, TRAILER + LONGEST), SEEK_END)
        tail = file.read().decode("latin-1").rstrip("\r\n")
    at = tail.rfind("TRLR")
    if at < 0 or len(tail) - at < TRAILER:
        what = f"the file ends where {TRAILER} characters should follow"
        yield Finding(total.records, "file", what)
        return
    yield from _trailer(tail[at : at + TRAILER], total, header)
    if len(tail) > at + TRAILER:
        yield Finding(-1, "file", "something stands after the trailer")


def hash_of(values: tuple[str, ...]) -> int:
    """The same in every process, which Python's own is not."""
    return int.from_bytes(blake2b("|".join(values).encode(), digest_size=8).digest(), "big")


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


def _trailer(text: str, sums: _Part, header: str) -> Iterator[Finding]:
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


def _add(sums: _Part, tl: dict[str, str]) -> None:
    balance = tl.get("22", "0")
    if balance.rstrip("-").isdigit():
        sums.balance += int(balance.rstrip("-")) * (-1 if balance.endswith("-") else 1)
    if tl.get("24", "0").isdigit():
        sums.past_due += int(tl.get("24", "0"))
