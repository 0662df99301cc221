"""Which business date it is: the only place that asks a clock."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Knows the lender's business date."""

    def business_date(self) -> date:
        """Today, where the lender is."""
        ...


@dataclass(frozen=True)
class SystemClock:
    """The machine's clock, read in the lender's own time zone."""

    zone: ZoneInfo

    def business_date(self) -> date:
        return datetime.now(self.zone).date()


@dataclass(frozen=True)
class FixedClock:
    """A day that stands still: stories and tests."""

    on: date

    def business_date(self) -> date:
        return self.on
