"""`cartera bench`: what the house measures of itself, beside a limit measured in the same run."""

from typing import Annotated

import typer

from cli.console import answer, fail, say


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("bench")(bench)


def bench(
    name: Annotated[str, typer.Argument(help="One of those in docs/benchmarks.md.")],
    quick: Annotated[bool, typer.Option("--quick", help="A smaller run.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure against a limit measured in the same run."""
    from bench.__main__ import NAMES, module_of
    from bench.report import shown

    if name not in NAMES:
        fail(f"name: {name!r} is no benchmark; there are {', '.join(NAMES)}")
    result = module_of(name).run(quick=quick)
    if as_json:
        answer(result)
    else:
        say(shown(result))
