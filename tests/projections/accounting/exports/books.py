"""Entries made by hand and by hypothesis, and what every format is given with them."""

from datetime import date, timedelta

from hypothesis import strategies as st

from projections.accounting.entry import (
    Account,
    AccountBalance,
    Entry,
    EntryKind,
    Line,
    Nature,
)
from projections.accounting.exports.period import FiscalDocument, Period, Request
from projections.accounting.exports.settings import ExportSettings, Sat

RFC = "EKU9003173C9"
BORROWER = "XAXX010101000"
UUID_1 = "6f8b1d0e-3a52-4c5e-9b1e-2f6d1a7c0001"
UUID_2 = "6f8b1d0e-3a52-4c5e-9b1e-2f6d1a7c0002"

CHART = {
    one.number: one
    for one in (
        Account(internal="bank", number="1020-001", name="Bancos nacionales",
                nature=Nature.DEBIT, level=2, sat_code="102.01"),
        Account(internal="principal", number="1060-001", name="Cartera etapa 1 <vigente> & más",
                nature=Nature.DEBIT, level=2, sat_code="106.01"),
        Account(internal="interest", number="1060-005", name="Intereses por cobrar",
                nature=Nature.DEBIT, level=2, sat_code="106.05"),
        Account(internal="tax-not-collected", number="2090-001", name="IVA trasladado no cobrado",
                nature=Nature.CREDIT, level=2, sat_code="209.01"),
        Account(internal="interest-income", number="4010-032", name="Ingresos por intereses",
                nature=Nature.CREDIT, level=2, sat_code="401.32"),
    )
}  # fmt: skip

DOCUMENTS = {
    uuid: FiscalDocument(uuid=uuid, issued_on=date(2026, 1, 31), issuer_rfc=RFC,
                         receiver_rfc=BORROWER, total=total)
    for uuid, total in ((UUID_1, 116_00), (UUID_2, 58_00))
}  # fmt: skip


def lookup(uuids):
    return {uuid: DOCUMENTS[uuid] for uuid in uuids if uuid in DOCUMENTS}


def request(*, balances=(), accounts=CHART, period=Period(2026, 1), documents=lookup, **settings):
    return Request(
        period=period, settings=ExportSettings(**({"rfc": RFC} | settings)), accounts=accounts,
        balances=balances, documents=documents,
    )  # fmt: skip


def audited(**settings):
    return Sat(request="AF", order_no="ABC1234567/26", **settings)


def entry(number=1, *, on=date(2026, 1, 31), kind=EntryKind.JOURNAL, text="Devengo de intereses",
          lines=None, key=None, currency="MXN", value_on=None):  # fmt: skip
    lines = lines or (
        Line(account="1060-005", debit=116_00, text="Interés", loan_no="L-1", cfdi=(UUID_1,)),
        Line(account="4010-032", credit=100_00, loan_no="L-1"),
        Line(account="2090-001", credit=16_00, loan_no="L-1", cfdi=(UUID_1,)),
    )
    return Entry(
        key=key or f"key-{number}", number=number, kind=kind, posted_on=on,
        value_on=value_on or on, currency=currency, text=text, lines=tuple(lines),
    )  # fmt: skip


def month():
    """An accrual, a payment, a disbursement."""
    return [
        entry(1),
        entry(1, kind=EntryKind.INCOME, text="Pago recibido", key="paid", lines=(
            Line(account="1020-001", debit=1_000_001_16, branch="Centro", product="P1"),
            Line(account="1060-001", credit=1_000_000_00),
            Line(account="1060-005", credit=1_16, cfdi=(UUID_1, UUID_2)),
        )),
        entry(1, kind=EntryKind.EXPENSE, on=date(2026, 1, 2), text="Préstamo; entregado",
              key="lent", value_on=date(2025, 12, 30), lines=(
                  Line(account="1060-001", debit=5),
                  Line(account="1020-001", credit=5),
              )),
    ]  # fmt: skip


TEXTS = st.text(
    st.characters(codec="cp1252", exclude_categories=("C", "Zl", "Zp", "Zs")), max_size=20
)
AMOUNTS = st.integers(1, 999_999_999_99)


@st.composite
def entries(draw, most=6):
    """Balanced entries of January 2026, numbered by kind as the books do."""
    numbers = dict.fromkeys(EntryKind, 0)
    made = []
    for nth in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(EntryKind))
        numbers[kind] += 1
        amounts = draw(st.lists(AMOUNTS, min_size=1, max_size=4))
        accounts = draw(
            st.lists(st.sampled_from(sorted(CHART)), min_size=len(amounts), max_size=len(amounts))
        )
        lines = [
            Line(
                account=account,
                debit=amount,
                text=draw(TEXTS),
                loan_no=draw(st.sampled_from(["", "L-9"])),
            )
            for account, amount in zip(accounts, amounts, strict=True)
        ]
        lines.append(Line(account=draw(st.sampled_from(sorted(CHART))), credit=sum(amounts)))
        made.append(
            entry(
                numbers[kind], kind=kind, key=f"k{nth}", text=draw(TEXTS) or "x",
                on=date(2026, 1, 1) + timedelta(days=draw(st.integers(0, 30))), lines=lines,
            )
        )  # fmt: skip
    return made


def balances(made, opening=1_000_00):
    """The trial balance that the entries lead to, added up apart."""
    found = []
    for account in CHART.values():
        mine = [line for one in made for line in one.lines if line.account == account.number]
        debit, credit = sum(one.debit for one in mine), sum(one.credit for one in mine)
        change = debit - credit if account.nature is Nature.DEBIT else credit - debit
        found.append(
            AccountBalance(
                account=account, opening=opening, debit=debit, credit=credit,
                closing=opening + change,
            )
        )  # fmt: skip
    return found


def sides(made):
    """Account, debit and credit of every line, in order."""
    return [(line.account, line.debit, line.credit) for one in made for line in one.lines]
