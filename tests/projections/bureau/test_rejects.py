"""What a bureau sends back is kept whole or not at all, and followed until it is answered."""

import pytest

from ledger import database as db
from projections.bureau import kept, rejects
from projections.bureau.errors import BadLayout, BadRejects
from projections.bureau.write import write
from tests.projections.bureau.portfolio import CUT_OFF, Known, consumers
from tests.projections.bureau.sending import rows, send

PEOPLE = Known(consumers())


def test_rejects_come_back_and_stay_open_until_a_later_file_has_them(
    fresh_database, pool, books, job, tmp_path
):
    to, _, _ = books
    to(CUT_OFF)
    path = tmp_path / "april"
    write(pool, job("buro-intf"), PEOPLE, path)
    sent = send(fresh_database, path)
    layout_file = tmp_path / "layout.yaml"
    layout_file.write_text(
        "delimiter: ','\nheader: true\ncolumns: {account: CUENTA, cut_off: FECHA, code: 3,"
        " field: CAMPO, message: 5}\n"
    )
    layout = rejects.read_layout(layout_file)
    answer = tmp_path / "rejects.csv"
    answer.write_text("CUENTA,FECHA,ERROR,CAMPO,TEXTO\nL-0004,30042026,401,PA 05,CP no existe\n")

    with db.connect(fresh_database) as connection:
        [taken] = rejects.take(connection, answer, layout, sent, "ana")
        again = rejects.take(connection, answer, layout, sent, "ana")
        waiting = rejects.still_open(connection, "buro")

    assert (taken.loan_no, taken.code, taken.field) == ("L-0004", "401", "PA 05")
    assert again == [taken]
    assert [(one.loan_no, one.message) for one in waiting] == [("L-0004", "CP no existe")]
    corrected = tmp_path / "correction"
    written = write(pool, job("buro-intf", correction=True), PEOPLE, corrected)
    assert (written.records, set(rows(corrected))) == (1, {"L-0004"})
    send(fresh_database, corrected)
    with db.connect(fresh_database) as connection:
        assert rejects.still_open(connection, "buro") == []


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("L-0004,31032026,401,PA 05,x", "line 2: is of '31032026', file 1 of 2026-04-30"),
        ("L-9999,30042026,401,PA 05,x", "account 'L-9999' is not in file 1"),
        ("L-0004,30042026", "line 2: has 2 cells"),
    ],
)
def test_rejects_that_do_not_fit_are_refused_whole(
    fresh_database, pool, books, job, tmp_path, line, rule
):
    to, _, _ = books
    to(CUT_OFF)
    path, answer = tmp_path / "april", tmp_path / "rejects.csv"
    write(pool, job("buro-intf"), PEOPLE, path)
    layout = rejects.Layout(
        columns={"account": 1, "cut_off": 2, "code": 3, "field": 4, "message": 5}, delimiter=",",
        header=True,
    )  # fmt: skip
    answer.write_text(f"a,b,c,d,e\n{line}\n")
    with db.connect(fresh_database) as connection:
        draft = kept.one(connection.cursor(), file=1)
        with pytest.raises(BadRejects, match="was not marked as sent"):
            rejects.take(connection, answer, layout, draft, "ana")
    sent = send(fresh_database, path)

    with db.connect(fresh_database) as connection:
        with pytest.raises(BadRejects, match=rule):
            rejects.take(connection, answer, layout, sent, "ana")
        assert rejects.still_open(connection, "buro") == []


@pytest.mark.parametrize(
    ("layout", "rule"),
    [
        ("columns: {code: 1}\ndelimiter: ','", "account is missing"),
        ("columns: {account: 0}\ndelimiter: ','", "the first is 1"),
        ("columns: {account: NAME}\ndelimiter: ','", "there is no header"),
        ("columns: {account: {start: 1, length: 4}}\ndelimiter: ','", "a span goes with no"),
        ("columns: {acount: 1}", "acount"),
        ("nothing: 1", "nothing"),
    ],
)
def test_a_layout_that_cannot_be_followed_is_refused(tmp_path, layout, rule):
    path = tmp_path / "layout.yaml"
    path.write_text(layout)

    with pytest.raises(BadLayout, match=rule):
        rejects.read_layout(path)


def test_a_fixed_layout_is_read_by_its_places(tmp_path):
    layout = rejects.Layout(columns={"account": rejects.Span(3, 6), "code": rejects.Span(10, 3)})
    path = tmp_path / "rejects.txt"
    path.write_text("01L-0004 401\n\n02L-0001 402\n")

    found = [cells for _, cells in rejects._lines(path, layout)]

    assert found == [{"account": "L-0004", "code": "401"}, {"account": "L-0001", "code": "402"}]
