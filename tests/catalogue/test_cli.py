"""The commands: what they print, and what they refuse, naming the option."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import feedparser
import pytest
from commanding import caller

from symplast.cli import app
from symplast.lab.published import results_folder

call = caller(app)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "symplast", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)


def test_search_prints_json_and_text() -> None:
    found = json.loads(call("search", "drug for a plastic tumour", "--json").stdout)
    assert found["version"] == 1
    assert found["rankers"] == ["BM25", "related terms"]
    first = found["hits"][0]
    assert first["system"] == "molecular"
    assert {"id", "says", "verdict"} == first["claims"][0].keys()
    text = call("search", "curl.C4", "--k", 1).stdout
    assert "found by claim curl.C4" in text
    assert json.loads(call("search", "", "--topic", "cancer", "--json").stdout)["hits"][0]["system"] == "molecular"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("search", "x", "--verdict", "wrong"), "--verdict must be one of reproduced"),
        (("search", "x", "--k", "0"), "--k must be at least 1"),
        (("search", "x", "--embed", "/nowhere"), "--embed must be the folder"),
        (("search", "x", "--results", "/nowhere"), "--results must be a folder"),
        (("feed", "curll"), "such as curl"),
        (("feed", "--since", "yesterday"), "--since must be a day"),
        (("feed", "--atom", "--json"), "either --atom or --json"),
        (("feed", "--query", "xyzzy"), "--query must find a system"),
        (("site", "build", "--url", "http://example.org"), "--url must begin with https"),
        (("site", "serve", "--port", "99999"), "--port must be from 0"),
        (("site", "digest", "--db", "/nowhere"), "--db must be a file"),
        (("site", "history", "--results", "/nowhere"), "--results must be a folder"),
    ],
)
def test_wrong_input(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=r"must|either|such") as caught:
        call(*arguments)
    assert message in str(caught.value)


def test_an_unknown_system_is_exit_2_on_one_line() -> None:
    done = run("feed", "curll")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_feed() -> None:
    lines = call("feed", "curl").stdout.splitlines()
    assert lines[-1].endswith("curl: verdicts published at full scale")
    assert not feedparser.parse(call("feed", "--atom").stdout).bozo
    events = json.loads(call("feed", "curl", "--since", "2026-11-28", "--json").stdout)["events"]
    assert {event["system"] for event in events} == {"curl"}


def test_build_and_publish_to_a_folder(tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(results_folder(), results)
    out = json.loads(call("site", "build", "--to", tmp_path / "site", "--results", results, "--json").stdout)
    assert Path(out["site"]).read_text().startswith("<!doctype html>")
    (results / "curl.json").write_text("{")
    with pytest.raises(ValueError, match="not a file of published verdicts"):
        call("site", "build", "--to", tmp_path / "site", "--results", results)
    assert Path(out["site"]).is_file(), "the site that was there stays"


def test_digest_says_what_is_missing_and_what_is_due(tmp_path: Path) -> None:
    from symplast.catalogue import EventFilter, Subscriptions

    from .samples import Clock, Mailbox

    box = Mailbox()
    db = tmp_path / "s.sqlite"
    subs = Subscriptions(db, Clock("2026-01-01T00:00:00+00:00"), box, "https://a.org")
    subs.subscribe("ada@example.org", EventFilter(), "daily")
    subs.confirm(box.link("confirm"))
    done = run("site", "digest", "--db", str(db), "--url", "https://a.org")
    assert done.returncode == 2
    assert "SYMPLAST_SMTP" in done.stderr
    done = run("site", "digest", "--db", str(db), "--url", "https://a.org", "--dry-run", "--json")
    assert sum(json.loads(done.stdout)["due"].values()) >= 2
    done = run("site", "digest", "--db", str(db), "--url", "https://a.org", SYMPLAST_SMTP="smtp://127.0.0.1:9")
    assert (done.returncode, "--from must be given" in done.stderr) == (2, True)
    sender = ("--from", "v@example.org")
    done = run("site", "digest", "--db", str(db), "--url", "https://a.org", *sender, SYMPLAST_SMTP="smtp://127.0.0.1:9")
    assert "postponed" in done.stdout
    assert "ada" not in done.stdout + done.stderr


def test_list_has_topics_and_day() -> None:
    row = next(row for row in json.loads(call("list", "--json").stdout) if row["system"] == "curl")
    assert (row["date"], row["topics"][0]) == ("2025-10-03", "plasticity")
