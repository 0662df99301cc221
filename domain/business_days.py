"""Which days a lender works, and where a due date goes that falls on any other.

A calendar is a name that terms can hold: a built-in one (`domain/built_in_calendars.py` lists
them), or a lender's own, once registered.
"""

import re
from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import chain

from msgspec import Struct

from domain.built_in_calendars import (
    NAMED,
    WEEKENDS,
    Weekday,
    closed_days,
    is_built_in,
    years_covered,
)
from domain.errors import InvalidTerms

_OWN_NAME = re.compile(r"[a-z][a-z0-9_]{2,39}", re.ASCII)  # two letters are a country
_ONE_DAY = timedelta(days=1)


class BusinessDayRule(StrEnum):
    """Where a date goes that is no business day; the modified rules stay in its month."""

    NONE = "none"
    FOLLOWING = "following"
    PRECEDING = "preceding"
    MODIFIED_FOLLOWING = "modified_following"
    MODIFIED_PRECEDING = "modified_preceding"


class _Own(Struct, frozen=True, kw_only=True):
    """A lender's own calendar; ``weekend`` None is that of the base."""

    holidays: frozenset[date]
    workdays: frozenset[date]
    years: frozenset[int]
    weekend: frozenset[Weekday] | None
    base: str


_own: dict[str, _Own] = {}


def is_business_day(calendar: str, day: date) -> bool:
    """Errors: ``InvalidTerms`` for an unknown calendar, or a year that it does not cover."""
    return day not in _closed(calendar, day.year)


def roll(day: date, rule: BusinessDayRule, calendar: str) -> date:
    """The business day that stands for ``day``; under the rule ``none`` the day itself.

    Errors: ``InvalidTerms`` for an unknown calendar, a year that it does not cover, and where no
    business day is left: in the month for a modified rule, else before the dates end.
    Source: 2006 ISDA Definitions, section 4.12.
    """
    if rule is BusinessDayRule.NONE:
        return day
    closed = _closed(calendar, day.year)
    if day not in closed:
        return day
    if rule is BusinessDayRule.FOLLOWING:
        return _walk(day, _ONE_DAY, calendar)
    if rule is BusinessDayRule.PRECEDING:
        return _walk(day, -_ONE_DAY, calendar)
    later = range(day.day + 1, monthrange(day.year, day.month)[1] + 1)
    earlier = range(day.day - 1, 0, -1)
    first, second = (
        (later, earlier) if rule is BusinessDayRule.MODIFIED_FOLLOWING else (earlier, later)
    )
    for number in chain(first, second):
        near = day.replace(day=number)
        if near not in closed:
            return near
    raise InvalidTerms(f"calendar {calendar!r} has no business day in the month of {day}",
                       "calendar")  # fmt: skip


def check_calendar(name: str) -> None:
    """Refuse a calendar that nobody knows: ``InvalidTerms`` naming those there are."""
    if name in _own or is_built_in(name):
        return
    known = ", ".join((*NAMED, *sorted(_own)))
    rule = f"unknown calendar {name[:40]!r}; known: {known}, or a country's code such as co"
    raise InvalidTerms(rule, "calendar")


def register(
    name: str,
    holidays: Iterable[date],
    *,
    years: Iterable[int],
    weekend: Iterable[Weekday] | None = None,
    workdays: Iterable[date] = (),
    base: str = WEEKENDS,
) -> None:
    """Give this process a lender's own calendar; it never changes afterwards.

    Closed are the base's days and ``holidays``, less ``workdays``; ``weekend`` replaces that of
    the base. ``years`` are those that the list is complete for: no other year is answered.
    Errors: ``InvalidTerms`` naming the argument.
    """
    own = _Own(
        holidays=frozenset(holidays),
        workdays=frozenset(workdays),
        years=frozenset(years),
        weekend=None if weekend is None else frozenset(weekend),
        base=base,
    )
    _check_own(name, own)
    if _own.setdefault(name, own) != own:
        raise InvalidTerms(f"name {name} is registered already, with other days", "name")


def _check_own(name: str, own: _Own) -> None:
    if not _OWN_NAME.fullmatch(name) or name in NAMED:
        rule = "must be 3 to 40 of a-z, 0-9 and _, and no built-in calendar"
        raise InvalidTerms(f"name {name[:40]!r} {rule}", "name")
    if not is_built_in(own.base):
        rule = f"must be one of {', '.join(NAMED)}, or a country's code such as co"
        raise InvalidTerms(f"base {own.base[:40]!r} {rule}", "base")
    if own.weekend == frozenset(Weekday):
        raise InvalidTerms("weekend must leave a day to work", "weekend")
    if not own.years:
        raise InvalidTerms("years must name at least one", "years")
    covered = years_covered(own.base)
    for year in sorted(own.years):
        if year not in covered:
            rule = f"must be between {covered[0]} and {covered[-1]}, which {own.base} covers"
            raise InvalidTerms(f"years {year} {rule}", "years")
    for field, days in (("holidays", own.holidays), ("workdays", own.workdays)):
        for day in sorted(days):
            if day.year not in own.years:
                raise InvalidTerms(f"{field} {day} is in none of the years listed", field)
    for day in sorted(own.holidays & own.workdays):
        raise InvalidTerms(f"workdays {day} is a holiday too", "workdays")


def _walk(start: date, step: timedelta, calendar: str) -> date:
    day = start
    try:
        while day in _closed(calendar, day.year):
            day += step
    except OverflowError:
        rule = f"calendar {calendar!r} has no business day between {start} and {day}"
        raise InvalidTerms(rule, "calendar") from None
    return day


@lru_cache(maxsize=1_024)
def _closed(calendar: str, year: int) -> frozenset[date]:
    """The days of ``year`` that are no business days; a list's other years may be among them."""
    own = _own.get(calendar)
    if own is not None:
        if year not in own.years:
            listed = ", ".join(str(known) for known in sorted(own.years))
            raise InvalidTerms(f"calendar {calendar!r} lists {listed}, not {year}", "calendar")
        return (closed_days(own.base, year, own.weekend) | own.holidays) - own.workdays
    check_calendar(calendar)
    covered = years_covered(calendar)
    if year not in covered:
        rule = f"calendar {calendar!r} covers {covered[0]} to {covered[-1]}, not {year}"
        raise InvalidTerms(rule, "calendar")
    return closed_days(calendar, year)
