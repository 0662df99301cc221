"""References that borrowers pay with, and money that waits for its loan."""

import getpass
from datetime import date, datetime
from typing import Annotated, Any

import typer

from cli.console import answer, fail, progress, say, show, table
from cli.loans import loan_named
from cli.read_side import catch_up
from cli.ready import ready

references = typer.Typer(
    help="References that mean a loan: a CLABE of its own, or one with check digits.",
    no_args_is_help=True,
)
deposits = typer.Typer(help="Money that came in and waits for its loan.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Loan = Annotated[str, typer.Argument(metavar="LOAN", help="Loan number or id.")]
Deposit = Annotated[str, typer.Argument(metavar="DEPOSIT", help="As `deposit list` names it.")]
Actor = Annotated[str, typer.Option(help="Who orders it, as the log will say.")]
Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="By default the business date."),
]
CHANNEL = "cli"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(references, name="reference")
    app.add_typer(deposits, name="deposit")


@references.command("give")
def give(
    loan: Loan,
    algorithm: Annotated[
        str, typer.Option(help="clabe, bbva-10, bbva-37, luhn, mod-97-10, or of a plug-in.")
    ] = "clabe",
    base: Annotated[
        str | None, typer.Option(help="The lender's own part (default: a new number).")
    ] = None,
    amount: Annotated[str | None, typer.Option(help="That a bbva-10 reference forces.")] = None,
    due_on: Day = None,
    as_json: AsJson = False,
) -> None:
    """Give out a reference for a loan; the same again answers the first."""
    from ledger.application import Ledger
    from ledger.money import parse
    from ledger.rails.references import CLABE, issue, issue_clabe

    with Ledger(ready()) as ledger:
        loan_id = _id(ledger, loan)
        if algorithm == CLABE:
            found = issue_clabe(ledger, loan_id)
        else:
            currency = ledger.load(loan_id).terms.currency
            found = issue(
                ledger, loan_id, algorithm, base=base,
                amount=None if amount is None else parse(amount, currency), due_on=_date(due_on),
            )  # fmt: skip
    if as_json:
        answer(found)
    else:
        say(f"{found.reference}  {found.kind} of loan {loan}")


@references.command("give-all")
def give_all(
    algorithm: Annotated[
        str, typer.Option(help="clabe, bbva-37, luhn, mod-97-10, or of a plug-in.")
    ] = "clabe",
    as_json: AsJson = False,
) -> None:
    """Give out a reference for every running loan that has none of that kind yet."""
    from ledger.application import Ledger
    from ledger.rails.references import issue_all

    with Ledger(ready()) as ledger, progress("references", quiet=as_json) as told:
        made = issue_all(ledger, algorithm, told)
    if as_json:
        answer({"algorithm": algorithm, "given": made})
    else:
        say(f"{made:,} given out", lead=algorithm)


@references.command("list")
def list_references(loan: Loan, as_json: AsJson = False) -> None:
    """Every reference given out for a loan."""
    from ledger.application import Ledger
    from ledger.rails.references import issued

    with Ledger(ready()) as ledger:
        found = issued(ledger.store, _id(ledger, loan))
    if as_json:
        answer(found)
        return
    told = table(f"References of loan {loan}", "reference", "kind", "since")
    for one in found:
        told.add_row(one.reference, one.kind, f"{one.issued_at:%Y-%m-%d}")
    show(told)


@references.command("check")
def check(clabe: Annotated[str, typer.Argument(metavar="CLABE")], as_json: AsJson = False) -> None:
    """Take a CLABE apart; exit code 2 if its check digit is wrong."""
    from domain.references import clabe_of

    found = clabe_of(clabe.replace(" ", ""))
    if as_json:
        answer(found)
    else:
        say(f"bank {found.bank}, plaza {found.plaza}, account {found.account}")


@deposits.command("list")
def list_deposits(on: Day = None, as_json: AsJson = False) -> None:
    """All money that waits, with its age, the oldest first."""
    from ledger.application import Ledger
    from ledger.money import text
    from ledger.rails.settling import aged, totals

    with Ledger(ready()) as ledger:
        found = aged(ledger, _date(on))
    sums = {
        currency: {age: text(amount, currency) for age, amount in ages.items()}
        for currency, ages in totals(found).items()
    }
    if as_json:
        shown = [one.deposit.shown() | {"days": one.days, "bucket": one.bucket} for one in found]
        answer({"totals": sums, "deposits": shown})
        return
    told = table("Deposits that wait", "deposit", "date", "days", "amount", "reference", "payer",
                 "remark", "reason", numbers=("days", "amount"))  # fmt: skip
    for one in found:
        waits = one.deposit
        amount = f"{text(waits.amount, waits.currency)} {waits.currency}"
        told.add_row(waits.line_key, str(waits.paid_on), str(one.days), amount, waits.reference,
                     waits.payer, waits.remark, waits.reason)  # fmt: skip
    show(told)
    for currency, ages in sums.items():
        say(", ".join(f"{age} days {amount}" for age, amount in ages.items()), lead=currency)


@deposits.command("suggest")
def suggest_loans(deposit: Deposit, as_json: AsJson = False) -> None:
    """Loans the money may be meant for, and why; names that are looked at are noted."""
    from ledger.application import Ledger
    from ledger.borrowers.reading import Archive, Reader
    from ledger.borrowers.vault import Vault
    from ledger.rails import settling
    from ledger.rails.suggestions import suggest

    chosen = ready()
    with Ledger(chosen) as ledger:
        waits = settling.deposit(ledger, deposit)
        archive = Archive(ledger.store, Vault.of(chosen)) if waits.payer else None
        found = suggest(ledger, waits, archive, Reader(getpass.getuser(), CHANNEL))
    if as_json:
        answer(found)
        return
    told = table("Loans it may be meant for", "loan", "score", "because", numbers=("score",))
    for one in found:
        told.add_row(one.loan_no, str(one.score), "; ".join(one.reasons))
    show(told)


@deposits.command("assign")
def assign_deposit(
    deposit: Deposit, loan: Loan, actor: Actor = "operator", as_json: AsJson = False
) -> None:
    """Bring the money to a loan, with the value date it came in on."""
    from ledger.application import Ledger
    from ledger.orders import Cause
    from ledger.rails.settling import assign

    chosen = ready()
    with Ledger(chosen) as ledger:
        receipt = assign(ledger, deposit, _id(ledger, loan), Cause(actor, CHANNEL))
    catch_up(chosen, quiet=as_json)
    if as_json:
        answer(receipt)
    else:
        say(f"{deposit} is on loan {loan}: {', '.join(receipt.events)}")


@deposits.command("return")
def return_deposit(
    deposit: Deposit,
    yes: Annotated[bool, typer.Option("--yes", help="It has gone back already.")] = False,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Note that the money went back to who sent it; no money is moved here."""
    from ledger.application import Ledger
    from ledger.orders import Cause
    from ledger.rails.settling import give_back

    if not yes:
        fail("yes: this notes a transfer that was made elsewhere; say --yes")
    with Ledger(ready()) as ledger:
        give_back(ledger, deposit, Cause(actor, CHANNEL))
    if as_json:
        answer({"deposit": deposit, "settled_as": "returned"})
    else:
        say(f"{deposit} went back")


def _id(ledger: Any, loan: str) -> Any:
    return ledger.store.run(lambda connection: loan_named(connection, loan))


def _date(given: datetime | None) -> date | None:
    return given.date() if given else None
