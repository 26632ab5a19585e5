"""Lengths and cosines at any size of the numbers, and exactly the plain formula where that one works."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.curl.spectrum import curl_fraction
from symplast.curl.transforms import rescale
from symplast.learning import cosines
from symplast.learning.feedforward import angle_between
from symplast.learning.lengths import cosine, length

R = jax.random.normal(jax.random.key(0), (7, 5))


@pytest.mark.parametrize("size", [1e-30, 1e-12, 1.0, 1e9, 1e30])
def test_the_size_of_a_direction_does_not_matter(size: float) -> None:
    assert float(cosine(size * R, R)) == pytest.approx(1, abs=1e-6)
    assert float(cosines({"w": size * R}, {"w": -R})["w"]) == pytest.approx(-1, abs=1e-6)
    assert float(angle_between([(size * R, R), (size * R, R)])) == pytest.approx(0, abs=0.1)
    assert float(length(size * R) / size) == pytest.approx(np.linalg.norm(R), rel=1e-5)
    assert np.asarray(rescale(size * R, jnp.asarray(1.0))) == pytest.approx(np.asarray(R / np.linalg.norm(R)), rel=1e-5)


@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_the_curl_of_a_field_of_any_size(size: float) -> None:
    turning = jnp.array([[-1.0, -1.0], [1.0, -1.0]])
    found = curl_fraction(lambda w: size * (turning @ w), jnp.ones(2))
    assert float(found) == pytest.approx(np.sqrt(0.5), rel=1e-5)


def test_scaling_adds_no_rounding() -> None:
    assert float(length(R)) == float(jnp.sqrt(jnp.sum(R**2)))
    assert float(length(R, 3 * R)) == pytest.approx(float(length(jnp.stack([R, 3 * R]))), rel=1e-6)


def test_nothing_has_no_direction() -> None:
    assert np.isnan(cosine(0 * R, R))
    assert np.isnan(cosine([], []))
    assert float(length(0 * R)) == float(length()) == 0
    assert np.isnan(length(R.at[0, 0].set(jnp.nan)))
    assert np.isinf(length(R.at[0, 0].set(jnp.inf)))


def test_whole_numbers_and_both_precisions() -> None:
    assert float(length(jnp.array([3, 4]))) == 5
    with jax.enable_x64(True):
        big = jnp.array([3e200, 4e200])
        assert float(length(big)) == pytest.approx(5e200, rel=1e-14)
        assert length(jnp.ones(2, jnp.float32)).dtype == jnp.float32
