"""The learning network: mean-field spins on a graph whose couplings hold a normal and a malignant pattern.

``J_ij = A_ij (c xi^C_i xi^C_j + n xi^N_i xi^N_j) / kbar`` and ``m <- (1 - d) m + d tanh((m J + h) / T)``. A low
temperature T makes the network rigid, a high one plastic.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key
from scipy import sparse

from symplast.learning.compiling import lightly
from symplast.molecular.attractors import LEAST, Landscape, hopfield_step, landscape
from symplast.molecular.randomness import generator
from symplast.molecular.relaxation import DAMPING, relax_states, working_type
from symplast.molecular.topology import Topology

ETA = 0.02
FIELD = 0.3
LENGTH = 500
"""Steps of the learning form."""

Schedule: TypeAlias = Literal["hump", "monotone", "constant"]
SCHEDULES: tuple[Schedule, ...] = ("hump", "monotone", "constant")


@dataclass(frozen=True, eq=False)
class LearningNetwork:
    """A topology with two patterns stored in its couplings.

    Attributes:
        topology: who is coupled to whom.
        normal: (N,) pattern of the normal state, +-1.
        malignant: (N,) pattern of the malignant state, +-1.
        c: depth of the malignant pattern; 1 by default.
        n: depth of the normal one; 0.9 by default, so that the malignant state is the deeper (our choice).

    Example:
        >>> from symplast.molecular import modular_scale_free
        >>> cell = LearningNetwork.random(modular_scale_free(key=jax.random.key(1)), key=jax.random.key(2))
        >>> m = cell.relaxed(cell.malignant, 0.35)
        >>> bool(cell.overlap(m, cell.malignant) > 0.8)
        True
    """

    topology: Topology
    normal: np.ndarray
    malignant: np.ndarray
    c: float = 1.0
    n: float = 0.9

    def __post_init__(self) -> None:
        for name in ("normal", "malignant"):
            pattern = np.asarray(getattr(self, name))
            if pattern.shape != (self.topology.n,) or not (np.abs(pattern) == 1).all():
                raise ValueError(f"{name} must be {self.topology.n} values of +1 and -1, got shape {pattern.shape}")
        for name in ("c", "n"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} must be finite and at least 0, got {getattr(self, name)}")

    @classmethod
    def random(
        cls, topology: Topology, *, c: float = 1.0, n: float = 0.9, key: Key[Array, ""] | None = None
    ) -> "LearningNetwork":
        """Random patterns on a topology."""
        normal, malignant = generator(key).integers(0, 2, (2, topology.n)) * 2.0 - 1
        return cls(topology, normal, malignant, c, n)

    @cached_property
    def couplings(self) -> np.ndarray:
        """(N, N) Hebbian couplings on the edges, over the realised mean degree."""
        stored = self.c * np.outer(self.malignant, self.malignant) + self.n * np.outer(self.normal, self.normal)
        return self.topology.adjacency * stored / self.topology.degree.mean()

    @cached_property
    def sparse_couplings(self) -> sparse.csr_array:
        """The same, sparse, in the working precision."""
        return sparse.csr_array(self.couplings.astype(working_type()))

    def relaxed(self, start: Any, T: float, field: Any = 0.0) -> np.ndarray:
        """(N,) activity after 200 steps from ``start``, or when no spin changes by 1e-6.

        Raises:
            ValueError: T not positive.
        """
        check_temperature(T)
        kind, shape = working_type(), (self.topology.n, 1)
        m = np.reshape(np.asarray(start, kind), shape)
        h = np.broadcast_to(np.asarray(field, kind).reshape(-1, 1), shape)
        return relax_states(self.sparse_couplings, m, h, T)[:, 0]

    @staticmethod
    def overlap(m: Any, pattern: np.ndarray) -> float:
        """``m . xi / N``."""
        return float(np.asarray(m) @ pattern / len(pattern))

    def attractors(self, samples: int = 1000, key: Key[Array, ""] | None = None) -> Landscape:
        """Attractors of the same couplings at zero temperature, spins updated all at once."""
        return landscape(hopfield_step(self.couplings), self.topology.n, samples=samples, key=key)

    def trajectory(
        self,
        schedule: Schedule | Any = "hump",
        *,
        eta: float = ETA,
        field: float = FIELD,
        steps: int = LENGTH,
    ) -> "Trajectory":
        """Learn the malignant pattern under its field, starting from the normal state.

        Starts in xi^N relaxed at T(0) with c = 0 and n = 1; then, ``steps`` times, one step of m under
        ``h = field xi^C`` and ``J += eta A (m m^T / kbar - J)``. The course of T is imposed: that state entropy follows
        it is an input, not a result.

        Args:
            schedule: ``hump`` (0.35, linearly to 0.8 in the first 40 %, then to 0.3), ``monotone`` (0.8 to 0.3),
                ``constant`` (0.35), or (steps,) temperatures of your own.
            eta: rate of learning (our choice).
            field: strength of the field (our choice).
            steps: number of steps.

        Raises:
            ValueError: an unknown schedule, temperatures that are not positive, eta outside [0, 1].

        Example:
            >>> from symplast.molecular import modular_scale_free
            >>> cell = LearningNetwork.random(modular_scale_free(60, key=jax.random.key(1)))
            >>> course = cell.trajectory("hump", steps=100)
            >>> bool(course.state_entropy[40] > course.state_entropy[-1])
            True
        """
        T = temperatures(schedule, steps)
        if not 0 <= eta <= 1:
            raise ValueError(f"eta must lie in [0, 1], got {eta}")
        start = replace(self, c=0.0, n=1.0)
        modules = np.equal.outer(self.topology.modules, self.topology.modules).astype(float)
        arrays = (start.couplings, start.relaxed(self.normal, T[0]), self.topology.adjacency, modules)
        given = (*arrays, self.normal, self.malignant, T, eta, field)
        found = _learn(*(jnp.asarray(np.asarray(a, working_type())) for a in given))
        columns = {name: np.asarray(values) for name, values in found.items()}
        rate = columns.pop("rate") / np.log(np.linalg.eigvalsh(self.topology.adjacency)[-1])
        return Trajectory(T=T, entropy_rate=rate, **columns)


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A learning network step by step, arrays of shape (steps,).

    Attributes:
        T: temperature.
        state_entropy: mean entropy of a spin in nats.
        entropy_rate: of a walk along the sizes of the couplings, as a share of the largest one.
        normal_overlap, malignant_overlap: of the activity with the patterns.
        modularity: of the sizes of the couplings, with the topology's modules.
    """

    T: np.ndarray
    state_entropy: np.ndarray
    entropy_rate: np.ndarray
    normal_overlap: np.ndarray
    malignant_overlap: np.ndarray
    modularity: np.ndarray

    @property
    def crossing(self) -> int:
        """First step from which the malignant overlap is the larger for good; the number of steps where it never is."""
        below = np.flatnonzero(self.malignant_overlap <= self.normal_overlap)
        return int(below[-1]) + 1 if below.size else 0


def check_temperature(T: Any) -> None:
    """Raise ValueError unless temperatures are positive and finite."""
    values = np.asarray(T, dtype=np.float64)
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise ValueError(f"T must be positive and finite, got {T}")


def temperatures(schedule: Any, steps: int = LENGTH) -> np.ndarray:
    """(steps,) temperatures of a schedule, by its name or as given.

    Example:
        >>> temperatures("hump", 500)[[0, 200, 499]].round(3).tolist()
        [0.35, 0.8, 0.3]
    """
    if not isinstance(schedule, str):
        given = np.asarray(schedule, dtype=np.float64)
        if given.shape != (steps,):
            raise ValueError(f"schedule must be {steps} temperatures (steps), got shape {given.shape}")
        check_temperature(given)
        return given
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, or temperatures, got {schedule!r}")
    at = np.arange(steps)
    if schedule == "constant":
        return np.full(steps, 0.35)
    if schedule == "monotone":
        return np.linspace(0.8, 0.3, steps)
    return np.interp(at, [0, 0.4 * steps, steps - 1], [0.35, 0.8, 0.3])


def entropy_of_spins(m: Array) -> Array:
    """Mean binary entropy of (..., N) activities in nats."""
    p = jnp.clip((1 + m) / 2, LEAST, 1 - LEAST)
    return -(p * jnp.log(p) + (1 - p) * jnp.log1p(-p)).mean(axis=-1)


@lightly
def _learn(
    J: Array,
    m: Array,
    A: Array,
    same: Array,
    normal: Array,
    malignant: Array,
    T: Array,
    eta: Array,
    field: Array,
) -> dict[str, Array]:
    n = normal.shape[0]
    mean_degree = A.sum() / n
    h = field * malignant

    def body(carry: tuple[Array, Array], T: Array) -> tuple[tuple[Array, Array], dict[str, Array]]:
        m, J = carry
        m = (1 - DAMPING) * m + DAMPING * jnp.tanh((m @ J + h) / T)
        J = J + eta * A * (jnp.outer(m, m) / mean_degree - J)
        w = jnp.abs(J)
        s = w.sum(axis=1)
        total = s.sum()
        p = w / jnp.maximum(s[:, None], jnp.finfo(w.dtype).tiny)
        local = -jnp.where(p > 0, p * jnp.log(jnp.where(p > 0, p, 1)), 0).sum(axis=1)
        record = {
            "state_entropy": entropy_of_spins(m),
            "rate": (s * local).sum() / total,
            "normal_overlap": m @ normal / n,
            "malignant_overlap": m @ malignant / n,
            "modularity": ((w - jnp.outer(s, s) / total) * same).sum() / total,
        }
        return (m, J), record

    return jax.lax.scan(body, (m, J), T)[1]
