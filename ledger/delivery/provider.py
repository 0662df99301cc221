"""SMS and WhatsApp by a provider over HTTP: one POST a message, known by its idempotency key.

    POST {CARTERA_PROVIDER_URL}
    Authorization: Bearer {CARTERA_PROVIDER_TOKEN}
    Idempotency-Key: {id}
    {"id", "means": "sms"|"whatsapp", "to": "+52...", "text", "file": {"name", "media_type",
     "content": base64} | null}

2xx is taken (its body, cut short, is kept as the answer); 408, 425, 429 and 5xx are tried again;
401 and 403 hold everything back; any other 4xx is refused for good.
"""

import base64
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

from ledger.delivery.errors import Away, NotNow, NoTransport, NotTaken
from ledger.delivery.facts import Means
from ledger.delivery.transports import Message
from ledger.settings import Settings

if TYPE_CHECKING:
    import httpx

LATER = frozenset({408, 425, 429})
NOT_US = frozenset({401, 403})
LONGEST = 300


class Provider:
    """One client for many messages."""

    def __init__(self, client: "httpx.Client", url: str, means: Means) -> None:
        self._client, self._url, self._means = client, url, means

    @classmethod
    def of(cls, settings: Settings, means: Means) -> Self:
        """Errors: ``NoTransport``."""
        if not settings.provider_url:
            raise NoTransport(means, "set CARTERA_PROVIDER_URL")
        if find_spec("httpx") is None:
            raise NoTransport(means, "install the extra `delivery`")
        import httpx  # an extra

        token = settings.provider_token.get_secret_value()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = httpx.Client(headers=headers, timeout=settings.provider_timeout_seconds)
        return cls(client, settings.provider_url, means)

    def send(self, message: Message) -> str:
        """Errors: ``Away``, ``NotNow``, ``NotTaken``."""
        import httpx  # an extra

        file = message.file
        body = {
            "id": message.id,
            "means": self._means.value,
            "to": message.to,
            "text": message.text,
            "file": file
            and {
                "name": file.name,
                "media_type": file.media_type,
                "content": base64.b64encode(file.content).decode(),
            },
        }
        try:
            answer = self._client.post(
                self._url, json=body, headers={"Idempotency-Key": message.id}
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Away(f"{type(error).__name__}: {error}") from None
        told = f"{answer.status_code} {' '.join(answer.text.split())}"[:LONGEST]
        if answer.is_success:
            return told
        if answer.status_code in NOT_US:
            raise Away(told)
        if answer.status_code in LATER or answer.is_server_error:
            raise NotNow(told)
        raise NotTaken(told)

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()
