"""A group's payment on its loans: who owes what on the day, and what each loan then takes."""

from collections.abc import Iterable, Mapping
from datetime import date

from msgspec import Struct, structs

from domain import events as e
from domain.draft import Draft
from domain.errors import InvalidAmount, InvalidDate, LoanError
from domain.fees import prepayment_fee
from domain.group_split import split
from domain.groups import Claim, Member, Split, SplitRule, StrangerNamed
from domain.guards import Events, check_active, check_not_before
from domain.limits import MAX_AMOUNT, check_amount
from domain.loan import Cover, Loan, Status
from domain.payments import receive_payment
from domain.views import as_of


class UnknownCover(LoanError):
    """The loan has no cover of that number, or nothing of it is owed any more."""

    field = "cover"


class Share(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one loan takes of a group's payment.

    ``payments``: (loan of the payer, empty for the borrower himself; amount). ``returns``: (cover,
    amount) that these give back. ``covers``: (loan paid for, amount) that its borrower gives.
    """

    payments: tuple[tuple[str, int], ...] = ()
    returns: tuple[tuple[int, int], ...] = ()
    covers: tuple[tuple[str, int], ...] = ()

    @property
    def paid(self) -> int:
        """All that comes onto the loan."""
        return sum(amount for _, amount in self.payments)


def share_out(
    loans: Mapping[str, Loan],
    total: int,
    on: date,
    *,
    absent: Iterable[str] = (),
    amounts: Mapping[str, int] | None = None,
    rule: SplitRule = SplitRule(),
) -> tuple[list[Member], Split]:
    """The members and the split of ``total`` among the group's ``loans``, listed in its order.

    Only active loans take part. Errors: those of ``split``, ``InvalidAmount``, ``InvalidDate``.
    """
    check_amount(total)
    for loan_no, amount in (amounts or {}).items():
        check_amount(amount, "amounts")
        _takes_payments(loans, loan_no, "amounts")
    away = set(absent)
    for loan_no in away:
        if loan_no not in loans:
            raise StrangerNamed("absent", loan_no)
    seated = members(loans, on, away)
    made = split(seated, total, amounts=amounts, claims=claims(loans, on), rule=rule)
    return seated, made


def members(loans: Mapping[str, Loan], on: date, absent: Iterable[str] = ()) -> list[Member]:
    """Those whose loans are active, with what each owes by the day."""
    away = set(absent)
    return [
        member(loan, place, on, absent=loan_no in away)
        for place, (loan_no, loan) in enumerate(loans.items())
        if loan.status is Status.ACTIVE
    ]


def member(loan: Loan, place: int, on: date, *, absent: bool = False) -> Member:
    """What the loan owes by ``on``, what it pays each time, and what closes it.

    Errors: ``InvalidDate`` before it was paid out.
    """
    if loan.disbursed_on is not None and on < loan.disbursed_on:
        raise InvalidDate(on, f"is before {loan.loan_no} was paid out ({loan.disbursed_on})", "on")
    seen = as_of(loan, on)
    payoff = seen.balances().total
    if seen.terms.prepayment_fee_rate:
        payoff += sum(prepayment_fee(seen, seen.to_come, MAX_AMOUNT))
    return Member(
        loan_no=loan.loan_no,
        place=place,
        due=sum(line.left for line in seen.fallen_due),
        instalment=instalment(seen, on),
        payoff=payoff,
        absent=absent,
    )


def instalment(loan: Loan, on: date) -> int:
    """As planned, the one that falls due ``on`` or next after it; at the end the last one."""
    line = next((line for line in loan.lines if line.due_on >= on), loan.lines[-1])
    fees = line.planned_fee + line.planned_fee_tax
    return line.owed.principal + line.planned_interest + line.planned_tax + fees


def claims(loans: Mapping[str, Loan], on: date) -> list[Claim]:
    """Covers not returned, of those whose loans can take the money."""
    return [
        Claim(
            creditor=loan_no,
            cover=cover.number,
            debtor=cover.for_loan,
            left=cover.left,
            given_on=cover.given_on,
        )
        for loan_no, loan in loans.items()
        if loan.status is Status.ACTIVE
        for cover in loan.covers.values()
        if cover.left > 0 and cover.given_on <= on
    ]


def shares(made: Split) -> dict[str, Share]:
    """By loan, those that others pay for in front: who pays for them waits for their answer."""
    names = dict.fromkeys([part.loan for part in made.parts] + [part.payer for part in made.parts])
    found = {loan_no: _share(made, loan_no) for loan_no in names}
    return dict(sorted(found.items(), key=lambda one: bool(one[1].covers)))


def _share(made: Split, loan_no: str) -> Share:
    onto = [part for part in made.parts if part.loan == loan_no]
    return Share(
        payments=tuple(
            ("" if part.payer == loan_no else part.payer, part.amount)
            for part in sorted(onto, key=lambda part: part.payer != loan_no)
        ),
        returns=tuple((part.returns, part.amount) for part in onto if part.returns),
        covers=tuple(
            (part.loan, part.amount)
            for part in made.parts
            if part.payer == loan_no != part.loan and not part.returns
        ),
    )


def take_payments(
    loan: Loan, share: Share, *, on: date, channel: str = "", reference: str = ""
) -> Events:
    """The loan's own payment and those of others for it, with the covers that come back.

    Errors: those of ``receive_payment``, and ``NotAllowedNow`` for a loan repaid meanwhile: the
    money of others is not its borrower's. Then nothing of it is to be recorded.
    """
    draft = Draft(loan)
    for paid_by, amount in share.payments:
        check_active(draft.loan, "receive a payment")
        for event in receive_payment(
            draft.loan, amount=amount, effective_on=on, channel=channel, reference=reference
        ):
            draft.record(_by(event, paid_by))
    for number, amount in share.returns:
        cover = draft.loan.covers.get(number)
        back = min(amount, cover.left) if cover else 0  # some may have come back meanwhile
        if back > 0:
            draft.record(e.CoverReturned(effective_on=on, cover=number, amount=back))
    return tuple(draft.events)


def _by(event: e.AnyLoanEvent, paid_by: str) -> e.AnyLoanEvent:
    if isinstance(event, e.PaymentReceived) and paid_by:
        return structs.replace(event, paid_by=paid_by)
    return event


def give_covers(loan: Loan, covers: Iterable[tuple[str, int]], *, on: date) -> Events:
    """What the borrower paid for others, to be owed back; the loan may have ended."""
    draft = Draft(loan)
    draft.catch_up(on)
    for for_loan, amount in covers:
        number = len(draft.loan.covers) + 1
        draft.record(e.CoverGiven(effective_on=on, cover=number, amount=amount, for_loan=for_loan))
    return tuple(draft.events)


def take_share(
    loan: Loan, share: Share, *, on: date, channel: str = "", reference: str = ""
) -> Events:
    """All that a group's payment does to one loan. Errors: those of ``receive_payment``."""
    draft = Draft(loan)
    for event in take_payments(loan, share, on=on, channel=channel, reference=reference):
        draft.record(event)
    for event in give_covers(draft.loan, share.covers, on=on) if share.covers else ():
        draft.record(event)
    return tuple(draft.events)


def return_cover(loan: Loan, *, cover: int, on: date, amount: int | None = None) -> Events:
    """The members settled a cover among themselves: all that is left of it, or ``amount``.

    Errors: ``UnknownCover``, ``InvalidAmount`` beyond what is left, ``InvalidDate``.
    """
    found = owed_back(loan, cover)
    asked = found.left if amount is None else amount
    check_amount(asked)
    if asked > found.left:
        raise InvalidAmount(asked, "is more than the {left} owed back", left=found.left)
    check_not_before(on, found.given_on, "the cover", "on")
    draft = Draft(loan)
    draft.catch_up(on)
    draft.record(e.CoverReturned(effective_on=on, cover=cover, amount=asked))
    return tuple(draft.events)


def owed_back(loan: Loan, cover: int) -> Cover:
    """The cover, if anything of it is owed. Errors: ``UnknownCover``."""
    found = loan.covers.get(cover)
    if found is None or found.left <= 0:
        raise UnknownCover(f"cover {cover} is not owed back to {loan.loan_no}")
    return found


def _takes_payments(loans: Mapping[str, Loan], loan_no: str, field: str) -> None:
    if loan_no not in loans:
        raise StrangerNamed(field, loan_no)
    if loans[loan_no].status is not Status.ACTIVE:
        status = loans[loan_no].status
        raise StrangerNamed(field, loan_no, f"takes no payment: the loan is {status}")
