"""Brain scores: known truth, no leaks, and wrong input."""

import json
import warnings

import jax
import numpy as np
import pandas as pd
import pytest

from symplast.brain_alignment import BrainEncoder, Given, KFold, PenaltyAtEnd, Split, brain_scores
from symplast.brain_alignment.ridge import fit_and_predict, fold_r2

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(240, 12))
W = RANDOM.normal(size=(12, 24))
Y = X @ W + 2 * RANDOM.normal(size=(240, 24))
ROIS = {"a": range(12), "b": np.arange(24) >= 12}


@pytest.fixture(scope="module")
def found():
    return BrainEncoder().fit_score(X, Y, ROIS, ceiling=np.full(24, 0.9))


def test_scores_and_regions(found):
    assert found.kind == "with ceiling"
    a, b = found.roi_table
    assert (a.n_voxels, a.n_dropped, a.n_normalised) == (12, 0, 12)
    assert a.low < a.score < a.high
    assert a.normalised == pytest.approx(a.score / 0.9)
    assert found.overall == pytest.approx((a.score + b.score) / 2)
    assert found.n_images == (240, 48)
    assert brain_scores([found, found])["a"] == pytest.approx(a.score)


def test_saves_everything(found, tmp_path):
    found.save(tmp_path / "out")
    voxels = pd.read_parquet(tmp_path / "out" / "voxels.parquet")
    np.testing.assert_allclose(voxels.r, found.voxel_r)
    assert json.loads((tmp_path / "out" / "result.json").read_text())["rois"][0]["n_voxels"] == 12
    assert pd.read_csv(tmp_path / "out" / "rois.csv").roi.tolist() == ["a", "b"]
    assert (tmp_path / "out" / "rois.svg").read_bytes().startswith(b"<?xml")


def test_test_images_do_not_leak():
    """Responses of test images change no prediction: with them replaced by noise the scores are those of noise."""
    noise = Y.copy()
    out = next(Split().parts(np.arange(240)))
    noise[out] = RANDOM.normal(size=(48, 24))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        r = BrainEncoder().fit_score(X, noise, test=Given(out)).voxel_r
    assert abs(r.mean()) < 0.15


def test_features_of_test_images_do_not_change_the_scaling():
    moved = X.copy()
    out = next(Split().parts(np.arange(240)))
    moved[out] *= 3  # a scale learnt from all rows would differ
    scaled = BrainEncoder()._prepared(moved, np.flatnonzero(~out))
    np.testing.assert_allclose(scaled[~out], BrainEncoder()._prepared(X, np.flatnonzero(~out))[~out])


def test_groups_are_never_on_both_sides():
    labels = np.repeat(np.arange(60), 4)
    for test in (Split(), KFold(4, repeats=2)):
        for out in test.parts(labels):
            assert not set(labels[out]) & set(labels[~out])
    found = BrainEncoder().fit_score(X, Y, test=KFold(3), groups=labels)
    assert 0.5 < found.overall < 1
    with pytest.raises(ValueError, match="groups whole, 1 of them"):
        BrainEncoder().fit_score(X, Y, test=Given(np.arange(240) < 42), groups=labels)


def test_what_can_not_be_scored_is_counted():
    y = Y.copy()
    y[:, 3] = 1.0
    found = BrainEncoder().fit_score(
        X, y, {"a": range(12), "tiny": range(3)}, ceiling=np.r_[np.full(12, 0.1), np.ones(12)]
    )
    a, tiny = found.roi_table
    assert (a.n_voxels, a.n_dropped, a.n_normalised, a.normalised) == (11, 1, 0, None)
    assert "fewer than 10" in tiny.skipped
    assert np.isnan(found.voxel_r[3])


def test_not_finite(found):
    x, y = X.copy(), Y.copy()
    x[5, 2], y[7, 3] = np.nan, np.inf
    with pytest.raises(ValueError, match="in 1 images and 1 features and in the responses of 1 images and 1 voxels"):
        BrainEncoder().fit_score(x, y)
    dropped = BrainEncoder(nan="drop").fit_score(x, y)
    assert dropped.n_images[0] == 239
    assert np.flatnonzero(np.isnan(dropped.voxel_r)).tolist() == [3]
    assert dropped.notes[:2] == (
        "1 images left out: a feature is not finite",
        "1 voxels left out: a response is not finite",
    )
    y[9] = np.nan  # an image without any response costs an image, not all voxels
    again = BrainEncoder(nan="drop").fit_score(x, y)
    assert again.n_images[0] == 238
    assert np.flatnonzero(np.isnan(again.voxel_r)).tolist() == [3]


def test_memory_maps_and_integers(tmp_path):
    np.save(tmp_path / "y.npy", (1000 * Y).astype(np.int32))
    r = BrainEncoder().fit_score(X.astype(np.float32), np.load(tmp_path / "y.npy", mmap_mode="r")).voxel_r
    np.testing.assert_allclose(r, BrainEncoder().fit_score(X, Y).voxel_r, atol=2e-3)


def test_shared_penalty_and_ends_of_the_grid():
    with pytest.warns(PenaltyAtEnd, match="end of the grid"):
        found = BrainEncoder(alphas=(1e6, 1e7), alpha="shared").fit_score(X, Y)
    assert np.unique(found.alpha).size == 1
    assert found.at_end.all()
    assert BrainEncoder(pca=4).fit_score(X, Y).overall < BrainEncoder().fit_score(X, Y).overall


def test_both_precisions_agree(found):
    with jax.enable_x64(True):
        wide = BrainEncoder().fit_score(X, Y)
    np.testing.assert_allclose(wide.voxel_r, found.voxel_r, atol=1e-4)


def test_other_penalties_and_voxels_share_programs(found):
    before = fold_r2._cache_size(), fit_and_predict._cache_size()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        BrainEncoder(alphas=(3.0, 5.0, 7.0, 20.0, 30.0, 40.0)).fit_score(2 * X, Y - 1, test=Split(seed=3))
    assert (fold_r2._cache_size(), fit_and_predict._cache_size()) == before


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: BrainEncoder().fit_score(X[:5], Y), r"\(5, 12\) and \(240, 24\)"),
        (lambda: BrainEncoder().fit_score(X[0], Y), "one image a row"),
        (lambda: BrainEncoder().fit_score(X, Y, {}), "at least one region"),
        (lambda: BrainEncoder().fit_score(X, Y, {"a": [24]}), "0 to 23"),
        (lambda: BrainEncoder().fit_score(X, Y, {"a": [1, 1]}), "duplicates"),
        (lambda: BrainEncoder().fit_score(X, Y, {"a": np.ones(3, bool)}), r"shape \(24,\)"),
        (lambda: BrainEncoder().fit_score(X, Y, ceiling=np.ones(3)), "one number a voxel"),
        (lambda: BrainEncoder().fit_score(X, Y, ceiling=np.full(24, 1.5)), r"in \[0, 1\]"),
        (lambda: BrainEncoder().fit_score(X, Y, groups=[1, 2]), "one label an image"),
        (lambda: BrainEncoder().fit_score(X, Y, test=Split(share=1.0)), "strictly between"),
        (lambda: BrainEncoder(alphas=[0.0]), "positive penalties"),
        (lambda: BrainEncoder(alpha="best"), "per_target"),
        (lambda: BrainEncoder(pca=500).fit_score(X, Y), "pca must be at most"),
    ],
)
def test_wrong_input(call, told):
    with pytest.raises(ValueError, match=told):
        call()
