"""What an export refuses. Nothing is written then: a file appears whole or not at all.

FormError
    ExportRefused           the family; ``field`` is the input at fault
        AmountTooWide       an amount has more digits than the format's field
        TextTooLong         a text is longer than its field, and cutting was not asked for
        TextNotWritable     a text has characters that the file cannot hold
        OtherCurrency       an entry's currency is not the one the format is written in
        TooManyLines        more rows or lines than the format can hold
        UnknownAccount      an entry's account is not in the chart
        UnknownDocument     a fiscal document behind an entry is not among those issued
        UnmappedAccount     accounts have no code that the format asks for
        NotValid            the file made is not what its published schema demands
        MissingPart         an extra is not installed, or a setting that the format needs is empty
        EmptyPeriod         nothing to export
        OpenPeriod          the period can still change
        BooksBehind         the books have not read the log up to the period's close
        OtherGrouping       the period went to the target in entries made otherwise
        ExportedAlready     every entry of the period is in an earlier batch
        BatchDiffers        a batch cannot be made again as it was
        UnknownFormat       there is no such format
        UnknownBatch        there is no such batch
"""

from collections.abc import Sequence

from ledger.money import FormError

SHOWN = 10  # accounts that an error names


class ExportRefused(FormError):
    """An export cannot be made; no file was written."""


class AmountTooWide(ExportRefused):
    """An amount has more digits than the format's field."""

    def __init__(self, entry: str, field: str, amount: str, width: int) -> None:
        rule = (
            f"{amount} of entry {entry} is wider than the {width} characters of the field; "
            "widen it in the layout, or group the entries less"
        )
        super().__init__(field, rule)
        self.entry = entry
        self.width = width


class TextTooLong(ExportRefused):
    """A text is longer than its field, and cutting was not asked for."""

    def __init__(self, entry: str, field: str, text: str, width: int) -> None:
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        rule = (
            f"{shown!r} of entry {entry} has {len(text)} characters, the field {width}; "
            "shorten it, widen the field, or set long_text: cut"
        )
        super().__init__(field, rule)
        self.entry = entry
        self.width = width


class TextNotWritable(ExportRefused):
    """A text has characters that the file cannot hold."""

    def __init__(self, entry: str, field: str, text: str, encoding: str) -> None:
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        rule = (
            f"{shown!r} of entry {entry} has characters that {encoding} cannot hold; "
            "change the text, or the encoding of the layout"
        )
        super().__init__(field, rule)
        self.entry = entry
        self.encoding = encoding


class OtherCurrency(ExportRefused):
    """An entry's currency is not the one the format is written in."""

    def __init__(self, entry: str, found: str, wanted: str) -> None:
        rule = f"{found} of entry {entry} cannot stand in a file that is written in {wanted}"
        super().__init__("currency", f"{rule}; export its loans apart")
        self.entry = entry


class TooManyLines(ExportRefused):
    """More rows or lines than the format can hold."""

    def __init__(self, field: str, most: int, remedy: str) -> None:
        super().__init__(field, f"has more than the {most:,} lines that the format holds; {remedy}")
        self.most = most


class UnknownAccount(ExportRefused):
    """An entry's account is not in the chart."""

    def __init__(self, entry: str, account: str) -> None:
        super().__init__("account", f"{account} of entry {entry} is not in the chart of accounts")
        self.entry = entry
        self.account = account


class UnknownDocument(ExportRefused):
    """A fiscal document behind an entry is not among those issued."""

    def __init__(self, entry: str, uuid: str) -> None:
        super().__init__("cfdi", f"{uuid} of entry {entry} is not among the documents issued")
        self.entry = entry
        self.uuid = uuid


class UnmappedAccount(ExportRefused):
    """Accounts have no code that the format asks for; ``key`` is where the chart has it."""

    def __init__(self, accounts: Sequence[str], code: str, key: str) -> None:
        more = len(accounts) - SHOWN
        told = ", ".join(accounts[:SHOWN]) + (f" and {more} more" if more > 0 else "")
        super().__init__(
            "account",
            f"{told}: no {code}. Write it as `{key}` of the account or heading in your chart"
            " (CARTERA_ACCOUNTING_CHART); `cartera accounting check` lists all that lack one",
        )
        self.accounts = tuple(accounts)


class NotValid(ExportRefused):
    """The file made is not what its published schema demands."""

    def __init__(self, what: str, said: str) -> None:
        super().__init__(what, f"is not valid by its schema: {said}")


class MissingPart(ExportRefused):
    """An extra is not installed, or a setting that the format needs is empty."""


class EmptyPeriod(ExportRefused):
    """Nothing to export."""

    def __init__(self, period: str) -> None:
        super().__init__("period", f"{period} has no entries")


class OpenPeriod(ExportRefused):
    """The period can still change."""

    def __init__(self, period: str) -> None:
        super().__init__("period", f"{period} is open; close it before it is exported")


class BooksBehind(ExportRefused):
    """The books have not read the log up to the period's close."""

    def __init__(self, period: str) -> None:
        super().__init__("period", f"{period} is not whole yet: bring the read models up first")


class OtherGrouping(ExportRefused):
    """The period went to the target in entries made otherwise: its facts would go twice."""

    def __init__(self, period: str, batch: int, before: str) -> None:
        super().__init__("grouping", f"of {period} was {before} in batch {batch}; keep it")


class ExportedAlready(ExportRefused):
    """Every entry of the period is in an earlier batch."""

    def __init__(self, period: str, batches: str) -> None:
        rule = f"{period} was exported whole; batch {batches} can be exported again"
        super().__init__("period", rule)


class BatchDiffers(ExportRefused):
    """A batch cannot be made again as it was."""

    def __init__(self, batch: int, kept: str, made: str) -> None:
        rule = (
            f"{batch} came out with SHA-256 {made}, not {kept}: the chart or the program has "
            "changed since, and its file is no longer kept"
        )
        super().__init__("batch", rule)


class UnknownFormat(ExportRefused):
    """There is no such format."""

    def __init__(self, name: str, known: str) -> None:
        super().__init__("format", f"{name!r} is none of {known}")


class UnknownBatch(ExportRefused):
    """There is no such batch."""

    def __init__(self, batch: int) -> None:
        super().__init__("batch", f"{batch} does not exist")
