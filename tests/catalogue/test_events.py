"""Events: what a publication changes, and a file that survives crashes."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symplast.catalogue.past import PastEdition, past_events, write_history
from symplast.lab.events import append_events, changes, read_events
from symplast.lab.verdicts import OUTCOMES

from .samples import event

AT = "2026-11-28T10:00:00+00:00"


def edition(scale: str = "full", **verdicts: str) -> PastEdition:
    rows = [{"id": f"curl.{claim}", "verdict": verdict} for claim, verdict in verdicts.items()]
    return PastEdition(system="curl", scale=scale, claims=rows, runs=[])


def test_what_two_editions_differ_in() -> None:
    assert [one.kind for one in changes(None, edition(C1="refuted"), AT)] == ["published"]
    found = changes(edition("quick", C1="refuted", C2="partly"), edition("full", C1="partly", C3="refuted"), AT)
    assert [(e.kind, e.claim, e.old, e.new) for e in found] == [
        ("scale_changed", None, "quick", "full"),
        ("verdict_changed", "C1", "refuted", "partly"),
        ("claim_added", "C3", None, "refuted"),
        ("claim_removed", "C2", "partly", None),
    ]
    assert len({e.id for e in found}) == 4
    assert all(len(e.id) == 16 for e in found)
    assert changes(edition(C1="refuted"), edition(C1="refuted"), AT) == []


VERDICTS = st.dictionaries(st.sampled_from(["C1", "C2", "C3"]), st.sampled_from(OUTCOMES))


@given(VERDICTS, VERDICTS)
def test_events_lead_from_one_edition_to_the_next(old: dict[str, str], new: dict[str, str]) -> None:
    found = dict(old)
    for one in changes(edition(**old), edition(**new), AT):
        assert found.get(one.claim) == one.old
        if one.new is None:
            del found[one.claim]
        else:
            found[one.claim] = one.new
    assert found == new


def test_a_line_is_what_the_format_says(tmp_path: Path) -> None:
    append_events(tmp_path, changes(edition(C1="refuted"), edition(C1="partly"), AT))
    (line,) = (tmp_path / "events.jsonl").read_text().splitlines()
    row = json.loads(line)
    assert list(row) == ["version", "id", "at", "kind", "system", "claim", "old", "new", "scale", "commit"]
    assert read_events(tmp_path).events == changes(edition(C1="refuted"), edition(C1="partly"), AT)


def test_a_crash_between_the_two_writes_doubles_nothing(tmp_path: Path) -> None:
    first = changes(edition(C1="refuted"), edition(C1="partly"), AT)
    again = changes(edition(C1="refuted"), edition(C1="partly"), "2026-11-28T11:00:00+00:00")
    assert append_events(tmp_path, first) == first
    assert append_events(tmp_path, again) == []
    back = changes(edition(C1="partly"), edition(C1="refuted"), "2026-11-28T12:00:00+00:00")
    assert append_events(tmp_path, back) == back
    assert append_events(tmp_path, again) == again


def test_a_torn_line_is_told_and_skipped(tmp_path: Path) -> None:
    append_events(tmp_path, [event(1), event(2)])
    path = tmp_path / "events.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    log = read_events(tmp_path)
    assert [one.claim for one in log.events] == ["C1"]
    assert "line 2 is torn" in log.problems[0]
    append_events(tmp_path, [event(3)])
    log = read_events(tmp_path)
    assert [one.claim for one in log.events] == ["C1", "C3"]
    assert len(log.problems) == 1


@pytest.mark.parametrize("line", ["{}", "[", '{"version":2}', "[" * 5000, '{"version":1,"id":"0","at":"2026-01-01"}'])
def test_lines_that_are_no_events(tmp_path: Path, line: str) -> None:
    (tmp_path / "events.jsonl").write_text(line + "\n")
    log = read_events(tmp_path)
    assert log.events == []
    assert len(log.problems) == 1


def test_history_from_a_repository(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True, capture_output=True)

    git("init", "-q")
    folder = tmp_path / "results"
    folder.mkdir()
    for verdict in ("refuted", "partly", "torn", "partly"):
        rows = [{"id": "curl.C1", "verdict": verdict}]
        content = {"system": "curl", "scale": "full", "claims": rows, "runs": [{"provenance": {"commit": "abc"}}]}
        (folder / "curl.json").write_text("{" if verdict == "torn" else json.dumps(content))
        (folder / "other.txt").write_text(verdict)
        git("add", "-A")
        git("commit", "-qm", verdict)
    events = write_history(folder)
    assert [(e.kind, e.old, e.new, e.commit) for e in events] == [
        ("published", None, None, "abc"),
        ("verdict_changed", "refuted", "partly", "abc"),
    ]
    assert read_events(folder).events == events == past_events(folder)
    with pytest.raises(ValueError, match="is there already; history is written once"):
        write_history(folder)
    with pytest.raises(ValueError, match="must be a folder of a git repository"):
        past_events(tmp_path.parent)
