"""The lender's certificate (CSD), which seals its documents."""

from datetime import datetime
from pathlib import Path
from typing import Any

from projections.accounting.cfdi.errors import CertificateNotUsable
from projections.accounting.exports.errors import MissingPart


def load_signer(certificate: Path, key: Path, password: str, *, issuer: str) -> Any:
    """Certificate and private key, as SAT hands them out (DER, the key encrypted).

    Errors: ``CertificateNotUsable`` where they are not one pair, cannot be read, or are not the
    issuer's; ``OSError`` where a file is not there.
    """
    try:
        from satcfdi.exceptions import CFDIError
        from satcfdi.models import Signer
    except ImportError:
        raise MissingPart("cfdi", "is made by satcfdi: install cartera[sat]") from None
    import OpenSSL

    raw, secret = certificate.read_bytes(), key.read_bytes()
    try:
        signer = Signer.load(certificate=raw, key=secret, password=password)
    except CFDIError:
        raise CertificateNotUsable("does not match its private key") from None
    except (ValueError, TypeError, OpenSSL.crypto.Error):
        rule = "or its key cannot be read: give DER files, and the key's password"
        raise CertificateNotUsable(rule) from None
    if (found := _rfc(signer)) != issuer:
        raise CertificateNotUsable(f"is of {found or 'nobody'}, not of the issuer {issuer}")
    return signer


def _rfc(signer: Any) -> str:
    """Of the holder: SAT writes it before that of his representative."""
    from cryptography.x509.oid import NameOID

    subject = signer.certificate.to_cryptography().subject
    for one in subject.get_attributes_for_oid(NameOID.X500_UNIQUE_IDENTIFIER):
        return str(one.value).partition("/")[0].strip()
    return ""


def check_validity(signer: Any, at: datetime) -> None:
    """Errors: ``CertificateNotUsable`` outside its validity. ``at`` has a time zone."""
    held = signer.certificate.to_cryptography()
    if at < held.not_valid_before_utc:
        raise CertificateNotUsable(f"is valid only from {held.not_valid_before_utc:%Y-%m-%d} on")
    if at > held.not_valid_after_utc:
        raise CertificateNotUsable(f"expired on {held.not_valid_after_utc:%Y-%m-%d}; renew it")
