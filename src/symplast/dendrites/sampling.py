"""Monte Carlo with truly sampled segments: synapse positions drawn one by one, never an overlap from its known law.

By exchangeability the pattern may be fixed, ``A = {0..a-1}``, and the segment's s distinct positions drawn from the n
cells. Floyd's method needs no rejection: for j = n-s .. n-1 draw t from 0..j and take j if t is taken already.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Integer

from symplast import stats
from symplast.dendrites.arguments import Number, check_single
from symplast.dendrites.segment import DendriticSegment
from symplast.dendrites.union import union_fp

BATCH = 2**15
"""Trials drawn at once: positions stay in the processor's cache."""


@dataclass(frozen=True)
class SimulatedRate:
    """How often something happened, next to the theory.

    Attributes:
        k: trials in which it happened.
        n: trials.
        value: k / n.
        low, high: Clopper-Pearson interval.
        level: its confidence level.
        theory: the probability that theory gives.
        entropy: seed of the random stream.
    """

    k: int
    n: int
    value: float
    low: float
    high: float
    level: float
    theory: float
    entropy: tuple[int, ...]

    @property
    def ci95(self) -> tuple[float, float]:
        """Clopper-Pearson interval at 95 %."""
        estimate = stats.clopper_pearson(self.k, self.n, level=0.95)
        return estimate.low, estimate.high

    @property
    def z(self) -> float:
        """Deviation from the theory in standard deviations; infinite where theory allows no deviation."""
        spread = np.sqrt(self.n * self.theory * (1 - self.theory))
        deviation = self.k - self.n * self.theory
        return float(deviation / spread) if spread else float(np.copysign(np.inf, deviation) if deviation else 0.0)

    @property
    def agrees(self) -> bool:
        """Whether the interval contains the theory."""
        return self.low <= self.theory <= self.high

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}], theory {self.theory:.4g}"


def simulate(
    segment: DendriticSegment,
    kind: Literal["fp", "fn", "union"] | str,
    trials: Number,
    key: Any,
    *,
    v: Number | None = None,
    M: Number | None = None,
    batch: Number = BATCH,
    level: float = 0.95,
) -> SimulatedRate:
    """Sample segments and count how often they err.

    Args:
        segment: a single segment.
        kind: ``fp`` (fires for a random pattern), ``fn`` (misses its own pattern after ``v`` cells were lost) or
            ``union`` (a union of ``M`` patterns fires for a random pattern).
        trials: number of independent draws.
        key: a JAX key, or an integer seed; the same key gives the same counts.
        v: lost cells, for ``fn``.
        M: patterns, for ``union``.
        batch: trials drawn at once.
        level: of the Clopper-Pearson interval.

    Returns:
        The :class:`SimulatedRate`.

    Raises:
        ValueError: a segment of arrays, an unknown kind, a missing or superfluous ``v`` or ``M``, or wrong counts.

    Example:
        >>> rate = simulate(DendriticSegment(n=300, a=64, s=24, theta=8), "fp", trials=100_000, key=0)
        >>> rate.agrees, rate.n
        (True, 100000)
    """
    if kind not in ("fp", "fn", "union"):
        raise ValueError(f"kind must be 'fp', 'fn' or 'union', got {kind!r}")
    if segment.shape:
        raise ValueError(f"segment must be a single one, got shape {segment.shape}; simulate each in turn")
    for name, value, user in (("v", v, "fn"), ("M", M, "union")):
        if (value is None) == (kind == user):
            raise ValueError(f"{name} {'is needed' if value is None else 'makes sense'} with kind={user!r} only")
    n, a, s, theta = (int(count) for count in (segment.n, segment.a, segment.s, segment.theta))
    total, size = check_single(trials, "trials", least=1), check_single(batch, "batch", least=1)
    entropy = entropy_of(key)
    stream = random_stream(entropy)
    if kind == "fp":
        theory = float(segment.fp())
        k = count_overlaps(n, a, s, total, stream, size)[max(theta, 0) :].sum()
    elif kind == "fn":
        lost = check_single(v, "v")
        theory = float(segment.fn(lost))
        k = count_overlaps(a, lost, s, total, stream, size)[max(s - theta + 1, 0) :].sum()
    else:
        patterns = check_single(M, "M", least=1)
        theory = float(union_fp(segment, patterns))
        k = _count_union_overlaps(n, a, s, patterns, total, stream, size)[max(theta, 0) :].sum()
    interval = stats.clopper_pearson(int(k), total, level=level)
    return SimulatedRate(int(k), total, interval.value, interval.low, interval.high, level, theory, entropy)


def count_overlaps(
    n: int, a: int, s: int, trials: int, stream: np.random.Generator, batch: int = BATCH
) -> Integer[np.ndarray, "overlaps"]:
    """Histogram of the overlap between ``{0..a-1}`` and freshly sampled segments.

    Args:
        n, a, s: cells, active cells, synapses.
        trials: number of sampled segments.
        stream: random numbers.
        batch: segments sampled at once.

    Returns:
        int64[s + 2]; entry ``b`` counts the trials with overlap ``b``, the last is 0.
    """
    counts = np.zeros(s + 2, np.int64)
    for start in range(0, trials, batch):
        positions = sample_positions(n, s, min(batch, trials - start), stream)
        overlap = (positions < a).sum(axis=0, dtype=np.min_scalar_type(max(s, 1)))
        counts += np.bincount(overlap, minlength=s + 2)
    return counts


def sample_positions(n: int, s: int, trials: int, stream: np.random.Generator) -> Integer[np.ndarray, "{s} {trials}"]:
    """Draw s distinct cells out of n for each trial, by Floyd's method.

    Args:
        n: cells.
        s: synapses, at most n.
        trials: number of independent draws.
        stream: random numbers.

    Returns:
        uint16[s, trials] (uint32 or uint64 for more than 65 536 cells); every column is a uniformly random s-subset,
        in no particular order.

    Example:
        >>> positions = sample_positions(n=10, s=10, trials=3, stream=random_stream(0))
        >>> np.sort(positions, axis=0)[:, 0]
        array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], dtype=uint16)
    """
    dtype = np.result_type(np.uint16, np.min_scalar_type(n - 1))
    positions = np.empty((s, trials), dtype)
    for k in range(s):
        j = n - s + k
        t = stream.integers(0, j, size=trials, dtype=dtype, endpoint=True)
        positions[k] = np.where(_taken(positions[:k], t), dtype.type(j), t)
    return positions


def _taken(positions: np.ndarray, t: np.ndarray) -> Bool[np.ndarray, "trials"]:
    taken = np.zeros(t.shape, bool)
    same = np.empty(t.shape, bool)
    for row in positions:
        np.equal(row, t, out=same)
        np.logical_or(taken, same, out=taken)
    return taken


def _count_union_overlaps(
    n: int, a: int, s: int, M: int, trials: int, stream: np.random.Generator, batch: int
) -> np.ndarray:
    counts = np.zeros(a + 2, np.int64)
    batch = max(1, min(batch, 2**24 // max(a, s, 1)))
    for start in range(0, trials, batch):
        size = min(batch, trials - start)
        covered = np.zeros((a + 1, size), bool)  # row a collects the positions outside the pattern
        for _ in range(M):
            positions = sample_positions(n, s, size, stream)
            covered[np.minimum(positions, a), np.arange(size)] = True
        counts += np.bincount(covered[:a].sum(axis=0), minlength=a + 2)
    return counts


def random_stream(entropy: Any) -> np.random.Generator:
    """NumPy's SFC64 generator, seeded from a JAX key, an integer or recorded entropy."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(entropy_of(entropy))))


def entropy_of(key: Any) -> tuple[int, ...]:
    """The words of a JAX key or the digits of a seed, as NumPy's SeedSequence takes them.

    Example:
        >>> entropy_of(7)
        (7,)
    """
    if isinstance(key, tuple):
        return key
    if isinstance(key, int | np.integer):
        return (check_single(key, "key"),)
    import jax

    words = jax.random.key_data(key) if jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    return tuple(int(word) for word in np.ravel(words))
