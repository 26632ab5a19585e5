"""The store: whole or not at all, damage is seen, local folder and URL alike."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from symplast.lab import Measurement, Run, Store, evidence
from symplast.lab.provenance import provenance
from symplast.lab.query import query
from symplast.lab.records import DamagedError, Failure
from symplast.lab.store import new_run_id


def new_run(experiment: str = "e", **more) -> Run:
    about = {
        "id": new_run_id(),
        "system": "toy",
        "experiment": experiment,
        "scale": "quick",
        "config": {"seed": 0, "list": [1, 2]},
        "changed": [],
        "code": "c0de",
        "data": [],
        "status": "done",
        "compile_s": 0.1,
        "run_s": 1.5,
        "peak_memory_mb": 100.0,
        "quantities": {"q": Measurement(value=1.5, low=1.0, high=2.0, n=3), "t": Measurement(value=[1.0, 2.0])},
        "files": {},
        "provenance": provenance(),
    }
    return Run(**about | more)


@pytest.fixture(params=["folder", "url"])
def store(request, tmp_path: Path) -> Store:
    return Store(tmp_path / "runs" if request.param == "folder" else f"memory://{tmp_path.name}/runs")


def test_what_goes_in_comes_out(store: Store) -> None:
    dataset = evidence(q=(("seed",), np.arange(3.0)), ok=True, units={"q": "s"}, notes={"who": "me"})
    run = store.add(new_run(), dataset)
    failed = store.add(new_run("f", status="failed", failure=Failure(type="E", message="m")))
    assert store.runs(verify=True) == [run, failed]
    assert store.evidence(run).identical(dataset)
    assert store.damages == []


def test_evidence_comes_back_bit_for_bit(store: Store) -> None:
    values = np.array([0.1, 1e-310, np.inf, -0.0, np.nan])
    run = store.add(new_run(), evidence(q=(("k",), values)))
    assert store.evidence(run).q.values.tobytes() == values.tobytes()


def test_empty_and_missing_stores() -> None:
    assert Store("/nowhere/at/all").runs() == []
    assert Store("memory://nowhere/runs").runs() == []


def flip_bit(path: Path, at: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(at * (len(content) - 1))] ^= 0x10
    path.write_bytes(content)


DAMAGES = {
    "truncated evidence": (lambda f: (f / "evidence.nc").write_bytes((f / "evidence.nc").read_bytes()[:100]), "hash"),
    "empty evidence": (lambda f: (f / "evidence.nc").write_bytes(b""), "hash"),
    "flipped bit in the evidence": (lambda f: flip_bit(f / "evidence.nc"), "hash"),
    "missing evidence": (lambda f: (f / "evidence.nc").unlink(), "No such file"),
    "truncated record": (lambda f: (f / "run.json").write_bytes((f / "run.json").read_bytes()[:200]), "can't be read"),
    "missing record": (lambda f: (f / "run.json").unlink(), "No such file"),
    "changed number": (
        lambda f: (f / "run.json").write_text((f / "run.json").read_text().replace("1.5", "1.6")),
        "does not match its hash",
    ),
    "moved folder": (lambda f: f.rename(f.parent / "20200101T000000-other"), "belongs to"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_reported_and_skipped_and_kept(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path)
    good, bad = (store.add(new_run(e), evidence(q=1.0)) for e in ("good", "bad"))
    damage, reason = DAMAGES[name]
    damage(tmp_path / "toy.bad" / bad.id)
    assert store.runs(verify=True) == [good]
    assert len(store.damages) == 1
    assert reason in store.damages[0].reason
    assert any((tmp_path / "toy.bad").iterdir())


@pytest.mark.parametrize("at", np.linspace(0, 1, 12))
def test_a_flipped_bit_anywhere_in_the_record_is_seen(tmp_path: Path, at: float) -> None:
    store = Store(tmp_path)
    run = store.add(new_run(), evidence(q=1.0))
    path = tmp_path / "toy.e" / run.id / "run.json"
    before = json.loads(path.read_text())
    flip_bit(path, at)
    try:
        same = json.loads(path.read_text()) == before  # white space between the fields means nothing
    except ValueError:
        same = False
    assert (store.runs() == []) != same


def test_damaged_evidence_is_never_loaded(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = store.add(new_run(), evidence(q=1.0))
    flip_bit(tmp_path / "toy.e" / run.id / "evidence.nc")
    with pytest.raises(DamagedError, match="does not match its hash"):
        store.evidence(run)


def test_what_was_left_aside_is_not_a_run(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = store.add(new_run(), evidence(q=1.0))
    half = tmp_path / ".staging" / "half"
    half.mkdir()
    (half / "run.json").write_text("{")
    assert store.runs() == [run]
    assert store.damages == []


def test_wrong_query(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the query is wrong: .*nonsense"):
        query(Store(tmp_path), "select nonsense from runs")


def test_query(store: Store) -> None:
    store.add(new_run(), evidence(q=1.5))
    store.add(new_run("f", status="failed", failure=Failure(type="E", message="m"), quantities={}))
    assert query(store, "select count(*) as n from runs").n[0] == 2
    rows = query(store, "select experiment, value, high from quantities")
    assert rows.to_dict("records") == [{"experiment": "e", "value": 1.5, "high": 2.0}]


def test_query_of_an_empty_store(tmp_path: Path) -> None:
    assert query(Store(tmp_path), "select count(*) as n from runs").n[0] == 0


def test_record_survives_json(tmp_path: Path) -> None:
    run = new_run()
    assert msgspec.json.decode(msgspec.json.encode(run), type=Run) == run
