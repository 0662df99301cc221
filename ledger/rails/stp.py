"""SPEI deposits told by the participant as they come in: the "sendAbono" message of STP.

Field names: test forms of published integrations; what is not documented is a setting. The message
is delivered at least once: a transfer is known by operating day, sending institution and tracking
key, for ever.
"""

import base64
import binascii
import hmac
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct
from pydantic import SecretStr

from domain.references import InvalidReference, clabe_of
from ledger.application import Ledger
from ledger.bank_line import BankLine
from ledger.csv_lines import Reject
from ledger.errors import LedgerError
from ledger.money import FormError
from ledger.orders import Cause
from ledger.payment_batch import matched
from ledger.payment_landing import Direct, Landed, Landing
from ledger.rails.entry import spei_key

CURRENCY = "MXN"
CHANNEL = "spei"
SOURCE = "stp"
NOT_AVAILABLE = "ND"
LONGEST = {"claveRastreo": 30, "conceptoPago": 40, "cuentaBeneficiario": 20, "nombreOrdenante": 120}


class NotificationsOff(LedgerError):
    """No secret is set, so that nobody's word could be told from another's."""

    field = "CARTERA_STP_SECRET"

    def __init__(self) -> None:
        super().__init__(f"{self.field} is not set: no notification is taken")


class SignatureWrong(LedgerError):
    """The notification is not from whom the secret is shared with."""

    field = "signature"

    def __init__(self) -> None:
        super().__init__("the signature does not fit the body")


class Deposit(Struct, frozen=True, kw_only=True):
    """A notification, understood. ``operated_on`` is the SPEI operating day."""

    id: int
    operated_on: date
    sender: str
    tracking: str
    amount: str
    account: str
    payer: str = ""
    concept: str = ""
    number: str = ""


def check_signature(body: bytes, given: str, secret: SecretStr | None) -> None:
    """Errors: ``NotificationsOff``, ``SignatureWrong``."""
    if secret is None or not secret.get_secret_value():
        raise NotificationsOff
    wanted = hmac.new(secret.get_secret_value().encode(), body, sha256).digest()
    if not any(hmac.compare_digest(one, wanted) for one in _decoded(given.strip())):
        raise SignatureWrong


def _decoded(given: str) -> list[bytes]:
    """What the text may mean: hex or base64."""
    found = []
    for decode in (bytes.fromhex, lambda text: base64.b64decode(text, validate=True)):
        try:
            found.append(decode(given))
        except (ValueError, binascii.Error):
            continue
    return found


def deposit_of(body: bytes) -> Deposit:
    """The notification in the body. Errors: ``FormError`` naming the field."""
    try:
        form = msgspec.json.Decoder(float_hook=_as_written).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise FormError("body", "is not JSON") from None
    if not isinstance(form, dict):
        raise FormError("body", "must be a JSON object")
    number = _word(form, "referenciaNumerica", "")
    return Deposit(
        id=_whole(form, "id"),
        operated_on=_day(_word(form, "fechaOperacion")),
        sender=_digits(_word(form, "institucionOrdenante"), "institucionOrdenante"),
        tracking=_word(form, "claveRastreo"),
        amount=_word(form, "monto"),
        account=_word(form, "cuentaBeneficiario"),
        payer=_word(form, "nombreOrdenante", "").removeprefix(NOT_AVAILABLE),
        concept=_word(form, "conceptoPago", ""),
        number="" if number == "0" else number,
    )


def _as_written(text: str) -> str:
    """A number with a point stays the text it is: money passes through no float."""
    return text


def _word(form: dict[str, Any], name: str, default: str | None = None) -> str:
    value = form.get(name)
    if value is None or value == "":
        if default is None:
            raise FormError(name, "is missing")
        return default
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise FormError(name, "must be text or a number")
    text = str(value).strip()
    if not text.isprintable() or len(text) > LONGEST.get(name, 100):
        raise FormError(name, f"must be at most {LONGEST.get(name, 100)} printable characters")
    if not text and default is None:
        raise FormError(name, "is missing")
    return text


def _whole(form: dict[str, Any], name: str) -> int:
    return int(_digits(_word(form, name), name))


def _digits(text: str, name: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise FormError(name, f"must be digits, not {text[:40]!r}")
    return text


def _day(text: str) -> date:
    if len(text) == 8 and text.isascii() and text.isdigit():
        try:
            return datetime.strptime(text, "%Y%m%d").date()
        except ValueError:
            pass
    raise FormError("fechaOperacion", f"must be a day as YYYYMMDD, not {text[:40]!r}")


def receive(ledger: Ledger, deposit: Deposit) -> Landed:
    """The deposit on its loan, or in suspense, once.

    What is settled after the bank's cut-off carries the next operating day: such a deposit counts
    from the day it is told. Errors: ``FormError`` for one that must be sent back, ``KeyReused``
    shown as one, ``StoreUnavailable``.
    """
    _check_amount(deposit.amount)
    try:
        clabe_of(deposit.account)
    except InvalidReference as error:
        raise FormError("cuentaBeneficiario", error.rule.removeprefix("clabe: ")) from None
    line = _line(deposit, min(deposit.operated_on, ledger.clock.business_date()))
    [found] = matched(ledger, [line])
    assert not isinstance(found, Reject), line
    if not found.matches and ledger.settings.stp_return_unknown:
        raise FormError("cuentaBeneficiario", "is no account of a loan")
    landing = Landing(ledger, SOURCE, Cause("stp", "notification"))
    landed = landing.land(found, Direct(ledger))
    if isinstance(landed, Reject):
        raise FormError(landed.field, landed.reason)
    return landed


def _check_amount(text: str) -> None:
    whole, _, cents = text.partition(".")
    plain = whole.isascii() and whole.isdigit() and (not cents or cents.isdigit())
    if not plain or len(whole) > 15 or len(cents) > 2 or Decimal(text) <= 0:
        raise FormError("monto", f"must be pesos with up to two decimals, not {text[:40]!r}")


def _line(deposit: Deposit, paid_on: date) -> BankLine:
    """The account is the reference; concept and number mean a loan only where the account does
    not.
    """
    key = spei_key(deposit.operated_on.isoformat(), deposit.sender, deposit.tracking)
    return BankLine(
        number=deposit.id,
        original=key,
        transaction_id=key,
        paid_on=paid_on,
        reference=deposit.account,
        amount=f"{Decimal(deposit.amount):.2f}",
        channel=CHANNEL,
        currency=CURRENCY,
        source=CHANNEL,
        known_by="claveRastreo",
        dated_by="fechaOperacion",
        note=deposit.tracking,
        told_on=deposit.operated_on,
        others=tuple(one for one in (deposit.concept, deposit.number) if one),
        payer=deposit.payer,
    )
