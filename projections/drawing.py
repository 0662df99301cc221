"""Shipped drawings by typst, and what everything laid out by it has in common."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import typst

SHIPPED = Path(__file__).parent / "drawings"
FIXED = datetime(2000, 1, 1, tzinfo=UTC)
"""No document tells when it was laid out: the same content gives the same bytes."""


def draw(name: str, data: dict[str, Any], form: Literal["svg", "png"]) -> bytes:
    """A shipped drawing of that name."""
    compiler = typst.Compiler(SHIPPED / f"{name}.typ", root=SHIPPED, ignore_system_fonts=True)
    given = {"data": json.dumps(data, ensure_ascii=False)}
    return joined(compiler.compile(format=form, sys_inputs=given, timestamp=FIXED))


def joined(done: bytes | list[bytes] | None) -> bytes:
    """The pages one after the other."""
    assert done is not None, "asked for bytes"
    return b"".join(done) if isinstance(done, list) else done
