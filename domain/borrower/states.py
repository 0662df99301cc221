"""The 32 states of Mexico: their codes, and the postal codes that lie in each.

Sources: ISO 3166-2:MX for the codes kept here; the two letters of the CURP as the civil registry
uses them (those that `stdnum.mx.curp` takes); the first two digits of a postal code by state as
Wikipedia lists them after Correos de México ("Postal codes in Mexico", 00 unused today).
"""

import re
import unicodedata

from msgspec import Struct


class State(Struct, frozen=True):
    """One state. ``code`` is ISO 3166-2 without ``MX-``; ``prefixes`` begin its postal codes."""

    code: str
    name: str
    curp: str
    prefixes: range
    aliases: tuple[str, ...] = ()


STATES = (
    State("AGU", "Aguascalientes", "AS", range(20, 21), ("AGS",)),
    State("BCN", "Baja California", "BC", range(21, 23), ("BC",)),
    State("BCS", "Baja California Sur", "BS", range(23, 24)),
    State("CAM", "Campeche", "CC", range(24, 25), ("CAMP",)),
    State("CHP", "Chiapas", "CS", range(29, 31), ("CHIS",)),
    State("CHH", "Chihuahua", "CH", range(31, 34), ("CHIH",)),
    State("CMX", "Ciudad de México", "DF", range(1, 17), ("CDMX", "DF", "Distrito Federal")),
    State("COA", "Coahuila", "CL", range(25, 28), ("COAH", "Coahuila de Zaragoza")),
    State("COL", "Colima", "CM", range(28, 29)),
    State("DUR", "Durango", "DG", range(34, 36), ("DGO",)),
    State("GUA", "Guanajuato", "GT", range(36, 39), ("GTO",)),
    State("GRO", "Guerrero", "GR", range(39, 42)),
    State("HID", "Hidalgo", "HG", range(42, 44), ("HGO",)),
    State("JAL", "Jalisco", "JC", range(44, 50)),
    State("MEX", "México", "MC", range(50, 58), ("EM", "EDOMEX", "Estado de México")),
    State("MIC", "Michoacán", "MN", range(58, 62), ("MICH", "Michoacán de Ocampo")),
    State("MOR", "Morelos", "MS", range(62, 63)),
    State("NAY", "Nayarit", "NT", range(63, 64)),
    State("NLE", "Nuevo León", "NL", range(64, 68), ("NL",)),
    State("OAX", "Oaxaca", "OC", range(68, 72)),
    State("PUE", "Puebla", "PL", range(72, 76)),
    State("QUE", "Querétaro", "QT", range(76, 77), ("QRO", "Querétaro de Arteaga")),
    State("ROO", "Quintana Roo", "QR", range(77, 78), ("QROO",)),
    State("SLP", "San Luis Potosí", "SP", range(78, 80)),
    State("SIN", "Sinaloa", "SL", range(80, 83)),
    State("SON", "Sonora", "SR", range(83, 86)),
    State("TAB", "Tabasco", "TC", range(86, 87)),
    State("TAM", "Tamaulipas", "TS", range(87, 90), ("TAMP", "TAMPS")),
    State("TLA", "Tlaxcala", "TL", range(90, 91), ("TLAX",)),
    State("VER", "Veracruz", "VZ", range(91, 97), ("Veracruz de Ignacio de la Llave",)),
    State("YUC", "Yucatán", "YN", range(97, 98)),
    State("ZAC", "Zacatecas", "ZS", range(98, 100)),
)
BY_CODE = {state.code: state for state in STATES}


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.upper())
    return re.sub(r"[^A-Z]", "", letters)


_KNOWN = {
    _plain(name): state for state in STATES for name in (state.code, state.name, *state.aliases)
}


def state_named(name: str) -> State | None:
    """The state of a code, a usual short form or a name; case, accents and points do not matter."""
    return _KNOWN.get(_plain(name.removeprefix("MX-")))


def state_of(postal_code: str) -> State | None:
    """The state that a postal code of five digits lies in."""
    prefix = int(postal_code[:2])
    return next((state for state in STATES if prefix in state.prefixes), None)
