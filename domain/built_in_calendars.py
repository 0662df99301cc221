"""Which days the calendars close that need no list of the lender's own.

    mx_banking      weekends, the statutory days, and what Mexican banks keep besides
    mx_statutory    weekends and the statutory days of Mexico
    weekends        Saturdays and Sundays
    none            never closed
    co, pe, us...   weekends and national public holidays of a country, by its ISO 3166 code

`mx_banking` is a default, not the law: the CNBV sets the days each December for the year to
come, and a lender's own list, based on `mx_statutory`, replaces it. The countries' days are
those of the PyPI package `holidays`, which estimates those that follow the moon.
"""

from calendar import isleap
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

from dateutil.easter import easter  # type: ignore[import-untyped]

MX_BANKING = "mx_banking"
MX_STATUTORY = "mx_statutory"
WEEKENDS = "weekends"
EVERY_DAY = "none"
NAMED = (MX_BANKING, MX_STATUTORY, WEEKENDS, EVERY_DAY)


class Weekday(StrEnum):
    """The days of the week, in the order of ``date.weekday``."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


_WEEK = tuple(Weekday)
_WEEKENDS = {
    WEEKENDS: frozenset({Weekday.SATURDAY, Weekday.SUNDAY}),
    EVERY_DAY: frozenset[Weekday](),
}


def is_built_in(name: str) -> bool:
    return name in NAMED or name in _countries()


def years_covered(name: str) -> range:
    """The years in which a built-in calendar knows its holidays."""
    if name in _WEEKENDS:
        return range(date.min.year, date.max.year + 1)
    # Here and below, because it takes longer to import than the rest of the domain together.
    from holidays import country_holidays

    country = country_holidays(_code(name))
    return range(country.start_year, country.end_year + 1)


def closed_days(name: str, year: int, weekend: frozenset[Weekday] | None = None) -> frozenset[date]:
    """The days of ``year`` that a built-in calendar closes, under its own weekend or another.

    Source: for Mexico the Ley Federal del Trabajo, article 74, as `holidays` has it.
    """
    if name in _WEEKENDS:
        return _resting(year, _WEEKENDS[name] if weekend is None else weekend)
    from holidays import country_holidays

    country = country_holidays(_code(name), years=year, expand=False)
    resting = (
        frozenset(day for day in _days(year) if country.is_weekend(day))
        if weekend is None
        else _resting(year, weekend)
    )
    kept = _bank_days(year) if name == MX_BANKING else frozenset[date]()
    return (resting | country.keys() | kept) - country.weekend_workdays


def _bank_days(year: int) -> frozenset[date]:
    """Maundy Thursday, Good Friday, 2 November and 12 December.

    Source: the CNBV's lists for 2025 and 2026 as the press gives them (Infobae of 2024-12-27,
    El Cronista of 2025-12-11). Other years are taken to be alike.
    """
    sunday: date = easter(year)
    holy = sunday - timedelta(days=3), sunday - timedelta(days=2)
    return frozenset({*holy, date(year, 11, 2), date(year, 12, 12)})


def _resting(year: int, weekend: frozenset[Weekday]) -> frozenset[date]:
    return frozenset(day for day in _days(year) if _WEEK[day.weekday()] in weekend)


def _days(year: int) -> list[date]:
    first = date(year, 1, 1).toordinal()
    return [date.fromordinal(first + day) for day in range(366 if isleap(year) else 365)]


def _code(name: str) -> str:
    return "MX" if name in (MX_BANKING, MX_STATUTORY) else name.upper()


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    from holidays import list_supported_countries

    return frozenset(map(str.lower, list_supported_countries(include_aliases=False)))
