"""Which fiscal documents a loan's history asks for. Pure: the same history asks for the same.

At collection: one for the interest and fees of each payment. At the due date: one for the interest
of each instalment, and for each payment a complement that says what it paid of them; what was
paid before it fell due, late interest and fees are invoiced when they are paid. What a correction
of the history changes is a new document in place of the old one. Invoiced debt that is given up
asks for a credit note; the invoice of a reversed payment for one, or for its cancellation.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from domain import events as e
from domain.terms import Component
from ledger.log import Recorded
from projections.accounting.cfdi.cleared import (
    Cleared,
    by_instalment,
    cleared_by,
    only_more,
    summed,
    taxable,
)
from projections.accounting.cfdi.documents import (
    TAXED,
    Cancellation,
    Complement,
    Credit,
    Income,
    Item,
    Part,
    Wanted,
    apart,
    fitting,
    taxed,
)
from projections.accounting.cfdi.settings import CfdiSettings

WITHHELD = "withheld"

READS = (
    e.LoanDisbursed, e.InstalmentFellDue, e.PaymentReceived, e.PaymentReversed, e.HistoryCorrected,
    e.ChargedBack, e.OverpaymentApplied, e.DepositApplied, e.OverpaymentRefunded,
    e.RecoveryReceived, e.DebtForgiven, e.LoanRestructured,
)  # fmt: skip
"""The events that may ask for a document."""


@dataclass
class _Invoice:
    """An invoice to be paid later, and what is still owed of it."""

    document: Income
    owed: int
    parts: int = 0


@dataclass
class _Payment:
    channel: str
    on: date
    cleared: Cleared
    standing: list[Income | Complement] = field(default_factory=list)


def wanted(history: Iterable[Recorded], settings: CfdiSettings) -> list[Wanted]:
    """Every document and cancellation that the loan's facts, oldest first, ask for."""
    book = _Book(settings)
    return [one for recorded in history for one in book.read(recorded)]


class _Book:
    """One loan, fact by fact."""

    def __init__(self, settings: CfdiSettings) -> None:
        self._due, self._since = settings.when == "due", settings.since
        self._kinds = frozenset(settings.kinds)
        self._credits = settings.reversed == "credit_note"
        self._forgives = settings.forgiven == "credit_note"
        self._rate = 0
        self._invoices: dict[int, list[_Invoice]] = {}
        self._early: dict[int, int] = {}
        self._payments: dict[int, _Payment] = {}

    def read(self, recorded: Recorded) -> Iterator[Wanted]:
        """What one fact asks for."""
        event, at = recorded.event, recorded.position
        terms = getattr(event, "terms", None)  # opened, restructured, corrected
        if terms is not None:
            self._rate = terms.tax_rate
        match event:
            case e.LoanDisbursed():
                fees = Item("fee", event.withheld_fees, event.withheld_fees_tax)
                interest = Item("interest", event.withheld_interest, event.withheld_interest_tax)
                yield from self._invoiced(at, event.effective_on, [fees, interest], WITHHELD)
            case e.InstalmentFellDue() if self._due:
                yield from self._fell_due(event, at)
            case e.PaymentReceived() if event.kind in self._kinds:
                self._payments[event.payment] = _Payment(event.channel, event.effective_on, {})
                cleared = e.Moved(
                    payment=event.payment, on=event.effective_on, portions=event.allocation
                )
                yield from self._moved([cleared], at, own=event.payment)
            case e.PaymentReversed() if event.payment in self._payments:
                yield from self._reversed(self._payments.pop(event.payment), at)
            case e.HistoryCorrected() | e.ChargedBack():
                yield from self._moved(event.moved, at)
            case e.OverpaymentApplied() | e.DepositApplied() | e.OverpaymentRefunded():
                yield from self._moved(event.moved, at, adds=True)
            case e.DebtForgiven():
                yield from self._given_up(event.forgiven, at)
            case e.LoanRestructured(forgiven=e.Portion() as all_forgiven):
                yield from self._given_up(by_instalment(all_forgiven, event.cleared), at)
            case e.RecoveryReceived():
                items = [
                    Item(name, event.by_component.get(Component(name), 0),
                         event.by_component.get(Component(f"{name}_tax"), 0))
                    for name in TAXED
                ]  # fmt: skip
                yield from self._invoiced(at, event.effective_on, items, event.channel)

    def _invoiced(self, at: int, on: date, items: Iterable[Item], channel: str) -> Iterator[Income]:
        charged = fitting(items, self._rate)
        if charged and on >= self._since:
            yield Income(key=f"I{at}", position=at, on=on, items=charged, rate=self._rate,
                         paid=True, channel=channel)  # fmt: skip

    def _fell_due(self, event: e.InstalmentFellDue, at: int) -> Iterator[Income]:
        """The instalment's interest, less what was invoiced as it was paid in advance."""
        early = self._early.get(event.instalment, 0)
        item = Item("interest", event.interest, event.tax)
        if early:
            item = apart("interest", event.interest + event.tax - early, self._rate, event.tax > 0)
        charged = fitting([item], self._rate)
        if charged and event.effective_on >= self._since:
            made = Income(key=f"I{at}", position=at, on=event.effective_on, items=charged,
                          rate=self._rate, paid=False)  # fmt: skip
            self._invoices.setdefault(event.instalment, []).append(_Invoice(made, made.total))
            yield made

    def _collected(
        self, payment: _Payment, cleared: Cleared, key: str, at: int
    ) -> Iterator[Income | Complement]:
        """Documents for what was cleared: parts of invoices first, the rest as it is paid."""
        if payment.on < self._since:
            return
        parts: list[Part] = []
        items: list[Item] = []
        for instalment, amounts in cleared.items():
            for name in TAXED:
                item = Item(name, amounts[name], amounts[f"{name}_tax"])
                if name == "interest" and self._due:
                    found, item = self._of_invoices(instalment, item)
                    parts += found
                    if not self._invoices.get(instalment):
                        paid = item.amount + item.tax
                        self._early[instalment] = self._early.get(instalment, 0) + paid
                items.append(item)
        made: list[Income | Complement] = []
        if parts:
            made.append(Complement(key=f"P{key}", position=at, on=payment.on,
                                   parts=tuple(parts), channel=payment.channel))  # fmt: skip
        if charged := fitting(items, self._rate):
            made.append(Income(key=f"I{key}", position=at, on=payment.on, items=charged,
                               rate=self._rate, paid=True, channel=payment.channel))  # fmt: skip
        payment.standing += made
        yield from made

    def _of_invoices(self, instalment: int, item: Item) -> tuple[list[Part], Item]:
        parts, left = [], item.amount + item.tax
        for invoice in self._invoices.get(instalment, []):
            paid = min(left, invoice.owed)
            if paid > 0:
                invoice.parts += 1
                parts.append(Part(invoice.document.key, invoice.parts, invoice.owed, paid))
                invoice.owed -= paid
                left -= paid
        rest = item if not parts else apart(item.component, left, self._rate, item.tax > 0)
        return parts, rest

    def _given_up(self, forgiven: Iterable[e.Portion], at: int) -> Iterator[Credit]:
        """Of the invoices' interest; late interest and fees are not invoiced before they are paid.

        A credit note for each invoice: what is left of it is less by so much.
        """
        for portion in forgiven if self._forgives else ():
            left = portion.interest + portion.interest_tax
            for invoice in self._invoices.get(portion.instalment, []):
                total = min(left, invoice.owed)
                if total <= 0:
                    continue
                left -= total
                invoice.owed -= total
                known = invoice.document
                bears = any(taxed(one, known.rate) for one in known.items)
                yield Credit(key=f"E{at}.{known.key}", position=at, invoice=known.key,
                             items=(apart("interest", total, known.rate, bears),),
                             rate=known.rate, why="forgiven")  # fmt: skip

    def _reversed(self, payment: _Payment, at: int) -> Iterator[Wanted]:
        for document in payment.standing:
            self._undo(document, payment.cleared)
            yield self._withdrawn(document, at)

    def _withdrawn(self, document: Income | Complement, at: int) -> Cancellation | Credit:
        """A document without one in its place. A complement can only be cancelled."""
        if self._credits and isinstance(document, Income):
            return Credit(key=f"E{at}.{document.key}", position=at, invoice=document.key,
                          items=document.items, rate=document.rate, why="reversed",
                          channel=document.channel)  # fmt: skip
        return Cancellation(document=document.key, position=at, motive="reversed")

    def _undo(self, document: Income | Complement, cleared: Cleared) -> None:
        """What a document had paid is owed again."""
        if isinstance(document, Complement):
            for part in document.parts:
                for invoices in self._invoices.values():
                    for invoice in invoices:
                        if invoice.document.key == part.invoice:
                            invoice.owed += part.paid
        elif self._due:
            for instalment, amounts in cleared.items():
                if not self._invoices.get(instalment) and instalment in self._early:
                    paid = amounts["interest"] + amounts["interest_tax"]
                    self._early[instalment] = max(0, self._early[instalment] - paid)

    def _changes(self, moved: Iterable[e.Moved]) -> dict[int, Cleared]:
        """What each payment clears otherwise. What one gives back beyond what it had cleared there,
        those give back that had.
        """
        found: dict[int, Cleared] = {}
        for one in moved:
            if one.payment in self._payments:
                found[one.payment] = summed(found.get(one.payment, {}), cleared_by(one.portions))
        for number in list(found):
            after = summed(self._payments[number].cleared, found[number])
            for instalment, amounts in after.items():
                for name, amount in amounts.items():
                    if amount < 0:
                        self._give_back(found, number, instalment, name)
        return found

    def _give_back(
        self, found: dict[int, Cleared], number: int, instalment: int, name: str
    ) -> None:
        for other in self._payments:
            mine, theirs = (
                summed(self._payments[one].cleared, found.get(one, {}))
                .get(instalment, {}).get(name, 0)
                for one in (number, other)
            )  # fmt: skip
            if other != number and mine < 0 < theirs:
                shift = min(-mine, theirs)
                blank = dict.fromkeys(e.Portion.__struct_fields__[1:], 0)
                for one, amount in ((number, shift), (other, -shift)):
                    change = {instalment: blank | {name: amount}}
                    found[one] = summed(found.get(one, {}), change)

    def _moved(
        self, moved: Iterable[e.Moved], at: int, *, adds: bool = False, own: int = 0
    ) -> Iterator[Wanted]:
        """A payment cleared something else than was thought, or (``adds``) more than before."""
        for number, change in self._changes(moved).items():
            payment = self._payments[number]
            if not taxable(change):
                continue
            key = str(at) if number == own else f"{at}.{number}"
            before, payment.cleared = payment.cleared, summed(payment.cleared, change)
            if adds and only_more(change):
                yield from self._collected(payment, change, key, at)
                continue
            old, payment.standing = payment.standing, []
            for document in old:
                self._undo(document, before)
            new = list(self._collected(payment, payment.cleared, key, at))
            yield from self._in_place(old, new, at)

    def _in_place(
        self, old: list[Income | Complement], new: list[Income | Complement], at: int
    ) -> Iterator[Wanted]:
        """Each new document replaces the old ones of its kind; others are withdrawn."""
        for document in new:
            yield replace(document, replaces=tuple(one.key for one in _alike(document, old)))
        for document in old:
            by = next((one.key for one in _alike(document, new)), "")
            if by:
                yield Cancellation(document=document.key, position=at, motive="replaced", by=by)
            else:
                yield self._withdrawn(document, at)


def _alike(
    document: Income | Complement, others: list[Income | Complement]
) -> Iterator[Income | Complement]:
    return (one for one in others if type(one) is type(document))
