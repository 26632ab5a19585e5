"""The server: called in this process, and as a running program with a real relay and a real browser."""

import http.client
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import feedparser
import pytest
from aiosmtpd.controller import Controller

from symplast.catalogue import Catalogue, Subscriptions
from symplast.catalogue.calling import ask
from symplast.catalogue.server import HEADERS, Site
from symplast.catalogue.serving import LiveSite
from symplast.catalogue.study import CLIMBING
from symplast.lab.published import results_folder

from .samples import URL, Clock, Mailbox, event, present

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FORM = [("content-type", "application/x-www-form-urlencoded")]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return present()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def box() -> Mailbox:
    return Mailbox()


@pytest.fixture(scope="module")
def live(catalogue: Catalogue) -> LiveSite:
    return LiveSite(lambda check_code: catalogue, URL)


@pytest.fixture
def subs(clock: Clock, box: Mailbox) -> Subscriptions:
    return Subscriptions(":memory:", clock, box, URL)


@pytest.fixture
def app(live: LiveSite, subs: Subscriptions) -> Any:
    return Site(live, subs).app()


def test_every_answer_keeps_the_page_to_itself(app: Any) -> None:
    for method, path in (("GET", "/"), ("GET", "/curl.html"), ("GET", "/nobody"), ("POST", "/u/x"), ("PUT", "/")):
        reply = ask(app, method, path)
        assert {name: reply.headers.get(name) for name in HEADERS} == HEADERS, path
        assert "set-cookie" not in reply.headers
    assert ask(app, "PUT", "/").status == 405


def test_files_and_304(app: Any) -> None:
    reply = ask(app, "GET", "/feed.atom")
    assert reply.headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert not feedparser.parse(reply.body).bozo
    assert ask(app, "GET", "/feed.atom", headers=[("if-none-match", reply.headers["etag"])]).status == 304
    again = ask(app, "GET", "/feed.atom", headers=[("if-modified-since", reply.headers["last-modified"])])
    assert (again.status, again.body) == (304, b"")
    older = [("if-modified-since", "Mon, 01 Jan 2001 00:00:00 GMT")]
    assert ask(app, "GET", "/feed.atom", headers=older).status == 200
    assert ask(app, "GET", "/feed.atom", headers=[("if-modified-since", "yesterday")]).status == 200
    assert ask(app, "GET", "/").body == ask(app, "GET", "/index.html").body


@pytest.mark.parametrize("path", CLIMBING)
def test_paths_that_climb(app: Any, path: str) -> None:
    assert ask(app, "GET", path).status == 404


def test_search(app: Any) -> None:
    reply = ask(app, "GET", "/search?q=drug+for+a+plastic+tumour")
    assert reply.status == 200
    assert reply.body.index(b'id="molecular"') > 0
    assert b"BM25, related terms" in reply.body
    assert b"Nothing found" in ask(app, "GET", "/search?q=xyzzy").body
    assert b"500 characters at most" in ask(app, "GET", "/search?q=" + "a" * 600).body
    assert b'id="hlop"' in ask(app, "GET", "/search?topic=continual+learning").body
    assert ask(app, "GET", "/search").status == 200
    for wrong in ("verdict=wrong", "year=x", "kind=%3Cscript%3E", "year=99999"):
        reply = ask(app, "GET", f"/search?{wrong}")
        assert reply.status == 400
        assert b"<script>" not in reply.body
    assert b"<bdi>&lt;script&gt;" in ask(app, "GET", "/search?q=%3Cscript%3E").body


def test_a_search_as_a_feed(app: Any) -> None:
    parsed = feedparser.parse(ask(app, "GET", "/search.atom?q=curl+descent").body)
    assert not parsed.bozo
    assert parsed.feed.links[0].href == f"{URL}search.atom?q=curl+descent"
    assert ask(app, "GET", "/search.atom?q=curl&page=99").status == 404
    assert ask(app, "GET", "/search.atom?q=xyzzy").status == 200


def test_subscribing_by_the_pages(app: Any, subs: Subscriptions, box: Mailbox, clock: Clock) -> None:
    body = b"email=ada%40example.org&cadence=daily&systems=curl&systems=hlop&outcomes=refuted"
    reply = ask(app, "POST", "/subscribe", body=body, headers=FORM)
    assert reply.status == 202
    path = "/confirm/" + box.link("confirm")
    assert b"Yes, send me the digest" in ask(app, "GET", path).body
    assert subs.confirm("x" * 22) != "confirmed"
    assert ask(app, "POST", path).status == ask(app, "POST", path).status == 200
    happened = [event(1, at=(clock.now + timedelta(hours=1)).isoformat())]
    clock.now += timedelta(days=1)
    assert subs.run_digests(clock.now, happened).sent == 1
    path = "/u/" + box.link("u")
    assert b"Unsubscribe" in ask(app, "GET", path).body
    assert ask(app, "POST", path, body=b"List-Unsubscribe=One-Click", headers=FORM).status == 200
    assert ask(app, "POST", path).status == ask(app, "GET", path).status == 200
    reply = ask(app, "GET", "/confirm/" + "A" * 22)
    assert (reply.status, b"Ask for a new mail" in reply.body) == (410, True)
    assert ask(app, "POST", "/u/" + "A" * 22).status == ask(app, "GET", "/u/short").status == 404


def test_the_answer_never_tells_who_is_known(app: Any, box: Mailbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    replies = set()
    for address in ("ada%40example.org", "ada%40example.org", "nobody", "a%40b.org%0d%0aBcc%3Ax%40y.org", ""):
        reply = ask(app, "POST", "/subscribe", body=f"email={address}".encode(), headers=FORM)
        replies.add((reply.status, reply.body))
    box.refuse = 1
    reply = ask(app, "POST", "/subscribe", body=b"email=eve%40example.org", headers=FORM)
    assert len(replies | {(reply.status, reply.body)}) == 1
    assert next(iter(replies))[0] == 202
    assert len(box.mails) == 2
    assert "example.org" not in caplog.text
    assert "the relay" in caplog.text


def test_limits(app: Any, live: LiveSite, subs: Subscriptions) -> None:
    assert ask(app, "POST", "/subscribe", body=b"email=" + b"a" * 5000, headers=FORM).status == 413
    for number in range(20):
        body = f"email=a{number}%40example.org".encode()
        assert ask(app, "POST", "/subscribe", body=body, headers=FORM, client="10.0.0.1").status == 202
    body = b"email=b%40example.org"
    refused = ask(app, "POST", "/subscribe", body=body, headers=FORM, client="10.0.0.1")
    assert (refused.status, refused.headers["retry-after"]) == (429, "3600")
    forged = [*FORM, ("x-forwarded-for", "1.2.3.4")]
    assert ask(app, "POST", "/subscribe", body=body, headers=forged, client="10.0.0.1").status == 429
    proxied = Site(live, subs, behind_proxy=True).app()
    assert ask(proxied, "POST", "/subscribe", body=body, headers=forged, client="10.0.0.1").status == 202


def test_without_mail(live: LiveSite) -> None:
    app = Site(live, None).app()
    for method in ("GET", "POST"):
        reply = ask(app, method, "/subscribe")
        assert (reply.status, b"Mail is not set up" in reply.body) == (503, True)
    assert ask(app, "POST", "/u/" + "A" * 22).status == 404
    assert ask(app, "GET", "/confirm/" + "A" * 22).status == 410


def test_a_change_of_the_files_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from symplast.lab.registry import room

    monkeypatch.setattr("symplast.catalogue.serving.LOOK_S", 0.0)
    shutil.copy(results_folder() / "curl.json", tmp_path)
    live = LiveSite(lambda check_code: Catalogue({"curl": room("curl")}, tmp_path, check_code=False), "")
    live.wait()
    app = Site(live, None).app()
    assert b"nothing is published" not in ask(app, "GET", "/").body
    content = (tmp_path / "curl.json").read_text()
    (tmp_path / "curl.json").write_text("{")
    ask(app, "GET", "/")
    live.wait()
    assert b"nothing is published" not in ask(app, "GET", "/").body, "the last sound edition stays"
    live.wait()
    assert "not a file of published verdicts" in live.problem
    (tmp_path / "curl.json").unlink()
    ask(app, "GET", "/")
    live.wait()
    assert b"nothing is published" in ask(app, "GET", "/").body
    (tmp_path / "curl.json").write_text(content)


# a running server, a real relay, a real browser


class Inbox:
    """What the relay took, as it came over the wire."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.port = free_port()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.raw.append(envelope.original_content)
        return "250 OK"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Inbox, Path]]:
    """``symplast site serve`` with a relay on loopback: its port, the relay's inbox, the folder."""
    folder = tmp_path_factory.mktemp("served")
    inbox = Inbox()
    relay = Controller(inbox, hostname="127.0.0.1", port=inbox.port)
    relay.start()
    port = free_port()
    command = [sys.executable, "-m", "symplast", "site", "serve", "--port", str(port), "--from", "verdicts@example.org"]
    command += ["--db", str(folder / "s.sqlite"), "--unsubscribe-mailbox", "stop@example.org"]
    environment = {**os.environ, "SYMPLAST_SMTP": f"smtp://127.0.0.1:{relay.port}"}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            begun = time.monotonic()
            while time.monotonic() - begun < 60:
                try:
                    if request(port, "GET", "/")[0] == 200:
                        break
                except OSError:
                    time.sleep(0.1)
            yield port, inbox, folder
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)
            relay.stop()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def request(port: int, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, {"Content-Type": kind} if kind else {})
        reply = connection.getresponse()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
    finally:
        connection.close()


def test_one_click_through_a_real_relay(running: tuple[int, Inbox, Path]) -> None:
    """Subscribe, confirm, receive, unsubscribe: over HTTP and SMTP, with the digest run as a process of its own."""
    port, inbox, folder = running
    form = "application/x-www-form-urlencoded"
    status, headers, _ = request(port, "POST", "/subscribe", b"email=ada%40example.org&cadence=daily", form)
    assert status == 202
    assert "server" not in headers
    mail = message_from_bytes(inbox.raw[-1])
    assert mail["To"] == "ada@example.org"
    path = re.search(r"(/confirm/\S{22})", mail.get_payload())[1]
    assert request(port, "GET", path)[0] == request(port, "POST", path)[0] == 200
    results = folder / "results"
    results.mkdir()
    happened = event(7, at="2100-01-01T10:00:00+00:00")
    (results / "events.jsonl").write_text(json.dumps(as_line(happened)) + "\n")
    script = (
        "import sys; from datetime import datetime, UTC; import symplast.lab.provenance as p;"
        "p.utc_now = lambda: datetime(2100, 1, 2, 1, tzinfo=UTC);"
        f"sys.argv = ['symplast', 'site', 'digest', '--db', {str(folder / 's.sqlite')!r}, '--from', 'v@example.org',"
        f" '--url', 'http://127.0.0.1:{port}', '--results', {str(results)!r}, '--json'];"
        "from symplast.cli import main; main()"
    )
    relay = f"smtp://127.0.0.1:{inbox.port}"
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "SYMPLAST_SMTP": relay}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sent"] == 1
    raw = inbox.raw[-1]
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    token = re.search(rb"\r\nList-Unsubscribe: <http://127\.0\.0\.1:%d(/u/[\w-]{22})>" % port, raw)
    assert token, raw
    path = token[1].decode()
    assert request(port, "GET", path)[0] == 200
    body = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    status, headers, _ = request(port, "POST", path, body, "multipart/form-data; boundary=b")
    assert status == 200
    assert not {"set-cookie", "location"} & headers.keys()
    assert request(port, "POST", path, b"List-Unsubscribe=One-Click", form)[0] == 200
    log = (folder / "log").read_text()
    assert "ada" not in log
    assert path not in log
    for file in folder.glob("s.sqlite*"):
        assert b"ada@example.org" not in file.read_bytes() or file.name.endswith("-wal")


def as_line(one: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(one)


def browse(url: str, profile: Path, *options: str) -> str:
    """The page as Chromium has it after its scripts ran."""
    browser = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    browser += ["--disable-component-update", "--disable-sync", "--no-first-run", f"--user-data-dir={profile}"]
    done = subprocess.run(
        [*browser, *options, "--virtual-time-budget=4000", "--dump-dom", url],
        capture_output=True,
        text=True,
        timeout=90,
    )
    return done.stdout


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
class TestInABrowser:
    """Chromium on the running server, and on files."""

    def test_search_by_script(self, running: tuple[int, Inbox, Path], tmp_path: Path) -> None:
        port, _, _ = running
        page = browse(f"http://127.0.0.1:{port}/?q=dopamine", tmp_path / "p")
        assert shown(page) == ["sym_stdp"]
        assert "1 of" in page

    def test_without_scripts_everything_is_there(self, catalogue: Catalogue, tmp_path: Path) -> None:
        """A frame that may run no script: every card is laid out, and the search that needs one stays away."""
        from symplast.catalogue import write_site

        site = write_site(catalogue, tmp_path / "site").parent
        frame = site / "frame.html"
        frame.write_text(
            "<iframe sandbox='allow-same-origin' src='index.html' width='1280' height='3000' onload=\"const d = "
            "this.contentDocument; document.title = [...d.querySelectorAll('article.card')].filter(c => "
            "c.offsetHeight > 50).length + ' ' + d.getElementById('find').offsetHeight\"></iframe>"
        )
        page = browse(frame.as_uri(), tmp_path / "p", "--allow-file-access-from-files")
        assert f"<title>{len(catalogue.cards())} 0</title>" in page

    @pytest.mark.parametrize("width", [1280, 390])
    def test_from_disk_at_every_width(self, catalogue: Catalogue, tmp_path: Path, width: int) -> None:
        """No page is wider than its window; nothing is asked of another origin; keys reach the search first."""
        from symplast.catalogue import write_site

        site = write_site(catalogue, tmp_path / "site").parent
        probe = (
            "<script>addEventListener('load', () => setTimeout(() => { const e = document.documentElement;"
            "const wide = [...document.querySelectorAll('body *')].filter(x => x.getBoundingClientRect().right > "
            "innerWidth + 1 && !x.closest('.scroll, pre')).map(x => x.tagName + '.' + x.className);"
            "document.title = JSON.stringify({overflow: e.scrollWidth - innerWidth, wide: wide.slice(0, 5), elsewhere: "
            "performance.getEntriesByType('resource').map(x => x.name).filter(x => !x.startsWith('file:')), "
            "focusable: [...document.querySelectorAll('a, button, input, select, summary')].filter(x => x.tabIndex < 0)"
            ".length}); }, 200));</script>"
        )
        for name in ("index.html", "curl.html", "verdicts.html", "about.html"):
            text = (site / name).read_text().replace("</body>", probe + "</body>")
            (site / f"probed-{name}").write_text(text)
            frame = site / f"frame-{name}"
            frame.write_text(
                f"<iframe src='probed-{name}' width='{width}' height='3000' style='border:0' "
                'onload="setTimeout(() => document.title = this.contentDocument.title, 600)"></iframe>'
            )
            dom = browse(frame.as_uri(), tmp_path / "p", "--allow-file-access-from-files")
            found = re.search(r"<title>(.*?)</title>", dom)
            assert found, name
            said = json.loads(found[1].replace("&quot;", '"'))
            assert said == {"overflow": said["overflow"], "wide": [], "elsewhere": [], "focusable": 0}, (name, said)
            assert said["overflow"] <= 0, (name, said)


def shown(page: str) -> list[str]:
    """Systems whose cards can be seen."""
    found = re.findall(r'<article class="card" id="([^"]+)"[^>]*?( hidden="")?>', page)
    return [slug for slug, hidden in found if not hidden]
