"""Logs for the tests: what the domain's commands answer, stored as the ledger stores it."""

from collections import Counter
from uuid import UUID, uuid4

import psycopg

from domain import commands
from domain import events as e
from domain.fold import replay
from ledger import database, state, upcasters
from projections import engine
from tests.domain.histories import START, Book, play, terms

TABLES = (
    "loans", "schedule", "portions", "portfolio_totals", "balances", "transactions", "payments",
    "promises", "journal_entries", "journal_loans", "journal_totals", "positions",
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
