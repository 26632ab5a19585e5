"""How far EP's error vectors are from the gradient: the nudge's part, the asymmetry's part, and the largest nudge."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

from symplast.equilibrium.arguments import Targets, check_inputs, check_points, check_targets
from symplast.equilibrium.nudges import cauchy_estimate, circle, nudged_activity
from symplast.equilibrium.operating_point import flattened, linearised
from symplast.equilibrium.settling import TOLERANCE, Settled, relax, relaxation_of, warn_unless_settled, work_of
from symplast.learning.compiling import by_work
from symplast.learning.recurrent import RecurrentNet, Relaxation, State
from symplast.stats import Estimate, mean_interval

if TYPE_CHECKING:
    import pandas as pd

PROBE = 0.2
"""Radius of the first circle on which the response's Taylor coefficients are measured."""

NEAR = 0.7
"""Radius of the second, as a share of the first estimate: high orders stand out of the rounding noise there."""

POINTS = 32, 64
"""Points on the two circles; there are half as many coefficients."""

RANK = 1e-6
"""A singular value smaller than this, of the recurrence's two columns, is noise: a single real pole has one column."""


class BiasReport(NamedTuple):
    """What biases EP's gradient of a network on given examples.

    Attributes:
        table: a row for each number of points and nudge: mean angle to backprop's vector (``angle_deg`` with ``_low``
            and ``_high``), the nudge's part ``nudge_error = |eps_N - eps| / |eps|``, share of examples whose nudged
            runs had not settled.
        asymmetry_deg: angle between eps and delta, which an infinitely small nudge leaves; one example has no interval.
        symmetry: ``|S| / (|S| + |A|)`` of the Jacobian with the activation left out.
        asymmetry_ratio: spectral norm of ``S^{-1} A``.
        radius: (rows,) where the response stops being a power series in the nudge; more points don't correct larger
            nudges. NaN where it could not be measured.
        free_unsettled: share of examples without a free fixed point; they are left out of everything above.
    """

    table: "pd.DataFrame"
    asymmetry_deg: Estimate | float
    symmetry: Estimate | float
    asymmetry_ratio: Estimate | float
    radius: Float[np.ndarray, " rows"]
    free_unsettled: float


def bias_report(
    network: RecurrentNet,
    x: Float[Array, "rows ..."],
    y: Targets,
    betas: Sequence[float] = (0.05, 0.1, 0.2, 0.5),
    n_points: Sequence[int] = (1, 2, 4, 6),
    *,
    steps: int = 200,
    free_steps: int = 600,
) -> BiasReport:
    """Split the bias of EP's error vectors into the finite nudge's and the asymmetry's part.

    Everything runs in float64, with whole Jacobians: a network of up to about a thousand units and some hundred
    examples.

    Args:
        network: the network.
        x: inputs, one a row.
        y: class indices, one-hot rows or values.
        betas: nudges.
        n_points: numbers of points on the circle.
        steps: of each nudged run.
        free_steps: of the free phase.

    Returns:
        The report; intervals (95 %) are over examples. Warns where examples have no free fixed point.

    Raises:
        ValueError: nudges that the network can't take, targets that don't fit, no example that settles.

    Example:
        >>> from symplast.learning.recurrent import LayeredNet
        >>> net = LayeredNet((4, 8, 3), key=jax.random.key(0), angle_deg=90)
        >>> x, y = jax.random.uniform(jax.random.key(1), (5, 4)), jnp.array([0, 1, 2, 0, 1])
        >>> found = bias_report(net, x, y, betas=[0.1], n_points=[1, 4])
        >>> one_point, four_points = found.table.nudge_error
        >>> bool(four_points < one_point / 50)
        True
    """
    import pandas as pd

    if not len(betas) or not len(n_points):
        raise ValueError("betas and n_points must name at least one value each")
    for beta in betas:
        for points in n_points:
            check_points(network, beta, points)
    x = check_inputs(network, x)
    check_targets(network, x, y)
    rows = []
    with jax.enable_x64(True):
        net, inputs = (jax.tree.map(_wide, tree) for tree in (network, jnp.asarray(x)))
        targets = check_targets(net, inputs, y).astype(jnp.float64)
        work = work_of(net, inputs, free_steps)
        free, about = _free(work, net, inputs, targets, relaxation_of(net, free_steps))
        warn_unless_settled(free.residual, TOLERANCE, "the free state")
        kept = np.asarray(free.converged)
        if not kept.any():
            raise ValueError(
                f"x must hold inputs for which the network settles; none of {len(kept)} did: damp or scale it"
            )
        how = relaxation_of(net, steps)
        delta, eps, symmetry_of, ratio_of = (np.asarray(each) for each in about)
        for points in n_points:
            for beta in betas:
                found, residual = _estimate(work, net, inputs, targets, free, jnp.float64(beta), (points, how))
                vectors, settled = np.asarray(found)[kept], np.asarray(residual)[kept] <= TOLERANCE
                angle = _interval(_angles(vectors, delta[kept]))
                nudge = _interval(_relative(vectors - eps[kept], eps[kept]))
                rows.append(
                    {"n_points": points, "beta": beta}
                    | _columns("angle_deg", angle)
                    | _columns("nudge_error", nudge)
                    | {"unsettled": float(np.mean(~settled))}
                )
        radius = np.where(kept, holomorphic_radius(net, inputs, targets, free, how), np.nan)
    floor, symmetry, ratio = (_interval(each[kept]) for each in (_angles(eps, delta), symmetry_of, ratio_of))
    return BiasReport(pd.DataFrame(rows), floor, symmetry, ratio, radius, float(np.mean(~kept)))


def holomorphic_radius(
    network: RecurrentNet, x: Array, targets: Array, free: Settled, how: Relaxation
) -> Float[np.ndarray, " rows"]:
    """Radius of convergence of ``r*(beta)`` for each row, from its Taylor coefficients ``c_n``.

    The nearest singularities are as a rule a pair of square-root branch points, where two fixed points meet (det J =
    0): ``n^(3/2) c_n`` tends to ``Re(v w^n)``, which follows the recurrence ``a_(n+1) = 2 Re(w) a_n - |w|^2 a_(n-1)``;
    the radius is ``1/|w|``. For poles the same holds of ``c_n`` itself; what fits better is taken. How coefficients
    fall on a small circle of nudges gives a first estimate; the recurrence is fitted to orders 16 to 30 on a circle
    near it. Needs float64; NaN where too few coefficients stand out of the rounding noise. Where the nudges of the
    second circle don't settle, the first estimate stands.
    """
    rows, work = x.shape[0], work_of(network, x, how.steps * sum(POINTS))
    if not network.holomorphic:
        return np.full(rows, np.nan)

    def measured(radii: np.ndarray, points: int, radius_of: Callable[[np.ndarray], float]) -> np.ndarray:
        turns = circle(points, free.u)[: points // 2 + 1]
        turns = jnp.pad(turns, (0, max(POINTS) // 2 - points // 2), mode="edge")  # circles share a program
        found = _on_a_circle(work, network, x, targets, free, jnp.asarray(radii), turns, how)
        half, residual = np.asarray(found[0])[:, : points // 2 + 1], np.asarray(found[1])
        whole = np.concatenate([half, half[:, -2:0:-1].conj()], axis=1)
        settled = residual < 1e-9  # False for NaN
        coefficients = np.fft.fft(np.where(settled[:, None, None], whole, 0), axis=1).real[:, : points // 2] / points
        return radii * np.array([radius_of(c) if ok else np.nan for c, ok in zip(coefficients, settled, strict=True)])

    first = measured(np.full(rows, PROBE), POINTS[0], _by_slope)
    second = measured(np.where(np.isfinite(first), NEAR * first, PROBE), POINTS[1], _by_recurrence)
    agree = np.abs(second - first) < 0.5 * first  # False for NaN
    return np.where(agree, second, first)


def _by_slope(coefficients: Float[np.ndarray, "orders n"]) -> float:
    """From the logarithms of ``n^(3/2) c_n``, which fall by log(radius) an order."""
    size = np.linalg.norm(coefficients, axis=1)
    orders = np.arange(len(size) // 2, len(size))
    visible = orders[size[orders] > 1e-12 * size[1]]
    if visible.size < 4:
        return np.nan
    return float(np.exp(-np.polyfit(visible, np.log(size[visible] * visible**1.5), 1)[0]))


def _by_recurrence(coefficients: Float[np.ndarray, "orders n"]) -> float:
    """From the recurrence of the high orders, all units together, each order weighted alike."""
    every = np.arange(len(coefficients))
    orders = every[len(every) // 2 : -2]
    found = []
    for exponent in (0.0, 1.5):  # pole, branch point
        scaled = coefficients * every[:, None] ** exponent
        size = np.linalg.norm(scaled[orders], axis=1, keepdims=True)
        if not np.all(size > 0):
            return np.nan
        before, now, after = ((scaled[orders + k] / size).ravel() for k in (-1, 0, 1))
        (twice, square), *_ = np.linalg.lstsq(np.stack([now, -before], axis=1), after, rcond=RANK)
        miss = np.linalg.norm(after - twice * now + square * before)
        found.append((miss, np.abs(np.roots([1, -twice, square])).max()))
    largest = min(found)[1]
    return float(1 / largest) if largest > 0 else np.nan


@by_work
def _on_a_circle(
    network: RecurrentNet, x: Array, targets: Array, free: Settled, probe: Array, turns: Array, how: Relaxation
) -> tuple[Inexact[Array, "rows points n"], Float[Array, " rows"]]:
    """Activities at points of a circle of nudges, a radius a row."""

    def row(x: Array, target: Array, u: State, radius: Array) -> tuple[Array, Array]:
        x, target, u = jax.tree.map(lambda leaf: leaf[None], (x, target, u))
        activity = nudged_activity(network, u, network.drive(x), target, how)
        runs, settled = jax.vmap(activity)(radius * turns)
        return jax.vmap(flattened)(runs)[:, 0], settled.residual.max()

    return jax.vmap(row)(x, targets, free.u, probe)


@by_work
def _free(network: RecurrentNet, x: Array, targets: Array, how: Relaxation) -> tuple[Settled, tuple[Array, ...]]:
    """Free states; backprop's and EP's vectors at them, symmetry and the asymmetry's ratio."""
    drive = network.drive(x)
    free = relax(lambda u: network.step(u, drive, None, how), network.rest(x), how)
    point = linearised(network, x, targets, free.u)
    return free, (point.adjoint, point.response, point.symmetry(bypassed=True), point.asymmetry_ratio)


@by_work
def _estimate(
    network: RecurrentNet, x: Array, targets: Array, free: Settled, beta: Array, settings: tuple[int, Relaxation]
) -> tuple[Array, Array]:
    points, how = settings
    vectors, residual = cauchy_estimate(network, free.u, network.drive(x), targets, beta, points, how)
    return flattened(vectors), residual


def _wide(leaf: Array) -> Array:
    return leaf.astype(jnp.float64) if eqx.is_inexact_array(leaf) else leaf


def _angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine = np.divide(np.sum(a * b, axis=1), size, out=np.full(len(a), np.nan), where=size > 0)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def _relative(error: np.ndarray, size: np.ndarray) -> np.ndarray:
    whole = np.linalg.norm(size, axis=1)
    return np.divide(np.linalg.norm(error, axis=1), whole, out=np.full(len(error), np.nan), where=whole > 0)


def _interval(samples: np.ndarray) -> Estimate | float:
    """Mean with its interval over the examples where it is defined: saturated ones have no angle."""
    defined = samples[np.isfinite(samples)]
    if len(defined) > 1:
        return mean_interval(defined)
    return float(defined[0]) if len(defined) else float("nan")


def _columns(name: str, found: Estimate | float) -> dict[str, float]:
    if isinstance(found, float):
        return {name: found, f"{name}_low": np.nan, f"{name}_high": np.nan}
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
