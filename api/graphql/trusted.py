"""Trusted documents: questions known beforehand, named by the SHA-256 of their text.

A client names one by ``documentId`` (``sha256:`` and the digest, as GraphQL over HTTP proposes) or
by ``extensions.persistedQuery.sha256Hash``, as many clients do.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from api.graphql.errors import Refused

PREFIX = "sha256:"


class UnreadableDocuments(ValueError):
    """The file of trusted documents is none."""

    def __init__(self, path: Path, rule: str) -> None:
        super().__init__(f"{path}: {rule}")


class Trusted:
    """The documents that may be named; with ``only``, no others may be asked."""

    def __init__(self, documents: Mapping[str, str], *, only: bool) -> None:
        self.documents = documents
        self.only = only

    def document(
        self, query: str | None, document_id: str | None, extensions: Mapping[str, Any] | None
    ) -> str:
        """The text of what is asked.

        Errors: ``Refused`` where nothing is asked, what is named is not known, text differs from
        its name, or only trusted documents may be asked.
        """
        name = _named(document_id, extensions)
        if name is None:
            if query is None:
                raise Refused("no-document", "send a query, or name a trusted document")
            if self.only and digest_of(query) not in self.documents:
                raise Refused("not-trusted", "only trusted documents may be asked here")
            return query
        known = self.documents.get(name)
        if known is None:
            raise Refused("unknown-document", f"there is no trusted document {PREFIX}{name[:64]}")
        if query is not None and query != known:
            raise Refused("document-differs", "the query is not the document that is named")
        return known


def _named(document_id: str | None, extensions: Mapping[str, Any] | None) -> str | None:
    if document_id is not None:
        return document_id.removeprefix(PREFIX).lower()
    persisted = (extensions or {}).get("persistedQuery")
    name = persisted.get("sha256Hash") if isinstance(persisted, Mapping) else None
    return name.lower() if isinstance(name, str) else None


def digest_of(document: str) -> str:
    """What names a document."""
    return sha256(document.encode("utf-8", "surrogatepass")).hexdigest()


def trusted(path: Path | None, *, only: bool) -> Trusted:
    """The documents of a file. Errors: ``UnreadableDocuments``."""
    if path is None:
        return Trusted({}, only=only)
    try:
        given = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise UnreadableDocuments(path, f"cannot be read: {error}") from error
    if not isinstance(given, dict):
        raise UnreadableDocuments(path, "must map digests to documents")
    for name, document in given.items():
        if not isinstance(document, str) or digest_of(document) != name:
            raise UnreadableDocuments(path, f"{name} is not the SHA-256 of its document")
    return Trusted(given, only=only)
