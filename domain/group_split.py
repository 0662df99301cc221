"""A group's payment, shared among its members: what each owes, and the absent covered by the rest.

Every sharing in proportion is by largest remainder, the member named first in the group before the
later one where fractions are equal. So shares add up, whatever order the members come in.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from domain.groups import (
    AbsentPays,
    AmountsDiffer,
    Claim,
    Member,
    NobodyPresent,
    Part,
    Returns,
    Shortfall,
    Split,
    SplitRule,
    StrangerNamed,
    Surplus,
)
from domain.proportion import Key, in_proportion


def split(
    members: Iterable[Member],
    total: int,
    *,
    amounts: Mapping[str, int] | None = None,
    claims: Sequence[Claim] = (),
    rule: SplitRule = SplitRule(),
) -> Split:
    """Share ``total`` among ``members``.

    ``amounts`` says what some brought, by loan number; the others present brought the rest. Each
    pays what he owes. What he brought beyond it gives back what was paid for him (or after the
    next, by ``rule``), then pays for whoever has not paid: first those present, then the absent.
    Money of which nobody said who brought it pays for the absent first. What is left is paid in
    advance or kept, by ``rule``. ``claims`` whose creditor takes no payment are left alone.
    Errors: ``StrangerNamed``, ``AbsentPays``, ``NobodyPresent``, ``AmountsDiffer``.
    """
    table = _Table(members, amounts or {}, total, rule)
    table.pay_own()
    if rule.returns is Returns.FIRST:
        table.give_back(claims, pooled=False)
    table.cover()
    table.give_back(claims)
    table.dispose()
    made = Split(parts=table.parts(), kept=table.kept)
    assert made.total == total, f"the parts are {made.total} of {total}"
    return made


POOL = ""
"""In place of a payer: all those present of whom nobody said what they brought."""


class _Table:
    """The money on the table, and what it is put to."""

    def __init__(
        self,
        members: Iterable[Member],
        amounts: Mapping[str, int],
        total: int,
        rule: SplitRule,
    ) -> None:
        ordered = sorted(members, key=lambda member: (member.place, member.loan_no))
        self.members = {member.loan_no: member for member in ordered}
        self.present = [member for member in ordered if not member.absent]
        self.rule = rule
        self._check(amounts, total)
        self.pooled = [member for member in self.present if member.loan_no not in amounts]
        self.purse = {m.loan_no: amounts[m.loan_no] for m in self.present if m.loan_no in amounts}
        self.purse[POOL] = total - sum(amounts.values())
        self.due = {member.loan_no: max(member.due, 0) for member in ordered}
        self.room = {m.loan_no: max(m.payoff, m.due, 0) for m in ordered}
        self.kept = 0
        self._parts: dict[tuple[str, str, int], int] = {}

    def _check(self, amounts: Mapping[str, int], total: int) -> None:
        for loan_no in amounts:
            if loan_no not in self.members:
                raise StrangerNamed("amounts", loan_no)
            if self.members[loan_no].absent:
                raise AbsentPays(loan_no)
        if not self.present:
            raise NobodyPresent
        named = sum(amounts.values())
        all_named = all(member.loan_no in amounts for member in self.present)
        if named > total or (all_named and named < total):
            raise AmountsDiffer(named, total)

    def parts(self) -> tuple[Part, ...]:
        """In the order of the group: by payer, his own loan first."""
        place = {loan_no: nth for nth, loan_no in enumerate(self.members)}
        keys = sorted(
            self._parts, key=lambda key: (place[key[0]], key[0] != key[1], place[key[1]], key[2])
        )
        return tuple(
            Part(payer=payer, loan=loan, amount=self._parts[payer, loan, returns], returns=returns)
            for payer, loan, returns in keys
        )

    def _put(self, purse: str, payer: str, loan: str, amount: int, returns: int = 0) -> None:
        if amount:
            key = (payer, loan, returns)
            self._parts[key] = self._parts.get(key, 0) + amount
            self.purse[purse] -= amount
            self.room[loan] -= amount
            self.due[loan] -= min(amount, self.due[loan])

    def pay_own(self) -> None:
        """Each present member what he owes: of his own purse, or the pool by the rule."""
        for loan_no in [name for name in self.purse if name != POOL]:
            self._put(loan_no, loan_no, loan_no, min(self.purse[loan_no], self.due[loan_no]))
        dues = {member.loan_no: self.due[member.loan_no] for member in self.pooled}
        for loan_no, amount in self._meet(dues, self.purse[POOL]).items():
            self._put(POOL, loan_no, loan_no, amount)

    def _meet(self, needs: Mapping[str, int], available: int) -> dict[str, int]:
        """What each need gets of what is there."""
        return meet(needs, available, self.rule.shortfall)

    def give_back(self, claims: Sequence[Claim], *, pooled: bool = True) -> None:
        """Covers return to whoever gave them, the oldest first, those of a day in proportion."""
        for purse in [name for name in self.purse if pooled or name != POOL]:
            debtors = {one.loan_no for one in self.pooled} if purse == POOL else {purse}
            owed = [
                claim
                for claim in claims
                if claim.debtor in debtors and claim.creditor in self.members
            ]
            owed.sort(key=lambda claim: claim.given_on)
            for _, of_day in groupby(owed, key=lambda claim: claim.given_on):
                self._return(purse, list(of_day))

    def _return(self, purse: str, claims: Sequence[Claim]) -> None:
        place = {loan_no: nth for nth, loan_no in enumerate(self.members)}
        by_key = {
            (claim.creditor, claim.cover): claim
            for claim in sorted(claims, key=lambda one: (place[one.creditor], one.cover))
        }
        lefts = {
            key: claim.left - self._parts.get((claim.debtor, claim.creditor, claim.cover), 0)
            for key, claim in by_key.items()
        }
        for key, amount in in_proportion(self.purse[purse], lefts, lefts).items():
            claim = by_key[key]
            fits = min(amount, self.room[claim.creditor])
            self._put(purse, claim.debtor, claim.creditor, fits, claim.cover)

    def cover(self) -> None:
        """What is left on the table pays for whoever has not paid: the present, then the absent."""
        for absent in (False, True):
            needs = {
                loan_no: self.due[loan_no]
                for loan_no, member in self.members.items()
                if member.absent is absent and self.due[loan_no]
            }
            available = sum(self.purse.values())
            for loan_no, amount in self._meet(needs, available).items():
                self._cover_one(loan_no, amount)

    def _cover_one(self, loan_no: str, amount: int) -> None:
        """One member's need, shared by the payers in proportion to their instalments."""
        weights = {
            purse: self._weight(purse) for purse, left in self.purse.items() if left and amount
        }
        for purse, part in in_proportion(amount, weights, self.purse).items():
            for payer, share in self._of_purse(purse, part).items():
                self._put(purse, payer, loan_no, share)

    def _weight(self, purse: str) -> int:
        if purse == POOL:
            return sum(member.instalment for member in self.pooled)
        return self.members[purse].instalment

    def _of_purse(self, purse: str, amount: int) -> dict[str, int]:
        """Whose money it is."""
        if purse != POOL:
            return {purse: amount}
        return in_proportion(amount, {one.loan_no: one.instalment for one in self.pooled})

    def dispose(self) -> None:
        """What nobody owes: in advance, as far as the loans take it; the rest is kept."""
        if self.rule.surplus is Surplus.IN_ADVANCE:
            for loan_no in [name for name in self.purse if name != POOL]:
                self._put(loan_no, loan_no, loan_no, min(self.purse[loan_no], self.room[loan_no]))
            weights = {member.loan_no: member.instalment for member in self.pooled}
            for loan_no, amount in in_proportion(self.purse[POOL], weights, self.room).items():
                self._put(POOL, loan_no, loan_no, amount)
        self.kept = sum(self.purse.values())


def meet(needs: Mapping[Key, int], available: int, rule: Shortfall) -> dict[Key, int]:
    """What each of ``needs`` gets of ``available``: all of it, or what the rule says."""
    if sum(needs.values()) <= available:
        return dict(needs)
    if rule is Shortfall.IN_PROPORTION:
        return in_proportion(available, needs)
    met = {}
    for key, need in needs.items():
        met[key] = min(need, available)
        available -= met[key]
    return met
