"""`python -m bench [NAME...] [--quick] [--json]`: every benchmark, or those named."""

import argparse
import sys
from importlib import import_module
from typing import Any

import msgspec

from bench.report import shown

NAMES = (
    "append", "load", "replay", "project", "rebuild", "payments", "backdate", "accrual",
    "statements", "schedule", "reads", "close", "close-year", "footprint", "bureau",
    "accounting",
)  # fmt: skip


def module_of(name: str) -> Any:
    """The benchmark of that name."""
    return import_module(f"bench.{name.replace('-', '_')}")


def main(arguments: list[str] | None = None) -> None:
    """Run and print; what is printed as JSON is one array of results."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="a minute each at most")
    parser.add_argument("--json", action="store_true", help="one JSON array on stdout")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    results = []
    for name in given.names or NAMES:
        found = module_of(name).run(quick=given.quick)
        results.append(found)
        if not given.json:
            print(shown(found), flush=True)
    if given.json:
        sys.stdout.write(msgspec.json.encode(results).decode() + "\n")


if __name__ == "__main__":
    main()
