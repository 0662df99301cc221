"""Whole lists into files: what an accountant's job or an auditor's notebook reads."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import answer, fail, json_object
from cli.ready import ready


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("export-query")(export_query)


def export_query(
    document: Annotated[Path, typer.Argument(metavar="DOCUMENT", help="A GraphQL document.")],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The file to write: .jsonl or .parquet.")
    ],
    variables: Annotated[
        str, typer.Option("--vars", metavar="JSON", help="Its variables, as a JSON object.")
    ] = "{}",
    books: Annotated[
        str | None, typer.Option(help="Export books made by `rebuild --into` instead.")
    ] = None,
) -> None:
    """Write the `nodes` of the one list that a document asks, all of them, to a file: one JSON
    object a line, or Parquet. Prints as JSON the position that all of it is true at.

    Exit code 2 if the document is no export; the file is then as it was.
    """
    from graphql import GraphQLError

    from api.graphql.errors import shown
    from api.graphql.parquet import NoParquet
    from api.query import export
    from projections.books import BooksError

    given = json_object("vars", variables)
    if out.suffix not in {".jsonl", ".parquet"}:
        fail(f"out: {out} must end in .jsonl or .parquet")
    try:
        position = export(document.read_text(), out, given, ready(), books=books)
    except UnicodeDecodeError:
        fail(f"document: {document} is no text")
    except GraphQLError as refused:
        told = shown(refused)
        fail(f"document: {told.message} ({(told.extensions or {})['code']})")
    except BooksError as error:
        fail(f"books: {error}")
    except NoParquet as error:
        fail(str(error))
    answer({"file": str(out), "position": position})
