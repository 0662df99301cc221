"""A group is opened and paid out: one loan for each member, each of them once.

The group is kept first, then the loans are opened one by one under keys of the group's own. Killed
in between, the same order takes it up where it stopped.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial

from msgspec import Struct, structs

from domain import commands
from domain.errors import LoanError
from domain.events import LoanOpened
from domain.groups import GroupKind, SplitRule
from domain.guards import Events
from domain.loan import Status
from domain.terms import Terms
from ledger import group_book as book
from ledger.application import Ledger, fingerprint
from ledger.errors import DuplicateLoanNumber, KeyReused
from ledger.group_book import Group
from ledger.group_errors import DuplicateGroupNumber, NoOpenLoans, UnknownGroup
from ledger.money import FormError, money
from ledger.orders import Cause, Receipt
from ledger.streams import Stream, load_streams

FEWEST = 2


class NewMember(Struct, frozen=True, kw_only=True):
    """Who joins, and the terms of his loan."""

    loan_no: str
    terms: Terms
    borrower: str = ""


class NewGroup(Struct, frozen=True, kw_only=True):
    """A group as it is applied for."""

    group_no: str
    kind: GroupKind
    effective_on: date
    members: tuple[NewMember, ...]
    rule: SplitRule = SplitRule()
    product: str = ""
    branch: str = ""
    officer: str = ""


class GroupReceipt(Struct, frozen=True, kw_only=True):
    """What an order on all loans of a group came to."""

    group_no: str
    loans: tuple[Receipt, ...]
    repeated: bool = False


def open_group(ledger: Ledger, new: NewGroup, cause: Cause) -> GroupReceipt:
    """Open the loans of a new group.

    The same group again opens what is missing of it. Errors: ``FormError`` naming the member's
    field, ``DuplicateGroupNumber``, ``DuplicateLoanNumber``, ``InvalidDate``, ``KeyReused``.
    """
    ledger.check_date(new.effective_on)
    check_group(new)
    body = {"command": "open-group", "group": new}
    command = ledger.command("open-group", cause, body)
    group, repeated = None, False
    if command.idempotency_key is not None:
        before = ledger.facts.applied(command.idempotency_key, command.fingerprint)
        group = book.opened_by(ledger.store, before.command_id) if before else None
    if group is None:
        group = Group(
            group_no=new.group_no,
            id=command.id,
            kind=new.kind,
            currency=new.members[0].terms.currency,
            opened_on=new.effective_on,
            rule=new.rule,
            members=tuple(member.loan_no for member in new.members),
            content=fingerprint(body),
        )
        _check_numbers(ledger, new)
        repeated = not book.keep(ledger.store, command, group)
    if repeated:
        group = _the_same(ledger, group, command.idempotency_key or "")
    why = Cause(cause.actor, cause.channel, None, command.correlation_id, group.id)
    receipts = tuple(_open_loan(ledger, group, new, nth, why) for nth in range(len(new.members)))
    return GroupReceipt(
        group_no=group.group_no,
        loans=receipts,
        repeated=all(receipt.repeated for receipt in receipts),
    )


def _the_same(ledger: Ledger, group: Group, key: str) -> Group:
    """The group kept under the number, which must say the same."""
    kept = book.find(ledger.store, group.group_no)
    if kept is None:
        raise KeyReused(key)
    if kept.content != group.content:
        raise DuplicateGroupNumber(group.group_no)
    return kept


def check_group(new: NewGroup) -> None:
    """Refuse what can be no group: ``FormError`` naming the field, of which member."""
    if not new.group_no.strip():
        raise FormError("group_no", "must not be empty")
    if len(new.members) < FEWEST:
        raise FormError("members", f"must be at least {FEWEST}")
    currency = new.members[0].terms.currency
    seen: set[str] = set()
    for nth, member in enumerate(new.members):
        at = f"members[{nth}]"
        if not member.loan_no.strip():
            raise FormError(f"{at}.loan_no", "must not be empty")
        if member.loan_no in seen:
            raise FormError(f"{at}.loan_no", f"{member.loan_no} stands twice")
        seen.add(member.loan_no)
        if member.terms.currency != currency:
            raise FormError(f"{at}.currency", f"must be {currency}, that of the first member")
        try:
            opening(new, member)
        except LoanError as error:
            shown = error.told(lambda amount: str(money(amount, currency).amount))
            raise FormError(f"{at}.{error.field}", shown) from error


def _check_numbers(ledger: Ledger, new: NewGroup) -> None:
    """Refuse loan numbers of other loans before anything is recorded."""
    kept = book.find(ledger.store, new.group_no)
    if kept is None:
        for loan_no in ledger.find_many([member.loan_no for member in new.members]):
            raise DuplicateLoanNumber(loan_no)


def opening(new: NewGroup, member: NewMember) -> Events:
    events = commands.open_loan(
        loan_no=member.loan_no,
        terms=member.terms,
        effective_on=new.effective_on,
        borrower=member.borrower,
        product=new.product,
        branch=new.branch,
        officer=new.officer,
    )
    return tuple(
        structs.replace(event, group=new.group_no) if isinstance(event, LoanOpened) else event
        for event in events
    )


def _open_loan(ledger: Ledger, group: Group, new: NewGroup, nth: int, why: Cause) -> Receipt:
    member = new.members[nth]
    body = {"command": "open-loan", "group": group.group_no, "loan_no": member.loan_no}
    keyed = structs.replace(why, idempotency_key=f"group:{group.id}:{nth}")
    return ledger.begin(partial(opening, new, member), body, keyed)


def disburse_group(ledger: Ledger, group_no: str, *, on: date, cause: Cause) -> GroupReceipt:
    """Pay out what was approved to each member whose loan is not paid out yet.

    Given again, it pays out nothing twice. Errors: ``UnknownGroup``, ``NoOpenLoans`` where no
    member's loan is open, ``LoanError`` if one of them cannot be paid out: then none is.
    """
    ledger.check_date(on, "on")
    group = known(ledger, group_no)
    found = streams(ledger, group)
    if not found:
        raise NoOpenLoans(group_no)
    waiting = [stream for stream in found if stream.known.status is Status.OPENED]
    for stream in waiting:
        loan = stream.known
        commands.disburse(loan, principal=loan.terms.principal, effective_on=on)
    receipts = tuple(
        ledger.disburse(
            stream.id,
            principal=money(stream.known.terms.principal, group.currency),
            effective_on=on,
            cause=structs.replace(
                cause, idempotency_key=f"group:{group.id}:{stream.id}:disbursement"
            ),
        )
        for stream in waiting
    )
    return GroupReceipt(group_no=group_no, loans=receipts, repeated=not receipts)


def known(ledger: Ledger, group_no: str) -> Group:
    """The group. Errors: ``UnknownGroup``."""
    found = book.find(ledger.store, group_no)
    if found is None:
        raise UnknownGroup(group_no)
    return found


def streams(ledger: Ledger, group: Group) -> Sequence[Stream]:
    """The loans of a group's members, in the order of its list; who joined later comes last."""
    ids = book.loans_of(ledger.store, group.group_no)
    place = {loan_no: nth for nth, loan_no in enumerate(group.members)}
    found = ledger.store.run(lambda connection: load_streams(connection, ids)) if ids else []
    return sorted(
        found,
        key=lambda one: (place.get(one.known.loan_no, len(place)), one.known.loan_no),
    )
