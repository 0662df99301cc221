"""Arguments that need a second look: dates a lender could mean, instants with their zone."""

from datetime import UTC, date, datetime

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


def known(given: datetime | None) -> datetime | None:
    """The booking time asked for; without a zone it is UTC."""
    if given is None:
        return None
    on_or(given.date(), given.date())
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def word(given: str) -> str:
    """Text to compare with. Errors: ``Refused`` for what no name or reference holds."""
    if len(given) > LONGEST_WORD or not storable(given):
        raise Refused("bad-argument", f"a text has {LONGEST_WORD} plain characters at most")
    return given
