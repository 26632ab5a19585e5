"""What a misallocated budget wastes: Deadweight Compute Loss, in FLOP and in money."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from symplast.scaling.surfaces import FLOP_PER_PARAMETER_TOKEN, Allocation, LossSurface, Real


@dataclass(frozen=True)
class TrainingPrice:
    """Price of a FLOP: price / (peak x MFU x 3600 s).

    Args:
        price: dollars per accelerator-hour.
        peak: peak FLOP/s of the accelerator. The default, 1979e12, is NVIDIA's bf16 figure for an H100 *with*
            sparsity, which the paper uses; the dense peak is 989e12, and with it every dollar figure doubles.
        mfu: share of the peak that training reaches (model FLOP utilisation), in (0, 1].

    Example:
        >>> f"{TrainingPrice().per_flop:.9e}"
        '5.614507888e-19'
    """

    price: Real = 2.0
    peak: Real = 1979e12
    mfu: Real = 0.5

    def __post_init__(self) -> None:
        for name in ("price", "peak"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not 0 < self.mfu <= 1:
            raise ValueError(f"mfu must be a share in (0, 1], got {self.mfu}")

    @property
    def per_flop(self) -> float:
        """Dollars per FLOP."""
        return float(self.price / (self.peak * self.mfu * 3600))


@dataclass(frozen=True)
class DeadweightLoss:
    """Result of :func:`deadweight_loss`.

    Attributes:
        budget: C, FLOP.
        flop: FLOP wasted, C - C_eq.
        fraction: share of the budget wasted.
        dollars: money wasted.
        N, D: what the allocation buys.
        n_best, d_best: what the reference surface would buy.
        loss: of the allocation on the reference surface.
    """

    budget: float
    flop: float
    fraction: float
    dollars: float
    N: float
    D: float
    n_best: float
    d_best: float
    loss: float


def wasted_fraction(surface: LossSurface, D: np.ndarray | Real, C: Real) -> np.ndarray | np.float64:
    """Share of compute C that is wasted when D tokens are bought with it, on a reference surface; any shape of D."""
    loss = surface.loss(C / (FLOP_PER_PARAMETER_TOKEN * np.asarray(D)), D)
    return 1 - surface.c_from_loss(np.maximum(loss, surface.loss_opt(C))) / C


def deadweight_loss(
    surface: Any,
    allocation: Any,
    C: Real,
    price: Real = 2.0,
    peak: Real = 1979e12,
    mfu: Real = 0.5,
) -> DeadweightLoss:
    """Deadweight Compute Loss: how much less compute would have reached the same loss.

    D = D-hat(C) from the allocation, N = C / (6 D), l = S(N, D) on the reference surface, C_eq = C_from_loss(l), and
    DCL = C - C_eq >= 0. In money: DCL x price / (peak x MFU x 3600).

    Args:
        surface: the reference S, taken as the truth: a :class:`LossSurface`, or a fit of one (:func:`fit_surface`).
        allocation: the split that is judged: an :class:`Allocation`, another surface (which gives its own optimum), or
            a fit of either.
        C: the budget, FLOP.
        price, peak, mfu: see :class:`TrainingPrice`.

    Returns:
        The waste and both splits.

    Raises:
        ValueError: C or a price out of range, a surface without an optimum, or other objects (exchanged ones, too).

    Example:
        >>> from symplast.scaling import SURFACES
        >>> waste = deadweight_loss(SURFACES["chinchilla"], SURFACES["llama-3"], 3.8e25)
        >>> f"{waste.fraction:.2%}"
        '28.88%'

    Source: Sec. 6 of arXiv:2603.22339.
    """
    surface, allocation = _surface(surface), _allocation(allocation)
    if isinstance(C, bool) or not isinstance(C, Real) or not (np.isfinite(C) and C > 0):
        raise ValueError(f"C must be positive FLOP, got {C!r}")
    C = float(C)
    per_flop = TrainingPrice(price, peak, mfu).per_flop
    d_hat = float(allocation.d_opt(C))
    fraction = max(0.0, float(wasted_fraction(surface, d_hat, C)))  # below 0 by rounding only
    n_hat = C / (FLOP_PER_PARAMETER_TOKEN * d_hat)
    return DeadweightLoss(
        budget=C,
        flop=fraction * C,
        fraction=fraction,
        dollars=fraction * C * per_flop,
        N=n_hat,
        D=d_hat,
        n_best=float(surface.n_opt(C)),
        d_best=float(surface.d_opt(C)),
        loss=float(surface.loss(n_hat, d_hat)),
    )


def _surface(value: Any) -> LossSurface:
    found = getattr(value, "surface", value)  # a fit holds its surface
    if not isinstance(found, LossSurface):
        hint = "; surface comes first, allocation second" if _splits(value) else ""
        raise ValueError(
            f"surface must be a LossSurface or a fit of one (fit_surface), got {type(value).__name__}{hint}"
        )
    return found


def _allocation(value: Any) -> Allocation | LossSurface:
    found = value if isinstance(value, LossSurface) else getattr(value, "surface", getattr(value, "allocation", value))
    if not isinstance(found, Allocation | LossSurface):
        raise ValueError(
            "allocation must be an Allocation, a LossSurface or a fit of one (fit_approach1, fit_approach2, "
            f"fit_surface), got {type(value).__name__}"
        )
    return found


def _splits(value: Any) -> bool:
    return isinstance(getattr(value, "allocation", value), Allocation)
