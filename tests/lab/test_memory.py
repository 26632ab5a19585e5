"""What is remembered of the source: the same as what is computed, and forgotten when a line changes."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from symplast.lab import memory
from symplast.lab.memory import remembered
from symplast.lab.registry import _found, rooms
from symplast.lab.runner import plan


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another source, and an empty cache."""
    folder = tmp_path / "house"
    (folder / "room").mkdir(parents=True)
    (folder / "room" / "study.py").write_text("SIZE = 5\n")
    monkeypatch.setattr(memory, "HOUSE", folder)
    monkeypatch.setenv("SYMPLAST_CACHE", str(tmp_path / "cache"))
    memory._source.cache_clear()
    yield folder
    memory._source.cache_clear()


def test_a_change_of_one_letter_is_a_change(house: Path) -> None:
    asked: list[int] = []

    def compute() -> list[int]:
        asked.append(1)
        return [len(asked)]

    def ask() -> list[int]:
        memory._source.cache_clear()
        return remembered("n", list[int], compute)

    assert [ask(), ask()] == [[1], [1]]
    study = house / "room" / "study.py"
    study.write_text("SIZE = 6\n")  # as long as before
    assert ask() == [2]
    (house / "room" / "claims.toml").write_text("")
    assert ask() == [3]
    study.rename(house / "study.py")
    assert ask() == [4]
    assert ask() == [4]


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1}', b"\xff"])
def test_a_damaged_memory_is_computed_again(house: Path, tmp_path: Path, content: bytes) -> None:
    assert remembered("n", list[int], lambda: [1]) == [1]
    path = next((tmp_path / "cache").rglob("n-*.json"))
    path.write_bytes(content)
    assert remembered("n", list[int], lambda: [2]) == [2]
    assert remembered("n", list[int], lambda: [3]) == [2]


def test_nowhere_to_remember(house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SYMPLAST_CACHE", str(tmp_path / "file"))
    assert remembered("n", list[int], lambda: [1]) == [1]


@pytest.mark.parametrize("name", ["dendrites", "scaling"])
def test_the_outline_says_what_the_study_says(name: str) -> None:
    room = rooms()[name]
    outline, study = room.outline(), room.study()
    assert outline.experiments.keys() == study.experiments.keys()
    for key, one in study.experiments.items():
        other = outline.experiments[key]
        assert (other.doc, other.on_demand, other.data) == (one.doc, one.on_demand, one.data)
        for scale in one.settings:
            assert dict(other.config(scale)) == dict(one.config(scale))
        assert room.code(key) == room._code(key)
    figures = {key: (one.experiment, one.caption, one.alt) for key, one in outline.figures.items()}
    assert figures == {key: (one.experiment, one.caption, one.alt) for key, one in study.figures.items()}


def test_nothing_is_imported_that_only_measuring_needs() -> None:
    """The second time, planning all systems takes no JAX, SciPy, xarray or matplotlib."""
    _found.cache_clear()  # the rooms ask the memory again, which has the answer from then on
    gc.disable()  # to read all source makes no cycles, and to look for some takes longer
    try:
        jobs = plan([name for name, one in rooms().items() if one.built_in], "quick")
    finally:
        gc.enable()
    code = (
        "import sys; from symplast.lab.runner import plan; from symplast.lab.registry import rooms;"
        "print(len(plan([n for n, r in rooms().items() if r.built_in], 'quick')));"
        "print(sorted({'jax', 'scipy', 'xarray', 'matplotlib', 'pandas', 'sklearn'} & sys.modules.keys()))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.stdout.split("\n")[0] == str(len(jobs)) != "0", told.stderr
    assert told.stdout.split("\n")[1] == "[]", told.stderr
