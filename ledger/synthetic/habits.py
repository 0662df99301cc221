"""How borrowers and their lender behave: what is paid, when, and what is done where it is not."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

from msgspec import Struct

from domain import commands
from domain.loan import Loan, Status
from domain.restructuring import NewTerms
from domain.terms import Component, Method
from domain.views import payoff
from ledger.synthetic.lives import Life

CHANNELS = ("spei",) * 5 + ("oxxo",) * 3 + ("branch", "direct_debit")
COLLECTION_FEE = 150_00
LEVEL = (Method.EQUAL_INSTALMENTS, Method.EQUAL_PRINCIPAL, Method.FLAT)


class Habit(Struct, frozen=True, kw_only=True):
    """What a borrower does about an instalment: each figure is in percent but the days.

    ``delay`` are the fewest and most days after the due date.
    """

    share: int
    delay: tuple[int, int] = (0, 0)
    partly: int = 0
    skips: int = 0
    ahead: int = 0
    promises: int = 0
    stops: int = 0


HABITS = (
    Habit(share=57),
    Habit(share=17, delay=(1, 14)),
    Habit(share=6, delay=(0, 6), partly=60),
    Habit(share=5, delay=(0, 3), skips=20),
    Habit(share=6, ahead=25),
    Habit(share=3, delay=(3, 25), promises=50, skips=5),
    Habit(share=6, delay=(0, 10), stops=30),
)
REFORMED = Habit(share=0, delay=(0, 4))


class Behaviour:
    """A habit at work on one loan."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.chance = life.chance
        [self.habit] = self.chance.choices(HABITS, [habit.share for habit in HABITS])
        self.stopped = False

    def begin(self) -> None:
        """Plan what comes first."""
        loan = self.loan
        if loan.status is Status.OPENED:
            self.life.plan(loan.opened_on, self.disburse)
            return
        if any(line.due and line.left > 0 for line in loan.lines):
            self._plan(loan.through, (2, 20), self.pay)
        self._await_due(loan.through)

    @property
    def loan(self) -> Loan:
        return self.life.loan

    # The loan is paid out

    def disburse(self, on: date) -> None:
        """All of it, or the first tranche or draw."""
        lent, product = self.loan.terms.principal, self.life.product
        match product:
            case "purchase_in_instalments":
                self._pay_out(on, lent, "merchant", lent * 6 // 100)
            case "agro":
                self._pay_out(on, lent * 4 // 10, "transfer")
                for days in (40, 90):
                    tranche = lent * 3 // 10 if days == 40 else lent - lent * 7 // 10
                    self.life.plan(on + timedelta(days=days), partial(self._pay_out, lent=tranche))
            case "revolving_line" | "private_credit_card":
                self._pay_out(on, _round(lent * self.chance.randint(15, 60) // 100), "shop")
                self._plan(on, (4, 40), self.draw)
            case _:
                self._pay_out(on, lent, "transfer")
        self._await_due(on - timedelta(days=1))

    def draw(self, on: date) -> None:
        """The borrower takes more of the line, unless behind with it."""
        loan = self.life.seen(on)
        if loan.status is not Status.ACTIVE or on >= loan.lines[-1].due_on:
            return
        amount = _round((loan.terms.principal - loan.principal) * self.chance.randint(5, 30) // 100)
        if amount > 0 and not self.stopped and loan.days_past_due(on) == 0:
            self._pay_out(on, amount, "shop")
        self._plan(on, (4, 40), self.draw)

    def _pay_out(
        self, on: date, lent: int, channel: str = "transfer", withheld: int | None = None
    ) -> None:
        if self.loan.status not in (Status.OPENED, Status.ACTIVE):
            return
        self.life.order(
            on,
            "disburse",
            lambda loan: commands.disburse(
                loan, principal=lent, effective_on=on, withheld_fees=withheld, channel=channel
            ),
        )

    # An instalment falls due

    def due(self, on: date) -> None:
        """Decide what is done about it: paid, in part, late, not at all."""
        if self.loan.status is not Status.ACTIVE:
            return
        self._await_due(on)
        habit = self.habit
        if not self.stopped and self._hit(habit.stops):
            self.stopped = True
            self._plan(on, (8, 12), self.chase)
        if self.stopped or self._hit(habit.skips):
            return
        if self.life.product == "agro" and self._hit(20):
            self._pause(on)
        pays_on = on + timedelta(days=self.chance.randint(*habit.delay))
        if pays_on > on and self._hit(habit.promises):
            self.life.plan(on + (pays_on - on) / 2, partial(self.promise, by=pays_on))
        share = self.chance.randint(30, 90) if self._hit(habit.partly) else 100
        self.life.plan(pays_on, partial(self.pay, share=share))

    def pay(self, on: date, share: int = 100) -> None:
        """Pay what is due by then, or a share of it; sometimes more, sometimes all that is left."""
        if (loan := self._active(on)) is None:
            return
        amount = self._asked(loan) * share // 100
        if share < 100:
            amount = _round(amount)
        if self._hit(self.habit.ahead):
            amount = self._more(loan, on, amount)
        if amount <= 0:
            return
        if self._hit(4):  # found out about some days later
            self._plan(on, (1, 3), partial(self.receive, amount=amount, value_on=on))
        else:
            self.receive(on, amount, on)

    def receive(self, on: date, amount: int, value_on: date) -> None:
        """Record money that came in on a value date; a few payments are returned by the bank."""
        if self.loan.status is not Status.ACTIVE:
            return
        number = len(self.loan.payments) + 1
        channel = self.chance.choice(CHANNELS)
        self.life.order(
            on,
            "receive-payment",
            lambda loan: commands.receive_payment(
                loan,
                amount=amount,
                effective_on=value_on,
                channel=channel,
                reference=f"{value_on:%y%m%d}-{number:03d}",
            ),
            value_on,
        )
        if self._hit(1):
            self._plan(on, (2, 5), partial(self.bounce, payment=number))
        if self.loan.overpaid:
            self._plan(on, (2, 4), self.refund)

    def bounce(self, on: date, payment: int) -> None:
        """The bank takes the payment back; the borrower pays again."""
        if self.loan.status is not Status.ACTIVE:
            return
        self.life.order(
            on,
            "reverse-payment",
            lambda loan: commands.reverse_payment(
                loan, payment=payment, reversed_on=on, reason="returned by the bank"
            ),
        )
        self._plan(on, (1, 7), self.pay)

    def refund(self, on: date) -> None:
        """What was paid too much goes back."""
        if self.loan.status is Status.CLOSED and self.loan.overpaid:
            self.life.order(
                on, "refund-overpayment",
                lambda loan: commands.refund_overpayment(loan, effective_on=on, channel="transfer"),
            )  # fmt: skip

    def _asked(self, loan: Loan) -> int:
        """What is due; of a card sometimes the whole statement."""
        asked = sum(line.left for line in loan.lines if line.due and line.left > 0)
        if loan.terms.revolving is not None and self._hit(50):
            return max(asked, loan.statement)
        if loan.terms.method is Method.DISCOUNT and asked:
            return asked * 5 // 4  # the debtor pays the whole invoice
        return asked

    def _more(self, loan: Loan, on: date, amount: int) -> int:
        if self._hit(15):
            return payoff(loan, on).total
        return amount + _round(loan.to_come * self.chance.randint(5, 30) // 100)

    # Arrears

    def chase(self, on: date) -> None:
        """The lender's next step with a loan that is paid no more."""
        loan = self._active(on)
        days = loan.days_past_due(on) if loan else 0
        if loan is None or days == 0:
            return
        if days >= 2 * loan.terms.stage_3_from:
            self._give_up(loan, on)
            return
        if self._hit(60) and all(one.state != "open" for one in loan.promises.values()):
            by = on + timedelta(days=self.chance.randint(3, 12))
            self.promise(on, by)
            if self._hit(20):
                self.life.plan(by, partial(self.pay, share=50))
        elif self._hit(30):
            self._charge(on)
        self._plan(on, (15, 25), self.chase)

    def promise(self, on: date, by: date) -> None:
        """The borrower says by when the arrears will be paid."""
        if (loan := self._active(on)) is None or (amount := self._asked(loan)) <= 0:
            return
        self.life.order(
            on, "make-promise",
            lambda loan: commands.make_promise(
                loan, amount=amount, promised_for=by, effective_on=on
            ),
        )  # fmt: skip

    def _charge(self, on: date) -> None:
        self.life.order(
            on, "charge-fee",
            lambda loan: commands.charge_fee(
                loan, kind="collection", amount=COLLECTION_FEE, effective_on=on
            ),
        )  # fmt: skip
        if self._hit(30):
            fee = max(self.loan.fees)
            self._plan(on, (1, 4), partial(self.waive, fee=fee))

    def waive(self, on: date, fee: int) -> None:
        """The fee is given up after all, if it is still owed."""
        if (loan := self._active(on)) is None:
            return
        line = loan.line(loan.fees[fee].instalment)
        if line.owed.fee > line.paid.fee:
            self.life.order(
                on, "waive-fee",
                lambda loan: commands.waive_fee(loan, fee=fee, effective_on=on, reason="goodwill"),
            )  # fmt: skip

    def _give_up(self, loan: Loan, on: date) -> None:
        """Write it off, settle it, sell it, or put it on new terms."""
        steps: list[Callable[[Loan, date], None]]
        steps = [*[self._write_off] * 5, *[self._settle] * 2, self._sell]
        if loan.terms.method in LEVEL:
            steps += [self._restructure] * 2
        self.chance.choice(steps)(loan, on)

    def _write_off(self, loan: Loan, on: date) -> None:
        self.life.order(
            on, "write-off",
            lambda loan: commands.write_off(loan, effective_on=on, approval="committee"),
        )  # fmt: skip
        if self._hit(50):
            self._plan(on, (20, 60), self.recover)

    def recover(self, on: date) -> None:
        """Some of what was written off comes in."""
        left = self.loan.written_off_left().total
        amount = min(left, _round(left * self.chance.randint(5, 30) // 100) or left)
        if self.loan.status is Status.WRITTEN_OFF and amount > 0:
            self.life.order(
                on, "receive-recovery",
                lambda loan: commands.receive_recovery(
                    loan, amount=amount, effective_on=on, channel="agency"
                ),
            )  # fmt: skip
            self._plan(on, (20, 60), self.recover)

    def _settle(self, loan: Loan, on: date) -> None:
        """A part is paid and the rest forgiven."""
        self.receive(on, loan.balances().total * self.chance.randint(40, 70) // 100, on)
        if (left := self._active(on)) is None:
            return
        owed = left.balances()
        amounts = {one: getattr(owed, one) for one in Component if getattr(owed, one) > 0}
        self.life.order(
            on, "forgive",
            lambda loan: commands.forgive(
                loan, amounts=amounts, effective_on=on, approval="committee", reason="settlement"
            ),
        )  # fmt: skip

    def _sell(self, loan: Loan, on: date) -> None:
        price = max(loan.principal // 10, 1)
        self.life.order(
            on, "sell",
            lambda loan: commands.sell(
                loan, effective_on=on, holder="Recuperadora del Centro", price=price
            ),
        )  # fmt: skip

    def _restructure(self, loan: Loan, on: date) -> None:
        new = NewTerms(instalments=loan.terms.instalments)
        self.life.order(
            on, "restructure",
            lambda loan: commands.restructure(loan, effective_on=on, new=new, approval="committee"),
        )  # fmt: skip
        self.stopped, self.habit = False, REFORMED
        self._await_due(on)

    def _pause(self, on: date) -> None:
        until = on + timedelta(days=30)
        self.life.order(
            on, "pause-delinquency",
            lambda loan: commands.pause_delinquency(
                loan, effective_on=on, until=until, reason="drought declared"
            ),
        )  # fmt: skip

    # Help

    def _active(self, on: date) -> Loan | None:
        """The loan at the end of the day, if it still runs."""
        if self.loan.status is not Status.ACTIVE:
            return None
        seen = self.life.seen(on)
        return seen if seen.status is Status.ACTIVE else None

    def _await_due(self, after: date) -> None:
        due_on = next((line.due_on for line in self.loan.lines if line.due_on > after), None)
        if due_on is not None:
            self.life.plan(due_on, self.due)

    def _plan(self, on: date, days: tuple[int, int], deed: Callable[[date], None]) -> None:
        self.life.plan(on + timedelta(days=self.chance.randint(*days)), deed)

    def _hit(self, percent: int) -> bool:
        return self.chance.random() * 100 < percent


def _round(amount: int) -> int:
    """Down to ten pesos: what people say and hand over."""
    return amount // 10_00 * 10_00
