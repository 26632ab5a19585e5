"""Lengths and cosines that neither overflow nor vanish: numbers are scaled by a power of two before they are squared.

Scaling by a power of two is exact, so results are those of the plain formula wherever that one works.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def length(*parts: Array) -> Float[Array, ""]:
    """Root of the sum of squares of all entries of all parts; 0 without any.

    Example:
        >>> float(length(jnp.array([3e-30, 4e-30])) / 5e-30)
        1.0
    """
    if not parts:
        return jnp.zeros(())
    scaled, size = _scaled(parts)
    return size * jnp.sqrt(_total(scaled, scaled))


def cosine(a: Array | Sequence[Array], b: Array | Sequence[Array]) -> Float[Array, ""]:
    """``<a, b> / (|a| |b|)`` of two arrays, or of two lists of arrays as one long vector each; NaN where one is zero.

    Example:
        >>> r = jnp.array([1.0, 2.0, 2.0])
        >>> float(cosine(1e-25 * r, 1e25 * r))
        1.0
    """
    ours, theirs = _as_list(a), _as_list(b)
    if not ours:
        return jnp.asarray(jnp.nan)
    ours, theirs = _scaled(ours)[0], _scaled(theirs)[0]
    return _total(ours, theirs) / jnp.sqrt(_total(ours, ours) * _total(theirs, theirs))


def _scaled(parts: Sequence[Array]) -> tuple[list[Array], Array]:
    """The parts divided by a power of two about as large as their largest entry, and that power."""
    parts = [jnp.asarray(part, jnp.result_type(part, float)) for part in parts]
    largest = jnp.stack([jnp.max(jnp.abs(part), initial=0.0) for part in parts]).max()
    power = jax.lax.reduce_precision(largest / 2, exponent_bits=jnp.finfo(largest.dtype).nexp, mantissa_bits=0)
    power = jnp.where((power > 0) & jnp.isfinite(power), power, 1)
    return [part / power.astype(part.dtype) for part in parts], power


def _total(a: Sequence[Array], b: Sequence[Array]) -> Array:
    return sum((jnp.sum(x * y) for x, y in zip(a[1:], b[1:], strict=True)), jnp.sum(a[0] * b[0]))


def _as_list(arrays: Array | Sequence[Array]) -> list[Array]:
    return list(arrays) if isinstance(arrays, list | tuple) else [jnp.asarray(arrays)]
