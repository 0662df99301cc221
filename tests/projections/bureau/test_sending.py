"""A draft, a file that was sent, a correction, a reject: what was told stands."""

from datetime import date

import psycopg
import pytest
from msgspec import structs

from domain import commands
from ledger import database as db
from projections.bureau.consumer import Role
from projections.bureau.errors import (
    AlreadySent,
    BadCutOff,
    BadLenderFile,
    CutOffNotClosed,
    NothingSent,
    NothingToReport,
    ReadModelsBehind,
    UnknownFile,
    UnknownFormat,
)
from projections.bureau.lender import Lender, ProductCodes
from projections.bureau.report import control
from projections.bureau.validators import buro_intf, metro2
from projections.bureau.write import write
from tests.projections.bureau.portfolio import (
    CUT_OFF,
    MARCH,
    Known,
    consumers,
    in_texas,
    lender,
    loan,
)
from tests.projections.bureau.sending import field, rows, send
from tests.projections.stories import Log, catch_up, read

PEOPLE = Known(consumers())
MAY = date(2026, 5, 31)


def test_a_month_sent_is_refused_a_second_time_and_the_database_keeps_it(
    fresh_database, pool, books, job, tmp_path
):
    to, _, _ = books
    to(CUT_OFF)
    path = tmp_path / "april"
    write(pool, job("buro-intf"), PEOPLE, path)
    draft = write(pool, job("buro-intf"), PEOPLE, path)

    sent = send(fresh_database, path)

    assert (sent.file, sent.sent, sent.records) == (draft.file, True, 2)
    with pytest.raises(AlreadySent, match="--correction"):
        write(pool, job("buro-csv"), PEOPLE, tmp_path / "again")
    with pytest.raises(AlreadySent):
        send(fresh_database, path)
    assert not (tmp_path / "again").exists()
    for change in (
        "DELETE FROM bureau.records",
        "DELETE FROM bureau.files",
        "UPDATE bureau.files SET records = 0",
        "UPDATE bureau.records SET balance = 0",
    ):
        with (
            db.connect(fresh_database) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(change)


def test_only_bytes_that_were_written_here_can_be_marked_as_sent(
    fresh_database, pool, books, job, tmp_path
):
    to, _, _ = books
    to(CUT_OFF)
    path = tmp_path / "april"
    write(pool, job("buro-intf"), PEOPLE, path)
    path.write_bytes(path.read_bytes().replace(b"OFARRILL", b"OFARRELL"))

    with pytest.raises(UnknownFile):
        send(fresh_database, path)


def test_a_correction_has_what_changed_and_the_first_missed_payment_stays(
    fresh_database, pool, books, job, tmp_path
):
    to, late, _ = books
    to(CUT_OFF)
    path, corrected = tmp_path / "april", tmp_path / "correction"
    write(pool, job("buro-intf"), PEOPLE, path)
    with pytest.raises(NothingSent):
        write(pool, job("buro-intf", correction=True), PEOPLE, corrected)
    send(fresh_database, path)
    with pytest.raises(NothingToReport):
        write(pool, job("buro-intf", correction=True), PEOPLE, corrected)

    late.do(commands.receive_payment, amount=1_060_00, effective_on=date(2026, 2, 15))
    to(date(2026, 5, 2))
    written = write(pool, job("buro-intf", correction=True), PEOPLE, corrected)

    assert (written.kind, written.records) == ("correction", 1)
    assert list(buro_intf.check(corrected)) == []
    before, after = rows(path)["L-0004"], rows(corrected)["L-0004"]
    assert (field(before, "49"), field(after, "49")) == ("74", "46")
    assert field(before, "43") == field(after, "43") == "15022026"
    assert send(fresh_database, corrected).kind == "correction"
    with pytest.raises(NothingToReport):
        write(pool, job("buro-intf", correction=True), PEOPLE, tmp_path / "more")


def test_the_history_is_what_was_reported(fresh_database, pool, books, job, tmp_path):
    """February and March were sent; a payment of the past then changes March, not its report."""
    to, late, _ = books
    people = Known(in_texas(consumers()))
    profiles = {}
    for cut_off in (date(2026, 2, 28), MARCH, CUT_OFF):
        to(cut_off)
        path = tmp_path / str(cut_off)
        write(pool, job("metro2", cut_off=cut_off, today=cut_off), people, path)
        assert list(metro2.check(path)) == []
        send(fresh_database, path)
        profiles[cut_off] = path.read_text("ascii").splitlines()[2][126:150].rstrip("B")
        if cut_off == MARCH:
            late.do(commands.receive_payment, amount=2_130_00, effective_on=date(2026, 3, 20))

    assert list(profiles.values()) == ["", "0", "10"]  # 13 days late in February, 44 in March


def test_a_month_that_was_skipped_has_no_history(fresh_database, pool, books, job, tmp_path):
    to, _, _ = books
    people = Known(in_texas(consumers()))
    for cut_off in (date(2026, 2, 28), CUT_OFF):
        to(cut_off)
        path = tmp_path / str(cut_off)
        write(pool, job("metro2", cut_off=cut_off, today=cut_off), people, path)
        send(fresh_database, path)

    assert path.read_text("ascii").splitlines()[1][126:150] == "D0".ljust(24, "B")


def test_a_closed_loan_is_told_once_more_and_never_again(
    fresh_database, pool, books, job, tmp_path
):
    to, _, good = books
    to(MARCH)
    good.do(commands.close_day, on=date(2026, 4, 3))
    good.do(commands.receive_payment, amount=20_000_00, effective_on=date(2026, 4, 3))
    found = []
    for cut_off in (CUT_OFF, MAY):
        to(cut_off)
        path = tmp_path / str(cut_off)
        written = write(pool, job("buro-intf", cut_off=cut_off, today=cut_off), PEOPLE, path)
        send(fresh_database, path)
        found.append(written.records)
        assert field(rows(path).get("L-0001", "TL02TL"), "16") in ("03042026", None)

    assert found == [2, 1]


def test_a_loan_reported_open_and_closed_in_a_month_that_was_not_sent_is_still_told(
    fresh_database, pool, books, job, tmp_path
):
    to, _, good = books
    to(MARCH)
    path = tmp_path / "march"
    write(pool, job("buro-intf", cut_off=MARCH, today=MARCH), PEOPLE, path)
    send(fresh_database, path)
    good.do(commands.close_day, on=date(2026, 4, 3))
    good.do(commands.receive_payment, amount=20_000_00, effective_on=date(2026, 4, 3))
    to(MAY)

    written = write(pool, job("buro-intf", cut_off=MAY, today=MAY), PEOPLE, tmp_path / "may")

    assert written.records == 2
    with db.connect(fresh_database) as connection:
        moved = control(connection, written.file).moved
    assert (moved.since, moved.closed, moved.worse, moved.new) == ("2026-03-31", 1, 1, 0)


def test_the_report_ties_the_file_to_the_journal_to_the_cent(
    fresh_database, pool, books, job, tmp_path
):
    to, late, _ = books
    to(CUT_OFF)
    written = write(pool, job("buro-intf"), PEOPLE, tmp_path / "april")
    [journal] = read(
        fresh_database,
        "SELECT sum(debit - credit)::bigint AS owed FROM read.journal_lines JOIN read.accounts"
        " USING (account) WHERE component IS NOT NULL AND kind = 'asset'",
    )

    with db.connect(fresh_database) as connection:
        found = control(connection, written.file)

    [tie] = found.ties
    assert tie.ledger == journal["owed"] > 0
    assert (tie.file, tie.unexplained) == (written.balance * 100, 0)
    assert [step.reason for step in tie.steps] == ["whole units instead of cents"]
    assert found.differences == []

    late.do(commands.receive_payment, amount=500_00, effective_on=date(2026, 4, 20))
    to(date(2026, 5, 2))
    with db.connect(fresh_database) as connection:
        later = control(connection, written.file)
    assert later.explained
    assert [one.loan_no for one in later.differences] == ["L-0004"]
    assert later.differences[0].ledger < later.differences[0].reported


def test_a_date_that_may_still_change_is_refused(pool, books, job, tmp_path):
    to, _, _ = books
    to(date(2026, 4, 29))
    path = tmp_path / "april"

    with pytest.raises(CutOffNotClosed, match="2026-04-30 is not closed for 2 loans, such as L-00"):
        write(pool, job("buro-intf"), PEOPLE, path)
    with pytest.raises(BadCutOff, match="after the business date"):
        write(pool, job("buro-intf", cut_off=MAY), PEOPLE, path)
    with pytest.raises(UnknownFormat, match="buro-intf"):
        write(pool, job("burro"), PEOPLE, path)
    with pytest.raises(BadLenderFile, match="buro: the member's key"):
        write(pool, job("buro-intf", lender=Lender()), PEOPLE, path)
    assert list(tmp_path.iterdir()) == []


class Joining(Known):
    """Knows who joined a loan later, too."""

    def joined(self, loans, on):
        return {"L-0004": [("B-1", Role.CO_BORROWER), ("B-4", Role.CO_BORROWER)]}


def test_who_answers_for_a_loan_is_told_once_in_the_first_role(fresh_database, pool, job, tmp_path):
    story = loan(4, guarantors=("B-4", "B-90"))
    story.do(commands.close_day, on=CUT_OFF)
    Log(fresh_database).append(story)
    catch_up(fresh_database)
    path = tmp_path / "april"

    written = write(pool, job("buro-intf"), Joining(consumers()), path)

    lines = path.read_text("latin-1").splitlines()[1:-1]
    assert [field(line, "05") for line in lines] == ["I", "C", "J"]
    assert written.records == 3
    texas = Joining(in_texas(consumers()))
    write(pool, job("metro2"), texas, tmp_path / "metro2")
    assert list(metro2.check(tmp_path / "metro2")) == []
    record = (tmp_path / "metro2").read_text("ascii").splitlines()[1]
    assert (record[426:428], record[526:528], record[726:728]) == ("J1", "J2", "N1")


def test_loans_that_the_read_models_do_not_have_yet_are_not_left_out(
    fresh_database, pool, job, tmp_path
):
    late = loan(4)
    late.do(commands.close_day, on=CUT_OFF)
    Log(fresh_database).append(late)

    with pytest.raises(ReadModelsBehind, match="let them catch up"):
        write(pool, job("buro-intf"), PEOPLE, tmp_path / "april")
    catch_up(fresh_database)
    assert write(pool, job("buro-intf"), PEOPLE, tmp_path / "april").records == 1


def test_what_is_too_wide_or_has_no_code_is_listed_with_its_field(
    fresh_database, pool, books, job, tmp_path
):
    to, _, _ = books
    to(CUT_OFF)
    known = consumers()
    known["B-4"] = structs.replace(known["B-4"], paternal="A" * 27, email="no-at", rfc="")
    strange = lender(products={"": ProductCodes(buro="PL"), "personal": ProductCodes(buro="ZZ")})
    path = tmp_path / "april"

    with pytest.raises(NothingToReport, match="2 cannot be sent") as refused:
        write(pool, job("buro-intf", lender=strange), Known(known), path)
    assert "; 1 times email " in str(refused.value)
    assert "such as of L-" in str(refused.value)
    assert list(tmp_path.iterdir()) == []
    written = write(pool, job("buro-intf"), Known(known), path)

    assert (written.records, written.unsendable) == (1, 1)
    listed = (tmp_path / "april.unsendable.csv").read_text().splitlines()
    assert [line.split(",")[3] for line in listed] == ["field", "email", "paternal"]
    assert "more than the 26 characters" in listed[2]
