"""What every command shares: answers on stdout, progress and errors on stderr, exit codes."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, NoReturn, TypeAlias

import msgspec
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from domain.errors import LoanError
from ledger.errors import LedgerError, StoreUnavailable
from ledger.forms import FormError
from ledger.servers import ServerError

Told: TypeAlias = Callable[[int, int], None]


class Exit(IntEnum):
    """What the exit code says."""

    FINE = 0
    FINDINGS = 1  # findings, failed scenarios, rejected lines
    BAD_INPUT = 2
    ENVIRONMENT = 3  # a server, a port, a path


class Commands(TyperGroup):
    """Runs a command; a refusal becomes one line on stderr and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except StoreUnavailable as error:
            fail(_named(error), Exit.ENVIRONMENT)
        except (FormError, LoanError, LedgerError) as error:
            fail(_named(error))
        except ServerError as error:
            fail(str(error), Exit.ENVIRONMENT)
        except BrokenPipeError:  # the reader of our output has gone: nothing more to tell it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(Exit.FINE) from None
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            fail(f"{where}{error.strerror or error}", Exit.ENVIRONMENT)
        except UnicodeEncodeError:
            fail("argument: holds bytes that are no text")
        except ValidationError as error:  # of the environment's settings: all else is ours
            fail("; ".join(_settings(error)), Exit.ENVIRONMENT)
        except Exception as error:
            if not _of_database(error):
                raise
            fail(f"database: {_first_line(error)}", Exit.ENVIRONMENT)


class Screen(Console):
    """Shows text as it is; a reader that has gone is for ``Commands`` to answer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def on_broken_pipe(self) -> None:
        """Rich would end with exit code 1, which here says that there is something to look at."""
        raise  # noqa: PLE0704  called where the error is being handled


def fail(told: str, code: Exit = Exit.BAD_INPUT) -> NoReturn:
    """Say what was wrong in one line, and end."""
    error = Text.assemble(("error", "red"), " ", " ".join(told.split()))
    Screen(stderr=True, soft_wrap=True).print(error)
    raise typer.Exit(code)


def json_object(name: str, given: str) -> dict[str, Any]:
    """An option that holds a JSON object; else the command ends."""
    try:
        found = json.loads(given)
    except (ValueError, RecursionError) as error:
        fail(f"{name}: is not JSON: {error}")
    if not isinstance(found, dict):
        fail(f"{name}: must be a JSON object")
    return found


def answer(result: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")


def say(text: str, *, lead: str = "", style: str = "bold") -> None:
    """A line for people, on stdout, as it is: what looks like markup in a stranger's file is not.

    ``lead`` stands before it in ``style``.
    """
    line = Text.assemble((lead, style), " " if lead and text else "", text)
    Screen(soft_wrap=True).print(line)


def table(title: str, *columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """A table for people; the columns in ``numbers`` align to the right."""
    made = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left")
    return made


def show(what: Table) -> None:
    """A table on stdout, as wide as it needs where nobody watches."""
    width = None if sys.stdout.isatty() else 160
    Screen(width=width).print(what)


class Pace(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        """Nothing before something is done."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def progress(label: str, *, quiet: bool = False) -> Iterator[Told]:
    """A bar on stderr that a long work tells how far it is, (done, of all); none without a tty."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Pace(),
        TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _named(error: FormError | LoanError | LedgerError) -> str:
    """Field and rule."""
    return f"{error.field}: {re.sub(f'^{re.escape(error.field)}:? ', '', str(error))}"


def _settings(error: ValidationError) -> Iterator[str]:
    """Each by the variable it came from, without its value, which may be a secret."""
    for fault in error.errors():
        name = "_".join(str(part) for part in fault["loc"])
        yield f"{name if name.isupper() else f'CARTERA_{name.upper()}'}: {fault['msg']}"


def _of_database(error: Exception) -> bool:
    """Whether it came from a driver, told by name so that quick commands load none."""
    return type(error).__module__.partition(".")[0] in ("psycopg", "psycopg_pool", "redis")


def _first_line(error: Exception) -> str:
    """Without the statement and the details that follow it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
