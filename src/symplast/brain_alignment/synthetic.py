"""Voxels of known reliability, and null samples of a dozen models: what the audits measure on."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from symplast.brain_alignment.correlations import leave_one_out, pearson
from symplast.brain_alignment.pair_bootstrap import bca_levels

Floats = NDArray[np.float64]


class Voxels(NamedTuple):
    """Synthetic responses.

    Attributes:
        features: (images, P) that the signals are made of.
        trials: (images, repetitions, V).
    """

    features: Floats
    trials: Floats


def generators(key: Any, count: int) -> list[np.random.Generator]:
    """Independent generators of a JAX key, one a seed: more extend fewer."""
    import jax

    entropy = np.asarray(jax.random.key_data(key)).tolist()
    return [np.random.default_rng(own) for own in np.random.SeedSequence(entropy).spawn(count)]


def voxels(random: np.random.Generator, r_ceiling: Any, *, images: int = 4000, P: int = 64, R: int = 3) -> Voxels:
    """Signals ``F w`` of unit SD from Gaussian features, with noise for the given ceilings.

    ``NC = r_ceiling² = 1 / (1 + s2 / R)`` gives the noise variance ``s2 = R (1 / r_ceiling² - 1)``.

    Args:
        random: of the draws.
        r_ceiling: (V,) ceilings in r units of the mean over R repetitions.
        images, P, R: numbers of images, features and repetitions.
    """
    ceiling = np.asarray(r_ceiling, dtype=np.float64)
    F = random.standard_normal((images, P))
    w = random.standard_normal((P, ceiling.size))
    signal = F @ (w / np.linalg.norm(w, axis=0))
    sd = np.sqrt(R * (1 / ceiling**2 - 1))
    noise = random.standard_normal((images, R, ceiling.size), dtype=np.float32)
    return Voxels(F, signal[:, None, :] + sd * noise)


def padded(X: Floats, columns: int) -> Floats:
    """X with columns of zeros behind it: they carry nothing, and all widths share one program."""
    return np.concatenate([X, np.zeros((len(X), columns - X.shape[1]))], axis=1)


def null_samples(random: np.random.Generator, samples: int, n: int = 12) -> tuple[Floats, Floats]:
    """(samples, n) pairs without correlation."""
    return random.standard_normal((samples, n)), random.standard_normal((samples, n))


def null_samples_near(random: np.random.Generator, samples: int, r: float, within: float = 0.01, n: int = 12) -> Any:
    """Null samples whose correlation happens to lie near r."""
    found: list[tuple[Floats, Floats]] = []
    have = 0
    while have < samples:
        x, y = null_samples(random, 100_000, n)
        near = np.abs(pearson(x, y) - r) <= within
        found.append((x[near], y[near]))
        have += int(near.sum())
    return tuple(np.concatenate([pair[k] for pair in found])[:samples] for k in (0, 1))


def with_correlation(random: np.random.Generator, r: float, n: int = 12) -> tuple[Floats, Floats]:
    """A Gaussian sample whose correlation is exactly r."""
    x, e = random.standard_normal((2, n))
    x = (x - x.mean()) / x.std()
    e = e - e.mean()
    e -= x * (x @ e) / n
    return x, r * x + np.sqrt(1 - r**2) * e / e.std()


def same_sign(x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Whether all leave-one-out correlations of a sample have one sign."""
    signs = np.sign(leave_one_out(x, y))
    return np.abs(signs.sum(axis=-1)) == signs.shape[-1]


class Excluded(NamedTuple):
    """Whether bootstrap intervals of samples leave out 0.

    Attributes:
        bca, percentile: (samples,) truth values.
    """

    bca: NDArray[np.bool_]
    percentile: NDArray[np.bool_]


def intervals_exclude_zero(
    random: np.random.Generator, x: Floats, y: Floats, resamples: int = 2000, level: float = 0.95, batch: int = 100
) -> Excluded:
    """Bootstrap intervals of many samples at once, each with resamples of its own.

    Args:
        random: of the resamples.
        x, y: (samples, n).
        resamples: a sample.
        level: of the intervals.
        batch: samples at once.
    """
    samples, n = x.shape
    bca, percentile = np.empty(samples, bool), np.empty(samples, bool)
    r = pearson(x, y)
    jackknife = leave_one_out(x, y)
    d = jackknife.mean(axis=1, keepdims=True) - jackknife
    acceleration = (d**3).sum(axis=1) / (6 * np.square(d).sum(axis=1) ** 1.5)
    shares = np.array([(1 - level) / 2, (1 + level) / 2])
    for start in range(0, samples, batch):
        own = slice(start, min(start + batch, samples))
        m = own.stop - own.start
        which = random.integers(n, size=(m, resamples, n))
        spread = _pearson_fast(np.take_along_axis(x[own, None], which, 2), np.take_along_axis(y[own, None], which, 2))
        good = np.isfinite(spread)
        below = (good & (spread < r[own, None])).sum(axis=1) / good.sum(axis=1)
        z0 = ndtri(np.clip(below, 0.5 / resamples, 1 - 0.5 / resamples))
        ordered = np.sort(np.where(good, spread, np.inf), axis=1)
        count = good.sum(axis=1)
        ends = np.stack([np.broadcast_to(shares[:, None], (2, m)), bca_levels(z0, acceleration[own], level)])
        at = np.clip((ends * count).astype(int), 0, count - 1)
        low, high = (np.take_along_axis(ordered, at[:, k].T, axis=1) for k in (0, 1))
        outside = (low > 0) | (high < 0)
        percentile[own], bca[own] = outside[:, 0], outside[:, 1]
    return Excluded(bca, percentile)


def _pearson_fast(a: Floats, b: Floats) -> Floats:
    n = a.shape[-1]
    sa, sb = a.sum(axis=-1), b.sum(axis=-1)
    va, vb = np.einsum("...i,...i", a, a) - sa * sa / n, np.einsum("...i,...i", b, b) - sb * sb / n
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (np.einsum("...i,...i", a, b) - sa * sb / n) / np.sqrt(va * vb)
    return np.where((va > 1e-12) & (vb > 1e-12), r, np.nan)


def best_of_table(
    random: np.random.Generator, within: float, samples: int, *, n: int = 12, p: int = 6, q: int = 5
) -> Floats:
    """(samples,) largest |r| of a null table of p scores and q rates, one common factor in either block.

    Args:
        random: of the draws.
        within: correlation inside a block.
        samples: tables.
        n, p, q: models, scores, rates.
    """
    found = np.empty(samples)
    for start in range(0, samples, 5000):
        m = min(5000, samples - start)
        blocks = []
        for columns in (p, q):
            own = np.sqrt(within) * random.standard_normal((m, n, 1)) + np.sqrt(1 - within) * random.standard_normal(
                (m, n, columns)
            )
            own -= own.mean(axis=1, keepdims=True)
            blocks.append(own / np.sqrt(np.square(own).sum(axis=1, keepdims=True)))
        found[start : start + m] = np.abs(blocks[0].transpose(0, 2, 1) @ blocks[1]).max(axis=(1, 2))
    return found


def resampled_means(random: np.random.Generator, values: Floats, resamples: int) -> Floats:
    """(resamples, rows) bootstrap means of rows of values; all rows are resampled alike.

    Args:
        random: of the resamples.
        values: (rows, n).
        resamples: their number.
    """
    n = values.shape[1]
    weights = random.multinomial(n, np.full(n, 1 / n), size=resamples)
    means: Floats = weights @ values.T / n
    return means
