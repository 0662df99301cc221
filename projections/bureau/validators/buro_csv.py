"""Reads Buró's comma-separated file back: columns, lengths, alphabets, codes, rules."""

import csv
from collections.abc import Iterator
from pathlib import Path

from projections.bureau.validators.buro_rules import CODES, FORM, SEGMENTS, check_account
from projections.bureau.validators.finding import Finding, Notes, day

# Column (from 0) of each field of INTF; what stands in no column is empty in this variant.
PERSON = {"PN": 3, "00": 4, "01": 5, "02": 6, "03": 7, "04": 8, "05": 9, "06": 10, "08": 11,
          "11": 12, "12": 13, "20": 14, "21": 15}  # fmt: skip
ADDRESS = {"PA": 16, "00": 17, "01": 18, "02": 19, "03": 20, "04": 21, "05": 22, "07": 23, "12": 24}
WORK = {"PE": 25, "18": 35}
ACCOUNT = {
    "01": 36, "02": 37, "04": 38, "05": 39, "06": 40, "07": 41, "08": 42, "10": 43, "11": 44,
    "13": 45, "12": 46, "14": 47, "15": 48, "16": 49, "17": 50, "21": 51, "22": 52, "23": 53,
    "24": 54, "25": 55, "26": 56, "30": 57, "39": 58, "40": 59, "41": 60, "43": 61, "44": 62,
    "45": 63, "50": 64, "51": 65, "46": 66, "47": 67, "48": 68, "49": 69, "52": 70,
}  # fmt: skip
PLACES = {"PN": PERSON, "PA": ADDRESS, "PE": WORK, "TL": ACCOUNT}
COLUMNS = 71
FIRST, LAST = "CLAVE_OTORGANTE_1", "CORREO_ELECTRONICO"


def check(path: Path) -> Iterator[Finding]:
    """Every fault of the file, row by row."""
    with path.open(encoding="latin-1", newline="") as file:
        rows = csv.reader(file)
        names = next(rows, [])
        if len(names) != COLUMNS or names[0] != FIRST or names[-1] != LAST:
            yield Finding(0, "columns", f"are not the {COLUMNS} of the format")
            return
        seen: set[int] = set()
        for number, row in enumerate(rows, start=1):
            told = Notes(number)
            if len(row) != COLUMNS:
                told("columns", f"are {len(row)} of {COLUMNS}")
            else:
                _row(row, told)
                key = hash((row[38], row[39], *row[3:10]))
                if key in seen:
                    told("TL 04", "the same account of the same person stands twice")
                seen.add(key)
            yield from told.found


def _row(row: list[str], told: Notes) -> None:
    for segment, places in PLACES.items():
        for tag, at in places.items():
            name, most, holds, must = SEGMENTS[segment][tag]
            value, codes = row[at], CODES.get((segment, tag))
            if must and not value:
                told(f"{segment} {tag}", f"{name} is missing")
            elif value and (len(value) > most or not holds.fullmatch(value)):
                told(f"{segment} {tag}", f"{name} {value!r} does not have the form of the field")
            elif value and codes is not None and value not in codes:
                told(f"{segment} {tag}", f"{name} {value!r} is no code of the catalogue")
    if not told.found:
        account = {tag: row[at] for tag, at in ACCOUNT.items()}
        check_account(account, day(row[2], FORM), told)
