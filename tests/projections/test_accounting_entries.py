"""The canonical entries of one loan, account by account, with figures worked out by hand."""

from collections import Counter
from datetime import date

import pytest

from domain import events as e
from domain.terms import Component, PaymentKind
from projections.accounting.booked import Header
from projections.accounting.drill import entries_told
from projections.accounting.periods import closed_by
from projections.accounting.rules import load_rules

JANUARY, MAY = date(2026, 1, 15), date(2026, 5, 15)
RULES = load_rules()


def entries(*events, product="personal"):
    """Debits less credits by internal account, of each event."""
    internal = {one.number: name for name, one in reversed(RULES.chart.by_internal.items())}
    header = Header("L-1", "MXN", "norte", product)
    told = list(enumerate(events, start=1))
    found = [Counter() for _ in told]
    for entry in entries_told(RULES, header, told, closed_by([])):
        for line in entry.lines:
            found[int(entry.key.split(":")[1]) - 1][internal[line.account]] += (
                line.debit - line.credit
            )
    return [{name: n for name, n in one.items() if n} for one in found]


def disbursed(**withheld):
    return e.LoanDisbursed(
        effective_on=JANUARY, tranche=1, principal=1_200_00, schedule=(), **withheld
    )


def accrued(interest, tax, on=MAY):
    return e.InterestAccrued(effective_on=on, instalment=1, interest=interest, tax=tax)


def paid(kind=PaymentKind.PAYMENT, number=1, overpaid=0, **parts):
    allocation = (e.Portion(instalment=1, **parts),)
    amount = sum(parts.values()) + overpaid
    return e.PaymentReceived(effective_on=MAY, payment=number, amount=amount, kind=kind,
                             allocation=allocation, overpaid=overpaid)  # fmt: skip


def to_stage(after, before=1):
    return e.StageChanged(effective_on=MAY, before=before, after=after, days_past_due=90)


SUSPENDED = e.AccrualSuspended(effective_on=MAY, days_past_due=90)
RESUMED = e.AccrualResumed(effective_on=MAY, days_past_due=0)


def test_a_disbursement_with_withheld_fee_and_tax():
    [entry] = entries(disbursed(withheld_fees=20_00, withheld_fees_tax=3_20))

    assert entry == {
        "principal_1": 1_200_00, "bank": -1_176_80, "deferred_fees": -20_00,
        "tax_collected": -3_20,
    }  # fmt: skip


def test_accrual_and_payment_move_the_tax_from_not_collected_to_collected():
    _, accrual, payment = entries(
        disbursed(), accrued(36_00, 5_76), paid(interest=36_00, interest_tax=5_76, principal=8_24)
    )

    assert accrual == {
        "interest_1": 36_00, "interest_tax_1": 5_76, "interest_income_1": -36_00,
        "tax_not_collected": -5_76,
    }  # fmt: skip
    assert payment == {
        "bank": 50_00, "interest_1": -36_00, "interest_tax_1": -5_76, "principal_1": -8_24,
        "tax_not_collected": 5_76, "tax_collected": -5_76,
    }  # fmt: skip


def test_a_stage_takes_along_all_that_is_owed_and_income_follows_it():
    *_, moved, accrual = entries(
        disbursed(), accrued(36_00, 5_76), to_stage(2), accrued(10_00, 1_60)
    )

    assert moved == {
        "principal_1": -1_200_00, "principal_2": 1_200_00, "interest_1": -36_00,
        "interest_2": 36_00, "interest_tax_1": -5_76, "interest_tax_2": 5_76,
    }  # fmt: skip
    assert accrual["interest_income_2"] == -10_00


def test_suspended_interest_is_memorandum_until_it_is_collected():
    events = (disbursed(), accrued(36_00, 5_76), to_stage(3), SUSPENDED, accrued(24_00, 3_84))
    *_, accrual, payment = entries(*events, paid(interest=50_00, interest_tax=8_00))

    assert accrual == {
        "suspended_interest": 24_00, "suspended_interest_tax": 3_84, "suspended_contra": -27_84,
    }  # fmt: skip
    assert payment == {
        "bank": 58_00,
        "interest_3": -36_00, "interest_tax_3": -5_76, "tax_not_collected": 5_76,
        "interest_income_3": -14_00, "tax_collected": -8_00,
        "suspended_interest": -14_00, "suspended_interest_tax": -2_24, "suspended_contra": 16_24,
    }  # fmt: skip


def test_a_payment_taken_back_while_suspended_is_mirrored():
    payment = paid(interest=50_00, interest_tax=8_00)
    taken_back = e.PaymentReversed(
        effective_on=MAY, payment=1, amount=payment.amount, allocation=payment.allocation,
        reversed_on=MAY,
    )  # fmt: skip
    *_, came, went = entries(
        disbursed(), accrued(36_00, 5_76), to_stage(3), SUSPENDED, accrued(24_00, 3_84), payment,
        taken_back,
    )  # fmt: skip

    assert went == {name: -amount for name, amount in came.items()}


def test_what_is_still_owed_off_the_accounts_is_recognised_when_accrual_resumes():
    *_, resumed = entries(disbursed(), SUSPENDED, accrued(24_00, 3_84), RESUMED)

    assert resumed == {
        "interest_1": 24_00, "interest_income_1": -24_00,
        "interest_tax_1": 3_84, "tax_not_collected": -3_84,
        "suspended_interest": -24_00, "suspended_interest_tax": -3_84, "suspended_contra": 27_84,
    }  # fmt: skip


def test_a_write_off_uses_the_allowance_and_its_recovery_is_income():
    written_off = e.LoanWrittenOff(
        effective_on=MAY,
        written_off=(
            e.Portion(instalment=1, interest=60_00, interest_tax=9_60, principal=1_200_00),
        ),
    )
    recovered = e.RecoveryReceived(
        effective_on=MAY, recovery=1, amount=116_00,
        by_component={Component.INTEREST: 100_00, Component.INTEREST_TAX: 16_00},
    )  # fmt: skip
    *_, gone, back = entries(
        disbursed(), accrued(36_00, 5_76), to_stage(3), SUSPENDED, accrued(24_00, 3_84),
        written_off, recovered,
    )  # fmt: skip

    assert gone == {
        "allowance_3": 1_236_00, "principal_3": -1_200_00, "interest_3": -36_00,
        "interest_tax_3": -5_76, "tax_not_collected": 5_76,
        "suspended_interest": -24_00, "suspended_interest_tax": -3_84, "suspended_contra": 27_84,
        "written_off": 1_236_00, "written_off_contra": -1_236_00,
    }  # fmt: skip
    assert back == {
        "bank": 116_00, "recoveries": -100_00, "tax_collected": -16_00,
        "written_off": -100_00, "written_off_contra": 100_00,
    }  # fmt: skip


def test_interest_that_was_no_income_stays_deferred_when_it_becomes_principal():
    due = e.InstalmentFellDue(
        effective_on=MAY, instalment=1, principal=0, interest=0, capitalised=60_00,
        capitalised_tax=9_60,
    )  # fmt: skip
    *_, became = entries(disbursed(), accrued(36_00, 5_76), SUSPENDED, accrued(24_00, 3_84), due)

    assert became == {
        "principal_1": 69_60, "interest_1": -36_00, "interest_tax_1": -5_76,
        "deferred_interest": -24_00, "tax_collected": -9_60, "tax_not_collected": 5_76,
        "suspended_interest": -24_00, "suspended_interest_tax": -3_84, "suspended_contra": 27_84,
    }  # fmt: skip


def test_a_goodwill_credit_is_paid_by_the_lender_and_what_is_too_much_is_kept():
    _, credit, payment = entries(
        disbursed(),
        paid(PaymentKind.GOODWILL_CREDIT, principal=100_00),
        paid(number=2, principal=1_100_00, overpaid=50_00),
    )

    assert credit == {"goodwill": 100_00, "principal_1": -100_00}
    assert payment == {"bank": 1_150_00, "principal_1": -1_100_00, "overpayments": -50_00}


@pytest.mark.parametrize(
    ("product", "portfolio", "income"),
    [
        ("lease-auto", "lease_principal", "lease_income"),
        ("factoraje", "factoring_principal", "factoring_income"),
        ("grupal", "group_principal", "interest_income"),
    ],
)
def test_other_products_have_other_accounts_in_every_stage(product, portfolio, income):
    paid_out, moved, accrual = entries(disbursed(), to_stage(2), accrued(10_00, 0), product=product)

    assert paid_out == {f"{portfolio}_1": 1_200_00, "bank": -1_200_00}
    assert moved == {f"{portfolio}_1": -1_200_00, f"{portfolio}_2": 1_200_00}
    assert accrual == {"interest_2": 10_00, f"{income}_2": -10_00}


def test_a_sale_compares_the_price_with_what_was_sold():
    sold = e.LoanSold(
        effective_on=MAY, holder="Fund", price=900_00,
        sold=(e.Portion(instalment=1, principal=1_200_00, interest=36_00, interest_tax=5_76),),
    )  # fmt: skip
    *_, gone = entries(disbursed(), accrued(36_00, 5_76), sold)

    assert gone == {
        "bank": 900_00, "sale_result": 336_00, "principal_1": -1_200_00, "interest_1": -36_00,
        "interest_tax_1": -5_76, "tax_not_collected": 5_76,
    }  # fmt: skip
