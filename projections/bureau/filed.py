"""Files written for who asks from afar: kept in a folder, fetched again byte for byte."""

from contextlib import suppress
from hashlib import file_digest
from pathlib import Path
from typing import Any

from psycopg import Connection

from ledger.database import connect, pool
from ledger.settings import Settings
from projections.bureau import kept
from projections.bureau.consumer import Consumers
from projections.bureau.desk import Job
from projections.bureau.errors import BadLenderFile, UnknownFile
from projections.bureau.kept import Kept
from projections.bureau.lender import Lender, read_lender
from projections.bureau.reported import Problem
from projections.bureau.write import Progress, Written, write

FOLDER = "bureau"


def lender_of(settings: Settings) -> tuple[Lender, bytes]:
    """The lender's settings for bureaus, and their bytes. Errors: ``BadLenderFile``."""
    path = settings.bureau_lender_file
    if path is None:
        raise BadLenderFile("CARTERA_BUREAU_LENDER_FILE names none")
    try:
        return read_lender(path), path.read_bytes()
    except OSError as error:
        raise BadLenderFile(f"{path}: {error.strerror}") from None


def write_kept(
    settings: Settings, job: Job, consumers: Consumers, progress: Progress | None = None
) -> Written:
    """Write a draft into the folder of exported files. Errors: as ``write``."""
    folder = settings.exports / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"draft-{job.form}-{job.cut_off}"
    with pool(settings, max_size=2) as connections:
        made = write(connections, job, consumers, draft, progress)
        with suppress(FileNotFoundError):  # what could not be sent stands in the books
            Path(made.unsendable_list or draft.with_suffix(".none")).unlink()
        with connections.connection() as connection:
            draft.replace(_place(settings, kept.one(connection.cursor(), file=made.file)))
            _tidy(folder, connection)
    return made


def fetch(settings: Settings, number: int, actor: str) -> tuple[Kept, Path]:
    """A file as it was written; that it was fetched is noted.

    Errors: ``UnknownFile``, also where its bytes are kept elsewhere.
    """
    with connect(settings) as connection, connection.transaction():
        known = kept.one(connection.cursor(), file=number)
        path = _place(settings, known)
        if not path.is_file():
            raise UnknownFile(f"file {number} is not kept here: it was written to another place")
        with path.open("rb") as content:
            if file_digest(content, "sha256").hexdigest() != known.sha256:
                raise UnknownFile(f"file {number} is not as it was written: somebody changed it")
        connection.execute(
            "INSERT INTO bureau.fetched (file, actor) VALUES (%s, %s)", [number, actor]
        )
    return known, path


def unsendable(connection: Connection[Any], number: int, limit: int) -> list[Problem]:
    """What a file leaves out, and why, at most ``limit`` of it. Errors: ``UnknownFile``."""
    kept.one(connection.cursor(), file=number)
    rows = connection.execute(
        "SELECT loan_no, person, field, rule FROM bureau.unsendable WHERE file = %s"
        " ORDER BY loan_no, person, field, rule LIMIT %s",
        [number, limit],
    )
    return [Problem(*row) for row in rows]


def _place(settings: Settings, known: Kept) -> Path:
    return settings.exports / FOLDER / f"{known.file}-{known.format}-{known.cut_off}"


def _tidy(folder: Path, connection: Connection[Any]) -> None:
    """Drafts that were written anew go, with the people's data in them."""
    there = {known.file for known in kept.files(connection)}
    for path in folder.iterdir():
        number = path.name.partition("-")[0]
        if number.isdigit() and int(number) not in there:
            path.unlink(missing_ok=True)
