"""To whom a document goes. The ledger of loans knows a number; the register of people knows a name.

The register is handed in by whoever may read it, so that a document without it still has a reader.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from domain.loan import Loan
from ledger.settings import Settings
from projections.statements.lender import Words
from projections.statements.sheet import Party


class Addressee(Protocol):
    """Somebody who is registered."""

    @property
    def name(self) -> str:
        """As it is spoken."""

    @property
    def lines(self) -> Sequence[str]:
        """The postal address."""


class Addressees(Protocol):
    """The register, read by somebody who may; each reading is noted with ``what``."""

    def known(self, numbers: Iterable[str], what: str) -> Mapping[str, Addressee]:
        """Those of the numbers that are registered, and not forgotten."""


Register: TypeAlias = Callable[[Settings], AbstractContextManager[Addressees]]
"""Opens it, in whatever process."""


class Nobody:
    """For who may not read names: documents are addressed by number."""

    def known(self, numbers: Iterable[str], what: str) -> Mapping[str, Addressee]:
        """None of them."""
        return {}


def by_number(loan: Loan) -> Party:
    """The borrower without his name: what a document's hash is made of."""
    return Party(loan.opened.borrower or loan.loan_no)


def party(loan: Loan, known: Mapping[str, Addressee], said: Words) -> Party:
    """The borrower by name and address, with his number; by number alone if he is not known."""
    number = loan.opened.borrower
    found = known.get(number)
    if found is None:
        return by_number(loan)
    return named(found, number, said)


def named(found: Addressee, number: str, said: Words) -> Party:
    """Somebody by name and address, with the number the lender knows him by."""
    return Party(found.name, [*found.lines, f"{said.borrower} {number}"])
