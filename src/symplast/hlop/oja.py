"""Streaming principal subspaces by local plasticity: the lateral circuit as an estimator of its own."""

import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from symplast.hlop.arguments import check_activity, check_room
from symplast.hlop.circuit import (
    TOO_LONG,
    Circuit,
    OjaRule,
    Rows,
    captured,
    deviation,
    explained,
    largest_moment,
    learn,
    oja_rule,
    orthogonal,
    orthonormal_rows,
    orthonormalised,
)
from symplast.stats.arguments import check_count

OFTEN = 0.05
"""Share of the entries of a batch's changes that may be clipped before it is told."""


class OjaSubspace(eqx.Module):
    """The principal subspace of a stream of activity, learned batch by batch by Hebbian and anti-Hebbian updates.

    The moments are not centred: subtract the mean first for principal components in the usual sense. Rows span the
    leading subspace; they are not single eigenvectors. All methods return a new object, so unlike scikit-learn's
    ``partial_fit`` the result must be kept: ``space = space.partial_fit(X)``.

    Attributes:
        circuit: the lateral weights.
        rule: how they learn.

    Example:
        >>> import jax
        >>> keys = jax.random.split(jax.random.key(0), 3)
        >>> X = jax.random.normal(keys[0], (2000, 10)) * jnp.array([3.0, 2.0, *[0.1] * 8])
        >>> space = OjaSubspace(10, lr=0.02, key=keys[1]).add(2)
        >>> for batch in X.reshape(-1, 50, 10):
        ...     space = space.partial_fit(batch)
        >>> print(f"{space.explained(X):.2f} {space.deviation:.2f}")
        0.99 0.00
        >>> next_task = space.merge().add(1)  # learns what the first two rows leave
    """

    circuit: Circuit
    rule: OjaRule
    key: Key[Array, ""]

    def __init__(
        self,
        n_features: int,
        lr: float = 0.01,
        momentum: float = 0.9,
        iterations: int = 5,
        spiking: tuple[float, float] | None = None,
        key: Key[Array, ""] | None = None,
    ):
        """An empty subspace; :meth:`add` gives it rows.

        Args:
            n_features: width of the activity.
            lr: learning rate; ``lr`` times the largest eigenvalue of ``E[x x^T]`` must stay below about 1.
            momentum: of the updates.
            iterations: updates a batch.
            spiking: (scale, levels) of spiking lateral neurons; None for linear ones.
            key: of the first rows; ``jax.random.key(0)`` if None.

        Raises:
            ValueError: a setting out of range.
        """
        n = check_count(n_features, "n_features")
        self.rule = oja_rule(lr, momentum, iterations, spiking)
        self.key = jax.random.key(0) if key is None else key
        nothing = jnp.zeros((0, n))
        self.circuit = Circuit.begin(nothing, nothing)

    @property
    def basis(self) -> Rows:
        """All rows, old first."""
        return self.circuit.rows

    @property
    def deviation(self) -> float:
        """``|H H^T - I|`` (Frobenius): the projection is exact where this is 0."""
        return float(deviation(self.basis))

    @property
    def clipped(self) -> int:
        """Entries of changes that were clipped at 10 so far; many mean that lr suits the input badly."""
        return int(self.circuit.clipped)

    def add(self, k: int) -> "OjaSubspace":
        """Add k rows that learn, orthonormal among themselves.

        Raises:
            ValueError: an earlier subspace is not merged yet, or more rows than features.
        """
        rows = check_count(k, "k")
        if len(self.circuit.new):
            raise ValueError(f"k: {len(self.circuit.new)} rows are still learning; merge() them before adding others")
        n = self.basis.shape[1]
        check_room(len(self.circuit.old) + rows, n, f"k={rows}")
        drawn = orthonormal_rows(jax.random.fold_in(self.key, len(self.circuit.old)), rows, n)
        return self._with(Circuit.begin(self.circuit.old, drawn))

    def merge(self, *, exact: bool = False) -> "OjaSubspace":
        """Fix the rows that learn; they join the old ones.

        Args:
            exact: replace all rows by an orthonormal basis of what they span, so that the projection is exact.

        Raises:
            ValueError: no row is learning.
        """
        if not len(self.circuit.new):
            raise ValueError("merge: no row is learning; add(k) some first")
        rows = orthonormalised(self.basis) if exact else self.basis
        return self._with(Circuit(rows, rows[:0], rows[:0], self.circuit.clipped))

    def partial_fit(self, X: Any) -> "OjaSubspace":
        """Learn from one batch.

        Args:
            X: (rows, n_features).

        Raises:
            ValueError: no row is learning, X of another width or with NaN, or rows that diverge.

        Warns:
            UserWarning: the activity is so large that changes are clipped; says by what to scale it.
        """
        x = check_activity(X, "X", self.basis.shape[1])
        if not len(self.circuit.new):
            raise ValueError("partial_fit: no row is learning; add(k) some first")
        circuit = _learn(self.circuit, x, self.rule)
        check_stable(circuit.new, x, float(self.rule.lr), "lr")
        if int(circuit.clipped - self.circuit.clipped) > OFTEN * circuit.new.size * self.rule.iterations:
            scale = 1 / float(jnp.sqrt(largest_moment(x)))
            warnings.warn(
                f"changes are clipped at 10 so often that the rows hardly learn: multiply the activity by {scale:.1g} "
                "(its subspace stays the same) and lr by the inverse square",
                stacklevel=2,
            )
        return self._with(circuit)

    def project(self, X: Any) -> Float[Array, "rows n"]:
        """The part of X inside the subspace, ``X H^T H``."""
        return explained(check_activity(X, "X", self.basis.shape[1]), self.basis, self.rule.spikes)

    def orth(self, X: Any) -> Float[Array, "rows n"]:
        """The part of X outside the subspace, ``X - X H^T H``."""
        return orthogonal(check_activity(X, "X", self.basis.shape[1]), self.basis, self.rule.spikes)

    def explained(self, X: Any) -> float:
        """Share of the (uncentred) second moment of X inside the span of the rows, in [0, 1]."""
        x = check_activity(X, "X", self.basis.shape[1])
        if not bool(x.any()):
            raise ValueError("X must not be all zeros: there is nothing to explain")
        if not len(self.basis):
            return 0.0
        moment = x.T @ x / len(x)
        return float(captured(self.basis, moment) / jnp.trace(moment))

    def _with(self, circuit: Circuit) -> "OjaSubspace":
        return eqx.tree_at(lambda space: space.circuit, self, circuit)


_learn = eqx.filter_jit(learn)


def check_stable(rows: Rows, x: Float[Array, "rows n"], lr: float, name: str) -> None:
    """Rows that learned from x are still near norm 1.

    Raises:
        ValueError: they have diverged; says which learning rate the input allows.
    """
    longest = float(jnp.sqrt(jnp.max(jnp.sum(rows**2, axis=1), initial=0.0)))
    if longest < TOO_LONG:  # NaN is not
        return
    moment = float(largest_moment(x))
    if not 0 < moment < float("inf"):
        raise ValueError(
            f"{name}={lr:g} can't be compared with this activity, which is not finite or beyond 32-bit floats: "
            "scale it so that its values are around 1"
        )
    raise ValueError(
        f"{name}={lr:g} is too large for this activity: lateral rows reach norm {longest:.3g}, not 1. The largest "
        f"eigenvalue of its E[x x^T] is {moment:.3g}; take at most {0.3 / moment:.1g}, or scale the activity down"
    )
