"""Plug-ins that are broken, half removed or take a name that is taken: named, and nothing else stops."""

import json
import textwrap
from pathlib import Path

import pytest
from typer.testing import CliRunner

from symplast.cli import app
from symplast.lab import registry

STUDY = """
from symplast.lab import Study, evidence

study = Study("{name}")

@study.experiment(quick={{"x": 1}})
def odd(config, key):
    "Nothing odd."
    return evidence(a=1.0)
"""
CLAIMS = """
system = {{ name = "{name}", title = "A [b] title", summary = "Odd." }}
paper = {{ title = "Odd", authors = ["A. Author"], year = 2020, arxiv = "2001.00003", bibtex_key = "o2020" }}

[[claim]]
id = "O1"
says = "x"
source = "x"
kind = "simulation"
quantity = "odd.a"
rule = {{ at_least = 0.1 }}
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes announced packages from their files; only they are systems."""
    folder = tmp_path / "plugins"
    folder.mkdir()

    def make(name: str, *, announced: str = "", value: str = "", package: str = "", **files: str | None) -> None:
        package = package or f"plug_{name}"
        about = folder / f"{package}-0.1.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1\n")
        (about / "entry_points.txt").write_text(f"[symplast.systems]\n{announced or name} = {value or package}\n")
        texts = {"__init__": "", "study": STUDY, "figures": "", "claims": CLAIMS, **files}
        for part, text in texts.items():
            if text is not None:
                (folder / package).mkdir(exist_ok=True)
                path = folder / package / (part if "." in part else part + (".toml" if part == "claims" else ".py"))
                path.write_text(textwrap.dedent(text).format(name=name))

    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(registry, "HOUSE", tmp_path / "nothing-built-in")
    monkeypatch.chdir(tmp_path)
    registry._found.cache_clear()
    yield make
    registry._found.cache_clear()


def call(*arguments: str):
    registry._found.cache_clear()
    return CliRunner().invoke(app, list(arguments))


def test_broken_plugins_stop_no_command(plugins, tmp_path: Path) -> None:
    plugins("sound")
    plugins("gone", **dict.fromkeys(("__init__", "study", "figures", "claims")))
    plugins("inner", value="plug_inner.deep", __init__="raise RuntimeError('no inner')")
    plugins("raises", __init__="raise RuntimeError('not today')")
    plugins("leaves", study="import sys\nsys.exit(0)")
    plugins("nostudy", study="study = 3")
    plugins("toml", claims="[system")
    plugins("noclaims", claims=None)
    plugins("another", claims=CLAIMS.replace("{name}", "renamed"))
    plugins("empty", **{"empty.json": ""})
    plugins("outside", announced="../outside")
    broken = {"raises", "leaves", "nostudy", "toml", "noclaims", "another"}
    unfound = {"gone", "inner", "../outside"}

    done = call("list", "--json")
    assert done.exit_code == 0, done.output
    listed = {row["system"] for row in json.loads(done.stdout)}
    assert listed == {"sound", "empty", "raises", "leaves", "nostudy"}  # their claims are sound
    for name in unfound | {"toml", "noclaims", "another"}:
        assert name in done.stderr
    assert "empty.json: not a file of published verdicts" in " ".join(done.stderr.split())
    assert call("list").exit_code == 0

    done = call("reproduce", "--json", "--workers", "0")
    assert done.exit_code == 1  # not everything that was asked for
    told = json.loads(done.stdout)
    assert {row["id"]: row["status"] for row in told["runs"]} == {"sound.odd": "done", "empty.odd": "done"}
    for name in unfound | broken:
        assert name in done.stderr
    assert "ends the program with exit code 0" in " ".join(done.stderr.split())
    index = tmp_path / "symplast-out" / "report" / "index.html"
    assert (index.parent / "sound.html").exists()
    assert "Systems left out" in index.read_text()

    done = call("report")
    assert done.exit_code == 0, done.output
    assert (index.parent / "empty.html").exists()
    assert call("reproduce", "sound", "--workers", "0").exit_code == 0
    assert call("reproduce", "leaves", "--workers", "0").exit_code != 0
    assert call("report", "raises", "sound").exit_code in (0, 1)
    assert call("cite", "toml", "sound").exit_code == 1
    assert "o2020" in call("cite").stdout


def test_a_runs_room_that_breaks_later_is_left_out(plugins, tmp_path: Path) -> None:
    plugins("sound")
    plugins("later")
    assert call("reproduce", "--workers", "0").exit_code == 0
    (tmp_path / "plugins" / "plug_later" / "claims.toml").write_text("[")
    done = call("report")
    assert done.exit_code == 0
    assert "left out: later" in " ".join(done.stderr.split())
    assert "<code>later</code>" in (tmp_path / "symplast-out" / "report" / "index.html").read_text()


def test_names_that_are_taken_are_refused(plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "HOUSE", Path(registry.__file__).parents[1])
    plugins("curl")
    plugins("twice", package="plug_first")
    plugins("twice", package="plug_second")
    registry._found.cache_clear()
    assert registry.rooms()["curl"].package == "symplast.curl"
    assert "the name of a system of symplast" in registry.refused()["curl"]
    assert "announced twice" in registry.refused()["twice"]
    with pytest.raises(ValueError, match="plug-in system 'twice' is announced twice"):
        registry.room("twice")


def test_publish_goes_on_past_a_broken_system(plugins, tmp_path: Path) -> None:
    plugins("sound")
    plugins("toml", claims="[system")
    assert call("reproduce", "sound", "--scale", "full", "--workers", "0").exit_code == 0
    done = call("publish", "--to", "out", "--readme", "", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["written"] == [str(Path("out") / "sound.json")]
    assert "toml" in done.stderr
