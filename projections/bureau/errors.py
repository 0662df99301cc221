"""What is refused on the way to a bureau, and why.

BureauError                 the family; ``field`` is the input at fault
    BadLenderFile           the lender's settings for bureaus cannot be read, or lack a key
    BadTable                a table of codes cannot be read
    BadConsumers            a line of a file of consumers is none
    CutOffNotClosed         loans are not closed through the cut-off date yet
    BadCutOff               a cut-off date on which that bureau takes no file
    AlreadySent             a file of that cut-off went to that bureau: a correction is needed
    NothingSent             a correction of a file that was never sent
    UnknownFile             no file was written of those bytes or that number
    UnknownFormat           no format has that name
    NothingToReport         a file would have no record
    TotalTooWide            a total has more digits than the format gives it
    BadRejects              a reject file does not fit its layout, its month or the file sent
    BadLayout               a layout of reject files cannot be read
"""

from collections.abc import Iterable
from datetime import date

from domain.errors import code_of


class BureauError(ValueError):
    """Nothing was written."""

    field = "bureau"

    @property
    def code(self) -> str:
        """A stable name for clients: the class in kebab-case."""
        return code_of(self)


class BadLenderFile(BureauError):
    """The lender's settings cannot be read, or a key that the format needs is missing."""

    field = "lender"


class BadTable(BureauError):
    """A table of codes cannot be read."""

    field = "table"


class BadConsumers(BureauError):
    """A line that is no consumer."""

    field = "consumers"

    def __init__(self, line: int, rule: str) -> None:
        super().__init__(f"line {line}: {rule}")
        self.line = line


class CutOffNotClosed(BureauError):
    """Some loans may still change on the cut-off date."""

    field = "cut_off"

    def __init__(self, cut_off: date, loans: int, example: str) -> None:
        super().__init__(
            f"{cut_off} is not closed for {loans} loans, such as {example}:"
            " run the close of day first"
        )
        self.cut_off = cut_off


class ReadModelsBehind(BureauError):
    """Loans might be left out: the read models do not have all that happened by the date."""

    field = "cut_off"

    def __init__(self, cut_off: date) -> None:
        super().__init__(f"the read models do not have all of {cut_off} yet: let them catch up")


class BadCutOff(BureauError):
    """A date on which that bureau takes no file, or one that has not come."""

    field = "cut_off"


class AlreadySent(BureauError):
    """What was reported stands; a change of it is a correction."""

    field = "cut_off"

    def __init__(self, bureau: str, cut_off: date, file: int) -> None:
        super().__init__(
            f"file {file} of {cut_off} was sent to {bureau}: write a correction (--correction)"
        )
        self.file = file


class NothingSent(BureauError):
    """A correction corrects what was sent."""

    field = "correction"

    def __init__(self, bureau: str, cut_off: date) -> None:
        super().__init__(f"no file of {cut_off} was sent to {bureau}: there is nothing to correct")


class UnknownFile(BureauError):
    """No file was written of those bytes or that number."""

    field = "file"


class UnknownFormat(BureauError):
    """No format has that name."""

    field = "format"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"{name!r} is no format; there are {', '.join(known)}")


class NothingToReport(BureauError):
    """A file would have no record."""

    field = "cut_off"


class TotalTooWide(BureauError):
    """A total has more digits than the format gives it."""

    field = "total"

    def __init__(self, name: str, figure: int, width: int) -> None:
        super().__init__(f"{name} {figure} has more than the {width} digits of the format")


class BadRejects(BureauError):
    """A reject file that does not fit its layout, its month or the file sent."""

    field = "rejects"


class BadLayout(BureauError):
    """A layout that cannot be read."""

    field = "layout"
