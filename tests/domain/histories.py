"""Random loans and random histories of commands, for the properties that always hold."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta

from hypothesis import strategies as st

from domain import commands
from domain import events as e
from domain.errors import LoanError
from domain.fold import replay
from domain.level import LEVEL_METHODS
from domain.loan import Loan, Status
from domain.money import Rounding
from domain.restructuring import NewTerms
from domain.terms import (
    AllocationRule,
    Annuity,
    ChargebackRule,
    ChargesDue,
    Component,
    DayCount,
    FittedTo,
    Frequency,
    Grace,
    Graduation,
    InAdvance,
    InstalmentRule,
    InterestBasis,
    LastInstalment,
    LateBase,
    Level,
    Method,
    PaymentKind,
    PeriodCharge,
    RateStep,
    Revolving,
    Terms,
    Walk,
)

START = date(2026, 1, 15)


def terms(**changes) -> Terms:
    """10,000.00 pesos at 36 %, twelve months, 16 % tax: the loan most examples use."""
    agreed = {
        "currency": "MXN",
        "principal": 10_000_00,
        "annual_rate": 360_000,
        "instalments": 12,
        "frequency": Frequency.MONTHLY,
        "tax_rate": 160_000,
        "late_rate": 720_000,
    }
    return Terms(**(agreed | changes))


@dataclass
class Book:
    """A loan with its whole history, as the store would keep it."""

    loan: Loan
    history: list[e.AnyLoanEvent] = field(default_factory=list)

    def do(self, command, **arguments) -> tuple[e.AnyLoanEvent, ...]:
        events = command(self.loan, **arguments)
        stored = [e.decode.decode(e.encode.encode(event)) for event in events]
        self.loan = replay(stored, self.loan)
        self.history += stored
        return events


def opened(agreed: Terms | None = None, on: date = START) -> Book:
    """A loan just approved."""
    events = commands.open_loan(loan_no="L-1", terms=agreed or terms(), effective_on=on)
    return Book(replay(events), list(events))


def disbursed(agreed: Terms | None = None, on: date = START) -> Book:
    """A loan just paid out in full."""
    book = opened(agreed, on)
    book.do(commands.disburse, principal=book.loan.terms.principal, effective_on=on)
    return book


def disbursed_in_part(agreed: Terms, on: date = START) -> Book:
    """A loan of which three fifths were paid out."""
    book = opened(agreed, on)
    book.do(commands.disburse, principal=max(1, agreed.principal * 3 // 5), effective_on=on)
    return book


@st.composite
def agreements(draw, *, plain: bool = False, **fixed) -> Terms:
    """Terms of every kind that the domain offers, small enough to walk day by day."""
    method = draw(st.sampled_from([m for m in Method if m is not Method.IRREGULAR]))
    single = method in (Method.SINGLE, Method.DISCOUNT)
    principal = draw(st.integers(1_000_00, 500_000_00))
    interest = draw(st.sampled_from(list(InterestBasis)))
    frequency = draw(st.sampled_from([
        Frequency.WEEKLY, Frequency.FORTNIGHTLY, Frequency.SEMI_MONTHLY, Frequency.MONTHLY,
    ]))  # fmt: skip
    drawn = {
        "currency": "MXN",
        "principal": principal,
        "annual_rate": draw(st.sampled_from([0, 1, 145_000, 360_000, 1_200_000])),
        "instalments": 1 if single else draw(st.integers(1, 8)),
        "frequency": frequency,
        "method": method,
        "balloon": principal // 3 if method is Method.BALLOON else 0,
        "graduation": Graduation(every=2, rate=50_000) if method is Method.GRADUATED else None,
        "revolving": draw(lines(interest)) if method is Method.REVOLVING else None,
        "day_count": draw(st.sampled_from(list(DayCount))),
        "interest": interest,
        "rounding": draw(st.sampled_from(list(Rounding))),
        "tax_rate": draw(st.sampled_from([0, 80_000, 160_000])),
        "late_rate": draw(st.sampled_from([0, 720_000])),
        "late_grace_days": draw(st.sampled_from([0, 0, 5])),
        "late_base": draw(st.sampled_from(list(LateBase))),
        "chargeback": draw(st.sampled_from(list(ChargebackRule))),
        "allocation": AllocationRule(
            walk=draw(st.sampled_from(list(Walk))),
            in_advance=draw(st.sampled_from(list(InAdvance))),
        ),
    }
    if not plain and draw(st.booleans()):  # half of the loans keep to the plain terms
        drawn |= draw(rarer_terms(drawn["instalments"]))
        if method is Method.REVOLVING:
            drawn["grace"] = Grace(principal_periods=drawn["grace"].principal_periods)
    if method in LEVEL_METHODS and interest is InterestBasis.DAILY:
        drawn["instalment"] = draw(st.sampled_from(list(InstalmentRule)))
    if method is Method.EQUAL_INSTALMENTS and not drawn.get("rate_steps"):
        drawn["fitted_to"] = draw(st.sampled_from(list(FittedTo)))
    return Terms(**(drawn | fixed))


@st.composite
def lines(draw, interest: InterestBasis) -> Revolving:
    """How a line bills: at its due date, or by a statement before, free of interest if paid."""
    days = draw(st.sampled_from([0, 5]))
    return Revolving(
        minimum_rate=100_000,
        minimum_amount=500_00,
        statement_days=days,
        interest_free=bool(days) and interest is InterestBasis.DAILY and draw(st.booleans()),
    )


@st.composite
def rarer_terms(draw, instalments: int) -> dict:
    """Terms that most loans lack: each with a chance of its own."""

    def seldom(value, otherwise):
        return draw(st.sampled_from([otherwise, otherwise, value]))

    grace = Grace()
    if instalments > 2:
        unasked = draw(st.sampled_from([0, 0, 1, 2]))
        grace = Grace(
            principal_periods=max(unasked, draw(st.sampled_from([0, 1]))),
            interest_payment_periods=unasked,
            interest_free_periods=draw(st.sampled_from([0, 0, 1])),
            capitalise=bool(unasked) and draw(st.booleans()),
        )
    steps = (RateStep(from_on=START + timedelta(days=40), annual_rate=240_000),)
    insurance = (
        PeriodCharge(kind="insurance", amount=35_00),
        PeriodCharge(kind="cover", rate=1_500, of_balance=True, taxed=False),
        PeriodCharge(kind="tax", rate=160_000, of_principal=True, is_tax=True),
    )
    return {
        "grace": grace,
        "down_payment_rate": seldom(100_000, 0),
        "rate_steps": seldom(steps, ()),
        "period_charges": seldom(insurance, ()),
        "late_fee": seldom(120_00, 0),
        "prepayment_fee_rate": seldom(20_000, 0),
        "opening_fee_rate": seldom(30_000, 0),
        "opening_fee_financed": draw(st.booleans()),
        "level": draw(st.sampled_from(list(Level))),
        "annuity": draw(st.sampled_from(list(Annuity))),
        "last_instalment": draw(st.sampled_from(list(LastInstalment))),
        "instalment_multiple": seldom(1_00, 1),
        "skip_months": seldom((3,), ()),
        "suspend_from": seldom(30, None),
    }


def common_products():
    """What most loans are: level, even or flat instalments, late interest or a late fee."""
    shapes = st.builds(
        dict,
        method=st.sampled_from([Method.EQUAL_INSTALMENTS, Method.EQUAL_PRINCIPAL, Method.FLAT]),
        instalments=st.integers(4, 8),
        frequency=st.sampled_from([Frequency.WEEKLY, Frequency.SEMI_MONTHLY]),
        stage_2_from=st.sampled_from([5, 31]),
        late_fee=st.sampled_from([0, 50_00]),
        late_rate=st.sampled_from([0, 900_000]),
        instalment=st.just(InstalmentRule.KEEPS_PRINCIPAL),
    )
    return shapes.flatmap(lambda shape: agreements(plain=True, **shape))


CHANGES = ("rate", "rest", "truce", "restructure", "reschedule", "spread", "holiday", "accelerate",
           "charge_back", "refund", "sell", "goodwill", "tranche", "waive_charges",
           "undo_waiver", "deposit", "apply_deposit", "apply_deposit_back")  # fmt: skip

STEPS = st.lists(
    st.tuples(
        st.integers(0, 25),
        st.sampled_from(
            ["pay", "pay", "pay", "pay_back", "reverse", "fee", "waive", "forgive", "close_day",
             "close_day", "promise", "write_off", "recover", *CHANGES]
        ),
        st.integers(1, 1_000),
    ),
    max_size=14,
)  # fmt: skip
"""(days to wait, what to do, how much in thousandths)."""


PLAIN_STEPS = st.lists(
    st.tuples(
        st.integers(1, 25), st.sampled_from(["pay", "pay", "fee", "close_day"]), st.integers(1, 250)
    ),
    min_size=1,
    max_size=12,
).filter(lambda steps: any(verb == "pay" for _, verb, _ in steps))
"""Payments, fees and closes only: (days to wait, what to do, thousandths of the principal)."""


EVENTFUL_STEPS = st.lists(
    st.tuples(
        st.integers(1, 25),
        st.sampled_from(["pay", "pay", "fee", "close_day", "goodwill", "rate_now", "tranche_now",
                         "restructure", "spread", "reschedule", "rest", "truce"]),
        st.integers(0, 83).map(lambda third: 3 * third + 1),  # new terms say how many instalments
    ),
    min_size=1,
    max_size=9,
).filter(lambda steps: any(verb == "pay" for _, verb, _ in steps))  # fmt: skip
"""Payments among changes of terms, dated the day they are known and not taken from the loan."""


def play(book: Book, steps) -> date:
    """Do ``steps`` one after the other, going on where one is refused. The last day."""
    day = book.loan.disbursed_on
    for wait, verb, size in steps:
        day += timedelta(days=wait)
        with suppress(LoanError):
            step(book, day, verb, size)
    return day


def step(book: Book, day: date, verb: str, size: int) -> None:
    loan = book.loan
    part = max(1, loan.opened.terms.principal * size // 2_000)
    match verb:
        case "pay":
            book.do(commands.receive_payment, amount=part, effective_on=day)
        case "pay_back":
            back = max(loan.disbursed_on, day - timedelta(days=size % 60))
            book.do(commands.receive_payment, amount=part, effective_on=back)
        case "reverse":
            number = size % (len(loan.payments) + 1)
            book.do(commands.reverse_payment, payment=number, reversed_on=day)
        case "fee":
            due_on = None if size % 3 else day + timedelta(days=size % 40)
            falls_due = None if size % 3 else ChargesDue.ON_THEIR_DATE
            book.do(commands.charge_fee, kind="visit", amount=size * 10, effective_on=day,
                    due_on=due_on, falls_due=falls_due)  # fmt: skip
        case "waive":
            book.do(commands.waive_fee, fee=len(loan.fees), effective_on=day)
        case "waive_charges":
            amount = None if size % 2 else 1 + size % 40
            book.do(commands.waive_charges, instalment=loan.current + size % 2, amount=amount,
                    effective_on=day)  # fmt: skip
        case "undo_waiver":
            which = {"fee": len(loan.fees)} if size % 2 else {"instalment": loan.current}
            book.do(commands.undo_waiver, effective_on=day, **which)
        case "forgive":
            amounts = {Component.PRINCIPAL: part // 4 + 1}
            book.do(commands.forgive, amounts=amounts, effective_on=day)
        case "close_day":
            book.do(commands.close_day, on=day)
        case "promise":
            later = day + timedelta(days=size % 20)
            book.do(commands.make_promise, amount=part, promised_for=later, effective_on=day)
        case "write_off" if size % 3 == 0:
            book.do(commands.write_off, effective_on=day)
        case "tranche_now":
            book.do(commands.disburse, principal=max(1, part // 4), effective_on=day)
        case "rate_now":
            book.do(commands.change_rate, annual_rate=size * 2_000, effective_on=day,
                    keeps_instalment=size % 2 == 0)  # fmt: skip
        case "tranche":
            back = max(loan.disbursed_on, day - timedelta(days=size % 20))
            book.do(commands.disburse, principal=max(1, part // 4), effective_on=back)
        case "rate":
            back = max(loan.disbursed_on, day - timedelta(days=size % 40))
            book.do(commands.change_rate, annual_rate=size * 500, effective_on=back,
                    keeps_instalment=size % 2 == 0)  # fmt: skip
        case "rest":
            until = day + timedelta(days=1 + size % 45)
            book.do(commands.pause_interest, effective_on=day, until=until)
        case "truce":
            until = day + timedelta(days=1 + size % 45)
            book.do(commands.pause_delinquency, effective_on=day, until=until)
        case "restructure" | "reschedule" | "spread":
            kind = {"restructure": e.Revision.RESTRUCTURE, "reschedule": e.Revision.RESCHEDULE,
                    "spread": e.Revision.REAMORTIZATION}[verb]  # fmt: skip
            at_once = day if verb == "restructure" and size % 5 == 0 else None
            new = NewTerms(instalments=1 + size % 6, first_due_on=at_once) if size % 3 else None
            treatment = list(e.Treatment)[size % 3]
            book.do(commands.restructure, effective_on=day, kind=kind, new=new,
                    treatment=treatment)  # fmt: skip
        case "holiday":
            book.do(commands.payment_holiday, effective_on=day, periods=1 + size % 2,
                    interest_runs=size % 3 > 0)  # fmt: skip
        case "accelerate" if size % 2:
            book.do(commands.accelerate, effective_on=day)
        case "charge_back":
            number = 1 + size % (len(loan.payments) + 1)
            book.do(commands.charge_back, payment=number, effective_on=day)
        case "deposit":
            book.do(commands.receive_payment, amount=part, effective_on=day,
                    kind=PaymentKind.SECURITY_DEPOSIT)  # fmt: skip
        case "apply_deposit":
            book.do(commands.apply_deposit, effective_on=day)
        case "apply_deposit_back":
            back = max(loan.disbursed_on, day - timedelta(days=size % 40))
            book.do(commands.apply_deposit, effective_on=back)
        case "refund":
            book.do(commands.refund_overpayment, effective_on=day)
        case "sell" if size % 4 == 0:
            book.do(commands.sell, effective_on=day, holder="Fund", price=part)
        case "goodwill":
            book.do(commands.receive_payment, amount=part // 2 + 1, effective_on=day,
                    kind=PaymentKind.GOODWILL_CREDIT)  # fmt: skip
        case "recover" if loan.status is Status.WRITTEN_OFF:
            book.do(commands.receive_recovery, amount=part, effective_on=day)
