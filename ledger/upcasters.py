"""How events stored in an older shape are read today.

A stored event keeps its bytes for ever; its row says the revision they were written in. Changing
an event's shape means: raise its revision here, add the step from the old one, and a test on
stored bytes of every old revision.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from domain import events as e
from ledger.errors import UnknownRevision

Step: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


def _promise_due_on_renamed(state: dict[str, Any]) -> dict[str, Any]:
    """Revision 1 said ``due_on``, which everywhere else is an instalment's date."""
    renamed = dict(state)
    renamed["promised_for"] = renamed.pop("due_on")
    return renamed


STEPS: dict[str, tuple[Step, ...]] = {"promise-made": (_promise_due_on_renamed,)}
"""By event: the first step reads revision 1 as 2, the next 2 as 3, and so on."""


def revision(tag: str) -> int:
    """The revision this program writes."""
    return 1 + len(STEPS.get(tag, ()))


def decode(tag: str, written: int, state: str | bytes) -> e.AnyLoanEvent:
    """The event that ``state``, of revision ``written``, stands for today.

    Errors: ``UnknownRevision`` if a newer program wrote it.
    """
    steps = STEPS.get(tag, ())
    if written == 1 + len(steps):
        return e.decode.decode(state)
    if not 1 <= written <= len(steps):
        raise UnknownRevision(tag, written, 1 + len(steps))
    body: dict[str, Any] = msgspec.json.decode(state)
    for step in steps[written - 1 :]:
        body = step(body)
    return e.decode.decode(msgspec.json.encode(body))


OLD = (
    "revision <> CASE type "
    + "".join(f"WHEN '{tag}' THEN {revision(tag)} " for tag in sorted(STEPS))
    + "ELSE 1 END"
)
"""SQL: true for rows that ``decode`` must lift, or refuse."""
