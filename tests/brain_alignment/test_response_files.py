"""A user's own files: matched by id or position, never cut off in silence."""

import pickle

import numpy as np
import pandas as pd
import pytest

from symplast.brain_alignment import load_algonauts, load_nsd, read_features, read_responses, read_rois
from symplast.brain_alignment.algonauts import read_mapping
from symplast.brain_alignment.response_files import match_rows, read_groups

X = np.arange(12.0).reshape(4, 3)
IDS = np.array(["a", "b", "c", "d"])


def test_rows_are_matched_by_id(tmp_path):
    np.savez(tmp_path / "x.npz", features=X, ids=IDS)
    np.savez(tmp_path / "y.npz", responses=X[::-1], ids=IDS[::-1], roi_v1=np.array([True, False, True]))
    x, y = read_features(tmp_path / "x.npz"), read_responses(tmp_path / "y.npz")
    a, b, how = match_rows(x, y)
    np.testing.assert_array_equal(a, b)
    assert how == "matched by ids"
    assert y.rois["v1"].sum() == 2
    np.savez(tmp_path / "z.npz", responses=X, ids=["a", "b", "c", "e"])
    with pytest.raises(ValueError, match=r"1 only in z.npz: e; 1 only in x.npz: d"):
        match_rows(x, read_responses(tmp_path / "z.npz"))
    np.savez(tmp_path / "twice.npz", responses=X, ids=["a", "b", "a", "e"])
    with pytest.raises(ValueError, match="more than once: a"):
        read_responses(tmp_path / "twice.npz")


def test_rows_are_matched_by_position(tmp_path):
    np.save(tmp_path / "x.npy", X)
    pd.DataFrame(X, columns=["u", "v", "w"]).to_csv(tmp_path / "y.csv", index=False, sep=";", decimal=",")
    x, y = read_features(tmp_path / "x.npy"), read_responses(tmp_path / "y.csv")
    np.testing.assert_array_equal(match_rows(x, y)[1], X)
    np.save(tmp_path / "short.npy", X[:3])
    with pytest.raises(ValueError, match=r"\(4, 3\) and \(3, 3\)"):
        match_rows(x, read_responses(tmp_path / "short.npy"))


def test_a_table_with_ids(tmp_path):
    pd.DataFrame({"nsd_id": [3, 1], "f1 (mV)": [1.5, 2.5], "f2": [0, 1]}).to_parquet(tmp_path / "x.parquet")
    found = read_features(tmp_path / "x.parquet")
    assert found.ids.tolist() == ["3", "1"]
    assert found.values.tolist() == [[1.5, 0], [2.5, 1]]


def test_regions_and_groups(tmp_path):
    pd.DataFrame({"voxel": [0, 2, 1], "roi": ["V1", "V1", "V2"]}).to_csv(tmp_path / "r.csv", index=False)
    assert {name: own.tolist() for name, own in read_rois(tmp_path / "r.csv", 3).items()} == {"V1": [0, 2], "V2": [1]}
    with pytest.raises(ValueError, match="0 to 1"):
        read_rois(tmp_path / "r.csv", 2)
    np.savez(tmp_path / "r.npz", roi_V1=np.array([True, False]))
    assert list(read_rois(tmp_path / "r.npz", 2)) == ["V1"]
    pd.DataFrame({"image": ["b", "a"], "group": ["x", "y"]}).to_csv(tmp_path / "g.csv", index=False)
    assert read_groups(tmp_path / "g.csv", np.array(["a", "b"]), 2).tolist() == ["y", "x"]
    with pytest.raises(ValueError, match="missing: c"):
        read_groups(tmp_path / "g.csv", np.array(["a", "c"]), 2)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.npy", b"nothing", "without pickled objects"),
        ("x.npz", b"nothing", "features"),
        ("x.txt", b"", "empty"),
        ("x.png", b"nothing", r"\.npy"),
    ],
)
def test_other_files(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=told):
        read_features(tmp_path / name)


@pytest.fixture
def algonauts(tmp_path):
    place = tmp_path / "subj03"
    (place / "training_split" / "training_fmri").mkdir(parents=True)
    (place / "training_split" / "training_images").mkdir()
    (place / "roi_masks").mkdir()
    np.save(place / "training_split" / "training_fmri" / "lh_training_fmri.npy", np.zeros((2, 6), np.float32))
    for name in ("train-0001_nsd-00013.png", "train-0002_nsd-00027.png"):
        (place / "training_split" / "training_images" / name).touch()
    np.save(place / "roi_masks" / "lh.prf-visualrois_challenge_space.npy", np.array([0, 1, 2, 7, 7, 0]))
    mapping = {0: "Unknown", 1: "V1v", 2: "V1d", 7: "hV4"}
    np.save(place / "roi_masks" / "mapping_prf-visualrois.npy", mapping, allow_pickle=True)
    return tmp_path


def test_the_layout_of_the_challenge(algonauts):
    found = load_algonauts(algonauts, 3, "lh")
    assert found.ids.tolist() == [13, 27]
    assert {name: own.tolist() for name, own in found.rois.items()} == {"V1v": [1], "V1d": [2], "hV4": [3, 4]}
    assert load_algonauts(algonauts, 3, "lh", ["V1v+V1d"]).rois["V1v+V1d"].tolist() == [1, 2]
    paper = load_algonauts(algonauts, 3, "lh", preset="paper").rois
    assert paper["prf-visualrois"].tolist() == [1, 2, 3, 4]  # hV4 is in the paper's "V1-V3"
    with pytest.raises(ValueError, match="got 'V4'"):
        load_algonauts(algonauts, 3, "lh", ["V4"])
    with pytest.raises(FileNotFoundError, match="rh_training_fmri"):
        load_algonauts(algonauts, 3, "rh")
    with pytest.raises(ValueError, match="1 to 8"):
        load_algonauts(algonauts, 9, "lh")


class Trap:
    def __reduce__(self):
        return (print, ("code of a pickle ran",))


def test_a_mapping_runs_no_code(tmp_path, capsys):
    np.save(tmp_path / "m.npy", np.array({1: Trap()}, dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="no part of a mapping"):
        read_mapping(tmp_path / "m.npy")
    (tmp_path / "raw.npy").write_bytes(pickle.dumps({1: "V1"}))
    with pytest.raises(ValueError, match="must hold a mapping"):
        read_mapping(tmp_path / "raw.npy")
    assert capsys.readouterr().out == ""


def test_single_trials(tmp_path):
    import h5py
    from scipy.io import savemat

    order = np.tile(np.arange(1, 251), 3)
    savemat(
        tmp_path / "nsd_expdesign.mat", {"masterordering": order[None], "subjectim": np.arange(1, 2001).reshape(8, 250)}
    )
    with h5py.File(tmp_path / "betas_session01.hdf5", "w") as file:
        file["betas"] = (300 * order[:, None, None] * np.ones((1, 2, 2))).astype(np.int32)
    trials, found = load_nsd(tmp_path, 2, [1], voxels=[0, 3])
    assert trials.shape == (250, 3, 2)
    assert found[0] == 251
    assert trials[4].tolist() == [[5.0, 5.0]] * 3
    with pytest.raises(ValueError, match="1 to 1, got 2"):
        load_nsd(tmp_path, 2, [2])
