"""A group's payment to the centavo: who pays what, for whom, whatever comes in."""

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.group_split import split
from domain.groups import (
    AbsentPays,
    AmountsDiffer,
    Claim,
    Member,
    NobodyPresent,
    Returns,
    Shortfall,
    SplitRule,
    StrangerNamed,
    Surplus,
)
from domain.proportion import in_proportion

JANUARY, FEBRUARY = date(2026, 1, 5), date(2026, 2, 2)


def member(name, due, instalment=None, payoff=None, *, place=0, absent=False):
    return Member(
        loan_no=name,
        place=place,
        due=due,
        instalment=due if instalment is None else instalment,
        payoff=10 * due + 10_000_00 if payoff is None else payoff,
        absent=absent,
    )


def four(absent=()):
    """Ana 500.00, Bea 300.00, Cai 200.00 and Dora 100.00 a week."""
    weekly = {"ana": 500_00, "bea": 300_00, "cai": 200_00, "dora": 100_00}
    return [
        member(name, due, place=place, absent=name in absent)
        for place, (name, due) in enumerate(weekly.items())
    ]


def shown(made):
    """payer>loan: amount, or payer>loan#cover."""
    return {
        f"{part.payer}>{part.loan}{f'#{part.returns}' if part.returns else ''}": part.amount
        for part in made.parts
    }


def owed(creditor, debtor, left, on=JANUARY, cover=1):
    return Claim(creditor=creditor, cover=cover, debtor=debtor, left=left, given_on=on)


# Worked by hand


def test_a_payment_of_what_all_owe_gives_each_his_own():
    assert shown(split(four(), 1_100_00)) == {
        "ana>ana": 500_00, "bea>bea": 300_00, "cai>cai": 200_00, "dora>dora": 100_00,
    }  # fmt: skip


def test_a_shortfall_is_shared_in_proportion_to_the_centavo():
    # 100,000 centavos of 110,000: exact parts 45,454.545, 27,272.727, 18,181.818 and 9,090.909.
    # The whole ones sum to 99,997; three are left, for the largest fractions: dora, cai, bea.
    assert shown(split(four(), 1_000_00)) == {
        "ana>ana": 454_54, "bea>bea": 272_73, "cai>cai": 181_82, "dora>dora": 90_91,
    }  # fmt: skip


def test_a_shortfall_by_order_leaves_the_last_without():
    rule = SplitRule(shortfall=Shortfall.IN_ORDER)
    assert shown(split(four(), 850_00, rule=rule)) == {
        "ana>ana": 500_00, "bea>bea": 300_00, "cai>cai": 50_00,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("total", "covers"),
    [
        (1_100_00, (50_00, 30_00, 20_00)),  # 100.00 by 500 : 300 : 200
        (1_050_00, (25_00, 15_00, 10_00)),
        (1_000_07, (4, 2, 1)),  # 7 centavos: 3.5, 2.1, 1.4; the one left over to the half
        (1_000_00, (0, 0, 0)),
    ],
)
def test_those_present_cover_the_absent_by_their_instalments(total, covers):
    parts = shown(split(four(absent=["dora"]), total))

    assert tuple(parts.pop(f"{name}>dora", 0) for name in ("ana", "bea", "cai")) == covers
    assert parts == {"ana>ana": 500_00, "bea>bea": 300_00, "cai>cai": 200_00}


def test_two_absent_are_covered_in_proportion_to_what_each_owes():
    # 950.00 - 800.00 = 150.00 for 200.00 and 100.00: 100.00 and 50.00, each by 500 : 300.
    parts = shown(split(four(absent=["cai", "dora"]), 950_00))

    assert parts == {
        "ana>ana": 500_00, "ana>cai": 62_50, "ana>dora": 31_25,
        "bea>bea": 300_00, "bea>cai": 37_50, "bea>dora": 18_75,
    }  # fmt: skip


def test_who_brought_too_little_is_covered_by_who_brought_more():
    brought = {"ana": 530_00, "bea": 320_00, "cai": 160_00}
    parts = shown(split(four(absent=["dora"]), 1_010_00, amounts=brought))

    # 50.00 beyond what they owe: 40.00 that cai lacks, by 500 : 300 though ana has 30.00 only,
    # then 10.00 of dora's 100.00, from what is left: 5.00 and 5.00.
    assert parts == {
        "ana>ana": 500_00, "ana>cai": 25_00, "ana>dora": 5_00,
        "bea>bea": 300_00, "bea>cai": 15_00, "bea>dora": 5_00,
        "cai>cai": 160_00,
    }  # fmt: skip


def test_amounts_of_some_leave_the_rest_of_the_money_to_the_others():
    # Ana brought 560.00; of 540.00 more, bea and cai owe 500.00. Dora's 100.00 by 500 : 500.
    parts = shown(split(four(absent=["dora"]), 1_100_00, amounts={"ana": 560_00}))

    assert parts == {
        "ana>ana": 500_00, "ana>dora": 60_00,
        "bea>bea": 300_00, "bea>dora": 24_00,
        "cai>cai": 200_00, "cai>dora": 16_00,
    }  # fmt: skip


def test_more_than_all_owe_is_paid_in_advance_by_instalment_as_far_as_a_loan_takes_it():
    assert shown(split(four(), 1_210_00)) == {
        "ana>ana": 550_00, "bea>bea": 330_00, "cai>cai": 220_00, "dora>dora": 110_00,
    }  # fmt: skip

    nearly_paid = [*four()[:3], member("dora", 100_00, payoff=105_00, place=3)]
    # Dora takes 5.00; 105.00 by 500 : 300 : 200.
    assert shown(split(nearly_paid, 1_210_00)) == {
        "ana>ana": 552_50, "bea>bea": 331_50, "cai>cai": 221_00, "dora>dora": 105_00,
    }  # fmt: skip


def test_what_no_loan_takes_is_kept_and_all_of_it_if_the_rule_says_so():
    full = [member(name, 100_00, payoff=120_00, place=n) for n, name in enumerate(("ana", "bea"))]

    made = split(full, 250_00)
    assert (shown(made), made.kept) == ({"ana>ana": 120_00, "bea>bea": 120_00}, 10_00)
    made = split(full, 250_00, rule=SplitRule(surplus=Surplus.KEPT))
    assert (shown(made), made.kept) == ({"ana>ana": 100_00, "bea>bea": 100_00}, 50_00)


def test_a_covered_member_first_gives_back_what_was_paid_for_him():
    claims = [owed("ana", "dora", 60_00)]

    parts = shown(split(four(), 1_160_00, claims=claims))
    assert parts["dora>ana#1"] == 60_00
    assert (parts["ana>ana"], parts["dora>dora"]) == (500_00, 100_00)

    brought = {"ana": 440_00, "bea": 300_00, "cai": 200_00, "dora": 160_00}
    parts = shown(split(four(), 1_100_00, amounts=brought, claims=claims))
    assert parts == {
        "ana>ana": 440_00, "bea>bea": 300_00, "cai>cai": 200_00,
        "dora>dora": 100_00, "dora>ana#1": 60_00,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        (Returns.FIRST, {"dora>ana#1": 60_00}),
        (Returns.LAST, {"dora>cai": 60_00}),
    ],
)
def test_what_a_member_brought_returns_covers_before_or_after_it_pays_for_others(returns, expected):
    made = split(
        four(absent=["cai"]), 960_00, amounts={"dora": 160_00},
        claims=[owed("ana", "dora", 60_00)], rule=SplitRule(returns=returns),
    )  # fmt: skip

    assert shown(made) == {"ana>ana": 500_00, "bea>bea": 300_00, "dora>dora": 100_00} | expected


@pytest.mark.parametrize("returns", Returns)
def test_money_that_nobody_claims_to_have_brought_pays_for_the_absent_before_covers_return(returns):
    made = split(
        four(absent=["cai"]), 1_110_00, claims=[owed("ana", "dora", 60_00)],
        rule=SplitRule(returns=returns),
    )  # fmt: skip

    # 1,110.00 - 900.00: cai's 200.00 by 500 : 300 : 100, then 10.00 of what dora owes ana.
    assert shown(made) == {
        "ana>ana": 500_00, "ana>cai": 111_11, "bea>bea": 300_00, "bea>cai": 66_67,
        "dora>dora": 100_00, "dora>cai": 22_22, "dora>ana#1": 10_00,
    }  # fmt: skip


def test_the_oldest_cover_returns_first_and_those_of_a_day_in_proportion():
    claims = [
        owed("bea", "dora", 30_00, on=FEBRUARY),
        owed("ana", "dora", 50_00, on=FEBRUARY, cover=2),
        owed("ana", "dora", 20_00, on=JANUARY),
    ]

    # 36.00: the 20.00 of January, then 16.00 by 50 : 30.
    parts = shown(split(four(), 1_136_00, claims=claims))

    returned = {key: amount for key, amount in parts.items() if "#" in key}
    assert returned == {"dora>ana#1": 20_00, "dora>ana#2": 10_00, "dora>bea#1": 6_00}


@pytest.mark.parametrize(
    ("refusal", "field", "given"),
    [
        (StrangerNamed, "amounts", {"amounts": {"eva": 1}}),
        (AbsentPays, "amounts", {"amounts": {"dora": 1}}),
        (AmountsDiffer, "amounts", {"amounts": {"ana": 500_01}}),
        (AmountsDiffer, "amounts", {"amounts": {"ana": 1, "bea": 1, "cai": 1}}),
    ],
)
def test_amounts_that_cannot_be_are_refused(refusal, field, given):
    with pytest.raises(refusal) as refused:
        split(four(absent=["dora"]), 500_00, **given)
    assert refused.value.field == field


def test_somebody_must_be_present():
    with pytest.raises(NobodyPresent):
        split(four(absent=["ana", "bea", "cai", "dora"]), 100_00)


# Always


NAMES = ("ana", "bea", "cai", "dora", "eva", "flor")
amounts_of_money = st.integers(0, 3_000_00) | st.integers(0, 5)


@st.composite
def payments(draw):
    names = NAMES[: draw(st.integers(2, 6))]
    places = draw(st.permutations(range(len(names))))
    members = []
    for name, place in zip(names, places, strict=True):
        due = draw(amounts_of_money)
        members.append(
            member(
                name, due, draw(amounts_of_money), due + draw(amounts_of_money), place=place,
                absent=draw(st.booleans()),
            )
        )  # fmt: skip
    present = [one.loan_no for one in members if not one.absent]
    assume(present)
    named = draw(st.sets(st.sampled_from(present)))
    amounts = {name: draw(amounts_of_money) for name in sorted(named)}
    unnamed = 0 if len(named) == len(present) else draw(st.integers(0, 12_000_00))
    claims = [
        owed(
            creditor,
            debtor,
            draw(st.integers(1, 500_00)),
            draw(st.sampled_from([JANUARY, FEBRUARY])),
            n,
        )
        for n, (creditor, debtor) in enumerate(
            draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=4)), 1
        )
        if creditor != debtor
    ]
    rule = SplitRule(
        shortfall=draw(st.sampled_from(Shortfall)),
        surplus=draw(st.sampled_from(Surplus)),
        returns=draw(st.sampled_from(Returns)),
    )
    return members, sum(amounts.values()) + unnamed, amounts, claims, rule


def made(payment, members=None, claims=None):
    given, total, amounts, kept_claims, rule = payment
    return split(
        given if members is None else members, total, amounts=amounts,
        claims=kept_claims if claims is None else claims, rule=rule,
    )  # fmt: skip


@given(payments())
def test_shares_sum_to_the_total_and_nobody_gets_a_negative(payment):
    found = made(payment)

    assert sum(part.amount for part in found.parts) + found.kept == payment[1]
    assert all(part.amount > 0 for part in found.parts)
    assert found.kept >= 0


@given(payments())
def test_each_pays_what_he_brought_and_the_absent_pay_nothing(payment):
    members, _, amounts, _, _ = payment
    found = made(payment)
    paid = {one.loan_no: 0 for one in members}
    for part in found.parts:
        paid[part.payer] += part.amount

    for name, brought in amounts.items():
        assert paid[name] <= brought
        assert found.kept or paid[name] == brought
    assert not any(paid[one.loan_no] for one in members if one.absent)


@given(payments())
def test_nobody_pays_in_advance_while_somebody_owes(payment):
    members, _, _, _, _ = payment
    found = made(payment)
    onto = {one.loan_no: 0 for one in members}
    own = dict(onto)
    for part in found.parts:
        onto[part.loan] += part.amount
        own[part.payer] += part.amount * (part.payer == part.loan)

    open_dues = [one for one in members if onto[one.loan_no] < one.due]
    if open_dues:
        assert found.kept == 0
        assert all(own[one.loan_no] <= one.due for one in members)
    for one in members:
        assert onto[one.loan_no] <= one.payoff


@given(payments())
def test_nobody_covers_others_before_his_own_or_himself(payment):
    members, _, _, _, _ = payment
    due = {one.loan_no: one.due for one in members}
    found = made(payment)
    for part in found.parts:
        if part.payer != part.loan and not part.returns:
            onto = sum(one.amount for one in found.parts if one.loan == part.payer)
            assert onto >= due[part.payer]


@given(payments())
def test_no_more_of_a_cover_returns_than_is_owed_and_only_by_who_owes_it(payment):
    claims = {(one.creditor, one.cover): one for one in payment[3]}
    for part in made(payment).parts:
        if part.returns:
            claim = claims[part.loan, part.returns]
            assert part.payer == claim.debtor
            assert part.amount <= claim.left


@given(payments(), st.randoms(use_true_random=False))
def test_the_order_in_which_members_and_claims_come_changes_nothing(payment, random):
    members, claims = list(payment[0]), list(payment[3])
    random.shuffle(members)
    random.shuffle(claims)

    assert made(payment, members, claims) == made(payment)


@given(
    st.integers(0, 10**12),
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 10**9), min_size=1),
    st.data(),
)
def test_a_share_is_within_a_centavo_of_its_exact_part(total, weights, data):
    parts = in_proportion(total, weights)
    whole = sum(weights.values())

    assert sum(parts.values()) == total
    for name, weight in weights.items():
        exact = (total, len(weights)) if not whole else (total * weight, whole)
        assert abs(parts[name] * exact[1] - exact[0]) < exact[1]

    caps = {name: data.draw(st.integers(0, 10**12)) for name in weights}
    capped = in_proportion(total, weights, caps)
    assert sum(capped.values()) == min(total, sum(caps.values()))
    assert all(0 <= capped[name] <= caps[name] for name in weights)
