"""Whether the phases of a frequency's neurons cancel better than chance: the phase symmetry of the population."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Key

from symplast.grokking.decoding import Decoding
from symplast.learning.host_random import generator
from symplast.stats.arguments import check_count

ORDERS = ("psi", "2phi+psi", "psi+phi", "psi-phi", "4phi-psi")
"""Angles whose sums over a group of neurons must vanish for a clean answer."""


@dataclass(frozen=True, eq=False)
class PhaseOrder:
    """Order of each angle in each frequency's group of neurons.

    Attributes:
        r: (angles, K) ``|sum w e^{ia}| / sum w``; NaN where a frequency has no neuron.
        ratio: (angles, K) r over its mean for uniform angles with the same weights; below 1 the phases cancel better
            than chance.
        size: (K,) neurons of each frequency.
    """

    r: Float[np.ndarray, "angles K"]
    ratio: Float[np.ndarray, "angles K"]
    size: Int[np.ndarray, " K"]

    @property
    def mean_ratio(self) -> dict[str, float]:
        """Angle -> mean of the ratio over the frequencies that have neurons."""
        return {name: float(np.nanmean(row)) for name, row in zip(ORDERS, self.ratio, strict=True)}


def phase_order(
    decoded: Decoding, key: Key[Any, ""], *, quadratic: bool = True, null: bool = True, draws: int = 2000
) -> PhaseOrder:
    """Order of the angles psi, 2 phi + psi, psi + phi, psi - phi and 4 phi - psi within each frequency.

    Args:
        decoded: a network with both layers.
        key: random key of the null model.
        quadratic: weigh a neuron by its vote under x^2, ``alpha^2 beta``; else ``alpha beta`` (ReLU).
        null: compare with uniform angles; else the ratios are NaN.
        draws: of the null model.

    Raises:
        ValueError: no output weights, or fewer than 100 draws.

    Example:
        >>> import jax
        >>> from symplast.grokking import decode, ideal_network
        >>> net = ideal_network(11, 8, activation="square")
        >>> found = phase_order(decode(net.theta, net.xi), jax.random.key(0))
        >>> float(found.r.max()) < 1e-6, found.size.tolist()
        (True, [8, 8, 8, 8, 8])
    """
    check_count(draws, "draws", 100)
    psi_all = decoded.psi
    if psi_all is None or decoded.beta is None:
        raise ValueError("xi must be given for the order of phases")
    phi, psi = decoded.at(decoded.phi), decoded.at(psi_all)
    alpha, beta = decoded.at(decoded.alpha), decoded.at(decoded.beta)
    angles = np.stack([psi, 2 * phi + psi, psi + phi, psi - phi, 4 * phi - psi])
    K = decoded.alpha.shape[1]
    member = np.zeros((len(psi), K))
    member[np.arange(len(psi)), decoded.frequency - 1] = (alpha**2 if quadratic else alpha) * beta
    total = member.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.abs(np.exp(1j * angles) @ member) / total
        chance = np.full(K, np.nan)
        if null:
            uniform = generator(key).uniform(0, 2 * np.pi, (draws, len(psi)))
            chance = np.hypot(np.cos(uniform) @ member, np.sin(uniform) @ member).mean(axis=0) / total
        return PhaseOrder(r, r / chance, np.bincount(decoded.frequency - 1, minlength=K))
