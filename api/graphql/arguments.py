"""Arguments that need a second look: dates a lender could mean, instants with their zone."""

from datetime import UTC, date, datetime
from typing import NamedTuple

from api.fields import EARLIEST, LATEST, storable
from api.graphql.errors import Refused

LONGEST_WORD = 200


def on_or(given: date | None, otherwise: date) -> date:
    """The date asked for. Errors: ``Refused`` for one that only a typing error makes."""
    if given is None:
        return otherwise
    if not EARLIEST <= given <= LATEST:
        raise Refused("bad-date", f"{given} must lie between {EARLIEST} and {LATEST}")
    return given


class Known(NamedTuple):
    """What is left out of the log: all that was recorded after a time, or after a position."""

    until: datetime
    position: int


ALL = Known(datetime.max.replace(tzinfo=UTC), 2**63 - 1)


def known(until: datetime | None, position: int | None) -> Known | None:
    """How much of the log is asked for, None for all of it; a time without a zone is UTC.

    Errors: ``Refused`` for a position below zero, and as `on_or`.
    """
    if until is None and position is None:
        return None
    if until is not None:
        on_or(until.date(), until.date())
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
    if position is not None and position < 0:
        raise Refused("unknown-position", f"there is no position {position}")
    return Known(until or ALL.until, ALL.position if position is None else int(position))


def word(given: str) -> str:
    """Text to compare with. Errors: ``Refused`` for what no name or reference holds."""
    if len(given) > LONGEST_WORD or not storable(given):
        raise Refused("bad-argument", f"a text has {LONGEST_WORD} plain characters at most")
    return given
