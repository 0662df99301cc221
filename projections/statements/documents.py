"""The documents of a loan: each is the loan's own figures put into words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple, TypeAlias

from msgspec.structs import astuple

from domain import events as e
from domain.annual_cost import cat
from domain.loan import Loan, Status
from domain.views import ScheduleRow, as_of, payoff, schedule_rows
from ledger.log import Recorded
from ledger.money import text
from projections.movements import COMPONENTS, Amounts
from projections.statements.account import Row, Statement
from projections.statements.lender import Lender, Words, fill, words
from projections.statements.period import NothingOwedLetter, UnknownPayment
from projections.statements.sheet import (
    Box,
    Chart,
    Column,
    Highlight,
    Line,
    Party,
    Sheet,
    Table,
    Tick,
    letterhead,
)

Given: TypeAlias = Mapping[str, str]
NONE_GIVEN: Given = {}
COMING = 6
"""How many payments to come a statement lists."""
TICKS = 4
PESOS_AND_DOLLARS = frozenset(["MXN", "USD", "CAD", "ARS", "CLP", "COP", "DOP", "UYU"])


class Desk(NamedTuple):
    """What documents of one lender are written with."""

    lender: Lender
    words: Words

    def sheet(self, kind: str, loan: Loan, to: Party, **shown: Any) -> Sheet:
        """A document of the loan under the lender's letterhead."""
        said, lender = self.words, self.lender
        legends = [
            lender.text(legend, objection_days=lender.objection_days) for legend in lender.legends
        ]
        return Sheet(
            kind=kind,
            language=lender.language,
            title=said.title(kind),
            lender=letterhead(lender),
            logo=lender.logo,
            primary=lender.colours.primary,
            accent=lender.colours.accent,
            to=to,
            legends=[*legends, *filter(None, (lender.claims_unit, lender.authority))],
            page=said.page,
            of=said.of,
            **{"subtitle": f"{said.loan} {loan.loan_no}"} | shown,
        )


def desk(lender: Lender) -> Desk:
    """Where a lender's documents are written."""
    return Desk(lender, words(lender.language))


class _Amounts:
    """Amounts of a currency as a reader wants them: ``1,004.62``."""

    def __init__(self, currency: str) -> None:
        self.currency = currency

    def __call__(self, minor: int) -> str:
        whole, point, cents = text(abs(minor), self.currency).partition(".")
        return f"{'-' if minor < 0 else ''}{int(whole):,}{point}{cents}"

    def or_blank(self, minor: int) -> str:
        return self(minor) if minor else ""

    def full(self, minor: int) -> str:
        sign = "$" if self.currency in PESOS_AND_DOLLARS else ""
        return f"{sign}{self(minor)} {self.currency}"


def account_statement(
    at: Desk, told: Statement, history: Sequence[Recorded], to: Party, given: Given = NONE_GIVEN
) -> Sheet:
    """The statement of account. ``given`` are the references that mean the loan, by kind."""
    said, loan, period = at.words, told.loan, told.period
    amount = _Amounts(loan.terms.currency)
    return at.sheet(
        "statement", loan, to,
        name=f"{loan.loan_no}-{period.ends_on:%Y-%m}",
        subtitle=f"{said.loan} {loan.loan_no} · {said.span(period.begins_on, period.ends_on)}",
        highlights=_highlights(said, told, amount),
        boxes=[
            _the_loan(said, loan, history, amount),
            Box(
                said.balances,
                [
                    (said.opening, amount(told.opening.balance)),
                    (said.charges, amount(told.charges)),
                    (said.credits, amount(told.credits)),
                    (said.closing, amount(told.closing.balance)),
                    *_owed(said, told.closing.owed, amount),
                    *([(said.in_favour, amount(told.closing.kept))] if told.closing.kept else []),
                ],
            ),
            _of_the_period(said, told, amount),
            *_references(at, loan, given),
        ],
        chart=_chart(said, told, amount),
        tables=[
            _movements(said, told.rows, amount),
            *([_past_due(said, told.overdue, amount)] if told.overdue else []),
            *_coming(said, told, amount),
        ],
        issued=fill(said.issued, position=told.cut.position),
    )  # fmt: skip


def _highlights(said: Words, told: Statement, amount: _Amounts) -> list[Highlight]:
    coming = told.next
    days = fill(said.past_due_note, days=told.days_past_due)
    by = f"{said.pay_by} {said.short(coming.due_on)}" if coming else said.nothing_to_pay
    cards = [
        Highlight(said.to_pay, amount.full(told.to_pay), by, strong=True),
        Highlight(said.past_due, amount.full(told.past_due), days if told.days_past_due else ""),
    ]
    if told.payoff is not None:
        on = said.short(told.period.ends_on)
        cards.append(Highlight(said.payoff, amount.full(told.payoff), on))
    return cards


def _the_loan(said: Words, loan: Loan, history: Sequence[Recorded], amount: _Amounts) -> Box:
    terms, opened = loan.terms, loan.opened
    kind = said.variable if terms.floating or terms.rate_steps else said.fixed
    cost = _cat(loan, history)
    rows = [
        (said.loan, loan.loan_no),
        (said.product, opened.product),
        (said.branch, opened.branch),
        (said.currency, terms.currency),
        (said.approved, amount(terms.principal)),
        (said.disbursed, amount(loan.disbursed)),
        (said.disbursed_on, said.short(loan.disbursed_on)),
        (said.maturity_on, said.short(loan.lines[-1].due_on if loan.lines else None)),
        (said.annual_rate, f"{_percent(terms.annual_rate)} ({kind})"),
        (said.late_rate, _percent(terms.late_rate) if terms.late_rate else ""),
        (said.cat, f"{cost:.1f} %" if cost is not None else ""),
    ]
    return Box(said.your_loan, [(label, value) for label, value in rows if value])


def _cat(loan: Loan, history: Iterable[Recorded]) -> float | None:
    """Of the schedule as it was agreed; a line that revolves has none."""
    lent = [one.event for one in history if isinstance(one.event, e.LoanDisbursed)]
    if not lent or loan.terms.revolving is not None:
        return None
    received = [(one.effective_on, one.principal) for one in lent]
    rows = {row.number: row for one in lent for row in one.schedule}
    return cat(
        loan.opened.terms, list(rows.values()), received=received if len(lent) > 1 else (),
        withheld_fees=sum(one.withheld_fees for one in lent),
    )  # fmt: skip


def _percent(millionths: int) -> str:
    return f"{millionths // 10_000}.{millionths % 10_000:04d}".rstrip("0").rstrip(".") + " %"


def _owed(said: Words, owed: Amounts, amount: _Amounts) -> list[tuple[str, str]]:
    by = dict(zip(COMPONENTS, owed, strict=True))
    taxes = sum(value for name, value in by.items() if name.endswith("_tax"))
    shown = [
        (said.principal, by["principal"]),
        (said.interest, by["interest"]),
        (said.late_interest, by["late_interest"]),
        (said.fees, by["fee"]),
        (said.tax, taxes),
    ]
    return [(label, amount(value)) for label, value in shown if value]


def _of_the_period(said: Words, told: Statement, amount: _Amounts) -> Box:
    taxes = told.charged("interest_tax", "late_interest_tax", "fee_tax")
    rows = [
        (said.days, str(told.period.days)),
        (said.base, amount(told.average_principal)),
        (said.interest, amount(told.charged("interest"))),
        (said.late_interest, amount.or_blank(told.charged("late_interest"))),
        (said.fees, amount.or_blank(told.charged("fee"))),
        (said.tax, amount.or_blank(taxes)),
    ]
    return Box(said.interest_section, [(label, value) for label, value in rows if value])


def _references(at: Desk, loan: Loan, given: Given) -> list[Box]:
    """How to pay; a line of which the loan has no reference is left out."""
    known = {"loan_no": loan.loan_no, "borrower": loan.opened.borrower, **given}
    rows = [
        (at.lender.text(one.label), fill(one.value, **known))
        for one in at.lender.payment_references
        if one.kinds <= given.keys()
    ]
    return [Box(at.words.references, rows)] if rows else []


def _movements(said: Words, rows: Sequence[Row], amount: _Amounts) -> Table:
    columns = [
        Column(said.date),
        Column(said.what, wide=True),
        Column(said.charge, "right"),
        Column(said.credit, "right"),
        Column(said.balance, "right"),
    ]
    shown = [
        [said.short(row.on), _concept(said, row, amount), amount.or_blank(row.charge),
         amount.or_blank(row.credit), amount(row.balance)]
        for row in rows
    ]  # fmt: skip
    return Table(said.movements, columns, shown, empty=said.no_movements)


def _concept(said: Words, row: Row, amount: _Amounts) -> str:
    words_for = fill(said.concept(row.concept), amount=amount(row.amount))
    span = said.span(row.since, row.on) if row.since and row.since < row.on else ""
    more = [part for part in (span, row.channel, row.reference) if part]
    return " · ".join((words_for, *more))


def _past_due(said: Words, rows: Sequence[ScheduleRow], amount: _Amounts) -> Table:
    columns = [
        Column(said.number), Column(said.due_on, wide=True), Column(said.total, "right"),
        Column(said.paid, "right"), Column(said.left, "right"),
    ]  # fmt: skip
    shown = [
        [str(row.number), said.short(row.due_on), amount(row.total), amount(row.paid),
         amount(row.total - row.paid)]
        for row in rows
    ]  # fmt: skip
    total = amount(sum(row.total - row.paid for row in rows))
    return Table(said.past_due_section, columns, shown, [said.total, "", "", "", total])


def _coming(said: Words, told: Statement, amount: _Amounts) -> list[Table]:
    rows = [row for row in told.schedule if row.due_on > told.period.ends_on][:COMING]
    if told.loan.status is not Status.ACTIVE or not rows:
        return []
    return [_schedule(said, said.coming, rows, amount)]


def _schedule(said: Words, title: str, rows: Sequence[ScheduleRow], amount: _Amounts) -> Table:
    """Rows of a schedule; columns of which all is zero are left out."""
    of = {
        said.principal: [row.principal for row in rows],
        said.interest: [row.interest for row in rows],
        said.late_interest: [row.late_interest for row in rows],
        said.fees: [row.fees for row in rows],
        said.tax: [row.tax for row in rows],
        said.total: [row.total for row in rows],
        said.paid: [row.paid for row in rows],
        said.balance: [row.balance for row in rows],
    }
    always = {said.total, said.balance, said.principal}
    shown = {label: column for label, column in of.items() if any(column) or label in always}
    blank = {said.late_interest, said.fees, said.paid}
    columns = [Column(said.number), Column(said.due_on, wide=True)]
    columns += [Column(label, "right") for label in shown]

    def written(at: int) -> Iterator[str]:
        for name, column in shown.items():
            yield amount.or_blank(column[at]) if name in blank else amount(column[at])

    table = [[str(row.number), said.short(row.due_on), *written(at)] for at, row in enumerate(rows)]
    foot = ["", said.total]
    foot += [
        "" if label == said.balance else amount(sum(column)) for label, column in shown.items()
    ]
    return Table(title, columns, table, foot)


def _chart(said: Words, told: Statement, amount: _Amounts) -> Chart | None:
    """What was agreed to be owed, and what is, from the first payout to the last due date."""
    course, ends_on = told.course, told.period.ends_on
    if not course:
        return None
    agreed = _agreed(told, course[0][0])
    first, last = course[0][0], max(ends_on, *(on for on, _ in agreed)) if agreed else ends_on
    highest = max(owed for _, owed in (*course, *agreed))
    span = (last - first).days
    if span <= 0 or highest <= 0:
        return None

    def steps(points: Iterable[tuple[date, int]]) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = []
        for on, owed in points:
            x, y = (on - first).days / span, owed / highest
            if found:
                found.append((x, found[-1][1]))
            found.append((x, y))
        return [(round(x, 4), round(y, 4)) for x, y in found]

    now = (ends_on, course[-1][1])
    years = (first + timedelta(days=span * n // TICKS) for n in range(TICKS + 1))
    return Chart(
        said.course,
        [
            *([Line(said.planned, steps(agreed))] if agreed else []),
            Line(said.actual, steps((*course, now)), strong=True),
        ],
        [Tick(n / TICKS, said.short(on)) for n, on in enumerate(years)],
        [Tick(n / 2, amount(highest * n // 2)) for n in range(3)],
    )


def _agreed(told: Statement, first: date) -> list[tuple[date, int]]:
    """What was agreed to be owed since ``first``: nothing of a line, which the borrower draws as he
    likes, nor once a loan is off the books.
    """
    loan, rows = told.loan, told.schedule
    if loan.terms.revolving is not None or loan.status is Status.WRITTEN_OFF or not rows:
        return []
    begun = rows[0].balance + rows[0].principal
    points = [(row.due_on, row.balance) for row in rows]
    before = [owed for on, owed in points if on <= first]  # of a loan that was taken over
    return [(first, before[-1] if before else begun), *(one for one in points if one[0] > first)]


def amortization_table(at: Desk, loan: Loan, on: date, to: Party) -> Sheet:
    """The schedule as it stands, with what is paid."""
    said, amount = at.words, _Amounts(loan.terms.currency)
    rows = schedule_rows(loan, on)
    return at.sheet(
        "schedule", loan, to,
        name=f"{loan.loan_no}-schedule",
        boxes=[_the_loan(said, as_of(loan, on), (), amount)],
        tables=[_schedule(said, said.schedule_section, rows, amount)],
        issued=said.long(on),
    )  # fmt: skip


def payoff_letter(at: Desk, loan: Loan, on: date, to: Party, given: Given = NONE_GIVEN) -> Sheet:
    """What closes the loan on a day. Errors: those of `domain.views.payoff`."""
    said, amount = at.words, _Amounts(loan.terms.currency)
    owed = payoff(loan, on)
    a, b, c, d, f, g, h = astuple(owed)
    told = fill(
        said.payoff_text, amount=amount.full(owed.total), on=said.long(on), loan=loan.loan_no
    )
    rows = [*_owed(said, (a, b, c, d, f, g, h), amount), (said.total, amount(owed.total))]
    return at.sheet(
        "payoff", loan, to,
        name=f"{loan.loan_no}-payoff-{on}",
        highlights=[Highlight(said.total, amount.full(owed.total), said.long(on), strong=True)],
        text=[told],
        boxes=[
            Box(fill(said.payoff_section, on=said.short(on)), rows),
            *_references(at, loan, given),
        ],
    )  # fmt: skip


def receipt(at: Desk, loan: Loan, number: int, to: Party) -> Sheet:
    """That a payment came, and what it cleared. Errors: ``UnknownPayment``."""
    said, amount = at.words, _Amounts(loan.terms.currency)
    paid = loan.payments.get(number)
    if paid is None or paid.reversed_on is not None:
        raise UnknownPayment(loan.loan_no, number)
    sums = [sum(column) for column in zip(*map(astuple, paid.allocation.values()), strict=True)]
    a, b, c, d, f, g, h = sums or [0] * len(COMPONENTS)
    rows = _owed(said, (a, b, c, d, f, g, h), amount)
    if paid.overpaid:
        rows.append((said.kept, amount(paid.overpaid)))
    about = [
        (said.payment_number, str(number)),
        (said.date, said.long(paid.effective_on)),
        (said.channel, paid.channel),
        (said.reference, paid.reference),
    ]
    on = said.long(paid.effective_on)
    return at.sheet(
        "receipt", loan, to,
        name=f"{loan.loan_no}-receipt-{number}",
        highlights=[Highlight(said.payment, amount.full(paid.amount), on, strong=True)],
        text=[fill(said.receipt_text, amount=amount.full(paid.amount), on=on)],
        boxes=[
            Box(said.payment, [(label, value) for label, value in about if value]),
            Box(said.receipt_section, [*rows, (said.total, amount(paid.amount))]),
        ],
    )  # fmt: skip


def no_debt_letter(at: Desk, loan: Loan, closed_on: date, to: Party) -> Sheet:
    """That nothing is owed any more. Errors: ``NothingOwedLetter`` unless it was paid off."""
    if not loan.repaid:
        raise NothingOwedLetter(loan.loan_no, str(loan.status))
    told = fill(at.words.no_debt_text, loan=loan.loan_no, on=at.words.long(closed_on))
    return at.sheet("no_debt", loan, to, name=f"{loan.loan_no}-no-debt", text=[told])
