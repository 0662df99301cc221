"""A certificate as SAT issues them, made here; lenders and borrowers."""

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from projections.accounting.cfdi.receiver import Receiver
from projections.accounting.cfdi.settings import CfdiSettings, Issuer

RFC = "EKU9003173C9"
PASSWORD = "12345678a"
SERIAL = "30001000000500003416"
NOW = datetime(2026, 6, 30, 18, 0, tzinfo=UTC)

ISSUER = Issuer(rfc=RFC, name="ESCUELA KEMPER URGATE", regime="601", postal_code="42501")
BORROWER = Receiver(
    rfc="CACX7605101P8", name="XOCHILT CASAS CHAVEZ", postal_code="36257", regime="612"
)


@cache
def private_key(nth=0):
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(*, rfc=RFC, begins=NOW - timedelta(days=365), days=4 * 365, key=None):
    """DER of a self-signed certificate whose serial number and names stand as in SAT's."""
    key = key or private_key()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "ESCUELA KEMPER URGATE SA DE CV"),
            x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, f"{rfc} / VADA800927DJ3"),
        ]
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int(SERIAL.encode().hex(), 16))
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


def key_file(key=None, password=PASSWORD):
    return (key or private_key()).private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password.encode()),
    )


def settings(**given):
    return CfdiSettings(**({"issuer": ISSUER, "other_form": "03"} | given))


class Known:
    """Borrowers that are a dictionary."""

    def __init__(self, receivers):
        self.receivers = receivers

    def receiver(self, borrower):
        return self.receivers.get(borrower)
