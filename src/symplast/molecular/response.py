"""Dose and response: relax the malignant state, give the drug for 200 steps, wash it out for 200, and look.

Success is an overlap with the normal pattern of at least 0.8 of its equilibrium value that is also above the malignant
overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Array, Key
from scipy import sparse

from symplast.molecular.drugs import Drug, cut_edges
from symplast.molecular.learning_network import LearningNetwork, check_temperature
from symplast.molecular.randomness import generator
from symplast.molecular.relaxation import STEPS, mean_step, relax_states, working_type

DOSES = np.arange(0, 80.1, 2.5)
"""Budgets of the minimal effective dose; they scale with N."""

CURED = 0.8
LIVES = 0.3
"""Both overlaps above this: both attractors exist at this temperature."""

LATE_STEPS = 50
"""Steps over which a noisy network's overlaps are averaged."""


@dataclass(frozen=True, eq=False)
class Response:
    """What drugs did.

    Attributes:
        doses: (D,) budgets.
        success: (S, D) whether the normal state was reached and kept.
        normal_overlap, malignant_overlap: (S, D) after washout.
        equilibrium: overlap of the relaxed normal and malignant state with their patterns.
        toxicity: (S, D) loss of normal overlap of a normal cell, drug still on, when the same field acts away from the
            normal pattern; None unless asked for.
        minimal_dose: (S,) smallest dose with success; infinite where there is none.
    """

    doses: np.ndarray
    success: np.ndarray
    normal_overlap: np.ndarray
    malignant_overlap: np.ndarray
    equilibrium: tuple[float, float]
    toxicity: np.ndarray | None = None

    @property
    def minimal_dose(self) -> np.ndarray:
        """(S,) smallest dose with success; infinite where there is none."""
        first = self.success.argmax(axis=1)
        return np.where(self.success.any(axis=1), self.doses[first], np.inf)

    @property
    def bistable(self) -> bool:
        """Whether both attractors exist."""
        return min(self.equilibrium) > LIVES


def drug_response(
    cell: LearningNetwork, drugs: Sequence[Drug], T: float, doses: Any = DOSES, *, toxicity: bool = False
) -> Response:
    """Dose and response of several drugs on one network at one temperature.

    Args:
        cell: the network.
        drugs: what is given.
        T: temperature, positive.
        doses: (D,) budgets of at least 0.
        toxicity: compute it too.

    Raises:
        ValueError: no drug, T not positive, doses below 0.

    Example:
        >>> import jax
        >>> from symplast.molecular import drug, modular_scale_free
        >>> cell = LearningNetwork.random(modular_scale_free(key=jax.random.key(1)), key=jax.random.key(3))
        >>> found = drug_response(cell, [drug(cell, "central", 36)], 0.5, [0, 40])
        >>> found.success.tolist()
        [[False, True]]
    """
    check_temperature(T)
    budgets = np.asarray(doses, dtype=np.float64)
    if budgets.ndim != 1 or not len(budgets) or not (np.isfinite(budgets).all() and (budgets >= 0).all()):
        raise ValueError(f"doses must be budgets of at least 0, got {doses}")
    if not len(drugs):
        raise ValueError("drugs must hold at least one drug")
    J, (rest, own) = cell.sparse_couplings, _equilibria(cell, T)
    first, second = _fields(drugs, budgets)
    m = np.repeat(rest[:, 1:], first.shape[1], axis=1)
    for h, steps in ((first, STEPS // 2), (second, STEPS // 2), (np.zeros_like(first), STEPS)):
        m = relax_states(J, m, h, T, steps)
    harm = None
    if toxicity:
        ill = np.repeat(rest[:, :1], first.shape[1], axis=1)
        for h in (first, second):
            ill = relax_states(J, ill, -h, T, STEPS // 2)
        harm = own[0] - _overlaps(cell, ill, len(drugs))[0]
    return _judged(budgets, _overlaps(cell, m, len(drugs)), own, harm)


def _judged(doses: np.ndarray, ends: np.ndarray, own: np.ndarray, harm: np.ndarray | None = None) -> Response:
    success = (ends[0] >= CURED * own[0]) & (ends[0] > ends[1])
    return Response(doses, success, ends[0], ends[1], (float(own[0]), float(own[1])), harm)


def edgetic_response(cell: LearningNetwork, T: float, doses: Any = DOSES) -> Response:
    """Dose and response of an edgetic drug, which weakens the edges that hold the malignant state most.

    With Hebbian couplings the edges that it cuts hold both patterns: a limit of this model.
    """
    check_temperature(T)
    budgets = np.asarray(doses, dtype=np.float64)
    rest, own = _equilibria(cell, T)
    h = np.zeros_like(rest[:, 1:])
    ends = []
    for cut in cut_edges(cell, rest[:, 1], budgets):
        m = relax_states(sparse.csr_array(cut.astype(working_type())), rest[:, 1:], h, T)
        ends.append(relax_states(cell.sparse_couplings, m, h, T))
    return _judged(budgets, _overlaps(cell, np.concatenate(ends, axis=1), 1), own)


def noisy_response(
    cell: LearningNetwork, drugs: Sequence[Drug], T: float, key: Key[Array, ""], doses: Any = DOSES
) -> Response:
    """As :func:`drug_response` with spins of +-1 that are redrawn at random (Bernoulli, Glauber).

    In each step every spin is redrawn with probability d from ``P(+1) = (1 + tanh(. / T)) / 2``; overlaps are averaged
    over the last 50 steps of washout. Success need not be monotone in dose.
    """
    check_temperature(T)
    budgets, rng = np.asarray(doses, dtype=np.float64), generator(key)
    _, own = _equilibria(cell, T)
    first, second = _fields(drugs, budgets)
    off, kind = np.zeros_like(first), working_type().type
    m = np.repeat(cell.malignant[:, None].astype(first.dtype), first.shape[1], axis=1)
    total = np.zeros((2, len(drugs), len(budgets)))
    for step in range(3 * STEPS):
        on = first if step < 3 * STEPS // 2 else second
        h = on if STEPS <= step < 2 * STEPS else off
        mean = mean_step(m, cell.sparse_couplings, h, T)  # of a spin that is redrawn with probability d
        m = np.where(2 * rng.random(m.shape, dtype=m.dtype) - 1 < mean, kind(1), kind(-1))
        if step >= 3 * STEPS - LATE_STEPS:
            total += _overlaps(cell, m, len(drugs))
    return _judged(budgets, total / LATE_STEPS, own)


def _overlaps(cell: LearningNetwork, m: np.ndarray, drugs: int) -> np.ndarray:
    """(2, drugs, doses) overlaps of states (N, drugs * doses) with the normal and the malignant pattern."""
    both = np.stack([cell.normal, cell.malignant]) @ m / cell.topology.n
    return both.reshape(2, drugs, -1)


def _equilibria(cell: LearningNetwork, T: float) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2) relaxed normal and malignant state, and their overlaps with their patterns."""
    both = np.stack([cell.normal, cell.malignant], axis=1).astype(working_type())
    rest = relax_states(cell.sparse_couplings, both, np.zeros_like(both), T)
    return rest, (rest * both).mean(axis=0)


def _fields(drugs: Sequence[Drug], doses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, drugs * doses) fields of the two phases."""
    per_unit = (np.stack([getattr(each, name) for each in drugs], axis=1) for name in ("first", "second"))
    first, second = ((h[:, :, None] * doses).reshape(len(h), -1).astype(working_type()) for h in per_unit)
    return first, second
