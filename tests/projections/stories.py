"""Logs for the tests: what the domain's commands answer, stored as the ledger stores it."""

from collections import Counter
from datetime import date
from uuid import UUID, uuid4

import psycopg

from domain import commands
from domain import events as e
from domain.fold import replay
from domain.restructuring import NewTerms
from domain.terms import AllocationRule, Component, Grace, InAdvance, InterestBasis, PaymentKind
from ledger import database, state, upcasters
from projections import engine
from tests.domain.histories import START, Book, play, terms

TABLES = (
    "loans", "loan_terms", "schedule", "portions", "portfolio_totals", "balances", "transactions",
    "payments", "covers", "promises", "accounting_groups", "accounting_loans", "accounting_stages",
    "accounting_moves", "accounting_facts", "positions",
)  # fmt: skip


class Story(Book):
    """A loan whose commands are remembered as appends, ready to be stored in any order."""

    def __init__(self, agreed=None, on=START, **header):
        self.loan_id = uuid4()
        header = {"product": "personal", "branch": "norte", "officer": "ana", **header}
        loan_no = header.pop("loan_no", f"L-{self.loan_id.hex[:8]}")
        opened = commands.open_loan(
            loan_no=loan_no, terms=agreed or terms(), effective_on=on, **header
        )
        super().__init__(replay(opened), list(opened))
        self.appends = [opened]

    def do(self, command, **arguments):
        events = super().do(command, **arguments)
        if events:
            self.appends.append(events)
        return events

    def disburse(self, on=START, **arguments):
        self.do(commands.disburse, principal=self.loan.terms.principal, effective_on=on,
                **arguments)  # fmt: skip
        return self


def paid_out(agreed=None, on=START, **header):
    return Story(agreed, on, **header).disburse(on)


def played(agreed, steps, **header):
    story = paid_out(agreed, **header)
    play(story, steps)
    return story


def taken_on(agreed, on, **arguments):
    """A story that begins with a loan taken over from another system."""
    story = Story(agreed)
    events = commands.take_on(
        loan_no=story.loan.loan_no, terms=agreed, effective_on=on, **arguments
    )
    story.loan, story.history, story.appends = replay(events), list(events), [events]
    return story


FEBRUARY, APRIL, MAY = date(2026, 2, 1), date(2026, 4, 1), date(2026, 5, 1)
LATE = date(2026, 4, 20)
"""Two instalments of an unpaid loan are overdue, a third one since a few days."""

DAY_OF = {commands.close_day: "on", commands.reverse_payment: "reversed_on"}


def _treated(kind, treatment):
    return terms(late_fee=120_00), (
        (LATE, commands.close_day, {}),
        (LATE, commands.restructure,
         {"kind": kind, "treatment": treatment, "new": NewTerms(instalments=7)}),
        (date(2026, 5, 2), commands.receive_payment, {"amount": 800_00}),
        (date(2026, 7, 1), commands.close_day, {}),
    )  # fmt: skip


GRACE = Grace(principal_periods=2, interest_payment_periods=2, capitalise=True)
EVERY_KIND = {
    "tranches": (terms(), (
        (START, commands.disburse, {"principal": 4_000_00}),
        (FEBRUARY, commands.disburse, {"principal": 3_000_00}),
        (APRIL, commands.disburse, {"principal": 2_000_00}),
    )),
    "tranche before new terms": (terms(), (
        (START, commands.disburse, {"principal": 4_000_00}),
        (APRIL, commands.restructure, {"new": NewTerms(instalments=2)}),
        (APRIL, commands.receive_payment, {"amount": 900_00}),
        (APRIL, commands.disburse, {"principal": 2_000_00, "effective_on": FEBRUARY}),
    )),
    "shorter term": (terms(allocation=AllocationRule(in_advance=InAdvance.REDUCE_TERM)), (
        (FEBRUARY, commands.receive_payment, {"amount": 3_000_00}),
        (APRIL, commands.receive_payment, {"amount": 2_000_00}),
        (MAY, commands.reverse_payment, {"payment": 1}),
    )),
    "capitalised": (terms(grace=GRACE), (
        (APRIL, commands.close_day, {}),
        (MAY, commands.receive_payment, {"amount": 500_00, "effective_on": FEBRUARY}),
        (MAY, commands.forgive, {"amounts": {Component.PRINCIPAL: 1_000_00}}),
    )),
    "waiting money": (terms(allocation=AllocationRule(in_advance=InAdvance.WAIT)), (
        (date(2026, 1, 20), commands.receive_payment, {"amount": 2_500_00}),
        (APRIL, commands.close_day, {}),
        (APRIL, commands.refund_overpayment, {"amount": 100_00}),
        (MAY, commands.close_day, {}),
    )),
    "deposit": (terms(), (
        (date(2026, 1, 20), commands.receive_payment,
         {"amount": 5_000_00, "kind": PaymentKind.SECURITY_DEPOSIT}),
        (date(2026, 2, 20), commands.apply_deposit, {}),
        (date(2026, 3, 20), commands.apply_deposit, {"amount": 400_00}),
        (APRIL, commands.close_day, {}),
        (MAY, commands.receive_payment, {"amount": 300_00, "effective_on": date(2026, 2, 25)}),
        (MAY, commands.apply_deposit, {"amount": 200_00, "effective_on": APRIL}),
        (MAY, commands.refund_overpayment, {"amount": 700_00}),
    )),
    "deposit undone": (terms(), (
        (date(2026, 1, 20), commands.receive_payment,
         {"amount": 2_000_00, "kind": PaymentKind.SECURITY_DEPOSIT}),
        (FEBRUARY, commands.reverse_payment, {"payment": 1}),
        (FEBRUARY, commands.receive_payment,
         {"amount": 900_00, "kind": PaymentKind.SECURITY_DEPOSIT}),
        (date(2026, 2, 20), commands.apply_deposit, {"amount": 500_00}),
        (APRIL, commands.charge_back, {"payment": 2, "amount": 700_00}),
        (LATE, commands.close_day, {}),
    )),
    "chargeback": (terms(), (
        (date(2026, 1, 20), commands.receive_payment, {"amount": 11_000_00}),
        (FEBRUARY, commands.charge_back, {"payment": 1, "amount": 900_00}),
        (FEBRUARY, commands.charge_back, {"payment": 1, "amount": 900_00}),
        (APRIL, commands.close_day, {}),
    )),
    "kept money charged back": (terms(allocation=AllocationRule(in_advance=InAdvance.WAIT)), (
        (date(2026, 1, 20), commands.receive_payment, {"amount": 2_500_00}),
        (FEBRUARY, commands.charge_back, {"payment": 1, "amount": 2_500_00}),
        (MAY, commands.charge_fee,
         {"kind": "visit", "amount": 200_00, "effective_on": date(2026, 1, 18)}),
        (MAY, commands.receive_payment, {"amount": 700_00, "effective_on": FEBRUARY}),
    )),
    "charged back, told again": (terms(allocation=AllocationRule(in_advance=InAdvance.WAIT)), (
        (date(2026, 1, 20), commands.receive_payment, {"amount": 2_500_00}),
        (date(2026, 2, 20), commands.charge_back, {"payment": 1, "amount": 1_600_00}),
        (APRIL, commands.charge_fee,
         {"kind": "visit", "amount": 200_00, "effective_on": date(2026, 1, 18)}),
        (MAY, commands.receive_payment, {"amount": 700_00, "effective_on": FEBRUARY}),
    )),
    "opened again": (terms(interest=InterestBasis.PER_PERIOD), (
        (FEBRUARY, commands.receive_payment, {"amount": 10_203_92}),
        (date(2026, 2, 3), commands.charge_back, {"payment": 1, "amount": 900_00}),
        (LATE, commands.close_day, {}),
    )),
    "fee after the end": (terms(), (
        (FEBRUARY, commands.charge_fee,
         {"kind": "visit", "amount": 100_00, "due_on": date(2027, 6, 1)}),
    )),
    "accelerated": (terms(late_fee=120_00), (
        (APRIL, commands.close_day, {}),
        (LATE, commands.accelerate, {}),
        (MAY, commands.close_day, {}),
    )),
    "rates": (terms(), (
        (APRIL, commands.change_rate, {"annual_rate": 240_000}),
        (APRIL, commands.pause_interest, {"until": MAY}),
        (MAY, commands.change_rate, {"annual_rate": 300_000, "effective_on": FEBRUARY}),
    )),
    "paused": (terms(suspend_from=90), (
        (FEBRUARY, commands.pause_delinquency, {"until": APRIL}),
        (date(2026, 9, 1), commands.close_day, {}),
        (date(2026, 9, 2), commands.receive_payment, {"amount": 9_000_00}),
        (date(2026, 9, 3), commands.close_day, {}),
    )),
    "sold": (terms(), (
        (APRIL, commands.close_day, {}),
        (LATE, commands.sell, {"holder": "Fund", "price": 7_000_00}),
    )),
    "recovered": (terms(), (
        (FEBRUARY, commands.write_off, {}),
        (APRIL, commands.receive_recovery, {"amount": 10_197_20}),
    )),
    "goodwill": (terms(), (
        (FEBRUARY, commands.receive_payment,
         {"amount": 300_00, "kind": PaymentKind.GOODWILL_CREDIT}),
        (MAY, commands.reverse_payment, {"payment": 1}),
    )),
    **{
        f"{kind} {treatment}": _treated(kind, treatment)
        for kind in (e.Revision.RESTRUCTURE, e.Revision.REAMORTIZATION, e.Revision.RESCHEDULE)
        for treatment in e.Treatment
    },
}  # fmt: skip
"""By name: the terms, and (day, command, arguments) of a story of each kind of event that changes
schedules, terms or payments."""


def every_kind(name):
    """The story of that name."""
    agreed, steps = EVERY_KIND[name]
    story = Story(agreed)
    if steps[0][1] is not commands.disburse:
        story.disburse()
    for on, command, arguments in steps:
        story.do(command, **({DAY_OF.get(command, "effective_on"): on} | arguments))
    return story


class Log:
    """The store's table, written as the ledger writes it: whole appends, interleaved."""

    def __init__(self, settings):
        self.settings = settings
        self.versions: dict[UUID, int] = {}

    def append(self, *stories, order=None):
        """Store what the stories recorded; ``order`` picks whose append comes next."""
        waiting = {story.loan_id: list(story.appends) for story in stories}
        for story in stories:
            story.appends.clear()
        turns = list(order or ())
        rows = []
        while waiting:
            ids = list(waiting)
            loan_id = ids[turns.pop(0) % len(ids)] if turns else ids[0]
            if not waiting[loan_id]:
                del waiting[loan_id]
                continue
            rows += self._rows(loan_id, waiting[loan_id].pop(0))
        with database.connect(self.settings) as connection:
            for command, loan_id, version, appended in self._commands(rows):
                connection.execute(
                    "INSERT INTO ledger.commands (id, name, actor, channel, correlation_id,"
                    " loan_id, version, appended)"
                    " VALUES (%s, 'story', 'tests', 'tests', %s, %s, %s, %s)",
                    [command, command, loan_id, version, appended],
                )
            columns = "loan_id, version, type, revision, more, effective_on, command_id, state"
            copying = f"COPY ledger.events ({columns}) FROM STDIN"
            with connection.cursor() as cursor, cursor.copy(copying) as copy:
                for row in rows:
                    copy.write_row(row)
            state.rebuild(connection)

    @staticmethod
    def _commands(rows):
        """The order that each append came from: id, loan, version after it, events."""
        appended = Counter(row[6] for row in rows)
        for loan_id, version, _, _, more, _, command, _ in rows:
            if not more:
                yield command, loan_id, version, appended[command]

    def _rows(self, loan_id, events):
        command = uuid4()
        for more, event in zip(range(len(events) - 1, -1, -1), events, strict=True):
            version = self.versions[loan_id] = self.versions.get(loan_id, 0) + 1
            tag, text = e.tag(event), e.encode.encode(event).decode()
            yield (loan_id, version, tag, upcasters.revision(tag), more, event.effective_on,
                   command, text)  # fmt: skip


def catch_up(settings, **arguments):
    with database.connect(settings) as connection:
        return engine.catch_up(connection, **arguments)


def read(settings, query, *values):
    """Rows of a query as dictionaries."""
    with database.connect(settings) as connection:
        cursor = connection.cursor(row_factory=psycopg.rows.dict_row)
        return cursor.execute(query, values).fetchall()


def everything(settings, tables=TABLES):
    """Every row of every read table, as text in a fixed order."""
    with database.connect(settings) as connection:
        return {
            table: connection.execute(
                f"SELECT one::text FROM read.{table} AS one ORDER BY 1"
            ).fetchall()
            for table in tables
        }
