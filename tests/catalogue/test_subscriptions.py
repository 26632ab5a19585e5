"""Consent, periods, the outbox: with a clock of ours, and with real processes that are killed."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symplast.catalogue import EventFilter, MailError, SMTPMailer, Subscriptions, digests, subscriptions
from symplast.catalogue.addresses import checked_address
from symplast.catalogue.mail import POLICY, digest
from symplast.catalogue.periods import CADENCES, end_of, period_of, same_moment
from symplast.catalogue.simulation import SimulatedMonth
from symplast.catalogue.study import BAD_ADDRESSES
from symplast.catalogue.subscriptions import TooManyRequestsError
from symplast.catalogue.tokens import is_token, new_token, secret_beside

from .samples import URL, Clock, Mailbox, event

ALL = EventFilter()
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def box() -> Mailbox:
    return Mailbox()


@pytest.fixture
def subs(clock: Clock, box: Mailbox) -> Subscriptions:
    return Subscriptions(":memory:", clock, box, URL)


def rows(subs: Subscriptions, table: str = "subscription") -> list[tuple[object, ...]]:
    with subs.connection() as connection:
        return connection.execute(f"SELECT * FROM {table}").fetchall()


def subscribed(subs: Subscriptions, box: Mailbox, email: str = "ada@example.org", wanted: EventFilter = ALL) -> None:
    subs.subscribe(email, wanted, "daily")
    assert subs.confirm(box.link("confirm")) == "confirmed"


def test_nothing_but_one_mail_before_consent(subs: Subscriptions, box: Mailbox, clock: Clock) -> None:
    subs.subscribe("ada@example.org", ALL, "daily")
    happened = [event(1, at=(clock.now + timedelta(hours=1)).isoformat())]
    clock.now += DAY
    assert subs.run_digests(clock.now, happened).sent == 0
    assert len(box.mails) == 1
    token = box.link("confirm")
    assert is_token(token)
    assert all(token not in str(row) for row in rows(subs, "token"))
    assert subs.is_confirmable(token)
    assert rows(subs)[0][4] == "pending"
    assert subs.confirm(token) == subs.confirm(token) == "confirmed"
    assert subs.run_digests(clock.now, happened).sent == 0, "what happened before the confirmation is not sent"


def test_a_link_works_for_48_hours_and_the_address_is_forgotten(
    subs: Subscriptions, box: Mailbox, clock: Clock
) -> None:
    subs.subscribe("ada@example.org", ALL, "daily")
    clock.now += timedelta(hours=48)
    assert subs.confirm(box.link("confirm")) == "expired"
    subs.purge(clock.now)
    assert rows(subs) == rows(subs, "token") == []


def test_a_repeat_replaces_filter_and_token(subs: Subscriptions, box: Mailbox) -> None:
    subs.subscribe("ada@example.org", ALL, "daily")
    first = box.link("confirm")
    subs.subscribe("ada@EXAMPLE.org", EventFilter(systems=["curl"]), "weekly")
    assert len(rows(subs)) == 1
    assert subs.confirm(first) == "expired"
    assert subs.confirm(box.link("confirm")) == "confirmed"
    assert rows(subs)[0][2:4] == ('{"systems":["curl"],"kinds":[],"outcomes":[]}', "weekly")


def test_while_active_a_repeat_changes_nothing_until_it_is_confirmed(subs: Subscriptions, box: Mailbox) -> None:
    subscribed(subs, box)
    subs.subscribe("ada@example.org", EventFilter(systems=["hlop"]), "weekly")
    assert rows(subs)[0][3:5] == ("daily", "active")
    assert "change your symplast digest" in box.mails[-1].get_content()
    subs.confirm(box.link("confirm"))
    assert rows(subs)[0][3:5] == ("weekly", "active")


def test_a_digest_and_its_headers(subs: Subscriptions, box: Mailbox, clock: Clock) -> None:
    subscribed(subs, box, wanted=EventFilter(outcomes=["refuted"]))
    later = (clock.now + timedelta(hours=1)).isoformat()
    happened = [event(1, at=later), event(2, at=later, new="partly", old="reproduced")]
    assert subs.run_digests(clock.now + timedelta(hours=2), happened).queued == 0, "the day is not over"
    done = subs.run_digests(clock.now + DAY, happened)
    assert (done.queued, done.sent) == (1, 1)
    message = box.mails[-1]
    assert message["Subject"] == "symplast digest 2026-03-02: 1 change"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Unsubscribe"] == f"<{URL}u/{box.link('u')}>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "symplast verdicts <verdicts.verdicts.example.org>"
    assert message["Date"]
    assert message["Message-ID"].endswith(".2026-03-02@verdicts.example.org>")
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert "curl.C1: refuted, was reproduced" in message.get_body(("plain",)).get_content()
    assert "curl.C2" not in str(message)
    assert "<img" not in str(message)
    assert subs.run_digests(clock.now + DAY, happened).sent == 0


def test_unsubscribing_ends_it_for_ever(subs: Subscriptions, box: Mailbox, clock: Clock) -> None:
    subscribed(subs, box)
    happened = [event(n, at=(clock.now + n * DAY).isoformat()) for n in range(1, 4)]
    subs.run_digests(clock.now + 2 * DAY, happened)
    token = box.link("u")
    assert subs.unsubscribe(token) == subs.unsubscribe(token) == "gone"
    assert subs.knows(token)
    assert not any("ada@" in str(row) for row in rows(subs))
    assert subs.run_digests(clock.now + 5 * DAY, happened).sent == 0
    assert subs.unsubscribe(new_token()) == subs.unsubscribe("x") == "unknown"
    subscribed(subs, box)
    assert [row[4] for row in rows(subs)] == ["gone", "active"]
    assert subs.unsubscribe(token) == "gone"
    assert [row[4] for row in rows(subs)] == ["gone", "active"], "an old link ends the old subscription only"


def test_links_stay_valid_with_a_new_secret(clock: Clock, box: Mailbox, tmp_path: Path) -> None:
    db = tmp_path / "s.sqlite"
    old = Subscriptions(db, clock, box, URL)
    subscribed(old, box)
    link = old.unsubscribe_url(1)
    (tmp_path / "s.sqlite.secret").unlink()
    new = Subscriptions(db, clock, box, URL)
    assert new.unsubscribe_url(1) != link
    assert new.unsubscribe(link[-22:]) == "gone"


def test_files_are_for_their_owner_only(clock: Clock, box: Mailbox, tmp_path: Path) -> None:
    db = tmp_path / "deep" / "s.sqlite"
    subs = Subscriptions(db, clock, box, URL)
    subs.subscribe("ada@example.org", ALL)
    for path in db.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert secret_beside(db) == subs.secret
    (db.parent / "s.sqlite.secret").write_text("no secret")
    with pytest.raises(ValueError, match="holds no secret"):
        secret_beside(db)


def test_four_tries_then_given_up(subs: Subscriptions, box: Mailbox, clock: Clock) -> None:
    subscribed(subs, box)
    happened = [event(1, at=(clock.now + timedelta(hours=1)).isoformat())]
    now = clock.now + DAY
    box.refuse = 4
    for wait in (1, 10, 60):
        done = subs.run_digests(now, happened)
        assert (done.postponed, done.problems) == (1, ["SMTPDataError 451"])
        assert subs.run_digests(now + timedelta(minutes=wait, seconds=-1), happened).postponed == 0
        now += timedelta(minutes=wait)
    assert subs.run_digests(now, happened).failed == 1
    assert subs.run_digests(now + DAY, happened) == digests.DigestRun()
    assert rows(subs, "outbox")[0][2] == "failed"


def test_a_clock_that_goes_back_sends_nothing(subs: Subscriptions, box: Mailbox, clock: Clock) -> None:
    subscribed(subs, box)
    happened = [event(n, at=(clock.now + n * DAY).isoformat()) for n in range(1, 5)]
    assert subs.run_digests(clock.now + 4 * DAY, happened).sent == 3
    for days in range(4):
        assert subs.run_digests(clock.now + days * DAY, happened).sent == 0
    assert subs.run_digests(clock.now + 5 * DAY, happened).sent == 1


def test_rate_limits(subs: Subscriptions, box: Mailbox, clock: Clock) -> None:
    for _ in range(5):
        subs.subscribe("ada@example.org", ALL)
    assert len(box.mails) == 3
    for number in range(15):
        subs.subscribe(f"a{number}@example.org", ALL, client="10.0.0.1")
    with pytest.raises(ValueError, match="email must"):
        subs.subscribe("nobody", ALL, client="10.0.0.1")
    for number in range(15, 19):
        subs.subscribe(f"a{number}@example.org", ALL, client="10.0.0.1")
    with pytest.raises(TooManyRequestsError):
        subs.subscribe("b@example.org", ALL, client="10.0.0.1")
    assert all("10.0.0.1" not in str(row) and "@" not in str(row) for row in rows(subs, "attempt"))
    clock.now += timedelta(minutes=61)
    subs.subscribe("b@example.org", ALL, client="10.0.0.1")
    subs.subscribe("ada@example.org", ALL)


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_bad_addresses_are_refused_and_not_repeated(subs: Subscriptions, box: Mailbox, address: str) -> None:
    with pytest.raises(ValueError, match="email must") as caught:
        subs.subscribe(address, ALL)
    assert len(address) < 3 or address not in str(caught.value).replace("name@example.org", "")
    assert box.mails == []


@given(st.text(max_size=60))
def test_an_address_that_is_taken_can_stand_in_a_header(text: str) -> None:
    try:
        address = checked_address(text)
    except ValueError:
        return
    assert address.isascii()
    assert address.isprintable()
    assert address.count("@") == 1
    assert not set(address) & set(' ,;:<>()[]"\\')


def test_long_unsubscribe_addresses_stay_literal() -> None:
    """Under policy.SMTP as it is they become an encoded word, and one click breaks without a sound."""
    from email.message import EmailMessage
    from email.policy import SMTP

    for length, literal_by_default in ((40, True), (60, False)):
        value = f"<https://example.org/u/{'x' * length}>, <mailto:unsubscribe@example.org?subject=unsubscribe>"
        for policy, literal in ((SMTP, literal_by_default), (POLICY, True)):
            message = EmailMessage(policy=policy)
            message["List-Unsubscribe"] = value
            message.set_content("x")
            assert (f"<https://example.org/u/{'x' * length}>".encode() in message.as_bytes()) == literal


def test_a_digest_from_a_host_of_60_characters() -> None:
    host = "v" * 48 + ".example.org"
    link = f"https://{host}/u/{'A' * 22}"
    raw = digest(
        "a@example.org", "2026-W09", [event(1)], base_url=f"https://{host}/", unsubscribe=link,
        now=datetime(2026, 3, 2, tzinfo=UTC), message_id="<x@y>", mailbox="stop@example.org",
    ).as_bytes()  # fmt: skip
    assert f"\r\nList-Unsubscribe: <{link}>, <mailto:stop@example.org?subject=unsubscribe>\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert message_from_bytes(raw)["List-Unsubscribe"].startswith(f"<{link}>")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.sampled_from(CADENCES), st.sampled_from(CADENCES))
def test_periods(time: datetime, cadence: str, other: str) -> None:
    utc = time.replace(tzinfo=UTC)
    period = period_of(utc, cadence)
    assert end_of(period) > utc >= end_of(period) - timedelta(days=7 if cadence == "weekly" else 1)
    assert period_of(end_of(period), cadence) > period
    kept = same_moment(period, other)
    assert end_of(kept) <= end_of(period)
    assert end_of(period) - end_of(kept) < timedelta(days=7 if other == "weekly" else 1)
    assert same_moment(period, cadence) == period


def test_a_site_needs_https(clock: Clock, box: Mailbox) -> None:
    with pytest.raises(ValueError, match="must begin with https"):
        Subscriptions(":memory:", clock, box, "http://example.org")
    with pytest.raises(ValueError, match="url must be given"):
        Subscriptions(":memory:", clock, box, "")


def test_a_relay_that_is_no_relay() -> None:
    for url in ("http://a", "smtp://", "smtp+starttls://u:secret@:1", "smtp://a:port"):
        with pytest.raises(ValueError, match="SYMPLAST_SMTP must read") as caught:
            SMTPMailer(url, "a@b.org")
        assert "secret" not in str(caught.value)
    with pytest.raises(MailError, match="Refused"):
        SMTPMailer("smtp://127.0.0.1:9", "a@b.org").send(digest_of_one(), "secret@example.org")


def digest_of_one():
    return digest(
        "secret@example.org", "2026-03-02", [event(1)], base_url=URL, unsubscribe=f"{URL}u/x",
        now=datetime(2026, 3, 2, tzinfo=UTC), message_id="<x@y>",
    )  # fmt: skip


# simulated months


@pytest.mark.parametrize("seed", range(15))
def test_months_keep_all_promises(seed: int) -> None:
    month = SimulatedMonth(seed, p_crash=0.08).run()
    assert month.violations == []
    assert month.digests
    assert month.crashes


def broken_since(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_events(filter_json: str, confirmed_at: str, events: list) -> list:
        return [one for one in events if EventFilter.of(filter_json).admits(one)]

    monkeypatch.setattr(digests, "followed", all_events)


def broken_message_id(monkeypatch: pytest.MonkeyPatch) -> None:
    right = digests._take

    def take(subs: Subscriptions, now: datetime) -> object:
        taken = right(subs, now)
        return taken and (*taken[:2], f"<{os.urandom(4).hex()}@x>", taken[3])

    monkeypatch.setattr(digests, "_take", take)


def broken_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    right, seen = digests._mark, set()

    def mark(subs: Subscriptions, ident: int, period: str, state: str, lease: str | None) -> None:
        again = (id(subs), ident, period) in seen
        seen.add((id(subs), ident, period))
        right(subs, ident, period, state if again else "queued", lease)

    monkeypatch.setattr(digests, "_mark", mark)


def broken_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "due_periods", lambda row, now, events: [])


def broken_unsubscribe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Subscriptions, "unsubscribe", lambda self, token: "gone")


def broken_expiry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "VALID", timedelta(days=9))


@pytest.mark.parametrize(
    "fault",
    [broken_since, broken_message_id, broken_mark, broken_outbox, broken_unsubscribe, broken_expiry],
)
def test_months_notice_a_fault(fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The account of consents is no copy of the code: each of these faults breaks a promise, and it says so."""
    fault(monkeypatch)
    assert any(SimulatedMonth(seed).run().violations for seed in range(8))


# real processes

CHILD = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
sys.path.insert(0, {tests!r})
from catalogue_child import event, Box
from symplast.catalogue import Subscriptions

db, now, kill_at = sys.argv[1], datetime.fromisoformat(sys.argv[2]), int(sys.argv[3])
seen = 0
def step(name):
    global seen
    seen += 1
    if seen == kill_at:
        print(name, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
subs = Subscriptions(db, lambda: now, Box(db + ".mails"), "https://verdicts.example.org/", step=step)
done = subs.run_digests(now, [event(n) for n in (1, 2)])
print(seen, done.sent)
"""
HELPERS = """
from symplast.lab.events import Event
def event(n):
    return Event(version=1, id=str(n), at=f"2026-03-0{n + 2}T10:00:00+00:00", kind="verdict_changed", system="curl",
                 claim=f"C{n}", old="partly", new="refuted", scale="full", commit="")
class Box:
    def __init__(self, path):
        self.path = path
    def send(self, message, to):
        with open(self.path, "a") as file:
            file.write(f"{message['Message-ID']} {to} {message['Subject'].split()[2]}\\n")
"""


@pytest.fixture
def child(tmp_path: Path, clock: Clock, box: Mailbox) -> Callable[..., subprocess.Popen[str]]:
    """Starts a digest run in a process of its own, on one database with two confirmed subscriptions."""
    (tmp_path / "catalogue_child.py").write_text(HELPERS)
    script = tmp_path / "run.py"
    script.write_text(CHILD.format(tests=str(tmp_path)))
    db = tmp_path / "s.sqlite"
    subs = Subscriptions(db, clock, box, URL)
    for name in ("ada", "bob"):
        subscribed(subs, box, f"{name}@example.org")

    def start(now: str, kill_at: int = 0) -> subprocess.Popen[str]:
        arguments = [sys.executable, str(script), str(db), now, str(kill_at)]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


def delivered(tmp_path: Path) -> list[list[str]]:
    path = tmp_path / "s.sqlite.mails"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def test_kill_9_between_every_two_steps(child: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    """One run after the other is killed at its first, second, ... step, until one lives to its end."""
    start = datetime.fromisoformat("2026-03-05T00:00:00+00:00")
    killed = set()
    for number in range(1, 40):
        now = start + timedelta(minutes=11 * number)
        running = child(now.isoformat(), number)
        out, err = running.communicate(timeout=60)
        if running.returncode == 0:
            break
        assert running.returncode == -signal.SIGKILL, err
        killed.add(out.strip())
    assert killed == {"begin", "purged", "one queued", "queued", "taken", "composed", "sent", "marked"}
    mails = delivered(tmp_path)
    wanted = {(who, day) for who in ("ada@example.org", "bob@example.org") for day in ("2026-03-03:", "2026-03-04:")}
    assert {(to, period) for _, to, period in mails} == wanted
    by_mail: dict[tuple[str, str], set[str]] = {}
    for mid, to, period in mails:
        by_mail.setdefault((to, period), set()).add(mid)
    assert all(len(mids) == 1 for mids in by_mail.values()), "a repeat has the same Message-ID"
    assert len({mid for mid, _, _ in mails}) == 4
    with sqlite3.connect(tmp_path / "s.sqlite") as connection:
        assert {state for (state,) in connection.execute("SELECT state FROM outbox")} == {"sent"}


def test_two_processes_on_one_database(child: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    running = [child("2026-03-05T00:00:00+00:00") for _ in range(2)]
    sent = 0
    for one in running:
        out, err = one.communicate(timeout=60)
        assert one.returncode == 0, err
        sent += int(out.split()[1])
    assert sent == len(delivered(tmp_path)) == 4
    assert len({tuple(mail) for mail in delivered(tmp_path)}) == 4
