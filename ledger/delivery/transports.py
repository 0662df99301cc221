"""Who carries a message: SMTP for e-mail, a provider over HTTP for SMS and WhatsApp, or a plug-in.

A plug-in is an entry point of the group `cartera.transports`, named like the means that it serves:
a function from the settings to a ``Transport``. It comes before ours.
"""

from importlib.metadata import entry_points
from types import TracebackType
from typing import Protocol, Self, cast

from msgspec import Struct

from ledger.delivery.facts import Means
from ledger.settings import Settings

GROUP = "cartera.transports"


class File(Struct, frozen=True):
    """What is attached."""

    name: str
    media_type: str
    content: bytes


class Message(Struct, frozen=True):
    """What is handed over. ``id`` is the same at every try: by it a repeat is known as one."""

    id: str
    to: str
    subject: str
    text: str
    file: File | None = None


class Transport(Protocol):
    """Hands messages over, one by one."""

    def send(self, message: Message) -> str:
        """Answers what the other side said when it took it.

        Errors: ``Away``, ``NotNow``, ``NotTaken``.
        """

    def close(self) -> None:
        """Nothing more is sent."""


def transport(settings: Settings, means: Means) -> Transport:
    """What is set up for these means. Errors: ``NoTransport``."""
    for plugged in entry_points(group=GROUP, name=means.value):
        return cast("Transport", plugged.load()(settings))
    if means is Means.EMAIL:
        from ledger.delivery.smtp import Smtp

        return Smtp.of(settings)
    from ledger.delivery.provider import Provider

    return Provider.of(settings, means)


class Transports:
    """Those of one run, each opened when the first message needs it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[Means, Transport] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        for one in self._open.values():
            one.close()

    def by(self, means: Means) -> Transport:
        """Errors: ``NoTransport``."""
        if means not in self._open:
            self._open[means] = transport(self._settings, means)
        return self._open[means]


def check(settings: Settings, means: Means) -> None:
    """That something is set up for these means. Errors: ``NoTransport``."""
    transport(settings, means).close()
