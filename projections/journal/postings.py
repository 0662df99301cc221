"""The double entry of one event. Pure: the same event always gives the same lines.

Tax is owed by the borrower from the charge, but to the treasury only once collected: it waits as
"not yet collected" until a payment brings it. Debt given up or written off cancels its tax there.
Source: the entries follow NIF C-16 and C-20 as lenders apply them (docs/decisions/0004).
"""

from collections import defaultdict
from datetime import date
from typing import NamedTuple

from domain import events as e
from projections.journal.accounts import INCOME, RECEIVABLE, Account
from projections.movements import COMPONENTS, OWES_MORE, Amounts, Movement, movements

TAXES = frozenset(name for name in COMPONENTS if name.endswith("_tax"))


class Posting(NamedTuple):
    """One line: a debit of ``account`` if ``amount`` is positive, else a credit."""

    on: date
    account: Account
    amount: int

    @property
    def debit(self) -> int:
        return max(self.amount, 0)

    @property
    def credit(self) -> int:
        return max(-self.amount, 0)


Changes = defaultdict[Account, int]


def postings(event: e.AnyLoanEvent) -> list[Posting]:
    """The lines of ``event`` by value date, debits first; each date balances.

    A reversal is the exact mirror of what its payment had come to: each amount with the other sign.
    """
    by_date: defaultdict[date, Changes] = defaultdict(lambda: defaultdict(int))
    if isinstance(event, e.InterestAccrued):
        _charge(by_date[event.effective_on], (0, 0, 0, 0, event.tax, event.interest, 0))
    elif isinstance(event, e.LateInterestAccrued):
        interest, tax = (sum(getattr(line, n) for line in event.lines) for n in ("interest", "tax"))
        _charge(by_date[event.effective_on], (0, 0, tax, interest, 0, 0, 0))
    elif isinstance(event, e.LoanDisbursed):
        _disburse(by_date[event.effective_on], event)
    else:
        for movement in movements(event):
            _post(by_date[movement.on], movement)
    return [posting for on, changes in sorted(by_date.items()) for posting in _ordered(on, changes)]


def _ordered(on: date, changes: Changes) -> list[Posting]:
    lines = [Posting(on, account, amount) for account, amount in changes.items() if amount]
    balance = sum(line.amount for line in lines)
    assert balance == 0, f"entry on {on} is out of balance by {balance}: {lines}"
    return sorted(lines, key=lambda line: (line.amount < 0, line.account))


def _post(changes: Changes, movement: Movement) -> None:
    amounts = movement.amounts
    if movement.kind == "taken_on":
        _carry(changes, amounts, OWES_MORE)
        _earlier_tax(changes, amounts, -1)
        changes[Account.OPENING_BALANCES] -= _untaxed(amounts)
    elif movement.effect == OWES_MORE:
        _charge(changes, amounts)
    elif movement.kind == "recovery":
        tax = sum(amounts) - _untaxed(amounts)
        changes[Account.BANK] += movement.amount
        changes[Account.TAX_COLLECTED] -= tax
        changes[Account.RECOVERIES] -= movement.amount - tax
    else:
        _carry(changes, amounts, -1)
        _earlier_tax(changes, amounts, 1)
        _clear(changes, movement)


def _clear(changes: Changes, movement: Movement) -> None:
    """The other side of debt that went: money, or a loss."""
    amounts = movement.amounts
    if movement.kind == "write_off":
        changes[Account.WRITTEN_OFF] += _untaxed(amounts)
    elif movement.kind in ("forgiveness", "waiver"):
        changes[Account.FORGIVEN] += _untaxed(amounts)
    else:
        changes[Account.TAX_COLLECTED] -= sum(amounts) - _untaxed(amounts)
        changes[Account.OVERPAYMENTS] -= movement.overpaid
        changes[Account.BANK] += sum(amounts) + movement.overpaid


def _disburse(changes: Changes, event: e.LoanDisbursed) -> None:
    """Withheld fees are collected at once, with their tax, and earned over the loan's life."""
    changes[Account.PRINCIPAL] += event.principal
    changes[Account.DEFERRED_FEES] -= event.withheld_fees
    changes[Account.TAX_COLLECTED] -= event.withheld_fees_tax
    changes[Account.BANK] -= event.principal - event.withheld_fees - event.withheld_fees_tax


def _charge(changes: Changes, amounts: Amounts) -> None:
    _carry(changes, amounts, OWES_MORE)
    _earlier_tax(changes, amounts, -1)
    for name, amount in zip(COMPONENTS, amounts, strict=True):
        if name not in TAXES and amount:
            changes[INCOME[name]] -= amount


def _carry(changes: Changes, amounts: Amounts, sign: int) -> None:
    for name, amount in zip(COMPONENTS, amounts, strict=True):
        changes[RECEIVABLE[name]] += sign * amount


def _earlier_tax(changes: Changes, amounts: Amounts, sign: int) -> None:
    changes[Account.TAX_NOT_COLLECTED] += sign * (sum(amounts) - _untaxed(amounts))


def _untaxed(amounts: Amounts) -> int:
    pairs = zip(COMPONENTS, amounts, strict=True)
    return sum(amount for name, amount in pairs if name not in TAXES)
