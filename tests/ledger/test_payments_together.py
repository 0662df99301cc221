"""A payment file in bulk comes to what its lines come to one by one, whoever writes beside it."""

from datetime import date, timedelta
from itertools import count
from pathlib import Path

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidTerms
from ledger.bank_line import COLUMNS, REQUIRED, BankLine
from ledger.close_of_day import close_through
from ledger.csv_lines import CsvLines
from ledger.orders import Cause
from ledger.payment_batch import land_together, matched
from ledger.payment_file import _Import, import_payments
from ledger.payment_landing import Direct, Landing
from tests.domain.histories import START, STEPS, agreements, disbursed, play
from tests.ledger.builders import CAUSE, a_ledger, keyed, mxn, pay, running

HEADER = "date,reference,amount,channel,transaction_id,currency"
EVERY_DAY = (date.min, date.max)
FILE = Cause("operator", "payment-file")
_examples = count(1)


@pytest.fixture
def ledger(fresh_database):
    with a_ledger(fresh_database) as ledger:
        yield ledger


@pytest.fixture(scope="module")
def shared(database):
    with a_ledger(database) as ledger:
        yield ledger


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


def file_of(folder: Path, lines):
    folder.mkdir(exist_ok=True)
    path = folder / "bank.csv"
    path.write_text("".join(f"{line}\n" for line in (HEADER, *lines)), encoding="utf-8")
    return path


def lines_of(ledger, path):
    with CsvLines(path, COLUMNS, REQUIRED) as lines:
        batches = _Import(ledger, BankLine.of).batches(lines, EVERY_DAY, 100)
        return [line for batch in batches for line in batch]


def one_by_one(ledger, path):
    landing, direct = Landing(ledger, path.name, FILE), Direct(ledger)
    return [landing.land(task, direct) for task in matched(ledger, lines_of(ledger, path))]


def together(ledger, path):
    return land_together(Landing(ledger, path.name, FILE), lines_of(ledger, path))


RECORDS = """
    SELECT s.loan_no, e.version, e.type, e.revision, e.more, e.effective_on, e.state::text
    FROM ledger.events AS e JOIN ledger.loan_state AS s USING (loan_id)
    WHERE s.loan_no LIKE %(mark)s ORDER BY 1, 2;
    SELECT to_jsonb(s) - '{loan_id,since}'::text[] FROM ledger.loan_state AS s
    WHERE loan_no LIKE %(mark)s ORDER BY loan_no;
    SELECT to_jsonb(c) - '{id,fingerprint,correlation_id,loan_id,recorded_at}'::text[]
    FROM ledger.commands AS c WHERE idempotency_key LIKE %(mark)s ORDER BY idempotency_key;
    SELECT to_jsonb(w) - '{id,received_at}'::text[] FROM ledger.suspense AS w
    WHERE line_key LIKE %(mark)s ORDER BY line_key
"""


def on_record(ledger, mark):
    """Everything about the loans and lines that carry ``mark``, without ids and clock."""
    return ledger.store.run(
        lambda connection: [
            connection.execute(query, {"mark": f"%{mark}-%"}).fetchall()
            for query in RECORDS.split(";")
        ]
    )


def told(terms, steps):
    try:
        book = disbursed(terms)
    except InvalidTerms:
        assume(False)
    play(book, steps)
    return book


LINES = st.lists(
    st.tuples(
        st.integers(0, 6),  # which loan; past the last it is nobody's
        st.integers(-20, 240),  # days after disbursement
        st.sampled_from(["0.01", "35.00", "900.00", "2500.55", "40000.00", "600000.00", "0", "x"]),
        st.integers(0, 9),  # the bank's id: some come twice
        st.sampled_from(["", "", "", "MXN", "USD"]),
    ),
    max_size=14,
)


@settings(max_examples=60)
@given(st.lists(st.tuples(agreements(), STEPS), min_size=1, max_size=4), LINES)
def test_in_bulk_the_same_is_recorded_as_line_by_line(shared, folder, stories, drawn):
    """Bytes, versions, commands, suspense, state rows and what the importer says of each line."""
    example = next(_examples)
    books = [told(terms, steps) for terms, steps in stories]
    seen = {}
    for how, land in (("QA", together), ("QB", one_by_one)):
        mark = f"{how}{example}"
        for n, book in enumerate(books):
            first = msgspec.structs.replace(book.history[0], loan_no=f"{mark}-{n}")
            events = (first, *book.history[1:])
            shared.begin(lambda events=events: events, {"command": "story"}, CAUSE)
        path = file_of(
            folder / mark,
            (
                f"{START + timedelta(days=day)},{mark}-{loan},{amount},spei,{mark}-T{txid},{money}"
                for loan, day, amount, txid, money in drawn
            ),
        )
        came_to = [land(shared, path), land(shared, path)]
        seen[how] = repr((came_to, on_record(shared, mark))).replace(mark, "Q")

    assert seen["QA"] == seen["QB"]


class Interrupted(Landing):
    """Somebody else writes once the first line is decided."""

    def __init__(self, ledger, source, cause, meanwhile):
        super().__init__(ledger, source, cause)
        self.meanwhile = meanwhile

    def land(self, found, desk):
        landed = super().land(found, desk)
        if self.meanwhile:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return landed


def interrupted(ledger, path, meanwhile):
    landing = Interrupted(ledger, path.name, FILE, meanwhile)
    return [one.outcome for one in land_together(landing, lines_of(ledger, path))]


def amounts(ledger, loan_id):
    return [payment.amount for payment in ledger.load(loan_id).payments.values()]


@pytest.fixture
def two_loans(ledger, tmp_path):
    """Two loans, and a file with two payments of each."""
    loans = running(ledger, "A-1"), running(ledger, "A-2")
    path = file_of(
        tmp_path,
        (f"2026-02-{15 + n},A-{1 + n % 2},{n + 1}.00,spei,T{n},{''}" for n in range(4)),
    )
    return (*loans, path)


def test_a_loan_that_another_changed_meanwhile_is_decided_again_and_the_others_stand(
    ledger, two_loans
):
    one, other, path = two_loans

    outcomes = interrupted(ledger, path, lambda: pay(ledger, one, "50.00"))

    assert outcomes == ["applied"] * 4
    assert amounts(ledger, one) == [50_00, 1_00, 3_00]
    assert amounts(ledger, other) == [2_00, 4_00]


def test_a_loan_that_was_sold_meanwhile_sends_its_lines_to_suspense(ledger, two_loans):
    one, other, path = two_loans

    def sell():
        ledger.sell(
            one, effective_on=date(2026, 2, 15), holder="a fund", price=mxn("9000.00"), cause=CAUSE
        )

    outcomes = interrupted(ledger, path, sell)

    assert outcomes == ["suspended", "applied", "suspended", "applied"]
    assert amounts(ledger, one) == []
    assert amounts(ledger, other) == [2_00, 4_00]


def test_a_line_whose_id_another_order_took_meanwhile_comes_back_and_the_others_land(
    ledger, two_loans
):
    one, other, path = two_loans
    landing = Interrupted(
        ledger, path.name, FILE, lambda: pay(ledger, other, "9.00", cause=keyed("bank:T2"))
    )

    landed = land_together(landing, lines_of(ledger, path))

    assert [type(one).__name__ for one in landed] == ["Landed", "Landed", "Reject", "Landed"]
    assert amounts(ledger, one) == [1_00]
    assert amounts(ledger, other) == [9_00, 2_00, 4_00]


@pytest.mark.parametrize("processes", [0, 2])
def test_clerks_land_a_file_as_this_process_does(fresh_database, tmp_path, processes):
    settings = fresh_database.model_copy(update={"import_processes": processes})
    whose = {7: "NOBODY"}  # every ninth amount is none; the last five ids came before
    lines = [
        f"2026-02-{1 + n // 4:02},{whose.get(n, f'A-{n % 4}')},"
        f"{'x' if n % 9 == 8 else n + 1},spei,T{n % 35},"
        for n in range(40)
    ]
    with a_ledger(settings) as ledger:
        loans = [running(ledger, f"A-{n}") for n in range(4)]

        report = import_payments(ledger, file_of(tmp_path, lines), batch=3)

        assert (report.applied, report.suspended, report.rejected) == (31, 1, 8)
        assert amounts(ledger, loans[1]) == [100 * (n + 1) for n in (1, 5, 9, 13, 21, 25, 29, 33)]
    told = (tmp_path / "bank.csv.rejects.csv").read_text().splitlines()[1:]
    numbers = [int(line.split(",")[0]) for line in told]
    assert numbers == [10, 19, 28, 37, 38, 39, 40, 41]


def test_the_log_has_the_payments_in_the_order_of_the_file(ledger, two_loans):
    *_, path = two_loans
    import_payments(ledger, path)

    rows = ledger.store.run(
        lambda connection: connection.execute(
            "SELECT state ->> 'amount' FROM ledger.events WHERE type = 'payment-received'"
            " ORDER BY position"
        ).fetchall()
    )

    assert [int(amount) for (amount,) in rows] == [1_00, 2_00, 3_00, 4_00]


def test_a_file_keeps_how_far_its_loans_are_closed(ledger, two_loans):
    one, _, path = two_loans
    close_through(ledger, date(2026, 2, 14))
    import_payments(ledger, path)

    [[closed]] = ledger.store.run(
        lambda connection: connection.execute(
            "SELECT closed_through FROM ledger.loan_state WHERE loan_id = %s", [one]
        ).fetchall()
    )

    assert closed == date(2026, 2, 14)
    assert ledger.load(one).payments
