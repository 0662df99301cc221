"""ISO 20022 statements (camt.053, also 052 and 054), any version: the parts a lender needs."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

from lxml import etree

from ledger.csv_lines import Reject
from ledger.money import FormError
from ledger.rails.entry import Entry

REPORTS = ("Stmt", "Rpt", "Ntfctn")
_REFERENCES = ("RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Ustrd", "Refs/EndToEndId", "Refs/InstrId",
               "RltdPties/CdtrAcct/Id/Othr/Id", "RltdPties/CdtrAcct/Id/IBAN")  # fmt: skip
NOT_PROVIDED = "NOTPROVIDED"


def entries(path: Path) -> Iterator[Entry | Reject | None]:
    """The booked credits of every report in the file; None for what is none.

    An entry with several transactions is each of them, where they add up to it; else it is one
    movement without a reference, for a person to look at. No entity is resolved, nothing fetched.
    Errors: ``FormError`` where the file is no such XML, ``OSError``.
    """
    number, account, reports = 0, "", 0
    try:
        with path.open("rb") as file:
            steps = etree.iterparse(
                file, events=("start", "end"), resolve_entities=False, no_network=True,
                load_dtd=False, huge_tree=False,
            )  # fmt: skip
            for step, element in steps:
                name = _name(element)
                if step == "start":
                    reports += name in REPORTS
                    continue
                if name == "Acct" and _name(element.getparent()) in REPORTS:
                    account = _text(element, "Id/IBAN") or _text(element, "Id/Othr/Id")
                if name == "Ntry":
                    for found in _of_entry(element, account, number):
                        number += 1
                        yield found
                    element.clear()
    except etree.XMLSyntaxError as error:
        raise FormError("file", f"is not XML: {error}") from None
    if not reports:
        raise FormError("file", "holds no camt.052, 053 or 054 report")


def _of_entry(entry: etree._Element, account: str, before: int) -> Iterator[Entry | Reject | None]:
    credit = _text(entry, "CdtDbtInd") == "CRDT"
    reversal = _text(entry, "RvslInd") in ("true", "1")  # both are xs:boolean
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
    if not credit or reversal or status not in ("BOOK", ""):
        yield None
        return
    parts = _all(entry, "NtryDtls/TxDtls")
    if len(parts) > 1 and _add_up(entry, parts):
        for nth, part in enumerate(parts, start=1):
            yield _entry(entry, part, account, before + nth, f":{nth}")
        return
    yield _entry(entry, parts[0] if len(parts) == 1 else None, account, before + 1, "")


def _add_up(entry: etree._Element, parts: list[etree._Element]) -> bool:
    """Whether the transactions are all money in, and together what was booked: charges that a bank
    kept, or amounts in the payers' own currency, are not what came in.
    """
    whole, told = _amount(entry), [_amount(part) for part in parts]
    if whole is None or any(_text(part, "CdtDbtInd") == "DBIT" for part in parts):
        return False
    known = [one for one in told if one is not None and one[1] in ("", whole[1])]
    return len(known) == len(parts) and sum(Decimal(one) for one, _ in known) == Decimal(whole[0])


def _entry(
    entry: etree._Element, part: etree._Element | None, account: str, number: int, nth: str
) -> Entry | Reject:
    told = _amount(part) if part is not None and nth else None
    amount = told or _amount(entry)
    day = (
        _text(entry, "ValDt/Dt") or _text(entry, "ValDt/DtTm")[:10]
        or _text(entry, "BookgDt/Dt") or _text(entry, "BookgDt/DtTm")[:10]
    )  # fmt: skip
    original = " ".join(" ".join(entry.itertext()).split())[:500]
    if amount is None or not day:
        return Reject(number, "Amt" if amount is None else "ValDt", "is missing", original)
    where = entry if part is None else part
    bank_id = _text(entry, "AcctSvcrRef") or _text(where, "Refs/AcctSvcrRef")
    if not bank_id:
        bank_id = _text(entry, "NtryRef")
    references = [text for path in _REFERENCES for text in _texts(where, path)]
    return Entry(
        number=number,
        original=original,
        account=account,
        paid_on=day,
        amount=amount[0],
        currency=amount[1],
        references=tuple(one for one in references if one != NOT_PROVIDED),
        bank_id=f"{bank_id}{nth}" if bank_id else "",
        payer=_text(where, "RltdPties/Dbtr/Nm") or _text(where, "RltdPties/Dbtr/Pty/Nm"),
    )


def _amount(element: etree._Element | None) -> tuple[str, str] | None:
    """Plain decimal text and currency of an entry's or a transaction's amount."""
    if element is None:
        return None
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        for found in _all(element, path):
            try:
                value = Decimal((found.text or "").strip())
            except InvalidOperation:
                return None
            return (f"{value:f}", str(found.get("Ccy") or "")) if value.is_finite() else None
    return None


def _name(element: etree._Element | None) -> str:
    if element is None or not isinstance(element.tag, str):
        return ""
    return str(etree.QName(element).localname)


def _all(element: etree._Element, path: str) -> list[etree._Element]:
    """Descendants by a path of local names: every version has a namespace of its own."""
    found = [element]
    for name in path.split("/"):
        found = [child for one in found for child in one if _name(child) == name]
    return found


def _texts(element: etree._Element, path: str) -> list[str]:
    return [text for one in _all(element, path) if (text := (one.text or "").strip())]


def _text(element: etree._Element, path: str) -> str:
    return str(next(iter(_texts(element, path)), ""))
