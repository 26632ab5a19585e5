"""The plane: known poses, orders of storage, one compilation a level, both precisions."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from symplast import datasets
from symplast.brain_symmetry import (
    NeoPhantom,
    Plane,
    Volume,
    find_midline,
    find_midplane,
    line_in,
    rigid_motion,
    slices,
)
from symplast.brain_symmetry.head_mask import otsu
from symplast.brain_symmetry.measuring import stored_as
from symplast.brain_symmetry.mirroring import refined, similarities, solved
from symplast.brain_symmetry.template import halved, mni152, turned

from .scans import POSE, small

pytestmark = pytest.mark.usefixtures("optimised")
needs_template = pytest.mark.skipif(not datasets.available("mni152"), reason="needs nilearn and nibabel")


def test_phantom_in_a_known_pose_and_its_compilations():
    scan, truth = small(noise=3, bias=0.2)
    found = find_midplane(scan)
    error = truth.plane.error(found.plane, found.centroid)
    assert error.angle_deg < 1
    assert abs(error.offset_mm) < 0.7
    assert found.flags == ()
    assert 0.5 < found.confidence <= 1
    before = refined._cache_size(), similarities._cache_size()
    other, truth = small(rigid_motion([-4, 7, -12], [-2, 1, 4]), (50, 60, 70), 2.7)
    again = find_midplane(other)
    assert truth.plane.error(again.plane, again.centroid).angle_deg < 1.2
    assert (refined._cache_size(), similarities._cache_size()) == before  # another grid, the same programs
    assert find_midplane(scan).plane.d == found.plane.d  # the same seed gives the same plane


def test_orders_of_storage_give_the_same_plane():
    scan, truth = small(ventricle_scale=(1.3, 1.0))
    base = find_midplane(scan, fine=False).plane
    for axes in ("LAS", "PIL", "LPS"):
        stored, _, _ = stored_as(scan, truth.labels, axes)
        assert stored.axes == axes
        error = base.error(find_midplane(stored, fine=False).plane)
        assert error.angle_deg < 0.01
        assert abs(error.offset_mm) < 0.01
    np.testing.assert_array_equal(stored.canonical().data, scan.data)


@needs_template
def test_template_is_symmetric_and_its_plane_is_found():
    whole = mni152(2)
    assert whole.shape == (99, 117, 95)
    assert np.array_equal(whole.data, whole.data[::-1])
    assert whole.index([0, 0, 0])[0] == 49
    found = find_midplane(whole, fine=False)  # no half-voxel shift anywhere in the pyramid
    assert abs(found.plane.d) < 0.01
    assert found.plane.tilt_deg < 0.01
    scan, plane = turned(whole, POSE, pad=4)
    error = plane.error(find_midplane(scan).plane)
    assert error.angle_deg < 0.05
    assert abs(error.offset_mm) < 0.05


@needs_template
def test_template_equals_the_published_reduction():
    path = os.path.join(os.environ.get("SYMPLAST_DATA", ""), "brain-symmetry", "mni152_t1_sym_2mm.nii.gz")
    if not os.path.isfile(path):
        pytest.skip("the reduced file is not here")
    import nibabel

    held = datasets.load("mni152")["t1"]
    assert np.array_equal(halved(held), np.asarray(nibabel.load(path).dataobj))
    assert held.shape == (197, 233, 189)
    assert np.array_equal(held, held[::-1])


def test_animals_are_scaled_and_cut_heads_are_flagged():
    scan, truth = small()
    tiny = Volume(scan.data, np.diag([0.2, 0.2, 0.2, 1]) @ scan.affine)
    found = find_midplane(tiny, fine=False)
    assert any("scaled" in note for note in found.notes)
    assert truth.plane.error(found.plane).angle_deg < 2
    cut = Volume(scan.data[:, :, :34], scan.affine)
    assert any("field of view" in flag for flag in find_midplane(cut, fine=False).flags)


def test_noise_has_no_plane_to_trust():
    rng = np.random.default_rng(0)
    found = find_midplane(Volume(rng.random((48, 48, 48)), np.diag([3.0, 3, 3, 1])), fine=False)
    assert any("low confidence" in flag for flag in found.flags)


def test_lone_slice_and_its_left():
    scan, truth = NeoPhantom().render((129, 129, 40), (1, 1, 2), rigid_motion([0, 0, 12], [4, -3, 0]))
    piece = slices(scan, at=[0.0], relative="world")[0]
    assert piece.plane == "axial"
    exact, found = line_in(truth.plane, piece), find_midline(piece.image, 1.0, left_is="top")
    assert exact.angle_to(found) < 0.5
    assert exact.distances(found, 1.0).max() < 0.5
    assert found.left == "left"  # the line runs from back (x = 0) to front, and rows run to the right
    with pytest.raises(ValueError, match="left_is must be one of"):
        find_midline(piece.image, 1.0, left_is="up")
    with pytest.raises(ValueError, match="pixel_mm"):
        find_midline(piece.image, 0)


def test_small_parts():
    assert 2 < otsu(np.array([0.0, 1, 2, 8, 9, 10])) < 8
    for D in (2, 3):
        A = np.random.default_rng(D).random((D, D))
        H, g = A @ A.T + np.eye(D), np.arange(1.0, D + 1)
        np.testing.assert_allclose(solved(jax.numpy.asarray(H), jax.numpy.asarray(g)), np.linalg.solve(H, g), rtol=1e-4)
    assert Plane.through([1, 2, 3], [2, 0, 0]).d == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trim": 0.5}, "trim"),
        ({"mask": np.zeros((64, 64, 64))}, "other than 0"),
        ({"mask": np.ones((2, 2, 2))}, "shape"),
    ],
)
def test_wrong_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        find_midplane(small()[0], **change)


@pytest.mark.slow
def test_float64():
    code = (
        "from tests.brain_symmetry.scans import small\n"
        "from symplast.brain_symmetry import find_midplane\n"
        "scan, truth = small(noise=3)\n"
        "found = find_midplane(scan)\n"
        "assert truth.plane.error(found.plane, found.centroid).angle_deg < 1\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"JAX_ENABLE_X64": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
