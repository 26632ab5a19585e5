"""Stores with files that are not what was written, odd names, wrong clocks, leftovers: one bad thing stops nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest
from tests.lab.test_store import new_run

from symplast.lab import Measurement, Store, evidence, plan, run
from symplast.lab.audit import audit, newest
from symplast.lab.query import query
from symplast.lab.records import DamagedError, Failure, seal, sha256, unseal
from symplast.lab.report import write_report
from symplast.lab.runner import fresh_runs


def sealed(tree: object) -> bytes:
    """A run.json whose hash is right, whatever it holds."""
    body = msgspec.json.encode(tree) if not isinstance(tree, bytes) else tree
    return b'{"sha256":"' + sha256(body).encode() + b'","run":' + body + b"}"


def tree_of(record) -> dict:
    return json.loads(seal(record))["run"]


def test_any_flipped_bit_is_damage_or_nothing() -> None:
    infinite = Measurement(value=float("inf"), low=float("nan"), high=[float("-inf")])
    record = new_run(quantities={"q": Measurement(value=float("inf"), low=float("nan"), high=float("inf"), n=2)})
    assert infinite.value == float("inf")
    content = seal(record)
    for place in range(len(content)):
        for bit in (0, 3, 5):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            try:
                found = unseal(bytes(flipped))
            except DamagedError:
                continue
            assert seal(found) == content  # a blank became another blank


HOSTILE = {
    "word that is no number": lambda t: t["quantities"]["q"].update(value="xinf"),
    "number beyond all floats": lambda t: t["quantities"]["q"].update(value=[10**400]),
    "parameter beyond all floats": lambda t: t["config"].update(list=[10**400]),
    "changed names what config lacks": lambda t: t.update(changed=["nothing"]),
    "interval of another shape": lambda t: t["quantities"]["q"].update(low=[1.0, 2.0]),
    "one end of an interval": lambda t: t["quantities"]["q"].pop("low"),
    "value that is a mapping": lambda t: t["quantities"]["q"].update(value={"a": 1}),
    "file outside its folder": lambda t: t.update(files={"../../x": "0"}),
    "negative order": lambda t: t.update(order=-1),
    "no quantities": lambda t: t.update(quantities=None),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_record_with_the_right_hash_may_still_be_none(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path)
    good, bad = (store.add(new_run(e), evidence(q=1.0)) for e in ("good", "bad"))
    tree = tree_of(bad)
    HOSTILE[name](tree)
    (tmp_path / "toy.bad" / bad.id / "run.json").write_bytes(sealed(json.dumps(tree, separators=(",", ":")).encode()))
    assert store.runs() == [good]
    assert [damage.place for damage in store.damages] == [f"toy.bad/{bad.id}"]
    assert "run.json holds no run" in store.damages[0].reason
    assert query(store, "select count(*) as n from runs").n[0] == 1


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[" * 100_000, b'{"sha256":1,"run":2}', sealed(b"[" * 5000 + b"]" * 5000), b"\xff\xfe"]
)
def test_what_is_no_record_at_all(content: bytes) -> None:
    with pytest.raises(DamagedError):
        unseal(content)


@pytest.mark.parametrize("url", ["folder", "file"])
def test_pipes_and_devices_are_not_read(tmp_path: Path, url: str) -> None:
    store = Store(tmp_path if url == "folder" else f"file://{tmp_path}")
    good = store.add(new_run("good"), evidence(q=1.0))
    for name in ("pipe", "device", "folder"):
        (tmp_path / "toy.bad" / name).mkdir(parents=True)
    os.mkfifo(tmp_path / "toy.bad" / "pipe" / "run.json")
    (tmp_path / "toy.bad" / "device" / "run.json").symlink_to("/dev/zero")
    (tmp_path / "toy.bad" / "folder" / "run.json").mkdir()
    assert store.runs() == [good]
    assert sorted(damage.reason for damage in store.damages) == ["run.json is no regular file"] * 3


@pytest.mark.parametrize("scheme", ["", "file://", "local://", "memory://"])
@pytest.mark.parametrize("folder", ["w[1]", "w[a-", "a*b?", "{x}"])
def test_signs_of_patterns_in_names(tmp_path: Path, scheme: str, folder: str) -> None:
    store = Store(f"{scheme}{tmp_path}/{folder}/runs")
    labelled = store.add(new_run(label="lr=[0.1]*"), evidence(q=1.0))
    assert store.runs(verify=True) == [labelled]
    assert store.evidence(labelled).q == 1
    assert store.damages == []


@pytest.mark.parametrize("url", ["zip:///etc/passwd", "nonsense://x", "zip://nothing.zip"])
def test_a_store_that_cannot_be_reached_is_wrong_input(url: str) -> None:
    with pytest.raises(ValueError, match=r"the store .* can't be reached"):
        Store(url)


def test_a_clock_that_was_ahead_wins_nothing(toy, tmp_path: Path) -> None:
    """The run of the future is used where there is no other; measured again, the new one counts, now and later."""
    store, jobs = Store(tmp_path), [job for job in plan(["toy"], "quick") if job.experiment == "arithmetic"]
    first = run(jobs, store, workers=0).runs["toy.arithmetic"]
    ahead = msgspec.structs.replace(first, id="2999" + first.id[4:], order=7)
    store.add(ahead, store.evidence(first))
    shutil.rmtree(tmp_path / "toy.arithmetic" / first.id)
    assert store.runs() == [msgspec.structs.replace(ahead, files=first.files)]
    assert "a clock that was ahead" in store.misdated[0].reason
    assert run(jobs, store, workers=0).reused == {"toy.arithmetic"}
    again = run(jobs, store, workers=0, force=True).runs["toy.arithmetic"]
    assert again.order == 8
    assert [r.id for r in store.runs()] == [ahead.id, again.id]
    assert fresh_runs(jobs, store.runs(), store)["toy.arithmetic"].id == again.id
    assert newest(store.runs(), toy)[0][0].id == again.id
    past = msgspec.structs.replace(ahead, id="2001" + first.id[4:], order=0)
    later = msgspec.structs.replace(again, id="2000" + first.id[4:])  # when the time to come has come
    store = Store(tmp_path / "later")
    for each in (past, later):
        store.add(each, evidence(q=1.0))
    assert newest(store.runs(), toy)[0][0].id == later.id
    assert store.misdated == []


def test_each_run_comes_after_those_that_were_there(toy, tmp_path: Path) -> None:
    store, jobs = Store(tmp_path), plan(["toy"], "quick")
    run(jobs, store, workers=0)
    run(jobs, store, workers=0, force=True)
    assert sorted(r.order for r in store.runs()) == [1, 1, 1, 2, 2, 2]


HALF = """
import sys, time
from symplast.lab import store
write = open
def slow(path, mode="r", *more, **options):
    file = write(path, mode, *more, **options)
    if str(path).endswith("run.json"):
        print("writing", flush=True)
        time.sleep(60)
    return file
store.open = slow
sys.path.insert(0, sys.argv[2])
from tests.lab.test_store import new_run
store.Store(sys.argv[1]).add(new_run("half"))
"""


def test_only_a_dead_writers_folder_is_cleared(tmp_path: Path) -> None:
    """However old it looks: a file system's clock says nothing about who is alive."""
    house = str(Path(__file__).parents[2])
    writers = [
        subprocess.Popen([sys.executable, "-c", HALF, str(tmp_path), house], stdout=subprocess.PIPE) for _ in range(2)
    ]
    store, staging = Store(tmp_path), tmp_path / ".staging"
    try:
        for writer in writers:
            writer.stdout.readline()
        for path in staging.iterdir():
            os.utime(path, (0, 0))
        assert store.orphans() == []
        store.add(new_run("first"))
        assert len([path for path in staging.iterdir() if path.is_dir()]) == 2
        writers[0].send_signal(signal.SIGKILL)
        writers[0].wait()
        assert [orphan.reason for orphan in store.orphans()] == [
            "left by a killed process; the next run stored here removes it"
        ]
        store.add(new_run("second"))
        assert len([path for path in staging.iterdir() if path.is_dir()]) == 1
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    store.add(new_run("third"))
    assert list(staging.iterdir()) == []
    assert {r.experiment for r in store.runs()} == {"first", "second", "third"}


def test_leftovers_whose_owner_is_unknown_are_told_and_kept(tmp_path: Path) -> None:
    for name in ("unlocked", "elsewhere"):
        (tmp_path / ".staging" / name).mkdir(parents=True)
    (tmp_path / ".staging" / "elsewhere.another-machine.lock").touch()
    store = Store(tmp_path)
    store.add(new_run())
    told = {orphan.place: orphan.reason for orphan in store.orphans()}
    assert told.keys() == {".staging/unlocked", ".staging/elsewhere"}
    assert all("remove it if none is at work" in reason for reason in told.values())
    remote = Store(f"memory://{tmp_path.name}/runs")
    remote.add(new_run())
    remote._files.fs.pipe_file(f"{remote._files.root}/toy.half/1/evidence.nc", b"x")
    assert len(remote.runs()) == 1
    assert [orphan.place for orphan in remote.orphans()] == ["toy.half/1"]


KILLED = """
import time, xarray
from symplast.lab import evidence, store
def slow(self, path, **options):
    path.touch()
    print("writing", flush=True)
    time.sleep(60)
xarray.Dataset.to_netcdf = slow
store._to_netcdf(evidence(q=1.0))
"""


def test_temporary_evidence_of_a_killed_process_is_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    environment = os.environ | {"TMPDIR": str(place)}
    writer = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, env=environment)
    writer.stdout.readline()
    store = Store(tmp_path / "runs")
    store.add(new_run(), evidence(q=1.0))
    assert len(list(place.iterdir())) == 2  # the living writer's folder and its lock
    writer.kill()
    writer.communicate()
    assert store.evidence(store.add(new_run(), evidence(q=1.0))).q == 1
    assert list(place.iterdir()) == []


SCRIPT = b"<script>alert(1)</script></svg>"
SPOILED = {
    "empty": lambda svg: b"",
    "cut": lambda svg: svg[: len(svg) // 2],
    "open element": lambda svg: svg.replace(b"</svg>", b""),
    "another picture": lambda svg: svg.replace(b"<path", b"<Path", 1),
    "script": lambda svg: svg.replace(b"</svg>", SCRIPT),
    "script with its own hash": lambda svg: _resealed(svg.replace(b"</svg>", SCRIPT)),
    "handler with its own hash": lambda svg: _resealed(svg.replace(b"<svg ", b'<svg onload="alert(1)" ', 1)),
    "link with its own hash": lambda svg: _resealed(svg.replace(b"</svg>", b'<a href="javascript:x"/></svg>')),
    "not well-formed, with its own hash": lambda svg: _resealed(svg.replace(b"</svg>", b"<g></svg>")),
    "no text": lambda svg: b"\xff\xfe\x00",
}


def _resealed(content: bytes) -> bytes:
    body = content[: content.rindex(b"<!-- sha256")]
    return body + f"<!-- sha256 {sha256(body)} -->\n".encode()


def test_a_spoiled_cached_picture_is_drawn_again(toy, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    audits = [audit(toy, run(plan(["toy"], "quick"), store, workers=0).runs.values(), "quick")]
    page = write_report(audits, store, tmp_path).parent / "toy.html"
    cached = next((tmp_path / "figures").glob("*/heads.svg"))
    whole, drawn = cached.read_bytes(), _without_date(page)
    for name, spoil in SPOILED.items():
        cached.write_bytes(spoil(whole))
        write_report(audits, store, tmp_path)
        assert _without_date(page) == drawn, name
        assert cached.read_bytes() == whole, name
    cached.unlink()
    cached.mkdir()
    write_report(audits, store, tmp_path)
    assert _without_date(page) == drawn


def _without_date(page: Path) -> str:
    return page.read_text().split("Written by symplast")[0]


def test_a_page_that_cannot_be_made_leaves_the_others_alone(toy, tmp_path: Path, monkeypatch) -> None:
    store = Store(tmp_path / "runs")
    sound = audit(toy, run(plan(["toy"], "quick"), store, workers=0).runs.values(), "quick")
    bad = msgspec.structs.replace(
        next(iter(sound.runs.values())), failure=Failure(type="E", message="m", traceback="t"), status="failed"
    )
    broken = audit(toy, [bad], "quick")
    object.__setattr__(broken, "room", type(toy)("absent", "symplast_absent", tmp_path))
    told: dict[str, str] = {}
    index = write_report([broken, sound], store, tmp_path, left_out=told)
    assert told.keys() == {"absent"}
    assert (index.parent / "toy.html").exists()
    assert "Systems left out" in index.read_text()
