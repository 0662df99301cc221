"""Names and addresses as the bureaus' files take them: capitals without accents or signs."""

import re
import unicodedata
from datetime import date
from functools import lru_cache

SIGNS = re.compile(r"[^A-Z0-9Ñ ]+")
BLANKS = re.compile(r" {2,}")
MEXICAN_PHONE = 10


@lru_cache(maxsize=20_000)
def plain(text: str, enye: str = "N") -> str:
    """Capitals A to Z, digits and single blanks; ``enye`` stands for Ñ.

    An apostrophe joins (O'Farrill is OFARRILL), any other sign parts.
    """
    kept = text.upper().replace("'", "").replace("’", "").replace("N\u0303", "Ñ")
    bare = "".join(one if one == "Ñ" else unicodedata.normalize("NFKD", one) for one in kept)
    letters = "".join(one for one in bare if not unicodedata.combining(one))
    return BLANKS.sub(" ", SIGNS.sub(" ", letters)).strip().replace("Ñ", enye)  # fmt: skip


def parts(text: str, width: int, most: int) -> list[str] | None:
    """``text`` in lines of ``width`` at most, cut between words; None if ``most`` are too few."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        elif len(word) <= width:
            lines.append(word)
        else:
            return None
    return lines if len(lines) <= most else None


def phone(text: str) -> str:
    """The ten digits of a Mexican number, or "" where there are not as many."""
    digits = re.sub(r"\D", "", text)
    if len(digits) == MEXICAN_PHONE + 2 and digits.startswith("52"):
        digits = digits[2:]
    return digits if len(digits) == MEXICAN_PHONE else ""


@lru_cache(maxsize=10_000)
def day_first(day: date | None, missing: str = "") -> str:
    """DDMMYYYY."""
    return f"{day.day:02}{day.month:02}{day.year:04}" if day else missing


@lru_cache(maxsize=10_000)
def year_first(day: date | None, missing: str = "") -> str:
    """YYYYMMDD."""
    return f"{day.year:04}{day.month:02}{day.day:02}" if day else missing


@lru_cache(maxsize=10_000)
def month_first(day: date | None) -> str:
    """MMDDYYYY, zeros where there is none."""
    return f"{day.month:02}{day.day:02}{day.year:04}" if day else "0" * 8


def hundredths(days: int, month: tuple[int, int] = (304, 10)) -> str:
    """Days as months of 30.4 days, two decimals, half up: "12.04"."""
    part, whole = month
    found = (days * whole * 200 + part) // (2 * part)
    return f"{found // 100}.{found % 100:02}"
