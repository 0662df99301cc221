"""The portfolio as a lender reads it: balances, aging, PAR30, and a trial balance that balances."""

from datetime import date

from cli.console import say, show, table
from ledger.database import connect
from ledger.money import text
from ledger.settings import Settings
from projections.portfolio import CurrencySummary, summary


def show_portfolio(chosen: Settings, on: date) -> None:
    """Print the portfolio at the end of ``on``, one section a currency."""
    with connect(chosen) as connection:
        found = summary(connection, on)
    say("", lead=f"\nPortfolio on {on}")
    for part in found.currencies:
        _loans_and_balances(part)
        _aging(part)
        _trial_balance(part)


def _loans_and_balances(part: CurrencySummary) -> None:
    counts = ", ".join(f"{count:,} {status}" for status, count in part.loans.items())
    say(f"{part.currency}: {counts}")
    shown = table("Balances", "component", part.currency, numbers=(part.currency,))
    for name, amount in part.balances.items():
        shown.add_row(name.replace("_", " "), _money(amount, part.currency))
    show(shown)


def _aging(part: CurrencySummary) -> None:
    numbers = ("loans", "principal", "%", "overdue")
    shown = table("Aging", "days past due", *numbers, numbers=numbers)
    whole = sum(bucket.principal for bucket in part.aging)
    for bucket in part.aging:
        share = 10_000 * bucket.principal // whole if whole else 0
        shown.add_row(
            bucket.bucket, f"{bucket.loans:,}", _money(bucket.principal, part.currency),
            f"{share // 100}.{share % 100:02d}", _money(bucket.overdue, part.currency),
        )  # fmt: skip
    show(shown)
    rate = part.par30_rate // 100
    say(f"PAR30 {_money(part.par30, part.currency)}, {rate // 100}.{rate % 100:02d} % of principal")


def _trial_balance(part: CurrencySummary) -> None:
    numbers = ("debit", "credit", "balance")
    shown = table("Trial balance", "account", "name", *numbers, numbers=numbers)
    for total in part.trial_balance:
        amounts = (_money(n, part.currency) for n in (total.debit, total.credit, total.balance))
        shown.add_row(total.code, total.name, *amounts)
    shown.add_section()
    sums = (_money(n, part.currency) for n in (part.debit, part.credit, part.debit - part.credit))
    shown.add_row("", "total", *sums)
    show(shown)
    if part.debit == part.credit:
        say("debits equal credits")
    else:
        say("", lead="out of balance", style="red")


def _money(amount: int, currency: str) -> str:
    """With thousands separators, for people only."""
    whole, point, cents = text(amount, currency).partition(".")
    return f"{int(whole):,}{point}{cents}" if int(whole) else text(amount, currency)
