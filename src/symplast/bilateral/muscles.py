"""Hill muscles whose tendons don't stretch: activation, and force from length and velocity of the fibres.

Kistemaker, Wong & Gribble, J. Neurophysiol. 104:2985 (2010), as in MotorNet's ``RigidTendonHillMuscle``; constants from
there.
"""

import math
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from symplast.bilateral.elementwise import elementwise, inverse, kept_in

LEAST = 0.001
"""Smallest excitation and activation."""

FASTEST = 10.0
"""Largest speed of shortening, in optimal lengths a second."""

WIDTH = 0.66
"""Width of the force-length parabola, and strain at which the passive force is the largest active one."""

Muscles = Float[Array, "muscles *trials"]


@dataclass(frozen=True)
class Muscle:
    """One lumped muscle: ``L = a0 + sum_j (a1_j + a2_j d_j) d_j``, with d = (q1 - pi/2, q2).

    Attributes:
        name: what it is called.
        F0: largest isometric force, N.
        LT: length of the tendon, m.
        L0: optimal length of the fibres, m.
        a0: length of muscle and tendon at d = 0, m.
        shoulder_a1, elbow_a1: moment arms there, m; negative flexes.
        shoulder_a2, elbow_a2: how they change with the angle, m/rad.
    """

    name: str
    F0: Any
    LT: Any
    L0: Any
    a0: Any
    shoulder_a1: Any = 0.0
    elbow_a1: Any = 0.0
    shoulder_a2: Any = 0.0
    elbow_a2: Any = 0.0

    def __post_init__(self) -> None:
        if not self.name or not isinstance(self.name, str):
            raise ValueError(f"name of a muscle must be a text, got {self.name!r}")
        for each in fields(self)[1:]:
            value = getattr(self, each.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"{each.name} of muscle {self.name} must be a finite number, got {value!r}")
            object.__setattr__(self, each.name, float(value))
            if each.name in ("F0", "L0", "a0") and value <= 0:
                raise ValueError(f"{each.name} of muscle {self.name} must be positive, got {value}")
        if self.LT < 0:
            raise ValueError(f"LT of muscle {self.name} must be at least 0, got {self.LT}")


class Forces(NamedTuple):
    """What a muscle's force is made of; shares of F0 but for ``force``, which is in N."""

    passive: Muscles
    length_factor: Muscles
    active: Muscles
    force: Muscles


def activate(activation: Muscles, u: Muscles, dt: float) -> Muscles:
    """Activation after one step: ``da/dt = (e - a) / tau``, ``e = clip(u, .001, 1)``.

    ``tau = .015 (.5 + 1.5 a)`` s where e > a, ``.05 / (.5 + 1.5 a)`` s elsewhere. A step may overshoot e; it is only
    kept in [.001, 1].

    Example:
        >>> round(float(activate(jnp.array([0.001]), jnp.array([0.1]), 0.01)[0]), 4)
        0.1326
    """

    @elementwise
    def after(activation: Muscles, u: Muscles) -> Muscles:
        e = kept_in(u, LEAST, 1.0)
        shape = 0.5 + 1.5 * activation
        rate = jnp.where(e > activation, (dt / 0.015) * inverse(shape), (dt / 0.05) * shape)
        return kept_in(activation + (e - activation) * rate, LEAST, 1.0)

    return after(activation, jnp.broadcast_to(u, activation.shape))


def contract(activation: Muscles, length: Muscles, velocity: Muscles, L0: Any, F0: Any) -> Forces:
    """Force of muscles from activation, fibre length (m) and velocity (m/s; negative shortens).

    ``force = (max(active, 0) + passive) F0``.
    """
    ln = length * (1 / L0)
    vn = velocity * (1 / (FASTEST * L0))
    passive = jnp.where(ln > 1, ((ln - 1) * (1 / WIDTH)) ** 2, 0.0)
    fl = _length_factor(ln)
    active = _active(activation, ln, vn)
    return Forces(passive, fl, active, (active + passive) * F0)


def _length_factor(ln: Muscles) -> Muscles:
    """``max(1 - (ln - 1)² / .66², .01)``."""
    factor = 1 - ((ln - 1) * (1 / WIDTH)) ** 2
    return jnp.where(factor > 0.01, factor, 0.01)


@elementwise
def _active(activation: Muscles, ln: Muscles, vn: Muscles) -> Muscles:
    """Active part of the force, a share of F0, at least 0.

    Both branches of the force-velocity relation are evaluated, each at a velocity of its own side, so that the one that
    is not used can't make a derivative NaN; they share one division.
    """
    fl = _length_factor(ln)
    ar = jnp.where(ln > 1, 0.41 * fl, 0.41)
    weak = 1 + (0.9 / 0.295) * (activation - 0.3)
    br = jnp.where(activation >= 0.3, 5.2, 5.2 * weak**2)
    full = activation * fl
    shortens = vn < 0
    D = br * inverse(0.001 * br - 2 * activation * (fl + ar))
    p1, p2, p3 = -0.5 * full * D, 0.25 * full**2 * D, -1.5 * full
    above = vn * activation * ar + full * br
    beyond = -p1 * p3 + 0.001 * p1 * vn + p2 - p3 * vn + 0.001 * vn**2
    active = jnp.where(shortens, above, beyond) * inverse(jnp.where(shortens, br - vn, p1 + vn))
    return jnp.where(active > 0, active, 0.0)
