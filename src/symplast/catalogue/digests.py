"""A run of digests: what is due is queued, taken by one process at a time, sent, and marked.

A process that dies between sending and marking sends that mail once more, with the same Message-ID; everything else
happens once.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from symplast.catalogue.catalogue import EventFilter
from symplast.catalogue.mail import MailError, digest
from symplast.catalogue.periods import Cadence, end_of, period_of
from symplast.catalogue.tokens import derived
from symplast.lab.events import Event

if TYPE_CHECKING:
    from symplast.catalogue.subscriptions import Subscriptions

LEASE = timedelta(minutes=10)
"""How long a mail that a process has taken is left to it."""
WAITS = (timedelta(minutes=1), timedelta(minutes=10), timedelta(minutes=60))
"""Between one try and the next; a mail that fails once more is given up."""

ACTIVE = "SELECT id, filter_json, cadence, confirmed_at, last_period FROM subscription WHERE state = 'active'"


class DigestRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did.

    Attributes:
        queued: digests that became due.
        sent: mails that the relay took.
        postponed: mails that it did not take and that are tried again.
        failed: mails that are given up.
        dropped: mails whose subscription ended, or follows nothing of it any more.
        problems: kinds of errors of the relay; no addresses.
    """

    queued: int = 0
    sent: int = 0
    postponed: int = 0
    failed: int = 0
    dropped: int = 0
    problems: list[str] = []


def due_periods(row: Any, now: datetime, events: Sequence[Event]) -> list[str]:
    """Periods that have ended, come after the last one, and hold an event that is followed since the confirmation.

    Args:
        row: ``(id, filter_json, cadence, confirmed_at, last_period)`` of an active subscription.
        now: the time.
        events: all of them.
    """
    _, filter_json, cadence, confirmed_at, last = row
    found = {period_of(event.time, cadence) for event in followed(filter_json, confirmed_at, events)}
    return sorted(period for period in found if end_of(period) <= now and (last is None or period > last))


def followed(filter_json: str, confirmed_at: str, events: Sequence[Event]) -> list[Event]:
    """The events that a subscription follows: those its filter admits, after its confirmation."""
    wanted, since = EventFilter.of(filter_json), datetime.fromisoformat(confirmed_at)
    return [event for event in events if event.time > since and wanted.admits(event)]


def queue_digests(subscriptions: "Subscriptions", now: datetime, events: Sequence[Event]) -> int:
    """Put the digests that are due into the outbox, each once; how many."""
    queued = 0
    with subscriptions.connection() as connection:
        idents = [row[0] for row in connection.execute(ACTIVE).fetchall()]
    for ident in idents:
        with subscriptions.writing() as connection:
            row = connection.execute(f"{ACTIVE} AND id = ?", (ident,)).fetchone()
            periods = due_periods(row, now, events) if row else []
            for period in periods:
                message_id = f"<{derived(subscriptions.secret, f'm:{ident}:{period}')}.{period}@{subscriptions.host}>"
                queued += connection.execute(
                    "INSERT OR IGNORE INTO outbox(subscription_id, period, state, message_id) "
                    "VALUES (?, ?, 'queued', ?)",
                    (ident, period, message_id),
                ).rowcount
            if periods:
                connection.execute("UPDATE subscription SET last_period = ? WHERE id = ?", (periods[-1], ident))
        subscriptions.step("one queued")
    return queued


def send_digests(
    subscriptions: "Subscriptions", now: datetime, events: Sequence[Event], titles: dict[str, str], queued: int
) -> DigestRun:
    """Send what is queued and due, one by one."""
    done: dict[str, int] = {"sent": 0, "postponed": 0, "failed": 0, "dropped": 0}
    problems: dict[str, None] = {}
    while (taken := _take(subscriptions, now)) is not None:
        subscriptions.step("taken")
        outcome = _send(subscriptions, taken, now, events, titles, problems)
        done[outcome] += 1
        subscriptions.step("marked")
    return DigestRun(queued=queued, problems=list(problems), **done)


def _take(subscriptions: "Subscriptions", now: datetime) -> tuple[int, str, str, int] | None:
    """The next mail that is due, now this process's own until its lease ends."""
    moment, today, week = _text(now), period_of(now, "daily"), period_of(now, "weekly")
    with subscriptions.writing() as connection:
        connection.execute(  # processes died over it again and again
            "UPDATE outbox SET state = 'failed' WHERE state = 'sending' AND lease_until <= ? AND tries > ?",
            (moment, len(WAITS)),
        )
        found: tuple[int, str, str, int] | None = connection.execute(
            "SELECT subscription_id, period, message_id, tries FROM outbox WHERE state IN ('queued', 'sending') "
            "AND (lease_until IS NULL OR lease_until <= ?) AND period < CASE WHEN period LIKE '%W%' THEN ? ELSE ? END "
            "ORDER BY period, subscription_id LIMIT 1",
            (moment, week, today),
        ).fetchone()
        if found is None:
            return None
        ident, period, message_id, tries = found
        connection.execute(
            "UPDATE outbox SET state = 'sending', lease_until = ?, tries = tries + 1 "
            "WHERE subscription_id = ? AND period = ?",
            (_text(now + LEASE), ident, period),
        )
    return ident, period, message_id, tries + 1


def _send(
    subscriptions: "Subscriptions",
    taken: tuple[int, str, str, int],
    now: datetime,
    events: Sequence[Event],
    titles: dict[str, str],
    problems: dict[str, None],
) -> str:
    ident, period, message_id, tries = taken
    with subscriptions.connection() as connection:
        row = connection.execute(
            "SELECT email, filter_json, confirmed_at FROM subscription WHERE id = ? AND state = 'active'", (ident,)
        ).fetchone()
    cadence: Cadence = "weekly" if "W" in period else "daily"
    own = [e for e in followed(row[1], row[2], events) if period_of(e.time, cadence) == period] if row else []
    if not own:
        with subscriptions.writing() as connection:
            connection.execute("DELETE FROM outbox WHERE subscription_id = ? AND period = ?", (ident, period))
        return "dropped"
    message = digest(
        row[0],
        period,
        own,
        base_url=subscriptions.base_url,
        unsubscribe=subscriptions.unsubscribe_url(ident),
        now=now,
        message_id=message_id,
        mailbox=subscriptions.mailbox,
        titles=titles,
    )
    subscriptions.step("composed")
    assert subscriptions.mailer is not None
    try:
        subscriptions.mailer.send(message, row[0])
    except MailError as error:
        problems[str(error)] = None
        given_up = tries > len(WAITS)
        state, wait = ("failed", None) if given_up else ("queued", _text(now + WAITS[tries - 1]))
        _mark(subscriptions, ident, period, state, wait)
        return "failed" if given_up else "postponed"
    subscriptions.step("sent")
    _mark(subscriptions, ident, period, "sent", None)
    return "sent"


def _mark(subscriptions: "Subscriptions", ident: int, period: str, state: str, lease: str | None) -> None:
    with subscriptions.writing() as connection:
        connection.execute(
            "UPDATE outbox SET state = ?, lease_until = ? WHERE subscription_id = ? AND period = ?",
            (state, lease, ident, period),
        )


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds")
