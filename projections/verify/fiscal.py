"""The fiscal documents in force against what the loans collected, where the lender issues any."""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from ledger.money import FormError, text
from ledger.settings import settings
from projections.accounting.cfdi import register
from projections.accounting.cfdi.reconcile import reconcile
from projections.accounting.cfdi.settings import read_settings
from projections.verify.finding import Finding


def check(connection: Connection[Any]) -> Iterator[Finding]:
    """Loans whose documents say something else, as far as issuing has read the log.

    A loan whose documents are not done yet is no finding: `cartera accounting cfdi list` has it.
    """
    chosen = settings()
    if chosen.cfdi is None:
        return
    try:
        own = read_settings(chosen)
    except (FormError, OSError) as error:
        yield Finding("fiscal documents", str(error))
        return
    for one in reconcile(connection, own, register.read_upto(connection)):
        if one.collected != one.documented and not one.waiting:
            collected, documented = (text(f, one.currency) for f in (one.collected, one.documented))
            message = (
                f"loan {one.loan_no} collected {collected} of interest, fees and tax,"
                f" its documents say {documented}"
            )
            yield Finding("fiscal documents", message)
