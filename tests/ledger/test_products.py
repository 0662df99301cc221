"""A product is a file: what it says, what it refuses, and what it makes of a loan's form."""

from datetime import date

import pytest
import yaml

from domain.terms import Floating, InAdvance, Method
from ledger.errors import ProductLimit
from ledger.forms import FormError
from ledger.products import (
    DEFAULT_FOLDER,
    BrokenProduct,
    UnknownProduct,
    catalogue,
    find,
    read,
)
from ledger.stories import story_from

FILE = """
name: plain
title: Plain loan
title_es: Préstamo llano
description: Nothing particular.
terms:
  frequency: monthly
  interest: per_period
  floating: {index: TIIE_28, spread: "6.00"}
  tax_rate: "16.00"
  allocation: {in_advance: reduce_term}
limits:
  principal: {min: "1000.00", max: "50000.00"}
  annual_rate: {min: "10.00", max: "60.00"}
  instalments: {min: 3, max: 24}
  frequency: [monthly, weekly]
  floating.spread: {max: "8.00"}
  term_days: {max: 400}
fixed: [tax_rate, floating.index, balloon]
funding: {funder: FIRA, share_percent: "70.00"}
notes: [What the lender must confirm.]
"""
LOAN = {"principal": "10000.00", "annual_rate": "36.00", "instalments": 12}


def written(tmp_path, text, name="plain"):
    path = tmp_path / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def plain(tmp_path):
    return read(written(tmp_path, FILE))


def test_a_loan_says_only_what_differs_and_the_product_says_the_rest(plain):
    terms = plain.terms(LOAN | {"frequency": "weekly"})

    assert (terms.principal, terms.instalments, terms.frequency) == (10_000_00, 12, "weekly")
    assert (terms.currency, terms.tax_rate, terms.method) == (
        "MXN", 160_000, Method.EQUAL_INSTALMENTS,
    )  # fmt: skip
    assert terms.allocation.in_advance is InAdvance.REDUCE_TERM


def test_a_mapping_is_merged_key_by_key_and_what_is_left_empty_stays_the_products(plain):
    terms = plain.terms(LOAN | {"floating": {"spread": "7.50"}, "tax_rate": None})

    assert terms.floating == Floating(index="TIIE_28", spread=75_000)
    assert terms.tax_rate == 160_000


LIMITS = [
    ({"principal": "1000.00"}, None),
    ({"principal": "999.99"},
     "principal 999.99 MXN must be 1000.00 to 50000.00 (product plain)"),
    ({"principal": "50000.01"},
     "principal 50000.01 MXN must be 1000.00 to 50000.00 (product plain)"),
    ({"annual_rate": "60.00"}, None),
    ({"annual_rate": "60.0001"}, "annual_rate 60.0001 % must be 10.00 to 60.00 (product plain)"),
    ({"instalments": 2}, "instalments 2 must be 3 to 24 (product plain)"),
    ({"frequency": "daily"}, "frequency daily must be one of: monthly, weekly (product plain)"),
    ({"floating": {"spread": "8.01"}},
     "floating.spread 8.01 % must be 8.00 or less (product plain)"),
    ({"currency": "USD"}, "currency USD must be MXN (product plain)"),
    ({"tax_rate": "16"}, None),  # the same, written otherwise
    ({"tax_rate": "8.00"}, "tax_rate 8.00 is fixed: 16.00 (product plain)"),
    ({"floating": {"index": "TIIE_F"}},
     "floating.index TIIE_F is fixed: TIIE_28 (product plain)"),
    ({"method": "balloon", "balloon": "500.00"},
     "balloon 500.00 may not be given (product plain)"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "refusal"), LIMITS)
def test_a_loan_stays_within_the_limits_of_its_product(plain, change, refusal):
    if refusal is None:
        plain.terms(LOAN | change)
        return

    with pytest.raises(ProductLimit) as told:
        plain.terms(LOAN | change)

    assert str(told.value) == refusal
    assert (told.value.code, told.value.field) == ("product-limit", refusal.split()[0])


@pytest.mark.parametrize(("first_due", "refused"), [("2027-02-19", False), ("2027-02-20", True)])
def test_a_limit_in_days_is_held_from_the_day_the_loan_opens(tmp_path, first_due, refused):
    text = FILE.replace("[monthly, weekly]", "[monthly, single]").replace("{min: 3", "{min: 1")
    single = read(written(tmp_path, text))
    form = LOAN | {"frequency": "single", "instalments": 1, "first_due": first_due}

    single.terms(form)  # nothing to count from
    if not refused:
        single.terms(form, opened_on=date(2026, 1, 15))
        return
    with pytest.raises(ProductLimit, match="term_days 401 must be 400 or less"):
        single.terms(form, opened_on=date(2026, 1, 15))


def test_what_the_form_itself_gets_wrong_is_told_by_its_path(plain):
    with pytest.raises(FormError) as told:
        plain.terms(LOAN | {"metod": "flat"}, at="loan")

    assert (told.value.field, told.value.rule) == ("loan.metod", "is an unknown key")


@pytest.mark.parametrize(
    ("before", "after", "field", "rule"),
    [
        ("name: plain", "name: other", "name", "'other' is not the file's: 'plain'"),
        ("name: plain", "name: ../x", "name", "must be 2 to 40 of a-z, 0-9 and _"),
        ("title: Plain loan\n", "", "title", "is missing"),
        ("title: Plain loan", "title: ' '", "title", "must say something"),
        ("notes:", "note:", "note", "is an unknown key"),
        ("  tax_rate:", "  taxrate:", "terms.taxrate", "is an unknown key"),
        ("  interest: per_period", "  interest: often", "terms.interest", "is not one of"),
        ("  frequency: monthly\n", "  frequency: annual\n", "terms.frequency", "must be one of"),
        ("  principal:", "  princpal:", "limits.princpal", "is no field that can be limited"),
        ('{min: "1000.00", max: "50000.00"}', "{}", "limits.principal", "needs min, max or both"),
        ('{min: "1000.00", max: "50000.00"}', '{min: "2.00", max: "1.00"}', "limits.principal",
         "min 2.00 is more than max 1.00"),
        ('{min: "1000.00", max: "50000.00"}', "{min: 1000}", "limits.principal.min",
         "must be text"),
        ('{min: "1000.00", max: "50000.00"}', '{low: "1.00"}', "limits.principal.low",
         "is an unknown key"),
        ("{min: 3, max: 24}", '{min: "3"}', "limits.instalments.min", "must be a whole number"),
        ("  instalments: {min: 3, max: 24}\n", "", "terms.instalments",
         "has neither a default nor limits"),
        ("{min: 3, max: 24}", "{min: 0, max: 24}", "terms.instalments", "must be between 1"),
        ("[monthly, weekly]", "[]", "limits.frequency", "must be a list of what is allowed"),
        ("[monthly, weekly]", "[monthly, often]", "terms.frequency", "is not one of"),
        ("fixed: [tax_rate", "fixed: [taxrate", "fixed[0]", "'taxrate' is no field of a loan"),
        ("fixed: [tax_rate", "fixed: [principal", "fixed[0]", "is fixed and limited"),
        ('share_percent: "70.00"', 'share_percent: "100.01"', "funding.share_percent",
         "must be more than 0 and at most 100"),
        ('spread: "6.00"', 'spread: "9.00"', "terms.floating.spread",
         "must be 8.00 or less"),
        ("terms:\n", "terms: none\nterm:\n", "terms", "must be a mapping"),
    ],
)  # fmt: skip
def test_a_broken_product_is_told_by_file_field_and_rule(tmp_path, before, after, field, rule):
    assert before in FILE

    with pytest.raises(BrokenProduct) as told:
        read(written(tmp_path, FILE.replace(before, after, 1)))

    assert told.value.inside == field
    assert rule in told.value.rule
    assert told.value.field == f"plain.yaml: {field}"


def test_limits_whose_ends_no_schedule_can_follow_are_found_when_the_file_is_read(tmp_path):
    text = FILE.replace("interest: per_period", "interest: daily").replace("max: 24", "max: 360")

    with pytest.raises(BrokenProduct, match="does not cover its interest"):
        read(written(tmp_path, text.replace('max: "60.00"', 'max: "100.00"')))


def test_amounts_are_limits_in_every_currency_allowed(tmp_path):
    text = FILE.replace("limits:\n", "limits:\n  currency: [MXN, USD]\n")
    both = read(written(tmp_path, text))

    assert both.terms(LOAN).currency == "MXN"
    assert both.terms(LOAN | {"currency": "USD"}).currency == "USD"
    with pytest.raises(ProductLimit, match=r"principal 1\.00 USD"):
        both.terms(LOAN | {"currency": "USD", "principal": "1.00"})


def test_the_products_that_ship_can_all_be_used():
    found = catalogue()

    assert {"consumer", "personal", "payday", "payroll", "auto", "mortgage_fixed", "agro"} <= set(
        found
    )
    for product in found.values():
        assert product.title != product.title_es
        assert product.notes, f"{product.name} says nothing of what a lender must confirm"


def test_a_catalogue_is_any_folder_and_one_without_products_is_told(tmp_path):
    with pytest.raises(FormError, match="holds no products"):
        catalogue(tmp_path)

    written(tmp_path, FILE)
    [plain] = catalogue(tmp_path).values()

    assert (plain.funding.funder, plain.funding.share) == ("FIRA", 700_000)
    assert find("plain", tmp_path).terms(LOAN) == plain.terms(LOAN)


@pytest.mark.parametrize("name", ["car", "../products/auto", "", "AUTO"])
def test_a_product_that_is_not_there_is_told_with_those_that_are(name):
    with pytest.raises(UnknownProduct, match="auto, communal, consumer"):
        find(name, DEFAULT_FOLDER)


STORY = """
title: A loan of a product
product: plain
loan: {principal: "10000.00", annual_rate: "36.00", instalments: 12}
timeline:
  - {day: 2026-01-15, disburse: "10000.00"}
"""


def test_a_storys_loan_holds_only_what_differs_from_its_product(tmp_path, plain):
    written(tmp_path, FILE)

    story = story_from(yaml.safe_load(STORY), tmp_path)

    assert story.product == "plain"
    assert story.terms == plain.terms(LOAN)


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("10000.00", "10.00", "loan.principal"),
        ("instalments: 12", "instalments: 24", "loan.term_days"),
        ("product: plain", "product: plane", "product"),
        ("instalments: 12", "instalments: 12, metod: flat", "loan.metod"),
    ],
)
def test_a_story_beyond_its_product_is_told_by_key_and_rule(tmp_path, before, after, field):
    written(tmp_path, FILE)

    with pytest.raises(FormError) as told:
        story_from(yaml.safe_load(STORY.replace(before, after, 1)), tmp_path)

    assert told.value.field == field
