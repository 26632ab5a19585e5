"""``symplast data``: the toy data set in this process, the real command for exit codes."""

import json
import os
import subprocess
import sys

import pytest
from tests.datasets.conftest import CONTENT
from typer.testing import CliRunner

from symplast import datasets
from symplast.cli.data import app

COMMAND = [sys.executable, "-m", "symplast", "data"]


def invoke(*arguments):
    return CliRunner().invoke(app, arguments)


def test_fetch_then_where_then_list(toy, server, cache):
    assert json.loads(invoke("list", "--json").stdout)[0]["state"] == "not here"
    fetched = invoke("fetch", "toy")
    assert (fetched.exit_code, fetched.stdout) == (0, f"toy: {cache}\n")
    where = invoke("where", "toy")
    assert (where.exit_code, where.stdout) == (0, f"{cache}\n")
    record = json.loads(invoke("where", "toy", "--json").stdout)
    assert (record["source"], record["folder"], record["state"]) == ("cache", str(cache), "verified")
    assert [file["name"] for file in record["files"]] == list(CONTENT)
    listed = invoke("list")
    assert listed.exit_code == 0
    for cell in ("toy", "cache", "verified", "CC0"):
        assert cell in listed.stdout


def test_fetch_goes_on_after_a_failure(toy, server, make_info, monkeypatch):
    gone = make_info("http://127.0.0.1:9")
    registered = {"gone": gone.__class__(**{**_fields(gone), "name": "gone"}), "toy": toy}
    monkeypatch.setattr(datasets.registry, "_registry", lambda: registered)
    done = invoke("fetch", "gone", "toy", "--json")
    assert done.exit_code == 1
    assert [row["state"] for row in json.loads(done.stdout)] == ["not here", "verified"]
    assert done.stderr.count("error:") == 1
    assert "data set 'gone' is not available" in done.stderr


def test_wrong_name_stops_before_the_first_download(toy, server):
    done = invoke("fetch", "toy", "tony")
    assert isinstance(done.exception, ValueError)
    assert server.requests == []


def test_damage_is_listed(toy, own):
    (own / "first.csv").write_bytes(b"half")
    done = invoke("list", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)[0]["state"] == "damaged"
    shown = invoke("list")
    assert "damaged" in shown.stdout
    assert "expected SHA-256" in shown.stderr
    assert invoke("fetch", "toy").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("where", "minst"), "error: NAME must be one of digits, digits-28"),
        (("fetch", "minst"), "error: NAME must be one of digits, digits-28"),
        (("where", "mnist"), "error: data set 'mnist' is not available: run 'symplast data fetch mnist'"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(cache, arguments, told):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, env=os.environ, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1


def test_list_prints_json_only(cache):
    done = subprocess.run([*COMMAND, "list", "--json"], capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0
    rows = json.loads(done.stdout)
    assert [row["name"] for row in rows] == list(datasets.names())
    states = {row["name"]: row["state"] for row in rows}
    built_in = ("digits", "digits-28", "mnist-5k", "mni152")
    assert states == {name: "verified" if name in built_in else "not here" for name in datasets.names()}


def _fields(record):
    return {name: getattr(record, name) for name in record.__struct_fields__}
