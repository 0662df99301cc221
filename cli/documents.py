"""Trusted documents: the questions that an API answers though it answers no others."""

from pathlib import Path
from typing import Annotated

import typer

from cli.console import answer, fail


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("documents")(documents)


def documents(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="A document each.")],
) -> None:
    """Check GraphQL documents against the schema, and print the file that
    `CARTERA_GRAPHQL_DOCUMENTS` names: each document by its SHA-256.

    Exit code 2 if one cannot be read or is not valid.
    """
    from graphql import GraphQLError, build_schema, parse, validate

    from api.graphql.schema import schema
    from api.graphql.trusted import digest_of
    from ledger.settings import settings

    contract = build_schema(schema(settings()).as_str())
    found = {}
    for file in files:
        try:
            text = file.read_text()
            faults = validate(contract, parse(text))
        except (OSError, UnicodeDecodeError, GraphQLError) as error:
            fail(f"{file}: {error}")
        if faults:
            fail(f"{file}: {faults[0].message}")
        found[digest_of(text)] = text
    answer(found)
