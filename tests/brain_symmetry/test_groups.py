"""Asymmetry over scans: maps, permutation tests, cohorts."""

import jax
import numpy as np
import pytest

from symplast.brain_symmetry import (
    Cohort,
    Half,
    NeoPhantom,
    asymmetry_map,
    region_test,
    right_half,
    single_scan_score,
    voxel_test,
)

pytestmark = pytest.mark.usefixtures("optimised")
AFFINE = np.diag([4.0, 4, 4, 1])


def half(seed, shift=0.0, shape=(14, 20, 16)):
    """A half of noise, with a place that is more intense on the right."""
    A = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    A[5:8, 6:10, 5:9] += shift
    return Half(A, np.ones(shape, bool), AFFINE)


def test_maps_are_antisymmetric():
    scan, truth = NeoPhantom(noise=3, asymmetry_mm=2).render((49, 53, 45), 2.5, key=jax.random.key(1))
    A = asymmetry_map(scan, truth.plane, 2.5).data
    assert np.abs(A + A[::-1]).max() <= 1e-5 * np.abs(A).max()
    own = right_half(scan, truth.plane, (0, 0, 0), 2.5)
    assert not own.asymmetry[0].any()


def test_one_group():
    found = voxel_test([half(i, 3.0) for i in range(10)], permutations=600)
    assert found.exact
    assert found.permutations == 512
    assert found.p[6, 8, 7] == pytest.approx(1 / 512)
    assert (found.p[10:] > 0.05).mean() > 0.99
    nothing = voxel_test([half(i) for i in range(10)], permutations=200)
    assert not nothing.exact
    assert nothing.p.min() > 0.01
    turned = voxel_test([Half(-h.asymmetry, h.mask, AFFINE) for h in map(half, range(10))], permutations=200)
    np.testing.assert_allclose(turned.t, -nothing.t, atol=1e-4)
    with pytest.raises(ValueError, match="at least 5 scans"):
        voxel_test([half(0)] * 4)


def test_two_groups():
    halves = [half(i, 8.0 * (i < 8)) for i in range(16)]
    found = voxel_test(halves, ["a"] * 8 + ["b"] * 8, permutations=200)
    assert found.p[6, 8, 7] <= 0.01
    assert found.t[6, 8, 7] > 0
    with pytest.raises(ValueError, match="at least 3 scans each"):
        voxel_test(halves, ["a"] * 15 + ["b"])
    with pytest.raises(ValueError, match="one of two labels"):
        voxel_test(halves, ["a"] * 16)


def test_regions():
    rng = np.random.default_rng(0)
    found = region_test({"thalamus": 0.1 + 0.02 * rng.standard_normal(12), "ventricle": 0.1 * rng.standard_normal(12)})
    assert found["thalamus"]["p_holm"] < 0.01 < found["ventricle"]["p"]
    assert found["thalamus"]["low"] < found["thalamus"]["mean"] < found["thalamus"]["high"]
    two = region_test({"v": np.r_[0.1 * np.ones(6), np.zeros(6)] + 0.01 * rng.standard_normal(12)}, [0] * 6 + [1] * 6)
    assert two["v"]["p"] < 0.01
    with pytest.raises(ValueError, match="at least 3 scans"):
        region_test({"v": [0.1, np.nan, 0.2]})


def test_cohorts():
    halves = [half(i) for i in range(24)]
    cohort = Cohort.of_halves(halves, "T2")
    healthy, odd = cohort.score(half(100)), cohort.score(half(101, 8.0))
    assert odd.p_mahalanobis == pytest.approx(1 / 25)
    assert odd.mahalanobis > healthy.mahalanobis
    assert np.abs(odd.z[5:8, 6:10, 5:9]).mean() > 4 * np.abs(healthy.z[5:8, 6:10, 5:9]).mean()
    assert single_scan_score(half(101, 8.0)) > single_scan_score(half(100))
    with pytest.raises(ValueError, match="at least 20 reference scans"):
        Cohort.of_halves(halves[:19])
    with pytest.raises(ValueError, match="cohort's grid"):
        cohort.score(half(0, shape=(10, 10, 10)))
    ranks = [cohort.score(half(200 + i)).p_mahalanobis for i in range(40)]
    assert 0.25 < np.mean(ranks) < 0.75  # calibrated: uniform under the null
