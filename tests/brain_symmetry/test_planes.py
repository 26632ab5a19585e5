"""Planes: the spec's reference values, identities, and errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symplast.brain_symmetry import Line, Plane, Slice, itk_transform, line_in, rigid_motion
from symplast.brain_symmetry.planes import angle_deg

number = st.floats(-10, 10, allow_subnormal=False)
planes = st.builds(
    lambda n, d: Plane(np.array(n), d),
    st.tuples(number, number, number).filter(lambda n: np.linalg.norm(n) > 0.1),
    number,
)


def test_reflection_of_a_point():
    plane = Plane(np.array([3.0, 0.0, 4.0]) / 5, 2.0)
    assert plane.distance(np.array([1.0, 2.0, 3.0])) == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(plane.mirror(np.array([1.0, 2.0, 3.0])), [-0.2, 2.0, 1.4], atol=1e-12)


@given(planes)
def test_reflection_is_an_involution(plane):
    M = plane.reflection
    np.testing.assert_allclose(M @ M, np.eye(4), atol=1e-12 * max(1, abs(plane.d)))
    assert np.linalg.det(M) == pytest.approx(-1)
    assert plane.n[0] >= 0


@given(planes)
def test_alignment_brings_the_plane_to_zero(plane):
    rigid = plane.alignment()
    moved = plane.moved(rigid)
    np.testing.assert_allclose(moved.n, [1, 0, 0], atol=1e-9)
    assert moved.d == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(rigid[:3, :3] @ rigid[:3, :3].T, np.eye(3), atol=1e-12)


def test_line_of_a_tilted_plane():
    plane = Plane(np.array([0.96, 0.28, 0.0]), 1.5)
    assert plane.yaw_deg == pytest.approx(16.2602, abs=1e-4)
    mask = np.ones((101, 101), bool)
    affine = np.array([[0.0, 1, -50], [1.0, 0, -50], [0, 0, 0]])  # columns run to the front, rows to the right
    line = line_in(plane, Slice(np.zeros((101, 101)), affine, "axial", 0.0, mask))
    d = line.points_mm[1] - line.points_mm[0]
    for y, x in ((-50, 16.1458333), (50, -13.0208333)):
        at = line.points_mm[0] + d * (y - line.points_mm[0, 1]) / d[1]
        assert at[0] == pytest.approx(x, abs=1e-6)
        assert at[2] == 0


def test_the_published_example_line():
    ends = np.array([[49.06, 143.91], [243.12, 146.09]])
    line = Line(ends, ends / 2)
    assert line.slope_deg == pytest.approx(0.643613, abs=1e-6)
    assert line.length_px == pytest.approx(194.0722, abs=1e-4)
    assert line.length_px / 2 == pytest.approx(97.0361, abs=1e-4)


def test_small_angles_are_exact():
    a = np.array([1.0, 0, 0])
    assert angle_deg(a, np.array([np.cos(1e-7), np.sin(1e-7), 0])) == pytest.approx(np.degrees(1e-7), rel=1e-6)


def test_errors_of_a_plane():
    truth = Plane(np.array([1.0, 0, 0]), 2.0)
    error = truth.error(Plane(np.array([-1.0, 0, 0]), -2.5), [10.0, 5, 5], np.zeros((2, 3)))
    assert error.angle_deg == 0
    assert error.offset_mm == pytest.approx(-0.5)
    assert error.farthest_mm == pytest.approx(0.5)


def test_itk_files_hold_the_inverse_in_lps():
    text = itk_transform(rigid_motion([0, 0, 0], [1, 2, 3]))
    numbers = [float(word) for word in text.splitlines()[3].split()[1:]]
    assert numbers == [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, -3]


@pytest.mark.parametrize(
    ("n", "d", "message"),
    [([0, 0, 0], 0, "length above 0"), ([np.nan, 0, 1], 0, "finite"), ([1, 0, 0], np.inf, "finite")],
)
def test_wrong_planes(n, d, message):
    with pytest.raises(ValueError, match=message):
        Plane(np.array(n, float), d)
