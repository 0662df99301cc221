"""What one run of the close knows, and what it did."""

from dataclasses import dataclass, field
from datetime import date
from threading import Lock
from uuid import UUID

import msgspec
import structlog

from domain.errors import LoanError
from domain.rates import IndexValue
from ledger.application import Ledger
from ledger.errors import LedgerError
from ledger.orders import Cause
from ledger.recorder import Command

logger = structlog.get_logger(__name__)


class SetAside(msgspec.Struct, frozen=True):
    """A loan that could not be closed for ``business_date``, and why; the others went on."""

    loan_id: UUID
    business_date: date
    code: str
    reason: str


class CloseReport(msgspec.Struct):
    """What one run did. ``redone``: loans another writer changed meanwhile, closed one by one."""

    on: date
    loans: int = 0
    closed: int = 0
    events: int = 0
    redone: int = 0
    set_aside: list[SetAside] = []


@dataclass(frozen=True)
class Run:
    """What every step of one run needs to know, and where it counts."""

    ledger: Ledger
    on: date
    cause: Cause
    daily: bool
    report: CloseReport
    value_of: IndexValue
    counting: Lock = field(default_factory=Lock)
    """The lanes count at the same time."""

    def count(
        self, events: int = 0, closed: int = 0, redone: int = 0, failure: SetAside | None = None
    ) -> None:
        """Add to the report what became of some loans."""
        with self.counting:
            self.report.events += events
            self.report.closed += closed
            self.report.redone += redone
            if failure is not None:
                self.report.set_aside.append(failure)

    def command(self) -> Command:
        """The order as it is stored, under a new id."""
        return self.ledger.command("close-day", self.cause)


def set_aside(loan_id: UUID, day: date, broken: Exception) -> SetAside:
    """Why a loan could not be closed, in words for its lender."""
    if isinstance(broken, (LoanError, LedgerError)):
        logger.warning("close_set_aside", loan_id=str(loan_id), day=str(day), reason=str(broken))
        return SetAside(loan_id, day, broken.code, str(broken))
    logger.error("close_set_aside", loan_id=str(loan_id), day=str(day), exc_info=broken)
    reason = f"the loan's history cannot be folded ({type(broken).__name__}); see the log"
    return SetAside(loan_id, day, "unreadable-loan", reason)
