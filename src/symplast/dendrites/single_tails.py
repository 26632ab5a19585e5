"""The overlap of a random pattern with segments, at single thresholds: what a search needs that visits few of them.

:mod:`symplast.dendrites.overlap` gives the tails of all thresholds at once, as many numbers as a table has. Here a
tail costs its terms down to the precision of float64, some tens to hundreds, whatever the size of the segment.
"""

import numpy as np
from jaxtyping import Float, Int

NEGLIGIBLE = 1e-18
"""Share of the sum below which further terms are left out; they fall faster than geometrically."""
SHRINK = 16
"""Terms between two looks at which sums are complete."""


class SingleTails:
    """``ln P[overlap >= theta]`` of ``a`` random active cells of ``n`` with a segment of s synapses, s up to a limit.

    ``p(b) = C(s,b) a!/(a-b)! (n-a)!/(n-a-s+b)! (n-s)!/n!`` from prefix sums of logarithms, kept in extended precision
    where the machine has it; the sum goes from the threshold away from the mean.

    Args:
        n: potential presynaptic cells.
        a: active cells.
        limit: largest segment, at most n.
    """

    def __init__(self, n: int, a: int, limit: int):
        self.n, self.a = n, a
        j = np.arange(limit, dtype=np.longdouble)
        with np.errstate(divide="ignore"):
            self._factorial = _prefix_sums(np.log(j + 1))
            self._active = _prefix_sums(np.log(np.maximum(a - j, 0) / n))
            self._silent = _prefix_sums(np.log(np.maximum(n - a - j, 0) / n))
            self._every = _prefix_sums(np.log((n - j) / n))

    def log_pmf(self, s: Int[np.ndarray, " sizes"], b: Int[np.ndarray, " sizes"]) -> Float[np.ndarray, " sizes"]:
        """``ln P[overlap = b]``; -inf where that is impossible."""
        inside = (b >= 0) & (b <= s)
        b = np.clip(b, 0, s)
        choose = self._factorial[s] - self._factorial[b] - self._factorial[s - b]
        log = choose + self._active[b] + self._silent[s - b] - self._every[s]
        return np.where(inside, log, -np.inf).astype(np.float64)

    def __call__(self, s: Int[np.ndarray, " sizes"], theta: Int[np.ndarray, " sizes"]) -> Float[np.ndarray, " sizes"]:
        """``ln P[overlap >= theta]`` for pairs of size and threshold."""
        least, most = np.maximum(0, self.a + s - self.n), np.minimum(s, self.a)
        tail = np.where(theta > most, -np.inf, 0.0)
        between = (theta > least) & (theta <= most)
        above = between & (theta > s * (self.a / self.n))
        below = between & ~above
        tail[above] = self._sum(s[above], theta[above], +1)
        tail[below] = np.log1p(-np.exp(np.minimum(self._sum(s[below], theta[below] - 1, -1), 0.0)))
        return np.minimum(tail, 0.0)

    def _sum(self, s: np.ndarray, first: np.ndarray, way: int) -> np.ndarray:
        """``ln`` of the sum of the probabilities from ``first`` upwards or downwards."""
        total = np.ones(s.size)
        left = np.arange(s.size)
        term, rest, b, size = np.ones(s.size), np.ones(s.size), first.astype(float), s.astype(float)
        silent = self.n - self.a - size
        while left.size:
            for _ in range(SHRINK):
                if way > 0:
                    term = term * ((self.a - b) * (size - b) / ((b + 1) * (silent + b + 1)))
                else:
                    term = term * (b * (silent + b) / ((self.a - b + 1) * (size - b + 1)))
                b = b + way
                rest = rest + term
            total[left] = rest
            on = term > NEGLIGIBLE * rest
            left = left[on]
            term, rest, b, size, silent = (each[on] for each in (term, rest, b, size, silent))
        return self.log_pmf(s, first) + np.log(total)


def _prefix_sums(terms: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, terms.dtype), np.cumsum(terms)])
