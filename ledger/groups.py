"""A group's payment: its split is fixed first, then each member's part goes onto his loan, once.

No transaction spans two loans. The split is kept with the order, under the group's next number;
whoever finds it not all posted, the client again or the group's next payment, posts the rest. So a
crash at any point leaves nothing undone for ever and nothing done twice, and each payment of a
group is split on what the one before it left.
"""

import random
import time
from collections.abc import Iterable, Mapping
from datetime import date
from uuid import UUID

from moneyed import Money
from msgspec import structs

from domain import commands, group_loans
from domain.groups import StrangerNamed
from domain.loan import Loan, Status
from ledger import group_book as book
from ledger.application import Ledger
from ledger.errors import Conflict, KeyReused, WrongCurrency
from ledger.group_book import Decided, Group, GroupPayment, Seat
from ledger.group_errors import ClosedGroup, NoOpenLoans
from ledger.group_opening import known, streams
from ledger.group_posting import GroupPaymentReceipt, post
from ledger.indices import with_rates
from ledger.money import minor
from ledger.orders import Cause, Receipt
from ledger.recorder import Command

ATTEMPTS = 60


def group_payment(
    ledger: Ledger,
    group_no: str,
    *,
    amount: Money,
    on: date,
    cause: Cause,
    absent: Iterable[str] = (),
    amounts: Mapping[str, Money] | None = None,
    channel: str = "",
    reference: str = "",
) -> GroupPaymentReceipt:
    """Money came in from a group: split among its members by what each owes.

    ``amounts`` says what some members brought, by loan number. Members not ``absent`` pay for
    those who are.
    Errors: ``UnknownGroup``, ``ClosedGroup``, ``NoOpenLoans``, ``WrongCurrency``, ``InvalidDate``,
    ``InvalidAmount``, those of the split, ``KeyReused``; then nothing is recorded.
    """
    ledger.check_date(on, "on")
    away, brought = sorted(set(absent)), dict(amounts or {})
    body = {
        "command": "group-payment", "group_no": group_no, "amount": amount, "on": on,
        "absent": away, "amounts": brought, "channel": channel, "reference": reference,
    }  # fmt: skip
    command = ledger.command("group-payment", cause, body)
    if before := _before(ledger, command):
        return post(ledger, before, repeated=True)
    group = known(ledger, group_no)
    total = _minor(amount, group, "amount")
    minors = {loan_no: _minor(one, group, "amounts") for loan_no, one in brought.items()}
    for attempt in range(ATTEMPTS):
        last, left = book.unposted(ledger.store, group_no)
        for payment in left:
            post(ledger, payment)
        loans, ids = _loans(ledger, group, on)
        decided = _decide(group, loans, ids, total, on, away, minors)
        decided = structs.replace(decided, channel=channel, reference=reference)
        _try_out(loans, decided, on)
        payment = GroupPayment(
            id=command.id,
            group_no=group_no,
            number=last + 1,
            on=on,
            amount=total,
            decided=decided,
            actor=command.actor,
            channel=command.channel,
            correlation_id=command.correlation_id,
        )
        if book.fix(ledger.store, command, payment):
            return post(ledger, payment)
        if before := _before(ledger, command):  # its twin came between, or our answer was lost
            return post(ledger, before, repeated=before.id != command.id)
        time.sleep(random.uniform(0, 0.002 * 2 ** min(attempt, 6)))
    raise Conflict(group.id, ATTEMPTS)


def _before(ledger: Ledger, command: Command) -> GroupPayment | None:
    """The payment that this very order, or one with its key, brought already."""
    if found := book.payment(ledger.store, command.id):
        return found
    if command.idempotency_key is None:
        return None
    result = ledger.facts.applied(command.idempotency_key, command.fingerprint)
    if result is None:
        return None
    found = book.payment(ledger.store, result.command_id)
    if found is None:
        raise KeyReused(command.idempotency_key)
    return found


def _minor(amount: Money, group: Group, field: str) -> int:
    given = str(amount.currency)
    if given != group.currency:
        raise WrongCurrency(field, given, group.currency)
    return minor(amount, field)


def _loans(ledger: Ledger, group: Group, on: date) -> tuple[dict[str, Loan], dict[str, UUID]]:
    """The members' loans, a floating one with its rate up to the day, and their ids."""
    loans: dict[str, Loan] = {}
    ids: dict[str, UUID] = {}
    value_of = ledger.indices.lookup()
    for stream in streams(ledger, group):
        loan = stream.known
        if loan.terms.floating is not None:
            loan = with_rates(loan, commands.reset_rate(loan, upto=on, value_of=value_of))
        loans[loan.loan_no], ids[loan.loan_no] = loan, stream.id
    return loans, ids


def _decide(
    group: Group,
    loans: Mapping[str, Loan],
    ids: Mapping[str, UUID],
    total: int,
    on: date,
    absent: Iterable[str],
    amounts: Mapping[str, int],
) -> Decided:
    """The split on the loans as they stand. Errors: as ``group_payment``."""
    statuses = {loan.status for loan in loans.values()}
    if Status.ACTIVE not in statuses:
        if not loans or Status.OPENED in statuses:
            raise NoOpenLoans(group.group_no)
        raise ClosedGroup(group.group_no)
    members, made = group_loans.share_out(
        loans, total, on, absent=absent, amounts=amounts, rule=group.rule
    )
    seats = tuple(
        Seat(loan_id=ids[one.loan_no], version=loans[one.loan_no].version, member=one)
        for one in members
    )
    return Decided(seats=seats, split=made)


def _try_out(loans: Mapping[str, Loan], decided: Decided, on: date) -> None:
    """Refuse now what a loan would refuse later, when the money is taken. Errors: ``LoanError``."""
    for loan_no, share in group_loans.shares(decided.split).items():
        group_loans.take_share(loans[loan_no], share, on=on)


def return_cover(
    ledger: Ledger,
    group_no: str,
    loan_no: str,
    *,
    cover: int,
    on: date,
    cause: Cause,
    amount: Money | None = None,
) -> Receipt:
    """Members settled a cover among themselves, outside the lender: no money of his moves.

    Errors: ``UnknownGroup``, ``StrangerNamed``, ``UnknownCover``, ``InvalidAmount``,
    ``InvalidDate``.
    """
    ledger.check_date(on, "on")
    group = known(ledger, group_no)
    seated = {stream.known.loan_no: stream.id for stream in streams(ledger, group)}
    if loan_no not in seated:
        raise StrangerNamed("loan", loan_no)
    back = None if amount is None else _minor(amount, group, "amount")
    return ledger.execute(
        seated[loan_no],
        lambda loan: group_loans.return_cover(loan, cover=cover, on=on, amount=back),
        {"command": "return-cover", "cover": cover, "on": on, "amount": amount},
        cause,
        on,
    )
