"""The documents of one loan, each brought as far as it goes; every step is recorded first."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import TupleRow

from projections.accounting.cfdi import build, register
from projections.accounting.cfdi.documents import Cancellation, Complement, Credit, Document, Income
from projections.accounting.cfdi.errors import CfdiRefused, ProviderAway
from projections.accounting.cfdi.provider import Provider
from projections.accounting.cfdi.receiver import Receivers, receiver_of
from projections.accounting.cfdi.register import Step
from projections.accounting.cfdi.settings import CfdiSettings

MOTIVE_REPLACED = "01"
KINDS: dict[type, Literal["income", "payment", "credit"]] = {
    Income: "income", Complement: "payment", Credit: "credit"
}  # fmt: skip


class Report(Struct, kw_only=True):
    """What a run came to: documents by how they stand now."""

    loans: int = 0
    stamped: int = 0
    cancelled: int = 0
    dropped: int = 0
    waiting: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What issuing needs: settings, borrowers' data, certificate, provider, the hour."""

    settings: CfdiSettings
    receivers: Receivers
    signer: Any
    provider: Provider
    now: Callable[[], datetime]
    zone: ZoneInfo


class Run:
    """What the documents of a run share: where it writes, what it came to, if nobody answers."""

    def __init__(self, connection: Connection[TupleRow], desk: Desk) -> None:
        self.connection, self.desk = connection, desk
        self.report = Report()
        self.away: ProviderAway | None = None

    def add(self, step: Step, before: Step | None) -> Step:
        """Record it, unless it says what was known."""
        same = before is not None and (before.state, before.reason) == (step.state, step.reason)
        if not same or step.state == "sealed":
            register.add(self.connection, step)
            return step
        assert before is not None
        return before

    def seal(self, build_it: Callable[[datetime], Any], name: str) -> tuple[datetime, str]:
        """The document as of now, sealed."""
        at = self.desk.now().astimezone(self.desk.zone).replace(tzinfo=None, microsecond=0)
        return at, build.sealed(build_it(at), self.desk.signer, name).decode()


class Papers:
    """The documents of one loan."""

    def __init__(
        self,
        run: Run,
        loan: build.Loan,
        loan_id: UUID,
        kept: dict[str, Step],
        invoices: dict[str, Income],
    ) -> None:
        self._run, self._desk, self._loan, self._loan_id = run, run.desk, loan, loan_id
        self._kept, self._invoices = kept, invoices

    def issue(self, one: Document, *, dropped: bool) -> None:
        """Bring a document as far as it goes."""
        known = self._kept.get(one.key)
        if known is not None and known.state not in register.OPEN:
            return
        if known is not None and known.state == "cancelling":
            return
        if isinstance(one, Credit):
            credited = self._kept.get(one.invoice)
            dropped = credited is not None and credited.state == "dropped"
        if dropped and (known is None or known.state != "sealed"):
            self._step(one, "dropped", "not wanted any more before it was stamped")
            self._run.report.dropped += 1
            return
        try:
            self._stamp(one, self._sealed(one, known))
        except CfdiRefused as refused:
            self._step(one, "refused", str(refused))
            self._run.report.refused += 1
        except ProviderAway as away:
            self._run.away = away
            if self._kept.get(one.key) is None:
                self._step(one, "waiting", str(away))
            self._run.report.waiting += 1
        except _NotYet as not_yet:
            self._step(one, "waiting", str(not_yet))
            self._run.report.waiting += 1

    def cancel(self, one: Cancellation) -> None:
        """Cancel a document that was stamped, after the one in its place has its UUID."""
        known = self._kept.get(one.document)
        if known is None or known.state not in ("stamped", "cancelling"):
            return
        by = self._kept.get(one.by)
        replaced_by = str(by.uuid) if by is not None and by.uuid else ""
        if one.by and not replaced_by:
            return  # the next run cancels it
        own = self._desk.settings
        motive = MOTIVE_REPLACED if one.by else own.motive_reversed
        if known.state == "stamped":
            known = self._again(known, "cancelling", f"motive {motive}")
        assert known.uuid is not None
        try:
            if self._run.away is not None:
                raise self._run.away
            self._desk.provider.cancel(
                one.document, own.issuer.rfc, str(known.uuid), motive, replaced_by
            )
        except ProviderAway as away:
            self._run.away = away
            self._run.report.waiting += 1
            return
        except CfdiRefused as refused:
            self._again(known, "cancelling", str(refused))
            self._run.report.refused += 1
            return
        self._again(known, "cancelled", known.reason)
        self._run.report.cancelled += 1

    def _sealed(self, one: Document, known: Step | None) -> Step:
        """The document as it was sealed, or sealed now."""
        fresh = self._desk.now() - timedelta(hours=self._desk.settings.stale_hours)
        if known is not None and known.state == "sealed":
            assert known.recorded_at is not None
            if known.recorded_at > fresh:
                return known
        receiver = receiver_of(self._loan.borrower, self._desk.receivers, self._desk.settings)
        given = (self._loan, receiver, self._desk.settings)
        if isinstance(one, Credit):
            uuid = self._uuid(one.invoice)
            at, xml = self._run.seal(lambda at: build.credit(one, *given, at, uuid), one.key)
        elif isinstance(one, Income):
            replaced = self._replaced(one.replaces)
            at, xml = self._run.seal(lambda at: build.income(one, *given, at, replaced), one.key)
        else:
            replaced = self._replaced(one.replaces)
            paid = {
                part.invoice: build.Related(self._uuid(part.invoice), self._invoices[part.invoice])
                for part in one.parts
            }
            at, xml = self._run.seal(
                lambda at: build.complement(one, *given, at, paid, replaced), one.key
            )
        return self._step(
            one, "sealed", "", xml=xml, issued_on=at.date(), receiver_rfc=receiver.rfc
        )

    def _stamp(self, one: Document, sealed: Step) -> None:
        if self._run.away is not None:
            raise self._run.away
        assert sealed.xml is not None
        stamped = self._desk.provider.stamp(one.key, sealed.xml.encode())
        step = msgspec.structs.replace(
            sealed, step=sealed.step + 1, state="stamped", uuid=UUID(stamped.uuid), xml=stamped.xml
        )
        self._kept[one.key] = self._run.add(step, sealed)
        self._run.report.stamped += 1

    def _replaced(self, documents: Iterable[str]) -> list[str]:
        """The UUIDs of those whose place it takes, but for those that were never stamped."""
        return [
            self._uuid(one) for one in documents
            if one in self._kept and self._kept[one].state != "dropped"
        ]  # fmt: skip

    def _uuid(self, document: str) -> str:
        known = self._kept.get(document)
        if known is None or known.uuid is None:
            raise _NotYet(f"{document} has no UUID yet")
        return str(known.uuid)

    def _step(self, one: Document, state: Any, reason: str, **given: Any) -> Step:
        known = self._kept.get(one.key)
        step = Step(
            document=one.key,
            step=1 if known is None else known.step + 1,
            state=state,
            position=one.position,
            kind=KINDS[type(one)],
            loan_id=self._loan_id,
            total=one.total,
            currency=self._loan.currency,
            issuer_rfc=self._desk.settings.issuer.rfc,
            reason=reason,
            **given,
        )
        self._kept[one.key] = self._run.add(step, known)
        return self._kept[one.key]

    def _again(self, known: Step, state: Any, reason: str) -> Step:
        step = msgspec.structs.replace(
            known, step=known.step + 1, state=state, reason=reason, xml=None
        )
        self._kept[known.document] = self._run.add(step, known)
        return self._kept[known.document]


class _NotYet(Exception):
    """Another document must have its UUID first."""
