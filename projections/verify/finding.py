"""One thing that does not hold."""

from uuid import UUID

from msgspec import Struct


class Finding(Struct, frozen=True):
    """What was checked, where it fails and with which figures.

    ``position`` is the first event that differs, where one can be named.
    """

    check: str
    message: str
    loan_id: UUID | None = None
    position: int | None = None
