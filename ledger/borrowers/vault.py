"""Keys and ciphers of personal data: AES-256-GCM, a data key per borrower under a master key.

What is encrypted is bound to its place (borrower, version, type, revision), so that no row can
stand for another. A nonce is 96 random bits; a borrower has far fewer facts than the 2^32 that one
key may encrypt so (NIST SP 800-38D, section 8.3).
"""

import base64
import binascii
import hmac
import secrets
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple, Self
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from ledger.borrowers.errors import (
    BorrowerKeyMissing,
    BorrowerKeyUnknown,
    BorrowerKeyWrong,
    NotABorrowerKey,
)
from ledger.settings import Settings

logger = structlog.get_logger(__name__)

KEY_BYTES = 32
NONCE_BYTES = 12
DEVELOPMENT_KEY = base64.b64encode(b"cartera: everybody knows this 32").decode()
"""For laptops, demos and tests: it is in the source, so it protects nobody."""


class Wrapped(NamedTuple):
    """A data key as it is kept: under which master key, and its ciphertext."""

    master: str
    sealed: bytes


class Sealer:
    """Encrypts and decrypts one borrower's facts."""

    def __init__(self, borrower_id: UUID, key: bytes) -> None:
        self.borrower_id = borrower_id
        self._key = key
        self._cipher = AESGCM(key)

    def seal(self, clear: bytes, version: int, tag: str, revision: int) -> bytes:
        """Nonce, ciphertext and authentication tag."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, clear, self._place(version, tag, revision))

    def open(self, sealed: bytes, version: int, tag: str, revision: int) -> bytes:
        """Errors: ``BorrowerKeyWrong``."""
        place = self._place(version, tag, revision)
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
        except (InvalidTag, ValueError):
            raise BorrowerKeyWrong(self.borrower_id, f"version {version}") from None

    def digest(self, content: bytes) -> str:
        """A fingerprint that nobody can guess at without the key, as PostgreSQL reads bytea."""
        return "\\x" + hmac.new(self._key, b"order:" + content, sha256).hexdigest()

    def _place(self, version: int, tag: str, revision: int) -> bytes:
        return f"{self.borrower_id}:{version}:{tag}:{revision}".encode()


class Vault:
    """The master keys: the first one wraps new data keys, all of them unwrap old ones."""

    def __init__(self, *keys: bytes) -> None:
        self._keys = {key_name(key): key for key in keys}
        self.current = key_name(keys[0])

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The vault of these settings. Errors: ``BorrowerKeyMissing``, ``NotABorrowerKey``."""
        if (
            settings.borrower_key is None
            and settings.database_url is not None
            and not settings.borrower_development_key
        ):
            raise BorrowerKeyMissing
        return cls(*_masters(settings.borrower_key, settings.borrower_old_keys))

    def new(self, borrower_id: UUID) -> tuple[Sealer, Wrapped]:
        """A new borrower's key, and what is kept of it."""
        key = secrets.token_bytes(KEY_BYTES)
        return Sealer(borrower_id, key), self._wrap(borrower_id, key)

    def open(self, borrower_id: UUID, wrapped: Wrapped) -> Sealer:
        """Errors: ``BorrowerKeyUnknown``, ``BorrowerKeyWrong``."""
        return Sealer(borrower_id, self._unwrap(borrower_id, wrapped))

    def rewrapped(self, borrower_id: UUID, wrapped: Wrapped) -> Wrapped:
        """The same data key under the current master key. Errors: as ``open``."""
        return self._wrap(borrower_id, self._unwrap(borrower_id, wrapped))

    def marks(self, kind: str, value: str) -> list[bytes]:
        """By what a value is found again without being readable; the current key's first."""
        return [
            hmac.new(key, f"mark:{kind}:{value}".encode(), sha256).digest()
            for key in self._keys.values()
        ]

    def _wrap(self, borrower_id: UUID, key: bytes) -> Wrapped:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self._keys[self.current]).encrypt(nonce, key, borrower_id.bytes)
        return Wrapped(self.current, nonce + sealed)

    def _unwrap(self, borrower_id: UUID, wrapped: Wrapped) -> bytes:
        master = self._keys.get(wrapped.master)
        if master is None:
            raise BorrowerKeyUnknown(wrapped.master)
        nonce, sealed = wrapped.sealed[:NONCE_BYTES], wrapped.sealed[NONCE_BYTES:]
        try:
            return AESGCM(master).decrypt(nonce, sealed, borrower_id.bytes)
        except (InvalidTag, ValueError):
            raise BorrowerKeyWrong(borrower_id, "the key") from None


def new_master_key() -> str:
    """A master key to set as ``CARTERA_BORROWER_KEY``."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def key_name(key: bytes) -> str:
    """What a master key is called where it must not be told."""
    return sha256(b"cartera master key:" + key).hexdigest()[:16]


@lru_cache(maxsize=8)
def _masters(current: SecretStr | None, old: SecretStr | None) -> tuple[bytes, ...]:
    """The current master key and those of before it; says once where there is no real one."""
    if current is None:
        logger.warning("borrowers_under_development_key", told="set CARTERA_BORROWER_KEY")
        return (_key(DEVELOPMENT_KEY), *_keys(old))
    keys = _keys(current)
    if len(keys) != 1:
        raise NotABorrowerKey
    return (*keys, *_keys(old))


def _keys(given: SecretStr | None) -> list[bytes]:
    if given is None:
        return []
    return [_key(one.strip()) for one in given.get_secret_value().split(",") if one.strip()]


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotABorrowerKey from None
    if len(key) != KEY_BYTES:
        raise NotABorrowerKey
    return key
