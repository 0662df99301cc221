"""Rules between the fields of a Círculo tradeline, typed from the bureau's field descriptions."""

from collections.abc import Mapping
from datetime import date

from projections.bureau.validators.finding import Told, day

FORM = "%Y%m%d"
NEVER = ("19010101", "19000101")
FIXED = frozenset("FHQAEP")
UNLIMITED = frozenset("RL")
LATE = frozenset(f"{number:02}" for number in range(1, 85))
DATES = (
    "FechaAperturaCuenta", "FechaUltimoPago", "FechaUltimaCompra", "FechaCierreCuenta",
    "FechaCorte", "FechaPrimerIncumplimiento", "FechaIngresoCarteraVencida",
)  # fmt: skip


def check_account(one: Mapping[str, str], person: Mapping[str, str], cut_off: str,
                  told: Told) -> None:  # fmt: skip
    """The rules between the fields of one Cuenta and its Nombre."""
    balance, past_due = int(one["SaldoActual"]), int(one["SaldoVencido"])
    days, missed = int(one["DiasVencimiento"]), int(one["NumeroPagosVencidos"])
    if int(one["SaldoInsoluto"]) > balance:
        told("SaldoInsoluto", "is more than SaldoActual")
    if past_due > balance:
        told("SaldoVencido", "is more than SaldoActual")
    if one["PagoActual"] in LATE:
        if not (past_due and days and missed):
            told("PagoActual", "a missed payment goes with SaldoVencido and DiasVencimiento")
        if one["FechaPrimerIncumplimiento"] in NEVER:
            told("FechaPrimerIncumplimiento", "a missed payment has its date")
    elif past_due or days or missed:
        told("PagoActual", "V goes with nothing past due")
    _check_kind(one, told)
    _check_dates(one, person, cut_off, told)
    if one["FechaCierreCuenta"] and (balance or int(one["MontoPagar"])):
        told("FechaCierreCuenta", "a closed account has no balance and nothing to pay")
    if not one["FechaCierreCuenta"] and one["ClavePrevencion"] == "CC":
        told("ClavePrevencion", "CC goes with a closing date")
    if int(one["MontoUltimoPago"]) and one["FechaUltimoPago"] in NEVER:
        told("MontoUltimoPago", "a last payment has its date")


def _check_kind(one: Mapping[str, str], told: Told) -> None:
    kind = one["TipoCuenta"]
    if kind in FIXED and not int(one["NumeroPagos"] or 0):
        told("NumeroPagos", f"is needed of {kind}")
    if kind in UNLIMITED:
        if one["FrecuenciaPagos"] != "R":
            told("FrecuenciaPagos", f"is R of {kind}")
        if kind == "R" and not one["LimiteCredito"]:
            told("LimiteCredito", "is needed of R")
        if one["PlazoMeses"] != "0":
            told("PlazoMeses", f"is 0 of {kind}")


def _check_dates(one: Mapping[str, str], person: Mapping[str, str], cut_off: str,
                 told: Told) -> None:  # fmt: skip
    dates: dict[str, date] = {}
    for name in DATES:
        if not one[name] or one[name] in NEVER:
            continue
        found = day(one[name], FORM)
        if found is None:
            told(name, f"{one[name]} is no date")
        else:
            dates[name] = found
    opened, cut = dates.get("FechaAperturaCuenta"), dates.get("FechaCorte")
    if one["FechaCorte"] != cut_off:
        told("FechaCorte", "is not the date of the Encabezado")
    if opened is None:
        told("FechaAperturaCuenta", "is needed")
        return
    for name, found in dates.items():
        if found < opened or (cut is not None and found > cut):
            told(name, "is not between the opening and the cut-off date")
    if one["TipoCuenta"] in FIXED and one["FechaUltimaCompra"] != one["FechaAperturaCuenta"]:
        told("FechaUltimaCompra", "is that of the opening where payments are fixed")
    born = day(person["FechaNacimiento"], FORM)
    if born is None or born >= opened:
        told("FechaNacimiento", "is no date before the opening")
    elif person["RFC"][4:10] != f"{born:%y%m%d}":
        told("RFC", "does not have the birth date")
