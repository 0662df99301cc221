"""E-mail by SMTP (RFC 5321): taken is what the server answered 250 to after the data.

SMTP cannot tell a repeat from a new message: between that answer and our record of it a killed
process leaves a mail that is sent once more, with the same Message-ID.
"""

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, formatdate, parseaddr
from typing import Self

from ledger.delivery.errors import Away, NotNow, NoTransport, NotTaken
from ledger.delivery.transports import Message
from ledger.settings import Settings, SmtpSecurity

PERMANENT = 500


class Smtp:
    """One connection for many messages, opened anew where the server ended it."""

    def __init__(self, settings: Settings, host: str, sender: str) -> None:
        self._settings, self._host, self._sender = settings, host, sender
        self._server: smtplib.SMTP | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Errors: ``NoTransport``."""
        if not settings.smtp_host or not settings.smtp_from:
            missing = "HOST" if not settings.smtp_host else "FROM"
            raise NoTransport("email", f"set CARTERA_SMTP_{missing}")
        if "@" not in parseaddr(settings.smtp_from)[1]:
            raise NoTransport("email", "CARTERA_SMTP_FROM is no address")
        return cls(settings, settings.smtp_host, settings.smtp_from)

    def send(self, message: Message) -> str:
        """Step by step, for the words of each reply. Errors: ``Away``, ``NotNow``, ``NotTaken``."""
        mail = self._mail(message)
        try:
            server = self._connected()
            return self._hand_over(server, parseaddr(self._sender)[1], message.to, mail)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise Away(_said(error)) from None

    def _hand_over(self, server: smtplib.SMTP, sender: str, to: str, mail: bytes) -> str:
        server.rset()
        code, words = server.mail(sender)
        _expect(code, words, whole=True)
        code, words = server.rcpt(to)
        _expect(code, words)
        try:
            code, words = server.data(mail)
        except smtplib.SMTPDataError as error:  # refused before the data
            code, words = error.smtp_code, _bytes(error.smtp_error)
        _expect(code, words)
        return _reply(code, words)

    def _connected(self) -> smtplib.SMTP:
        if self._server is not None:
            try:
                if self._server.noop()[0] == 250:
                    return self._server
            except (OSError, smtplib.SMTPException):
                pass  # it ended the connection meanwhile: a new one is made
            self._drop()
        self._server = self._open()
        return self._server

    def _open(self) -> smtplib.SMTP:
        chosen, seconds = self._settings, self._settings.smtp_timeout_seconds
        server: smtplib.SMTP
        if chosen.smtp_security is SmtpSecurity.TLS:
            context = ssl.create_default_context()
            server = smtplib.SMTP_SSL(
                self._host, chosen.smtp_port, timeout=seconds, context=context
            )
        else:
            server = smtplib.SMTP(self._host, chosen.smtp_port, timeout=seconds)
        if chosen.smtp_security is SmtpSecurity.STARTTLS:
            server.starttls(context=ssl.create_default_context())
        if chosen.smtp_user:
            server.login(chosen.smtp_user, chosen.smtp_password.get_secret_value())
        else:
            server.ehlo_or_helo_if_needed()
        return server

    def _mail(self, message: Message) -> bytes:
        mail = EmailMessage(policy=SMTP)
        name, address = parseaddr(self._sender)
        mail["From"] = formataddr((name, address))
        mail["To"] = message.to
        mail["Subject"] = " ".join(message.subject.split())
        mail["Date"] = formatdate(localtime=True)
        mail["Message-ID"] = f"<{message.id}@{address.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        if message.file is not None:
            kind, _, sub = message.file.media_type.partition("/")
            mail.add_attachment(
                message.file.content, maintype=kind, subtype=sub, filename=message.file.name
            )
        return mail.as_bytes()

    def _drop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def close(self) -> None:
        """Say goodbye; a server that has gone needs none."""
        if self._server is None:
            return
        try:
            self._server.quit()
        except (OSError, smtplib.SMTPException):
            self._drop()
        self._server = None


def _expect(code: int, words: bytes, *, whole: bool = False) -> None:
    """2xx, or the error that it is; ``whole``: what is refused is us, not one message."""
    if code // 100 == 2:
        return
    if whole or code == 421:  # 421: it closes the connection
        raise Away(_reply(code, words))
    raise (NotTaken if code >= PERMANENT else NotNow)(_reply(code, words))


def _bytes(words: bytes | str) -> bytes:
    return words if isinstance(words, bytes) else words.encode()


def _reply(code: int, words: bytes) -> str:
    return f"{code} {' '.join(words.decode('utf-8', 'replace').split())}"


def _said(error: OSError | smtplib.SMTPException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _reply(error.smtp_code, _bytes(error.smtp_error))
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
