"""The figures in the stories of groups are those of a second, independent calculation."""

from collections import defaultdict

from ledger.group_stories import read
from ledger.money import money
from tests.oracle_groups import Meetings
from tests.test_group_scenarios import each_story


@each_story
def test_the_figures_are_those_of_the_second_opinion(path):
    story = read(path)
    meetings = Meetings(
        {member.loan_no: member.terms for member in story.group.members}, story.timeline[0].day
    )
    waiting = list(story.expect)
    for step in [*story.timeline, None]:
        while waiting and (step is None or waiting[0].day < step.day):
            compare(meetings, waiting.pop(0))
        if step is not None:
            tell(meetings, step)


def tell(meetings, step):
    if step.verb == "group_pay":
        meetings.pay(step.day, step.amount, step.absent, dict(step.amounts))
    elif step.verb == "return_cover":
        meetings.settle(step.member, step.cover, step.amount)
    else:
        assert step.verb in ("disburse", "close_of_day")


def compare(meetings, expected):
    owed_by, owes = defaultdict(dict), defaultdict(dict)
    for (creditor, debtor), left in meetings.owed_back().items():
        owed_by[creditor][debtor] = owes[debtor][creditor] = shown(left)
    for name, figures in expected.members.items():
        position = meetings.position(name, expected.day)
        worked_out = {
            "status": "closed" if position.closed else "active",
            "due": shown(meetings.due(name, expected.day)),
            "principal": shown(position.balances["principal"]),
            "owed": shown(meetings.owed(name, expected.day)),
            "overpaid": shown(position.overpaid),
            "paid": shown(sum(fact.amount for fact in meetings.facts[name])),
            "days_past_due": position.days_past_due,
            "owed_by": owed_by[name],
            "owes": owes[name],
        }
        assert figures == {figure: worked_out[figure] for figure in figures}, (expected.day, name)


def shown(minor):
    return str(money(minor, "MXN").amount.quantize(money(1, "MXN").amount))
