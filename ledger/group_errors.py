"""What the ledger refuses of groups.

LedgerError                     the family; ``field`` is the input at fault
    UnknownGroup                no group has that number
    DuplicateGroupNumber        another group has that number
    ClosedGroup                 the loans of all its members have ended
    NoOpenLoans                 none of its members' loans is paid out yet
"""

from ledger.errors import LedgerError


class UnknownGroup(LedgerError):
    """No group has that number."""

    field = "group_no"

    def __init__(self, group_no: str) -> None:
        super().__init__(f"there is no group {group_no}")
        self.group_no = group_no


class DuplicateGroupNumber(LedgerError):
    """Another group has that number."""

    field = "group_no"

    def __init__(self, group_no: str) -> None:
        super().__init__(f"there is already a group number {group_no}, with other content")
        self.group_no = group_no


class ClosedGroup(LedgerError):
    """The loans of all members have ended."""

    field = "group_no"

    def __init__(self, group_no: str) -> None:
        super().__init__(f"group {group_no} is closed: the loans of all its members have ended")
        self.group_no = group_no


class NoOpenLoans(LedgerError):
    """No member's loan is paid out."""

    field = "group_no"

    def __init__(self, group_no: str) -> None:
        super().__init__(f"group {group_no} has no open loans: none of them is paid out yet")
        self.group_no = group_no
