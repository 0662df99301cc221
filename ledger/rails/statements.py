"""A bank's statement: each credit onto its loan once, into suspense, or back with a reason.

The rules for a line are those of every payment file (`ledger/payment_landing.py`).
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from ledger.application import Ledger
from ledger.csv_lines import Line, Reject
from ledger.money import FormError
from ledger.orders import Cause
from ledger.payment_file import PaymentReport, Progress, land
from ledger.rails import camt053, layouts, mt940
from ledger.rails.entry import (
    Entry,
    Identities,
    as_line,
    bank_line,
    checked_patterns,
    with_patterns,
)
from ledger.settings import Settings

FORMS = ("mt940", "camt053")
CHANNEL = "bank-statement"


class StatementReport(Struct, kw_only=True):
    """What an import came to. ``outgoing``: movements that are no money in.

    ``digest`` is the SHA-256 of the file; ``seen_before`` whether the same bytes came already.
    """

    digest: str
    seen_before: bool
    payments: PaymentReport
    outgoing: int = 0


class Statement:
    """The credits of a file as lines, and how many movements were none."""

    def __init__(
        self, path: Path, found: Iterator[Entry | Reject | None], patterns: tuple[str, ...]
    ) -> None:
        self.size = path.stat().st_size
        self.ignored: list[str] = []
        self.outgoing = 0
        self._found = found
        self._patterns = patterns

    @property
    def read_bytes(self) -> int:
        """Where in the file it is, as far as that is known."""
        return self.size

    def __iter__(self) -> Iterator[Line | Reject]:
        identities = Identities()
        for one in self._found:
            if one is None:
                self.outgoing += 1
            elif isinstance(one, Reject):
                yield one
            else:
                yield as_line(with_patterns(one, self._patterns), identities)


def import_statement(
    ledger: Ledger,
    path: Path,
    form: str | Path,
    *,
    rejects: Path | None = None,
    encoding: str = "utf-8",
    patterns: Sequence[str] = (),
    actor: str = "operator",
    progress: Progress | None = None,
) -> StatementReport:
    """Bring every credit of the statement at ``path`` to its loan, once.

    ``form`` is ``mt940``, ``camt053``, or the file of a layout. ``patterns`` are regular
    expressions for references inside longer texts, beside those of the layout.
    Errors: ``FormError`` where the file or the layout as a whole cannot be read, ``OSError``.
    """
    read, given = _reader(form, encoding)
    wanted = (*checked_patterns(patterns), *given)
    digest = _digest(path)
    before = _seen(ledger, digest)
    deque(read(path), maxlen=0)  # a file that ends badly is refused before any of it is taken
    ledger.store.make_room()
    statement = Statement(path, read(path), wanted)
    payments = land(
        ledger, statement, path, bank_line, Cause(actor, CHANNEL), rejects, progress=progress
    )
    report = StatementReport(
        digest=digest.hex(), seen_before=before, payments=payments, outgoing=statement.outgoing
    )
    _note(ledger, path, str(form), digest, actor, report)
    return report


def known_form(settings: Settings, name: str) -> str:
    """A form by what a request may call it: a standard, or a layout of the lender's folder.

    Errors: ``FormError``.
    """
    if name in FORMS:
        return name
    folder = settings.bank_layouts_dir
    found = sorted(folder.glob("*.yaml")) if folder is not None else []
    for path in found:
        if path.stem == name:
            return str(path.absolute())
    known = ", ".join((*FORMS, *(path.stem for path in found)))
    raise FormError("form", f"{name[:40]!r} is not one of: {known}")


def _reader(
    form: str | Path, encoding: str
) -> tuple[Callable[[Path], Iterator[Entry | Reject | None]], tuple[str, ...]]:
    """What reads the file, and the patterns that come with it."""
    if form == "mt940":
        return (lambda path: mt940.entries(path, encoding)), ()
    if form == "camt053":
        return camt053.entries, ()
    if not Path(form).is_file():
        raise FormError("form", f"must be one of: {', '.join(FORMS)}, or the file of a layout")
    layout = layouts.read_layout(Path(form))
    return (lambda path: layouts.entries(path, layout)), layout.patterns


def _digest(path: Path) -> bytes:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.digest()


def _seen(ledger: Ledger, digest: bytes) -> bool:
    rows = ledger.store.run(
        lambda connection: connection.execute(
            "SELECT FROM ledger.bank_files WHERE digest = %s LIMIT 1", [digest]
        ).fetchall()
    )
    return bool(rows)


def _note(
    ledger: Ledger, path: Path, form: str, digest: bytes, actor: str, report: StatementReport
) -> None:
    told = msgspec.json.encode(report).decode()
    values = [digest, path.name, Path(form).name, path.stat().st_size, actor, told]
    ledger.store.run(
        lambda connection: connection.execute(
            "INSERT INTO ledger.bank_files (digest, name, form, bytes, actor, report)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            values,
        )
    )
