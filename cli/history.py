"""A loan's history for an auditor's eyes: each event, what it did, and what was owed after it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

import msgspec

from domain import events as e
from domain.fold import apply, replay
from domain.loan import Amounts, Loan
from domain.terms import Component
from domain.views import as_of
from ledger.log import Origin, Recorded
from ledger.money import text

COMPONENTS = tuple(str(component) for component in Component)
QUIET = {"effective_on", "settled", "schedule", "terms", "numerator", "late_numerators", "type"}


def entries(
    facts: Sequence[tuple[Recorded, Origin]], until: date | None
) -> Iterator[dict[str, Any]]:
    """Each event effective up to ``until`` in the order it was recorded, as `--json` prints it.

    ``balances`` is what was owed just after it, with all that had been recorded by then.
    """
    loan: Loan | None = None
    for recorded, origin in facts:
        loan = _after(loan, recorded.event)
        if until is not None and recorded.event.effective_on > until:
            continue
        currency = loan.terms.currency
        yield {
            "version": recorded.version,
            "position": recorded.position,
            "type": e.tag(recorded.event),
            "effective_on": recorded.event.effective_on,
            "recorded_at": recorded.recorded_at,
            "actor": origin.actor,
            "channel": origin.channel,
            "command": origin.command,
            "command_id": origin.command_id,
            "summary": summary(recorded.event, currency),
            "event": msgspec.to_builtins(recorded.event),
            "balances": amounts(loan.balances(), currency),
        }


def standing(facts: Sequence[tuple[Recorded, Origin]], on: date) -> dict[str, Any]:
    """What the loan stands at on ``on``, with everything known today."""
    loan = replay(recorded.event for recorded, _ in facts)
    assert loan is not None, "a loan has at least its first event"
    seen = as_of(loan, max(on, loan.opened_on))
    return {
        "on": on,
        "status": str(seen.status),
        "days_past_due": seen.days_past_due(on),
        "balances": amounts(seen.balances(), loan.terms.currency),
    }


def amounts(owed: Amounts, currency: str) -> dict[str, str]:
    """By component, as text, and the total."""
    shown = {name: text(getattr(owed, name), currency) for name in COMPONENTS}
    return shown | {"total": text(owed.total, currency)}


def summary(event: e.AnyLoanEvent, currency: str) -> str:
    """What the event did, in a line."""
    match event:
        case e.LoanOpened():
            terms = event.terms
            return (
                f"{text(terms.principal, currency)} {currency} at {_percent(terms.annual_rate)} %,"
                f" {terms.instalments} {terms.frequency} instalments, {terms.method}"
            )
        case e.LoanDisbursed() | e.LoanTakenOn():
            return f"{text(event.principal, currency)} over {len(event.schedule)} instalments"
        case e.InterestAccrued():
            return f"instalment {event.instalment}: {_parts(event, currency, 'interest', 'tax')}"
        case e.LateInterestAccrued():
            return "; ".join(
                f"instalment {line.instalment}: {_parts(line, currency, 'interest', 'tax')}"
                for line in event.lines
            )
        case e.InstalmentFellDue():
            parts = _parts(event, currency, "principal", "interest", "tax")
            return f"instalment {event.instalment}: {parts}"
        case e.PaymentReceived() | e.PaymentReversed():
            over = f", overpaid {text(event.overpaid, currency)}" if event.overpaid else ""
            cleared = _portions(event.allocation, currency)
            return f"payment {event.payment}: {text(event.amount, currency)} = {cleared}{over}"
        case e.HistoryCorrected():
            moved = [portion for one in event.moved for portion in one.portions]
            return f"{len(event.charged)} charges corrected, moved {_portions(moved, currency)}"
        case e.DebtForgiven():
            return _portions(event.forgiven, currency)
        case e.LoanWrittenOff():
            return _portions(event.written_off, currency)
        case e.StageChanged():
            return f"{event.before} to {event.after} at {event.days_past_due} days past due"
        case e.RecoveryReceived():
            shown = ((name, event.by_component.get(Component(name), 0)) for name in COMPONENTS)
            return f"recovery {event.recovery}: {text(event.amount, currency)} = " + _named(
                shown, currency
            )
        case _:
            return _plain(event, currency)


def _plain(event: e.AnyLoanEvent, currency: str) -> str:
    """The bare fields, amounts as amounts."""
    told = []
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name in QUIET or value in ("", 0, None, ()):
            continue
        money = name in ("amount", "received") or (name == "tax")
        told.append(f"{name.replace('_', ' ')} {text(value, currency) if money else value}")
    return ", ".join(told)


def _percent(millionths: int) -> str:
    """All its decimals, and no zeros behind them."""
    return f"{millionths // 10_000}.{millionths % 10_000:04d}".rstrip("0").rstrip(".")


def _parts(event: Any, currency: str, *names: str) -> str:
    shown = [(name, getattr(event, name)) for name in names]
    return ", ".join(f"{name} {text(value, currency)}" for name, value in shown if value) or "0"


def _portions(portions: Sequence[e.Portion], currency: str) -> str:
    """The sum by component."""
    total = Amounts()
    for portion in portions:
        total.add(portion)
    return _named(((name, getattr(total, name)) for name in COMPONENTS), currency)


def _named(amounts: Iterable[tuple[str, int]], currency: str) -> str:
    """Those that are not zero."""
    named = [f"{name.replace('_', ' ')} {text(n, currency)}" for name, n in amounts if n]
    return ", ".join(named) or "nothing"


def _after(loan: Loan | None, event: e.AnyLoanEvent) -> Loan:
    if loan is None:
        loan = replay((event,))
        assert loan is not None, "a history begins with its loan's opening"
        return loan
    apply(loan, event)
    return loan
