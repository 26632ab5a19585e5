"""Worlds and diets."""

import jax
import numpy as np
import pytest

from symplast.visual_search import diet, guidance_margin, lit_world, quadrant_world


def test_light_from_above_makes_bumps_bright_at_the_top():
    images, labels, angles = lit_world(jax.random.key(0), 400, "above")
    assert set(labels) == {0, 1, 2, 3}
    assert abs(np.angle(np.exp(1j * (angles + np.pi / 2)))).mean() < 0.6
    y = np.arange(32)[:, None]

    def tilt(picture):  # positive: bright at the top
        middle = picture - np.median(picture)
        return -(middle * (y - 15.5)).sum()

    bumps, dents = ([tilt(picture) for picture in images[labels == kind]] for kind in (0, 1))
    assert np.mean(np.array(bumps) > 0) > np.mean(np.array(dents) > 0)


def test_uniform_light_comes_from_everywhere():
    _, _, angles = lit_world(jax.random.key(1), 2000, "uniform", classes=1)
    assert abs(np.exp(1j * angles).mean()) < 0.06


def test_the_same_key_gives_the_same_world():
    first, second = (lit_world(jax.random.key(3), 4, (0.3, 2.0)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_mirrors_keep_labels():
    plain, labels = quadrant_world(jax.random.key(0), 40, False)
    mirrored, same = quadrant_world(jax.random.key(0), 40, True)
    assert (labels == same).all()
    kept = (plain == mirrored).all((1, 2))
    turned = (plain[..., ::-1] == mirrored).all((1, 2))
    assert (kept | turned).all()
    assert 5 < kept.sum() < 35


@pytest.mark.parametrize("light", ["below", (np.nan, 1.0), (0.0, -1.0)])
def test_wrong_light(light):
    with pytest.raises(ValueError, match="light must be"):
        lit_world(jax.random.key(0), 2, light)


def test_diets():
    images = np.random.default_rng(0).uniform(size=(3, 20, 20))
    np.testing.assert_array_equal(diet.rotate90(diet.rotate90(images, 1), 3), images)
    np.testing.assert_allclose(diet.fisheye(images, 0.0), images, atol=1e-12)
    bent = diet.fisheye(np.add.outer(np.zeros(20), np.arange(20.0))[None], 0.5)[0, 10]
    assert np.diff(bent)[9] < 0.6  # the centre is magnified
    lines = diet.grid_lines(np.ones((1, 100, 100, 3)), every=50, width=5, start=45)
    assert lines[0, :45, :45].all()
    assert not lines[0, 45:50].any()
    assert not lines[0, :, 95:].any()
    with pytest.raises(ValueError, match="images must be"):
        diet.rotate90(np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match="width must be below every"):
        diet.grid_lines(np.zeros((1, 4, 4)), every=2, width=2)


def test_margin():
    regions = np.arange(4).reshape(2, 2)
    assert guidance_margin([[0, 2], [1, 9]], regions, 1, [0, 1, 2]) == pytest.approx(1 / 9)
    assert guidance_margin(np.zeros((2, 2)), regions, 0, [0, 1]) == 0
    with pytest.raises(ValueError, match="item_regions must hold"):
        guidance_margin(np.zeros((2, 2)), regions, 3, [0, 1])
    with pytest.raises(ValueError, match="one shape"):
        guidance_margin(np.zeros((3, 2)), regions, 0, [0, 1])
