"""How fast ridge encoders are fitted and correlations are bootstrapped, on one core, next to the peers.

Work: 5 folds, 6 penalties, 1600 images, 384 features, 2000 voxels, one penalty a voxel; scikit-learn's RidgeCV (cv=5)
and himalaya's RidgeCV (numpy backend) on the same arrays, CPU time, compile time apart. Bootstrap: BCa intervals of 36
pairs over 12 models, 10,000 resamples, and one exact interval; scipy.stats.bootstrap is the peer.
Targets: at least 4 times faster than scikit-learn and 2 times than himalaya at equal accuracy (|r| within 1e-4), warm;
36 pairs and one exact interval in under 1 s each.
Run: python benchmarks/brain_alignment.py  (writes benchmarks/results/brain_alignment.json)
"""

import one_core  # noqa: F401 - before the libraries

# isort: split

import time
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.stats
from measuring import against, write
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import KFold

from symplast.brain_alignment import bootstrap_r
from symplast.brain_alignment.ceiling import columnwise_r
from symplast.brain_alignment.correlations import pearson
from symplast.brain_alignment.ridge import (
    ALPHAS,
    contiguous_folds,
    factorise_all,
    factorise_folds,
    fit_and_predict,
    fold_r2,
)
from symplast.lab.jax_setup import CompileClock

IMAGES, FEATURES, VOXELS, FOLDS = 1600, 384, 2000, 5


def cpu(call: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """Median CPU seconds of a call, and its result."""
    taken = []
    for _ in range(repeats):
        begin = time.process_time()
        found = call()
        taken.append(time.process_time() - begin)
    return float(np.median(taken)), found


def ours(X: Any, Y: Any, test: Any) -> Any:
    """Penalties by voxel and predictions of the test images."""
    folds = contiguous_folds(len(X), FOLDS)
    rows, real, used = jnp.asarray(folds.rows), jnp.asarray(folds.real), jnp.ones(len(X))
    inner = factorise_folds(X, folds, np.float32)
    best = np.asarray(fold_r2(inner, Y, rows, real, used, jnp.array(ALPHAS))).argmax(axis=0)
    chosen = np.array(ALPHAS, np.float32)[best]
    return best, np.asarray(fit_and_predict(factorise_all(X, test, np.float32), Y, used, jnp.asarray(chosen))[0])


def encoders() -> list[dict[str, Any]]:
    """Ridge with cross-validation."""
    random = np.random.default_rng(0)
    whole = random.standard_normal((IMAGES + 400, FEATURES)) @ np.diag(np.linspace(1.5, 0.1, FEATURES))
    signal = whole @ random.standard_normal((FEATURES, VOXELS))
    responses = signal / signal.std(axis=0) + 1.5 * random.standard_normal(signal.shape)
    x, y, new = whole[:IMAGES], responses[:IMAGES], whole[IMAGES:]
    X, Y, test = x.astype(np.float32), jnp.asarray(y, jnp.float32), new.astype(np.float32)
    with CompileClock() as clock:
        ours(X, Y, test)
    seconds, (best, predicted) = cpu(lambda: ours(X, Y, test))
    r = columnwise_r(predicted, responses[IMAGES:])
    # one fit for all voxels with the penalties that we chose, in float64: the accuracy that is to be kept
    expected = np.empty((400, VOXELS))
    for k in np.unique(best):
        own = Ridge(ALPHAS[k]).fit(x, y[:, best == k]).predict(new)
        expected[:, best == k] = own
    error = float(np.abs(r - columnwise_r(expected, responses[IMAGES:])).max())
    rows = [
        {"what": "ridge, 5 folds, 6 penalties (JAX, float32)", "seconds": seconds, "compile_seconds": clock.seconds},
        {
            "what": "largest |r| difference to scikit-learn in float64",
            "value": error,
            "target": 1e-4,
            "met": error < 1e-4,
        },
    ]
    peers: list[tuple[str, float, Callable[[Any, Any], Any]]] = [
        (f"scikit-learn RidgeCV ({name})", 4.0, lambda a, b: RidgeCV(ALPHAS, cv=KFold(FOLDS)).fit(a, b))
        for name in ("float64", "float32")
    ]
    kinds = [np.float64, np.float32]
    try:
        from himalaya.ridge import RidgeCV as HimalayaRidge

        peers.append(
            ("himalaya RidgeCV, per target (float32)", 2.0, lambda a, b: HimalayaRidge(ALPHAS, cv=FOLDS).fit(a, b))
        )
        kinds.append(np.float32)
    except ImportError:
        rows.append({"what": "himalaya RidgeCV: not installed"})
    for (name, target, fit), kind in zip(peers, kinds, strict=True):
        a, b = x.astype(kind), y.astype(kind)
        taken, _ = cpu(lambda a=a, b=b, fit=fit: fit(a, b), repeats=1)
        rows += [
            {"what": name, "seconds": taken},
            against("ridge, 5 folds, 6 penalties", name, taken / seconds, target=target),
        ]
    return rows


def bootstraps() -> list[dict[str, Any]]:
    """Intervals of correlations over 12 models."""
    random = np.random.default_rng(0)
    pairs = random.standard_normal((36, 2, 12))
    many, _ = cpu(lambda: [bootstrap_r(*pair, resamples=10_000) for pair in pairs])
    first, _ = cpu(lambda: bootstrap_r(*pairs[0]), repeats=1)
    exact, _ = cpu(lambda: bootstrap_r(*pairs[1]))

    def peer() -> Any:
        return scipy.stats.bootstrap(tuple(pairs[0]), pearson, paired=True, n_resamples=10_000, method="BCa", rng=0)

    other, _ = cpu(peer)
    return [
        {"what": "BCa of 36 pairs, 10,000 resamples", "seconds": many, "target": 1.0, "met": many < 1},
        {"what": "exact interval of one pair, first (makes the resamples)", "seconds": first},
        {"what": "exact interval of one pair", "seconds": exact, "target": 1.0, "met": exact < 1},
        {"what": "scipy.stats.bootstrap, 36 pairs", "seconds": 36 * other},
    ]


def main() -> None:
    """Measure and write."""
    rows = [*encoders(), *bootstraps()]
    write("brain_alignment", rows, "scipy", "scikit-learn", "himalaya")


if __name__ == "__main__":
    main()
