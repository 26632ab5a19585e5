"""Ridge regression: the spec's values, scikit-learn as oracle, and one program for all penalties and targets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Ridge

from symplast.brain_alignment import ridge_weights
from symplast.brain_alignment.ridge import (
    contiguous_folds,
    factorise_all,
    factorise_folds,
    fit_and_predict,
    fold_r2,
)

X = np.array([[1.0, 0], [0, 1], [1, 1], [2, 1]])
Y = np.array([1.0, 2, 2, 4])


@pytest.mark.parametrize(
    ("alpha", "w", "b"),
    [
        (0, (1, 1.6666667), 0),
        (1, (0.6666667, 0.7142857), 1.0476190),
        (10, (0.1666667, 0.1162791), 1.9961240),
    ],
)
def test_reference_values(alpha, w, b):
    W, intercept = ridge_weights(X, Y, alpha)
    np.testing.assert_allclose(W, w, atol=5e-8)
    assert intercept == pytest.approx(b, abs=5e-8)


@pytest.mark.parametrize(("alpha", "w"), [(1, (0.6666667, 0.7142857)), (10, (0.1666667, 0.1162791))])
def test_reference_values_of_the_factorised_form(alpha, w):
    """In float64."""
    with jax.enable_x64(True):
        factors = factorise_all(X, np.eye(2), np.float64)
        penalties, all_rows = jnp.full(1, alpha, jnp.float64), jnp.ones(4, jnp.float64)
        predicted, W, _ = fit_and_predict(factors, jnp.asarray(Y[:, None]), all_rows, penalties, True)
        assert predicted.dtype == jnp.float64
        np.testing.assert_allclose(W[:, 0], w, atol=5e-8)
        _, b = ridge_weights(X, Y, alpha)
        np.testing.assert_allclose(predicted[:, 0], np.add(w, b), atol=1e-7)


def test_small_penalties_of_nearly_collinear_features_in_float32():
    """One common factor in 60 features: the largest eigenvalue is 4e5 times the penalty."""
    random = np.random.default_rng(0)
    x = random.normal(size=(700, 1)) + 0.005 * random.normal(size=(700, 60))
    y = x[:, :4] @ random.normal(size=(4, 3)) + random.normal(size=(700, 3))
    predicted, _, _ = fit_and_predict(
        factorise_all(x[:500], x[500:], np.float32), jnp.asarray(y[:500], jnp.float32), jnp.ones(500), jnp.full(3, 0.1)
    )
    expected = Ridge(alpha=0.1).fit(x[:500], y[:500]).predict(x[500:])
    np.testing.assert_allclose(predicted, expected, atol=2e-3)


@pytest.mark.parametrize("features", [6, 60])  # more images than features, and fewer
@pytest.mark.parametrize("wide", [False, True])
def test_folds_agree_with_scikit_learn(features, wide):
    """In float32 and float64."""
    with jax.enable_x64(wide):
        random = np.random.default_rng(1)
        x, y = random.normal(size=(43, features)), random.normal(size=(43, 3))
        y[:, 0] += x[:, 0]
        folds = contiguous_folds(43, 5)
        kind = jnp.float64 if wide else jnp.float32
        rows, real, used = jnp.asarray(folds.rows), jnp.asarray(folds.real, kind), jnp.ones(43, kind)
        alphas = np.array([0.1, 1, 100])
        factors = factorise_folds(x, folds, kind)
        found = np.asarray(fold_r2(factors, jnp.asarray(y, kind), rows, real, used, jnp.asarray(alphas, kind)))
        assert found.dtype == kind
        expected = np.zeros((3, 3))
        for out, kept in zip(folds.rows, folds.real, strict=True):
            test = out[kept > 0]
            train = np.setdiff1d(np.arange(43), test)
            for k, alpha in enumerate(alphas):
                error = y[test] - Ridge(alpha=alpha).fit(x[train], y[train]).predict(x[test])
                total = np.square(y[test] - y[test].mean(axis=0)).sum(axis=0)
                expected[k] += (1 - np.square(error).sum(axis=0) / total) / 5
        np.testing.assert_allclose(found, expected, atol=1e-9 if wide else 2e-3)
        whole = factorise_all(x[:33], x[33:], kind)
        chosen = np.array([0.1, 1, 100])
        predicted, W, _ = fit_and_predict(whole, jnp.asarray(y[:33], kind), used[:33], jnp.asarray(chosen, kind), True)
        for v in range(3):
            own = Ridge(alpha=chosen[v]).fit(x[:33], y[:33, v])
            np.testing.assert_allclose(predicted[:, v], own.predict(x[33:]), atol=1e-9 if wide else 2e-3)
            np.testing.assert_allclose(W[:, v], own.coef_, atol=1e-9 if wide else 2e-3)


def test_penalties_and_targets_do_not_recompile():
    folds = contiguous_folds(20, 4)
    rows, real, used = jnp.asarray(folds.rows), jnp.asarray(folds.real), jnp.ones(20)
    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    factors = factorise_folds(x, folds, np.float32)
    before = fold_r2._cache_size()
    for scale in (1.0, 10.0):
        fold_r2(factors, scale * x, rows, real, used, scale * jnp.array([0.1, 1.0]))
    assert fold_r2._cache_size() == before + 1


def test_groups_stay_whole():
    labels = np.repeat(np.arange(7), [5, 1, 3, 2, 4, 6, 2])
    folds = contiguous_folds(labels.size, 3, labels)
    held = [set(rows[real > 0].tolist()) for rows, real in zip(folds.rows, folds.real, strict=True)]
    assert sorted(i for own in held for i in own) == list(range(labels.size))
    groups = [{labels[i] for i in own} for own in held]
    assert sum(map(len, groups)) == 7
    with pytest.raises(ValueError, match="number of groups, 7"):
        contiguous_folds(labels.size, 8, labels)
