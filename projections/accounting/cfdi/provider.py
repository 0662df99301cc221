"""The stamping provider (PAC): takes sealed documents, gives them the tax authority's UUID.

`Provider` is what any of them comes to. `HttpProvider` speaks the REST interface of SW sapien
(stamp v4, cancel), whose address is a setting: another provider is another class of this shape.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from projections.accounting.cfdi.errors import ProviderAway, StampRefused
from projections.accounting.exports.errors import MissingPart

STAMPED_BEFORE = "307"


@dataclass(frozen=True, slots=True)
class Stamped:
    """A document with its stamp."""

    uuid: str
    xml: str


class Provider(Protocol):
    """Errors of both: ``ProviderAway``, ``StampRefused``."""

    def stamp(self, document: str, xml: bytes) -> Stamped:
        """The stamped document; the same sealed one again gives the same stamp."""
        ...

    def cancel(self, document: str, rfc: str, uuid: str, motive: str, by: str = "") -> None:
        """Ask for a document to be cancelled; asked again, nothing changes."""
        ...


class HttpProvider:
    """A provider at ``url``. Each call ends after ``seconds``."""

    def __init__(self, url: str, token: str, seconds: float) -> None:
        if not url:
            raise MissingPart("provider_url", "is needed: the address of the stamping provider")
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._seconds = seconds

    def stamp(self, document: str, xml: bytes) -> Stamped:
        files = {"xml": ("xml", xml, "text/xml")}
        answer = self._post(document, "v4/cfdi33/stamp/v4", files=files)
        data = answer.get("data") or {}
        if not (isinstance(data, dict) and data.get("uuid") and data.get("cfdi")):
            raise StampRefused(document, "", "its answer has no UUID or no document")
        return Stamped(str(data["uuid"]).lower(), str(data["cfdi"]))

    def cancel(self, document: str, rfc: str, uuid: str, motive: str, by: str = "") -> None:
        path = "/".join(("cfdi33/cancel", rfc, uuid, motive, *filter(None, [by])))
        self._post(document, path)

    def _post(self, document: str, path: str, **given: Any) -> dict[str, Any]:
        import requests

        try:
            answer = requests.post(
                f"{self._url}/{path}", headers=self._headers, timeout=self._seconds, **given
            )
        except requests.RequestException as error:
            raise ProviderAway(f"the stamping provider: {type(error).__name__}") from None
        if answer.status_code >= 500 or answer.status_code in (408, 429):
            raise ProviderAway(f"the stamping provider answered {answer.status_code}")
        try:
            told = answer.json()
        except requests.JSONDecodeError:
            raise ProviderAway("the stamping provider answered something that is no JSON") from None
        if not isinstance(told, dict):
            raise ProviderAway("the stamping provider answered something that is no object")
        if answer.ok and told.get("status") == "success":
            return told
        said = str(told.get("message") or answer.status_code)
        if said.startswith(STAMPED_BEFORE) and told.get("data"):
            return told  # it had stamped this very document, and its answer was lost
        raise StampRefused(document, "", f"{said} {told.get('messageDetail') or ''}"[:500])
