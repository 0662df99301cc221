"""The double entry of one event. Pure: the same event always gives the same lines.

Tax is owed by the borrower from the charge, but to the treasury only once collected: it waits as
"not yet collected" until a payment brings it, or it becomes principal: then it is no tax any more
that the borrower owes. Debt given up, written off or sold cancels its tax there.
Source: the entries follow NIF C-16 and C-20 as lenders apply them (docs/decisions/0004).
"""

from collections import defaultdict
from datetime import date
from typing import NamedTuple

from domain import events as e
from domain.terms import PaymentKind
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
            post(by_date[movement.on], movement)
    return [posting for on, changes in sorted(by_date.items()) for posting in _ordered(on, changes)]


def _ordered(on: date, changes: Changes) -> list[Posting]:
    lines = [Posting(on, account, amount) for account, amount in changes.items() if amount]
    balance = sum(line.amount for line in lines)
    assert balance == 0, f"entry on {on} is out of balance by {balance}: {lines}"
    return sorted(lines, key=lambda line: (line.amount < 0, line.account))


def post(changes: Changes, movement: Movement) -> None:
    """Add what a movement means to ``changes``."""
    amounts = movement.amounts
    if movement.kind == "taken_on":
        _carry(changes, amounts, OWES_MORE)
        _earlier_tax(changes, amounts, -1)
        changes[Account.OPENING_BALANCES] -= _untaxed(amounts)
    elif movement.kind == "capitalisation":
        _carry(changes, amounts, OWES_MORE)
        _collected(changes, amounts, 1)
    elif movement.kind == "chargeback":
        _carry(changes, amounts, OWES_MORE)
        _collected(changes, amounts, 1)
        changes[Account.OVERPAYMENTS] -= movement.overpaid
        changes[Account.BANK] -= movement.amount
    elif movement.effect == OWES_MORE:
        _charge(changes, amounts)
    elif movement.kind == "recovery":
        tax = sum(amounts) - _untaxed(amounts)
        changes[Account.BANK] += movement.amount
        changes[Account.TAX_COLLECTED] -= tax
        changes[Account.RECOVERIES] -= movement.amount - tax
    else:
        _carry(changes, amounts, -1)
        _clear(changes, movement)


def _clear(changes: Changes, movement: Movement) -> None:
    """The other side of debt that went: money, or a loss."""
    amounts = movement.amounts
    if movement.kind == "write_off":
        _earlier_tax(changes, amounts, 1)
        changes[Account.WRITTEN_OFF] += _untaxed(amounts)
    elif movement.kind in ("forgiveness", "waiver", "waiver_undone"):
        _earlier_tax(changes, amounts, 1)
        changes[Account.FORGIVEN] += _untaxed(amounts)
    elif movement.kind == "sale":
        _earlier_tax(changes, amounts, 1)
        changes[Account.BANK] += movement.amount
        changes[Account.SALE_RESULT] += _untaxed(amounts) - movement.amount
    else:
        _collected(changes, amounts, -1)
        changes[Account.OVERPAYMENTS] -= movement.overpaid
        changes[_source(movement)] += sum(amounts) + movement.overpaid


def _source(movement: Movement) -> Account:
    """Where the money of a payment came from: a goodwill credit is the lender's own."""
    gift = movement.source == PaymentKind.GOODWILL_CREDIT
    return Account.GOODWILL if gift else Account.BANK


def _disburse(changes: Changes, event: e.LoanDisbursed) -> None:
    """Withheld fees and interest are collected at once, with their tax, and earned over time."""
    withheld = {
        Account.DEFERRED_FEES: event.withheld_fees,
        Account.DEFERRED_INTEREST: event.withheld_interest,
        Account.TAX_COLLECTED: event.withheld_fees_tax + event.withheld_interest_tax,
    }
    changes[Account.PRINCIPAL] += event.principal
    changes[Account.BANK] -= event.principal - sum(withheld.values())
    for account, amount in withheld.items():
        changes[account] -= amount


def _charge(changes: Changes, amounts: Amounts) -> None:
    """Income, and tax not yet collected. Principal here is income that became it."""
    _carry(changes, amounts, OWES_MORE)
    _earlier_tax(changes, amounts, -1)
    for name, amount in zip(COMPONENTS, amounts, strict=True):
        if name not in TAXES and amount:
            changes[INCOME[name]] -= amount


def _collected(changes: Changes, amounts: Amounts, sign: int) -> None:
    """Tax counts as collected: as it is paid (``sign`` -1), or taken from the debt (1)."""
    _earlier_tax(changes, amounts, -sign)
    changes[Account.TAX_COLLECTED] += sign * (sum(amounts) - _untaxed(amounts))


def _carry(changes: Changes, amounts: Amounts, sign: int) -> None:
    for name, amount in zip(COMPONENTS, amounts, strict=True):
        changes[RECEIVABLE[name]] += sign * amount


def _earlier_tax(changes: Changes, amounts: Amounts, sign: int) -> None:
    changes[Account.TAX_NOT_COLLECTED] += sign * (sum(amounts) - _untaxed(amounts))


def _untaxed(amounts: Amounts) -> int:
    pairs = zip(COMPONENTS, amounts, strict=True)
    return sum(amount for name, amount in pairs if name not in TAXES)
