"""Reads a Metro 2 file back by its own table of positions: fields, codes, rules, counters."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from projections.bureau.validators.finding import Finding, Notes, day, words

LENGTH = 426
APPENDED = {"J1": 100, "J2": 200, "K1": 34, "K2": 34, "K3": 40, "K4": 30, "L1": 54, "N1": 146}
ORDER = list(APPENDED)
FORM = "%m%d%Y"
NUMBER = re.compile(r"[0-9]+")
TEXT = re.compile(r"[A-Z0-9 '&./,#-]*")

# Name: first position (from 0), length, kind (n number, d date, t text), must it be there.
BASE: dict[str, tuple[int, int, str, bool]] = {
    "processing": (4, 1, "n", True),
    "timestamp": (5, 14, "n", True),
    "correction": (19, 1, "n", True),
    "identification": (20, 20, "t", True),
    "cycle": (40, 2, "t", False),
    "account": (42, 30, "t", True),
    "portfolio": (72, 1, "t", True),
    "type": (73, 2, "t", True),
    "opened": (75, 8, "d", True),
    "limit": (83, 9, "n", True),
    "highest": (92, 9, "n", True),
    "duration": (101, 3, "t", True),
    "frequency": (104, 1, "t", False),
    "monthly": (105, 9, "n", True),
    "paid": (114, 9, "n", True),
    "status": (123, 2, "t", True),
    "rating": (125, 1, "t", False),
    "history": (126, 24, "t", True),
    "comment": (150, 2, "t", False),
    "compliance": (152, 2, "t", False),
    "balance": (154, 9, "n", True),
    "past due": (163, 9, "n", True),
    "charge-off": (172, 9, "n", True),
    "reported": (181, 8, "d", True),
    "first delinquency": (189, 8, "d", False),
    "closed": (197, 8, "d", False),
    "last payment": (205, 8, "d", False),
    "interest type": (213, 1, "t", False),
    "surname": (231, 25, "t", True),
    "first name": (256, 20, "t", True),
    "middle name": (276, 20, "t", False),
    "generation": (296, 1, "t", False),
    "ssn": (297, 9, "n", True),
    "born": (306, 8, "d", False),
    "phone": (314, 10, "n", True),
    "ecoa": (324, 1, "t", True),
    "information": (325, 2, "t", False),
    "country": (327, 2, "t", False),
    "street": (329, 32, "t", True),
    "street 2": (361, 32, "t", False),
    "city": (393, 20, "t", True),
    "state": (413, 2, "t", True),
    "zip": (415, 9, "t", True),
    "address indicator": (424, 1, "t", False),
    "residence": (425, 1, "t", False),
}
TYPES = words(
    "00 01 02 03 04 05 06 07 08 0A 0C 0F 0G 10 11 12 13 15 17 18 19 20 25 26 29 2A 2C 37 3A 43 47"
    " 48 4D 50 5A 5B 65 66 67 68 69 6A 6B 6D 70 71 72 73 74 75 77 7A 7B 89 8A 8B 90 91 92 93 95 9A"
    " 9B"
)
STATUSES = words("05 11 13 61 62 63 64 65 71 78 80 82 83 84 88 89 93 94 95 96 97 DA DF")
RATED = words("05 13 65 88 89 94 95")
LATE = words("71 78 80 82 83 84 93 97")
STATES = words(
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ"
    " NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI"
)
CODES = {
    "processing": words("1"), "correction": words("0 1"), "portfolio": words("C I M O R"),
    "type": TYPES, "status": STATUSES, "frequency": words("D P W B E M L Q T S Y"),
    "ecoa": words("1 2 3 5 7 T X W Z"), "state": STATES, "residence": words("O R"),
    "rating": words("0 1 2 3 4 5 6 G L"),
}  # fmt: skip
HISTORY = re.compile(r"[0-6BDEGHJKLZ ]{24}")
DURATION = re.compile(r"LOC|REV|[0-9]{3}")
TRAILER = {
    "base": 11, "DF": 29, "J1": 38, "J2": 47, "DA": 65, "05": 74, "11": 83, "13": 92, "61": 101,
    "62": 110, "63": 119, "64": 128, "65": 137, "71": 146, "78": 155, "80": 164, "82": 173,
    "83": 182, "84": 191, "88": 200, "89": 209, "93": 218, "94": 227, "95": 236, "96": 245,
    "97": 254, "Z": 263, "N1": 272, "K1": 281, "K2": 290, "K3": 299, "K4": 308, "L1": 317,
    "ssn": 326, "ssn base": 335, "ssn J1": 344, "ssn J2": 353, "born": 362, "born base": 371,
    "born J1": 380, "born J2": 389, "phone": 398,
}  # fmt: skip


class _Broken(Exception):
    """The records are lost: nothing after this can be read."""


def check(path: Path) -> Iterator[Finding]:
    """Every fault of the file, in its order; a record of a wrong length ends the reading."""
    counts: Counter[str] = Counter()
    seen: set[int] = set()
    number, ended = 0, False
    try:
        for record in _records(path):
            if ended:
                yield Finding(-1, "file", "something stands after the trailer")
                return
            if record[4:10] == "HEADER":
                yield from _header(record, number)
            elif record[4:11] == "TRAILER":
                ended = True
                yield from _trailer(record, counts)
            else:
                number += 1
                told = Notes(number)
                _data(record, counts, told)
                key = hash(record[20:72])
                if key in seen:
                    told("account", "stands twice")
                seen.add(key)
                yield from told.found
    except _Broken as broken:
        yield Finding(number, "file", str(broken))
        return
    if not ended:
        yield Finding(-1, "file", "there is no trailer")


def _records(path: Path) -> Iterator[str]:
    """Each by the length that its first four digits give; line ends between them may be."""
    with path.open(encoding="latin-1", newline="") as file:
        while head := file.read(4):
            if head[0] in "\r\n":
                head = head.lstrip("\r\n")
                head += file.read(4 - len(head))
                if not head:
                    return
            if not NUMBER.fullmatch(head) or int(head) < LENGTH:
                raise _Broken(f"{head!r} is no length of a record")
            rest = file.read(int(head) - 4)
            if len(rest) != int(head) - 4 or "\n" in rest:
                raise _Broken(f"a record of {head} characters ends early")
            yield head + rest


def _data(record: str, counts: Counter[str], told: Notes) -> None:
    fields = {name: record[at : at + size] for name, (at, size, _, _) in BASE.items()}
    for name, (_, _, kind, must) in BASE.items():
        _field(name, fields[name], kind, must, told)
    counts["base"] += 1
    counts[fields["status"]] += 1
    counts["Z"] += fields["ecoa"] == "Z"
    _person("base", fields["ssn"], fields["born"], fields["phone"], counts, told)
    if not told.found:
        _rules(fields, told)
    _appended(record[LENGTH:], counts, told)


def _field(name: str, value: str, kind: str, must: bool, told: Notes) -> None:
    bare = value.strip()
    if kind != "t" and not NUMBER.fullmatch(value):
        told(name, f"{value!r} is not digits")
    elif kind == "d" and ((must or bare.strip("0")) and day(value, FORM) is None):
        told(name, f"{value} is no date")
    elif kind == "t":
        if must and not bare:
            told(name, "is missing")
        if not TEXT.fullmatch(value) or value != bare.ljust(len(value)):
            told(name, f"{value!r} has other characters, or does not begin at the left")
        if bare and name in CODES and bare not in CODES[name]:
            told(name, f"{bare!r} is no code of the format")


def _rules(one: dict[str, str], told: Notes) -> None:
    status, balance, past_due = one["status"], int(one["balance"]), int(one["past due"])
    first, closed = one["first delinquency"].strip("0"), one["closed"].strip("0")
    if not HISTORY.fullmatch(one["history"]):
        told("history", f"{one['history']!r} has other signs than those of a payment history")
    if not DURATION.fullmatch(one["duration"]):
        told("duration", f"{one['duration']!r} is neither LOC, REV nor three digits")
    if bool(one["rating"].strip()) is not (status in RATED):
        told("rating", f"goes with {', '.join(sorted(RATED))} and with them only")
    if status == "11" and (past_due or first):
        told("status", "11 goes with nothing past due and no first delinquency")
    if status in LATE:
        if not first:
            told("first delinquency", f"{status} has its date")
        if not past_due:
            told("past due", f"{status} goes with something past due")
    if status == "97" and not int(one["charge-off"]):
        told("charge-off", "97 has the amount charged off")
    if status in ("13", "64", "05") and (balance or past_due or not closed):
        told("status", f"{status} goes with no balance and a closing date")
    if past_due > balance:
        told("past due", "is more than the balance")
    if one["portfolio"] == "R" and one["duration"] != "REV":
        told("duration", "is REV of a revolving account")
    opened, reported = day(one["opened"], FORM), day(one["reported"], FORM)
    for name in ("first delinquency", "closed", "last payment"):
        found = day(one[name], FORM)
        if found and opened and reported and not opened <= found <= reported:
            told(name, "is not between the opening and the report")
    if not re.fullmatch(r"[0-9]{5}([0-9]{4}| {4})", one["zip"]):
        told("zip", f"{one['zip']!r} is not five or nine digits")


def _appended(rest: str, counts: Counter[str], told: Notes) -> None:
    before = 0
    while rest:
        name = rest[:2]
        if name not in APPENDED or len(rest) < APPENDED[name]:
            told("segments", f"{name!r} is no segment, or is cut off")
            return
        at = ORDER.index(name)
        if at < before or (at == before and name not in ("J1", "J2") and counts[f"last {name}"]):
            told("segments", f"{name} is out of order")
        before = at
        segment, rest = rest[: APPENDED[name]], rest[APPENDED[name] :]
        counts[name] += 1
        if name in ("J1", "J2"):
            _person(name, segment[69:78], segment[78:86], segment[86:96], counts, told)
            if not segment[3:28].strip() or not segment[28:48].strip():
                told(name, "has no name")
        if name == "J2" and segment[185:187] not in STATES:
            told("J2", f"{segment[185:187]!r} is no state of the United States")
        if name in ("K2", "N1") and not segment[3:30].strip():
            told(name, "has no name")


def _person(where: str, ssn: str, born: str, phone: str, counts: Counter[str],
            told: Notes) -> None:  # fmt: skip
    for name, value in (("ssn", ssn), ("born", born)):
        there = bool(value.strip("0 "))
        counts[name] += there
        counts[f"{name} {where}"] += there
    counts["phone"] += bool(phone.strip("0 "))
    if not ssn.strip("0 ") and not born.strip("0 "):
        told("ssn", f"neither it nor a birth date is there ({where})")


def _header(record: str, number: int) -> Iterator[Finding]:
    if number or len(record) != LENGTH:
        yield Finding(0, "header", f"is the first record and has {LENGTH} characters")
    for name, at in (("activity date", 47), ("date created", 55)):
        if day(record[at : at + 8], FORM) is None:
            yield Finding(0, name, f"{record[at : at + 8]} is no date")
    for name, at, size in (("reporter name", 79, 40), ("reporter address", 119, 96)):
        if not record[at : at + size].strip():
            yield Finding(0, name, "is missing")


def _trailer(record: str, counts: Counter[str]) -> Iterator[Finding]:
    for name, at in TRAILER.items():
        written = record[at : at + 9]
        if not NUMBER.fullmatch(written) or int(written) != counts[name]:
            yield Finding(-1, name, f"{written} is not the {counts[name]} of the records")
