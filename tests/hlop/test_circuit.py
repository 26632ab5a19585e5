"""Lateral circuits: fixed points, deflation, padding, and scikit-learn's incremental PCA as the oracle."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import IncrementalPCA

from symplast.hlop import LateralSpikes, OjaRule, OjaSubspace
from symplast.hlop.circuit import (
    LARGEST_CHANGE,
    Circuit,
    captured,
    deviation,
    explained,
    largest_moment,
    learn,
    orthogonal,
    orthonormal_rows,
    orthonormalised,
)

KEY = jax.random.key(0)


def stream(rows=3000, n=12, seed=0):
    """Centred rows with a clear spectrum in a random basis."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((n, n)))[0]
    X = rng.standard_normal((rows, n)) * np.array([3.0, 2.0, 1.5, *np.full(n - 3, 0.2)])
    X = X @ basis
    return X - X.mean(axis=0)


def full_update(old, new, M, x, rule):
    """The update as it is defined: over all rows, with that of the old ones thrown away."""
    for _ in range(rule.iterations):
        H = np.concatenate([old, new])
        y = x @ H.T
        if rule.spikes is not None:
            y = np.asarray(rule.spikes(jnp.asarray(y)))
        change = np.clip(y.T @ (x - y @ H) / len(x), -LARGEST_CHANGE, LARGEST_CHANGE)[len(old) :]
        M = float(rule.momentum) * M + (1 - float(rule.momentum)) * change
        new = new + float(rule.lr) * M
    return new, M


def test_finds_the_subspace_that_incremental_pca_finds():
    X = stream()
    space = OjaSubspace(12, lr=0.02, key=KEY).add(3)
    for batch in X.reshape(-1, 50, 12):
        space = space.partial_fit(batch)
    pca = IncrementalPCA(3, batch_size=50).fit(X)
    angles = np.linalg.svd(np.linalg.qr(np.asarray(space.basis).T)[0].T @ pca.components_.T, compute_uv=False)
    assert angles.min() > 0.999
    assert space.explained(X) == pytest.approx(pca.explained_variance_ratio_.sum(), abs=1e-3)
    assert space.deviation < 0.05
    assert np.asarray(space.project(X) + space.orth(X)) == pytest.approx(X, abs=1e-4)


def test_later_rows_learn_what_earlier_ones_leave():
    X = stream(1500)
    space = OjaSubspace(12, lr=0.03, key=KEY).add(2)
    for stage in range(2):
        for batch in X.reshape(-1, 50, 12):
            space = space.partial_fit(batch)
        space = space.merge(exact=True)
        if stage == 0:
            fixed = np.asarray(space.basis)
            space = space.add(1)
    assert np.asarray(space.basis[:2]) == pytest.approx(fixed, abs=1e-5)
    assert space.deviation < 1e-5
    assert space.explained(X) > 0.97
    assert OjaSubspace(12).explained(X) == 0.0


@pytest.mark.parametrize("rows", [3, 40])
@pytest.mark.parametrize("spikes", [None, LateralSpikes(20.0, 40)])
def test_deflation_is_the_update_over_all_rows(rows, spikes):
    with jax.enable_x64(True):
        rng = np.random.default_rng(1)
        x, old = rng.standard_normal((rows, 9)), 0.4 * rng.standard_normal((2, 9))
        new, M = rng.standard_normal((4, 9)), rng.standard_normal((4, 9))
        rule = OjaRule(0.05, 0.9, 5, spikes)
        wanted = full_update(old, new, M, x, rule)
        found = learn(Circuit(*map(jnp.asarray, (old, new, M)), jnp.int32(0)), jnp.asarray(x), rule)
        assert np.asarray(found.new) == pytest.approx(wanted[0], abs=1e-11)
        assert np.asarray(found.momentum) == pytest.approx(wanted[1], abs=1e-11)
        assert (found.old == old).all()


def test_padding_with_rows_of_zeros_changes_nothing():
    x = jax.random.normal(KEY, (6, 9))
    old, new = orthonormal_rows(KEY, 2, 9), orthonormal_rows(jax.random.key(1), 3, 9)
    padded = Circuit.begin(jnp.pad(old, ((0, 3), (0, 0))), jnp.pad(new, ((0, 2), (0, 0))))
    rule = OjaRule(0.05, 0.9, 5)
    plain, wide = learn(Circuit.begin(old, new), x, rule), learn(padded, x, rule)
    assert np.asarray(wide.new[:3]) == pytest.approx(np.asarray(plain.new), abs=1e-6)
    assert not np.asarray(wide.new[3:]).any()
    assert float(deviation(wide.new)) == pytest.approx(float(deviation(plain.new)), abs=1e-6)
    assert np.asarray(orthonormalised(wide.new)[3:]).any() == 0


def test_clipped_changes_are_counted():
    x = 30.0 * jnp.ones((2, 4))
    circuit = learn(Circuit.begin(jnp.zeros((0, 4)), jnp.eye(4)[:1]), x, OjaRule(1e-4, 0.0, 1))
    assert int(circuit.clipped) == 3
    assert float(circuit.new[0, 1]) == pytest.approx(1e-4 * LARGEST_CHANGE)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000), st.just(7))
def test_exact_rows_split_any_input_at_right_angles(seed, k):
    key = jax.random.key(seed)
    basis, x = orthonormal_rows(key, k, 8), jax.random.normal(jax.random.fold_in(key, 1), (5, 8))
    inside, outside = explained(x, basis, None), orthogonal(x, basis)
    assert np.asarray(jnp.sum(inside * outside, axis=1)) == pytest.approx(np.zeros(5), abs=1e-4)
    assert np.asarray(outside @ basis.T) == pytest.approx(np.zeros((5, k)), abs=1e-5)
    assert float(captured(3 * basis, jnp.eye(8))) == pytest.approx(k, abs=1e-4)


def test_largest_moment():
    x = jnp.asarray(stream(500))
    eigenvalues = np.linalg.eigvalsh(np.asarray(x.T @ x) / 500)
    assert float(largest_moment(x)) == pytest.approx(eigenvalues[-1], rel=1e-3)


def test_wrong_use_is_told():
    space = OjaSubspace(4, key=KEY)
    for wrong, message in [
        (lambda: space.add(5), "4 features"),
        (lambda: space.add(0), "at least 1"),
        (lambda: space.add(1).add(1), "merge"),
        (lambda: space.merge(), "add"),
        (lambda: space.partial_fit(np.ones((2, 4))), "add"),
        (lambda: space.add(1).partial_fit(np.ones((2, 3))), "rows, 4"),
        (lambda: space.add(1).partial_fit(np.full((2, 4), np.nan)), "NaN"),
        (lambda: space.orth(np.ones(4)), "rows, 4"),
        (lambda: OjaSubspace(0), "n_features"),
        (lambda: OjaSubspace(4, lr=0.0), "lr"),
        (lambda: OjaSubspace(4, momentum=1.0), "momentum"),
        (lambda: OjaSubspace(4, iterations=0), "iterations"),
        (lambda: OjaSubspace(4, spiking=(20.0, 0)), "levels"),
        (lambda: OjaSubspace(4, spiking=(20.0, 1.5)), "whole"),
        (lambda: OjaSubspace(4, spiking=(-1.0, 4)), "scale"),
    ]:
        with pytest.raises(ValueError, match=message):
            wrong()


def test_a_learning_rate_that_diverges_is_told_with_one_that_would_do():
    X = stream(200)
    with pytest.raises(ValueError, match=r"lr=5 is too large.*largest eigenvalue.*take at most 0\.0"):
        OjaSubspace(12, lr=5.0, key=KEY).add(3).partial_fit(X)


def test_large_activity_is_told_with_the_scale_that_helps():
    X = 1000 * jax.random.normal(KEY, (64, 6)) * jnp.array([3.0, 2.0, 1.0, 0.1, 0.1, 0.1])
    space = OjaSubspace(6, lr=0.3 / 9e6, key=KEY).add(2)
    with pytest.warns(UserWarning, match="multiply the activity by 0.000"):
        space.partial_fit(X)
    with pytest.raises(ValueError, match="X must not be all zeros"):
        space.explained(jnp.zeros((3, 6)))
