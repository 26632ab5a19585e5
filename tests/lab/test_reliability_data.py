"""Experiments whose data is missing, damaged or found later."""

import json
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.lab.conftest import called, search_path

from symplast import datasets
from symplast.lab import registry

STUDY = """
    from symplast import datasets
    from symplast.lab import Config, Evidence, Study, evidence

    study = Study("reader")

    @study.experiment(quick={"first": 10}, data=("scaling-laws",))
    def rows(config: Config, key) -> Evidence:
        "Counts the rows of a table."
        return evidence(count=len(datasets.load("scaling-laws")["isoflops"]))

    @study.experiment(quick={"last": 3})
    def numbers(config: Config, key) -> Evidence:
        "Needs no data."
        return evidence(total=float(sum(range(config.last + 1))))
"""
CLAIMS = """
    system = { name = "reader", title = "A reader", summary = "Reads a data set.", data = ["scaling-laws"] }
    paper = { title = "On Reading", authors = ["A. Author"], year = 2020, arxiv = "2001.00002", bibtex_key = "a2020" }

    [[claim]]
    id = "R1"
    says = "The table has 947 rows."
    source = "Table 1"
    kind = "exact"
    quantity = "rows.count"
    rule = { near = { value = 947, abs = 0 } }

    [[claim]]
    id = "R2"
    says = "1 + 2 + 3 = 6."
    source = "Eq. 1"
    kind = "exact"
    quantity = "numbers.total"
    rule = { near = { value = 6, abs = 0 } }
"""
HERE = datasets.folder("scaling-laws") if datasets.available("scaling-laws") else None

Reproduce = Callable[..., tuple[int, dict[str, dict], dict[str, dict]]]


@pytest.fixture
def reproduce(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Reproduce]:
    """``symplast reproduce reader`` on a machine without a way out and with an empty cache."""
    package, about = tmp_path / "plugin" / "reader", tmp_path / "plugin" / "reader-0.1.dist-info"
    package.mkdir(parents=True)
    about.mkdir()
    for name, text in {"__init__.py": "", "study.py": STUDY, "figures.py": "", "claims.toml": CLAIMS}.items():
        (package / name).write_text(textwrap.dedent(text))
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: reader\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text("[symplast.systems]\nreader = reader\n")
    for name in ("SYMPLAST_DATA", "NO_PROXY", "no_proxy", "SYMPLAST_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("SYMPLAST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", search_path(tmp_path / "plugin"))  # for the worker processes
    monkeypatch.syspath_prepend(str(tmp_path / "plugin"))
    monkeypatch.chdir(tmp_path)
    registry._found.cache_clear()

    def run(data: Path | None = None, workers: int = 0):
        if data:
            monkeypatch.setenv("SYMPLAST_DATA", str(data))
        code, done = called(monkeypatch, capsys, "reproduce", "reader", "--json", "--workers", str(workers))
        told = json.loads(done.out)
        return code, {r["experiment"]: r for r in told["runs"]}, {c["id"]: c for c in told["claims"]}

    yield run
    registry._found.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "reader"]:
        del sys.modules[name]


@pytest.mark.parametrize("workers", [0, 1])
def test_missing_data_skips_its_experiment_only_and_says_what_to_do(reproduce: Reproduce, workers: int) -> None:
    begin = time.monotonic()
    code, runs, claims = reproduce(workers=workers)
    assert code == 0
    assert time.monotonic() - begin < 30  # no waiting for a network that is not there
    assert (runs["rows"]["status"], runs["numbers"]["status"]) == ("skipped", "done")
    assert claims["reader.R1"]["verdict"] == "not run"
    assert "run 'symplast data fetch scaling-laws'" in claims["reader.R1"]["reason"]
    assert claims["reader.R2"]["verdict"] == "reproduced"


def test_damaged_data_fails_its_experiment_with_both_hashes(reproduce: Reproduce, tmp_path: Path) -> None:
    place = tmp_path / "data" / "scaling-laws"
    place.mkdir(parents=True)
    for file in datasets.describe("scaling-laws").files:
        (place / file.name).write_bytes(b"half a file")
    code, runs, claims = reproduce(tmp_path / "data")
    assert code == 1
    assert runs["rows"]["status"] == "failed"
    message = runs["rows"]["error"]["message"]
    for file in datasets.describe("scaling-laws").files[:1]:
        assert f"{place / file.name} is damaged" in message
        assert f"expected SHA-256 {file.sha256}, found" in message
    assert claims["reader.R1"]["verdict"] == "not run"
    assert claims["reader.R2"]["verdict"] == "reproduced"
    assert (place / "isoflops.csv").read_bytes() == b"half a file"


@pytest.mark.skipif(HERE is None, reason="scaling-laws is not here")
def test_data_that_appears_later_is_measured_then(reproduce: Reproduce) -> None:
    assert reproduce()[1]["rows"]["status"] == "skipped"
    _, runs, claims = reproduce(HERE.parent)
    assert runs["rows"]["status"] == "done"
    assert claims["reader.R1"]["verdict"] == "reproduced"
    assert claims["reader.R1"]["data"] == "scaling-laws"
