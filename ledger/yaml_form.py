"""One YAML file as a form: plain data, in which a key stands once, or what is wrong with it."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from ledger.money import FormError

MAX_BYTES = 5_000_000
MAX_DEPTH = 500


def read_form(path: Path) -> Any:
    """What the file says, not yet read field by field.

    Errors: ``FormError`` naming the key and the rule; ``OSError`` where there is no such file.
    """
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise FormError("file", f"is longer than {MAX_BYTES} bytes")
    try:
        content = raw.decode()
        _check_depth(content)
        return yaml.load(content, _Loader)  # noqa: S506  a safe loader, stricter
    except UnicodeDecodeError:
        raise FormError("file", "is not UTF-8 text") from None
    except yaml.YAMLError as error:
        raise FormError("yaml", " ".join(str(error).split())) from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, FormError):
            raise
        raise FormError("yaml", f"cannot be read: {error}") from None


def _check_depth(content: str) -> None:
    """Refuse nesting that would overrun the parser's stack: it recurses in C, unguarded.

    A nest of n needs n brackets or a line of n columns, so most files need no second look.
    """
    longest = max(map(len, content.splitlines()), default=0)
    if content.count("[") + content.count("{") + longest <= MAX_DEPTH:
        return
    depth = 0
    for event in yaml.parse(content, yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise FormError("yaml", f"is nested deeper than {MAX_DEPTH} levels")


_BOOLEAN = "tag:yaml.org,2002:bool"


class _Loader(yaml.CSafeLoader):
    """YAML as data only, in which a key stands once.

    Only true and false are booleans, as in YAML 1.2: ``on`` is a day's key, ``no`` a country.
    """

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                raise FormError(name, f"stands twice, again on line {line}")
            seen.add(name)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [one for one in resolvers if one[0] != _BOOLEAN]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    _BOOLEAN, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
