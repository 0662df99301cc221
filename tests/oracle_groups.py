"""A second opinion on groups: who owes, who pays for whom, in exact fractions.

Each member's loan is worked out by ``tests/oracle.py``; the sharing is told here again, plainly,
for the rule by default: shortfalls in proportion, covers returned first, the rest in advance.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from domain.terms import Terms
from tests.oracle import Fact, work_out


def shared(total, weights):
    """Whole centavos of each exact part; those left over to the largest fractions."""
    exact = {
        name: Fraction(total * weight, sum(weights.values())) for name, weight in weights.items()
    }
    got = {name: part.numerator // part.denominator for name, part in exact.items()}
    for _ in range(total - sum(got.values())):
        name = max(exact, key=lambda one: exact[one] - got[one])
        got[name] += 1
    return got


@dataclass
class Meetings:
    """A group and what its meetings came to; members in the order of its list."""

    terms: dict[str, Terms]
    paid_out_on: date
    facts: dict[str, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    covers: list[list] = field(default_factory=list)  # who paid, for whom, what is left, on

    def position(self, name, on):
        return work_out(self.terms[name], self.paid_out_on, self.facts[name], on)

    def due(self, name, on):
        return sum(line.total_left for line in self.position(name, on).lines if line.due <= on)

    def owed(self, name, on):
        return sum(self.position(name, on).balances.values())

    def instalment(self, name, on):
        """As planned, whatever was paid."""
        rows = work_out(self.terms[name], self.paid_out_on, [], self.paid_out_on).lines
        row = next((row for row in rows if row.due >= on), rows[-1])
        return row.principal + row.interest + row.tax

    def put(self, name, amount, on):
        if amount:
            self.facts[name].append(Fact(on, "pay", amount))

    def pay(self, on, total, absent=(), amounts=None):
        """One payment; ``amounts`` of all present, or none."""
        names = [n for n in self.terms if not self.position(n, on).closed]
        present = [n for n in names if n not in absent]
        due = {n: self.due(n, on) for n in names}
        weight = {n: self.instalment(n, on) for n in names}
        wanted = sum(due[n] for n in present)
        own = {n: due[n] for n in present}
        if amounts:
            own = {n: min(amounts[n], due[n]) for n in present}
            more = {n: amounts[n] - own[n] for n in present}
        elif total < wanted:
            own, more = shared(total, {n: due[n] for n in present if due[n]}), None
        else:
            more = None  # one heap
        heap = total - sum(own.values())
        onto = dict.fromkeys(names, 0)
        for n, amount in own.items():
            onto[n] += amount
        if more is not None:
            heap = self.give_back(present, onto, heap, more)
        for some in (present, [n for n in names if n in absent]):
            needs = {n: due[n] - onto[n] for n in some if due[n] > onto[n]}
            if sum(needs.values()) > heap:
                needs = shared(heap, needs)
            for n, need in needs.items():
                payers = [m for m in present if need and (more is None or more.get(m))]
                if not payers:
                    continue
                for payer, part in shared(need, {m: weight[m] for m in payers}).items():
                    assert more is None or part <= more[payer], "this story needs caps"
                    if part:
                        self.covers.append([payer, n, part, on])
                    if more is not None:
                        more[payer] -= part
                heap -= need
                onto[n] += need
        heap = self.give_back(present, onto, heap, more)
        if heap:
            rest = more if more is not None else shared(heap, {m: weight[m] for m in present})
            for n, part in rest.items():
                onto[n] += part
        for n, amount in onto.items():
            self.put(n, amount, on)

    def give_back(self, present, onto, heap, more):
        """The oldest covers first, those of a day in proportion; answers what is left."""
        for day in sorted({one[3] for one in self.covers}):
            for debtors in [present] if more is None else [[n] for n in present]:
                owed = {
                    nth: one[2]
                    for nth, one in enumerate(self.covers)
                    if one[3] == day and one[1] in debtors and one[2]
                }
                there = heap if more is None else more.get(debtors[0], 0)
                back = owed if sum(owed.values()) <= there else shared(there, owed)
                for nth, amount in back.items():
                    payer, debtor, _, _ = self.covers[nth]
                    self.covers[nth][2] -= amount
                    onto[payer] += amount
                    heap -= amount
                    if more is not None:
                        more[debtor] -= amount
        return heap

    def settle(self, payer, nth, amount=None):
        """The payer's ``nth`` cover, between the two of them."""
        cover = [one for one in self.covers if one[0] == payer][nth - 1]
        cover[2] -= cover[2] if amount is None else amount

    def owed_back(self):
        """(who, by whom): what is left."""
        found = defaultdict(int)
        for payer, debtor, left, _ in self.covers:
            if left:
                found[payer, debtor] += left
        return dict(found)
