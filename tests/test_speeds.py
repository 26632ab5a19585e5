"""The page of speeds: a target that is missed, or a peer that is ahead, stands there with what holds the speed back."""

import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(scope="module")
def speed() -> ModuleType:
    spec = importlib.util.spec_from_file_location("speed", ROOT / "docs" / "speed.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_behind_says_why(speed: ModuleType) -> None:
    found = speed.records(RESULTS)
    missed = [
        (room, speed.row_name(row))
        for room, record in found.items()
        for row in record["results"]
        if row.get("met") is False and not row.get("limit")
    ]
    assert missed == []
    behind = [row.work for row in speed.comparisons(found) if row.times_faster < 1 and not row.limit]
    assert behind == []


def test_every_limit_belongs_to_a_row(speed: ModuleType) -> None:
    limits = tomllib.loads((RESULTS.parent / "limits.toml").read_text())
    named = {(room, name) for room, rows in limits.items() for name in rows}
    rows = {(room, speed.row_name(row)) for room, found in speed.records(RESULTS).items() for row in found["results"]}
    assert named - rows == set()


def test_comparisons_are_drawn(speed: ModuleType) -> None:
    rows = speed.comparisons(speed.records(RESULTS))
    assert len(rows) > 40
    figure = speed.picture(rows)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert {row.work for row in rows} <= set(labels)
    assert "| work | measured | target | met |" in speed.table(speed.records(RESULTS))
