"""A CSV file as the body of a request, kept in the data directory under its own digest."""

import os
import re
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from fastapi import Query, Request

from api.problems import Problem
from ledger.settings import Settings

CSV = {"text/csv", "application/csv", "text/plain", "application/octet-stream"}
CSV_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
}
"""For the OpenAPI description: the file itself is the body."""

FileName = Annotated[str, Query(max_length=100, description="the file's name, kept for the record")]


async def stored(request: Request, settings: Settings, name: str) -> tuple[Path, str]:
    """Where the body is kept, and its digest: the same file is kept once.

    Errors: ``Problem`` for another kind of body, an empty one, or where nothing can be written.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in CSV:
        raise Problem(
            415, "unsupported-media-type", "send the CSV file itself as the body, as text/csv"
        )
    digest = sha256()
    try:
        folder = settings.var_dir.absolute() / "uploads"
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix="arriving-")
    except OSError as error:
        raise _not_writable() from error
    try:
        with os.fdopen(handle, "wb") as arriving:
            async for chunk in request.stream():
                digest.update(chunk)
                arriving.write(chunk)
            if arriving.tell() == 0:
                raise Problem(
                    422, "invalid-field", "the body is empty: send the file", field="body"
                )
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", Path(name).name).strip("._") or "file.csv"
        path = folder / f"{digest.hexdigest()[:32]}-{safe}"
        Path(temporary).replace(path)
    except OSError as error:
        raise _not_writable() from error
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path, digest.hexdigest()


def _not_writable() -> Problem:
    return Problem(507, "storage-not-writable", "the file cannot be stored; nothing was queued")
