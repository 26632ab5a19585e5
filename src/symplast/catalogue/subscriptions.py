"""Subscriptions to the digest: double opt-in, one-click unsubscribe, and the database that keeps them.

SQLite holds only what can't be derived: who follows what, hashes of tokens, and which mails are on their way. Times are
UTC; the clock and the mailer are given, so that nothing here needs sleep or a network.
"""

import hashlib
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from symplast.catalogue.addresses import checked_address
from symplast.catalogue.catalogue import EventFilter
from symplast.catalogue.digests import ACTIVE, DigestRun, due_periods, queue_digests, send_digests
from symplast.catalogue.filters import check_word
from symplast.catalogue.mail import Mailer, MailError, confirmation
from symplast.catalogue.periods import CADENCES, Cadence, same_moment
from symplast.catalogue.site import checked_url
from symplast.catalogue.tokens import derived, hashed, is_token, new_token, secret_beside
from symplast.lab.events import Event

SCHEMA = """
CREATE TABLE IF NOT EXISTS subscription(
  id INTEGER PRIMARY KEY, email TEXT UNIQUE, filter_json TEXT NOT NULL, cadence TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'gone')),
  created_at TEXT NOT NULL, confirmed_at TEXT, last_period TEXT);
CREATE TABLE IF NOT EXISTS token(
  hash TEXT PRIMARY KEY, subscription_id INTEGER NOT NULL REFERENCES subscription(id),
  purpose TEXT NOT NULL CHECK (purpose IN ('confirm', 'unsubscribe')), expires_at TEXT, filter_json TEXT, cadence TEXT);
CREATE TABLE IF NOT EXISTS outbox(
  subscription_id INTEGER NOT NULL REFERENCES subscription(id), period TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'failed')),
  lease_until TEXT, tries INTEGER NOT NULL DEFAULT 0, message_id TEXT NOT NULL,
  PRIMARY KEY(subscription_id, period));
CREATE TABLE IF NOT EXISTS attempt(at TEXT NOT NULL, who_hash TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS attempt_who ON attempt(who_hash, at);
"""
VALID = timedelta(hours=48)
"""How long a confirmation link works, and an unconfirmed address is kept."""
PER_ADDRESS, PER_CLIENT, HOUR = 3, 20, timedelta(hours=1)
"""Requests that are answered with a mail, an hour."""

Confirmed = Literal["confirmed", "expired"]
Gone = Literal["gone", "unknown"]


class TooManyRequestsError(Exception):
    """A client that has asked too often within an hour."""


class Subscriptions:
    """The subscriptions of one site.

    Args:
        db: the SQLite file; ``":memory:"`` for a database that ends with the object.
        clock: the time now, with its zone.
        mailer: sends mails; None where mail is not set up.
        base_url: of the site; it must be https, or of this machine.
        secret: for tokens; by default that of the file next to the database.
        mailbox: an address that takes "unsubscribe" too and that somebody reads; empty for none.
        step: called between every two steps of a digest run with the step's name; tests crash there.

    Raises:
        ValueError: base_url can't be that of a site whose mails can be unsubscribed from.
    """

    def __init__(
        self,
        db: Path | str,
        clock: Callable[[], datetime],
        mailer: Mailer | None,
        base_url: str,
        *,
        secret: bytes | None = None,
        mailbox: str = "",
        step: Callable[[str], None] = lambda name: None,
    ):
        self.base_url = checked_url(base_url)
        if not self.base_url:
            raise ValueError("url must be given: links in mails need it")
        self.clock, self.mailer, self.step = clock, mailer, step
        self.mailbox = checked_address(mailbox) if mailbox else ""
        self._path = str(db)
        self._kept: sqlite3.Connection | None = None
        if self._path == ":memory:":
            self._kept = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            self.secret = secret or os.urandom(32)
        else:
            path = Path(db)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self.secret = secret or secret_beside(path)
        with self.connection() as connection:
            if self._kept is None:
                connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(SCHEMA)

    def subscribe(
        self, email: str, wanted: EventFilter, cadence: str = "weekly", *, client: str = "", systems: Sequence[str] = ()
    ) -> None:
        """Ask an address to confirm; what follows never tells whether it was known.

        Args:
            email: the address.
            wanted: which events.
            cadence: daily or weekly.
            client: who asks, for the rate limit; empty for nobody.
            systems: those there are, to check the filter against; empty checks nothing.

        Raises:
            ValueError: no plain address, no such cadence or system; RuntimeError: mail is not set up;
            TooManyRequestsError: this client asked too often; MailError: the relay did not take the mail.
        """
        if self.mailer is None:
            raise RuntimeError("mail is not set up on this server")
        now = self._now()
        with self._writing() as connection:
            crowded = bool(client) and self._too_often(connection, f"c:{client}", PER_CLIENT, now)
        if crowded:
            raise TooManyRequestsError("too many requests within an hour")
        address = checked_address(email)
        check_word("cadence", cadence, CADENCES)
        if unknown := [name for name in wanted.systems if systems and name not in systems]:
            raise ValueError(f"systems must be some of {', '.join(systems)}; got {unknown[0][:60]!r}")
        token = new_token()
        with self._writing() as connection:
            if self._too_often(connection, f"a:{address.lower()}", PER_ADDRESS, now):
                return  # the page says the same
            found = connection.execute("SELECT id, state FROM subscription WHERE email = ?", (address,)).fetchone()
            if found is None:
                row = address, wanted.text, cadence, "pending", _text(now)
                ident = connection.execute(
                    "INSERT INTO subscription(email, filter_json, cadence, state, created_at) VALUES (?, ?, ?, ?, ?)",
                    row,
                ).lastrowid
            else:
                ident = found[0]
            active = found is not None and found[1] == "active"
            connection.execute("DELETE FROM token WHERE subscription_id = ? AND purpose = 'confirm'", (ident,))
            connection.execute(
                "INSERT INTO token VALUES (?, ?, 'confirm', ?, ?, ?)",
                (hashed(token), ident, _text(now + VALID), wanted.text, cadence),
            )
            if not active:
                connection.execute(
                    "UPDATE subscription SET filter_json = ?, cadence = ?, created_at = ? WHERE id = ?",
                    (wanted.text, cadence, _text(now), ident),
                )
        link = f"{self.base_url}confirm/{token}"
        message_id = f"<confirm.{hashed(token)[:22]}@{self.host}>"
        self.mailer.send(confirmation(address, link, now=now, message_id=message_id, changed=active), address)

    def is_confirmable(self, token: str) -> bool:
        """Whether a confirmation link still works; changes nothing."""
        with self.connection() as connection:
            return self._confirmable(connection, token) is not None

    def confirm(self, token: str) -> Confirmed:
        """Consent: what the link asked for becomes active. Twice is fine."""
        now = self._now()
        with self._writing() as connection:
            found = self._confirmable(connection, token)
            if found is None:
                return "expired"
            ident, filter_json, cadence, state, last = found
            if filter_json is None:
                return "confirmed"  # pressed twice
            if state == "pending":
                connection.execute(
                    "UPDATE subscription SET state = 'active', confirmed_at = ? WHERE id = ?", (_text(now), ident)
                )
            connection.execute(
                "UPDATE subscription SET filter_json = ?, cadence = ?, last_period = ? WHERE id = ?",
                (filter_json, cadence, same_moment(last, cadence), ident),
            )
            connection.execute("UPDATE token SET filter_json = NULL WHERE hash = ?", (hashed(token),))
            self._keep_unsubscribe_hash(connection, ident)
        return "confirmed"

    def knows(self, token: str) -> bool:
        """Whether an unsubscribe link is one of ours; changes nothing."""
        with self.connection() as connection:
            return self._unsubscribable(connection, token) is not None

    def unsubscribe(self, token: str) -> Gone:
        """End a subscription at once and forget its address. Twice is fine, and the link never expires."""
        with self._writing() as connection:
            ident = self._unsubscribable(connection, token)
            if ident is None:
                return "unknown"
            connection.execute("UPDATE subscription SET state = 'gone', email = NULL WHERE id = ?", (ident,))
            connection.execute("DELETE FROM token WHERE subscription_id = ? AND purpose = 'confirm'", (ident,))
            connection.execute("DELETE FROM outbox WHERE subscription_id = ? AND state != 'sent'", (ident,))
        return "gone"

    def run_digests(self, now: datetime, events: Sequence[Event], titles: dict[str, str] | None = None) -> DigestRun:
        """Queue the digests of periods that have ended and send what is due; several processes may do so at once.

        Args:
            now: the time.
            events: all of them; those with a time to come count once it has come.
            titles: system -> what to call it.

        Returns:
            What was done, in numbers.

        Raises:
            RuntimeError: mail is not set up.
        """
        if self.mailer is None:
            raise RuntimeError("mail is not set up: SYMPLAST_SMTP must name a relay, and --from an address")
        self.step("begin")
        self.purge(now)
        self.step("purged")
        queued = queue_digests(self, now, events)
        self.step("queued")
        return send_digests(self, now, events, titles or {}, queued)

    def due(self, now: datetime, events: Sequence[Event]) -> dict[str, int]:
        """How many mails a run would send now, by period; changes nothing."""
        with self.connection() as connection:
            active = connection.execute(ACTIVE).fetchall()
            waiting = connection.execute(
                "SELECT period FROM outbox WHERE state IN ('queued', 'sending') "
                "AND (lease_until IS NULL OR lease_until <= ?)",
                (_text(now),),
            ).fetchall()
        found = Counter(period for row in active for period in due_periods(row, now, events))
        found.update(period for (period,) in waiting)
        return dict(sorted(found.items()))

    def purge(self, now: datetime) -> None:
        """Delete what was not confirmed in time, expired links and old counts of requests."""
        with self._writing() as connection:
            old = _text(now - VALID)
            ids = "SELECT id FROM subscription WHERE state = 'pending' AND created_at <= ?"
            connection.execute(f"DELETE FROM token WHERE subscription_id IN ({ids})", (old,))
            connection.execute("DELETE FROM subscription WHERE state = 'pending' AND created_at <= ?", (old,))
            connection.execute("DELETE FROM token WHERE expires_at <= ?", (_text(now),))
            connection.execute("DELETE FROM attempt WHERE at <= ?", (_text(now - HOUR),))

    @property
    def host(self) -> str:
        """Of the site, for Message-IDs."""
        return self.base_url.split("/")[2].rpartition("@")[2].partition(":")[0]

    def unsubscribe_url(self, ident: int) -> str:
        """The link of a subscription's mails; its hash is kept, so that it works after a new secret too."""
        token = derived(self.secret, f"u:{ident}")
        with self._writing() as connection:
            self._keep_unsubscribe_hash(connection, ident)
        return f"{self.base_url}u/{token}"

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection that is closed afterwards."""
        if self._kept is not None:
            yield self._kept
            return
        connection = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        try:
            connection.execute("PRAGMA busy_timeout = 5000")
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that no other process can come between."""
        with self.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    writing = _writing

    def _now(self) -> datetime:
        return self.clock().astimezone(UTC)

    def _confirmable(
        self, connection: sqlite3.Connection, token: str
    ) -> tuple[int, str | None, Cadence, str, str | None] | None:
        if not is_token(token):
            return None
        found: tuple[int, str | None, Cadence, str, str | None] | None = connection.execute(
            "SELECT s.id, t.filter_json, t.cadence, s.state, s.last_period FROM token t "
            "JOIN subscription s ON s.id = t.subscription_id WHERE t.hash = ? AND t.purpose = 'confirm' "
            "AND t.expires_at > ? AND s.state != 'gone'",
            (hashed(token), _text(self._now())),
        ).fetchone()
        return found

    def _unsubscribable(self, connection: sqlite3.Connection, token: str) -> int | None:
        if not is_token(token):
            return None
        found = connection.execute(
            "SELECT subscription_id FROM token WHERE hash = ? AND purpose = 'unsubscribe'", (hashed(token),)
        ).fetchone()
        return int(found[0]) if found else None

    def _keep_unsubscribe_hash(self, connection: sqlite3.Connection, ident: int) -> None:
        token = derived(self.secret, f"u:{ident}")
        connection.execute(
            "INSERT OR IGNORE INTO token(hash, subscription_id, purpose) VALUES (?, ?, 'unsubscribe')",
            (hashed(token), ident),
        )

    def _too_often(self, connection: sqlite3.Connection, who: str, most: int, now: datetime) -> bool:
        """Count a request, and whether it is one too many within an hour."""
        who_hash = hashlib.sha256(self.secret + who.encode()).hexdigest()
        since = _text(now - HOUR), _text(now)
        query = "SELECT count(*) FROM attempt WHERE who_hash = ? AND at > ? AND at <= ?"
        (count,) = connection.execute(query, (who_hash, *since)).fetchone()
        if count >= most:
            return True
        connection.execute("INSERT INTO attempt VALUES (?, ?)", (_text(now), who_hash))
        return False


def _text(time: datetime) -> str:
    """A time as it is stored and compared."""
    return time.astimezone(UTC).isoformat(timespec="seconds")


__all__ = ["MailError", "Subscriptions", "TooManyRequestsError"]
