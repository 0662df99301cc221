"""What changes a running loan: tranches, rates, pauses, chargebacks, refunds.

Part of the oracle (``tests/oracle.py``).
"""

from tests.oracle_lines import Fact


class Changes:
    """What the oracle's loan can be told beside payments and fees."""

    def change(self, fact: Fact) -> None:
        getattr(self, fact.kind)(fact)

    def truce(self, fact: Fact) -> None:
        self.pauses.append((fact.day, fact.until))

    def refund(self, fact: Fact) -> None:
        rest = fact.amount
        for place in sorted(self.kept):
            part = min(rest, self.kept[place])
            self.kept[place] -= part
            rest -= part
