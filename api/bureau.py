"""REST: files for credit bureaus, written by workers, fetched and marked as sent from here."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from psycopg import Connection
from psycopg.rows import TupleRow
from pydantic import BaseModel, Field
from starlette.responses import FileResponse

from api.auth import requires
from api.fields import Body, Day
from api.policy import Action
from api.problems import DOCUMENTED, Problem
from api.running import Running, running
from api.work import GivenKey, Queued, once
from ledger import jobs
from ledger.api_keys import Key
from ledger.database import connect
from projections.bureau import filed, kept
from projections.bureau.errors import BureauError, UnknownFile, UnknownFormat
from projections.bureau.formats.registry import format_of
from projections.bureau.report import control

router = APIRouter(prefix="/v1/bureau", tags=["bureau"], responses=DOCUMENTED)

Here = Annotated[Running, Depends(running)]
Sender = Annotated[Key, Depends(requires(Action.SEND_BUREAU_FILE))]
Reader = Annotated[Key, Depends(requires(Action.READ_EXPORTS))]
File = Annotated[int, Path(ge=1, le=2**63 - 1, description="The file's number.")]


class BureauOrder(Body):
    """Which file is wanted, of which cut-off date."""

    format: str = Field(max_length=40, examples=["buro-intf"])
    cut_off: Day = Field(examples=["2026-04-30"])
    correction: bool = Field(False, description="Only what was sent otherwise, or rejected.")


class BureauFile(BaseModel):
    """One file; balances in whole units."""

    file: int
    bureau: str
    format: str
    cut_off: date
    kind: str
    records: int
    balance: int
    past_due: int
    sha256: str
    sent: bool


class Unsendable(BaseModel):
    """Why a tradeline is not in a file."""

    loan_no: str
    person: str
    field: str
    rule: str


@router.post("/files", status_code=202, summary="Write a file of a cut-off date, as a draft")
def write(body: BureauOrder, here: Here, actor: Sender, key: GivenKey) -> Queued:
    """The job's progress counts loans; its result names the file and what cannot be sent."""
    with _problems():
        format_of(body.format)
    here.ledger.check_date(body.cut_off, "cut_off")
    told = {"format": body.format, "cut_off": body.cut_off, "correction": body.correction}

    def queue(connection: Connection[TupleRow], origin: dict[str, Any]) -> list[jobs.Job]:
        return [jobs.enqueue(connection, jobs.WRITE_BUREAU_FILE, told | origin, here.settings)]

    asked = f"bureau-file {body.format} {body.cut_off} {body.correction}"
    return once(here, actor, key, asked, queue)


@router.get("/files", summary="The files there are, the newest first")
def files(here: Here, _: Reader) -> list[BureauFile]:
    with connect(here.settings) as connection:
        return [_shown(one) for one in kept.files(connection)]


@router.get("/files/{file}/content", summary="A file, byte for byte; it is noted who fetched it")
def content(file: File, here: Here, actor: Sender) -> FileResponse:
    with _problems():
        known, path = filed.fetch(here.settings, file, actor.name)
    return FileResponse(
        path, media_type="application/octet-stream", filename=path.name,
        headers={"ETag": f'"{known.sha256}"'},
    )  # fmt: skip


@router.get("/files/{file}/unsendable", summary="What is not in a file, and why")
def unsendable(
    file: File, here: Here, _: Reader, limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000
) -> list[Unsendable]:
    with _problems(), connect(here.settings) as connection:
        found = filed.unsendable(connection, file, limit)
    return [
        Unsendable(loan_no=one.loan_no, person=one.person, field=one.field, rule=one.rule)
        for one in found
    ]


@router.get("/files/{file}/report", summary="How a file ties to the ledger, and what moved")
def report(file: File, here: Here, _: Reader) -> dict[str, Any]:
    """Amounts in minor units. ``explained`` is false where a difference has no reason."""
    with _problems(), connect(here.settings) as connection:
        found = control(connection, file)
    return {"explained": found.explained, **msgspec.to_builtins(found)}


@router.put("/files/{file}/sent", summary="Say that a file went to its bureau: it stands")
def sent(file: File, here: Here, actor: Sender) -> BureauFile:
    """A second time answers the same. Another file of the month that was sent is in the way."""
    with _problems(), connect(here.settings) as connection:
        known = kept.one(connection.cursor(), file=file)
        if known.sent:
            return _shown(known)
        return _shown(kept.mark_sent(connection, bytes.fromhex(known.sha256), actor.name))


@contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except UnknownFormat as error:
        raise Problem(422, error.code, str(error), field=error.field) from None
    except UnknownFile as error:
        raise Problem(404, error.code, str(error), field=error.field) from None
    except BureauError as error:
        raise Problem(409, error.code, str(error), field=error.field) from None


def _shown(known: kept.Kept) -> BureauFile:
    return BureauFile(**{name: getattr(known, name) for name in BureauFile.model_fields})
