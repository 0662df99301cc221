"""One movement of a bank account, whatever file or message told it."""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from ledger.bank_line import BankLine
from ledger.csv_lines import Line
from ledger.fields import Fields
from ledger.money import FormError

LONGEST_PAYER = 120
LONGEST_REFERENCE = 200
MOST_CANDIDATES = 12
SEPARATOR = "\n"


class Entry(Struct, frozen=True, kw_only=True):
    """Money that came in. ``amount`` is plain decimal text, ``paid_on`` the value date in ISO.

    ``references`` may each mean the loan, the likeliest first. ``bank_id`` is the bank's own of the
    movement, unique in the account and day; empty where it gives none.
    """

    number: int
    original: str
    account: str
    paid_on: str
    amount: str
    currency: str
    references: tuple[str, ...]
    bank_id: str = ""
    payer: str = ""
    channel: str = "bank"
    spei_key: str = ""


class Identities:
    """What tells each movement of an account from all others, for ever.

    The bank's id where it gives one. Else a digest of what the line says and how many the same
    stood before it on that day: two equal cash deposits of a day are two payments.
    """

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def of(self, entry: Entry) -> tuple[str, str]:
        """Source and transaction id, as a `BankLine` has them."""
        if entry.spei_key:
            return "spei", entry.spei_key
        if entry.bank_id:
            return "statement", f"{entry.account}:{entry.paid_on}:{entry.bank_id}"[:150]
        content = SEPARATOR.join(
            (entry.account, entry.paid_on, entry.amount, entry.currency, entry.payer,
             *entry.references)
        )  # fmt: skip
        digest = sha256(content.encode()).hexdigest()[:32]
        nth = self.seen[digest] = self.seen.get(digest, 0) + 1
        return "statement", f"{entry.account}:{entry.paid_on}:{digest}:{nth}"[:150]


def as_line(entry: Entry, identities: Identities) -> Line:
    """The movement as an import reads it; a transfer by SPEI as a notification tells it."""
    source, transaction_id = identities.of(entry)
    named = [one for one in dict.fromkeys(entry.references) if one][:MOST_CANDIDATES]
    cells = {
        "date": entry.paid_on,
        "amount": f"{Decimal(entry.amount):.2f}" if entry.spei_key else entry.amount,
        "currency": entry.currency or ("MXN" if entry.spei_key else ""),
        "references": SEPARATOR.join(named),
        "transaction_id": transaction_id,
        "source": source,
        "channel": "spei" if entry.spei_key else entry.channel,
        "payer": entry.payer[:LONGEST_PAYER],
    }
    return Line(entry.number, entry.original, cells)


def bank_line(line: Line) -> BankLine:
    """The line's payment. Errors: ``FormError`` naming the field."""
    fields = Fields({name: cell for name, cell in line.cells.items() if cell})
    named = list(_plain(line.cells.get("references", "")))
    transaction_id = fields.text("transaction_id", longest=150)
    if not transaction_id.isprintable():
        raise FormError("transaction_id", "must be printable characters")
    return BankLine(
        number=line.number,
        original=line.original,
        transaction_id=transaction_id,
        paid_on=fields.day("date"),
        reference=named[0] if named else "",
        amount=fields.text("amount"),
        channel=fields.text("channel", "bank"),
        currency=fields.text("currency", ""),
        source=fields.text("source"),
        others=tuple(named[1:]),
        payer=fields.text("payer", ""),
    )


def _plain(references: str) -> Iterator[str]:
    for one in references.split(SEPARATOR):
        text = "".join(letter for letter in one if letter.isprintable()).strip()
        if text:
            yield text[:LONGEST_REFERENCE]


def checked_patterns(given: Iterable[object]) -> tuple[str, ...]:
    """Regular expressions with one group: what of a text is the reference.

    Errors: ``FormError`` naming the pattern.
    """
    found = []
    for nth, one in enumerate(given):
        try:
            groups = re.compile(str(one)).groups
        except re.error as error:
            told = f"is no regular expression: {error}"
            raise FormError(f"patterns[{nth}]", told) from None
        if groups != 1:
            raise FormError(f"patterns[{nth}]", "must have one group: the reference")
        found.append(str(one))
    return tuple(found)


def with_patterns(entry: Entry, patterns: Iterable[str]) -> Entry:
    """The movement, with what the patterns find in its texts before these texts themselves.

    Without a pattern no number inside a longer text is looked for: decision 0006.
    """
    found = [
        match.group(1)
        for pattern in patterns
        for text in entry.references
        for match in re.finditer(pattern, text, re.IGNORECASE)
        if match.group(1)
    ]
    return replace(entry, references=(*found, *entry.references)) if found else entry


def spei_key(operated_on: str, sender: str, tracking: str) -> str:
    """What SPEI knows a transfer by: operating day (ISO), sending institution, tracking key.

    Institutions are written with five digits or three: the last three are the bank.
    """
    return f"{operated_on}:{sender[-3:]}:{tracking.upper()}"
