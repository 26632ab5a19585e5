"""The device law fitted to measured pulse curves."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from symplast.devices.arguments import Numbers
from symplast.devices.pulse_law import MOST_NONLINEAR
from symplast.stats import Estimate
from symplast.stats.arguments import plain

POOR = 0.05
"""Above this share of the range, the law doesn't describe the curve."""

NAMES = ("b_ltp", "b_ltd", "g_min", "g_max")


@dataclass(frozen=True)
class FittedLaw:
    """Parameters of the law, as numbers.

    Attributes:
        n_ltp, n_ltd: pulses measured.
        rmse: root mean square residual as a share of the range ``g_max - g_min``.
        ci: ``b_ltp``, ``b_ltd``, ``g_min``, ``g_max`` (siemens) as estimates with intervals.
    """

    n_ltp: int
    n_ltd: int
    rmse: float
    ci: dict[str, Estimate]


def check_curves(G_ltp: Any, G_ltd: Any) -> tuple[np.ndarray, np.ndarray]:
    """Two measured curves as float64 arrays.

    Raises:
        ValueError: not one row of plain numbers, fewer than 3 points, not finite, or the wrong way round.
    """
    curves = []
    for name, values, sign in (("G_ltp", G_ltp, 1), ("G_ltd", G_ltd, -1)):
        curve = np.asarray(plain(values, name))
        if curve.ndim != 1 or curve.dtype.kind not in "iuf" or curve.size < 3:
            raise ValueError(f"{name} must be one row of at least 3 conductances, got shape {curve.shape}")
        if not np.isfinite(curve).all():
            raise ValueError(f"{name} must be finite; point {int(np.flatnonzero(~np.isfinite(curve))[0])} is not")
        if sign * (curve[-1] - curve[0]) <= 0:
            way = "rise" if sign > 0 else "fall"
            raise ValueError(
                f"{name} must {way} from first to last pulse, got {curve[0]:g} to {curve[-1]:g}; "
                "list it in the order of the pulses, and check that LTP and LTD are not exchanged"
            )
        curves.append(curve.astype(np.float64))
    return curves[0], curves[1]


def fitted_law(G_ltp: Numbers, G_ltd: Numbers, level: float = 0.95) -> FittedLaw:
    """Least squares, from several starts; see :func:`symplast.devices.fit_curves`."""
    from scipy.optimize import least_squares
    from scipy.special import stdtrit

    if not 0 < level < 1:
        raise ValueError(f"level must be strictly between 0 and 1, got {level}")
    rising, falling = check_curves(G_ltp, G_ltd)
    low, high = min(rising.min(), falling.min()), max(rising.max(), falling.max())
    span = high - low
    measured = np.concatenate([rising, falling]) / span - low / span
    up, down = np.linspace(0, 1, rising.size), np.linspace(0, 1, falling.size)

    def residuals(p: np.ndarray) -> np.ndarray:
        b_ltp, b_ltd, least, most = p
        fitted = np.concatenate([_shape(b_ltp, up), 1 - _shape(b_ltd, down)])
        return least + (most - least) * fitted - measured

    bounds = ([0, 0, -1, 0], [MOST_NONLINEAR, MOST_NONLINEAR, 1, 2])
    starts = [(b, c, 0.0, 1.0) for b in (0.5, 8.0) for c in (0.5, 8.0)]
    options = {"bounds": bounds, "xtol": 1e-12, "ftol": 1e-12, "gtol": 1e-12}
    best = min((least_squares(residuals, start, **options) for start in starts), key=lambda found: found.cost)
    least, most = best.x[2:]
    free = measured.size - best.x.size
    rmse = float(np.sqrt(2 * best.cost / measured.size) / (most - least))
    if rmse > POOR:
        warnings.warn(
            f"the law misses the curves by {100 * rmse:.1f} % of the range; "
            "DeviceModel.from_table follows them as they are",
            stacklevel=4,
        )
    spread = 2 * best.cost / free if free > 0 else np.nan
    deviation = np.sqrt(np.diag(np.linalg.pinv(best.jac.T @ best.jac)) * spread)
    half = (stdtrit(free, 0.5 + level / 2) if free > 0 else np.inf) * deviation
    scale = np.array([1, 1, span, span])
    value, half = best.x * scale + [0, 0, low, low], np.nan_to_num(half, nan=np.inf) * scale
    lower, upper = value - half, value + half
    lower[:2], upper[:2] = np.maximum(lower[:2], 0), np.minimum(upper[:2], MOST_NONLINEAR)
    ci = {
        name: Estimate(float(middle), float(left), float(right), level, int(measured.size), "least-squares")
        for name, middle, left, right in zip(NAMES, value, lower, upper, strict=True)
    }
    return FittedLaw(rising.size - 1, falling.size - 1, rmse, ci)


def _shape(b: float, share: np.ndarray) -> np.ndarray:
    """The normalised curve at a share of its pulses."""
    return share if b < 1e-9 else np.expm1(-b * share) / np.expm1(-b)
