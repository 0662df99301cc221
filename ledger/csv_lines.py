"""CSV files of strangers, line by line: bounded memory, named columns, and what cannot be read.

One record is one line; it is never larger in memory than ``MAX_LINE_BYTES``, whatever the file.
"""

import csv
import os
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self
from uuid import uuid4

from msgspec import Struct

from ledger.money import FormError

MAX_LINE_BYTES = 65_536
MAX_ORIGINAL = 2_000
ENCODINGS = ("utf-8", "latin-1", "cp1252")
DELIMITERS = ",;\t|"


class Line(Struct, frozen=True):
    """One readable line: its number in the file, its text, and its cells by column."""

    number: int
    original: str
    cells: dict[str, str]


class Reject(Struct, frozen=True, tag=True):
    """One line that was not taken, and why."""

    line: int
    field: str
    reason: str
    original: str


class Lines(Protocol):
    """Lines of a file of whatever form, as an import takes them."""

    size: int
    ignored: list[str]

    @property
    def read_bytes(self) -> int: ...

    def __iter__(self) -> Iterator[Line | Reject]: ...


class CsvLines:
    """The lines of a CSV file, by the names we know its columns by.

    ``columns`` maps our name to its aliases; case, accents and punctuation of a header do not
    matter. Iterating gives a ``Line`` or a ``Reject`` for each line below the header.
    Errors: ``FormError`` where the file as a whole cannot be read: empty, not in ``encoding``, or
    without one of ``required``.
    """

    def __init__(
        self,
        path: Path,
        columns: Mapping[str, tuple[str, ...]],
        required: tuple[str, ...],
        encoding: str = "utf-8",
    ) -> None:
        if encoding not in ENCODINGS:
            raise FormError("encoding", f"must be one of: {', '.join(ENCODINGS)}")
        self.encoding = encoding
        self.file = path.open("rb")
        self.size = os.fstat(self.file.fileno()).st_size
        self.number = 0
        self.ignored: list[str] = []
        try:
            self.names = self._header(columns, required)
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.file.close()

    @property
    def read_bytes(self) -> int:
        """How far the reading is, of ``size``."""
        return self.file.tell()

    def __iter__(self) -> Iterator[Line | Reject]:
        while (raw := _physical_line(self.file)) is not None:
            self.number += 1
            line = self._line(raw)
            if line is not None:
                yield line

    def _line(self, raw: bytes) -> Line | Reject | None:
        if len(raw) > MAX_LINE_BYTES:
            shown = raw[:200].decode(self.encoding, "replace")
            return Reject(self.number, "line", f"is longer than {MAX_LINE_BYTES} bytes", shown)
        try:
            text = raw.decode(self.encoding).rstrip("\r\n")
        except UnicodeDecodeError as error:
            shown = raw.decode("latin-1").rstrip("\r\n")
            reason = f"is not {self.encoding} text at byte {error.start + 1}; see --encoding"
            return Reject(self.number, "line", reason, shown)
        if not text.strip():
            return None
        try:
            cells = _cells(text, self.delimiter)
        except csv.Error as error:
            return Reject(self.number, "line", f"is not CSV: {error}", text)
        if len(cells) != len(self.names):
            reason = f"has {len(cells)} cells where the header has {len(self.names)}"
            return Reject(self.number, "line", reason, text)
        named = {name: cell.strip() for name, cell in zip(self.names, cells, strict=True) if name}
        return Line(self.number, text, named)

    def _header(
        self, columns: Mapping[str, tuple[str, ...]], required: tuple[str, ...]
    ) -> list[str | None]:
        text = self._header_text()
        self.delimiter = max(DELIMITERS, key=text.count)
        try:
            given = _cells(text, self.delimiter)
        except csv.Error as error:
            raise FormError("header", f"is not CSV: {error}") from None
        known = {plain(alias): name for name, also in columns.items() for alias in (name, *also)}
        names = [known.get(plain(header)) for header in given]
        for name in names:
            if name and names.count(name) > 1:
                raise FormError(name, "stands in two columns of the header")
        for name in required:
            if name not in names:
                aliases = ", ".join((name, *columns[name]))
                raise FormError(name, f"the file has no such column (names understood: {aliases})")
        self.ignored = [head for head, name in zip(given, names, strict=True) if name is None]
        return names

    def _header_text(self) -> str:
        raw = self._first_line()
        if raw.startswith(b"\x1f\x8b"):
            raise FormError("file", "is compressed; unpack it first")
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise FormError("file", "is UTF-16; save it as CSV in UTF-8")
        if raw.startswith(b"PK\x03\x04"):
            raise FormError("file", "is a spreadsheet or an archive; save it as CSV in UTF-8")
        if len(raw) > MAX_LINE_BYTES:
            raise FormError("header", f"is longer than {MAX_LINE_BYTES} bytes")
        try:
            text = raw.decode("utf-8-sig" if self.encoding == "utf-8" else self.encoding)
        except UnicodeDecodeError:
            raise FormError("header", f"is not {self.encoding} text; see --encoding") from None
        if "\x00" in text or "\r" in text.rstrip("\r\n"):
            raise FormError("header", "lines must end in LF or CR LF, and hold plain text")
        return text.rstrip("\r\n")

    def _first_line(self) -> bytes:
        """The first line that is not blank."""
        while (raw := _physical_line(self.file)) is not None:
            self.number += 1
            if raw.removeprefix(b"\xef\xbb\xbf").strip():
                return raw
        raise FormError("file", "is empty: the first line must name the columns")


def plain(header: str) -> str:
    """A header without what people write differently: case, accents, spaces, punctuation."""
    letters = unicodedata.normalize("NFKD", header.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


class RejectFile:
    """Where rejected lines go; there is a file only if there were any.

    It is written under another name and put in place at the end, so that a reader never sees half.
    Where it cannot be written, that is told before any line is taken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.{uuid4().hex[:8]}.part")  # two runs, two names
        self.count = 0

    def add(self, reject: Reject) -> None:
        original = reject.original[:MAX_ORIGINAL].replace("\x00", "\N{REPLACEMENT CHARACTER}")
        csv.writer(self.file).writerow((reject.line, reject.field, reject.reason, original))
        self.count += 1

    def __enter__(self) -> Self:
        self.file = self.part.open("w", encoding="utf-8", newline="")
        csv.writer(self.file).writerow(("line", "field", "reason", "original"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.file.close()
        if self.count:
            self.part.replace(self.path)
            return
        self.part.unlink()
        if kind is None:
            with suppress(FileNotFoundError):  # of an earlier run, whose lines are good by now
                self.path.unlink()

    @property
    def written(self) -> str | None:
        """The file's path, where there is one."""
        return str(self.path) if self.count else None


def reject_path(source: Path, given: Path | None) -> Path:
    """Beside the input unless another place is given."""
    return given if given is not None else source.with_name(source.name + ".rejects.csv")


def _cells(text: str, delimiter: str) -> list[str]:
    return next(csv.reader([text], delimiter=delimiter, strict=True))


def _physical_line(file: BinaryIO) -> bytes | None:
    """The next line; of one that is too long only the beginning, one byte over the limit."""
    raw = file.readline(MAX_LINE_BYTES + 1)
    if not raw:
        return None
    rest = raw
    while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
        rest = file.readline(MAX_LINE_BYTES + 1)
    return raw
