"""Months of subscriptions with crashes: people, a clock that sometimes goes back, a relay that sometimes fails.

A second, simple account of what everybody has agreed to is kept next to the database; whatever differs from it is a
violation of what the digest promises.
"""

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

from symplast.catalogue.catalogue import EventFilter
from symplast.catalogue.mail import MailError
from symplast.catalogue.periods import CADENCES, Cadence, end_of, period_of
from symplast.catalogue.subscriptions import VALID, Subscriptions
from symplast.lab.events import Event
from symplast.lab.verdicts import OUTCOMES

SYSTEMS = ("curl", "hlop", "scaling")
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


class CrashError(BaseException):
    """The process is gone; no handler of errors sees it."""


@dataclass
class Month:
    """What happened, and what should not have.

    Attributes:
        violations: in words; empty where all promises were kept.
        digests, confirmations: mails that were delivered.
        crashes: of a process, between two steps or after a mail.
        repeats: digests that came once more after a crash.
        failed: digests that were given up after four tries.
        unsubscribed: subscriptions that ended.
    """

    violations: list[str] = field(default_factory=list)
    digests: int = 0
    confirmations: int = 0
    crashes: int = 0
    repeats: int = 0
    failed: int = 0
    unsubscribed: int = 0


@dataclass
class Consent:
    """What a person has agreed to, as we account for it."""

    state: str = "none"
    since: datetime = BEGIN
    created: datetime = BEGIN
    generation: int = 0
    cadence: Cadence = "weekly"
    filters: list[tuple[datetime, EventFilter]] = field(default_factory=list)
    token: str | None = None
    issued: datetime = BEGIN
    asked: tuple[EventFilter, Cadence] | None = None
    applied: bool = False
    links: list[tuple[int, str]] = field(default_factory=list)
    received: set[str] = field(default_factory=set)


class SimulatedMonth:
    """One month.

    Args:
        seed: of everything that is random.
        days: its length.
        people: addresses that take part.
        p_crash: of a crash at each step of a digest run.
        p_refused: that the relay refuses a mail.
    """

    def __init__(self, seed: int, days: int = 30, people: int = 3, p_crash: float = 0.04, p_refused: float = 0.04):
        self.random = random.Random(seed)
        self.now, self.days, self.back = BEGIN, days, False
        self.p_crash, self.p_refused = p_crash, p_refused
        self.month = Month()
        self.events: list[Event] = []
        self.people = {f"person{n}@example.org": Consent() for n in range(people)}
        self.mids: dict[tuple[str, int, str], str] = {}
        self.copies: Counter[str] = Counter()
        self.excused: Counter[str] = Counter()
        self.unmarked: str | None = None
        self.confirming: str | None = None
        self.delivered: str | None = None
        self.subscriptions = Subscriptions(
            ":memory:",
            lambda: self.now,
            self,
            "https://verdicts.example.org/",
            secret=b"0123456789abcdef",
            step=self._step,
        )

    def run(self) -> Month:
        """Let the month pass, and a calm time after it in which everything that is due comes."""
        actions = (self._subscribe, self._confirm, self._event, self._event, self._digest, self._digest)
        rare = (self._unsubscribe, self._scan, self._turn_back)
        end = BEGIN + timedelta(days=self.days)
        while self.now < end:
            self.now += timedelta(minutes=self.random.randrange(40, 1200))
            action = self.random.choice(rare) if self.random.random() < 0.12 else self.random.choice(actions)
            action()
        self.p_crash = self.p_refused = 0.0
        for hours in (24 * 8, 2, 2, 2, 2):
            self.now += timedelta(hours=hours)
            self._digest()
        self._settle_accounts()
        return self.month

    # what people and machines do

    def _subscribe(self) -> None:
        address = self.random.choice(list(self.people))
        person = self.people[address]
        wanted = EventFilter(
            systems=self.random.sample(SYSTEMS, 2) if self.random.random() < 0.4 else [],
            outcomes=["refuted", "reproduced"] if self.random.random() < 0.3 else [],
        )
        cadence = self.random.choice(CADENCES)
        self.confirming, self.delivered = address, None
        called = False
        try:
            before = self.month.confirmations
            self.subscriptions.subscribe(address, wanted, cadence)
            called = self.month.confirmations > before
        except (CrashError, MailError):
            called = True
        self.confirming = None
        if not called:
            return  # too often within an hour; nothing changes
        person.token, person.issued, person.asked, person.applied = self.delivered, self.now, (wanted, cadence), False
        if person.state != "active":
            person.state, person.created = "pending", self.now

    def _confirm(self) -> None:
        address = self.random.choice(list(self.people))
        person = self.people[address]
        if person.token is None or person.asked is None:
            return
        valid = person.state in ("pending", "active") and self.now < person.issued + VALID
        confirmed = self.subscriptions.confirm(person.token) == "confirmed"
        if confirmed != valid:
            self._wrong(f"a link was {'taken' if confirmed else 'refused'} that should not have been")
        if confirmed and not person.applied:
            wanted, person.cadence = person.asked
            if person.state != "active":
                person.state, person.since, person.filters = "active", self.now, []
            person.filters.append((self.now, wanted))
            person.applied = True

    def _event(self) -> None:
        if self.back:
            return  # a late event is in the feed, not in a digest
        old, new = self.random.sample(OUTCOMES, 2)
        about: dict[str, Any] = {"version": 1, "kind": "verdict_changed", "old": old, "new": new, "scale": "full"}
        number = len(self.events)
        at = self.now.isoformat(timespec="seconds")
        system = self.random.choice(SYSTEMS)
        self.events.append(Event(id=f"{number:016x}", at=at, system=system, claim=f"C{number}", commit="", **about))

    def _digest(self) -> None:
        for _ in range(self.random.choice((1, 1, 2))):
            for person in self.people.values():
                if person.state == "pending" and person.created <= self.now - VALID:
                    person.state, person.token = "none", None
                if person.token is not None and person.issued + VALID <= self.now:
                    person.token = None
            try:
                self.subscriptions.run_digests(self.now, self.events)
            except CrashError:
                self._crashed()

    def _unsubscribe(self) -> None:
        linked = [(address, one) for address, person in self.people.items() for one in person.links]
        if not linked:
            return
        address, (generation, token) = self.random.choice(linked)
        person = self.people[address]
        if self.subscriptions.unsubscribe(token) != "gone":
            self._wrong("an unsubscribe link was not known")
        if person.state == "active" and person.generation == generation:
            person.state, person.token = "none", None
            person.generation += 1
            self.month.unsubscribed += 1
            with self.subscriptions.connection() as connection:
                (kept,) = connection.execute("SELECT count(*) FROM subscription WHERE email = ?", (address,)).fetchone()
            if kept:
                self._wrong("an address was kept after unsubscribing")

    def _scan(self) -> None:
        before = self._states()
        for person in self.people.values():
            if person.token:
                self.subscriptions.is_confirmable(person.token)
            for _, token in person.links:
                self.subscriptions.knows(token)
        if self._states() != before:
            self._wrong("opening links changed something")

    def _turn_back(self) -> None:
        true, self.back = self.now, True
        self.now -= timedelta(hours=self.random.randrange(1, 72))
        for action in self.random.choices((self._digest, self._confirm, self._subscribe), k=2):
            action()
        self.now, self.back = true, False

    # the mailer, and crashes

    def send(self, message: EmailMessage, to: str) -> None:
        """Deliver a mail, refuse it, or die right after it was delivered."""
        if self.random.random() < self.p_refused:
            raise MailError("refused")
        text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        if str(message["Subject"]).startswith("Confirm"):
            self._deliver_confirmation(to, text)
        else:
            self._deliver_digest(to, message, text)
        if self.random.random() < self.p_crash:
            raise CrashError("after a mail")

    def _deliver_confirmation(self, to: str, text: str) -> None:
        self.month.confirmations += 1
        if to != self.confirming:
            self._wrong("a confirmation went to somebody who did not ask")
        found = re.search(r"/confirm/(\S{22})", text)
        self.delivered = found[1] if found else None

    def _deliver_digest(self, to: str, message: EmailMessage, text: str) -> None:
        self.month.digests += 1
        person, mid = self.people[to], str(message["Message-ID"])
        period = str(message["Subject"]).split()[2].rstrip(":")
        if person.state != "active":
            self._wrong("a digest went to somebody who had not agreed")
            return
        first = self.mids.setdefault((to, person.generation, period), mid)
        if first != mid:
            self._wrong("a repeat had another Message-ID")
        self.copies[mid] += 1
        if self.copies[mid] > 1:
            self.month.repeats += 1
            if self.copies[mid] > 1 + self.excused[mid]:
                self._wrong("a digest came twice without a crash")
        if end_of(period) > self.now:
            self._wrong("a digest came before its period had ended")
        cadence: Cadence = "weekly" if "W" in period else "daily"
        wanted = person.filters[-1][1]
        right = {
            event.claim_id
            for event in self.events
            if event.time > person.since and period_of(event.time, cadence) == period and wanted.admits(event)
        }
        said = set(re.findall(r"^(\w+\.C\d+): ", text, re.MULTILINE))
        if said != right:
            self._wrong("a digest had other events than those of its period that are followed")
        person.received |= said
        link = re.search(r"/u/(\S{22})", text)
        if link is None or (link[1] not in str(message["List-Unsubscribe"])):
            self._wrong("a digest had no way out")
        elif (person.generation, link[1]) not in person.links:
            person.links.append((person.generation, link[1]))
        self.unmarked = mid

    def _step(self, name: str) -> None:
        if name == "marked":
            self.unmarked = None
        if self.random.random() < self.p_crash:
            raise CrashError(name)

    def _crashed(self) -> None:
        self.month.crashes += 1
        if self.unmarked is not None:
            self.excused[self.unmarked] += 1
            self.unmarked = None

    # accounts

    def _settle_accounts(self) -> None:
        """Everything that was followed all the time since it happened must have come."""
        with self.subscriptions.connection() as connection:
            rows = connection.execute(
                "SELECT s.email, o.period, o.state, o.tries FROM outbox o "
                "JOIN subscription s ON s.id = o.subscription_id"
            ).fetchall()
        given_up = {(email, period) for email, period, state, tries in rows if state == "failed" and tries >= 4}
        self.month.failed = sum(state == "failed" for _, _, state, _ in rows)
        if any(state in ("queued", "sending") for _, _, state, _ in rows):
            self._wrong("a digest was left in the outbox")
        for address, person in self.people.items():
            if person.state != "active":
                continue
            for event in self.events:
                if event.time <= person.since or event.claim_id in person.received:
                    continue
                periods = {period_of(event.time, cadence) for cadence in CADENCES}
                if all(wanted.admits(event) for wanted in _in_force(person.filters, event.time)) and not any(
                    (address, period) in given_up for period in periods
                ):
                    self._wrong(f"an event of {event.at} was lost")

    def _states(self) -> list[Any]:
        with self.subscriptions.connection() as connection:
            return [
                connection.execute(f"SELECT * FROM {table}").fetchall() for table in ("subscription", "token", "outbox")
            ]

    def _wrong(self, what: str) -> None:
        self.month.violations.append(what)


def _in_force(filters: list[tuple[datetime, EventFilter]], time: datetime) -> list[EventFilter]:
    """The filters that were in force at a time or later."""
    later = [wanted for since, wanted in filters if since > time]
    before = [wanted for since, wanted in filters if since <= time]
    return before[-1:] + later
