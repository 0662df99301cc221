"""How long interest rests."""

from datetime import date

from domain import events as e
from domain.loan import Loan


def end_of_pause(loan: Loan, day: date) -> date:
    """When interest runs again that rests on ``day``; the day itself where it does not rest.

    A rate agreed within a pause ends it: what counts is the rate that the night really bears.
    """
    pauses = [fact for fact in loan.facts if isinstance(fact, e.RateChanged) and fact.until]
    ends = {pause.until for pause in pauses}
    rate_on, steps = loan.terms.rate_on, loan.terms.rate_steps
    while rate_on(day) == 0 and any(p.effective_on <= day < (p.until or day) for p in pauses):
        back = [step.from_on for step in steps if step.from_on > day and step.from_on in ends]
        if not back:
            break
        day = back[0]
    return day
