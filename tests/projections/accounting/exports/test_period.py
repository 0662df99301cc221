"""Months as accountants write them, the year's closing among them."""

import pytest

from ledger.money import FormError
from projections.accounting.exports.period import Period


@pytest.mark.parametrize(
    ("text", "month"), [("2026-01", (2026, 1)), ("2026-12", (2026, 12)), ("2026-13", (2026, 13))]
)
def test_a_month_is_read_and_written_alike(text, month):
    assert Period.parse(text) == month
    assert str(Period.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "-13", "2026", "2026-1", "2026-00", "2026-14", "2026-12-13", "1999-12", "2026-01\n"],
)
def test_what_is_no_month_is_refused_by_name(text):
    with pytest.raises(FormError, match="must be a month such as 2026-01") as caught:
        Period.parse(text)
    assert caught.value.field == "period"
