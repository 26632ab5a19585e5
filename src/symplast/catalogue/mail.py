"""Mails: their headers, their two bodies, and the relay that takes them."""

import re
import smtplib
import ssl
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

from symplast.catalogue.cards import plural
from symplast.catalogue.feeds import clean, headline
from symplast.lab.events import Event


class _Headers(HeaderRegistry):
    """The stdlib makes a class for every header of every mail; once a name is enough."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, type] = {}

    def __getitem__(self, name: str) -> type:
        if name not in self._made:
            self._made[name] = super().__getitem__(name)
        return self._made[name]


POLICY = SMTP.clone(max_line_length=998, header_factory=_Headers())
"""Lines up to what SMTP allows: under 78, a long List-Unsubscribe becomes an encoded word, which no client accepts."""
TIMEOUT_S = 30


class MailError(Exception):
    """A mail that was not taken; the text names no address."""


@runtime_checkable
class Mailer(Protocol):
    """Whatever sends a mail, or raises MailError."""

    def send(self, message: EmailMessage, to: str) -> None: ...


class SMTPMailer:
    """Hands mails to a relay.

    Args:
        url: ``smtp://host:port``, ``smtp+starttls://user:password@host:587`` or ``smtps://...``.
        sender: the address in From and in the envelope.

    Raises:
        ValueError: another form of address; the message does not repeat the password.
    """

    def __init__(self, url: str, sender: str):
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("smtp", "smtp+starttls", "smtps") or not parts.hostname or port == -1:
            raise ValueError(
                "SYMPLAST_SMTP must read smtp+starttls://user:password@host:587, smtps://... or smtp://..."
            )
        self.sender = sender
        self._scheme, self._host = parts.scheme, parts.hostname
        self._port = port or {"smtp": 25, "smtp+starttls": 587, "smtps": 465}[parts.scheme]
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password or "")

    def send(self, message: EmailMessage, to: str) -> None:
        """Hand one mail over.

        Raises:
            MailError: it was not taken; says the kind of error and the relay's code, no address.
        """
        message["From"] = self.sender
        try:
            context = ssl.create_default_context() if self._scheme != "smtp" else None
            with self._connected(context) as relay:
                if self._scheme == "smtp+starttls":
                    relay.starttls(context=context)
                if self._user is not None:
                    relay.login(self._user, self._password)
                relay.send_message(message, from_addr=self.sender, to_addrs=[to])
        except (smtplib.SMTPException, OSError) as error:
            code = getattr(error, "smtp_code", "")
            raise MailError(f"{type(error).__name__} {code}".strip()) from None

    def _connected(self, context: ssl.SSLContext | None) -> smtplib.SMTP:
        if self._scheme == "smtps":
            return smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_S, context=context)
        return smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)


def confirmation(to: str, link: str, *, now: datetime, message_id: str, changed: bool) -> EmailMessage:
    """The one mail that is sent before consent.

    Args:
        to: the address that was given.
        link: of the page with the button.
        now: when.
        message_id: with its angle brackets.
        changed: whether a subscription that is active is to be changed.
    """
    what = "change your symplast digest" if changed else "get the symplast digest"
    text = (
        f"Somebody, probably you, asked to {what} at this address.\n\n"
        f"If it was you, open this page within 48 hours and press its button:\n{link}\n\n"
        "If it was not, do nothing: you will get no other mail, and the address is deleted after 48 hours.\n"
    )
    if changed:
        text = text.replace(
            "you will get no other mail, and the address is deleted after 48 hours", "all stays as it is"
        )
    message = _begun(to, "Confirm your symplast digest", now, message_id)
    message.set_content(text)
    return message


def digest(
    to: str, period: str, events: Sequence[Event], *, base_url: str, unsubscribe: str, now: datetime, message_id: str,
    mailbox: str = "", titles: dict[str, str] | None = None,
) -> EmailMessage:  # fmt: skip
    """The mail of one period.

    Args:
        to: the address.
        period: a day or an ISO week.
        events: that happened in it and are followed, oldest first.
        base_url: of the site, ending in ``/``.
        unsubscribe: the address that ends the subscription when it is posted to.
        now: when.
        message_id: with its angle brackets.
        mailbox: an address that somebody reads and that takes "unsubscribe" too; empty for none.
        titles: system -> what to call it.
    """
    count = len(events)
    message = _begun(to, f"symplast digest {period}: {count} change{plural(count)}", now, message_id)
    host = urlsplit(base_url).hostname or "localhost"
    message["List-Id"] = f"symplast verdicts <verdicts.{host}>"
    also = f", <mailto:{mailbox}?subject=unsubscribe>" if mailbox else ""
    message["List-Unsubscribe"] = f"<{unsubscribe}>{also}"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    lines, items = [], []
    for event in events:
        said = clean(headline(event))
        called = clean((titles or {}).get(event.system, event.system))
        page = f"{base_url}{event.system}.html" + (f"#{event.claim}" if event.claim else "")
        lines.append(f"{said}\n  {called}, {event.scale} scale, {event.at[:16].replace('T', ' ')} UTC\n  {page}\n")
        items.append(
            f'<li><a href="{escape(page)}">{escape(said)}</a><br>{escape(called)}, {event.scale} scale, '
            f"{event.at[:16].replace('T', ' ')} UTC</li>"
        )
    ending = "You get this because you confirmed it. Unsubscribe with one click:"
    message.set_content(f"What changed in {period}:\n\n" + "\n".join(lines) + f"\n{ending}\n{unsubscribe}\n")
    message.add_alternative(
        f'<!doctype html><html lang="en"><body><p>What changed in {period}:</p><ul>{"".join(items)}</ul>'
        f'<p>{ending} <a href="{escape(unsubscribe)}">unsubscribe</a></p></body></html>\n',
        subtype="html",
    )
    return message


def _begun(to: str, subject: str, now: datetime, message_id: str) -> EmailMessage:
    """A mail with the headers that all have."""
    message = EmailMessage(policy=POLICY)
    message["To"] = to
    message["Subject"] = re.sub(r"[\r\n]+", " ", subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    return message
