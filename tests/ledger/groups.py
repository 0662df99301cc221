"""Short stories of groups, for tests of the store."""

from datetime import date

from domain.groups import GroupKind, SplitRule
from domain.terms import Frequency, Terms
from ledger.group_opening import NewGroup, NewMember, disburse_group, open_group
from ledger.groups import group_payment
from tests.ledger.builders import CAUSE, START, mxn

FIRST, SECOND = date(2026, 1, 22), date(2026, 1, 29)  # one and two weeks after START
PRINCIPALS = {"ana": 5_000_00, "bea": 3_000_00, "cai": 2_000_00, "dora": 1_000_00}


def weekly(principal, **changes):
    """Ten weeks without interest: a tenth of the principal each week."""
    agreed = {
        "currency": "MXN", "principal": principal, "annual_rate": 0, "instalments": 10,
        "frequency": Frequency.WEEKLY,
    }  # fmt: skip
    return Terms(**(agreed | changes))


def new_group(number, principals=None, *, rule=SplitRule(), kind=GroupKind.GROUP, **changes):
    members = (principals or PRINCIPALS).items()
    return NewGroup(
        group_no=number,
        kind=kind,
        effective_on=START,
        members=tuple(
            NewMember(loan_no=f"{number}-{name}", terms=weekly(amount, **changes), borrower=name)
            for name, amount in members
        ),
        rule=rule,
    )


def a_group(ledger, number, principals=None, **given):
    """A group opened and paid out: by default 500.00, 300.00, 200.00 and 100.00 a week."""
    open_group(ledger, new_group(number, principals, **given), CAUSE)
    disburse_group(ledger, number, on=START, cause=CAUSE)
    return number


def pay_group(ledger, number, amount, on=FIRST, cause=CAUSE, absent=(), amounts=None, **given):
    return group_payment(
        ledger, number, amount=mxn(amount), on=on, cause=cause,
        absent=[f"{number}-{name}" for name in absent],
        amounts={f"{number}-{name}": mxn(one) for name, one in (amounts or {}).items()}, **given,
    )  # fmt: skip


def loans(ledger, number):
    """The members' loans by the names of ``PRINCIPALS``."""
    found = {}
    for name in PRINCIPALS:
        try:
            found[name] = ledger.load(ledger.find(f"{number}-{name}"))
        except LookupError:
            continue
    return found


def payments(ledger, number):
    """name: [(amount, paid by)] of every member, as his loan has it."""
    short = len(number) + 1
    return {
        name: [(one.amount, one.paid_by[short:]) for one in loan.payments.values()]
        for name, loan in loans(ledger, number).items()
    }


def covers(ledger, number):
    """name: [(for whom, amount, still owed back)] of every member who gave one."""
    short = len(number) + 1
    return {
        name: [(one.for_loan[short:], one.amount, one.left) for one in loan.covers.values()]
        for name, loan in loans(ledger, number).items()
        if loan.covers
    }
