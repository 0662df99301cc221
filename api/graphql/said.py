"""What every answer says of itself: its position, why something is null, what it cost."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Spent(NamedTuple):
    """What a key's budget came to with a question; ``enough`` if it was spent for it.

    ``limit`` and ``remaining`` are nodes, ``resets_in`` seconds.
    """

    enough: bool
    limit: int
    remaining: int
    resets_in: int

    def told(self) -> dict[str, int]:
        """As answers say it."""
        return {
            "budget": self.limit,
            "remaining": self.remaining,
            "resetsInSeconds": self.resets_in,
        }


class Nullable(NamedTuple):
    """A root that answers null for what does not exist: under which key, named by what."""

    key: str
    root: str
    argument: str


REASONS = {
    "loan": ("unknown-loan", "there is no such loan, or it was not yet opened at that moment"),
    "node": ("unknown-node", "nothing has this id"),
}


def problems(roots: Iterable[Nullable], data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Why each root that is null is so; an error tells its own."""
    found = []
    for key, root, argument in roots:
        if data.get(key, ...) is None:
            code, message = REASONS[root]
            found.append({"code": code, "message": message, "field": argument, "path": [key]})
    return found


def cost(requested: int, limit: int, spent: Spent | None) -> dict[str, int]:
    """Nodes: those that the question may bring, those that any may, what is left of a budget."""
    return {"requested": requested, "limit": limit, **(spent.told() if spent else {})}
