"""A document as a message: a few words with its figures, and the document itself as a file."""

import re
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace

from ledger.settings import Settings
from projections.statements.addressee import Addressee, named
from projections.statements.lender import fill, lender, words
from projections.statements.period import BadDocument, month
from projections.statements.render import Press
from projections.statements.sheet import Letter, Sheet, digest, file_name
from projections.statements.single import letter, one

STATEMENT = re.compile(r"statement (\d{4}-\d{2})")
LETTER = re.compile(r"(schedule|payoff|receipt|no_debt)(?: on (\d{4}-\d{2}-\d{2}))?(?: (\d{1,9}))?")


class Composed(NamedTuple):
    """``sheet`` is the hash of the document without the borrower's name."""

    subject: str
    text: str
    sheet: str
    name: str
    pdf: bytes


def letter_name(kind: Letter, on: date | None, payment: int | None) -> str:
    """What a letter is called among what was sent: ``receipt 3``, ``payoff on 2026-05-31``."""
    parts = (kind.value, f"on {on}" if on else "", str(payment) if payment else "")
    return " ".join(filter(None, parts))


def sheet_of(settings: Settings, loan_no: str, document: str, today: date) -> Sheet:
    """The document of that name, addressed by number.

    Errors: ``BadDocument``, and those of the document itself.
    """
    if found := STATEMENT.fullmatch(document):
        return one(settings, loan_no, month(found[1]), today).sheet
    if found := LETTER.fullmatch(document):
        on = date.fromisoformat(found[2]) if found[2] else None
        payment = int(found[3]) if found[3] else None
        return letter(settings, loan_no, Letter(found[1]), today, on=on, payment=payment)
    raise BadDocument(document)


def compose(
    settings: Settings, press: Press, sheet: Sheet, to: Addressee, *, brief: bool, attach: bool
) -> Composed:
    """A sheet addressed by number, as a message to somebody. ``brief`` is for a small screen.

    Errors: ``TemplateError``.
    """
    said, whose = words(lender(settings.lender_file).language), sheet.lender.name
    figures = [f"{one.label}: {one.value}" + (f" ({one.note})" if one.note else "")
               for one in sheet.highlights]  # fmt: skip
    known: Mapping[str, str] = {
        "name": to.name, "title": sheet.title, "subtitle": sheet.subtitle, "lender": whose,
    }  # fmt: skip
    if brief:
        text = " ".join([fill(said.brief_message, **known), *(f"{one}." for one in figures[:1])])
    else:
        paragraphs = [
            fill(said.greeting, **known), fill(said.attached, **known), "\n".join(figures),
            "\n".join([whose, *sheet.lender.lines]),
        ]  # fmt: skip
        text = "\n\n".join(filter(None, paragraphs)) + "\n"
    addressed = replace(sheet, to=named(to, sheet.to.name, said))
    pdf = press.one(addressed) if attach else b""
    subject = f"{sheet.title} {sheet.subtitle} · {whose}"
    return Composed(subject, text, digest(sheet), f"{file_name(sheet)}.pdf", pdf)
