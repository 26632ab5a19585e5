"""Commands with good, odd and wrong input."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from commanding import caller
from PIL import Image

from symplast.cli.visual_search import app

command = caller(app)


def call(*arguments):
    result = command(*arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    from symplast.visual_search import array_trials

    folder = tmp_path_factory.mktemp("scene")
    displays = array_trials("lighting", "top_down", 6, n=1, px_per_deg=15)
    Image.fromarray(displays.image[0]).save(folder / "scene.png")
    Image.fromarray(displays.target[0]).save(folder / "target.png")
    np.save(folder / "regions.npy", displays.regions)
    return folder, int(displays.target_region[0])


def test_find(made, tmp_path):
    folder, region = made
    given = (
        "find",
        "--image",
        folder / "scene.png",
        "--target",
        folder / "target.png",
        "--backbone",
        "lit",
        "--background",
        27,
    )
    code, out, _ = call(*given, "--regions", folder / "regions.npy", "--target-region", region, "--json",
                        "--maps", tmp_path / "maps.npz", "--picture", tmp_path / "p.svg",
                        "--table", tmp_path / "t.csv")  # fmt: skip
    found = json.loads(out)
    assert code == 0
    assert found["found"]
    assert "lit world only" in found["backbone"]
    with np.load(tmp_path / "maps.npz") as maps:
        assert maps["attention"].shape[0] == found["n_saccades"]
    assert (tmp_path / "p.svg").read_text().startswith("<?xml")
    assert list(pd.read_csv(tmp_path / "t.csv").columns) == ["fixation", "row", "col", "region", "found"]
    code, out, _ = call(*given, "--target-box", "0,0,60,60", "--max-saccades", 3)
    assert code == 0
    assert "fixation 0: row 49, column 49" in out


def test_find_with_a_users_own_weights(made, tmp_path, monkeypatch):
    from symplast.visual_search import Backbone, SearchModel, backbone, weights
    from symplast.visual_search.images import read_image

    narrow = ((2, 1), (2, 1), (3, 1), (3, 1), (3, 1))
    monkeypatch.setattr(backbone, "VGG16", narrow)
    monkeypatch.setattr(weights, "VGG16", narrow)
    draw, named, before = np.random.default_rng(0), {}, 3
    for b, (width, _) in enumerate(narrow, 1):
        named[f"block{b}_conv1_kernel"] = draw.normal(size=(3, 3, before, width)).astype(np.float32)
        named[f"block{b}_conv1_bias"] = draw.normal(size=width).astype(np.float32)
        before = width
    np.savez(tmp_path / "w.npz", **named)
    folder, region = made
    pictures = ("--image", folder / "scene.png", "--target", folder / "target.png")
    code, out, _ = call("find", *pictures, "--regions", folder / "regions.npy", "--target-region", region, "--json",
                        "--weights", tmp_path / "w.npz", "--source", "keras", "--background", 27,
                        "--maps", tmp_path / "maps.npz", "--max-saccades", 1)  # fmt: skip
    assert code == 0
    assert json.loads(out)["backbone"] == "VGG16 (keras)"
    model = SearchModel(Backbone.vgg16(tmp_path / "w.npz", "keras"), background=27)
    expected = model.attention(*(read_image(folder / name) for name in ("scene.png", "target.png")))
    with np.load(tmp_path / "maps.npz") as maps:
        found = maps["attention"][0]
    assert expected.max() > 0
    np.testing.assert_allclose(found, expected, atol=1e-4 * expected.max())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--image": "none.png"}, "no image"),
        ({"--image": "bad.png"}, "can't be read as an image"),
        ({"--backbone": "vgg"}, "--backbone must be lit"),
        ({"--backbone": None}, "give --weights with --source, or --backbone lit"),
        ({"--backbone": None, "--weights": "w.npz"}, "--source must say"),
        ({"--target-region": None}, "--target-region must go with --regions"),
        ({"--target-region": 99}, "--target-region must be a label"),
        ({"--background": 999}, "--background must lie"),
        ({"--picture": "p.gif"}, "--picture must end in"),
        ({"--regions": None, "--target-box": "1,2,3"}, "--target-box must be top,left,bottom,right"),
        ({"--match": "other"}, "--match must be dot or cosine"),
        ({"--px-per-deg": 2}, "--px-per-deg must be at least 4"),
    ],
)
def test_find_with_wrong_input(made, change, message):
    folder, region = made
    (folder / "bad.png").write_text("no picture")
    given = {"--image": "scene.png", "--target": "target.png", "--regions": "regions.npy", "--target-region": region,
             "--backbone": "lit"} | change  # fmt: skip
    arguments = []
    for option, value in given.items():
        if value is not None:
            path = option in ("--image", "--target", "--regions", "--weights")
            arguments += [option, folder / value if path else value]
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(message)):
        call("find", *arguments)


def test_stimuli_and_batch(tmp_path):
    code, _, _ = call(
        "stimuli",
        "lighting",
        "--set-size",
        1,
        "--set-size",
        6,
        "--n",
        1,
        "--px-per-deg",
        15,
        "--out",
        tmp_path / "made",
    )
    assert code == 0
    trials = tmp_path / "made" / "trials.csv"
    assert len(pd.read_csv(trials)) == 4
    code, out, _ = call("batch", trials, "--out", tmp_path / "run", "--backbone", "lit", "--background", 27, "--json")
    found = json.loads(out)
    assert code == 0
    assert set(found["slopes_ms_per_item"]) == {"left_right", "top_down"}
    assert len(pd.read_csv(tmp_path / "run" / "trials.csv")) == 4
    code, out, _err = call(
        "asymmetry", tmp_path / "run" / "trials.csv", "--harder", "left_right", "--easier", "top_down", "--json"
    )
    assert code == 0
    assert -1 <= json.loads(out)["ai"] <= 1
    for wrong, message in (
        (("batch", trials, "--out", tmp_path / "made", "--backbone", "lit"), "--out must be another folder"),
        (("stimuli", "colour", "--out", tmp_path), "EXPERIMENT must be one of"),
        (("stimuli", "lighting", "--set-size", 40, "--out", tmp_path), "--set-size must be at most 16"),
    ):
        with pytest.raises(ValueError, match=message):
            call(*wrong)


def test_asymmetry(tmp_path):
    rows = [f"{c},{n},{500 + s * n + 10 * k}" for c, s in (("H", 20), ("L", 5)) for n in (1, 6, 12) for k in range(4)]
    path = tmp_path / "rt.csv"
    path.write_text("condition,set_size,rt_ms\n" + "\n".join(rows))
    code, out, _ = call("asymmetry", path, "--harder", "H", "--easier", "L", "--picture", tmp_path / "s.png")
    assert code == 0
    assert "asymmetry index: 0.600" in out
    assert (tmp_path / "s.png").stat().st_size > 1000
    with pytest.raises(ValueError, match="--harder must be a condition of the table"):
        call("asymmetry", path, "--harder", "X", "--easier", "L")


def test_scanpaths(tmp_path):
    path = tmp_path / "fix.csv"
    path.write_text("trial,fixation,row,col,found\n" + "\n".join(f"a,{k},{10 * k},0,{int(k == 3)}" for k in range(4)))
    code, out, _ = call("scanpaths", path, path, "--screen", "100x100", "--json", "--picture", tmp_path / "p.svg")
    found = json.loads(out)
    assert code == 0
    assert found["sources"]["fix"]["median"] == 10
    assert found["similarity"]["mean"] == 1
    for wrong, message in (
        ((path, path), "--screen must be given"),
        ((path, "--screen", "big"), "--screen must be height x width"),
        ((path, "--px-per-deg", 0), "--px-per-deg must be above 0"),
    ):
        with pytest.raises(ValueError, match=message):
            call("scanpaths", *wrong)
    assert "median saccade 10.00 px" in call("scanpaths", path)[1]
