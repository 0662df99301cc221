"""Who a fiscal document is for, and whether SAT would know him."""

from dataclasses import dataclass
from typing import Protocol

from projections.accounting.cfdi.errors import ReceiverIncomplete
from projections.accounting.cfdi.settings import CfdiSettings

PUBLIC_RFC = "XAXX010101000"
PUBLIC_NAME = "PUBLICO EN GENERAL"
PUBLIC_REGIME, PUBLIC_USE = "616", "S01"
LACKING = ("rfc", "name", "postal_code", "regime")  # what SAT asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A borrower as SAT knows him: exact name, postal code of his fiscal address, regime."""

    rfc: str
    name: str
    postal_code: str
    regime: str
    use: str = ""


class Taxpayer(Protocol):
    """A borrower as he is registered; empty is what nobody has told."""

    @property
    def rfc(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def postal_code(self) -> str: ...
    @property
    def regime(self) -> str: ...


class Register(Protocol):
    """Who is registered with the lender."""

    def taxpayer(self, borrower_no: str, /) -> Taxpayer | None:
        """None for who is not."""
        ...


class Receivers(Protocol):
    """Where borrowers' fiscal data come from."""

    def receiver(self, borrower: str) -> Receiver | None:
        """The borrower of a loan by his reference; None where nothing is known."""
        ...


class Known:
    """Borrowers of the lender's own list, and else those of his register."""

    def __init__(self, listed: Receivers | None, register: Register) -> None:
        self._listed, self._register = listed, register

    def receiver(self, borrower: str) -> Receiver | None:
        """The list's where it has him: SAT may know him otherwise than the lender does."""
        if self._listed and (found := self._listed.receiver(borrower)):
            return found
        one = self._register.taxpayer(borrower)
        if one is None:
            return None
        return Receiver(
            rfc=one.rfc, name=one.name, postal_code=one.postal_code, regime=one.regime
        )  # fmt: skip


def receiver_of(borrower: str, source: Receivers, settings: CfdiSettings) -> Receiver:
    """The receiver, fit for a document. Errors: ``ReceiverIncomplete`` naming what is wrong."""
    found = source.receiver(borrower) if borrower else None
    if (found is None or not found.rfc) and settings.without_rfc == "public":
        return _public(settings)
    lacking = LACKING if found is None else [one for one in LACKING if not getattr(found, one)]
    if found is None or lacking:
        others = f", nor {', '.join(lacking[1:])}" if lacking[1:] else ""
        raise ReceiverIncomplete(borrower, lacking[0], f"is not known{others}")
    _check(found, borrower)
    return found


def _public(settings: CfdiSettings) -> Receiver:
    return Receiver(
        rfc=PUBLIC_RFC, name=PUBLIC_NAME, postal_code=settings.issuer.postal_code,
        regime=PUBLIC_REGIME, use=PUBLIC_USE,
    )  # fmt: skip


def _check(one: Receiver, borrower: str) -> None:
    from satcfdi.models import RFC

    try:
        known = RFC(one.rfc)
    except ValueError:
        raise ReceiverIncomplete(borrower, "rfc", f"{one.rfc!r} has not the form of one") from None
    if known != one.rfc or not known.is_valid() or known.is_generic():
        raise ReceiverIncomplete(borrower, "rfc", f"{one.rfc!r} fails its check digit")
    if not (len(one.postal_code) == 5 and one.postal_code.isdigit()):
        raise ReceiverIncomplete(borrower, "postal_code", f"{one.postal_code!r} has not 5 digits")
    if not (len(one.regime) == 3 and one.regime.isdigit()):
        raise ReceiverIncomplete(borrower, "regime", f"{one.regime!r} is no regime of SAT's")
