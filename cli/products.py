"""`products`: what a lender offers, as files of terms and limits."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.console import Exit, answer, say, show, table

app = typer.Typer(help="Products: named sets of terms with limits, as files.")

Folder = Annotated[
    Path | None, typer.Option(help="A folder of product files; else those that ship.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(cartera: typer.Typer) -> None:
    """Add the commands of this module."""
    cartera.add_typer(app, name="products")


@app.callback(invoke_without_command=True)
def products(context: typer.Context, folder: Folder = None, as_json: AsJson = False) -> None:
    """List the products: name, title, method, frequency and what is particular."""
    if context.invoked_subcommand is not None:
        return
    from ledger.products import catalogue

    found = [_listed(product) for product in catalogue(folder).values()]
    if as_json:
        answer(found)
        return
    shown = table("Products", "name", "title", "method", "frequency", "what is particular")
    for one in found:
        shown.add_row(*one.values())
    show(shown)


@app.command("show")
def show_one(
    name: Annotated[str, typer.Argument(help="The product's name.")],
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """One product: its defaults, limits, what is fixed and what a lender must confirm."""
    from ledger.products import find

    product = find(name, folder)
    limits = {limit.field: limit for limit in product.limits}
    if as_json:
        answer(_whole(product))
        return
    say(f"{product.title} ({product.title_es})", lead=product.name)
    say(product.description)
    shown = table("", "field", "default", "limits")
    for field in [*product.defaults, *(one for one in limits if one not in product.defaults)]:
        limit = "fixed" if field in product.fixed else ""
        limit = limits[field].told() if field in limits else limit
        shown.add_row(field, _plain(product.defaults.get(field)), limit)
    for field in product.fixed:
        if field not in product.defaults:
            shown.add_row(field, "", "fixed")
    show(shown)
    if product.funding:
        say(f"{product.funding.share / 10_000:g} % of {product.funding.funder}", lead="funding")
    for note in product.notes:
        say(note, lead="confirm")


@app.command("check")
def check(
    folder: Annotated[Path, typer.Argument(help="A folder of product files.")],
    as_json: AsJson = False,
) -> None:
    """Read every product file and try it at its limits. Exit code 1 if one cannot be used."""
    from ledger.products import BrokenProduct, files, read

    broken = 0
    for path in files(folder):
        fault = None
        try:
            read(path)
        except BrokenProduct as error:
            broken += 1
            fault = {"field": error.inside, "rule": error.rule}
        if as_json:
            answer({"file": str(path), "error": fault})
        elif fault:
            say(f"{path}: {fault['field']}: {fault['rule']}", lead="failed", style="red")
        else:
            say(str(path), lead="passed", style="green")
    if broken:
        raise typer.Exit(Exit.FINDINGS)


def _listed(product: Any) -> dict[str, str]:
    allowed = {limit.field: ", ".join(limit.allowed) for limit in product.limits}
    return {
        "name": product.name,
        "title": product.title,
        "method": product.defaults.get("method", "equal_instalments"),
        "frequency": allowed.get("frequency") or product.defaults.get("frequency", ""),
        "particular": product.description,
    }


def _whole(product: Any) -> dict[str, Any]:
    return {
        "name": product.name,
        "title": product.title,
        "title_es": product.title_es,
        "description": product.description,
        "terms": product.defaults,
        "limits": {
            "currency": list(product.currencies),
            **{
                limit.field: list(limit.allowed)
                or {end: value for end, value in (("min", limit.low), ("max", limit.high))
                    if value is not None}
                for limit in product.limits
            },
        },
        "fixed": list(product.fixed),
        "funding": product.funding
        and {"funder": product.funding.funder, "share_percent": _percent(product.funding.share)},
        "notes": list(product.notes),
    }  # fmt: skip


def _percent(millionths: int) -> str:
    from ledger.money import rate_text

    return rate_text(millionths)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_plain(part)}" for name, part in value.items())
    if isinstance(value, list):
        return "; ".join(map(_plain, value))
    return str(value)
