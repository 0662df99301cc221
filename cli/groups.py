"""Groups: opened from a file, paid together, shown with what each member owes."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import Exit, answer, fail, say, show, table
from cli.read_side import catch_up
from cli.ready import ready

groups = typer.Typer(
    help="Group, communal and solidarity credits: members who answer for one another.",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Group = Annotated[str, typer.Argument(metavar="GROUP", help="The group's number.")]
Day = Annotated[
    datetime | None,
    typer.Option(
        "--on", formats=["%Y-%m-%d"], metavar="DATE", help="Value date (default: today's)."
    ),
]
Key = Annotated[
    str | None,
    typer.Option(help="Your own id of this order: given again, it is carried out once."),
]
Actor = Annotated[str, typer.Option(help="Who orders it, as the log will say.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(groups, name="group")


@groups.command("open")
def open_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A YAML or JSON file.")],
    disburse_on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Pay the loans out as well."),
    ] = None,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Open a group: a loan for each member. The same file again opens what is missing of it."""
    from ledger.application import Ledger
    from ledger.group_forms import group_from
    from ledger.group_opening import disburse_group, open_group
    from ledger.orders import Cause, Receipt
    from ledger.yaml_form import read_form

    if not file.is_file():
        fail(f"file: {file} is no file")
    chosen = ready()
    new = group_from(read_form(file), currency=chosen.currency)
    cause = Cause(actor, "cli")
    with Ledger(chosen) as ledger:
        opened = open_group(ledger, new, cause)
        paid: tuple[Receipt, ...] = ()
        if disburse_on is not None:
            paid = disburse_group(ledger, new.group_no, on=disburse_on.date(), cause=cause).loans
    catch_up(chosen, quiet=as_json)
    if as_json:
        loans = {
            member.loan_no: str(receipt.loan_id)
            for member, receipt in zip(new.members, opened.loans, strict=True)
        }
        told = {"group_no": new.group_no, "repeated": opened.repeated, "loans": loans}
        answer(told | {"disbursed": len(paid)})
        return
    state = "was open already" if opened.repeated else f"opened, {len(opened.loans)} loans"
    say(f"group {new.group_no} {state}" + (f", {len(paid)} paid out" if paid else ""))


@groups.command("pay")
def pay(
    group: Group,
    amount: Annotated[str, typer.Option(help="What came in, such as 1100.00.")],
    on: Day = None,
    absent: Annotated[
        list[str] | None, typer.Option(metavar="LOAN", help="Who was not there; repeat it.")
    ] = None,
    brought: Annotated[
        list[str] | None,
        typer.Option(metavar="LOAN=AMOUNT", help="What a member brought; repeat it."),
    ] = None,
    channel: Annotated[str, typer.Option(help="How it came.")] = "",
    reference: Annotated[str, typer.Option(help="The group's own of it.")] = "",
    key: Key = None,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Receive a group's payment and split it; those present pay for the absent.

    With --key the same order again finishes it, once, should it have been cut short.
    """
    from ledger.application import Ledger
    from ledger.group_opening import known
    from ledger.group_views import payment_shown
    from ledger.groups import group_payment
    from ledger.money import parse
    from ledger.orders import Cause

    chosen = ready()
    with Ledger(chosen) as ledger:
        currency = known(ledger, group).currency
        amounts = {
            loan_no: parse(given, currency, "brought") for loan_no, given in _pairs(brought or [])
        }
        receipt = group_payment(
            ledger,
            group,
            amount=parse(amount, currency),
            on=_date(on) or ledger.clock.business_date(),
            cause=Cause(actor, "cli", f"cli:{key}" if key else None),
            absent=absent or [],
            amounts=amounts,
            channel=channel,
            reference=reference,
        )
    catch_up(chosen, quiet=as_json)
    shown = payment_shown(receipt)
    if as_json:
        answer(shown)
        return
    title = f"Group {group}, payment {shown['number']} of {shown['on']}"
    told = table(title, "paid by", "onto", "as", "amount", numbers=("amount",))
    for part in shown["parts"]:
        told.add_row(part["payer"], part["loan"], part["kind"], part["amount"])
    show(told)
    waiting = [f"{one['suspended']} of {one['loan_no']}" for one in shown["loans"]
               if one["suspended"] != "0.00"]  # fmt: skip
    if receipt.kept:
        waiting.append(f"{shown['kept']} of the group")
    if waiting:
        say(f"in suspense: {', '.join(waiting)}")


@groups.command("return")
def return_(
    group: Group,
    loan: Annotated[str, typer.Argument(metavar="LOAN", help="Of the member who had paid.")],
    cover: Annotated[int, typer.Argument(metavar="COVER", help="Its number on that loan.")],
    amount: Annotated[str | None, typer.Option(help="Part of it (default: all).")] = None,
    on: Day = None,
    key: Key = None,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """A cover was settled among the members; no money of the lender moves."""
    from ledger.application import Ledger
    from ledger.group_opening import known
    from ledger.groups import return_cover
    from ledger.money import parse
    from ledger.orders import Cause

    chosen = ready()
    with Ledger(chosen) as ledger:
        currency = known(ledger, group).currency
        receipt = return_cover(
            ledger,
            group,
            loan,
            cover=cover,
            on=_date(on) or ledger.clock.business_date(),
            cause=Cause(actor, "cli", f"cli:{key}" if key else None),
            amount=None if amount is None else parse(amount, currency),
        )
    catch_up(chosen, quiet=as_json)
    if as_json:
        answer(receipt)
    else:
        say(f"cover {cover} of {loan}: recorded")


@groups.command("show")
def show_(group: Group, on: Day = None, as_json: AsJson = False) -> None:
    """What each member owes, and who paid for whom."""
    from ledger.application import Ledger
    from ledger.group_views import group_view

    with Ledger(ready()) as ledger:
        seen = group_view(ledger, group, _date(on))
    if as_json:
        answer(seen)
        return
    amounts = ("due", "instalment", "principal", "owed", "late")
    told = table(f"Group {group} ({seen['kind']}, {seen['status']}) on {seen['on']}",
                 "loan", "borrower", "status", *amounts, numbers=amounts)  # fmt: skip
    for one in seen["members"]:
        told.add_row(
            one["loan_no"], one.get("borrower", ""), one["status"] or "not opened",
            *(str(one.get(name, "")) for name in amounts[:-1]),
            str(one.get("days_past_due", "")),
        )  # fmt: skip
    show(told)
    if seen["covers"]:
        covers = table("Covers", "paid by", "for", "#", "on", "amount", "owed back",
                       numbers=("amount", "owed back"))  # fmt: skip
        for one in seen["covers"]:
            covers.add_row(one["loan"], one["for_loan"], str(one["cover"]), one["given_on"],
                           one["amount"], one["left"])  # fmt: skip
        show(covers)


@groups.command("story")
def story(
    files: Annotated[list[Path], typer.Argument(help="Group stories, or folders of them.")],
    as_json: AsJson = False,
) -> None:
    """Play group stories in memory; exit code 1 if one failed, 2 if a file holds none."""
    from cli.group_story import outcome

    paths = [
        path for given in files
        for path in (sorted(given.glob("*.yaml")) if given.is_dir() else [given])
    ]  # fmt: skip
    outcomes = [outcome(path) for path in paths]
    for one in outcomes:
        if as_json:
            answer(one)
            continue
        lead, style = ("passed", "green") if one["passed"] else ("failed", "red")
        say(one["file"], lead=lead, style=style)
        for failure in one["failures"]:
            say(f"       {failure}")
    if any(one["final"] is None for one in outcomes):
        raise typer.Exit(Exit.BAD_INPUT)
    if not all(one["passed"] for one in outcomes):
        raise typer.Exit(Exit.FINDINGS)


def _pairs(given: list[str]) -> list[tuple[str, str]]:
    pairs: dict[str, str] = {}
    for one in given:
        loan_no, equals, amount = one.rpartition("=")
        if not equals or not loan_no:
            fail(f"brought: {one!r} must be LOAN=AMOUNT")
        if loan_no in pairs:
            fail(f"brought: {loan_no} stands twice")
        pairs[loan_no] = amount
    return list(pairs.items())


def _date(given: Any) -> date | None:
    return given.date() if given else None
