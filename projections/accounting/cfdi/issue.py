"""Issue the fiscal documents that the log asks for: seal, have stamped, cancel; go on where it was.

Each step is recorded before the next, so that a run that is killed repeats no stamp: the very
document that was sealed is sent again. A provider that is away leaves everything as it stands, and
ends the run with ``ProviderAway`` once all that is asked for is recorded.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from domain import events as e
from ledger import log
from ledger.log import Recorded
from projections.accounting.cfdi import build, register
from projections.accounting.cfdi.documents import Cancellation, Credit, Income
from projections.accounting.cfdi.errors import BasisChanged
from projections.accounting.cfdi.papers import Desk, Papers, Report, Run
from projections.accounting.cfdi.seal import check_validity
from projections.accounting.cfdi.settings import CfdiSettings
from projections.accounting.cfdi.wanted import READS, wanted

__all__ = ["Desk", "Report", "issue"]


def issue(
    connection: Connection[TupleRow], desk: Desk, told: Callable[[int], None] | None = None
) -> Report:
    """Every document that is asked for and not yet final. ``connection`` commits each statement.

    Errors: ``CertificateNotUsable`` and ``BasisChanged`` before anything is done; ``ProviderAway``
    at the end.
    """
    check_validity(desk.signer, desk.now())
    with _alone(connection):
        _same_basis(connection, desk.settings)
        upto = log.horizon(connection)
        loans = dict.fromkeys(register.open_loans(connection))
        loans |= dict.fromkeys(_news(connection, register.read_upto(connection), upto))
        run = Run(connection, desk)
        for nth, loan_id in enumerate(loans, start=1):
            _loan(run, loan_id)
            if told is not None:
                told(nth)
        register.has_read(connection, upto, desk.settings.basis)
    run.report.loans = len(loans)
    if run.away is not None:
        raise run.away
    return run.report


@contextmanager
def _alone(connection: Connection[TupleRow]) -> Iterator[None]:
    connection.execute("SELECT pg_advisory_lock(%s)", [register.ONE_RUN])
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", [register.ONE_RUN])


def _same_basis(connection: Connection[TupleRow], settings: CfdiSettings) -> None:
    """The first run says by which settings documents are issued, for good."""
    known = register.basis(connection)
    if known is None:
        register.has_read(connection, 0, settings.basis)
    elif known != settings.basis:
        raise BasisChanged(settings.basis, known)


def _news(connection: Connection[TupleRow], after: int, upto: int) -> list[UUID]:
    """Loans with events that may ask for documents."""
    rows = connection.execute(
        "SELECT DISTINCT loan_id FROM ledger.events"
        " WHERE position > %s AND position <= %s AND type = ANY(%s) ORDER BY loan_id",
        [after, upto, [e.tag(one) for one in READS]],
    )
    return [loan_id for (loan_id,) in rows]


def _loan(run: Run, loan_id: UUID) -> None:
    """Each document that the loan asks for, one after the other."""
    history = log.facts(run.connection, loan_id)
    own = run.desk.settings
    asked = wanted(history, own)
    invoices = {one.key: one for one in asked if isinstance(one, Income)}
    gone = {one.document for one in asked if isinstance(one, Cancellation)}
    gone |= {one.invoice for one in asked if isinstance(one, Credit) and one.why == "reversed"}
    kept = register.of_loan(run.connection, loan_id)
    papers = Papers(run, _said(history), loan_id, kept, invoices)
    for one in asked:
        if isinstance(one, Cancellation):
            papers.cancel(one)
        else:
            papers.issue(one, dropped=one.key in gone)


def _said(history: Iterable[Recorded]) -> build.Loan:
    for recorded in history:
        if isinstance(recorded.event, e.LoanOpened):
            opened = recorded.event
            return build.Loan(opened.loan_no, opened.borrower, opened.terms.currency)
    raise AssertionError("a loan without its opening")
