"""Rings, windows and averages of eccentric pools."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.visual_search import EccPool, default_growth, plain_pool, stage_resolutions


@pytest.mark.parametrize(
    ("d", "growth", "side", "windows", "pixels"),
    [
        (8, 0.07, 202, [2, 3, 3, 4, 4, 5, 5, 6, 6, 7], [793, 452, 544, 660, 756, 844, 964, 1060, 1136, 2992]),
        (4, 0.16, 101, [2, 3, 3, 4, 5, 5, 6, 6, 7, 8], [193, 112, 132, 172, 184, 212, 240, 268, 276, 812]),
        (2, 0.32, 51, [2, 3, 3, 4, 5, 5, 6, 6, 7, 8], [45, 24, 40, 36, 48, 56, 56, 68, 64, 239]),
    ],
)
def test_ring_table(d, growth, side, windows, pixels):
    from symplast.visual_search.pooling import _regions

    pool = EccPool(d, growth)
    assert [window for _, window in pool.rings(side)] == windows
    assert [int(inside.sum()) for *_, inside in _regions(pool._setting(), side)] == pixels


@pytest.mark.parametrize(
    ("side", "largest"), [(524, (5, 5, 5)), (806, (7, 8, 8)), (1358, (12, 14, 14)), (1600, (14, 15, 15))]
)
def test_largest_windows(side, largest):
    sides = [-(-side // 2**b) for b in range(5)]
    pools = [EccPool(d, g) for d, g in zip((8, 4, 2), (0.07, 0.16, 0.32), strict=True)]
    assert tuple(int(p.windows(n).max()) for p, n in zip(pools, sides[2:], strict=True)) == largest


@given(side=st.integers(8, 90), d=st.sampled_from([2, 4, 8]), growth=st.floats(0, 0.4))
@settings(max_examples=20, deadline=None)
def test_regions_cover_every_pixel_once(side, d, growth):
    from symplast.visual_search.pooling import _regions

    regions = _regions(EccPool(d, growth)._setting(), side)
    assert (np.sum([inside for *_, inside in regions], axis=0) == 1).all()


@pytest.mark.parametrize("side", [37, 90])
@pytest.mark.parametrize("growth", [0.0, 0.32])
def test_ones_stay_ones_at_borders_too(side, growth):
    out = jax.jit(EccPool(2, growth).__call__)(jnp.ones((side, side, 2)))
    assert out.shape == ((side + 1) // 2, (side + 1) // 2, 2)
    np.testing.assert_allclose(out, 1, rtol=1e-6)


@pytest.mark.parametrize("kind", ["avg", "max"])
def test_against_a_plain_loop(kind):
    side, pool = 33, EccPool(2, 0.32, kind=kind)
    x = np.random.default_rng(0).standard_normal((side, side, 2)).astype(np.float32)
    windows, out = pool.windows(side), np.asarray(jax.jit(pool.__call__)(jnp.asarray(x)))
    o = (side + 1) // 2
    assert windows.max() > 4
    for i, j in [(0, 0), (o - 1, o - 1), (8, 8), (3, 12), (o - 1, 0), (5, 5)]:
        r = windows[i, j]
        before = max((o - 1) * 2 + r - side, 0) // 2
        part = [slice(max(0, 2 * at - before), min(side, 2 * at - before + r)) for at in (i, j)]
        box = x[part[0], part[1]]
        np.testing.assert_allclose(
            out[i, j], box.mean((0, 1)) if kind == "avg" else box.max((0, 1)), rtol=2e-5, atol=1e-6
        )


def test_an_input_that_is_not_square_is_padded_with_zeros():
    x = jnp.ones((6, 10, 1))
    out = np.asarray(EccPool(30, 0.0)(x))[..., 0]
    assert out.shape == (5, 5)
    assert out[0].max() == 0
    assert out[2].min() == 1


def test_plain_pools_of_odd_sides():
    x = jnp.arange(9.0).reshape(3, 3, 1)
    assert plain_pool(x)[..., 0].tolist() == [[2.0, 3.5], [6.5, 8.0]]
    assert plain_pool(x, "max")[..., 0].tolist() == [[4.0, 5.0], [7.0, 8.0]]
    assert plain_pool(jnp.arange(4.0).reshape(2, 2, 1)).ravel().tolist() == [1.5]


def test_resolutions_round_half_to_even():
    assert stage_resolutions(30, 5) == (30, 15, 8, 4, 2)
    assert default_growth((30, 15, 8, 4, 2)) == (0, 0, 0.07, 0.16, 0.32)
    assert default_growth((10, 12, 1)) == (0.07, 0, 0.32)


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"px_per_deg": 0, "growth": 0.1}, "px_per_deg"),
        ({"px_per_deg": 8, "growth": -1}, "growth must be a number of at least 0"),
        ({"px_per_deg": 8, "growth": 0.1, "kind": "mean"}, "kind must be avg or max"),
        ({"px_per_deg": 1, "growth": 0.1}, "ring_deg must be at least 2"),
    ],
)
def test_wrong_settings(settings_, message):
    with pytest.raises(ValueError, match=message):
        EccPool(**settings_)


def test_both_precisions():
    with jax.enable_x64(True):
        x = np.random.default_rng(0).standard_normal((20, 20, 2))
        pool = jax.jit(EccPool(2, 0.32).__call__)
        wide, narrow = pool(jnp.asarray(x)), pool(jnp.asarray(x, jnp.float32))
        assert wide.dtype == np.float64
        assert narrow.dtype == np.float32
        np.testing.assert_allclose(wide, narrow, atol=1e-6)
