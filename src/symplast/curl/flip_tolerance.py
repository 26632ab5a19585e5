"""Will this share of rule-flipped neurons still learn in my architecture?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from symplast import stats
from symplast.curl.draws import stacked_teachers
from symplast.curl.random_matrix import LAYERS, Layer, critical_fraction
from symplast.curl.signs import SignMask, flipped_count
from symplast.curl.simulation import simulate_linear
from symplast.curl.solution import solution_operator, stability
from symplast.curl.spectrum import signed_kernel
from symplast.curl.two_layer import CurlRule, TwoLayer
from symplast.learning.host_random import generator
from symplast.on_use import pandas as pd
from symplast.stats.arguments import plain

LEARNED = 1e-8
"""A simulated run has learned when its loss ends below this."""

Growth: TypeAlias = Callable[[np.ndarray], float]
"""Signs of one layer's neurons -> fastest growth rate at the solution, per unit step size; negative is stable."""


@dataclass(frozen=True, eq=False)
class Tolerance:
    """How many flipped neurons an architecture tolerates.

    Attributes:
        layer: whose weights the flips act on.
        neurons: how many could be flipped: the inputs for ``hidden``, the hidden units for ``readout``.
        large_net: critical share of a large net with the same ratio of sizes and weights; None where there is no
            closed form (several outputs, other activations).
        critical: largest tolerated share of this net, mean over draws (percentile bootstrap).
        critical_draws: (draws,) the same, draw by draw.
        table: one row a share asked for: ``fraction``, ``flipped`` (neurons), ``growth`` (largest eigenvalue at the
            solution, mean over draws), ``stable`` (share of draws), and with ``simulate_epochs`` ``learned`` (share of
            runs that ended without error); each with the ends ``_low`` and ``_high`` of its 95 % interval.
    """

    layer: Layer
    neurons: int
    large_net: float | None
    critical: stats.Estimate
    critical_draws: Float[np.ndarray, " draws"]
    table: pd.DataFrame


def tolerance(
    net: TwoLayer | tuple[int, int, int],
    fractions: Sequence[float] = (0.01, 0.05, 0.1, 0.2, 0.5),
    *,
    layer: Layer = "hidden",
    draws: int = 20,
    X: Float[Array, "rows inputs"] | None = None,
    simulate_epochs: int | None = None,
    eta: float = 0.1,
    key: Key[Array, ""] | None = None,
) -> Tolerance:
    """How many neurons may be rule-flipped before the net leaves its zero-error solution.

    Three answers side by side: the closed form of a large net, the exact eigenvalues of finite ones, and, when asked
    for, learning itself. Flipping one more neuron never makes a solution more stable, so each draw has one critical
    number, found by bisection.

    Args:
        net: your trained net, whose flipped neurons are then drawn at random; or sizes (inputs, hidden, outputs), for
            random nets at a solution, ``|W1|_F^2 = hidden``, ``|W2|_F = 1``.
        fractions: shares of flipped neurons to look at, each in [0, 1].
        layer: flips act on the ``hidden`` weights (flipped inputs) or on the ``readout`` (flipped hidden units).
        draws: random nets, or random choices of neurons.
        X: your inputs. A linear net needs none, since a full-rank covariance doesn't change the verdict; others do.
        simulate_epochs: also learn for so many full-batch epochs from close to each solution, with norms kept; linear
            nets only.
        eta: step of that.
        key: random key.

    Returns:
        The :class:`Tolerance`.

    Raises:
        ValueError: a share outside [0, 1], fewer than two draws, an unknown layer, another activation without X or with
            ``simulate_epochs``, or X that is not finite, doesn't fit or drives no unit.

    Example:
        >>> found = tolerance((20, 50, 1), (0.1, 0.9), draws=10)
        >>> round(found.large_net, 3), found.neurons
        (0.177, 20)
        >>> found.table.stable.tolist()
        [1.0, 0.0]
        >>> bool(found.critical.low > found.large_net)  # small nets tolerate more
        True
    """
    if layer not in LAYERS:
        raise ValueError(f"layer must be hidden or readout, got {layer!r}")
    if draws < 2:
        raise ValueError(f"draws must be at least 2 (an interval needs two), got {draws}")
    own = isinstance(net, TwoLayer)
    activation = net.activation if isinstance(net, TwoLayer) else "linear"
    if activation != "linear" and X is None:
        raise ValueError(f"a {activation} net needs X: its solution's stability depends on the inputs")
    if activation != "linear" and simulate_epochs is not None:
        raise ValueError("simulate_epochs is for linear nets; use simulate for others")
    sizes = net.sizes if isinstance(net, TwoLayer) else net
    if len(sizes) != 3 or min(sizes) < 1:
        raise ValueError(f"net must be a TwoLayer or three positive sizes (inputs, hidden, outputs), got {net}")
    if X is not None:
        _check_inputs(X, sizes[0])
    neurons = sizes[0] if layer == "hidden" else sizes[1]
    counts = [flipped_count(neurons, float(fraction)) for fraction in fractions]
    key = jax.random.key(0) if key is None else key
    with jax.enable_x64(True):
        if isinstance(net, TwoLayer):
            nets = [_as_float64(net)] * draws
            orders = [generator(key, index).permutation(neurons) for index in range(draws)]
        else:  # random nets: which of the neurons is the same up to a permutation
            drawn = stacked_teachers(key, draws, sizes)
            pairs = zip(*map(np.asarray, drawn.weights), strict=True)
            nets = [TwoLayer(jnp.asarray(w1), jnp.asarray(w2)) for w1, w2 in pairs]
            orders = [np.arange(neurons)] * draws
        made = _growth(nets[0], layer, X) if own else None
        growths = [made or _growth(one, layer, X) for one in nets]
        critical = np.array([_critical(*pair) for pair in zip(growths, orders, strict=True)]) / neurons
        rows = []
        for fraction, count in zip(fractions, counts, strict=True):
            signs = [_signs(order, count) for order in orders]
            rates = np.array([growth(sign) for growth, sign in zip(growths, signs, strict=True)])
            row: dict[str, Any] = {"fraction": float(fraction), "flipped": count}
            row |= _columns("growth", stats.mean_interval(rates))
            row |= _columns("stable", stats.clopper_pearson(int((rates < 0).sum()), draws))
            if simulate_epochs is not None:
                learned = _learn(nets, layer, signs, X, simulate_epochs, eta)
                row |= _columns("learned", stats.clopper_pearson(learned, draws))
            rows.append(row)
    return Tolerance(
        layer, neurons, _large_net(nets[0], layer), stats.bootstrap(critical, np.mean), critical, pd.DataFrame(rows)
    )


def _check_inputs(X: Any, inputs: int) -> None:
    array = np.asarray(plain(X, "X"))
    if array.ndim != 2 or array.shape[1] != inputs or array.shape[0] < 1:
        raise ValueError(f"X must be (rows, inputs={inputs}) with at least one row, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("X must be finite; it holds NaN or infinity: drop or fill those rows")
    if not array.any():
        raise ValueError("X must not be all zeros: such inputs say nothing about a solution's stability")


def _columns(name: str, estimate: stats.Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _large_net(net: TwoLayer, layer: Layer) -> float | None:
    inputs, hidden, outputs = net.sizes
    if outputs != 1 or net.activation != "linear":
        return None
    first, second = (np.asarray(w, np.float64) for w in net.weights)
    ratio = float((first**2).sum() / hidden / (second**2).sum())
    return critical_fraction(inputs / hidden, layer, 1.0 if abs(ratio - 1) < 1e-6 else ratio)


def _as_float64(net: TwoLayer) -> TwoLayer:
    return TwoLayer(jnp.asarray(net.W1, jnp.float64), jnp.asarray(net.W2, jnp.float64), net.activation)


def _growth(net: TwoLayer, layer: Layer, X: Any) -> Growth:
    """The fastest growth rate at the net's own outputs as a function of one layer's signs."""
    inputs, hidden, _ = net.sizes

    def both(signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return (signs, np.ones(hidden)) if layer == "hidden" else (np.ones(inputs), signs)

    if net.activation == "linear":
        covariance = None if X is None else np.asarray(X, np.float64).T @ np.asarray(X, np.float64) / X.shape[0]
        return lambda signs: stability(solution_operator(net.W1, net.W2, *both(signs), covariance)).largest
    x = jnp.asarray(X, jnp.float64)

    def residuals(params: tuple[Array, Array]) -> Float[Array, " residuals"]:
        return jnp.ravel(TwoLayer(*params, net.activation)(x))

    def kernel_growth(signs: np.ndarray) -> float:
        values = np.linalg.eigvalsh(signed_kernel(residuals, net.weights, tuple(map(jnp.asarray, both(signs)))))
        inside = np.abs(values) > 1e-10 * np.abs(values).max()
        if not inside.any():
            raise ValueError("X must make some hidden unit respond: no weight of this net changes its outputs on it")
        return float(-values[inside].min())

    return kernel_growth


def _signs(order: np.ndarray, count: int) -> np.ndarray:
    signs = np.ones(order.size)
    signs[order[:count]] = -1
    return signs


def _critical(growth: Growth, order: np.ndarray) -> int:
    """Largest number of neurons, flipped in this order, that leaves the solution stable: bisection, growth rises."""
    low, high = 0, order.size + 1  # low is stable, high is not
    if growth(_signs(order, 0)) >= 0:
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if growth(_signs(order, middle)) < 0 else (low, middle)
    return low


def _learn(nets: list[TwoLayer], layer: Layer, signs: list[np.ndarray], X: Any, epochs: int, eta: float) -> int:
    """How many runs from close to their solution end without error."""
    covariance = jnp.asarray(0.5) if X is None else jnp.asarray(X, jnp.float64).T @ jnp.asarray(X) / X.shape[0]
    inputs, hidden, _ = nets[0].sizes

    def one(teacher: TwoLayer, flipped: Float[Array, " units"]) -> Float[Array, ""]:
        vectors = (flipped, jnp.ones(hidden)) if layer == "hidden" else (jnp.ones(inputs), flipped)
        student = TwoLayer(teacher.W1, teacher.W2 + 1e-10)
        rule = CurlRule(SignMask(vectors))
        return simulate_linear(student, teacher, covariance, rule, eta=eta, epochs=epochs, record=[0]).final_loss

    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *nets)
    return int((jax.jit(jax.vmap(one))(stacked, jnp.asarray(np.stack(signs))) < LEARNED).sum())
