"""A group as a reader sees it: what each member owes, and who paid for whom. Amounts are text."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from domain.group_loans import instalment
from domain.groups import Split
from domain.loan import Cover, Loan, Status
from domain.views import as_of
from ledger import group_book as book
from ledger.application import Ledger
from ledger.group_opening import known, streams
from ledger.group_posting import GroupPaymentReceipt
from ledger.money import text

Shown = dict[str, Any]


def group_view(ledger: Ledger, group_no: str, on: date | None = None) -> Shown:
    """The group on a day, by default the business date. Errors: ``UnknownGroup``.

    ``due`` is owed by the day, ``owed`` all that is; a member without status is not opened yet.
    """
    group = known(ledger, group_no)
    day = on or ledger.clock.business_date()
    loans = {one.known.loan_no: (str(one.id), one.known) for one in streams(ledger, group)}
    names = [*group.members, *(name for name in loans if name not in group.members)]
    currency = group.currency
    members = [_member(name, loans.get(name), day, currency) for name in names]
    seen = {n: as_of(loan, day) for n, (_, loan) in loans.items() if day >= loan.opened_on}
    return {
        "group_no": group.group_no,
        "kind": group.kind.value,
        "on": str(day),
        "currency": currency,
        "status": _status(seen),
        "rule": {
            "shortfall": group.rule.shortfall.value,
            "surplus": group.rule.surplus.value,
            "returns": group.rule.returns.value,
        },
        "members": members,
        "covers": covers_shown(seen, currency),
        "payments": [
            {
                "number": one.number,
                "on": str(one.on),
                "amount": text(one.amount, currency),
                "kept": text(one.decided.split.kept, currency),
                "absent": [s.member.loan_no for s in one.decided.seats if s.member.absent],
                "posted": one.posted,
            }
            for one in book.payments(ledger.store, group_no)
            if one.on <= day
        ],
    }


def _member(name: str, found: tuple[str, Loan] | None, day: date, currency: str) -> Shown:
    if found is None:
        return {"loan_no": name, "status": None}
    loan_id, loan = found
    return {"loan_no": name, "loan_id": loan_id, "borrower": loan.opened.borrower} | standing(
        loan, day, currency
    )


def standing(loan: Loan, day: date, currency: str) -> Shown:
    """What a member owes on the day, and how late he is."""
    if day < loan.opened_on:
        return {"status": None}
    seen = as_of(loan, day)
    runs = seen.status is Status.ACTIVE
    return {
        "status": seen.status.value,
        "due": text(sum(line.left for line in seen.fallen_due) if runs else 0, currency),
        "instalment": text(instalment(seen, day) if runs else 0, currency),
        "principal": text(seen.principal, currency),
        "owed": text(seen.balances().total, currency),
        "overpaid": text(seen.overpaid, currency),
        "days_past_due": seen.days_past_due(day),
    }


def covers_shown(loans: Mapping[str, Loan], currency: str) -> list[Shown]:
    """Who paid for whom, and what is still owed back; the oldest first."""
    found = [(name, cover) for name, loan in loans.items() for cover in loan.covers.values()]
    found.sort(key=lambda one: one[1].given_on)
    return [_cover(name, cover, currency) for name, cover in found]


def _cover(name: str, cover: Cover, currency: str) -> Shown:
    return {
        "loan": name,
        "cover": cover.number,
        "for_loan": cover.for_loan,
        "given_on": str(cover.given_on),
        "amount": text(cover.amount, currency),
        "returned": text(cover.returned, currency),
        "left": text(cover.left, currency),
    }


def _status(loans: Mapping[str, Loan]) -> str:
    """Of the group: opened, active while a member's loan is, closed when all have ended."""
    statuses = {loan.status for loan in loans.values()}
    if Status.ACTIVE in statuses:
        return "active"
    return "opened" if not statuses or Status.OPENED in statuses else "closed"


def payment_shown(receipt: GroupPaymentReceipt) -> Shown:
    """What a group's payment came to."""
    currency = receipt.currency
    return {
        "payment_id": str(receipt.id),
        "group_no": receipt.group_no,
        "number": receipt.number,
        "on": str(receipt.on),
        "amount": text(receipt.amount, currency),
        "currency": currency,
        "kept": text(receipt.kept, currency),
        "repeated": receipt.repeated,
        "parts": parts_shown(Split(parts=receipt.parts), currency),
        "loans": [
            {
                "loan_no": one.loan_no,
                "loan_id": str(one.receipt.loan_id),
                "version": one.receipt.version,
                "events": list(one.receipt.events),
                "paid": text(one.paid, currency),
                "suspended": text(one.suspended, currency),
            }
            for one in receipt.taken
        ],
    }


def parts_shown(split: Split, currency: str) -> list[Shown]:
    """Whose money went onto which loan, as own payment, cover or return of one."""
    return [
        {
            "payer": part.payer,
            "loan": part.loan,
            "amount": text(part.amount, currency),
            "kind": "own" if part.payer == part.loan else "return" if part.returns else "cover",
        }
        for part in split.parts
    ]
