"""Sheets laid out: PDF by typst, HTML by a sandboxed Jinja. Templates are data that a lender edits.

A template sees its sheet and nothing else: no files but those beside it, no packages, no network.
Who lays it out runs in a process of its own (`Press`), so that one that loops can be ended.
"""

import hashlib
import json
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from threading import Lock
from typing import Literal, Self, TypeAlias

import jinja2
import msgspec
import typst
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ledger.settings import Settings
from projections.drawing import FIXED, joined
from projections.statements.period import TemplateError, TemplateTooSlow
from projections.statements.sheet import Form as SheetForm
from projections.statements.sheet import Sheet

Form: TypeAlias = Literal["pdf", "png", "html"]

SHIPPED = Path(__file__).parent / "templates"
COMMON = "document"
"""The template of every kind of document that has none of its own name."""
LOADS = re.compile(r"\b(import|include)\b")
SECONDS = 10.0
LONGEST = 200_000


def template(kind: str, ending: str, folder: Path | None = None) -> Path:
    """The file for a kind of document: the lender's own before the shipped one, its kind first."""
    places = [folder, SHIPPED] if folder else [SHIPPED]
    for place in places:
        for name in (kind, COMMON):
            if (found := place / f"{name}.{ending}").is_file():
                return found
    raise TemplateError(f"there is no template {kind}.{ending} or {COMMON}.{ending}")


def version(path: Path) -> str:
    """The hash that names a template's text."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def html(sheet: Sheet, folder: Path | None = None) -> bytes:
    """The sheet as a page. Errors: ``TemplateError`` naming template, line and what is wrong."""
    path = template(sheet.kind, "html", folder)
    try:
        return _page(_text(path)).render(sheet.plain()).encode()
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"{path.name}, line {error.lineno}: {error.message}") from None
    except (jinja2.TemplateError, TypeError, ValueError, OverflowError, ArithmeticError) as error:
        raise TemplateError(f"{path.name}: {error}") from None


@cache
def _page(text: str) -> jinja2.Template:
    sandbox = ImmutableSandboxedEnvironment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return sandbox.from_string(text)


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TemplateError(f"{path.name}: is not UTF-8 text") from None
    if len(text) > LONGEST:
        raise TemplateError(f"{path.name}: is longer than {LONGEST} characters")
    return text


class Setter:
    """Lays sheets out with typst, keeping fonts and parsed templates between them.

    ``logos`` is the folder of the lender's file: its logo is there.
    """

    def __init__(self, folder: Path | None = None, logos: Path | None = None) -> None:
        self._folder = folder
        self._logos = logos
        self._root = Path(tempfile.mkdtemp(prefix="cartera-templates-"))
        self._ready: dict[str, typst.Compiler] = {}

    def lay_out(self, sheet: Sheet, form: Form = "pdf") -> bytes:
        """The sheet as a file. Errors: ``TemplateError``."""
        if form == "html":
            return html(sheet, self._folder)
        path = template(sheet.kind, "typ", self._folder)
        compiler = self._compiler(path, sheet)
        try:
            done = compiler.compile(
                format=form,
                sys_inputs={"data": json.dumps(sheet.plain(), ensure_ascii=False)},
                timestamp=FIXED,
            )
        except typst.TypstError as error:
            raise TemplateError(f"{path.name}: {error.message}{_line(error)}") from None
        return joined(done)

    def _compiler(self, path: Path, sheet: Sheet) -> typst.Compiler:
        text = _text(path)
        if text not in self._ready:  # a template that was edited is another one
            if LOADS.search(text):
                raise TemplateError(f"{path.name}: a template imports and includes nothing")
            self._ready[text] = self._made(path, text, sheet.logo)
        return self._ready[text]

    def _made(self, path: Path, text: str, logo: str) -> typst.Compiler:
        """A compiler that sees a folder with the template and the logo in it, nothing more."""
        name = f"{version(path)}.typ"
        (self._root / name).write_text(text, encoding="utf-8")
        (self._root / "lender").mkdir(exist_ok=True)
        if logo and self._logos is not None:
            shutil.copyfile(self._logos / logo, self._root / "lender" / logo)
        return typst.Compiler(
            self._root / name, root=self._root, ignore_system_fonts=True,
            package_path=self._root, package_cache_path=self._root,
        )  # fmt: skip

    def close(self) -> None:
        """Remove what was written."""
        shutil.rmtree(self._root, ignore_errors=True)


def _line(error: typst.TypstError) -> str:
    found = re.search(r"\.typ:(\d+):", error.diagnostic)
    return f" (line {found[1]})" if found else ""


def beside(settings: Settings) -> Path | None:
    """Where the lender's logo is."""
    return settings.lender_file.parent if settings.lender_file else None


class Press:
    """Lays sheets out in a process of its own, begun when it is first needed.

    One that takes too long is ended with its process; the next sheet gets a new one.
    """

    def __init__(
        self,
        folder: Path | None = None,
        logos: Path | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self.seconds = seconds
        self._given = (folder, logos, seconds)
        self._turn = Lock()
        self._pool: ProcessPoolExecutor | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """With the lender's templates and logo."""
        return cls(settings.templates_dir, beside(settings), settings.template_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End its process."""
        with self._turn:
            if self._pool is not None:
                self._pool.shutdown()
                self._pool = None

    def one(self, sheet: Sheet, form: SheetForm = SheetForm.PDF) -> bytes:
        """One sheet at a time. Errors: ``TemplateError``, ``TemplateTooSlow``."""
        if form is SheetForm.JSON:
            return msgspec.json.encode(sheet)
        laid: Form = "html" if form is SheetForm.HTML else "pdf"
        with self._turn:  # so that a process that is ended was at this sheet and no other
            if self._pool is None:
                self._pool = ProcessPoolExecutor(1, get_context("spawn"), _begin, self._given)
            try:
                return self._pool.submit(_lay_out, sheet, laid).result()
            except BrokenExecutor:
                self._pool = None
                raise TemplateTooSlow(sheet.kind, self.seconds) from None


_setter: Setter
_seconds: float


def _begin(folder: Path | None, logos: Path | None, seconds: float) -> None:
    global _setter, _seconds  # one of each in a process of the press
    _setter, _seconds = Setter(folder, logos), seconds


def _lay_out(sheet: Sheet, form: Form) -> bytes:
    with limited(_seconds):
        return _setter.lay_out(sheet, form)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """End this process, without a word, if the block takes longer: typst cannot be asked to stop.

    For processes of a pool: an alarm that nobody handles kills them, and the pool says so.
    """
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
