"""How far an IsoFLOP parabola misses the optimum, in closed form, and how wide a grid may be."""

import math
from dataclasses import dataclass

import numpy as np

from symplast.on_use import brentq
from symplast.scaling.surfaces import Real

WIDEST = 3.0
"""Half-widths above 3 decades (+-1000x) are not considered."""


@dataclass(frozen=True)
class ParabolaBias:
    """Error of the vertex of a noise-free parabola on a centred grid.

    Attributes:
        shift_log10: delta w; log10 N* is off by +delta w at every budget and log10 D* by -delta w.
        n_factor: 10^(delta w), by which N* is multiplied.
        d_factor: 10^(-delta w), by which D* is multiplied.
    """

    shift_log10: float

    @property
    def n_factor(self) -> float:
        """Factor on N*."""
        return 10.0**self.shift_log10

    @property
    def d_factor(self) -> float:
        """Factor on D*."""
        return 10.0**-self.shift_log10


LARGEST_EXPONENT = 50.0
"""Beyond, the powers of a wide grid leave the range of floats; measured exponents are below 2."""


def approach2_bias(alpha: Real, beta: Real, k: Real, n: int | None = 15) -> ParabolaBias:
    """Bias of Approach 2 on a centred, equally spaced +-k x grid without noise.

    With w_i in [-h, h], h = log10 k, and q_i = (beta/alpha) 10^(-alpha w_i) + 10^(beta w_i):

        a1 = sum w q / sum w^2,  a2 = (n sum w^2 q - sum w^2 sum q) / (n sum w^4 - (sum w^2)^2),  dw = -a1 / (2 a2).

    Exponents are unbiased; the intercept of log10 N* is off by +dw and that of log10 D* by -dw.

    Args:
        alpha, beta: exponents of the surface, > 0.
        k: half-width as a factor, > 1.
        n: points per budget, >= 3; None takes the limit of infinitely many.

    Returns:
        The shift and the factors.

    Raises:
        ValueError: a parameter outside its range.

    Example:
        >>> bias = approach2_bias(0.34, 0.28, k=16)
        >>> round(bias.shift_log10, 10), f"N* {bias.n_factor - 1:+.2%}"
        (0.0227349067, 'N* +5.37%')

    Source: Appendix of arXiv:2603.22339; the limit is ours.
    """
    _check_exponents(alpha, beta)
    if not (math.isfinite(k) and k > 1):
        raise ValueError(f"k must be a factor above 1 (a +-k x grid), got {k}")
    if n is None:
        return ParabolaBias(_continuum_shift(float(alpha), float(beta), math.log(k)))
    if n < 3:
        raise ValueError(f"n must be at least 3 points for a parabola, got {n}")
    w = np.linspace(-1, 1, n) * math.log10(k)
    x = w * math.log(10)
    # without the constant 1 + beta/alpha, which the parabola absorbs: keeps narrow grids accurate
    q = (beta / alpha) * np.expm1(-alpha * x) + np.expm1(beta * x)
    centred = w**2 - np.mean(w**2)
    a1 = (w @ q) / (w @ w)
    a2 = (centred @ q) / (centred @ w**2)
    return ParabolaBias(float(-a1 / (2 * a2)))


def small_grid_bias(alpha: Real, beta: Real, k: Real, n: int | None = 15) -> float:
    """Rule of thumb for narrow grids: d ln N* ~ (alpha - beta) c_n (ln k)^2 / 6, in log10 units.

    c_n = sum w^4 / (h^2 sum w^2): 167/245 for n = 15, 3/5 for n = None (infinitely many).

    Example:
        >>> round(small_grid_bias(0.34, 0.28, k=2), 10)
        0.0014222817
    """
    _check_exponents(alpha, beta)
    w = np.linspace(-1, 1, n) if n is not None else None
    c_n = 0.6 if w is None else float(np.sum(w**4) / np.sum(w**2))
    return float(alpha - beta) * c_n * math.log(k) ** 2 / 6 / math.log(10)


def design_grid(alpha: Real, beta: Real, max_bias: Real, n: int | None = 15) -> float:
    """The widest centred grid whose bias stays within a limit.

    Args:
        alpha, beta: exponents of the surface, as far as they are known.
        max_bias: largest relative error of N* and of D* that is acceptable, e.g. 0.01.
        n: points per budget.

    Returns:
        k of the +-k x grid; infinity when even +-1000x is safe (always so for alpha = beta).

    Raises:
        ValueError: a parameter outside its range.

    Example:
        >>> round(design_grid(0.34, 0.28, max_bias=0.01), 3)
        3.348
    """
    _check_exponents(alpha, beta)
    if not 0 < max_bias < 1:
        raise ValueError(f"max_bias must be a share between 0 and 1 such as 0.01, got {max_bias}")

    def excess(h: float) -> float:
        # the larger of the two factors' errors: 10^|dw| - 1 >= 1 - 10^-|dw|
        return 10.0 ** abs(approach2_bias(alpha, beta, 10.0**h, n).shift_log10) - 1 - max_bias

    widths = np.linspace(1e-3, WIDEST, 61)
    over = [h for h in widths if excess(h) > 0]
    if not over:
        return math.inf
    first = over[0]
    if first == widths[0]:
        return float(10.0 ** brentq(excess, 1e-9, first))
    return float(10.0 ** brentq(excess, first - (widths[1] - widths[0]), first, xtol=1e-13))


def _continuum_shift(alpha: float, beta: float, H: float) -> float:
    def i1(g: float) -> float:
        return 2 * (H * math.cosh(g * H) / g - math.sinh(g * H) / g**2)

    def j(g: float) -> float:
        i0 = 2 * math.sinh(g * H) / g
        i2 = 2 * (H**2 * math.sinh(g * H) / g - 2 * H * math.cosh(g * H) / g**2 + 2 * math.sinh(g * H) / g**3)
        return i2 - H**2 * i0 / 3

    a1 = 3 / (2 * H**3) * (i1(beta) - beta / alpha * i1(alpha))
    a2 = 45 / (8 * H**5) * (j(beta) + beta / alpha * j(alpha))
    return -a1 / (2 * a2) / math.log(10)


def _check_exponents(alpha: Real, beta: Real) -> None:
    for name, value in (("alpha", alpha), ("beta", beta)):
        if not 0 < value <= LARGEST_EXPONENT:
            raise ValueError(f"{name} must be an exponent above 0 and at most {LARGEST_EXPONENT:g}, got {value}")
