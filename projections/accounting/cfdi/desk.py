"""A lender's desk for fiscal documents, from its settings: certificate, provider, the hour."""

from datetime import UTC, datetime
from pathlib import Path

from ledger.settings import Settings
from projections.accounting.cfdi.papers import Desk
from projections.accounting.cfdi.provider import HttpProvider
from projections.accounting.cfdi.receiver import Known, Register
from projections.accounting.cfdi.receiver_file import ReceiverFile
from projections.accounting.cfdi.seal import load_signer
from projections.accounting.cfdi.settings import read_settings
from projections.accounting.exports.errors import MissingPart


def open_desk(chosen: Settings, register: Register) -> Desk:
    """Everything that issuing needs; ``register`` is asked for who is not in the lender's file.

    Errors: ``MissingPart`` for a setting that is not there, ``FormError`` for one that cannot be,
    ``CertificateNotUsable``, ``OSError`` for a file that is not there.
    """
    own = read_settings(chosen)
    for name in ("certificate", "key"):
        if not getattr(own, name):
            raise MissingPart(name, "is needed: the path of its file")
    assert chosen.cfdi is not None
    beside = chosen.cfdi.absolute().parent
    return Desk(
        settings=own,
        receivers=Known(
            ReceiverFile(beside / Path(own.receivers)) if own.receivers else None, register
        ),
        signer=load_signer(
            beside / Path(own.certificate),
            beside / Path(own.key),
            chosen.cfdi_key_password.get_secret_value(),
            issuer=own.issuer.rfc,
        ),
        provider=HttpProvider(
            own.provider_url, chosen.cfdi_provider_token.get_secret_value(), own.provider_seconds
        ),
        now=lambda: datetime.now(UTC),
        zone=chosen.zone,
    )
