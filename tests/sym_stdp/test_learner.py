"""The network under the shared protocol: seeds side by side, equal to its own parts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.learning import Task, begin, train
from symplast.sym_stdp import SymSTDPConfig
from symplast.sym_stdp.learner import SymSTDPLearner

CONFIG = SymSTDPConfig(
    sum_in=24.0, w_max_in=4.0, sum_out_per_cell=4.0, nu_out=0.2, image_ms=100.0, rest_ms=20.0, q_last=3
)


@pytest.fixture(scope="module")
def trained():
    X = jnp.asarray(np.tile(np.kron(np.eye(3), np.ones((1, 8))), (4, 1)))
    y = jnp.asarray(np.tile(np.arange(3), 4), jnp.int32)
    task = Task(X, y, jnp.concatenate([X[:3], jnp.zeros((1, 24))]), jnp.concatenate([y[:3], y[:1]]))
    learner = SymSTDPLearner(24, 6, 3, CONFIG, brightest_hz=200.0)
    before = begin(learner, jax.random.key(0), 2)
    w = np.array(before.states.plastic.w_in)
    after, history = train(learner, task, before, 1, 6, tests_per_epoch=1)
    return learner, task, w, after, history


def test_seeds_learn_side_by_side(trained):
    _, _, before, after, history = trained
    w = np.asarray(after.states.plastic.w_in)
    assert w.shape == (2, 24, 6)
    assert not np.allclose(w[0], w[1])
    assert not np.allclose(w, before)
    assert history.loss.shape == (2, 2)
    assert ((history.loss >= 0) & (history.loss <= 1)).all()
    assert (np.asarray(after.states.plastic.theta) != 20).all()


def test_a_presentation_ends_in_rest_and_weights_stay_within_bounds(trained):
    _, _, _, after, _ = trained
    cells, plastic = after.states.cells, after.states.plastic
    assert not np.asarray(cells.s_in).any()
    assert float(cells.g_in.max()) < 1e-6  # 20 ms without input
    assert 0 < np.asarray(plastic.w_in).min() < np.asarray(plastic.w_in).max() <= 4.0 + 1e-5
