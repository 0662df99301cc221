"""SWIFT MT940 statements, by the `mt-940` library."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mt940

from ledger.csv_lines import Reject
from ledger.money import FormError
from ledger.rails.entry import Entry

MAX_BYTES = 50_000_000
_TAGGED = re.compile(r"(?:^|\s)(?:EREF|KREF|SVWZ|/ROC/|/EREF/)\+?([^\s+/?]+)")
NO_REFERENCE = "NONREF"


def entries(path: Path, encoding: str = "utf-8") -> Iterator[Entry | Reject | None]:
    """The credits of every statement in the file; None for debits and their reversals.

    Errors: ``FormError`` where the file is no MT940, ``OSError``.
    """
    raw = path.read_bytes()
    if len(raw) > MAX_BYTES:
        raise FormError("file", f"is longer than {MAX_BYTES} bytes")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        raise FormError("file", f"is not {encoding} text; see --encoding") from None
    try:
        statements = mt940.parse_statements(text)
        found = [(one, list(one)) for one in statements]
    except Exception as error:  # the library raises whatever its regular expressions run into
        raise FormError("file", f"is no MT940: {str(error)[:120]}") from error
    if not any(movements or statement.data for statement, movements in found):
        raise FormError("file", "holds no MT940 statement")
    number = 0
    for statement, movements in found:
        account = str(statement.data.get("account_identification") or "")
        _adds_up(statement, movements)
        for movement in movements:
            number += 1
            yield _entry(number, account, movement.data)


def _adds_up(statement: Any, movements: list[Any]) -> None:
    """Refuse a statement whose movements do not lead from its opening to its closing balance."""
    opening = statement.data.get("final_opening_balance")
    closing = statement.data.get("final_closing_balance")
    if opening is None or closing is None:
        return
    moved = sum(one.data["amount"].amount for one in movements if "amount" in one.data)
    if opening.amount.amount + moved != closing.amount.amount:
        told = f"{opening.amount.amount} and movements of {moved} are not {closing.amount.amount}"
        raise FormError("file", f"does not add up: {told}")


def _entry(number: int, account: str, data: dict[str, Any]) -> Entry | Reject | None:
    original = " ".join(
        str(data.get(name) or "") for name in ("date", "amount", "customer_reference",
                                              "transaction_details")
    )  # fmt: skip
    if "amount" not in data or "date" not in data:
        return Reject(number, "amount", "a movement without an amount or a date", original)
    amount = data["amount"]
    if data.get("status") != "C":
        return None
    customer = str(data.get("customer_reference") or "")
    bank_id = str(data.get("bank_reference") or "")
    told = " ".join(
        str(data[name]) for name in ("purpose", "transaction_details", "extra_details")
        if data.get(name)
    )  # fmt: skip
    tagged = [
        str(data[name]) for name in ("end_to_end_reference", "additional_purpose")
        if data.get(name)
    ]  # fmt: skip
    references = (
        "" if customer == NO_REFERENCE else customer,
        *tagged,
        *_TAGGED.findall(told),
        told,
    )
    return Entry(
        number=number,
        original=original,
        account=account,
        paid_on=data["date"].isoformat(),
        amount=f"{amount.amount:f}",
        currency=str(amount.currency or data.get("currency") or ""),
        references=references,
        bank_id=bank_id if bank_id != NO_REFERENCE else "",
        payer=str(data.get("applicant_name") or ""),
    )
