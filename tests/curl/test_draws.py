"""Draws on the host: the ensembles of the paper, seed by seed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.curl import draw_net
from symplast.curl.draws import STUDENT, near, stacked_inputs, stacked_nets, stacked_teachers
from symplast.lab.jax_setup import CompileClock
from symplast.learning.host_random import generator

KEY = jax.random.key(3)
SIZES = (30, 40, 1)


def test_more_seeds_leave_the_others_as_they_are() -> None:
    for draw in (
        lambda seeds: stacked_nets(KEY, seeds, SIZES).W1,
        lambda seeds: stacked_teachers(KEY, seeds, SIZES).W2,
        lambda seeds: stacked_inputs(KEY, seeds, 7, 5),
    ):
        few, more = draw(2), draw(3)
        np.testing.assert_array_equal(few, more[:2])
        assert not np.array_equal(more[0], more[1])


def test_more_examples_keep_the_first_ones() -> None:
    np.testing.assert_array_equal(stacked_inputs(KEY, 2, 5, 4), stacked_inputs(KEY, 2, 9, 4)[:, :5])


def test_teachers_students_and_keys_differ() -> None:
    teachers, students = stacked_nets(KEY, 2, SIZES), stacked_nets(KEY, 2, SIZES, which=STUDENT)
    assert not np.array_equal(teachers.W1, students.W1)
    assert generator(KEY).random() != generator(jax.random.key(4)).random()


def test_ensemble_is_that_of_draw_net() -> None:
    stacked = stacked_nets(KEY, 40, SIZES, scale=2.0)
    single = jax.vmap(lambda key: draw_net(key, SIZES, scale=2.0))(jax.random.split(KEY, 40))
    for one, other in zip(stacked.weights, single.weights, strict=True):
        assert float(jnp.abs(one).max()) == pytest.approx(float(jnp.abs(other).max()), rel=0.01)
        assert float(one.std()) == pytest.approx(float(other.std()), rel=0.02)
    assert float(stacked_inputs(KEY, 2, 4000, 5).var()) == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("double", [False, True])
def test_teachers_have_their_norms_in_either_precision(double: bool) -> None:
    with jax.enable_x64(double):
        teachers = stacked_teachers(KEY, 3, SIZES)
        np.testing.assert_allclose(jnp.linalg.norm(teachers.W1, axis=(1, 2)), SIZES[1] ** 0.5, rtol=1e-6)
        np.testing.assert_allclose(jnp.linalg.norm(teachers.W2, axis=(1, 2)), 1, rtol=1e-6)
        assert teachers.W1.dtype == (jnp.float64 if double else jnp.float32)
        students = near(teachers, 1e-3)
        np.testing.assert_allclose(students.W2 - teachers.W2, 1e-3, rtol=1e-3)


def test_nothing_is_compiled() -> None:
    jax.random.key_data(KEY)
    with CompileClock() as clock:
        stacked_nets(KEY, 2, (31, 17, 2))
        stacked_inputs(KEY, 2, 13, 11)
    assert clock.count == 0
