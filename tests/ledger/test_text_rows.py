"""Rows written as text come back as they were."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import database as db
from ledger.text_rows import lines_of

STORABLE = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
ROWS = st.lists(
    st.tuples(
        st.uuids(),
        st.integers(-(2**63), 2**63 - 1),
        st.none() | STORABLE,
        st.dates(date(1, 1, 1)),
        st.lists(STORABLE),
    ),
    max_size=5,
)
AWKWARD = ("\\N", "\\.", "a\tb\nc\rd", '{"name": "Jos\\u00e9\\\\"}', "\u200b", "", "\\x00ff")


@pytest.fixture(scope="module")
def connection(database):
    with db.connect(database, autocommit=True) as connection:
        connection.execute(
            "CREATE TEMP TABLE kept (nth serial, id uuid, n bigint, words text, day date,"
            " list text[])"
        )
        yield connection


def kept(connection, rows):
    connection.execute("TRUNCATE kept")
    with connection.cursor().copy("COPY kept (id, n, words, day, list) FROM STDIN") as copy:
        for lines in lines_of(rows):
            copy.write(lines)
    return connection.execute("SELECT id, n, words, day, list FROM kept ORDER BY nth").fetchall()


@given(rows=ROWS)
def test_whatever_can_be_stored_comes_back(connection, rows):
    assert kept(connection, rows) == rows


@pytest.mark.parametrize("words", AWKWARD)
def test_what_copy_would_read_otherwise_is_escaped(connection, words):
    row = (UUID(int=1), 1, words, date(2026, 1, 1), [words, words])

    assert kept(connection, [row]) == [row]
