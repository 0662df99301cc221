"""What a group's payment is made of: its members, what they owe each other, and the rule.

Amounts are minor units.
"""

from datetime import date
from enum import StrEnum

from msgspec import Struct

from domain.errors import LoanError


class GroupKind(StrEnum):
    """What kind of credit it is; in all of them the members answer for one another."""

    GROUP = "group"
    COMMUNAL = "communal"
    SOLIDARITY = "solidarity"


class Shortfall(StrEnum):
    """Who gets less where there is not enough: all in proportion, or the last in the list."""

    IN_PROPORTION = "in_proportion"
    IN_ORDER = "in_order"


class Surplus(StrEnum):
    """What becomes of money that nobody owes yet: paid in advance, or kept for the group."""

    IN_ADVANCE = "in_advance"
    KEPT = "kept"


class Returns(StrEnum):
    """Whether what a member brought gives back covers before it pays for others, or after."""

    FIRST = "first"
    LAST = "last"


class SplitRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a group shares its payments."""

    shortfall: Shortfall = Shortfall.IN_PROPORTION
    surplus: Surplus = Surplus.IN_ADVANCE
    returns: Returns = Returns.FIRST


class Member(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One member on the day: ``due`` is owed by then, ``payoff`` closes the loan.

    ``place`` is his in the group's list; ``instalment`` is what he pays each time, by which covers
    and advances are shared.
    """

    loan_no: str
    place: int
    due: int
    instalment: int
    payoff: int
    absent: bool = False


class Claim(Struct, frozen=True, kw_only=True):
    """What is left of a cover: ``debtor`` owes it to ``creditor``, whose ``cover``-th it is."""

    creditor: str
    cover: int
    debtor: str
    left: int
    given_on: date


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money of ``payer`` that goes onto ``loan``: his own, or one that he covers.

    With ``returns`` it gives back that cover of the loan's borrower.
    """

    payer: str
    loan: str
    amount: int
    returns: int = 0


class Split(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A payment in parts; ``kept`` is the group's, for nobody's loan."""

    parts: tuple[Part, ...]
    kept: int = 0

    @property
    def total(self) -> int:
        """All of the payment."""
        return self.kept + sum(part.amount for part in self.parts)


class StrangerNamed(LoanError):
    """Someone is named who is no member of the group, or whose loan takes no payment."""

    def __init__(self, field: str, loan_no: str, rule: str = "is no member of the group") -> None:
        super().__init__(f"{field} names {loan_no}, who {rule}", field)


class AbsentPays(LoanError):
    """A member is said to be absent and to pay."""

    field = "amounts"

    def __init__(self, loan_no: str) -> None:
        super().__init__(f"amounts names {loan_no}, who is said to be absent")


class NobodyPresent(LoanError):
    """All members that owe anything are absent."""

    field = "absent"

    def __init__(self) -> None:
        super().__init__("absent leaves nobody to pay")


class AmountsDiffer(LoanError):
    """The members' amounts are not what came in."""

    field = "amounts"

    def __init__(self, named: int, total: int) -> None:
        rule = "amounts sum to {named}, but {total} came in"
        super().__init__(rule, named=named, total=total)
