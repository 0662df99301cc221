"""Check digits: the published examples, and a slip of the finger is found."""

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain import references as r

DIGITS = st.text("0123456789", min_size=17, max_size=17)


@pytest.mark.parametrize(
    ("first", "digit"),
    [("03218000011835971", "9"), ("01218000123456789", "9"), ("64618011180000000", "4")],
)
def test_a_clabe_has_the_published_check_digit(first, digit):
    assert r.clabe_digit(first) == digit
    assert str(r.clabe_of(first + digit)) == first + digit


@given(DIGITS)
def test_a_clabe_s_digits_by_their_weights_end_in_zero(first):
    """The rule as one sum over all eighteen, the check digit with weight 1."""
    weights = [3, 7, 1] * 5 + [3, 7, 1]
    digits = [int(one) for one in first + r.clabe_digit(first)]
    assert sum(n * weight for n, weight in zip(digits, weights, strict=True)) % 10 == 0


@given(DIGITS, st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_of_a_clabe_is_always_found(first, place, shift):
    good = first + r.clabe_digit(first)
    wrong = good[:place] + str((int(good[place]) + shift) % 10) + good[place + 1 :]
    with pytest.raises(r.InvalidReference):
        r.clabe_of(wrong)


@pytest.mark.parametrize("given_", ["", "1" * 17, "1" * 19, "03218000011835971x", "٠" * 18])
def test_what_is_no_clabe_is_refused(given_):
    with pytest.raises(r.InvalidReference):
        r.clabe_of(given_)


def test_a_prefix_gives_each_account_a_clabe_of_its_own():
    made = {str(r.virtual_clabe("6461801118", n)) for n in range(500)}
    assert len(made) == 500
    assert str(r.virtual_clabe("6461801118", 0)) == "646180111800000004"
    assert all(len(one) == 18 and one.startswith("6461801118") for one in made)


@pytest.mark.parametrize(("prefix", "number"), [("64618", 1), ("6" * 17, 1), ("6" * 16, 10),
                                                 ("64618x", 1), ("646180", -1)])  # fmt: skip
def test_a_prefix_that_cannot_be_is_refused(prefix, number):
    with pytest.raises(r.InvalidReference) as refused:
        r.virtual_clabe(prefix, number)
    assert refused.value.field == "clabe_prefix"


def test_bbva_10_is_the_sheet_s_worked_example():
    made = r.bbva_10("067591119700", amount=4_256_50, due_on=date(1997, 5, 23), base_year=1988)
    assert made == "06759111970034946226"


def test_bbva_37_is_the_sheet_s_worked_example():
    """As its digits are printed: the E of the printed letters, 0GEH, is 5 by the sheet's own table
    and 6 in its digits, where F belongs."""
    assert r.bbva_37("07680500000300070") == "0768050000030007014"
    assert r.bbva_37("0GFH0500000U000P0") == "0768050000030007014"


def test_luhn_is_the_published_sample():
    assert r.luhn("09005719759") == "090057197593"


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=28))
def test_mod_97_10_leaves_one(base):
    made = r.mod_97_10(base)
    assert int("".join(str(int(one, 36)) for one in made)) % 97 == 1


def numbers(most):
    return st.text("0123456789", min_size=1, max_size=most)


@given(numbers(12), st.integers(1, 10**9), st.dates(date(2014, 1, 1), date(2040, 1, 1)),
       st.integers(0, 11), st.integers(1, 9))  # fmt: skip
def test_one_wrong_digit_of_a_bbva_10_base_changes_its_check(base, amount, due_on, place, shift):
    assume(place < len(base))
    wrong = base[:place] + str((int(base[place]) + shift) % 10) + base[place + 1 :]
    one, other = (r.bbva_10(b, amount=amount, due_on=due_on) for b in (base, wrong))
    assert one[-2:] != other[-2:]


@given(numbers(18), st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_of_a_bbva_37_base_changes_its_check_but_for_the_last(base, place, shift):
    assume(place < len(base) - 1)
    wrong = base[:place] + str((int(base[place]) + shift) % 10) + base[place + 1 :]
    assert r.bbva_37(base)[-2:] != r.bbva_37(wrong)[-2:]


@given(numbers(29), st.integers(0, 28), st.integers(1, 9))
def test_one_wrong_digit_of_a_luhn_base_changes_its_check(base, place, shift):
    assume(place < len(base))
    wrong = base[:place] + str((int(base[place]) + shift) % 10) + base[place + 1 :]
    assert r.luhn(base)[-1] != r.luhn(wrong)[-1]


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: r.bbva_10("1" * 13, amount=1, due_on=date(2026, 1, 1)), "reference"),
        (lambda: r.bbva_10("A", amount=1, due_on=date(2026, 1, 1)), "reference"),
        (lambda: r.bbva_10("1", amount=0, due_on=date(2026, 1, 1)), "amount"),
        (lambda: r.bbva_10("1", amount=1, due_on=date(2013, 12, 31)), "due_on"),
        (lambda: r.bbva_10("1", amount=1, due_on=date(2041, 1, 1)), "due_on"),
        (lambda: r.bbva_37("1" * 19), "reference"),
        (lambda: r.bbva_37("1-2"), "reference"),
        (lambda: r.luhn("x"), "reference"),
        (lambda: r.mod_97_10(""), "reference"),
    ],
)
def test_what_no_reference_can_be_made_of_is_refused_by_field(make, field):
    with pytest.raises(r.InvalidReference) as refused:
        make()
    assert refused.value.field == field
