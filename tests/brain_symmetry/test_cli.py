"""``symplast brain-symmetry``: good, odd and wrong input."""

import json

import numpy as np
import pandas as pd
import pytest
from commanding import caller
from typer.testing import CliRunner

from symplast.brain_symmetry import rigid_motion, save
from symplast.brain_symmetry.reports import SliceChoice, parse_pairs
from symplast.brain_symmetry.volume_files import write_nifti
from symplast.cli.brain_symmetry import app

from .scans import coarse

pytest.importorskip("nibabel")
pytestmark = pytest.mark.usefixtures("optimised")
call = caller(app)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("scans")
    for i in range(5):
        scan, truth = coarse(rigid_motion([0, i - 2, 2 * i], [1, i, 0]), noise=3, ventricle_scale=(1.2, 1.0))
        save(scan, place / f"sub-{i}_T2w.nii.gz")
        write_nifti(truth.labels, scan.affine, place / f"sub-{i}_T2w_seg.nii.gz")
    (place / "bad.nii.gz").write_bytes(b"rubbish")
    np.save(place / "slice.npy", coarse(rigid_motion([0, 0, 10], [0, 0, 0]))[0].data[:, :, 24])
    return place


def test_midline(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = str(folder / "sub-0_T2w.nii.gz")
    seg = str(folder / "sub-0_T2w_seg.nii.gz")
    record = json.loads(
        call("midline", one, "--labels", seg, "--pairs", "ventricle=6:7", "--out", "o", "--json").stdout
    )
    found = record["scans"][0]
    assert found["measures"]["ventricle_volume_ai"] > 0.2
    assert len(found["midlines"]) == 3
    assert np.allclose(np.array(found["reflection"]) @ found["reflection"], np.eye(4))
    names = {path.name for path in (tmp_path / "o").iterdir()}
    kinds = ("midplane.json", "alignment.tfm", "reflection.tfm", "midline.svg", "midline.png")
    assert names == {"symmetry.csv", *(f"sub-0_T2w_{kind}" for kind in kinds)}
    assert "Not a diagnostic device" in (tmp_path / "o/sub-0_T2w_midline.svg").read_text()
    assert pd.read_csv("o/symmetry.csv").scan.tolist() == ["sub-0_T2w"]
    result = CliRunner().invoke(app, ["midline", one, str(folder / "bad.nii.gz")])
    assert result.exit_code == 1  # the bad one is listed, the other goes on
    assert "sub-0_T2w: n = " in result.output
    text = CliRunner().invoke(app, ["midline", str(folder / "slice.npy"), "--pixel-mm", "3.2", "--json"]).stdout
    assert json.loads(text)["scans"][0]["similarity"] > 0.5


def test_align_and_halves(folder, tmp_path, monkeypatch):
    import nibabel

    monkeypatch.chdir(tmp_path)
    call("align", folder / "sub-2_T2w.nii.gz", "--out", "a.nii.gz", "--split", "l.nii.gz", "r.nii.gz")
    left, right = (np.asarray(nibabel.load(name).dataobj) for name in ("l.nii.gz", "r.nii.gz"))
    whole = np.asarray(nibabel.load("a.nii.gz").dataobj)
    assert left.shape == right.shape == whole.shape
    assert np.array_equal(left, left[::-1])
    middle = len(whole) // 2
    assert np.array_equal(left[: middle + 1], whole[: middle + 1])
    assert np.array_equal(right[middle:], whole[middle:])


def test_measure_and_group(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = call("measure", folder / "sub-1_T2w.nii.gz", "--out", "o").stdout
    assert "uncalibrated" in text
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"measures.csv", "sub-1_T2w_asymmetry.nii.gz"}
    scans = [str(folder / f"sub-{i}_T2w.nii.gz") for i in range(5)]
    options = ("--labels", "{folder}/{scan}_seg.nii.gz", "--pairs", "ventricle=6:7", "--out", "g", "--json")
    record = json.loads(call("group", *scans, *options).stdout)
    assert record["exact"]
    assert record["permutations"] == 16
    assert record["regions"]["ventricle"]["mean"] == pytest.approx(0.53, abs=0.12)
    assert {path.name for path in (tmp_path / "g").iterdir()} == {
        "t_right_half.nii.gz",
        "p_right_half.nii.gz",
        "regions.csv",
    }


def test_dataset_card_and_phantom(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "who.csv").write_text("subject;age_weeks\n0;39,5\n1;41\n")
    result = CliRunner().invoke(
        app, ["dataset", str(folder / "sub-[01]_T2w.nii.gz"), str(folder / "bad.nii.gz"), "--out", "set", "--formats",
              "coco,symbrain", "--participants", "who.csv"],
    )  # fmt: skip
    assert result.exit_code == 1
    assert "6 images of 2 scans of 2 subjects" in result.stdout
    call("card", "set", "--licence", "CC0")
    assert "CC0" in (tmp_path / "set/card.md").read_text()
    record = json.loads(
        call(
            "phantom",
            "--out",
            "p.nii",
            "--shape",
            "32,32,32",
            "--spacing-mm",
            "4",
            "--turn",
            "0,0,9",
            "--supersample",
            1,
            "--json",
        ).stdout
    )
    assert record["normal"][1] == pytest.approx(np.sin(np.radians(9)))
    assert (tmp_path / "p_labels.nii").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("midline", "no.nii"), "no file no.nii"),
        (("midline", "bad.nii.gz"), "can't be read as a scan"),
        (("midline", "slice.npy"), "give --pixel-mm"),
        (("midline", "sub-0_T2w.nii.gz", "--slices", "oblique:1"), "slices must read"),
        (("midline", "sub-0_T2w.nii.gz", "--slices", "axial:500"), "slices must lie inside the scan"),
        (("midline", "sub-0_T2w.nii.gz", "--contrast", "T3"), "--contrast must be T1 or T2"),
        (("midline", "sub-0_T2w.nii.gz", "--labels", "sub-0_T2w_seg.nii.gz"), "--labels and --pairs go together"),
        (("midline", "sub-0_T2w.nii.gz", "--seed", -1), "--seed must be at least 0"),
        (("midline", "sub-0_T2w.nii.gz", "--out", "o", "--next-to-scans"), "exclude each other"),
        (("align", "sub-0_T2w.nii.gz", "--out", "a.png"), "must end in .nii"),
        (("measure", "sub-0_T2w.nii.gz", "--reference", "."), "at least 20 reference scans"),
        (("measure", "sub-0_T2w.nii.gz", "--reference", "no"), "no folder no for --reference"),
        (("group", "sub-0_T2w.nii.gz", "--permutations", 1), "--permutations must be at least 20"),
        (("dataset", "no*.nii", "--out", "s"), "SCANS must hold a scan that can be used"),
        (("dataset", "sub-0_T2w.nii.gz", "--out", "s", "--formats", "voc"), "formats must be of"),
        (("dataset", "sub-0_T2w.nii.gz", "--out", "s", "--split", "1,1"), "--split must be three numbers"),
        (("card", "no"), "no folder no"),
        (("phantom", "--out", "p.nii", "--shape", "3,3"), "--shape must be three numbers"),
        (("phantom", "--out", "p.png"), "--out must end in .nii"),
        (("phantom", "--out", "p.nii", "--bias", 3), "bias must lie in"),
    ],
)
def test_wrong_input(folder, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        call(*arguments)


def test_texts_of_options():
    assert SliceChoice.of("coronal:-5,5mm") == SliceChoice("coronal", (-5.0, 5.0), "centroid")
    assert parse_pairs("4:43") == {"4-43": (4, 43)}
    for text in ("a", "1:2:3", "v=1:2,v=3:4"):
        with pytest.raises(ValueError, match="pairs must"):
            parse_pairs(text)
