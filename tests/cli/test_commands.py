"""The commands as a user meets them: output, exit codes, errors in one line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.lab.conftest import called


def test_reproduce_json_contract(inside) -> None:
    done = inside("reproduce", "toy", "--json", "--workers", "0")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert list(told) == ["version", "scale", "systems", "runs", "claims", "wall_s"]
    assert (told["version"], told["scale"], told["systems"]) == (1, "quick", ["toy"])
    for row in told["runs"]:
        assert {"id", "experiment", "seeds", "compile_s", "run_s", "status"} <= set(row)
    required = {"id", "kind", "published", "measured", "interval", "n", "verdict", "data", "reason"}
    assert all(required <= set(row) for row in told["claims"])
    rows = {row["id"]: row for row in told["claims"]}
    assert rows["toy.T1"]["interval"] is None
    low, high = rows["toy.T2"]["interval"]
    assert low < rows["toy.T2"]["measured"] < high
    assert rows["toy.T2"]["n"] == 8
    assert "stands_in" in rows["toy.T2"]
    assert rows["toy.T5"]["verdict"] == "not testable here"


def test_reproduce_tells_a_person(inside, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("symplast.lab.runner.cpus", lambda: 1)  # as many workers
    done = inside("reproduce", "toy")
    assert done.returncode == 0
    assert "reproduced" in done.stdout
    assert "3 of 3 experiments measured now" in done.stdout
    assert (tmp_path / "symplast-out" / "report" / "toy.html").exists()
    assert "toy.coin" in done.stderr  # progress goes to stderr
    again = inside("reproduce", "toy", "--workers", "0")
    assert "0 of 3 experiments measured now, 3 already there" in again.stdout


def test_a_failing_experiment_exits_1_and_the_json_has_the_record(inside, monkeypatch) -> None:
    monkeypatch.setenv("TOY_FAIL", "1")
    done = inside("reproduce", "toy", "--json", "--workers", "0")
    assert done.returncode == 1
    error = next(row["error"] for row in json.loads(done.stdout)["runs"] if row["status"] == "failed")
    assert (error["type"], error["message"]) == ("RuntimeError", "the abacus is broken")
    assert "Traceback" in error["traceback"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("reproduce", "toi"), "SYSTEM must be one of"),
        (("reproduce", "toy", "--scale", "huge"), "--scale must be one of quick, full, paper; got 'huge'"),
        (("reproduce", "toy", "--set", "tosses"), "--set must read name=value"),
        (("reproduce", "toy", "--set", "coin.tosses=many"), "--set coin.tosses must be of type int"),
        (("reproduce", "toy", "--set", "nothing=1"), "no such parameter"),
        (("reproduce", "toy", "--seeds", "0"), "seeds must be at least 1"),
        (("show", "toi"), "SYSTEM must be one of"),
        (("report", "toy", "--store", "nowhere"), ""),
        (("publish", "toy"), "can't be published at full scale: no run of arithmetic, coin, slow"),
        (("query", "select nothing"), "the query is wrong"),
        (("query", ""), "the query gives no table"),
        (("query", "copy runs to 'x.csv'"), "the query is wrong"),
        (("reproduce", "toy", "--store", "memory://x"), "seen by one process only"),
        (("reproduce", "toy", "--cluster", "tcp://127.0.0.1:9"), "no Dask scheduler answers"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(
    toy, tmp_path: Path, impatient, monkeypatch, capsys, arguments, told: str
) -> None:
    """In this process, as the console script calls it; --debug lets the error through to Python's traceback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SYMPLAST_DEBUG", raising=False)
    code, done = called(monkeypatch, capsys, *arguments)
    if not told:
        assert code == 0  # a named system without runs has a report that says so
        return
    assert code == 2
    assert told in done.err
    assert done.err.strip().count("\n") == 0
    assert "Traceback" not in done.err
    monkeypatch.setenv("SYMPLAST_DEBUG", "0")  # put back when the test ends
    with pytest.raises(ValueError, match=f"(?i){re.escape(told.removeprefix('--'))}"):
        called(monkeypatch, capsys, "--debug", *arguments)


def test_debug_shows_the_traceback(command, inside) -> None:
    assert "Traceback" in command("--debug", "show", "toi").stderr
    assert "Traceback" not in inside("show", "toi").stderr


def test_list_show_cite(inside) -> None:
    inside("reproduce", "toy", "--workers", "0")
    listed = next(row for row in json.loads(inside("list", "--json").stdout) if row["system"] == "toy")
    assert {"system", "title", "arxiv", "claims", "data", "last"} <= set(listed)
    assert listed["last"] == {"reproduced": 2, "partly": 2, "inconclusive": 1, "not testable here": 1}
    shown = json.loads(inside("show", "toy", "--json").stdout)
    assert shown["claims"][0]["id"] == "toy.T1"
    assert "A toy system" in inside("show", "toy").stdout
    cited = inside("cite", "toy").stdout
    assert cited.startswith("@misc{author2020toys,")
    assert "A. Author and B. Writer" in cited
    assert inside("list").returncode == 0


def test_report_publish_query(inside, tmp_path: Path) -> None:
    inside("reproduce", "toy", "--scale", "full", "--workers", "0")
    assert json.loads(inside("report", "toy", "--json").stdout)["report"].endswith("index.html")
    (tmp_path / "README.md").write_text(
        "a\n<!-- verdicts: begin (symplast publish writes this) -->\n<!-- verdicts: end -->\nb\n"
    )
    done = inside("publish", "toy", "--to", "out", "--json")
    assert json.loads(done.stdout)["written"] == ["out/toy.json", "README.md"]
    published = json.loads((tmp_path / "out" / "toy.json").read_text())
    assert (published["scale"], len(published["claims"]), len(published["runs"])) == ("full", 6, 3)
    readme = (tmp_path / "README.md").read_text()
    assert (
        "| `toy` A toy system | [2001.00001](https://arxiv.org/abs/2001.00001) | 6 | 2 | 2 |  | 1 | 1 | full |"
        in readme
    )
    assert readme.endswith("b\n")
    assert json.loads(inside("query", "select count(*) as n from runs", "--json").stdout) == [{"n": 3}]


def test_only_sound_runs_of_the_scale_are_published(inside, tmp_path: Path) -> None:
    """Not a failed full run's quick forerunner, and not one with other parameters."""
    inside("reproduce", "toy", "--workers", "0")
    inside("reproduce", "toy", "--scale", "full", "--set", "coin.tosses=2", "--workers", "0")
    done = inside("publish", "toy", "--to", "out")
    assert done.returncode == 2
    told = " ".join(done.stderr.split())
    assert "no run of coin; first run: symplast reproduce toy --scale full" in told
    assert not (tmp_path / "out").exists()


def test_verdicts_stand_beside_published_ones(toy, tmp_path: Path) -> None:
    from symplast.lab import Store, plan, run
    from symplast.lab.published import publish, read_published

    store = Store(tmp_path / "runs")
    run(plan(["toy"], "quick"), store, workers=0)
    publish(toy, store, "quick", tmp_path)
    published = read_published(toy, tmp_path)
    assert published.verdict("toy.T3") == "partly"
    assert published.stale_claims(toy) == []
    assert published.next_to("toy.T3", "partly") == "same"
    assert published.next_to("toy.T1", "reproduced") == "same"
    assert published.next_to("toy.T1", "refuted") == "reproduced"
    assert published.next_to("toy.T1", "not run", " (reconstruction)") == (
        "reproduced (reconstruction), 55 at quick scale"
    )
    assert published.next_to("toy.T9", "not run") == ""
    assert read_published(toy, tmp_path / "elsewhere") is None
    whole = json.loads((tmp_path / "toy.json").read_text())
    for spoiled in ("", "{}", "[" * 5000, json.dumps(whole | {"claims": [{}]}), json.dumps(whole)[:-9]):
        (tmp_path / "toy.json").write_text(spoiled)
        with pytest.raises(ValueError, match="not a file of published verdicts"):
            read_published(toy, tmp_path)


def test_what_is_not_run_here_shows_what_was_published(toy, tmp_path: Path, monkeypatch) -> None:
    """In the table of the terminal and on the page: verdict and value."""
    import shutil

    from typer.testing import CliRunner

    from symplast.cli import app
    from symplast.lab import Store, plan, run
    from symplast.lab import registry as systems
    from symplast.lab.published import publish

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    copy = tmp_path / "toy"
    shutil.copytree(toy.folder, copy)
    store = Store(tmp_path / "runs")
    run(plan(["toy"], "quick"), store, workers=0)
    publish(toy, store, "quick", copy)
    object.__setattr__(toy, "folder", copy)
    shown = CliRunner().invoke(app, ["show", "toy"]).stdout
    assert "not run" in shown
    assert "published: reproduced, 55" in " ".join(shown.split())
    CliRunner().invoke(app, ["report", "toy"])
    page = (tmp_path / "symplast-out" / "report" / "toy.html").read_text()
    assert "published: reproduced, 55 at quick scale" in page
    assert systems.room("toy") is toy


def test_publish_without_a_readme(inside, tmp_path: Path) -> None:
    inside("reproduce", "toy", "--scale", "full", "--workers", "0")
    done = inside("publish", "toy", "--to", "out", "--readme", "", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["written"] == ["out/toy.json"]


def test_completion_knows_the_systems(command, environment, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "symplast"],
        env=environment | {"_SYMPLAST_COMPLETE": "complete_bash", "COMP_WORDS": "symplast show t", "COMP_CWORD": "2"},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "toy" in done.stdout


def test_module_and_script_are_the_same(command) -> None:
    told = command("--help").stdout
    assert "Usage: symplast [OPTIONS] COMMAND" in told
    assert "reproduce" in told
