"""The books in the company's accounts: balances, ledgers, entries, what stands behind them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Any

import typer

from cli.console import answer, fail, say, show, table
from cli.ready import ready

accounting = typer.Typer(
    help="The books in the company's own accounts: posting rules, balances, entries, periods.",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
First = Annotated[
    datetime | None,
    typer.Option(
        "--from", formats=["%Y-%m-%d"], metavar="DATE", help="First posting day (default: the 1st)."
    ),
]
Last = Annotated[
    datetime, typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="Last posting day.")
]
Number = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The company's account number.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(accounting, name="accounting")


@contextmanager
def books() -> Iterator[tuple[Any, Any]]:
    """A connection for one moment of the books, and the rules; which are read first."""
    from ledger.database import connect
    from projections.accounting.rules import load_rules

    chosen = ready()
    rules = load_rules(chosen.accounting_rules, chosen.accounting_chart)
    with connect(chosen) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield connection, rules


def span(first: datetime | None, last: datetime) -> tuple[date, date]:
    end = last.date()
    begin = first.date() if first else end.replace(day=1)
    if begin > end:
        fail(f"from: {begin} lies after {end}")
    return begin, end


def _known(rules: Any, number: str) -> None:
    if number not in rules.chart.by_number:
        fail(f"account: {number!r} is none that the chart posts to; see `accounting accounts`")


@accounting.command("trial-balance")
def trial_balance(
    last: Last,
    first: First = None,
    by: Annotated[list[str] | None, typer.Option(help="branch, product, or both.")] = None,
    as_json: AsJson = False,
) -> None:
    """What every account came to at the end of a day, and its debits and credits until then."""
    from ledger.money import text
    from projections.accounting.balances import BY
    from projections.accounting.balances import trial_balance as run

    begin, end = span(first, last)
    parts = by or []
    if unknown := set(parts) - set(BY):
        fail(f"by: {', '.join(sorted(unknown))} is none of: {', '.join(BY)}")
    with books() as (connection, rules):
        found = run(connection, rules, end, begin, by=parts)
    if as_json:
        answer(
            [
                {**place._asdict(), "from": begin, "to": end, "accounts": [
                    {"number": one.account.number, "name": one.account.name,
                     **{side: text(getattr(one, side), place.currency)
                        for side in ("opening", "debit", "credit", "closing")}}
                    for one in balances]}
                for place, balances in found.items()
            ]
        )  # fmt: skip
        return
    for place, balances in found.items():
        numbers = ("opening", "debit", "credit", "closing")
        title = " ".join(part for part in ("Trial balance", f"{begin} to {end}", *place) if part)
        shown = table(title, "account", "name", *numbers, numbers=numbers)
        for one in balances:
            amounts = (text(getattr(one, side), place.currency) for side in numbers)
            shown.add_row(one.account.number, one.account.name, *amounts)
        show(shown)


@accounting.command("ledger")
def ledger(number: Number, last: Last, first: First = None, as_json: AsJson = False) -> None:
    """The lines of one account, with its running balance."""
    from ledger.money import text
    from projections.accounting.balances import general_ledger

    begin, end = span(first, last)
    with books() as (connection, rules):
        _known(rules, number)
        lines = general_ledger(connection, rules, number, begin, end)
    amounts = ("debit", "credit", "balance")
    if as_json:
        answer([_texts(line, amounts) for line in lines])
        return
    heads = ("posted on", "value on", "branch", "product", "kind", *amounts)
    shown = table(f"{number} {rules.chart.by_number[number].name}", *heads, numbers=amounts)
    for line in lines:
        figures = (text(getattr(line, name), line.currency) for name in amounts)
        shown.add_row(
            str(line.posted_on), str(line.value_on), line.branch, line.product, line.kind, *figures
        )
    show(shown)


@accounting.command("drill")
def drill(
    number: Number,
    last: Last,
    first: First = None,
    kind: Annotated[
        str | None, typer.Option(help="Only this kind, as the ledger names it.")
    ] = None,
) -> None:
    """The loans' events behind an account's lines, one JSON line each."""
    from projections.accounting.drill import behind
    from projections.accounting.facts import MEETS

    begin, end = span(first, last)
    if kind is not None and kind not in MEETS:
        fail(f"kind: {kind!r} is none of: {', '.join(MEETS)}")
    with books() as (connection, rules):
        _known(rules, number)
        for line in behind(connection, rules, number, begin, end, kind=kind):
            answer(_texts(line, ("debit", "credit")))


@accounting.command("entries")
def entries(
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="Last posting day."),
    ] = None,
    first: First = None,
    grouping: Annotated[
        str, typer.Option("--group", help="day: a day's facts of one sort; event: one each.")
    ] = "day",
    loan: Annotated[
        str | None, typer.Option(metavar="LOAN", help="The entries of this loan's events instead.")
    ] = None,
    position: Annotated[
        int | None, typer.Option(metavar="N", help="With --loan: of its event at this position.")
    ] = None,
) -> None:
    """The balanced entries of a span of days, one JSON line each."""
    from projections.accounting.entries import Grouping
    from projections.accounting.entries import entries as run

    if grouping not in set(Grouping):
        fail(f"group: {grouping!r} is none of: {', '.join(Grouping)}")
    if (loan is None) == (last is None):
        fail("to: give either --to DATE or --loan LOAN")
    with books() as (connection, rules):
        if loan is not None:
            found = iter(_of_loan(connection, rules, loan, position))
        else:
            assert last is not None
            found = run(connection, rules, *span(first, last), Grouping(grouping))
        for entry in found:
            answer(_entry(entry))


def _of_loan(connection: Any, rules: Any, loan_no: str, position: int | None) -> list[Any]:
    from projections.accounting.drill import entries_of_loan, loan_of

    loan_id = loan_of(connection, loan_no)
    if loan_id is None:
        fail(f"loan: there is no loan {loan_no}")
    return entries_of_loan(connection, rules, loan_id, position)


@accounting.command("accounts")
def accounts(as_json: AsJson = False) -> None:
    """The chart: accounts, their SAT codes and the regulator's concepts."""
    from projections.accounting.chart import load_chart

    chart = load_chart(ready().accounting_chart)
    if as_json:
        answer(chart.accounts())
        return
    shown = table("Chart of accounts", "account", "name", "nature", "SAT", "CNBV")
    for one in chart.accounts():
        codes = (one.sat_code or "", one.cnbv_concept or "")
        shown.add_row(one.number, one.name, one.nature, *codes)
    show(shown)


@accounting.command("check")
def check(as_json: AsJson = False) -> None:
    """Read rules and chart before an export does: what does not fit ends with exit code 2.

    Lists the accounts whose SAT code or CNBV concept is still to be confirmed.
    """
    from projections.accounting.chart import SHIPPED, load_chart
    from projections.accounting.rules import load_rules

    chosen = ready()
    load_rules(chosen.accounting_rules, chosen.accounting_chart)
    missing = load_chart(chosen.accounting_chart).unconfirmed()
    if as_json:
        answer(
            {"rules": "every fact there can be has its accounts", "to_be_confirmed": [
                {"number": one.number, "name": one.name, "sat": one.sat_code,
                 "cnbv": one.cnbv_concept} for one in missing]}
        )  # fmt: skip
        return
    say("every fact there can be has its accounts, and they keep what loans owe")
    shown = table("To be confirmed", "account", "name", "SAT", "CNBV")
    for one in missing:
        shown.add_row(one.number, one.name, one.sat_code or "?", one.cnbv_concept or "?")
    show(shown)
    lacking = sum(one.sat_code is None for one in missing)
    if chosen.accounting_chart is None:
        say(f"the chart is the shipped one: copy {SHIPPED}, and name your copy in"
            " CARTERA_ACCOUNTING_CHART")  # fmt: skip
    if lacking:
        say(f"{lacking} accounts without SAT's code: write it as `sat` of the account in the chart;"
            " sat-chart is refused until all have one")  # fmt: skip


def _texts(line: Any, amounts: tuple[str, ...]) -> dict[str, Any]:
    """A line with its amounts as text."""
    from ledger.money import text

    fields = {name: getattr(line, name) for name in line.__struct_fields__}
    return fields | {name: text(fields[name], line.currency) for name in amounts}


def _entry(entry: Any) -> dict[str, Any]:
    from msgspec.structs import asdict

    from ledger.money import text

    lines = [
        {name: value for name, value in asdict(line).items() if value}
        | {
            side: text(getattr(line, side), entry.currency)
            for side in ("debit", "credit")
            if getattr(line, side)
        }
        for line in entry.lines
    ]
    return asdict(entry) | {"lines": lines}
