from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import msgspec
import pytest

from domain import commands
from domain.loan import Status
from ledger import close_of_day, log, state
from ledger.close_of_day import close_through
from ledger.closing import by_loan
from tests.ledger.builders import CAUSE, START, a_ledger, mxn, opened, pay, running, stored

ON = date(2026, 3, 20)


@pytest.fixture
def ledger(fresh_database):
    with a_ledger(fresh_database) as ledger:
        yield ledger


@pytest.fixture
def look(ledger):
    """Ask the database something."""
    return ledger.store.run


def streams(look, *loans):
    return [[row[1:] for row in look(lambda c, loan=loan: stored(c, loan))] for loan in loans]


def test_a_second_run_for_the_date_records_nothing(ledger, look):
    for _ in range(3):
        running(ledger)
    first = close_through(ledger, ON)
    before = look(stored)

    second = close_through(ledger, ON)

    assert (first.loans, first.closed, first.redone, first.set_aside) == (3, 3, 0, [])
    assert first.events > 3 * (ON - START).days
    assert (second.loans, second.events) == (0, 0)
    assert look(stored) == before


def test_every_day_leaves_its_own_record(ledger, look):
    loan_id = running(ledger)
    close_through(ledger, ON)

    days = [
        fact.effective_on
        for fact, _ in look(lambda c: log.history(c, loan_id))
        if fact.event.__class__.__name__ == "InterestAccrued"
    ]

    expected = [START + timedelta(days=n) for n in range(1, (ON - START).days + 1)]
    assert sorted(set(days)) == expected


def test_in_bulk_the_same_is_recorded_as_loan_by_loan(ledger, look):
    bulk, single = running(ledger), running(ledger)
    pay(ledger, bulk, "300.00"), pay(ledger, single, "300.00")
    day = ledger.load(single).through
    while day <= ON:
        ledger.close_day(single, on=day, cause=CAUSE)
        day += timedelta(days=1)

    close_through(ledger, ON)

    one, other = streams(look, bulk, single)
    assert one[2:] == other[2:]
    assert look(lambda c: all_state(c, bulk)) == look(lambda c: all_state(c, single))


def all_state(connection, loan_id):
    """All but what only an append tells: the close forgets it once the instalment fell due."""
    columns = ", ".join(name for name in state.COLUMNS[2:] if name != "falls_due")
    return connection.execute(
        f"SELECT {columns} FROM ledger.loan_state WHERE loan_id = %s", [loan_id]
    ).fetchall()


def test_straight_to_the_date_gives_the_same_balances(ledger):
    daily, straight = running(ledger), running(ledger)
    close_through(ledger, ON, shard=shard_of(ledger, daily, straight), daily=True)
    close_through(ledger, ON, daily=False)

    one, other = ledger.load(daily), ledger.load(straight)
    assert one.balances() == other.balances()
    assert one.version != other.version
    assert one.stage == other.stage


def test_straight_through_quiet_days_is_one_record(ledger, look):
    loan_id = running(ledger)
    on = START + timedelta(days=12)
    expected = commands.close_day(ledger.load(loan_id), on=on)

    report = close_through(ledger, on, daily=False)

    assert (report.closed, report.events) == (1, 1)
    [fact, _] = look(lambda c: log.history(c, loan_id))[-1]
    assert (fact.event,) == expected


def test_a_row_from_before_quiet_days_were_told_has_its_loan_asked(ledger, look):
    known, unknown = running(ledger), running(ledger)
    told = ", ".join(
        f"{name} = NULL" for name in state.COLUMNS[state.COLUMNS.index("quiet_until") :]
    )
    look(lambda c: c.execute(f"UPDATE ledger.loan_state SET {told} WHERE loan_id = %s", [unknown]))

    close_through(ledger, ON)

    one, other = streams(look, known, unknown)
    assert one[1:] == other[1:]
    assert look(lambda c: all_state(c, known)) == look(lambda c: all_state(c, unknown))


def test_two_closes_of_a_day_at_once_record_it_once(ledger, look):
    loans = [running(ledger) for _ in range(9)]
    with ThreadPoolExecutor(2) as both:
        reports = list(both.map(lambda batch: close_through(ledger, ON, batch=batch), (2, 3)))

    assert [report.set_aside for report in reports] == [[], []]
    assert {ledger.load(loan).through for loan in loans} == {ON}
    assert sum(report.events for report in reports) == len(look(stored)) - 2 * len(loans)
    model = streams(look, loans[0])
    assert streams(look, *loans) == undisturbed_for(loans, model, look)


def shard_of(ledger, wanted, other):
    """A shard that holds one of two loans and not the other."""
    for of in range(2, 1_000):
        nth, elsewhere = ledger.store.run(
            lambda c, of=of: c.execute(
                "SELECT (uuid_hash(%s)::bigint & 2147483647) %% %s,"
                " (uuid_hash(%s)::bigint & 2147483647) %% %s",
                [wanted, of, other, of],
            ).fetchone()
        )
        if nth != elsewhere:
            return nth, of
    raise AssertionError("one hash for two loans")


def test_the_shards_together_close_every_loan_once(ledger):
    for _ in range(12):
        running(ledger)
    reports = [close_through(ledger, ON, shard=(nth, 3)) for nth in range(3)]

    assert sum(report.closed for report in reports) == 12
    assert max(report.closed for report in reports) < 12
    assert close_through(ledger, ON).loans == 0


def test_a_killed_run_goes_on_where_it_stopped(ledger, look):
    loans = [running(ledger) for _ in range(5)]

    class Killed(BaseException):
        pass

    def kill(done, total):
        assert total == 5
        if done >= 2:
            raise Killed

    with pytest.raises(Killed):
        close_through(ledger, ON, kill, batch=1)
    rest = close_through(ledger, ON)

    assert rest.loans == 3
    undisturbed = streams(look, loans[-1])
    assert streams(look, *loans) == undisturbed_for(loans, undisturbed, look)


def undisturbed_for(loans, model, look):
    """All five loans are alike but for their number, which only the first event holds."""
    return [streams(look, loan)[0][:1] + model[0][1:] for loan in loans]


def test_a_loan_that_fails_is_set_aside_and_the_others_go_on(ledger, look, monkeypatch):
    good, bad, also_good = running(ledger), running(ledger), running(ledger)
    for one in (good, bad, also_good):  # an instalment that was touched has its loan asked
        pay(ledger, one, "1.00")
    numbers = {ledger.load(bad).loan_no}
    real = commands.close_day

    def failing(loan, *, on):
        if loan.loan_no in numbers and on == date(2026, 2, 15):
            raise ZeroDivisionError
        return real(loan, on=on)

    monkeypatch.setattr(by_loan.commands, "close_day", failing)
    report = close_through(ledger, ON)

    assert (report.closed, [aside.loan_id for aside in report.set_aside]) == (2, [bad])
    assert report.set_aside[0].business_date == date(2026, 2, 15)
    assert "ZeroDivisionError" in report.set_aside[0].reason
    assert look(failures) == [(bad, date(2026, 2, 15), "unreadable-loan")]
    assert ledger.load(bad).through == date(2026, 2, 14)
    assert ledger.load(good).through == ledger.load(also_good).through == ON

    numbers.clear()
    again = close_through(ledger, ON)
    assert (again.loans, again.closed, again.set_aside) == (1, 1, [])
    assert look(failures) == []
    assert ledger.load(bad).balances() == ledger.load(good).balances()


def failures(connection):
    return connection.execute(
        "SELECT loan_id, business_date, code FROM ledger.close_failures"
    ).fetchall()


def test_a_loan_whose_history_cannot_be_read_is_set_aside(ledger, look):
    good, bad = running(ledger), running(ledger)
    look(lambda c: c.execute(
        "INSERT INTO ledger.events (loan_id, version, type, revision, more, effective_on,"
        " command_id, state) VALUES (%s, 3, 'promise-made', 9, 0, '2026-01-16',"
        " gen_random_uuid(), '{}')", [bad],
    ))  # fmt: skip

    report = close_through(ledger, ON)

    assert (report.closed, [aside.loan_id for aside in report.set_aside]) == (1, [bad])
    assert report.set_aside[0].code == "unknown-revision"
    assert ledger.load(good).through == ON


@pytest.mark.parametrize(
    ("module", "writes"), [(close_of_day, "close_together"), (by_loan.bulk, "append")]
)
def test_a_loan_changed_meanwhile_is_closed_again_alone(ledger, look, monkeypatch, module, writes):
    quiet, busy = running(ledger), running(ledger)
    real, interrupted = getattr(module, writes), []

    def late(*given):
        if not interrupted:
            interrupted.append(pay(ledger, busy, "100.00", on=START))
        return real(*given)

    monkeypatch.setattr(module, writes, late)
    report = close_through(ledger, ON)

    assert (report.closed, report.redone) == (2, 1)
    loan = ledger.load(busy)
    assert (loan.through, len(loan.payments)) == (ON, 1)
    assert ledger.load(quiet).principal == loan.principal + 100_00
    versions = [version for _, version, *_ in look(lambda c: stored(c, busy))]
    assert versions == list(range(1, len(versions) + 1))


def test_a_promise_is_judged_and_the_stage_moves_on_their_day(ledger):
    loan_id = running(ledger)
    ledger.make_promise(
        loan_id, amount=mxn("100.00"), promised_for=date(2026, 2, 20),
        effective_on=date(2026, 2, 16), cause=CAUSE,
    )  # fmt: skip
    close_through(ledger, date(2026, 3, 18))

    loan = ledger.load(loan_id)
    assert loan.promises[1].state == "broken"
    assert loan.stage == 2


def test_loans_that_cannot_change_are_left_alone(ledger):
    opened(ledger)
    paid = running(ledger)
    pay(ledger, paid, "11000.00", on=START)
    assert ledger.load(paid).status is Status.CLOSED

    report = close_through(ledger, ON)

    assert (report.loans, report.events) == (1, 0)


def test_the_report_can_be_sent(ledger):
    running(ledger)
    assert msgspec.json.decode(msgspec.json.encode(close_through(ledger, ON)))["closed"] == 1


def test_a_promise_on_a_loan_paid_off_meanwhile_is_judged(ledger):
    loan_id = running(ledger)
    ledger.make_promise(
        loan_id, amount=mxn("100.00"), promised_for=date(2026, 2, 10),
        effective_on=date(2026, 2, 1), cause=CAUSE,
    )  # fmt: skip
    pay(ledger, loan_id, "99999.00", on=date(2026, 2, 5))
    assert ledger.load(loan_id).status == "closed"

    close_through(ledger, date(2026, 2, 28))
    again = close_through(ledger, date(2026, 3, 1))

    assert [one.state for one in ledger.load(loan_id).promises.values()] == ["kept"]
    assert again.events == 0
