"""Which components a chargeback puts the debt back on: see ``terms.ChargebackRule``."""

from domain import events as e
from domain.loan import COMPONENTS, Amounts, Loan
from domain.terms import ChargebackRule, Component


def owed_again(loan: Loan, fact: e.ChargedBack) -> Amounts:
    """What of the chargeback is owed again, by component, once what was kept has gone."""
    if fact.restored is not None:
        told = Amounts(principal=fact.principal)
        told.add(fact.restored)
        return told
    payment = loan.payments[fact.payment]
    asked = fact.amount - min(payment.overpaid, fact.amount)
    rule = loan.terms.chargeback
    if rule is ChargebackRule.AS_PRINCIPAL:
        return Amounts(principal=asked)
    cleared = Amounts()
    for amounts in payment.allocation.values():
        cleared.add(amounts)
    for before in loan.facts:
        if isinstance(before, e.ChargedBack) and before.payment == fact.payment:
            cleared.principal -= before.principal
            if before.restored is not None:
                cleared.add(before.restored, -1)
    return _taken(cleared, asked, principal_first=rule is not ChargebackRule.AS_PAID)


def _taken(cleared: Amounts, asked: int, *, principal_first: bool) -> Amounts:
    """``asked`` out of what was cleared, component by component; principal takes what is over."""
    others = tuple(component for component in COMPONENTS if component != Component.PRINCIPAL)
    ends = (Component.PRINCIPAL,)
    found = Amounts()
    for component in (*ends, *others) if principal_first else (*others, *ends):
        part = min(asked, max(getattr(cleared, component), 0))
        setattr(found, component, part)
        asked -= part
    found.principal += asked
    return found
