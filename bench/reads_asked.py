"""The questions that `bench.reads` measures, as ours and as PostGraphile's."""

from dataclasses import dataclass, field
from typing import Any

PAGE = 50
ONE, FLAT, NESTED = "one loan in full", "50 loans flat", "50 loans with 12 instalments"

LINES = """{ number dueOn
    charged { principal { amount } interest { amount } interestTax { amount } }
    paid { total { amount } } left { amount } settledOn }"""
HEADER = """loanNo borrower product branch officer currency status stage approved { amount }
    disbursed { amount } openedOn disbursedOn firstDueOn maturityOn"""
PEER_LINES = """{ nodes { instalment dueOn principal interest interestTax paidPrincipal paidInterest
    settledOn } }"""
PEER_HEADER = """loanNo borrower product branch officer currency status stage approved disbursed
    openedOn disbursedOn firstDueOn maturityOn"""


@dataclass(frozen=True)
class Query:
    """What is asked, of us and of the peer; ``each`` makes the variables of each request."""

    name: str
    ours: str
    peer: str | None = None
    each: list[dict[str, Any]] = field(default_factory=lambda: [{}])
    peer_each: list[dict[str, Any]] = field(default_factory=lambda: [{}])


def queries(loan_ids: list[str], deep: str, pages: int) -> list[Query]:
    """The questions measured; ``deep`` is the cursor before the last of ``pages``."""
    each = [{"id": loan_id} for loan_id in loan_ids]
    listed = "loans(first: %d%s) { nodes { %s } }"
    return [
        Query(
            ONE,
            f"query($id: ID!) {{ loan(id: $id) {{ {HEADER} schedule {LINES} }} }}",
            f"query($id: UUID!) {{ loanByLoanId(loanId: $id) {{ {PEER_HEADER}"
            f" schedulesByLoanId {PEER_LINES} }} }}",
            each,
            each,
        ),
        Query(
            FLAT,
            "{ " + listed % (PAGE, "", HEADER) + " }",
            f"{{ allLoans(first: {PAGE}) {{ nodes {{ {PEER_HEADER} }} }} }}",
        ),
        Query(
            NESTED,
            "{ " + listed % (PAGE, "", f"{HEADER} schedule {LINES}") + " }",
            f"{{ allLoans(first: {PAGE}) {{ nodes {{ {PEER_HEADER}"
            f" schedulesByLoanId {PEER_LINES} }} }} }}",
        ),
        Query(
            f"page {pages}",
            "query($at: String) { " + listed % (PAGE, ", after: $at", HEADER) + " }",
            f"query($offset: Int) {{ allLoans(first: {PAGE}, offset: $offset)"
            f" {{ nodes {{ {PEER_HEADER} }} }} }}",
            [{"at": deep}],
            [{"offset": (pages - 1) * PAGE}],
        ),
        Query(
            "aging by branch",
            "{ aging(by: BRANCH) { name loans principal { amount }"
            " buckets { bucket loans principal { amount } } } }",
        ),
    ]
