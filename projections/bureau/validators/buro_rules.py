"""Lengths, alphabets, codes and rules between fields of INTF version 14, typed from its text."""

import re
from datetime import date

from projections.bureau.validators.finding import Told, day, words

TEXT = re.compile(r"[A-Z0-9 &]+")
DIGITS = re.compile(r"[0-9]+")
DATE = re.compile(r"[0-9]{8}")
SIGNED = re.compile(r"[0-9]+-?")
ANY = re.compile(r"[ -~]+")
MONTHS = re.compile(r"[0-9]+(\.[0-9]{2})?")
RFC = re.compile(r"[A-ZÑ&]{4}[0-9]{6}([A-Z0-9]{3})?")
CURP = re.compile(r"[A-Z]{4}[0-9]{6}[HMX][A-Z]{5}[A-Z0-9][0-9]")

# Tag: (what it is, most characters, what it may hold, must it be there).
SEGMENTS: dict[str, dict[str, tuple[str, int, re.Pattern[str], bool]]] = {
    "PN": {
        "PN": ("apellido paterno", 26, TEXT, True),
        "00": ("apellido materno", 26, TEXT, True),
        "01": ("apellido adicional", 26, TEXT, False),
        "02": ("primer nombre", 26, TEXT, True),
        "03": ("segundo nombre", 26, TEXT, False),
        "04": ("fecha de nacimiento", 8, DATE, True),
        "05": ("RFC", 13, RFC, False),
        "06": ("prefijo", 4, TEXT, False),
        "07": ("sufijo", 4, TEXT, False),
        "08": ("nacionalidad", 2, TEXT, False),
        "09": ("residencia", 1, DIGITS, False),
        "10": ("licencia", 20, TEXT, False),
        "11": ("estado civil", 1, TEXT, False),
        "12": ("sexo", 1, TEXT, False),
        "13": ("seguridad social", 20, TEXT, False),
        "14": ("clave de elector", 20, TEXT, False),
        "15": ("CURP", 20, CURP, False),
        "16": ("clave de país", 2, TEXT, False),
        "17": ("dependientes", 2, DIGITS, False),
        "18": ("edades", 30, DIGITS, False),
        "20": ("fecha de defunción", 8, DATE, False),
        "21": ("indicador de defunción", 1, TEXT, False),
    },
    "PA": {
        "PA": ("dirección", 40, TEXT, True),
        "00": ("dirección, línea 2", 40, TEXT, False),
        "01": ("colonia", 40, TEXT, False),
        "02": ("municipio", 40, TEXT, False),
        "03": ("ciudad", 40, TEXT, False),
        "04": ("estado", 4, TEXT, True),
        "05": ("código postal", 5, DIGITS, True),
        "06": ("fecha de residencia", 8, DATE, False),
        "07": ("teléfono", 11, DIGITS, False),
        "08": ("extensión", 8, DIGITS, False),
        "09": ("fax", 11, DIGITS, False),
        "10": ("tipo de domicilio", 1, TEXT, False),
        "11": ("indicador especial", 1, TEXT, False),
        "12": ("origen del domicilio", 2, TEXT, True),
    },
    "PE": {
        "PE": ("empleador", 99, TEXT, True),
        "00": ("dirección", 40, TEXT, False),
        "01": ("dirección, línea 2", 40, TEXT, False),
        "02": ("colonia", 40, TEXT, False),
        "03": ("municipio", 40, TEXT, False),
        "04": ("ciudad", 40, TEXT, False),
        "05": ("estado", 4, TEXT, False),
        "06": ("código postal", 5, DIGITS, False),
        "07": ("teléfono", 11, DIGITS, False),
        "08": ("extensión", 8, DIGITS, False),
        "09": ("fax", 11, DIGITS, False),
        "10": ("cargo", 30, TEXT, False),
        "11": ("fecha de contratación", 8, DATE, False),
        "12": ("moneda del sueldo", 2, TEXT, False),
        "13": ("sueldo", 9, DIGITS, False),
        "14": ("periodo de pago", 1, TEXT, False),
        "15": ("número de empleado", 15, TEXT, False),
        "16": ("último día de empleo", 8, DATE, False),
        "17": ("verificación de empleo", 8, DATE, False),
        "18": ("origen de la razón social", 2, TEXT, True),
    },
    "TL": {
        "TL": ("segmento", 2, re.compile("TL"), True),
        "01": ("clave del otorgante", 10, TEXT, True),
        "02": ("nombre del otorgante", 16, TEXT, True),
        "04": ("número de cuenta", 25, ANY, True),
        "05": ("responsabilidad", 1, TEXT, True),
        "06": ("tipo de cuenta", 1, TEXT, True),
        "07": ("tipo de contrato", 2, TEXT, True),
        "08": ("moneda", 2, TEXT, True),
        "09": ("avalúo", 9, DIGITS, False),
        "10": ("número de pagos", 4, DIGITS, True),
        "11": ("frecuencia", 1, TEXT, True),
        "12": ("monto a pagar", 9, DIGITS, True),
        "13": ("fecha de apertura", 8, DATE, True),
        "14": ("fecha del último pago", 8, DATE, False),
        "15": ("fecha de última compra", 8, DATE, False),
        "16": ("fecha de cierre", 8, DATE, False),
        "17": ("fecha de reporte", 8, DATE, True),
        "20": ("garantía", 200, TEXT, False),
        "21": ("crédito máximo", 9, DIGITS, True),
        "22": ("saldo actual", 10, SIGNED, True),
        "23": ("límite de crédito", 9, DIGITS, False),
        "24": ("saldo vencido", 9, DIGITS, True),
        "25": ("pagos vencidos", 4, DIGITS, False),
        "26": ("MOP", 2, TEXT, True),
        "27": ("histórico", 24, ANY, False),
        "30": ("observación", 2, TEXT, False),
        "39": ("otorgante anterior", 10, TEXT, False),
        "40": ("nombre anterior", 16, TEXT, False),
        "41": ("cuenta anterior", 25, ANY, False),
        "43": ("primer incumplimiento", 8, DATE, True),
        "44": ("saldo insoluto", 10, DIGITS, True),
        "45": ("monto del último pago", 9, DIGITS, True),
        "46": ("ingreso a cartera vencida", 8, DATE, False),
        "47": ("intereses", 9, DIGITS, False),
        "48": ("MOP de intereses", 2, TEXT, False),
        "49": ("días de vencido", 3, DIGITS, True),
        "50": ("plazo en meses", 6, MONTHS, True),
        "51": ("monto de origen", 9, DIGITS, True),
        "52": ("correo", 99, ANY, False),
        "99": ("fin", 3, re.compile("FIN"), True),
    },
}

CONTRACTS = words(
    "AF AG AL AP AU BD BT CC CE CF CL CO CS CT DE EQ FI FT HA HE HI LS MI OA PA PB "
    "PG PL PN PQ PR PS RC RD RE RF RN RV SC SE SG SM ST TE UK US"
)
CODES: dict[tuple[str, str], frozenset[str]] = {
    ("PN", "09"): frozenset("123"),
    ("PN", "11"): frozenset("SMDWF"),
    ("PN", "12"): frozenset("MF"),
    ("PN", "21"): frozenset("Y"),
    ("PA", "04"): words(
        "AGS BCN BCS CAM CHS CHI CDMX DF COA COL DGO EM GTO GRO HGO JAL MICH MOR NAY NL "
        "OAX PUE QRO QR SLP SIN SON TAB TAM TLA VER YUC ZAC"
    ),
    ("TL", "05"): frozenset("IJC"),
    ("TL", "06"): frozenset("IMOR"),
    ("TL", "07"): CONTRACTS,
    ("TL", "08"): words("MX US UD"),
    ("TL", "11"): frozenset("BDHKMPQSVWYZ"),
    ("TL", "26"): words("UR 00 01 02 03 04 05 06 07 96 97 99"),
    ("TL", "30"): words(
        "AD CA CC CI CL CM CP CR CV CZ DP DR FD FN FP FR IA IR LC LG LS MD NA NV PC PD "
        "PL PS RA RC RE RF RO RR RV SC SG SP ST SU TC TL TR UP VR EL"
    ),
}

NONE = "01011900"
FORM = "%d%m%Y"
BANDS = {
    "02": (1, 29), "03": (30, 59), "04": (60, 89), "05": (90, 119), "06": (120, 149),
    "07": (150, 366), "96": (361, 999),
}  # fmt: skip
"""Days past due of each MOP; where 07 ends is 360 or 365 by the bureau's choice."""
CLEAN = frozenset(("UR", "00", "01"))


def check_account(tl: dict[str, str], reported: date | None, told: Told) -> None:
    """The rules between the fields of one TL."""
    amounts = {tag: _amount(tl.get(tag, "0")) for tag in ("12", "21", "22", "24", "44", "45", "51")}
    dates = {tag: day(tl[tag], FORM) for tag in ("13", "14", "15", "16", "17") if tl.get(tag)}
    for tag, found in dates.items():
        if found is None:
            told(f"TL {tag}", f"{tl[tag]} is no date")
    if tl["17"] != f"{reported:{FORM}}" if reported else False:
        told("TL 17", f"{tl['17']} is not the date of the header")
    _check_order(dates, told)
    if amounts["44"] > amounts["22"] >= 0:
        told("TL 44", f"{amounts['44']} is more than the balance {amounts['22']}")
    closed = bool(tl.get("16"))
    if closed and (amounts["12"] or amounts["22"]):
        told("TL 16", "a closed account has no balance and nothing to pay")
    if not closed and amounts["12"] > max(0, amounts["22"]):
        told("TL 12", f"{amounts['12']} is more than the balance {amounts['22']}")
    if amounts["45"] and not tl.get("14"):
        told("TL 45", "a last payment has its date")
    if (tl["06"] == "R") is not (tl["10"] == "1000"):
        told("TL 10", "1000 payments belong to a revolving account, and to it only")
    if tl["06"] == "R" and not tl.get("23"):
        told("TL 23", "a revolving account has its limit")
    _check_rating(tl, amounts, closed=closed, told=told)


def _check_order(dates: dict[str, date | None], told: Told) -> None:
    opened, reported = dates.get("13"), dates.get("17")
    for tag in ("14", "15", "16"):
        found = dates.get(tag)
        if found and opened and found < opened:
            told(f"TL {tag}", "is before the opening")
        if found and reported and found > reported:
            told(f"TL {tag}", "is after the date of the report")
    if opened and reported and opened > reported:
        told("TL 13", "is after the date of the report")


def _check_rating(tl: dict[str, str], amounts: dict[str, int], *, closed: bool, told: Told) -> None:
    rating, late, missed = tl["26"], amounts["24"], int(tl.get("25") or 0)
    days, first, seen = int(tl["49"]), tl["43"], tl.get("30", "")
    if rating in CLEAN:
        if late or missed or days:
            told("TL 26", f"{rating} goes with nothing past due, no missed payment and no day")
        if first != NONE:
            told("TL 43", f"{rating} goes with {NONE}")
    elif rating in BANDS:
        low, high = BANDS[rating]
        if not low <= days <= high:
            told("TL 49", f"{days} days are not of {rating}")
        if not late:
            told("TL 24", f"{rating} goes with something past due")
        if not missed:
            told("TL 25", f"{rating} goes with a missed payment")
        _check_first(tl, first, told)
    elif rating == "97":
        if not late:
            told("TL 24", "97 goes with what was lost")
        if amounts["12"]:
            told("TL 12", "97 goes with nothing to pay")
        if first != NONE:
            _check_first(tl, first, told)
    if seen == "CC" and not (closed and rating == "01" and not late):
        told("TL 30", "CC goes with a closing date, MOP 01 and nothing past due")
    if seen in ("UP", "LC") and rating != "97":
        told("TL 30", f"{seen} goes with MOP 97")
    if seen == "LC" and not closed:
        told("TL 30", "LC goes with a closing date")
    if seen == "FD" and rating != "99":
        told("TL 30", "FD goes with MOP 99")


def _check_first(tl: dict[str, str], first: str, told: Told) -> None:
    found, opened = day(first, FORM), day(tl["13"], FORM)
    last = day(tl.get("16") or tl["17"], FORM)
    if first == NONE or found is None:
        told("TL 43", "the first missed payment has its date")
    elif (opened and found < opened) or (last and found > last):
        told("TL 43", "is not between the opening and the report or closing")


def _amount(text: str) -> int:
    digits = text.rstrip("-")
    return (-int(digits) if text.endswith("-") else int(digits)) if digits.isdigit() else 0
