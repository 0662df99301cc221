"""A borrower: folded from his facts, and the commands that answer with new ones.

Commands check everything and answer facts; the fold refuses nothing.
"""

from collections.abc import Iterable
from datetime import date
from functools import singledispatch

from msgspec import Struct
from msgspec.structs import replace

from domain.borrower import errors
from domain.borrower import events as e
from domain.borrower.person import FIELDS, Person


class Held(Struct, frozen=True):
    """A role on a loan, and since when."""

    loan_no: str
    role: e.Role
    since: date


class Borrower(Struct, frozen=True, kw_only=True):
    """One person as he is known now."""

    borrower_no: str
    person: Person
    version: int = 1
    roles: tuple[Held, ...] = ()


def change(
    borrower: Borrower, person: Person, *, on: date, reason: str = ""
) -> tuple[e.BorrowerChanged, ...]:
    """He is otherwise than recorded. Errors: ``NothingChanged``."""
    changed = differing(borrower.person, person)
    if not changed:
        raise errors.NothingChanged
    return (e.BorrowerChanged(effective_on=on, person=person, changed=changed, reason=reason),)


def differing(before: Person, after: Person) -> tuple[str, ...]:
    """The fields in which two descriptions of a person differ."""
    return tuple(name for name in FIELDS if getattr(before, name) != getattr(after, name))


def join(borrower: Borrower, loan_no: str, role: e.Role, on: date) -> tuple[e.LoanJoined, ...]:
    """He answers for a loan. Errors: ``RoleTaken``."""
    if any((one.loan_no, one.role) == (loan_no, role) for one in borrower.roles):
        raise errors.RoleTaken(borrower.borrower_no, role, loan_no)
    return (e.LoanJoined(effective_on=on, loan_no=loan_no, role=role),)


def leave(
    borrower: Borrower, loan_no: str, role: e.Role, on: date, reason: str = ""
) -> tuple[e.LoanLeft, ...]:
    """He answers for it no more. Errors: ``RoleNotHeld``, ``ImplausibleDate``."""
    for one in borrower.roles:
        if (one.loan_no, one.role) == (loan_no, role):
            if on < one.since:
                rule = f"is before {one.since}, when the role began"
                raise errors.ImplausibleDate("effective_on", on, rule)
            return (e.LoanLeft(effective_on=on, loan_no=loan_no, role=role, reason=reason),)
    raise errors.RoleNotHeld(borrower.borrower_no, role, loan_no)


def replay(
    events: Iterable[e.AnyBorrowerEvent], borrower: Borrower | None = None
) -> Borrower | None:
    """The borrower that the facts make; None where the last one is that he is forgotten."""
    for event in events:
        if isinstance(event, e.BorrowerRegistered):
            borrower = Borrower(borrower_no=event.borrower_no, person=event.person)
        elif isinstance(event, e.BorrowerForgotten):
            borrower = None
        else:
            assert borrower is not None, f"{e.tag(event)} of nobody"
            borrower = evolve(event, replace(borrower, version=borrower.version + 1))
    return borrower


@singledispatch
def evolve(event: e.AnyBorrowerEvent, borrower: Borrower) -> Borrower:
    """The borrower after a fact."""
    raise AssertionError(f"no fold of {type(event).__name__}")


@evolve.register
def _(event: e.BorrowerChanged, borrower: Borrower) -> Borrower:
    return replace(borrower, person=event.person)


@evolve.register
def _(event: e.LoanJoined, borrower: Borrower) -> Borrower:
    held = Held(event.loan_no, event.role, event.effective_on)
    return replace(borrower, roles=(*borrower.roles, held))


@evolve.register
def _(event: e.LoanLeft, borrower: Borrower) -> Borrower:
    left = (event.loan_no, event.role)
    kept = tuple(one for one in borrower.roles if (one.loan_no, one.role) != left)
    return replace(borrower, roles=kept)
