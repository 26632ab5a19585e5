"""Leaky integrate-and-fire networks, all to all: what is fitted, and how references and students are drawn."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Key

from symplast.spiking import LIF, ProbabilisticIF, simulate
from symplast.spiking.arguments import Number, check_at_least_zero, check_finite, check_positive, is_traced
from symplast.stats.arguments import check_count, plain

UNITS = 40
"""The network size that weights and step sizes are given for unless told otherwise; others scale them by 40/N."""


@dataclass(frozen=True)
class LIFParams:
    """The neurons: ``v <- v + dt/tau (I - v) + W s(t-1)``; at ``v_th`` a spike, v = 0, and n_ref steps of silence.

    Args:
        tau_ms: membrane time constant.
        dt_ms: length of a step.
        v_th: threshold; rest and reset are 0.
        n_ref: steps after a spike in which input is lost.

    Raises:
        ValueError: a time or threshold that is not positive, or negative or broken ``n_ref``.

    Example:
        >>> spikes = simulate_lif(jnp.zeros((1, 1)), jnp.full((40, 1), 1.5), LIFParams()).spikes
        >>> jnp.flatnonzero(spikes[:, 0]).tolist()  # the closed form: 22 updates from rest
        [21]
    """

    tau_ms: float = 20.0
    dt_ms: float = 1.0
    v_th: float = 1.0
    n_ref: int | np.integer = 2

    def __post_init__(self) -> None:
        for name in ("tau_ms", "dt_ms", "v_th"):
            check_positive(getattr(self, name), name)
        object.__setattr__(self, "n_ref", check_count(self.n_ref, "n_ref", least=0))

    @property
    def cells(self) -> LIF:
        """The neurons of the spiking substrate."""
        waits, tau, level = (jnp.asarray(value, float) for value in (self.n_ref * self.dt_ms, self.tau_ms, self.v_th))
        return LIF(tau, threshold=level, refractory_ms=waits, method="euler")

    def steps(self, length_ms: float, name: str) -> int:
        """A length in whole steps, rounded; at least one."""
        check_positive(length_ms, name)
        found = round(length_ms / self.dt_ms)
        if found < 1:
            raise ValueError(f"{name} must be at least one step of dt_ms={self.dt_ms:g}, got {length_ms:g}")
        return found


class SpikeResult(NamedTuple):
    """What a network does.

    Attributes:
        spikes: (steps, units).
        v: (steps, units) potentials after each step, None unless asked for.
    """

    spikes: Bool[Array, "steps units"]
    v: Float[Array, "steps units"] | None = None


def simulate_lif(W: ArrayLike, drive: ArrayLike, params: LIFParams, *, keep_v: bool = False) -> SpikeResult:
    """Run a network freely from rest.

    Args:
        W: (units, units), from column j to row i, in units of the threshold, diagonal 0.
        drive: (steps, units) external input, the potential that it would hold in the end.
        params: the neurons.
        keep_v: also return potentials.

    Raises:
        ValueError: weights that are not square, finite and zero on the diagonal, or a drive that does not fit.
    """
    W = check_weights(W, "W")
    drive = check_drive(drive, W.shape[0])
    spikes, v = _run(W, drive, params, keep_v)
    return SpikeResult(spikes, v)


@jax.jit(static_argnames=("params", "keep_v"))
def _run(W: Array, drive: Array, params: LIFParams, keep_v: bool) -> tuple[Array, Array | None]:
    return run(W, drive, params, keep_v)


def run(W: Array, drive: Array, params: LIFParams, keep_v: bool = False) -> tuple[Array, Array | None]:
    """Spikes (steps, ..., units) of networks (..., units, units) under drives (steps, ..., units); pure."""
    cells = params.cells

    def step(carried: tuple[Array, Array, Array], current: Array) -> tuple[Any, Any]:
        v, waiting, before = carried
        jump = jnp.einsum("...ij,...j->...i", W, before)
        state, fired = cells.step(cells.init()._replace(v=v, refractory=waiting), current, params.dt_ms, jump)
        return (state.v, state.refractory, fired.astype(W.dtype)), (fired, state.v if keep_v else None)

    start = jnp.zeros(drive.shape[1:], W.dtype)
    _, (spikes, v) = jax.lax.scan(step, (start, jnp.zeros(start.shape, jnp.int32), start), drive)
    return spikes, v


def simulate_pif(W: ArrayLike, p_ext: float, n_steps: int, params: LIFParams, key: Key[Array, ""]) -> SpikeResult:
    """Probabilistic integrate-and-fire: ``P(s_i(t) = 1) = clip(sum_j W_ij s_j(t-1) + p_ext, 0, 1)``.

    Args:
        W: (units, units); critical where the largest eigenvalue of ``|W|`` is 1, see :func:`criticality`.
        p_ext: probability of a spike without input, per step.
        n_steps: length.
        params: only ``n_ref`` and ``dt_ms`` are used.
        key: random key.

    Raises:
        ValueError: weights as above, ``p_ext`` outside [0, 1], fewer than one step.

    Example:
        >>> W = jnp.array([[0.0, 0.5], [0.5, 0.0]])
        >>> round(criticality(W), 6)
        0.5
        >>> simulate_pif(W, 0.01, 50, LIFParams(), jax.random.key(0)).spikes.shape
        (50, 2)
    """
    W = check_weights(W, "W")
    check_at_least_zero(p_ext, "p_ext")
    if p_ext > 1:
        raise ValueError(f"p_ext must be a probability in [0, 1], got {p_ext}")
    n_steps = check_count(n_steps, "n_steps")
    cells = ProbabilisticIF(jnp.asarray(p_ext, float), refractory_ms=jnp.asarray(params.n_ref * params.dt_ms))

    def step(carried: Any, _: None) -> Any:
        state, before = carried
        state, spikes = cells.step(state, W @ before, params.dt_ms)
        return (state, spikes.astype(W.dtype)), spikes

    start = cells.init((W.shape[0],), key=key), jnp.zeros(W.shape[0], W.dtype)
    return SpikeResult(simulate(step, start, steps=n_steps)[1])


def criticality(W: Any) -> float:
    """Largest modulus of an eigenvalue of ``|W|``: 1 is critical for :func:`simulate_pif`.

    Raises:
        ValueError: weights that are not square and finite, or none.
    """
    W = check_square(W, "W")
    if not W.size:
        raise ValueError("W must hold at least one neuron")
    return float(np.abs(np.linalg.eigvals(np.abs(np.asarray(W, np.float64)))).max())


def inhibitory_cells(units: int, share: float = 0.2) -> np.ndarray:
    """The last ``round(share N)`` neurons.

    Raises:
        ValueError: fewer than one neuron, or a share outside [0, 1].
    """
    units = check_count(units, "units")
    if not 0 <= share <= 1:
        raise ValueError(f"share must be in [0, 1], got {share}")
    return np.arange(units) >= units - round(share * units)


def draw_weights(
    key: Key[Array, ""],
    inhibitory: Any,
    scale: Number = 0.08,
    inhibition: Number = 3.0,
    scale_units: int | None = UNITS,
) -> Float[Array, "units units"]:
    """All-to-all weights: excitatory columns U(0, scale), inhibitory ones -inhibition U(0, scale); no self-weights.

    Args:
        key: random key.
        inhibitory: (units,) which neurons inhibit.
        scale: largest excitatory weight of a network of ``scale_units``, in units of the threshold.
        inhibition: how many times larger inhibitory weights are.
        scale_units: size that ``scale`` is given for: N neurons have weights times ``scale_units / N``, which keeps
            their mean input; None: the same for every N.

    Raises:
        ValueError: neurons that are not 0/1, a negative scale or inhibition, ``scale_units`` below 1.
    """
    inhibitory = check_cells(inhibitory)
    check_at_least_zero(scale, "scale")
    check_at_least_zero(inhibition, "inhibition")
    units = inhibitory.size
    factor = 1.0 if scale_units is None else check_count(scale_units, "scale_units") / units
    W = jax.random.uniform(key, (units, units)) * scale * factor
    return jnp.where(inhibitory, -inhibition, 1.0) * W * (1 - jnp.eye(units))


def draw_drive(
    key: Key[Array, ""], steps: int, units: int, mean: Number = 1.0, sd: Number = 1.0
) -> Float[Array, "steps units"]:
    """A frozen Gaussian drive: independent for each step and unit.

    Raises:
        ValueError: fewer than one step or unit, a negative sd, a mean that is not finite.
    """
    steps, units = check_count(steps, "steps"), check_count(units, "units")
    check_finite(mean, "mean")
    check_at_least_zero(sd, "sd")
    return jnp.asarray(mean + sd * jax.random.normal(key, (steps, units)))


def check_cells(inhibitory: Any) -> np.ndarray:
    """True or false for each neuron, (units,)."""
    cells = np.asarray(plain(inhibitory, "inhibitory"))
    if cells.ndim != 1 or not cells.size or not ((cells == 0) | (cells == 1)).all():
        raise ValueError("inhibitory must be true or false for each neuron, (units,)")
    return cells.astype(bool)


def check_square(W: Any, name: str) -> Array:
    """Square and finite; as floats."""
    W = _numbers(W, name, "(units, units)")
    if W.ndim != 2 or W.shape[0] != W.shape[1]:
        raise ValueError(f"{name} must be square, (units, units), got {W.shape}")
    return W


def check_weights(W: Any, name: str) -> Array:
    """Square, finite, zero on the diagonal; as floats."""
    W = check_square(W, name)
    if not is_traced(W) and bool(jnp.any(jnp.diagonal(W) != 0)):
        raise ValueError(f"{name} must be 0 on the diagonal: no neuron drives itself")
    return W


def check_drive(drive: Any, units: int) -> Array:
    """Finite (steps, units), at least one step; as floats."""
    drive = _numbers(drive, "drive", f"(steps, {units})")
    if drive.ndim != 2 or drive.shape[1] != units or not len(drive):
        raise ValueError(f"drive must be (steps, units) = (steps, {units}), got {drive.shape}")
    return drive


def _numbers(values: Any, name: str, shape: str) -> Array:
    """Finite real numbers; as floats."""
    if not is_traced(values):
        array = np.asarray(plain(values, name))
        if array.dtype.kind not in "biuf" and array.dtype != jnp.bfloat16:
            raise ValueError(f"{name} must hold real numbers, {shape}, got {'None' if values is None else array.dtype}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite; it holds NaN or infinity")
    return jnp.asarray(values, jnp.result_type(float))
