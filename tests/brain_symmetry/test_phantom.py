"""The phantom and what is measured on it: reference values, labels, dials, slices, curved midlines."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from symplast.brain_symmetry import (
    NeoPhantom,
    Plane,
    Volume,
    asymmetry_index,
    chord_shift,
    curved_midline,
    dice,
    hausdorff95,
    mutual_information,
    ncc,
    regions,
    rigid_motion,
    slices,
    symmetry,
)
from symplast.brain_symmetry.classifier import SIDES_PX
from symplast.brain_symmetry.phantom import PAIRS, part_mask
from symplast.brain_symmetry.volume import on_grid

UPRIGHT = Plane(np.array([1.0, 0.0, 0.0]), 0.0)
KEY = jax.random.key(0)


@pytest.mark.parametrize(("k", "expected"), [(1.1, 0.283998), (1.2, 0.533724), (1.3, 0.748827)])
def test_index_of_scaled_ellipsoids(k, expected):
    assert asymmetry_index(k**3, 1) == pytest.approx(expected, abs=1e-6)


def test_volume_of_the_ventricle():
    exact = 4 / 3 * np.pi * 5 * 16 * 7
    assert exact == pytest.approx(2345.7226, abs=1e-4)
    assert exact * 1.3**3 == pytest.approx(5153.5524, abs=1e-3)
    found = part_mask("left ventricle", (80, 120, 80), 0.5).sum() / 8
    assert found == pytest.approx(exact, rel=0.01)


def test_sides_of_the_insertions():
    assert SIDES_PX == (2, 6, 10, 14, 18, 23, 27, 31, 35, 40)


def test_symmetric_phantom_measures_as_symmetric():
    scan, truth = NeoPhantom().render((49, 53, 45), 2.5)
    assert np.array_equal(scan.data, scan.data[::-1])
    found = symmetry(scan, truth.plane, labels=truth.labels, pairs=PAIRS, spacing_mm=2.5)
    for name in ("ncc", "ssim", "ssim_gaussian", "dice"):
        assert found[name] == pytest.approx(1, abs=1e-5)
    assert found["hausdorff95_mm"] == found["mean_difference"] == found["ventricle_volume_ai"] == 0
    assert found["nmi"] == pytest.approx(2)


def test_left_is_left():
    scan, truth = NeoPhantom(ventricle_scale=(1.3, 1.0)).render((64, 64, 64), 2.0, rigid_motion([0, 0, 15], [4, 0, 0]))
    found = regions(scan, truth.labels, PAIRS)["ventricle"]
    assert found["left_mm3"] > found["right_mm3"]
    both = np.isin(truth.labels, PAIRS["ventricle"]).astype(int)
    split = regions(scan, both, {"v": 1}, truth.plane)["v"]
    assert split["left_mm3"] == pytest.approx(found["left_mm3"], rel=0.02)


def test_supersampling_bias_and_field_of_view():
    grid = ((40, 40, 40), 3.0)
    fine, _ = NeoPhantom().render(*grid, supersample=2)
    coarse, _ = NeoPhantom().render(*grid)
    assert len(np.unique(fine.data)) > len(np.unique(coarse.data))
    assert fine.data.mean() == pytest.approx(coarse.data.mean(), rel=0.02)
    biased, _ = NeoPhantom(bias=0.3).render(*grid)
    np.testing.assert_allclose(biased.data[0] * 1.3, biased.data[-1] * 0.7, rtol=1e-5, atol=1e-3)
    wave, _ = NeoPhantom(bias=0.3, bias_shape="sinusoidal").render(*grid)
    assert not np.allclose(wave.data, biased.data)
    cut, _ = NeoPhantom(field_of_view_mm=(200, 200, 40)).render(*grid)
    assert not cut.data[:, :, 0].any()
    warped, _ = NeoPhantom(asymmetry_mm=3).render(*grid, key=KEY)
    assert not np.array_equal(warped.data, warped.data[::-1])


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        ({"noise": -1}, "noise"),
        ({"bias": 2}, "bias"),
        ({"bias_shape": "x"}, "bias_shape"),
        ({"ventricle_scale": (0, 1)}, "scale"),
    ],
)
def test_wrong_dials(dials, message):
    with pytest.raises(ValueError, match=message):
        NeoPhantom(**dials)


def test_noise_needs_a_key_and_a_motion_is_rigid():
    with pytest.raises(ValueError, match="key must be given"):
        NeoPhantom(noise=1).render((20, 20, 20))
    with pytest.raises(ValueError, match="rigid"):
        NeoPhantom().render((20, 20, 20), 5.0, np.diag([2.0, 1, 1, 1]))


@pytest.mark.parametrize("bow", [0.0, 3.0])
def test_midline_shift(bow):
    down = rigid_motion([0, 0, 0], [0, 0, -5])
    scan, _ = NeoPhantom(noise=3, bow_mm=bow).render((200, 250, 17), (0.6, 0.5, 0.5), down, key=KEY, supersample=2)
    piece = slices(scan, at=[0.0], relative="world")[0]
    found = curved_midline(piece, UPRIGHT)
    exact = chord_shift(found.along_mm, bow * np.exp(-(found.points_mm[:, 1] ** 2 + 25) / 800))
    assert abs(found.shift_mm - exact) < (0.5 if bow else 0.3)
    assert found.visible
    if bow:
        assert found.deviation_mm.max() > 2  # to the right, where the content was moved
    with pytest.raises(ValueError, match="contrast must be T1 or T2"):
        curved_midline(slices(Volume(scan.data, scan.affine), at=[0.0], relative="world")[0], UPRIGHT)


@pytest.mark.parametrize("noise", [1.0, 6.0])
def test_a_midline_that_is_not_there_is_said(noise):
    scan, _ = NeoPhantom(noise=noise, bow_mm=3).render((100, 120, 40), (1.2, 1.2, 2.4), key=KEY)
    absent, present = slices(scan, at=[-15.0, 15.0], relative="world")
    assert not curved_midline(absent, UPRIGHT).visible
    assert curved_midline(present, UPRIGHT).visible


def test_parallel_grids_are_read_axis_by_axis():
    rng = np.random.default_rng(3)
    data = rng.random((17, 20, 18)).astype(np.float32)
    source, target = np.diag([1.5, -2.0, 1.0, 1.0]), np.diag([1.1, 0.7, 1.3, 1.0])
    source[:3, 3], target[:3, 3] = (3, 30, -4), (0.4, 1.0, -6.0)
    found = on_grid(data, source, target, (24, 50, 15))
    M = np.linalg.inv(source) @ target
    expected = ndimage.affine_transform(data, M[:3, :3], M[:3, 3], output_shape=(24, 50, 15), order=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (found == 0).any()
    assert found.dtype == np.float32


def test_slices_by_every_kind_of_position():
    scan, _ = NeoPhantom().render((64, 60, 56), (2, 2, 2.5))
    by_index = slices(scan, at=[28], relative="index")[0]
    assert by_index.position_mm == pytest.approx(scan.world([0, 0, 28])[2])
    middle = slices(scan, "coronal", at=[0.5], relative="extent")[0]
    assert abs(middle.position_mm) < 2
    assert middle.square().spacing == pytest.approx([2, 2])
    wide = middle.eight_bit()[0]
    assert wide.dtype == np.uint8
    assert slices(scan, at=[0.0], relative="world", resample_mm=2.0)[0].spacing == pytest.approx([2, 2])
    for options, message in (
        ({"plane": "oblique"}, "plane must be one of"),
        ({"at": [500.0]}, "inside the scan"),
        ({"relative": "nose"}, "relative must be"),
        ({"preset": "symbrain"}, "needs a grid of 290 x 290 x 203"),
        ({"at": [0.5], "relative": "index"}, "whole numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            slices(scan, **options)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_measures_are_symmetric_in_their_arguments(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, 12, 13))
    assert ncc(a, b) == pytest.approx(ncc(b, a))
    assert mutual_information(a, b)[0] == pytest.approx(mutual_information(b, a)[0])
    assert mutual_information(a, b)[0] >= -1e-12
    x, y = a > 0.5, b > 0.5
    assert dice(x, y) == dice(y, x)
    assert hausdorff95(x, y, (1, 1)) == hausdorff95(y, x, (1, 1))
    left, right = rng.random(2)
    assert asymmetry_index(left, right) == -asymmetry_index(right, left)


def test_undefined_measures_are_nan():
    assert np.isnan(asymmetry_index(0, 0))
    assert np.isnan(dice(np.zeros(3, bool), np.zeros(3, bool)))
    assert np.isnan(ncc(np.ones(3), np.arange(3)))


def test_missing_labels_are_listed():
    scan, truth = NeoPhantom().render((40, 40, 40), 3.0)
    with pytest.raises(ValueError, match="it lacks 92, 93"):
        regions(scan, truth.labels, {"ventricle": (92, 93)})
    with pytest.raises(ValueError, match="plane must be given"):
        regions(scan, truth.labels, {"cerebellum": 11})
