"""Index values come in once, are never changed, and fix the rates of floating loans."""

from datetime import date, timedelta

import msgspec
import psycopg
import pytest

from domain import commands
from domain.errors import IndexWithoutValue
from domain.events import RateChanged
from domain.terms import Floating
from ledger import indices as indices_module
from ledger.close_of_day import close_through
from ledger.errors import IndexValueDiffers
from ledger.index_file import import_index, series
from ledger.indices import GivenIndices
from ledger.money import FormError
from tests.ledger.builders import CAUSE, START, TERMS, a_ledger, keyed, mxn, pay, running, stored

FLOATING = msgspec.structs.replace(
    TERMS, annual_rate=150_000, floating=Floating(index="TIIE28", spread=50_000)
)
FIRST_DUE = date(2026, 2, 15)


@pytest.fixture
def ledger(fresh_database):
    with a_ledger(fresh_database) as ledger:
        yield ledger


def written(tmp_path, *lines, header="index,day,value", name="index.csv"):
    path = tmp_path / name
    path.write_text("".join(f"{line}\n" for line in (header, *lines)), encoding="utf-8")
    return path


@pytest.fixture
def known(ledger, tmp_path):
    """Brings values in: ``known("TIIE28,2026-01-15,11.2450")``."""

    def bring(*lines, **given):
        return import_index(ledger.store, written(tmp_path, *lines), **given)

    return bring


def rates(ledger, loan_id):
    return [
        (event.effective_on, event.annual_rate, event.index, event.index_value)
        for event in (
            msgspec.json.decode(row[3], type=RateChanged)
            for row in ledger.store.run(lambda connection: stored(connection, loan_id))
            if row[2] == "rate-changed"
        )
    ]


def test_a_rate_is_percent_and_udi_is_worth_pesos(ledger, known):
    report = known("TIIE28,2026-01-15,11.2450", "UDI,2026-01-15,8.123456", "EUR,2026-01-15,-0.5000")
    assert (report.lines, report.added) == (3, 3)
    on = date(2026, 1, 15)
    values = [ledger.indices.on_day(name, on) for name in ("TIIE28", "UDI", "EUR")]
    assert values == [112_450, 8_123_456, -5_000]
    assert [(one.index, one.days, one.until, one.shown) for one in series(ledger.store)] == [
        ("EUR", 1, on, "-0.50"), ("TIIE28", 1, on, "11.245"), ("UDI", 1, on, "8.123456"),
    ]  # fmt: skip


def test_headers_of_the_central_bank_are_understood(ledger, tmp_path):
    path = written(tmp_path, "TIIE28;2026-01-15;11.2450", header="Serie;Fecha;Valor")
    assert import_index(ledger.store, path).added == 1


def test_the_same_file_again_adds_nothing(known):
    known("TIIE28,2026-01-15,11.2450")
    report = known("TIIE28,2026-01-15,11.245", "TIIE28,2026-01-16,11.25")
    assert (report.added, report.repeated) == (1, 1)


def test_another_value_for_a_day_is_refused_by_its_row_and_nothing_of_the_file_kept(ledger, known):
    known("TIIE28,2026-01-15,11.2450")
    with pytest.raises(IndexValueDiffers) as refused:
        known("TIIE28,2026-01-14,11.2000", "TIIE28,2026-01-15,11.2500")
    assert "line 3: TIIE28 has the value 11.245 on 2026-01-15, not 11.25" in str(refused.value)
    assert ledger.indices.on_day("TIIE28", date(2026, 1, 14)) is None


def test_a_correction_counts_and_what_was_known_before_stays(ledger, known, app_of):
    known("TIIE28,2026-01-15,11.2450")
    report = known("TIIE28,2026-01-15,11.2500", correct=True, actor="bea")
    assert (report.corrected, report.added) == (1, 0)
    assert ledger.indices.on_day("TIIE28", date(2026, 1, 15)) == 112_500
    kept = app_of("SELECT revision, value, recorded_by FROM ledger.index_values ORDER BY revision")
    assert kept == [(1, 112_450, "operator"), (2, 112_500, "bea")]
    assert known("TIIE28,2026-01-15,11.2500").repeated == 1


@pytest.fixture
def app_of(ledger):
    def ask(statement):
        return ledger.store.run(lambda connection: connection.execute(statement).fetchall())

    return ask


@pytest.mark.parametrize(
    "statement",
    ["UPDATE ledger.index_values SET value = 1", "DELETE FROM ledger.index_values",
     "TRUNCATE ledger.index_values",
     "INSERT INTO ledger.index_values VALUES ('X', '2026-01-01', 1, 1, '2020-01-01', 'x')"],
)  # fmt: skip
def test_values_are_only_added(known, app_of, statement):
    known("TIIE28,2026-01-15,11.2450")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app_of(statement)


@pytest.mark.parametrize(
    ("line", "field", "rule"),
    [
        ("TIIE28,2026-01-15,", "line 2: value", "is missing"),
        ("TIIE28,2026-01-15,11.24501", "line 2: value", "more than four decimals"),
        ("TIIE28,2026-01-15,1e3", "line 2: value", "percentage"),
        ("TIIE28,2026-01-15,--1.00", "line 2: value", "between 0 and"),
        ("TIIE28,2026-01-15,99999999.00", "line 2: value", "between 0 and"),
        ("TIIE28,2026-02-30,11.00", "line 2: day", "not a day"),
        ("TIIE28,15/01/2026,11.00", "line 2: day", "must be a date"),
        ("TIIE28,0001-01-01,11.00", "line 2: day", "must lie between"),
        (",2026-01-15,11.00", "line 2: index", "is missing"),
        (f"{'x' * 41},2026-01-15,11.00", "line 2: index", "at most 40"),
        ("UDI,2026-01-15,8.1234567", "line 2: value", "worth"),
        ("UDI,2026-01-15,-8.12", "line 2: value", "worth"),
        ("UDI,2026-01-15,0", "line 2: value", "more than zero"),
        ("TIIE28,2026-01-15", "line 2: line", "2 cells"),
    ],
)
def test_a_line_that_cannot_be_read_refuses_the_file_by_its_number(known, line, field, rule):
    with pytest.raises(FormError, match=rule) as refused:
        known(line, "TIIE28,2026-03-15,11.00")
    assert refused.value.field == field


def test_a_day_stands_once_in_a_file(known):
    with pytest.raises(FormError, match="stands on line 2 too"):
        known("TIIE28,2026-01-15,11.00", "TIIE28,2026-01-15,11.00")


@pytest.mark.parametrize(("days", "value"), [(0, 112_450), (10, 112_450), (11, None), (-1, None)])
def test_a_value_holds_for_ten_days(ledger, known, days, value):
    known("TIIE28,2026-01-15,11.2450")
    asked = date(2026, 1, 15) + timedelta(days=days)
    assert ledger.indices.lookup()("TIIE28", asked) == value


def test_the_age_is_a_setting(fresh_database, known):
    known("TIIE28,2026-01-15,11.2450")
    settings = fresh_database.model_copy(update={"index_max_age_days": 0})
    with a_ledger(settings) as ledger:
        assert ledger.indices.lookup()("TIIE28", date(2026, 1, 16)) is None


def test_what_was_read_answers_for_earlier_days_too(ledger, known):
    known("TIIE28,2026-01-15,11.00", "TIIE28,2026-06-15,12.00")
    value_of = ledger.indices.lookup()
    assert value_of("TIIE28", date(2026, 6, 16)) == 120_000
    assert value_of("TIIE28", date(2026, 1, 16)) == 110_000
    assert value_of("TIIE28", date(2026, 6, 16)) == 120_000


def test_the_close_fixes_the_rate_on_each_reset_day(ledger, known):
    known("TIIE28,2026-01-14,11.0000", "TIIE28,2026-02-13,10.5000", "TIIE28,2026-03-15,10.5000")
    loan_id = running(ledger, terms=FLOATING)

    close_through(ledger, date(2026, 3, 20))

    assert rates(ledger, loan_id) == [
        (START, 160_000, "TIIE28", 110_000), (FIRST_DUE, 155_000, "TIIE28", 105_000),
    ]  # fmt: skip
    assert ledger.load(loan_id).terms.rate_on(date(2026, 3, 19)) == 155_000


def test_a_close_day_by_day_and_one_at_once_fix_the_same_rates(ledger, known):
    known("TIIE28,2026-01-14,11.0000", "TIIE28,2026-02-13,10.5000", "TIIE28,2026-03-13,12.0000")
    daily, straight = running(ledger, terms=FLOATING), running(ledger, terms=FLOATING)
    ledger.close_day(straight, on=date(2026, 3, 20), cause=CAUSE)

    close_through(ledger, date(2026, 3, 20))

    one, other = ledger.load(daily), ledger.load(straight)
    assert rates(ledger, daily) == rates(ledger, straight)
    assert one.balances() == other.balances()
    assert [(line.owed, line.paid) for line in one.lines] == [
        (line.owed, line.paid) for line in other.lines
    ]


def test_a_missing_value_sets_that_loan_aside_and_the_others_go_on(ledger, known):
    known("TIIE28,2026-01-14,11.0000")
    floating, fixed = running(ledger, terms=FLOATING), running(ledger)

    report = close_through(ledger, date(2026, 2, 20))

    [aside] = report.set_aside
    assert (aside.loan_id, aside.code) == (floating, "index-without-value")
    assert aside.business_date == FIRST_DUE
    assert report.closed == 1
    assert ledger.load(fixed).through == date(2026, 2, 20)

    known("TIIE28,2026-02-15,10.0000")
    assert close_through(ledger, date(2026, 2, 20)).set_aside == []
    assert rates(ledger, floating)[-1] == (FIRST_DUE, 150_000, "TIIE28", 100_000)


def test_an_order_comes_after_the_resets_that_its_day_has_seen(ledger, known):
    known("TIIE28,2026-01-14,11.0000", "TIIE28,2026-02-13,10.5000")
    loan_id = running(ledger, terms=FLOATING)

    receipt = pay(ledger, loan_id, "500.00", on=date(2026, 2, 20))

    assert receipt.events.count("rate-changed") == 2
    assert receipt.events.index("payment-received") > receipt.events.index("rate-changed")


def test_an_order_dated_earlier_does_not_bring_later_resets_forward(ledger, known):
    """Else a day after the order's would be recorded already, and the order refused for it."""
    known("TIIE28,2026-01-14,11.0000")
    loan_id = running(ledger, terms=FLOATING)
    on = date(2026, 2, 10)  # the business date lies a year ahead, and no value is known for it
    ledger.write_off(loan_id, effective_on=on, cause=CAUSE)
    assert ledger.load(loan_id).through == on


def test_an_order_without_its_index_is_refused_and_comes_again(ledger, known):
    known("TIIE28,2026-01-14,11.0000")
    loan_id = running(ledger, terms=FLOATING)
    before = ledger.load(loan_id).version
    for _ in range(2):
        with pytest.raises(IndexWithoutValue):
            pay(ledger, loan_id, "500.00", on=date(2026, 3, 1), cause=keyed("late"))
    assert ledger.load(loan_id).version == before

    known("TIIE28,2026-02-15,10.0000")
    assert not pay(ledger, loan_id, "500.00", on=date(2026, 3, 1), cause=keyed("late")).repeated


def test_a_rate_can_be_fixed_without_waiting_for_the_close(ledger, known):
    known("TIIE28,2026-01-14,11.0000")
    loan_id = running(ledger, terms=FLOATING)
    receipt = ledger.reset_rate(loan_id, effective_on=START, cause=CAUSE)
    assert "rate-changed" in receipt.events
    assert ledger.reset_rate(loan_id, effective_on=START, cause=CAUSE).events == ()


def test_a_quote_knows_the_resets_that_no_close_has_recorded(ledger, known):
    from domain.views import payoff

    known("TIIE28,2026-01-14,21.0000", "TIIE28,2026-02-13,10.5000")
    loan_id = running(ledger, terms=FLOATING)
    on = date(2026, 2, 20)
    quoted = payoff(ledger.reset(loan_id, on), on).total
    assert quoted != payoff(ledger.load(loan_id), on).total

    receipt = ledger.pay_off(loan_id, on=on, amount=mxn(quoted) / 100, cause=CAUSE)

    assert receipt.events[-1] == "loan-closed"


def test_a_loan_without_an_index_asks_for_none(ledger, monkeypatch):
    loan_id = running(ledger)

    def nothing(*given, **named):
        raise AssertionError("a fixed loan pays for no look-up")

    monkeypatch.setattr(indices_module.PublishedIndices, "lookup", nothing)
    monkeypatch.setattr(commands, "reset_rate", nothing)
    pay(ledger, loan_id, on=date(2026, 2, 20))


def test_one_close_reads_each_index_once(ledger, known, monkeypatch):
    known("TIIE28,2026-01-14,11.0000", "TIIE28,2026-02-13,10.5000")
    for _ in range(5):
        running(ledger, terms=FLOATING)
    read, times = indices_module.PublishedIndices._read, []

    def counted(self, *given):
        times.append(given)
        return read(self, *given)

    monkeypatch.setattr(indices_module.PublishedIndices, "_read", counted)
    close_through(ledger, date(2026, 2, 20))
    assert len(times) == 1


def test_a_story_brings_its_own_values(ledger):
    ledger.indices = GivenIndices(lambda index, day: 100_000)
    loan_id = running(ledger, terms=FLOATING)
    ledger.reset_rate(loan_id, effective_on=START, cause=CAUSE)
    assert ledger.index_value("UDI", START) == 100_000
    assert rates(ledger, loan_id) == []  # 10 % and the spread are the rate it has
