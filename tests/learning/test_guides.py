"""The commands of the guide on the reader's own files: run as they stand, they reach what the page says."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from symplast.cli import app

GUIDE = Path(__file__).parents[2] / "docs" / "guide"


def prepare(page: str, folder: Path) -> list[str]:
    """Write the file that a page shows; its command in words."""
    text = (GUIDE / page).read_text()
    code = re.search(r"`mine\.py`[^`]*:\n\n```python\n(.*?)```", text, re.DOTALL)
    command = re.search(r"^\$ symplast (compare .*mine\..*)$", text, re.MULTILINE)
    assert code is not None
    assert command is not None
    (folder / "mine.py").write_text(code.group(1))
    return shlex.split(command.group(1))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current folder as a shell's: the interpreter does not look for modules in it of itself."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    yield tmp_path
    sys.modules.pop("mine", None)


def test_a_rule_of_the_current_folder_reaches_the_score_of_the_guide(folder, capsys) -> None:
    words = prepare("own-rule.md", folder)
    app([*words, "--workers", "0", "--json"], standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    mine = next(row for row in told["combinations"] if row["rule"].startswith("mine."))
    assert mine["score_low"] > 0.7


def test_a_network_of_the_current_folder_becomes_a_row(folder, capsys) -> None:
    words = prepare("own-network.md", folder)
    draw = np.random.default_rng(0)
    shapes = {"w_in": (40, 64), "w_rec": (40, 40), "w_out": (10, 40)}
    np.savez(folder / "weights.npz", **{name: 0.1 * draw.normal(size=shape) for name, shape in shapes.items()})
    words[words.index("autodiff") - 1 : words.index("autodiff") + 1] = []
    small = ["--task", "digits:train=200,test=50", "--epochs", "1", "--batch-size", "20", "--workers", "0", "--json"]
    app([*words, *small], standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert [row["rule"] for row in told["combinations"]] == ["ep", "rbp"]
    assert all(0 < row["alignment"] <= 1.001 and row["score"] > 0.2 for row in told["combinations"])
    with pytest.raises(ValueError, match=r"mine.network must have 23 outputs for this task|can't answer an input"):
        app([*words, *small, "--task", "modular-addition"], standalone_mode=False)


@pytest.mark.slow
def test_the_console_script_and_its_workers_look_into_the_current_folder(tmp_path) -> None:
    words = prepare("own-rule.md", tmp_path)
    script = Path(sys.executable).with_name("symplast")
    small = ["--task", "digits:train=100,test=20", "--epochs", "1", "--workers", "1", "--json"]
    done = subprocess.run([script, *words, *small], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["combinations"][0]["rule"] == "mine.WeightPerturbation:tries=16"
