"""Noise ceilings: the spec's values, simulated reliability, and what must be refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symplast.brain_alignment import noise_ceiling, spearman_brown, split_half_ceiling
from symplast.brain_alignment.ceiling import columnwise_r, different_images_ceiling, explainable_share


def test_reference_values():
    share = explainable_share([0.5, 1, 2], 3)
    np.testing.assert_allclose(share, [0.4285714, 0.75, 0.9230769], atol=5e-8)
    np.testing.assert_allclose(np.sqrt(share), [0.6546537, 0.8660254, 0.9607689], atol=5e-8)
    np.testing.assert_allclose(explainable_share([0.5, 1, 2], 1), [0.2, 0.5, 0.8], atol=1e-15)
    whole = spearman_brown([0.2, 0.5, 0.8])
    np.testing.assert_allclose(whole, [1 / 3, 2 / 3, 8 / 9], atol=1e-15)
    np.testing.assert_allclose(np.sqrt(whole), [0.5773503, 0.8164966, 0.9428090], atol=5e-8)
    found = noise_ceiling(np.array([[1, 2, 3], [4, 6, 5], [7, 8, 9], [2, 2, 2]])[:, :, None])
    assert found.noise_variance == pytest.approx([0.75])
    assert found.signal_variance == pytest.approx([8.0])
    assert found.ncsnr == pytest.approx([3.2659863], abs=5e-8)
    assert found.nc == pytest.approx([0.9696970], abs=5e-8)
    assert found.r_ceiling == pytest.approx([0.9847319], abs=5e-8)


def test_both_estimators_recover_a_known_reliability():
    random = np.random.default_rng(0)
    signal = random.normal(size=(3000, 1, 20))
    D = signal + np.sqrt(4 * (1 / 0.36 - 1)) * random.normal(size=(3000, 4, 20))
    assert noise_ceiling(D).r_ceiling.mean() == pytest.approx(0.6, abs=0.02)
    assert split_half_ceiling(D).mean() == pytest.approx(0.6, abs=0.02)
    assert different_images_ceiling(D.mean(axis=1)).mean() < 0.1  # the published rule is blind to reliability


@given(st.integers(0, 10_000), st.floats(0.1, 10), st.floats(-5, 5))
def test_ceilings_do_not_depend_on_unit_or_offset(seed, scale, offset):
    D = np.random.default_rng(seed).normal(size=(6, 3, 2)) + np.arange(6)[:, None, None]
    np.testing.assert_allclose(noise_ceiling(scale * D + offset).nc, noise_ceiling(D).nc, rtol=1e-9, atol=1e-12)


def test_voxels_without_variance():
    D = np.zeros((4, 2, 2))
    D[:, :, 1] = np.arange(4)[:, None]
    found = noise_ceiling(D)
    assert found.nc.tolist() == [0, 1]
    assert np.isnan(columnwise_r(np.ones((4, 1)), np.arange(4.0)[:, None])).all()


@pytest.mark.parametrize(
    ("trials", "told"),
    [
        (np.zeros((4, 5)), "shape"),
        (np.zeros((4, 1, 5)), "averaged responses have no noise ceiling"),
        (np.full((4, 2, 5), np.nan), "finite, got 40"),
    ],
)
def test_what_has_no_ceiling(trials, told):
    with pytest.raises(ValueError, match=told):
        noise_ceiling(trials)
