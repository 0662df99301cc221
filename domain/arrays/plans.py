"""Plans of many loans: those paid out at once and left alone are worked out together."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple, TypeAlias

from domain.arrays.schedules import Schedules, schedules
from domain.errors import LoanError
from domain.events import PlannedRow
from domain.limits import check_terms
from domain.plan import Plan, planned


class Row(NamedTuple):
    """A row of a schedule out of its columns: as ``events.Instalment`` names them."""

    number: int
    start_on: date
    due_on: date
    principal: int
    interest: int
    tax: int
    fee: int
    fee_tax: int


Answer: TypeAlias = Sequence[PlannedRow] | LoanError


def planned_together(plans: Sequence[Plan]) -> list[Answer]:
    """What ``planned`` gives or raises for each plan."""
    found: dict[int, Answer] = {}
    plain: list[int] = []
    for place, plan in enumerate(plans):
        try:
            if plan.tranches or plan.rate_changes or plan.pauses or plan.charges:
                found[place] = planned(plan)
                continue
            check_terms(plan.terms)
        except LoanError as refused:
            found[place] = refused
        else:
            plain.append(place)
    asked = [(plans[n].terms, plans[n].terms.principal, plans[n].disbursed_on) for n in plain]
    found.update(zip(plain, _by_loan(schedules(asked), len(asked)), strict=True))
    return [found[place] for place in range(len(plans))]


def _by_loan(found: Schedules, loans: int) -> Iterator[Answer]:
    columns = (getattr(found, name).tolist() for name in Row._fields)
    rows = list(map(Row._make, zip(*columns, strict=True)))
    ends = found.loan.searchsorted(range(loans), side="right").tolist()
    begin = 0
    for loan, end in enumerate(ends):
        yield found.refused.get(loan) or rows[begin:end]
        begin = end
