"""Prints the GraphQL schema: `python -m api.export_schema > docs/schema.graphql`."""

import sys

from api.graphql.schema import schema
from ledger.settings import Settings


def sdl() -> str:
    """The schema in its own language."""
    return schema(Settings()).as_str() + "\n"


if __name__ == "__main__":
    sys.stdout.write(sdl())
