"""Rules and charts that would leave the books wrong are refused, and named by their place."""

import re
from pathlib import Path

import pytest

from ledger.money import FormError
from projections.accounting import chart, rules
from projections.accounting.allowance import load_tables
from projections.accounting.facts import MEETS
from projections.accounting.rules import load_rules

RULES = rules.SHIPPED.read_text(encoding="utf-8")
CHART = chart.SHIPPED.read_text(encoding="utf-8")
EXAMPLE = Path(rules.__file__).with_name("allowance_example.yaml").read_text(encoding="utf-8")


def loaded(tmp_path, of_rules=RULES, of_chart=CHART):
    for name, content in (("rules.yaml", of_rules), ("chart.yaml", of_chart)):
        (tmp_path / name).write_text(content, encoding="utf-8")
    return load_rules(tmp_path / "rules.yaml", tmp_path / "chart.yaml")


def without(text, line):
    assert line in text
    return text.replace(line, "")


REFUND = "  - {when: [refund], component: [overpaid], post: [[overpayments, bank]]}\n"
REFUSED = [
    (without(RULES, REFUND), "rules", "none says what refund overpaid in stage 1 posts"),
    (
        RULES.replace(REFUND, REFUND.replace("overpayments, bank", "overpayments, banc")),
        "rules[4].post[0].credit",
        "'banc' is no account of the chart",
    ),
    (
        RULES.replace(REFUND, REFUND.replace("overpayments, bank", "bank, overpayments")),
        "rules[4]",
        "refund overpaid in stage 1 changes what accounts hold by +1 overpaid, what loans owe by",
    ),
    (
        RULES.replace(REFUND, REFUND.replace("overpayments, bank", "overpayments, written_off")),
        "rules[4].post[0]",
        "mixes a memorandum account with another",
    ),
    (
        RULES.replace(REFUND, REFUND.replace("overpayments, bank", '"overpayments_{day}", bank')),
        "rules[4].post[0].debit",
        "has a placeholder nobody fills",
    ),
    (RULES.replace(REFUND, REFUND + REFUND), "rules", "rules[4] and rules[5] both say what refund"),
    (RULES.replace(REFUND, REFUND.replace("[refund]", "[refunds]")), "rules[4].when", "refunds"),
    (
        RULES.replace(REFUND, REFUND.replace("[overpaid]", "[principal]")),
        "rules[4].component",
        "refund has no 'principal', but overpaid",
    ),
    (
        RULES.replace(REFUND, REFUND.replace("post: [[overpayments, bank]]", "post: [[bank]]")),
        "rules.yaml: rules[4].post[0]",
        "length 2",
    ),
    ("rules: [", "rules.yaml", "cannot be read"),
]


@pytest.mark.parametrize(("content", "field", "rule"), REFUSED)
def test_a_rule_set_that_leaves_the_books_wrong_is_refused(tmp_path, content, field, rule):
    with pytest.raises(FormError) as refused:
        loaded(tmp_path, content)

    assert refused.value.field == field
    assert rule in refused.value.rule


@pytest.mark.parametrize(
    ("before", "after", "field", "rule"),
    [
        ("internal: bank,", "internal: banc,", "rules[0].post[0].credit", "'bank' is no account"),
        ("holds: fee_tax", "holds: tip", "accounts[25].holds", "'tip' is no component"),
        ('parent: "1020"', 'parent: "1021"', "parent", "1021 of 1020-001 is no heading"),
        ("internal: fee_income,", "internal: rebates,", "accounts", "rebates stands 2 times"),
        ('number: "1020-001"', 'number: "2030-001"', "accounts[32].nature", "another nature"),
        ("nature: debit", "nature: left", "chart.yaml: headings[0].nature", "left"),
    ],
)
def test_a_chart_that_does_not_fit_is_refused(tmp_path, before, after, field, rule):
    with pytest.raises(FormError) as refused:
        loaded(tmp_path, of_chart=CHART.replace(before, after, 1))

    assert re.sub(r"\d+", "#", refused.value.field) == re.sub(r"\d+", "#", field)
    assert rule in refused.value.rule


def test_the_most_specific_rule_wins(tmp_path):
    product = REFUND.replace("post", 'product: ["vip*"], post').replace(", bank]", ", goodwill]")
    stage = product.replace("post", "stage: 3, post").replace("goodwill", "recoveries")
    exact = product.replace("vip*", "vip-1").replace("goodwill", "rebates")
    found = loaded(tmp_path, RULES.replace(REFUND, REFUND + product + stage + exact))

    def credited(stage, product):
        [(_, credit)] = found.pairs("refund", "overpaid", stage, product)
        return credit

    assert credited(1, "personal") == "bank"
    assert credited(1, "vip-2") == "goodwill"
    assert credited(3, "vip-2") == "recoveries"
    assert credited(3, "vip-1") == "rebates"


def test_accounts_that_share_a_number_need_no_entry_between_them(tmp_path):
    one = re.sub(r'number: "1070-10[123]"', 'number: "1070-101"', CHART)
    found = loaded(tmp_path, of_chart=one)

    numbers = {found.chart.by_internal[f"interest_tax_{stage}"].number for stage in (1, 2, 3)}
    assert numbers == {"1070-101"}
    assert len([a for a in found.chart.accounts() if a.number == "1070-101"]) == 1


def test_the_shipped_rules_answer_for_every_fact_there_can_be():
    met = {(kind, part) for kind, part, _, _ in load_rules().everything()}

    assert met == {(kind, part) for kind, parts in MEETS.items() for part in parts}


@pytest.mark.parametrize(
    ("before", "after", "field", "rule"),
    [
        ('[0, "1.00"]', '[1, "1.00"]', "tables[0].rates", "begin at 0 days"),
        ('[8, "15.00"]', '[8, "150.00"]', "tables[0].rates[2]", "no per cent"),
        ('[8, "15.00"]', '[1, "15.00"]', "tables[0].rates", "rise"),
        ('[8, "15.00"]', "[8, 15.00]", "x.yaml: tables[0].rates[2][1]", "Expected `str`"),
        ("[principal, interest,", "[principle, interest,", "tables[0].base", "'principle'"),
    ],
)
def test_allowance_tables_that_cannot_be_meant_are_refused(tmp_path, before, after, field, rule):
    assert before in EXAMPLE
    (tmp_path / "x.yaml").write_text(EXAMPLE.replace(before, after, 1), encoding="utf-8")

    with pytest.raises(FormError) as refused:
        load_tables(tmp_path / "x.yaml")

    assert refused.value.field == field
    assert rule in refused.value.rule
