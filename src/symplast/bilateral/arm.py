"""A planar arm of two links that six lumped muscles move: one step of it, its hand and its senses.

The equations are those of MotorNet's ``RigidTendonArm26`` with the skeleton of Nijhof & Kouwenhoven (2000), as
arXiv:2401.14057 uses it. Joints, muscles and coordinates come first, trials last: that is what a processor's cache
likes.
"""

import math
import warnings
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from symplast.bilateral.elementwise import elementwise, inverse, kept_in
from symplast.bilateral.muscles import FASTEST, LEAST, Forces, Muscle, Muscles, activate, contract

Joints = Float[Array, "2 *trials"]

MUSCLES = (
    Muscle("pectoralis", 838, 0.039, 0.134, 0.1510, shoulder_a1=-0.030),
    Muscle("deltoid", 1207, 0.066, 0.140, 0.2322, shoulder_a1=0.030),
    Muscle("brachioradialis", 1422, 0.172, 0.092, 0.2859, elbow_a1=-0.014, elbow_a2=-0.0040),
    Muscle("triceps lateralis", 1549, 0.187, 0.093, 0.2355, elbow_a1=0.025, elbow_a2=-0.0022),
    Muscle("biceps", 414, 0.204, 0.137, 0.3329, shoulder_a1=-0.030, elbow_a1=-0.016, elbow_a2=-0.0057),
    Muscle("triceps longus", 603, 0.217, 0.127, 0.2989, shoulder_a1=0.030, elbow_a1=0.030, elbow_a2=-0.0032),
)
"""The six muscles of the reference arm."""

STIFF = 0.02
"""Seconds a step from which Euler's method is too coarse for these muscles."""


class ArmState(NamedTuple):
    """Where the arm is, and what its muscles do; trials last.

    Length and velocity are those that the force was computed from: they are one step older than the joints.

    Attributes:
        q: (2, trials) angles of shoulder and elbow, rad.
        v: (2, trials) their velocities, rad/s.
        activation: (muscles, trials) in [.001, 1].
        length: (muscles, trials) of the fibres, m.
        velocity: (muscles, trials) of muscle and tendon, m/s.
        force: (muscles, trials) N.
    """

    q: Joints
    v: Joints
    activation: Muscles
    length: Muscles
    velocity: Muscles
    force: Muscles

    @property
    def joint(self) -> Float[Array, "4 *trials"]:
        """Angles, then velocities."""
        return jnp.concatenate([self.q, self.v])


@runtime_checkable
class Arm(Protocol):
    """What a controller can move: any object with these methods, hashable, whose arrays have the trials last."""

    def start(self, q: Joints) -> Any:
        """The state at rest."""

    def step(self, state: Any, u: Muscles, load: Float[Array, "2 *trials"]) -> Any:
        """One step later, under excitations and a force on the hand (N)."""

    def hand(self, state: Any) -> Float[Array, "4 *trials"]:
        """Position (m) and velocity (m/s) of the hand."""

    def senses(self, state: Any) -> Float[Array, "senses *trials"]:
        """What the controller reads of the state."""


class Geometry(NamedTuple):
    """Lengths of muscles with tendon (m), their velocities (m/s), and moment arms about both joints (m)."""

    length: Muscles
    velocity: Muscles
    shoulder: Muscles
    elbow: Muscles


@dataclass(frozen=True)
class TwoLinkArm:
    """The reference arm; every number can be another one. Hashable, so that it is a constant of compiled programs.

    ``M(q) qdd = tau_muscle + J^T F_load - c(q, v)``: no gravity, no viscosity; explicit Euler.

    Attributes:
        m1, m2: masses of upper arm and forearm, kg.
        l1, l2: their lengths, m.
        lg1, lg2: distances of their centres of mass from the joint, m.
        I1, I2: moments of inertia about the centres of mass, kg m².
        q1_deg, q2_deg: least and largest angle of shoulder and elbow, degrees.
        dt: seconds a step.
        muscles: any number of them.

    Raises:
        ValueError: masses, lengths or inertias that are not positive, bounds out of order, no muscles, two of one name.

    Warns:
        UserWarning: dt above 0.02 s.

    Example:
        >>> arm = TwoLinkArm()
        >>> state = arm.start(jnp.array([0.8, 1.2]))
        >>> for _ in range(20):
        ...     state = arm.step(state, jnp.array([0.1, 0, 0.05, 0, 0.2, 0]), jnp.zeros(2))
        >>> print([f"{x:.4f}" for x in (*state.q, *arm.hand(state)[:2])])
        ['0.8804', '1.8935', '-0.1139', '0.3580']
    """

    m1: float = 1.82
    m2: float = 1.43
    l1: float = 0.309
    l2: float = 0.333
    lg1: float = 0.135
    lg2: float = 0.165
    I1: float = 0.051
    I2: float = 0.057
    q1_deg: Any = (0.0, 135.0)
    q2_deg: Any = (0.0, 155.0)
    dt: float = 0.01
    muscles: tuple[Muscle, ...] = MUSCLES

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "muscles":
                continue
            if each.name in ("q1_deg", "q2_deg"):
                ends = tuple(value) if isinstance(value, list | tuple) else ()
                if len(ends) != 2 or not all(map(_finite, ends)) or not ends[0] < ends[1]:
                    raise ValueError(f"{each.name} must be [least, largest] angle in degrees, got {value!r}")
                object.__setattr__(self, each.name, (float(ends[0]), float(ends[1])))
            elif not _finite(value) or value <= 0:
                raise ValueError(f"{each.name} must be a positive number, got {value!r}")
            else:
                object.__setattr__(self, each.name, float(value))
        names = [muscle.name for muscle in self.muscles]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"muscles must be at least one, each with a name of its own; got {names}")
        object.__setattr__(self, "muscles", tuple(self.muscles))
        if self.dt > STIFF:
            warnings.warn(
                f"dt is {self.dt:g} s: above {STIFF:g} s Euler's method is too coarse for these muscles", stacklevel=3
            )

    @cached_property
    def _numbers(self) -> dict[str, np.ndarray]:
        """Constants of the muscles, (muscles,) each."""
        return {
            each.name: np.array([getattr(muscle, each.name) for muscle in self.muscles])
            for each in fields(Muscle)
            if each.name != "name"
        }

    @property
    def bounds(self) -> np.ndarray:
        """(2, 2) least and largest angle of each joint, rad."""
        return np.deg2rad(np.array([self.q1_deg, self.q2_deg]))

    def start(self, q: Joints) -> ArmState:
        """The arm at rest in a posture, muscles at their least activation.

        Args:
            q: (2, trials) angles, rad, within bounds (:meth:`check_start` says where they are not).
        """
        q = jnp.asarray(q)
        v = jnp.zeros_like(q)
        here = self._geometry(q, v)
        activation = jnp.full_like(here.length, LEAST)
        return self._contracted(q, v, activation, here)

    def step(self, state: ArmState, u: Muscles, load: Float[Array, "2 *trials"]) -> ArmState:
        """One step later.

        Torques are those of the stored force; the new force is that of the new activation at the old length and
        velocity; the joints move with the old velocity. A joint that reaches its bound stops there.

        Args:
            state: before.
            u: (muscles, trials) excitations; below .001 they count as .001, above 1 as 1.
            load: (2, trials) force on the hand, N.

        Raises:
            ValueError: excitations for another number of muscles.
        """
        if u.ndim < 1 or u.shape[0] != len(self.muscles):
            raise ValueError(f"u must have shape ({len(self.muscles)}, ...), a muscle a row; got {u.shape}")
        q, v = state.q, state.v
        here = self._geometry(q, v)
        pull = -jnp.stack([(state.force * here.shoulder).sum(axis=0), (state.force * here.elbow).sum(axis=0)])
        acceleration = self._acceleration(q, v, pull + self._push(q, load))
        moved = q + v * self.dt
        after = v + acceleration * self.dt
        low, high = (end.reshape(2, *[1] * (q.ndim - 1)).astype(q.dtype) for end in self.bounds.T)
        out = ((moved <= low) & (after < 0)) | ((moved >= high) & (after > 0))
        activation = activate(state.activation, u, self.dt)
        return self._contracted(kept_in(moved, low, high), jnp.where(out, 0.0, after), activation, here)

    def hand(self, state: ArmState) -> Float[Array, "4 *trials"]:
        """Position (m) and velocity (m/s) of the hand."""
        return self.hand_at(state.q, state.v)

    def hand_at(self, q: Joints, v: Joints) -> Float[Array, "4 *trials"]:
        """Position (m) and velocity (m/s) of the hand at joint angles and velocities."""
        (ux, uy), (fx, fy) = self._links(q)
        both = v[0] + v[1]
        return jnp.stack([ux + fx, uy + fy, -uy * v[0] - fy * both, ux * v[0] + fx * both])

    def senses(self, state: ArmState) -> Float[Array, "senses *trials"]:
        """Fibre lengths over L0, fibre velocities over 10 L0, and the position of the hand.

        Lengths and velocities are those of the muscles' state, hence one step older than the hand.
        """
        scale = 1 / self._column("L0", state.length)
        hand = self.hand_at(state.q, state.v)[:2]
        return jnp.concatenate([state.length * scale, state.velocity * (scale / FASTEST), hand])

    def muscle(self, state: ArmState) -> Float[Array, "7 muscles *trials"]:
        """Rows of the muscles' state: activation, fibre length (m), velocity (m/s), passive part, length factor, active
        part (shares of F0) and force (N).
        """
        found = self._forces(state.activation, state.length, state.velocity)
        parts = found.passive, found.length_factor, found.active
        return jnp.stack([state.activation, state.length, state.velocity, *parts, state.force])

    def check_start(self, q: Any) -> np.ndarray:
        """Starting angles as they are, checked.

        Raises:
            ValueError: another shape, NaN, or an angle out of bounds; names trial, joint, value and bound.

        Example:
            >>> TwoLinkArm().check_start([[3.0], [1.0]])
            Traceback (most recent call last):
            ValueError: q1 of trial 1 must be in [0, 2.356] rad = [0, 135] degrees, got 3 rad = 171.9 degrees
        """
        angles = np.asarray(q, dtype=float)
        if angles.ndim < 1 or angles.shape[0] != 2:
            raise ValueError(f"q must have shape (2, trials), shoulder and elbow; got {angles.shape}")
        rows = angles.reshape(2, -1)
        slack = 1e-6  # float32
        for joint, (low, high) in enumerate(self.bounds):
            wrong = ~((rows[joint] >= low - slack) & (rows[joint] <= high + slack))
            if wrong.any():
                trial = int(wrong.argmax())
                ends = [f"[{low:.4g}, {high:.4g}] rad", f"[{np.rad2deg(low):.4g}, {np.rad2deg(high):.4g}] degrees"]
                value = rows[joint, trial]
                raise ValueError(
                    f"q{joint + 1} of trial {trial + 1} must be in {' = '.join(ends)}, got {value:.4g} rad = "
                    f"{np.rad2deg(value):.4g} degrees"
                )
        return angles

    def posture(self, hand: Any) -> np.ndarray:
        """Joint angles of hand positions, the elbow at least 0: ``(2, trials)`` rad from ``(2, trials)`` m.

        Raises:
            ValueError: a position that the arm can't reach; names it.

        Example:
            >>> arm = TwoLinkArm()
            >>> arm.posture(np.array([0.07670547, 0.52445906])).round(4).tolist()
            [0.8, 1.2]
        """
        x, y = np.asarray(hand, dtype=float)
        square = x**2 + y**2
        cosine = (square - self.l1**2 - self.l2**2) / (2 * self.l1 * self.l2)
        if not (np.abs(cosine) <= 1 + 1e-9).all():
            worst = int(np.argmax(np.where(np.isfinite(cosine), np.abs(cosine), np.inf)))
            raise ValueError(
                f"hand must be {abs(self.l1 - self.l2):.4g} to {self.l1 + self.l2:.4g} m from the shoulder; trial "
                f"{worst + 1} has ({np.ravel(x)[worst]:.4g}, {np.ravel(y)[worst]:.4g})"
            )
        q2 = np.arccos(np.clip(cosine, -1, 1))
        q1 = np.arctan2(y, x) - np.arctan2(self.l2 * np.sin(q2), self.l1 + self.l2 * np.cos(q2))
        middle = self.bounds[0].mean()
        return np.stack([middle + (q1 - middle + np.pi) % (2 * np.pi) - np.pi, q2])

    def hand_of(self, q: Any) -> np.ndarray:
        """Hand positions (2, trials) of joint angles (2, trials), in NumPy."""
        q1, q2 = np.asarray(q, dtype=float)
        x = self.l1 * np.cos(q1) + self.l2 * np.cos(q1 + q2)
        return np.stack([x, self.l1 * np.sin(q1) + self.l2 * np.sin(q1 + q2)])

    def warn_unreachable(self, goals: Any) -> int:
        """How many goals (2, trials) lie where the hand can't be, with a warning that says so."""
        r = np.hypot(*np.asarray(goals, dtype=float))
        count = int(np.sum((r < abs(self.l1 - self.l2) - 1e-9) | (r > self.l1 + self.l2 + 1e-9)))
        if count:
            warnings.warn(
                f"{count} of {r.size} targets can't be reached: they are nearer than {abs(self.l1 - self.l2):.3g} m or "
                f"farther than {self.l1 + self.l2:.3g} m from the shoulder",
                stacklevel=3,
            )
        return count

    def moment_arms(self, q: Joints) -> Float[Array, "2 muscles *trials"]:
        """Moment arms about shoulder and elbow, m."""
        here = self._geometry(q, jnp.zeros_like(q))
        return jnp.stack([here.shoulder, here.elbow])

    def _column(self, name: str, like: Array) -> np.ndarray:
        """A constant of the muscles, shaped to multiply (muscles, trials)."""
        return self._numbers[name].reshape(-1, *[1] * (like.ndim - 1)).astype(like.dtype)

    def _geometry(self, q: Joints, v: Joints) -> Geometry:
        d1, d2 = q[0][None] - math.pi / 2, q[1][None]
        a0, s1, s2, e1, e2 = (
            self._column(name, q) for name in ("a0", "shoulder_a1", "shoulder_a2", "elbow_a1", "elbow_a2")
        )
        length = a0 + (s1 + s2 * d1) * d1 + (e1 + e2 * d2) * d2
        shoulder, elbow = jnp.broadcast_to(s1 + 2 * s2 * d1, length.shape), e1 + 2 * e2 * d2
        return Geometry(length, shoulder * v[0] + elbow * v[1], shoulder, elbow)

    def _contracted(self, q: Joints, v: Joints, activation: Muscles, at: Geometry) -> ArmState:
        """The state whose muscles have an activation, at a geometry."""
        fibre = at.length - self._column("LT", q)
        length = jnp.where(fibre > 0, fibre, 0.0)
        force = self._forces(activation, length, at.velocity).force
        return ArmState(q, v, activation, length, at.velocity, force)

    def _forces(self, activation: Muscles, length: Muscles, velocity: Muscles) -> Forces:
        return contract(activation, length, velocity, self._column("L0", length), self._column("F0", length))

    def _links(self, q: Joints) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Upper arm and forearm as vectors, m."""
        both = q[0] + q[1]
        upper = self.l1 * jnp.cos(q[0]), self.l1 * jnp.sin(q[0])
        return upper, (self.l2 * jnp.cos(both), self.l2 * jnp.sin(both))

    def _push(self, q: Joints, load: Float[Array, "2 *trials"]) -> Joints:
        """J^T F: torques of a force on the hand."""
        (ux, uy), (fx, fy) = self._links(q)
        elbow = fx * load[1] - fy * load[0]
        return jnp.stack([ux * load[1] - uy * load[0] + elbow, elbow])

    def _acceleration(self, q: Joints, v: Joints, torque: Joints) -> Joints:
        """``qdd`` of ``M(q) qdd = torque - c(q, v)``."""
        k = self.m2 * self.l1 * self.lg2
        m22 = self.m2 * self.lg2**2 + self.I2
        whole = self.m1 * self.lg1**2 + self.I1 + self.m2 * (self.lg2**2 + self.l1**2) + self.I2

        @elementwise
        def solved(cos: Array, sin: Array, v1: Array, v2: Array, t1: Array, t2: Array) -> tuple[Array, Array]:
            m12 = m22 + k * cos
            m11 = whole + 2 * k * cos
            t1 = t1 + k * sin * (2 * v1 + v2) * v2
            t2 = t2 - k * sin * v1**2
            scale = inverse(m11 * m22 - m12**2)
            return (m22 * t1 - m12 * t2) * scale, (m11 * t2 - m12 * t1) * scale

        return jnp.stack(solved(jnp.cos(q[1]), jnp.sin(q[1]), v[0], v[1], torque[0], torque[1]))


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
