"""The plain formulas a lender checks a schedule with, in exact fractions; nothing of the domain.

Amounts are centavos, rates text in percent. Each figure is rounded once, half to even.
"""

from datetime import date
from fractions import Fraction

DAYS_360 = 360


def day(text):
    return date.fromisoformat(text)


def cents(exact):
    """Half to even: what `round` does to a fraction."""
    return round(Fraction(exact))


def share(amount, percent):
    return cents(amount * Fraction(percent) / 100)


def money(amount):
    sign, (whole, part) = "-" * (amount < 0), divmod(abs(amount), 100)
    return f"{sign}{whole}.{part:02d}"


def actual(start, end):
    return (day(end) - day(start)).days


def thirty_e(start, end):
    a, b = day(start), day(end)
    return 360 * (b.year - a.year) + 30 * (b.month - a.month) + min(b.day, 30) - min(a.day, 30)


def interest(balance, percent, days, basis=DAYS_360):
    """Balance x rate x days / basis."""
    return cents(balance * Fraction(percent) / 100 * Fraction(days, basis))


def rate_per_period(percent, periods_a_year):
    return Fraction(percent) / 100 / periods_a_year


def level(principal, growth, balloon=0):
    """The equal payment of which the discounted sum is the principal; ``growth`` by period.

    ``growth`` is 1 + r of each period. The balloon falls due with the last payment.
    """
    factor, total = Fraction(1), Fraction(0)
    for g in growth:
        factor /= g
        total += factor
    return (principal - balloon * factor) / total


def level_of(principal, r, n, balloon=0):
    """P r / (1 - (1 + r)^-n), less what the balloon is worth today."""
    if not r:
        return Fraction(principal - balloon, n)
    discount = (1 + r) ** -n
    return (principal - balloon * discount) * r / (1 - discount)


def rows(balance, dues, asks, bears, tax="0", first=1):
    """One row a due date: ``bears(n, balance)`` is its interest, ``asks`` its principal.

    ``asks(n, balance, interest, tax)``; the last row takes all that is left.
    """
    found = []
    for place, due in enumerate(dues):
        n = place + first
        own = bears(place, balance)
        own_tax = share(own, tax)
        principal = balance if place == len(dues) - 1 else asks(place, balance, own, own_tax)
        principal = min(principal, balance)
        balance -= principal
        found.append(
            {"n": n, "due": due, "principal": principal, "interest": own, "tax": own_tax,
             "balance": balance}
        )  # fmt: skip
    return found


def cat(received, flows, periods_a_year):
    """The yearly rate, in percent, at which ``flows`` (n, amount) are worth what was received."""
    low, high = 0.0, 100.0
    for _ in range(200):
        middle = (low + high) / 2
        worth = sum(amount / (1 + middle) ** (n / periods_a_year) for n, amount in flows)
        low, high = (middle, high) if worth > received else (low, middle)
    return 100 * low
