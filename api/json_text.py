"""JSON for answers: quick where it can be, never refusing what a request brought with it."""

import json
from typing import Any

import orjson


def encoded(answer: Any) -> bytes:
    """UTF-8; halves of characters and whole numbers beyond 64 bits go by the standard library."""
    try:
        return orjson.dumps(answer)
    except orjson.JSONEncodeError:
        return json.dumps(answer, default=str).encode()
