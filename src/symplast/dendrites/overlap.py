"""The overlap of a random pattern with a segment, in log space: no tail is too small, no sum loses its digits.

Symbolic evaluation of the textbook sum and differences of log-gamma functions both fail here (the first drops terms,
the second cancels 10 digits at n = 2e5). Each term is instead built from at most s logarithms of ratios below one,
and the tails of all thresholds come from one reversed cumulative log-sum-exp.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from symplast.dendrites.arguments import Count
from symplast.dendrites.precision import in_float64, require_float64

if TYPE_CHECKING:
    Float64: TypeAlias = Any  # as for NumPy's own functions: a scalar or an array, known to the caller only
else:
    Float64 = Float[np.ndarray, "..."] | np.float64
"""float64 of any shape: an array, or a scalar where all arguments are single numbers."""
Counts: TypeAlias = Int[Array, "..."]
CHUNK = 2**22
"""Table entries computed at once: bounds the memory of a large sweep."""


def log_overlap_pmf(n: Counts, a: Counts, s: Counts, width: int) -> Float[Array, "..."]:
    """Log-probability of each overlap between a random pattern and a segment; pure JAX.

    ``ln p(b) = ln C(s,b) + sum_{j<b} ln (a-j)/n + sum_{j<s-b} ln (n-a-j)/n - sum_{j<s} ln (n-j)/n``.

    Args:
        n: potential presynaptic cells.
        a: active cells, same shape.
        s: synapses, same shape.
        width: largest overlap wanted, static; at least s.

    Returns:
        float64[..., width + 1], ``-inf`` where the overlap is impossible.

    Raises:
        RuntimeError: 64-bit floats are off.

    Source:
        Eq. 2-4, arXiv:1601.00720.
    """
    require_float64("log_overlap_pmf")
    n, a, s = (jnp.asarray(count, jnp.float64)[..., None] for count in (n, a, s))
    j = jnp.arange(width, dtype=jnp.float64)
    log_choose = _prefix_sums(_log_where(j < s, (s - j) / (j + 1)))
    active = _prefix_sums(_log_where(j < a, (a - j) / n))
    silent = _prefix_sums(_log_where(j < n - a, (n - a - j) / n))
    every = jnp.sum(jnp.where(j < s, jnp.log(jnp.where(j < s, (n - j) / n, 1.0)), 0.0), axis=-1, keepdims=True)
    b = jnp.arange(width + 1)
    rest = jnp.clip(s.astype(jnp.int64) - b, 0, width)
    return log_choose + active + jnp.take_along_axis(silent, rest, axis=-1) - every


def log_overlap_tails(n: Counts, a: Counts, s: Counts, width: int) -> Float[Array, "..."]:
    """Log-probability that the overlap reaches each threshold 0 .. width + 1; pure JAX.

    Args:
        n: potential presynaptic cells.
        a: active cells, same shape.
        s: synapses, same shape.
        width: static; at least s.

    Returns:
        float64[..., width + 2]; the last entry is ``-inf``, entries that are certain are exactly 0.
    """
    pmf = log_overlap_pmf(n, a, s, width)
    tails = _sums_from_the_top(pmf)
    certain = jnp.arange(width + 1) <= jnp.maximum(a + s - n, 0)[..., None]
    tails = jnp.where(certain, 0.0, jnp.minimum(tails, 0.0))
    return jnp.concatenate([tails, jnp.full((*tails.shape[:-1], 1), -jnp.inf)], axis=-1)


_tails = partial(jax.jit, static_argnames="width")(log_overlap_tails)
_pmf = partial(jax.jit, static_argnames="width")(log_overlap_pmf)


@in_float64
def tail_table(n: Count, a: Count, s: Count) -> Float[np.ndarray, "..."]:
    """Log-tails of all thresholds for many triples at once.

    Sizes are padded to powers of two, so that calls with other values and similar sizes reuse the compiled program.

    Args:
        n, a, s: counts that broadcast; checked by the caller.

    Returns:
        float64[..., width + 2], entry ``theta`` the log-probability of an overlap of at least theta.
    """
    shape = np.broadcast_shapes(np.shape(n), np.shape(a), np.shape(s))
    cells, active, synapses = (np.broadcast_to(count, shape).ravel().astype(np.int64) for count in (n, a, s))
    active, synapses = np.maximum(active, synapses), np.minimum(active, synapses)  # symmetric: few synapses are cheap
    width = power_of_two(int(synapses.max(initial=0)), least=16)
    rows = min(power_of_two(cells.size), max(1, CHUNK // width))
    table = np.empty((cells.size, width + 2))
    for start in range(0, cells.size, rows):
        part = slice(start, min(start + rows, cells.size))
        padded = [np.pad(x[part], (0, rows - (part.stop - start)), mode="edge") for x in (cells, active, synapses)]
        table[part] = np.asarray(_tails(*map(jnp.asarray, padded), width=width))[: part.stop - start]
    return table.reshape(*shape, width + 2)


def log_tail(n: Count, a: Count, s: Count, theta: Count) -> Float64:
    """``ln P[overlap >= theta]`` for counts that broadcast, checked by the caller."""
    table = tail_table(n, a, s)
    last = table.shape[-1] - 1
    shape = np.broadcast_shapes(table.shape[:-1], np.shape(theta))
    rows = np.broadcast_to(np.arange(table[..., 0].size).reshape(table.shape[:-1]), shape)
    return table.reshape(-1, last + 1)[rows, np.clip(np.broadcast_to(theta, shape), 0, last)]


@in_float64
def log_pmf(n: int, a: int, s: int) -> Float64:
    """Log-probability of each overlap 0 .. s for one triple, checked by the caller."""
    width = power_of_two(s, least=16)
    counts = (jnp.asarray(count, jnp.int64) for count in (n, a, s))
    return np.asarray(_pmf(*counts, width=width))[: s + 1]


def _sums_from_the_top(logs):
    """Reversed cumulative log-sum-exp over the last axis; a scan is 30 times faster here than ``lax.cumlogsumexp``."""

    def add(tail, term):
        tail = jnp.logaddexp(tail, term)
        return tail, tail

    terms = jnp.moveaxis(logs, -1, 0)
    return jnp.moveaxis(jax.lax.scan(add, jnp.full(terms.shape[1:], -jnp.inf), terms, reverse=True)[1], 0, -1)


def _prefix_sums(terms):
    sums = jnp.cumsum(terms, axis=-1)
    return jnp.concatenate([jnp.zeros((*sums.shape[:-1], 1)), sums], axis=-1)


def _log_where(possible, ratio):
    return jnp.where(possible, jnp.log(jnp.where(possible, ratio, 1.0)), -jnp.inf)


def power_of_two(size: int, least: int = 1) -> int:
    """The padded size: the next power of two, at least ``least``."""
    return max(least, 1 << max(size - 1, 0).bit_length())
