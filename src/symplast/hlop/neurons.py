"""Spiking neurons over many steps, as layers that gradients pass through: surrogate derivatives and rates."""

from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from symplast.spiking import LIF, Sigmoid
from symplast.spiking.arguments import Values, check_choice, check_positive, optional_parameter, parameter
from symplast.spiking.relaxation import relax

Drive = Float[Array, "steps *cells"]
Given = Shaped[Array | np.ndarray, "steps *cells"]
"""Values in time as they are passed in: numbers of any type, or spikes as booleans."""

KINDS = ("lif", "if")


class MultiStepLIF(eqx.Module):
    """Leaky cells of threshold 1 in steps of 1, with a sigmoid surrogate: ``v <- v - v/tau + x``.

    With ``decay_input`` the input is scaled too, ``v <- v + (x - v)/tau``. After a spike v falls by the threshold
    (``v_reset=None``) or goes to 0.

    Attributes:
        tau: membrane time constant in steps, at least 1.
        decay_input: whether the input is divided by tau.
        v_reset: None (soft) or 0 (hard).
        detach_reset: gradients don't pass through the reset.
        detach_past: gradients don't pass from step to step (online training through time).
        alpha: steepness of the surrogate.

    Raises:
        ValueError: a setting out of range, a reset other than None or 0.

    Example:
        >>> print(MultiStepLIF()(jnp.full((4, 1), 0.8)).ravel())
        [0. 1. 0. 1.]
        >>> print(MultiStepLIF(decay_input=True, v_reset=0.0)(jnp.full((4, 1), 2.4)).ravel())
        [1. 1. 1. 1.]
    """

    tau: Values = eqx.field(converter=parameter, default=2.0)
    decay_input: bool = eqx.field(static=True, default=False)
    v_reset: float | None = eqx.field(static=True, default=None)
    detach_reset: bool = eqx.field(static=True, default=True)
    alpha: Values = eqx.field(converter=parameter, default=4.0)
    detach_past: bool = eqx.field(static=True, default=False)

    def __check_init__(self) -> None:
        check_positive(self.tau, "tau")
        check_positive(self.alpha, "alpha")
        if self.v_reset not in (None, 0):
            raise ValueError(f"v_reset must be None (subtract the threshold) or 0, got {self.v_reset}")

    def __call__(self, x: Given) -> Drive:
        """Spikes, 0 or 1, for a drive with time first."""
        return self.run(x, None)

    def held(self, x: Float[Array, "*cells"], steps: int) -> Drive:
        """Spikes for a drive that stays the same for so many steps."""
        return self.run(x, steps)

    def run(self, x: Array | np.ndarray, steps: int | None) -> Drive:
        """Spikes for a drive in time, or for one that is held."""
        x = _numbers(x, self.tau, self.alpha)
        shape = x.shape if steps is not None else x.shape[1:]

        def step(v: Array, now: Array | None) -> tuple[Array, Array]:
            return self.step(v, x if now is None else now)

        return jax.lax.scan(step, jnp.zeros(shape, x.dtype), None if steps is not None else x, steps)[1]

    def step(self, v: Float[Array, "*cells"], x: Float[Array, "*cells"]) -> tuple[Array, Array]:
        """Membrane after one step, and spikes."""
        cells = LIF(
            self.tau,
            method="euler",
            v_reset=optional_parameter(self.v_reset),
            surrogate=Sigmoid(self.alpha),
            detach_reset=self.detach_reset,
        )
        v = jax.lax.stop_gradient(v) if self.detach_past else v
        current, jump = (x, None) if self.decay_input else (0.0, x)
        state, spikes = cells.step(cells.init(v.shape)._replace(v=v), current, 1.0, jump)
        return state.v, spikes


def weighted_rate(z: Given, dt: float | Array = 0.05, tau: float | Array = 1.0) -> Float[Array, "*cells"]:
    """``sum_t w_t z_t / sum_t w_t`` with ``w_t = exp(-(T-t) dt / tau)``: recent steps count most.

    Args:
        z: values with time first; spikes may be bool or whole numbers.
        dt: length of a step.
        tau: time constant; infinity gives the plain mean.

    Example:
        >>> print(f"{weighted_rate(jnp.arange(4.0)):.4f}")
        1.5625
    """
    z = _numbers(z)
    return jnp.tensordot(_weights(len(z), dt, tau, z.dtype), z, 1)


def _numbers(z: Any, *settings: Any) -> Array:
    """Values as floating-point numbers, spikes (bool, integer) too; as precise as the cells' settings."""
    z = jnp.asarray(z)
    z = z if jnp.issubdtype(z.dtype, jnp.inexact) else z.astype(float)
    return z.astype(jnp.result_type(z, *settings))


def _weights(steps: int, dt: Any, tau: Any, dtype: Any) -> Float[Array, " steps"]:
    weights = jnp.exp(-jnp.arange(steps - 1, -1, -1) * dt / tau).astype(dtype)
    return weights / weights.sum()


class DSRNeuron(eqx.Module):
    """Cells differentiated through their rates (spike representation), not through time.

    ``lif``: ``u <- e^{-dt/tau} u + (1 - e^{-dt/tau}) x``; where ``u >= alpha V`` a spike of size V leaves u and V/dt is
    put out. ``if``: ``u <- u + x``, and V is put out. The gradient takes the weighted rate of the output for the
    weighted rate I of the input, between 0 and its ceiling ``V tau / dt`` (``if``: plain means, ceiling V):

        grad_x = 1[0 < I < ceiling] G / (tau T) at each step,  G = T rate(grad_out)
        grad_V = dt sum(G where I > ceiling)

    (``if``: without tau and dt, and 0 and ceiling belong to the window.)

    Attributes:
        threshold: V, positive; trainable.
        kind: ``lif`` or ``if``.
        alpha: share of V at which a spike leaves.
        dt, tau: step and time constant, in the same unit.

    Raises:
        ValueError: an unknown kind or a setting that is not positive.

    Example:
        >>> print(DSRNeuron(0.3)(jnp.ones((4, 1))).ravel())
        [0. 6. 0. 0.]
        >>> print(DSRNeuron(0.3, kind="if", alpha=0.5)(jnp.full((4, 1), 0.1)).ravel())
        [0.  0.3 0.  0. ]
    """

    threshold: Values = eqx.field(converter=parameter, default=0.3)
    kind: str = eqx.field(static=True, default="lif")
    alpha: Values = eqx.field(converter=parameter, default=0.3)
    dt: Values = eqx.field(converter=parameter, default=0.05)
    tau: Values = eqx.field(converter=parameter, default=1.0)

    def __check_init__(self) -> None:
        check_choice(self.kind, "kind", KINDS)
        for name in ("threshold", "alpha", "dt", "tau"):
            check_positive(getattr(self, name), name)

    def __call__(self, x: Given) -> Drive:
        """Output for a drive with time first."""
        how = self.alpha, self.dt, self.tau
        return _represented(self.kind, _numbers(x, self.threshold, *how), self.threshold, how)

    def held(self, x: Float[Array, "*cells"], steps: int) -> Drive:
        """Output for a drive that stays the same for so many steps."""
        return self(jnp.broadcast_to(x, (steps, *x.shape)))

    def rate(self, z: Given) -> Float[Array, "*cells"]:
        """The rate that stands for values in time: weighted for ``lif``, the mean for ``if``."""
        return weighted_rate(z, self.dt, self.tau) if self.kind == "lif" else jnp.mean(_numbers(z), axis=0)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _represented(kind: str, x: Array, V: Array, how: Any) -> Array:
    alpha, dt, tau = how

    def step(u: Array, now: Array) -> tuple[Array, Array]:
        u = relax(u, now, tau, dt) if kind == "lif" else u + now
        spikes = jnp.where(u >= alpha * V, V, 0.0).astype(x.dtype)
        return u - spikes, spikes / dt if kind == "lif" else spikes

    return jax.lax.scan(step, jnp.zeros(x.shape[1:], x.dtype), x)[1]


def _represented_forward(kind: str, x: Array, V: Array, how: Any) -> tuple[Array, Any]:
    rate = weighted_rate(x, how[1], how[2]) if kind == "lif" else jnp.mean(x, axis=0)
    return _represented(kind, x, V, how), (rate, V, how)


def _represented_backward(kind: str, kept: Any, g: Array) -> tuple[Array, Array, Any]:
    rate, V, how = kept
    _, dt, tau = how
    steps = len(g)
    if kind == "lif":
        ceiling, unit, scale = V * tau / dt, tau, dt
        G, inside = steps * weighted_rate(g, dt, tau), (rate > 0) & (rate < ceiling)
    else:
        ceiling, unit, scale = V, 1.0, 1.0
        G, inside = jnp.sum(g, axis=0), (rate >= 0) & (rate <= ceiling)
    grad_x = jnp.where(inside, G, 0.0) / unit / steps
    grad_V = scale * jnp.sum(jnp.where(rate > ceiling, G, 0.0))
    return jnp.broadcast_to(grad_x, g.shape), grad_V.astype(V.dtype), jax.tree.map(jnp.zeros_like, how)


_represented.defvjp(_represented_forward, _represented_backward)
