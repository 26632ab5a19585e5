"""The lateral circuit of one layer: Hebbian and anti-Hebbian learning of the principal subspace of its input.

    y = H x,  xh = H^T y,  dH = clip(E[y (x - xh)^T], -10, 10),  M <- m M + (1-m) dH,  H <- H + lr M

Old rows (of earlier tasks) are fixed. What they explain is taken off the input once a batch, ``r = x - H_old^T H_old
x``, and the new rows learn the rest: the same update as over all rows, at the price of one product for the old ones. A
row of zeros stays zero and explains nothing, so circuits are padded with such rows to keep their shapes.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from symplast.hlop.lateral_spikes import LateralSpikes, lateral_output
from symplast.spiking.arguments import Values, check_positive, is_traced, parameter

Rows = Float[Array, "k n"]

LARGEST_CHANGE = 10.0
"""Entries of dH are clipped here."""

TOO_LONG = 2.0
"""A row of this norm has diverged: at the fixed point it is 1."""


class OjaRule(eqx.Module):
    """How a circuit learns.

    Stable only where ``lr`` times the largest eigenvalue of ``E[x x^T]`` (not centred) is below about 1.

    Attributes:
        lr: learning rate.
        momentum: m; the new change counts ``1-m``, so the effective rate is lr whatever m is.
        iterations: updates a batch.
        spikes: None for linear lateral neurons.

    Raises:
        ValueError: lr not positive, momentum outside [0, 1), iterations below 1.
    """

    lr: Values = eqx.field(converter=parameter, default=0.01)
    momentum: Values = eqx.field(converter=parameter, default=0.9)
    iterations: int = eqx.field(static=True, default=5)
    spikes: LateralSpikes | None = None

    def __check_init__(self) -> None:
        check_positive(self.lr, "lr")
        if not is_traced(self.momentum) and not 0 <= float(self.momentum) < 1:
            raise ValueError(f"momentum must be in [0, 1), got {float(self.momentum)}")
        if self.iterations < 1:
            raise ValueError(f"iterations must be at least 1, got {self.iterations}")


def oja_rule(lr: float, momentum: float, iterations: int, spiking: tuple[float, float] | None) -> OjaRule:
    """From plain numbers; ``spiking`` is (scale, levels) of lateral neurons, or None."""
    spikes = None if spiking is None else LateralSpikes(parameter(spiking[0]), parameter(spiking[1]))
    return OjaRule(parameter(lr), parameter(momentum), iterations, spikes)


class Circuit(NamedTuple):
    """Lateral weights of one layer; rows of zeros are padding.

    Attributes:
        old: rows of earlier tasks, merged and fixed.
        new: rows that learn.
        momentum: M of the new rows.
        clipped: entries of dH that were clipped so far.
    """

    old: Float[Array, "k_old n"]
    new: Float[Array, "k_new n"]
    momentum: Float[Array, "k_new n"]
    clipped: Int[Array, ""]

    @classmethod
    def begin(cls, old: Float[Array, "k_old n"], new: Float[Array, "k_new n"]) -> "Circuit":
        """A circuit whose new rows have not learned yet."""
        return cls(old, new, jnp.zeros_like(new), jnp.zeros((), jnp.int32))

    @property
    def rows(self) -> Rows:
        """All rows, old first."""
        return jnp.concatenate([self.old, self.new])


def orthonormal_rows(key: Key[Array, ""], rows: int, n_features: int) -> Rows:
    """Random orthonormal rows."""
    return random_bases(key, [(rows, n_features)])[0]


def random_bases(key: Key[Array, ""], shapes: Sequence[tuple[int, int]]) -> tuple[Rows, ...]:
    """Random orthonormal rows of several layers, out of one draw: many small draws take long to compile."""
    sizes = [rows * features for rows, features in shapes]
    parts = jnp.split(jax.random.normal(key, (sum(sizes),)), list(accumulate(sizes))[:-1])
    return tuple(orthonormalised(part.reshape(shape)) for part, shape in zip(parts, shapes, strict=True))


def explained(x: Float[Array, "*rows n"], basis: Rows, spikes: LateralSpikes | None) -> Float[Array, "*rows n"]:
    """``H^T H x``, the part of x that the lateral neurons give back."""
    return lateral_output(x @ basis.T, spikes) @ basis


def orthogonal(x: Float[Array, "*rows n"], basis: Rows, spikes: LateralSpikes | None = None) -> Float[Array, "*rows n"]:
    """``x - H^T H x``, what a subspace leaves of x.

    Example:
        >>> print(orthogonal(jnp.array([1.0, 0.0]), jnp.array([[0.6, 0.8]])).round(4))
        [ 0.64 -0.48]
    """
    return x - explained(x, basis, spikes) if len(basis) else x


def learn(
    circuit: Circuit, x: Float[Array, "rows n"], rule: OjaRule, rest: Float[Array, "rows n"] | None = None
) -> Circuit:
    """The circuit after one batch.

    Args:
        circuit: before it.
        x: presynaptic activity, one row an example.
        rule: how it learns.
        rest: what the old rows leave of x, where that is known already.

    Returns:
        The circuit after ``rule.iterations`` updates of its new rows.
    """
    if not len(circuit.new):
        return circuit
    rest = orthogonal(x, circuit.old, rule.spikes) if rest is None else rest
    by_gram = len(x) > len(circuit.new)  # y^T (y H) or (y^T y) H, whichever is cheaper

    def update(_: Any, carried: tuple[Rows, Rows, Int[Array, ""]]) -> tuple[Rows, Rows, Int[Array, ""]]:
        H, M, clipped = carried
        y = lateral_output(x @ H.T, rule.spikes)
        change = (y.T @ rest - (y.T @ y) @ H if by_gram else y.T @ (rest - y @ H)) / len(x)
        clipped = clipped + jnp.sum(jnp.abs(change) > LARGEST_CHANGE, dtype=jnp.int32)
        M = rule.momentum * M + (1 - rule.momentum) * jnp.clip(change, -LARGEST_CHANGE, LARGEST_CHANGE)
        return H + rule.lr * M, M, clipped

    start = circuit.new, circuit.momentum, circuit.clipped
    return Circuit(circuit.old, *jax.lax.fori_loop(0, rule.iterations, update, start))


def deviation(basis: Rows) -> Float[Array, ""]:
    """``|H H^T - I|`` (Frobenius): how far rows are from orthonormal; rows of zeros don't count."""
    there = jnp.any(basis != 0, axis=1)
    return jnp.linalg.norm(basis @ basis.T - jnp.diag(there.astype(basis.dtype)))


def orthonormalised(basis: Rows) -> Rows:
    """An orthonormal basis of what the rows span, row by row (Gram-Schmidt, twice); rows of zeros stay zero.

    Example:
        >>> orthonormalised(jnp.array([[2.0, 0.0], [1.0, 1.0], [0.0, 0.0]])).tolist()
        [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    resolution = basis.shape[1] * jnp.finfo(basis.dtype).eps

    def one(row: Any, Q: Rows) -> Rows:
        v = basis[row]
        length = jnp.linalg.norm(v)
        for _ in range(2):
            v = v - (Q @ v) @ Q
        left = jnp.linalg.norm(v)
        return Q.at[row].set(jnp.where(left > resolution * length, v / jnp.where(left > 0, left, 1), 0))

    return jax.lax.fori_loop(0, len(basis), one, jnp.zeros_like(basis)) if len(basis) else basis


def captured(basis: Rows, second_moment: Float[Array, "n n"]) -> Float[Array, ""]:
    """``tr(Q^T C Q)`` with Q an orthonormal basis of the rows: the second moment that they hold."""
    Q = orthonormalised(basis)
    return jnp.sum((Q @ second_moment) * Q)


def largest_moment(x: Float[Array, "rows n"], steps: int = 20) -> Float[Array, ""]:
    """Largest eigenvalue of ``E[x x^T]``, by power iteration."""

    def again(_: Any, v: Float[Array, " n"]) -> Float[Array, " n"]:
        v = (x @ v) @ x
        return v / jnp.maximum(jnp.linalg.norm(v), jnp.finfo(v.dtype).tiny)

    v = jax.lax.fori_loop(0, steps, again, jnp.sum(x * jnp.sum(x, axis=1, keepdims=True), axis=0))
    return jnp.sum((x @ v) ** 2) / len(x)
