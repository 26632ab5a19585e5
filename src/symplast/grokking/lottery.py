"""The lottery at initialisation: which frequency each neuron will take, predicted from its first weights."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from symplast.grokking.decoding import Decoding, decode
from symplast.grokking.flow import blow_up_time
from symplast.stats import Estimate, wilson

RULES = ("T", "alpha", "abs(D)")
"""Ways to predict the winner: earliest blow-up, largest first amplitude, smallest first misalignment."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the first weights say.

    Attributes:
        times: (neurons, K) blow-up times of all frequencies.
        first: the decoded first weights.
    """

    times: Float[np.ndarray, "neurons K"]
    first: Decoding

    @property
    def winner(self) -> Int[np.ndarray, " neurons"]:
        """The frequency, 1 .. K, that blows up first."""
        return self.times.argmin(axis=1) + 1

    @property
    def runner_up(self) -> Int[np.ndarray, " neurons"]:
        """The frequency that would be second; the same as the winner for p = 3."""
        return np.argsort(self.times, axis=1)[:, min(1, self.times.shape[1] - 1)] + 1

    @property
    def lead(self) -> Float[np.ndarray, " neurons"]:
        """Time of the second over that of the first: 1 is a tie. NaN where no frequency ever grows, or for p = 3."""
        ordered = np.sort(self.times, axis=1)
        if ordered.shape[1] < 2:
            return np.full(len(ordered), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            return ordered[:, 1] / ordered[:, 0]

    def by(self, rule: str) -> Int[np.ndarray, " neurons"]:
        """The winner predicted by a rule of :data:`RULES`.

        Raises:
            ValueError: no such rule.
        """
        if rule not in RULES:
            raise ValueError(f"rule must be one of {', '.join(RULES)}; got {rule!r}")
        scores = {"T": -self.times, "alpha": self.first.alpha, "abs(D)": -np.abs(self.first.misalignments)}
        return scores[rule].argmax(axis=1) + 1

    def hits(self, final: Decoding) -> dict[str, Estimate]:
        """Share of neurons whose final winner (largest output amplitude) each rule predicted, with Wilson intervals.

        Raises:
            ValueError: another number of neurons, or another p.
        """
        if final.alpha.shape != self.first.alpha.shape:
            raise ValueError(
                f"the final network must have the first one's {self.first.alpha.shape[0]} neurons and p = "
                f"{self.first.p}; it has {final.alpha.shape[0]} and {final.p}"
            )
        won = final.winner
        return {rule: wilson(int((self.by(rule) == won).sum()), won.size) for rule in RULES}


def predict_winners(theta0: Any, xi0: Any) -> Prediction:
    """Predict each neuron's frequency as the one that blows up first under the reduced flow of x^2 networks.

    Args:
        theta0, xi0: (neurons, p) first weights, from any framework.

    Raises:
        ValueError: as for :func:`decode`.

    Example:
        >>> import jax
        >>> from symplast.grokking.network import init_random
        >>> net = init_random(23, 64, jax.random.key(0))
        >>> found = predict_winners(net.theta, net.xi)
        >>> found.winner.shape, bool((found.lead >= 1).all())
        ((64,), True)
    """
    first = decode(theta0, xi0)
    return Prediction(blow_up_time(first.alpha, first.beta, first.misalignments, first.p), first)
