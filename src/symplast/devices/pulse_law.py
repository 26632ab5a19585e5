"""The exponential-saturation law of one direction, on the normalised conductance g in [0, 1], rising.

The curve is ``g(n) = (1 - exp(-b n/N)) / (1 - exp(-b))``, linear for b = 0. Falling curves are the same law on ``1 -
g``. Everything is written with ``expm1``: ``c - (c - g) r`` with ``c = 1/(1 - exp(-b))`` would lose three digits at b =
1e-3.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Num

LINEAR = 1e-6
"""Below this nonlinearity the law is the straight line."""

MOST_NONLINEAR = 50.0
"""The largest nonlinearity: a single pulse goes nearly all the way."""

Reals = Float[Array, "..."]


def _safe(b: Reals) -> tuple[Bool[Array, "..."], Reals]:
    """Which b are linear, and b with those replaced, so that gradients stay finite."""
    linear = b < LINEAR
    return linear, jnp.where(linear, 1.0, b)


def affine_step(b: Reals, n_max: Reals) -> tuple[Reals, Reals]:
    """Offset and slope of the change by one pulse, which is affine in the state: ``A(g) = offset + slope g``.

    ``A(g; b, N) = (1 + g expm1(-b)) expm1(-b/N) / expm1(-b)``; offset ``1/N`` and slope 0 for b = 0.
    """
    linear, b = _safe(b)
    slope = jnp.expm1(-b / n_max)
    return jnp.where(linear, 1 / n_max, slope / jnp.expm1(-b)), jnp.where(linear, 0.0, slope)


def level_after(n: Num[Array, "..."], b: Reals, n_max: Reals) -> Reals:
    """g after n pulses from 0: ``expm1(-b n/N) / expm1(-b)``, where rounding does not lead beyond 1."""
    linear, b = _safe(b)
    return jnp.minimum(jnp.where(linear, n / n_max, jnp.expm1(-b * n / n_max) / jnp.expm1(-b)), 1)


def pulse_number(g: Reals, b: Reals, n_max: Reals) -> Reals:
    """Pulses from 0 to g, a real number in [0, N]: ``-(N/b) log1p(g expm1(-b))``."""
    linear, b = _safe(b)
    curved = -(n_max / b) * jnp.log1p(jnp.maximum(g * jnp.expm1(-b), -1.0))
    return jnp.clip(jnp.where(linear, g * n_max, curved), 0, n_max)


def level_after_more(g: Reals, b: Reals, n_max: Reals, k: Num[Array, "..."], v: Reals) -> Reals:
    """g after k more pulses of a device whose steps are v times the nominal ones; equal to k single clipped pulses.

    With ``u = 1 + g expm1(-b)``: ``u_k = u max(0, 1 + v expm1(-b/N))^k``, hence
    ``g_k = g + u expm1(k log(1 + v expm1(-b/N))) / expm1(-b)``.
    """
    linear, b = _safe(b)
    full = jnp.expm1(-b)
    stays = jnp.maximum(v * jnp.expm1(-b / n_max), -1.0)
    log_factor = jnp.log1p(jnp.where(stays > -1, stays, 0.0))
    grown = jnp.where(stays > -1, jnp.expm1(k * log_factor), jnp.where(k > 0, -1.0, 0.0))
    moved = jnp.where(linear, g + k * v / n_max, g + (1 + g * full) * grown / full)
    return jnp.clip(moved, 0, 1)
