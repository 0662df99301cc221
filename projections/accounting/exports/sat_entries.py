"""SAT's Contabilidad Electrónica 1.3: entries (PL), their documents (XF), and by account (XC)."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

from projections.accounting.entry import AccountBalance, Entry, Line
from projections.accounting.exports.errors import UnknownAccount
from projections.accounting.exports.fit import Fit, exact, own_currency
from projections.accounting.exports.period import FiscalDocument, Request, reference
from projections.accounting.exports.sat_xml import asked, delivered, needs, pieces

ACCOUNT_NAME, LINE_TEXT, ENTRY_TEXT = 100, 200, 300
DETAILS = 5_000


def write_entries(entries: Iterable[Entry], request: Request, path: Path) -> None:
    """PL: every entry with its lines and the documents behind them.

    Errors: the ``ExportRefused`` family.
    """
    opening = needs(request) | asked(request)
    delivered(request, "PL", _entries(entries, request, opening), path)


def _entries(entries: Iterable[Entry], request: Request, opening: dict[str, Any]) -> Iterator[Any]:
    from satcfdi.create.contabilidad.PLZ13 import CompNal, Poliza, Polizas, Transaccion

    fit = Fit(cut=request.settings.long_text == "cut")

    def poliza(entry: Entry) -> Any:
        own_currency(entry, request.settings.currency)
        found = request.documents_of(entry)
        lines = [
            Transaccion(
                **_line(entry, line, request, fit),
                comp_nal=[CompNal(**_document(found[uuid], request)) for uuid in line.cfdi] or None,
            )
            for line in entry.lines
        ]
        text = fit.text(entry.key, "text", entry.text or reference(entry), ENTRY_TEXT)
        return Poliza(reference(entry), entry.posted_on, text, lines)

    for some in pieces(entries):
        yield Polizas(**opening, poliza=[poliza(entry) for entry in some])


def _line(entry: Entry, line: Line, request: Request, fit: Fit) -> dict[str, Any]:
    account = request.account(entry, line.account)
    text = line.text or entry.text or account.name
    return {
        "num_cta": line.account,
        "des_cta": fit.text(entry.key, "account name", account.name, ACCOUNT_NAME, cut=True),
        "concepto": fit.text(entry.key, "line text", text, LINE_TEXT),
        "debe": exact(line.debit, entry.currency),
        "haber": exact(line.credit, entry.currency),
    }


def _document(one: FiscalDocument, request: Request) -> dict[str, Any]:
    """The tax id is that of the other party."""
    other = one.receiver_rfc if one.issuer_rfc == request.settings.rfc else one.issuer_rfc
    return {"uuid_cfdi": one.uuid, "rfc": other, "monto_total": exact(one.total, one.currency)}


def write_documents(entries: Iterable[Entry], request: Request, path: Path) -> None:
    """XF: the documents behind each entry that has any.

    Errors: the ``ExportRefused`` family.
    """
    opening = needs(request) | asked(request)
    delivered(request, "XF", _folios(entries, request, opening), path)


def _folios(entries: Iterable[Entry], request: Request, opening: dict[str, Any]) -> Iterator[Any]:
    from satcfdi.create.contabilidad.RepAux13 import ComprNal, DetAuxFol, RepAuxFol

    def folios() -> Iterator[Any]:
        for entry in entries:
            found = request.documents_of(entry)
            if found:
                rows = [ComprNal(**_document(found[uuid], request)) for uuid in sorted(found)]
                yield DetAuxFol(reference(entry), entry.posted_on, compr_nal=rows)

    for some in pieces(folios()):
        yield RepAuxFol(**opening, det_aux_fol=some)


class Moved(Struct, frozen=True, array_like=True):
    """One line of an account, as it waits on disk for the others of its account."""

    on: date
    entry: str
    text: str
    debit: int
    credit: int


def write_accounts(entries: Iterable[Entry], request: Request, path: Path) -> None:
    """XC: the lines of each account that moved, between its two balances.

    Errors: the ``ExportRefused`` family.
    """
    opening = needs(request) | asked(request)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        by_account = _gathered(entries, request, Path(folder))
        delivered(request, "XC", _ledgers(by_account, request, opening), path, by="NumCta")


def _gathered(entries: Iterable[Entry], request: Request, folder: Path) -> dict[str, Path]:
    """A file per account, so that memory does not grow with the month."""
    fit = Fit(cut=request.settings.long_text == "cut")
    found: dict[str, Path] = {}
    opened: dict[str, IO[bytes]] = {}
    with ExitStack() as stack:
        for entry in entries:
            own_currency(entry, request.settings.currency)
            for line in entry.lines:
                if line.account not in opened:
                    request.account(entry, line.account)
                    found[line.account] = folder / str(len(found))
                    out = stack.enter_context(found[line.account].open("wb"))
                    opened[line.account] = out
                text = line.text or entry.text or reference(entry)
                text = fit.text(entry.key, "line text", text, LINE_TEXT)
                moved = Moved(entry.posted_on, reference(entry), text, line.debit, line.credit)
                opened[line.account].write(msgspec.json.encode(moved) + b"\n")
    return dict(sorted(found.items()))


def _ledgers(
    by_account: Mapping[str, Path], request: Request, opening: dict[str, Any]
) -> Iterator[Any]:
    from satcfdi.create.contabilidad.AuxiliarCtas13 import AuxiliarCtas, Cuenta, DetalleAux

    balances: dict[str, AccountBalance] = {one.account.number: one for one in request.balances}
    currency = request.settings.currency
    decode = msgspec.json.Decoder(Moved).decode
    for number, file in by_account.items():
        balance = balances.get(number)
        if balance is None:
            raise UnknownAccount("of the trial balance", number)
        head = {
            "num_cta": number,
            "des_cta": balance.account.name[:ACCOUNT_NAME],
            "saldo_ini": exact(balance.opening, currency),
            "saldo_fin": exact(balance.closing, currency),
        }
        with file.open("rb") as lines:
            for some in pieces(map(decode, lines), DETAILS):
                rows = [
                    DetalleAux(
                        one.on, one.entry, one.text,
                        exact(one.debit, currency), exact(one.credit, currency),
                    )
                    for one in some
                ]  # fmt: skip
                yield AuxiliarCtas(**opening, cuenta=Cuenta(**head, detalle_aux=rows))
