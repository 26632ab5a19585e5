"""``symplast brain-alignment``: good, odd and wrong input."""

import json
import threading

import numpy as np
import pandas as pd
import pytest
from commanding import caller
from typer.testing import CliRunner

from symplast.brain_alignment import ChatError, Responder, serving
from symplast.cli.brain_alignment import app

call = caller(app)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("measured")
    random = np.random.default_rng(0)
    X = random.normal(size=(120, 8))
    Y = X @ random.normal(size=(8, 24)) + random.normal(size=(120, 24))
    ids = np.array([f"im{i}" for i in range(120)])
    np.savez(place / "x.npz", features=X, ids=ids)
    np.savez(place / "y.npz", responses=Y[::-1], ids=ids[::-1], roi_V1=np.arange(24) < 12, roi_V2=np.arange(24) >= 12)
    np.save(place / "c.npy", np.full(24, 0.9))
    return place


def test_encode(files, tmp_path):
    inputs = ["--features", files / "x.npz", "--responses", files / "y.npz", "--ceiling", files / "c.npy"]
    result = call("encode", *inputs, "--out", tmp_path / "out", "--json")
    record = json.loads(result.stdout)
    assert [row["roi"] for row in record["rois"]] == ["V1", "V2"]
    assert record["overall"] > 0.8  # rows were matched by id, not by position
    assert "matched by ids" in result.stderr
    assert (tmp_path / "out" / "rois.svg").exists()
    same = json.loads(call("score", *inputs, "--json").stdout)
    assert same == record
    assert "V1" in call("encode", *inputs, "--folds", 3).stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--folds", 1], "--folds must be 0"),
        (["--seed", -1], "--seed must be at least 0"),
        (["--pca", 999], "--pca must be at most"),
        (["--trials", "c.npy", "--ceiling", "c.npy"], "not both"),
        (["--trials", "c.npy"], "trials of shape"),
    ],
)
def test_encode_refuses(files, options, told):
    placed = [files / "c.npy" if option == "c.npy" else option for option in options]
    with pytest.raises(ValueError, match=told):
        call("encode", "--features", files / "x.npz", "--responses", files / "y.npz", *placed)


def test_from_cases_to_rates(tmp_path):
    claims = ["--claim", "existence", "--claim", "count", "--claim", "spatial"]
    made = call("cases", "--scenes", 4, "--level", 1, "--level", 10, *claims, "--out", tmp_path / "c.jsonl")
    assert "48 cases on 4 images" in made.stderr
    with serving(Responder("gives-in", 0.5)) as endpoint:
        options = ["--endpoint", endpoint, "--model", "m", "--out", tmp_path / "run.jsonl"]
        stopped = CliRunner().invoke(app, ["gaslight", str(tmp_path / "c.jsonl"), *map(str, options), "--budget", "10"])
        assert stopped.exit_code == 1
        record = json.loads(call("gaslight", tmp_path / "c.jsonl", *options, "--json").stdout)
        assert record["overall"]["cases"] == 24
        assert "requests" in call("gaslight", tmp_path / "c.jsonl", *options).stderr
    assert json.loads(call("score", tmp_path / "run.jsonl", "--json").stdout) == record
    assert "level 10" in call("score", tmp_path / "run.jsonl", "--out", tmp_path / "rates").stdout
    assert (tmp_path / "rates" / "rates.csv").exists()
    with pytest.raises(ChatError, match="gave no usable answer"):
        call("gaslight", tmp_path / "c.jsonl", *options, "--max-retries", 0)


def test_relate(tmp_path):
    random = np.random.default_rng(0)
    rate = np.linspace(0, 1, 12)
    frame = pd.DataFrame({"model": list("abcdefghijkl"), "V1": 1 - rate + 0.2 * random.normal(size=12), "rate": rate,
                          "words": random.normal(size=12), "family": list("aabbccddeeff")})  # fmt: skip
    frame.to_csv(tmp_path / "m.csv", index=False)
    options = ["--x", "V1", "--x", "words", "--y", "rate", "--family", "family", "--name", "model", "--resamples", 1000]
    result = call("relate", tmp_path / "m.csv", *options, "--out", tmp_path / "page.html", "--json")
    pair = json.loads(result.stdout)["pairs"][0]
    assert pair["r"] < -0.8
    assert (tmp_path / "page.html").exists()
    assert "V1 or words with rate" in call("relate", tmp_path / "m.csv", *options).stdout
    frame.astype({"rate": object}).assign(rate=lambda f: f.rate.where(f.model != "a", ">0.5")).to_csv(
        tmp_path / "bound.csv", index=False
    )
    with pytest.raises(ValueError, match=r">0\.5"):
        call("relate", tmp_path / "bound.csv", *options)
    with pytest.raises(ValueError, match="no column V4"):
        call("relate", tmp_path / "m.csv", "--x", "V4", "--y", "rate")


def test_relate_reads_units(tmp_path):
    """Per cent become shares; columns are found without their unit; thousands and billions are read."""
    rate = np.linspace(3.7, 99.5, 12)
    frame = pd.DataFrame({"V1": np.linspace(0.4, 0.3, 12) + 0.01 * np.sin(rate), "rate (%)": rate})
    frame["params"] = [f"{int(v):,}" for v in np.geomspace(25e6, 1e10, 12)]
    frame.to_csv(tmp_path / "m.csv", index=False)
    options = ["--x", "V1", "--y", "rate", "--covariate", "log10_params", "--resamples", 500, "--json"]
    result = call("relate", tmp_path / "m.csv", *options)
    assert "rate from rate (%), times 0.01" in result.stderr
    pair = json.loads(result.stdout)["pairs"][0]
    assert pair["y"] == "rate"
    assert pair["paper_d"] > 1  # both groups, so the rates were read as shares
    assert list(pair["partial"]) == ["log10_params"]
    frame.rename(columns={"rate (%)": "rate"}).to_csv(tmp_path / "bare.csv", index=False)
    bare = json.loads(call("relate", tmp_path / "bare.csv", *options).stdout)["pairs"][0]
    assert bare["paper_d"] is None  # 3.7 to 99.5 without a unit are no shares
    assert bare["r"] == pytest.approx(pair["r"])
    frame.assign(**{"rate (share)": 0.5}).to_csv(tmp_path / "two.csv", index=False)
    with pytest.raises(ValueError, match="more than one column rate"):
        call("relate", tmp_path / "two.csv", *options)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["cases", "--out", "c.jsonl"], "exactly one of --scenes"),
        (["cases", "--out", "c.txt", "--scenes", 3], "--out must end in .jsonl"),
        (["cases", "--out", "c.jsonl", "--scenes", 0], "--scenes must be a count"),
        (["cases", "--out", "c.jsonl", "--scenes", 2, "--claim", "mood"], "--claim must be of"),
        (["score"], "give a run of gaslight"),
        (["score", "--features", "x.npz"], "both --features and --responses"),
        (["serve-responder", "--policy", "rude"], "--policy must be one of"),
        (["serve-responder", "--port", 70000], "--port must lie"),
        (["serve-responder", "--rate", 2], "--rate"),
    ],
)
def test_wrong_options(arguments, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=told):
        call(*arguments)


def test_annotations_that_are_none(tmp_path):
    (tmp_path / "a.json").write_text("[1, 2]")
    with pytest.raises(ValueError, match="as COCO writes them"):
        call("cases", "--coco", tmp_path / "a.json", "--out", tmp_path / "c.jsonl")


def test_a_responder_is_served(monkeypatch):
    import symplast.brain_alignment.local_server as serving_module

    made = []
    original = serving_module.make_server

    def remember(responder, port=0, **options):
        server = original(responder, port, **options)
        if not options:
            made.append(server)
            threading.Timer(0.2, server.shutdown).start()
        return server

    monkeypatch.setattr(serving_module, "make_server", remember)
    assert "answers as responder:truthful" in call("serve-responder", "--policy", "truthful", "--port", 0).stderr
    with serving(Responder()) as endpoint, pytest.raises(OSError, match="name another with --port"):
        call("serve-responder", "--port", endpoint.rsplit(":")[-1].split("/")[0])
    assert len(made) == 1
