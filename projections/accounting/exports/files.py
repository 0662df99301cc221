"""A file that is there whole or not at all, with the same bytes whenever it is made."""

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FIXED_TIME = (1980, 1, 1, 0, 0, 0)
CHUNK = 1 << 20


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place to write, which becomes ``path`` only if the block ends well."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        settle(part, path)
    finally:
        part.unlink(missing_ok=True)


def settle(part: Path, path: Path) -> None:
    """``part``, written out to the disk, becomes ``path``."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)


def zipped(source: Path, name: str, into: Path) -> None:
    """``source`` as the only file of an archive, without the time it was made."""
    entry = zipfile.ZipInfo(name, FIXED_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    with (
        source.open("rb") as file,
        zipfile.ZipFile(into, "w") as archive,
        archive.open(entry, "w", force_zip64=True) as out,
    ):
        shutil.copyfileobj(file, out, CHUNK)


def sha256(path: Path) -> str:
    """Of the whole file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copied(source: Path, path: Path) -> None:
    """A copy at ``path``, there whole or not at all."""
    with whole(path) as part:
        shutil.copyfile(source, part)
