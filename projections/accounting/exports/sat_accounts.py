"""SAT's Contabilidad Electrónica 1.3: the chart of accounts (CT), the trial balance (BN, BC)."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from projections.accounting.entry import Account, AccountBalance, Entry, Nature
from projections.accounting.exports.errors import MissingPart, UnmappedAccount
from projections.accounting.exports.fit import Fit, exact
from projections.accounting.exports.period import Request
from projections.accounting.exports.sat_xml import delivered, needs, pieces

NATURE = {Nature.DEBIT: "D", Nature.CREDIT: "A"}
NUMBER, NAME = 100, 400


def write_chart(entries: Iterable[Entry], request: Request, path: Path) -> None:
    """Errors: ``UnmappedAccount`` without SAT's grouping code; the ``ExportRefused`` family."""
    opening = needs(request)
    delivered(request, "CT", _chart(request, opening), path)


def _chart(request: Request, opening: dict[str, Any]) -> Iterator[Any]:
    from satcfdi.create.contabilidad.catalogocuentas13 import Catalogo, Ctas

    fit = Fit(cut=request.settings.long_text == "cut")
    accounts = sorted(request.accounts.values(), key=lambda one: one.number)
    if lacking := [f"{one.number} {one.name}" for one in accounts if not one.sat_code]:
        raise UnmappedAccount(lacking, "SAT grouping code (código agrupador)", "sat")
    for some in pieces(accounts):
        rows = [Ctas(**_account(one, fit)) for one in some]
        yield Catalogo(**opening, ctas=rows)


def _account(one: Account, fit: Fit) -> dict[str, Any]:
    return {
        "cod_agrup": one.sat_code,
        "num_cta": fit.text(one.number, "number", one.number, NUMBER),
        "desc": fit.text(one.number, "name", one.name, NAME),
        "sub_cta_de": one.parent or None,
        "nivel": one.level,
        "natur": NATURE[one.nature],
    }


def write_balances(entries: Iterable[Entry], request: Request, path: Path) -> None:
    """BN; or BC, a correction of it, where `sat.sending` is C.

    Errors: ``MissingPart`` for a correction without its day; the ``ExportRefused`` family.
    """
    own = request.settings.sat
    opening = needs(request) | {"tipo_envio": own.sending}
    if own.sending == "C":
        if own.changed_on is None:
            raise MissingPart("sat.changed_on", "is needed in a correction: the day of the change")
        opening["fecha_mod_bal"] = own.changed_on
    delivered(request, f"B{own.sending}", _balances(request, opening), path)


def _balances(request: Request, opening: dict[str, Any]) -> Iterator[Any]:
    from satcfdi.create.contabilidad.BCE13 import Balanza, Ctas

    for some in pieces(request.balances):
        yield Balanza(**opening, ctas=[Ctas(**_balance(one, request)) for one in some])


def _balance(one: AccountBalance, request: Request) -> dict[str, Any]:
    side = 1 if one.account.nature is Nature.DEBIT else -1
    moved = side * (one.debit - one.credit)
    assert one.opening + moved == one.closing, (one.account.number, one.opening, moved, one.closing)
    currency = request.settings.currency
    return {
        "num_cta": one.account.number,
        "saldo_ini": exact(one.opening, currency),
        "debe": exact(one.debit, currency),
        "haber": exact(one.credit, currency),
        "saldo_fin": exact(one.closing, currency),
    }
