"""What Buró de Crédito is told of a person's tradeline, by field: text and CSV write the same."""

import re
from collections.abc import Callable
from datetime import date
from typing import Literal

from msgspec import Struct

from domain.borrower.person import Kind
from projections.bureau.catalogues import Catalogue, Observation, buro
from projections.bureau.errors import BadLenderFile
from projections.bureau.formats.people import Person, Widths, person
from projections.bureau.lender import Choices, Lender, Member
from projections.bureau.reported import Faults, Problem, Record, Report, Totals, outcome, sign_of
from projections.bureau.text import day_first, hundredths, plain
from projections.bureau.tradeline import Tradeline

WIDTHS = Widths(surname=26, given=26, street=40, streets=2, place=40)
NUMBER = re.compile(r"[!-~]([ -~]*[!-~])?")
NEVER = "01011900"
"""The date that says there was none."""
UNLATE = frozenset({"00", "01", "UR"})
"""Ratings that go with no date of a first missed payment."""
COUNTED_AS_REVOLVING = "1000"
MOST_DAYS = 999
MOST_PAYMENTS = 9_999


class Account(Struct, frozen=True, kw_only=True):
    """The fields of segment TL as text; "" is a field that is sent empty or left out."""

    number: str
    responsibility: str
    kind: str
    contract: str
    currency: str
    payments: str
    frequency: str
    to_pay: int
    opened_on: str
    last_paid_on: str
    last_drawn_on: str
    closed_on: str
    reported_on: str
    highest: int
    balance: int
    limit: str
    past_due: int
    missed: str
    rating: str
    observation: str
    first_default_on: str
    principal: int
    last_paid: int
    past_due_since: str
    days_past_due: str
    term: str
    original: int
    email: str


class Buro:
    """Answers the fields of each tradeline, or why it cannot be sent."""

    bureau = "buro"
    encoding = "latin-1"
    order: Literal["loan", "borrower"] = "loan"
    second_pass: Callable[[str, Totals], str] | None = None

    def __init__(self, lender: Lender) -> None:
        if lender.buro is None:
            raise BadLenderFile("buro: the member's key and name are missing")
        self.lender, self.member, self.codes = lender, lender.buro, buro()
        self.choices: Choices = lender.buro.choices
        self.reports_others = self.choices.others
        _check(self.member, self.codes)
        self.key = self.member.key.zfill(10)
        self.name = plain(self.member.name)

    def fields(self, report: Report) -> tuple[Person, Account, Record] | list[Problem]:
        """Person and account as text, and what is kept of them."""
        faults = Faults(report)
        if report.person.kind is not Kind.PERSON:
            faults("kind", f"{report.person.kind} goes in the file of companies")
            return faults.found
        who = person(report, self.codes, WIDTHS, faults, self.choices.enye)
        if not who.employer and not self.choices.no_employer:
            faults("employment.employer", f"is missing: give one, or one of"
                                          f" {', '.join(self.codes.no_employer)}")  # fmt: skip
        account, record = self._account(report, faults)
        return faults.found or (who, account, record)

    def _account(self, report: Report, faults: Faults) -> tuple[Account, Record]:
        line, codes = report.line, self.codes
        seen = self._observed(report)
        rating = (seen.rating if seen else "") or self._rating(report)
        open_ = line.status == "active"
        balance, past_due, principal = self._owed(report, faults)
        first = report.first_default_on if rating not in UNLATE else None
        if line.closed_on and self.choices.closed_first_default == "sentinel" and not past_due:
            first = None
        days = min(line.days_past_due, MOST_DAYS) if rating not in UNLATE else 0
        frequency = codes.frequency(line)
        product = self.lender.product(line.product)
        contract = product.buro if product else ""
        if contract not in codes.contracts:
            faults("product", f"{line.product!r} has no contract type of Buró in the lender file")
        account = Account(
            number=faults.account(line.loan_no, 4, 25, NUMBER),
            responsibility=codes.responsibilities[report.role],
            kind=codes.account_types["revolving" if line.revolving or product is None
                                     else product.kind],
            contract=contract,
            currency=codes.currencies.get(line.currency)
            or faults("currency", f"{line.currency} has no code at Buró"),
            payments=_payments(line, faults),
            frequency=frequency,
            to_pay=min(self._monthly(report, frequency, faults), balance) if open_ else 0,
            opened_on=day_first(line.opened_on),
            last_paid_on=self._last_paid(line.last_paid_on, line.opened_on),
            last_drawn_on=day_first(line.last_drawn_on or line.opened_on),
            closed_on=day_first(line.closed_on),
            reported_on=day_first(line.on),
            highest=faults.whole("highest", line.highest if line.revolving
                                 else max(line.approved, line.highest), 9),
            balance=balance,
            limit=str(faults.whole("approved", line.approved, 9)) if line.revolving else "",
            past_due=past_due,
            missed=str(min(line.missed, MOST_PAYMENTS)) if past_due and line.missed else "",
            rating=rating,
            observation=seen.code if seen else "",
            first_default_on=day_first(first, NEVER),
            principal=principal,
            last_paid=faults.whole("last_paid", line.last_paid, 9),
            past_due_since=day_first(line.past_due_since if days else None, NEVER),
            days_past_due=str(days),
            term="0" if line.revolving else faults.fitting("term", hundredths(line.term_days), 6),
            original=faults.whole("approved", line.approved, 9),
            email=_email(report.person.email, faults),
        )  # fmt: skip
        return account, Record(
            text="", balance=balance, past_due=past_due, rating=rating, sign=sign_of(line),
            first_default_on=first or report.first_default_on,
        )  # fmt: skip

    def _observed(self, report: Report) -> Observation | None:
        member = report.line.holder in self.lender.buyers
        return self.codes.observations.get(outcome(report, member=member))

    def _rating(self, report: Report) -> str:
        line = report.line
        if line.days_past_due:
            return self.codes.rating_of_days(line.days_past_due, self.choices.oldest_from)
        if line.status != "active":
            return self.codes.rating_of_days(0, self.choices.oldest_from)
        idle = line.revolving and not line.balance
        if idle or (line.instalments == 1 and line.maturity_on >= line.on):
            return self.codes.no_information
        new = (line.opened_on.year, line.opened_on.month) == (line.on.year, line.on.month)
        if new and line.last_paid_on is None and self.choices.new_accounts:
            return self.codes.too_new
        return self.codes.rating_of_days(0, self.choices.oldest_from)

    def _owed(self, report: Report, faults: Faults) -> tuple[int, int, int]:
        """Balance, past due, principal. A debt given up or sold late shows what was lost by it."""
        line = report.line
        balance = faults.whole("balance", line.balance, 9)
        past_due = faults.whole("past_due", line.past_due, 9)
        if line.closed_for == "forgiven":
            past_due = faults.whole("forgiven", line.forgiven, 9)
        elif line.status == "closed" and line.closed_for != "sold":
            past_due = 0
        elif line.status == "written_off" and self.choices.write_off_balance == "zero":
            balance = 0
        # Interest paid ahead of its accrual makes the balance less than the principal.
        return balance, past_due, min(faults.whole("principal", line.principal, 9), balance)

    def _monthly(self, report: Report, frequency: str, faults: Faults) -> int:
        """The instalment as a month's."""
        times, parts = self.codes.monthly[frequency]
        return faults.whole("instalment", report.line.instalment * times // parts, 9)

    def _last_paid(self, paid_on: date | None, opened_on: date) -> str:
        if paid_on is None and self.choices.first_payment == "opening":
            return day_first(opened_on)
        return day_first(paid_on)


def _check(member: Member, codes: Catalogue) -> None:
    if len(member.key) > 10 or not member.key.isalnum():
        raise BadLenderFile(f"buro.key: {member.key!r} is not up to ten letters and digits")
    if not 1 <= len(plain(member.name)) <= 16:
        raise BadLenderFile(f"buro.name: {member.name!r} is not 1 to 16 characters")
    if len(plain(member.return_address)) > 160:
        raise BadLenderFile("buro.return_address: has more than 160 characters")
    literal = member.choices.no_employer
    if literal and literal not in codes.no_employer:
        raise BadLenderFile(f"buro.choices.no_employer: {literal!r} is none of the bureau's words")


def _payments(line: Tradeline, faults: Faults) -> str:
    if line.revolving:
        return COUNTED_AS_REVOLVING
    return faults.fitting("instalments", str(line.instalments), 4)


def _email(text: str, faults: Faults) -> str:
    if text and (not text.isascii() or "@" not in text or len(text) > 99):
        return faults("email", f"{text!r} is no address of up to 99 plain characters")
    return text
