"""A dendritic segment as a coincidence detector, and how often it is wrong."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from symplast.dendrites.arguments import Count, CountLike, Number, check_at_most, check_count, lost_cells
from symplast.dendrites.exact import NoiseModel, check_noise, check_subsample, fn_exact, fp_exact
from symplast.dendrites.overlap import Float64, log_pmf, log_tail


class MissRate(np.ndarray):
    """False-negative probabilities (float64), with the number of lost cells that they belong to.

    Attributes:
        v: active cells that the noise switched off.
    """

    v: Count | None

    def __array_finalize__(self, source: np.ndarray | None) -> None:
        self.v = getattr(source, "v", None)


@dataclass(frozen=True, eq=False, init=False)
class DendriticSegment:
    """A segment of ``s`` synapses that fires when at least ``theta`` of them are active.

    The four counts may be arrays that broadcast against each other; every method then works elementwise.

    Args:
        n: potential presynaptic cells, at least 1.
        a: active cells of the presented pattern, at most n.
        s: synapses, at most n.
        theta: threshold. ``theta > s`` never fires, ``theta <= 0`` always does.

    Raises:
        ValueError: a count that is negative, not whole, or too large; the message names it.

    Example:
        >>> segment = DendriticSegment(n=10_000, a=300, s=30, theta=15)
        >>> float(segment.fp())
        1.04919...e-15
        >>> segment.fp_exact() < Fraction(1, 10**14)
        True
        >>> missed = segment.fn(noise=0.2)
        >>> missed.v, f"{missed:.3g}"
        (60, '1.68e-05')

    Source:
        Eq. 1 and Eq. 4-6, arXiv:1601.00720.
    """

    n: Count
    a: Count
    s: Count
    theta: Count

    def __init__(self, n: CountLike, a: CountLike, s: CountLike, theta: CountLike) -> None:
        for name, value, least in (("n", n, 1), ("a", a, 0), ("s", s, 0), ("theta", theta, None)):
            object.__setattr__(self, name, check_count(value, name, least))
        check_at_most(self.a, "a", self.n, "n", "active cells are among the n cells")
        check_at_most(self.s, "s", self.n, "n", "each synapse has its own cell")
        try:
            np.broadcast_shapes(*map(np.shape, (self.n, self.a, self.s, self.theta)))
        except ValueError:
            shapes = [np.shape(x) for x in (self.n, self.a, self.s, self.theta)]
            raise ValueError(f"n, a, s, theta must have shapes that broadcast, got {shapes}") from None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the results: () for a single segment."""
        return np.broadcast_shapes(*map(np.shape, (self.n, self.a, self.s, self.theta)))

    def log_fp(self) -> Float64:
        """``ln P_FP``: natural logarithm of :meth:`fp`; finite wherever a false positive is possible at all."""
        return log_tail(self.n, self.a, self.s, self.theta)

    def fp(self) -> Float64:
        """Probability that a random pattern of ``a`` cells makes the segment fire.

        ``P_FP = sum_{b>=theta} C(s,b) C(n-s,a-b) / C(n,a)``.

        Returns:
            float64 of the broadcast shape, relative error below 1e-12 for up to a few hundred synapses.

        Source:
            Eq. 4, arXiv:1601.00720.
        """
        return np.exp(self.log_fp())

    def fp_exact(self) -> Fraction:
        """The false-positive probability as an exact rational; single segments only."""
        return fp_exact(*self._single())

    def v(self, noise: float) -> Count:
        """Cells that a noise fraction switches off, ``round(noise * a)``.

        Example:
            >>> DendriticSegment(6000, 128, 30, 12).v(0.15)
            19
        """
        return lost_cells(noise, self.a)

    def log_fn(self, v: CountLike | None = None, *, noise: float | NoiseModel | str = "replace") -> Float64:
        """``ln P_FN``; arguments as in :meth:`fn`."""
        return self._log_miss(*self._noise(v, noise))

    def fn(self, v: CountLike | None = None, *, noise: float | NoiseModel | str = "replace") -> MissRate:
        """Probability that the segment misses a corrupted copy of its own pattern.

        ``P_FN = sum_{b>=s-theta+1} C(s,b) C(a-s,v-b) / C(a,v)``; exactly 0 while ``v <= s - theta``, exactly 1 when
        ``theta > s``. The synapses are a subset of the pattern's active cells.

        Args:
            v: active cells that noise switches off and replaces; broadcasts with the segment's counts.
            noise: either a fraction instead of ``v`` (then ``v = round(noise * a)``, kept in ``.v``), or the noise
                model that goes with ``v``: ``replace`` (the paper's: new cells come from outside the pattern) or
                ``resample`` (ours: from all cells that are then off, lost ones included).

        Returns:
            float64 of the broadcast shape, with the attribute ``v``.

        Raises:
            ValueError: s > a, v > a, v > n - a under ``replace``, both or neither of ``v`` and a fraction given.

        Example:
            >>> segment = DendriticSegment(n=6000, a=128, s=30, theta=12)
            >>> [f"{segment.fn(v):.3g}" for v in (18, 64)]
            ['0', '0.0717']
            >>> f"{segment.fn(64, noise='resample'):.3g}"
            '0.0635'

        Source:
            Eq. 5-6, arXiv:1601.00720; the resample model is ours.
        """
        lost, model = self._noise(v, noise)
        missed = np.asarray(np.exp(self._log_miss(lost, model))).view(MissRate)
        missed.v = lost
        return missed

    def fn_exact(self, v: Number, *, noise: NoiseModel | str = "replace") -> Fraction:
        """The false-negative probability as an exact rational; single segments only."""
        n, a, s, theta = self._single()
        return fn_exact(a, s, theta, v, n=n, noise=noise)

    def _single(self) -> tuple[int, int, int, int]:
        if self.shape:
            raise ValueError(
                f"the segment must be a single one for exact rationals, got an array of shape {self.shape}"
            )
        n, a, s, theta = (int(count) for count in (self.n, self.a, self.s, self.theta))
        return n, a, s, theta

    def _noise(self, v: CountLike | None, noise: float | NoiseModel | str) -> tuple[Count, str]:
        model = noise if isinstance(noise, str) else "replace"
        if (v is None) == isinstance(noise, str):
            raise ValueError("give either v (a count of lost cells) or noise (a fraction of the active cells)")
        lost = check_count(v, "v") if v is not None else self.v(noise)  # type: ignore[arg-type]
        check_subsample(self.a, self.s)
        check_noise(lost, self.a, self.n, model)
        return lost, model

    def _log_miss(self, v: Count, model: str) -> Float64:
        spare = np.subtract(self.s, self.theta) + 1
        if model == "replace":
            return log_tail(np.maximum(self.a, 1), v, self.s, spare)
        elements = np.broadcast(self.n, self.a, self.s, spare, v)
        logs = [_log_miss_resampled(*map(int, element)) for element in elements]
        return np.array(logs).reshape(elements.shape)[()]


def _log_miss_resampled(n: int, a: int, s: int, spare: int, v: int) -> float:
    """Mixture over the number of lost cells that the resampling switches on again."""
    back = np.arange(v + 1)
    weights = log_pmf(max(n - a + v, 1), v, v)
    return min(float(np.logaddexp.reduce(weights + log_tail(max(a, 1), v - back, s, spare))), 0.0)
