"""Names and addresses become what the formats take, and nothing else."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.bureau.reported import whole
from projections.bureau.text import day_first, hundredths, month_first, parts, phone, plain


@pytest.mark.parametrize(
    ("given_", "clean"),
    [
        ("Muñoz", "MUNOZ"), ("Güemes", "GUEMES"), ("O'Farrill", "OFARRILL"),
        ("López-Mata", "LOPEZ MATA"), ("Av. Juárez #12, int. 3/B", "AV JUAREZ 12 INT 3 B"),
        ("  dos   blancos ", "DOS BLANCOS"), ("Nun\u0303ez", "NUNEZ"), ("张伟", ""), ("ß", "SS"),
    ],
)  # fmt: skip
def test_signs_and_accents_go(given_, clean):
    assert plain(given_) == clean
    assert plain("Peña", "#") == "PE#A"


@given(st.text())
def test_what_is_clean_has_only_capitals_digits_and_single_blanks(text):
    clean = plain(text)

    assert re.fullmatch(r"([A-Z0-9]+( [A-Z0-9]+)*)?", clean)
    assert plain(clean) == clean


@given(st.lists(st.text("AB", min_size=1, max_size=9)), st.integers(1, 30), st.integers(1, 3))
def test_lines_keep_every_word_or_there_are_none(words, width, most):
    lines = parts(" ".join(words), width, most)

    if lines is None:
        assert len(" ".join(words)) > width or any(len(word) > width for word in words)
    else:
        assert " ".join(lines).split() == words
        assert len(lines) <= most
        assert all(len(line) <= width for line in lines)


@pytest.mark.parametrize(
    ("text", "digits"),
    [("+52 (55) 1234-5678", "5512345678"), ("5512345678", "5512345678"), ("12345", ""), ("", "")],
)
def test_a_phone_is_ten_digits_or_none(text, digits):
    assert phone(text) == digits


@pytest.mark.parametrize(
    ("minor", "units"),
    [(0, 0), (1, 1), (49, 1), (99, 1), (149, 1), (150, 2), (151, 2), (-1, -1), (1_049_50, 1_050)],
)
def test_amounts_are_whole_units_half_up_and_never_vanish(minor, units):
    assert whole(minor) == units


def test_dates_and_terms_are_written_as_each_format_wants():
    assert day_first(date(2026, 4, 5)) == "05042026"
    assert month_first(date(2026, 4, 5)) == "04052026"
    assert month_first(None) == "00000000"
    # 365 / 30.4 = 12.0066 and 91 / 30.4 = 2.9934
    assert (hundredths(365), hundredths(91), hundredths(304)) == ("12.01", "2.99", "10.00")
