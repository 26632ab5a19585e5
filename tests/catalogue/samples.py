"""Cards, events and clocks for the tests of the catalogue."""

from datetime import UTC, datetime
from email.message import EmailMessage

from symplast.catalogue import Catalogue
from symplast.catalogue.mail import MailError
from symplast.lab.events import Event
from symplast.lab.published import results_folder
from symplast.lab.registry import rooms

URL = "https://verdicts.example.org/"


def present() -> Catalogue:
    """The catalogue of the systems of symplast, without comparing code."""
    return Catalogue({n: r for n, r in rooms().items() if r.built_in}, results_folder(), check_code=False)


def event(number: int = 0, at: str = "2026-03-02T10:00:00+00:00", **about: object) -> Event:
    """A verdict that changed."""
    known = {"kind": "verdict_changed", "system": "curl", "claim": f"C{number}", "old": "reproduced", "new": "refuted"}
    return Event(**{"version": 1, "id": f"{number:016x}", "at": at, "scale": "full", "commit": "", **known, **about})


class Clock:
    """A clock that is set by hand."""

    def __init__(self, text: str = "2026-03-02T12:00:00+00:00"):
        self.now = datetime.fromisoformat(text).astimezone(UTC)

    def __call__(self) -> datetime:
        return self.now


class Mailbox:
    """Keeps mails; refuses the next ``refuse`` of them."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuse = 0

    def send(self, message: EmailMessage, to: str) -> None:
        if self.refuse:
            self.refuse -= 1
            raise MailError("SMTPDataError 451")
        self.mails.append(message)

    def link(self, what: str) -> str:
        """The token of the last link of a kind: ``confirm`` or ``u``."""
        text = self.mails[-1].get_body(("plain",)).get_content()
        return text.split(f"/{what}/")[1].split()[0]
