"""Spectrum at a zero-error solution of a large linear two-layer net with rule-flipped neurons.

With ``c = M/N`` (inputs over hidden units), a share ``alpha`` of presynaptic neurons flipped, and entries of W of
variance ``1/M``, growth rates are minus the eigenvalues of

    hidden flips:   X = D1 + rho W^T W          readout flips:   X = I + rho W^T D2 W

per unit ``|W2|^2`` and unit input covariance; ``rho = s1/s2`` is the ratio of the two layers' weight variances. The
solution is stable when the whole spectrum is positive. Ensemble: code of arXiv:2510.02765; closed forms: derived here
by free addition.
"""

from collections.abc import Callable
from itertools import pairwise
from math import sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.polynomial import Polynomial

from symplast.on_use import brentq

Layer = Literal["hidden", "readout"]
LAYERS = ("hidden", "readout")


ALL_ALIKE = 1e-6
"""Within this of 0 and 1 a share means none or all, where X is a shifted Marchenko-Pastur matrix."""


class Atom(NamedTuple):
    """A point mass of the spectrum."""

    place: float
    mass: float


class Support(NamedTuple):
    """Where the spectrum lies: continuous bands in ascending order, and point masses."""

    bands: list[tuple[float, float]]
    atoms: list[Atom]

    @property
    def least(self) -> float:
        """The left end of everything."""
        return min([low for low, _ in self.bands] + [atom.place for atom in self.atoms])


def support(c: float, alpha: float, layer: Layer, rho: float = 1.0) -> Support:
    """Bands and atoms of the spectrum of X.

    The resolvent solves a cubic; the density is positive where its discriminant is negative, so the edges are roots of
    the discriminant, a polynomial in x.

    Args:
        c: inputs over hidden units, positive.
        alpha: share of flipped neurons in [0, 1].
        layer: which layer's weights they act on: ``hidden`` (flipped inputs) or ``readout`` (flipped hidden units).
        rho: variance of the hidden weights over that of the readout weights.

    Raises:
        ValueError: c or rho not positive, alpha outside [0, 1], or an unknown layer.

    Example:
        >>> [tuple(round(float(x), 3) for x in band) for band in support(1.2, 0.5, "hidden").bands]
        [(-0.966, 0.826), (1.059, 4.081)]
    """
    _check(c, alpha, layer, rho)
    if alpha < ALL_ALIKE or alpha > 1 - ALL_ALIKE:
        centre, side = _of_all_alike(alpha, layer)
        ends = sorted(centre + side * rho * (1 + sign / np.sqrt(c)) ** 2 for sign in (-1, 1))
        return Support([(float(ends[0]), float(ends[1]))], _atoms(c, round(alpha), layer))
    discriminant = _discriminant(_cubic(c, alpha, layer, rho))
    roots = np.roots(discriminant.trim(1e-13 * np.abs(discriminant.coef).max()).coef[::-1])
    real = np.sort(roots[np.abs(roots.imag) < 1e-6 * (1 + np.abs(roots))].real)
    reach = rho * (1 + 1 / np.sqrt(c)) ** 2  # norm of rho W^T W; roots beyond are rounded leading coefficients
    real = real[np.abs(real - (layer == "readout")) < reach + (layer == "hidden") + 1e-6]
    bands: list[tuple[float, float]] = []
    for low, high in pairwise(real):
        if high - low > 1e-9 and density(np.array([(low + high) / 2]), c, alpha, layer, rho)[0] > 0:
            if bands and abs(bands[-1][1] - low) < 1e-9:
                low = bands.pop()[0]
            bands.append((float(low), float(high)))
    if not bands:
        raise ValueError(f"c={c:g} with rho={rho:g} is out of reach: the law's polynomial loses all its digits there")
    return Support(bands, _atoms(c, alpha, layer))


def density(
    x: np.ndarray[tuple[int], np.dtype[np.float64]], c: float, alpha: float, layer: Layer, rho: float = 1.0
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Continuous part of the spectral density of X: ``|Im w(x)| / pi``.

    Args:
        x: (points,) where.
        c, alpha, layer, rho: as for :func:`support`.

    Returns:
        (points,) the density; it integrates to 1 less the mass of the atoms.
    """
    _check(c, alpha, layer, rho)
    if alpha < ALL_ALIKE or alpha > 1 - ALL_ALIKE:
        centre, side = _of_all_alike(alpha, layer)
        y = side * (np.asarray(x, dtype=float) - centre) / rho
        low, high = (1 - 1 / np.sqrt(c)) ** 2, (1 + 1 / np.sqrt(c)) ** 2
        inside = (y > low) & (y < high)
        return np.where(inside, np.sqrt(np.where(inside, (high - y) * (y - low), 0)), 0) / (
            2 * np.pi * rho * np.where(inside, y, 1)
        )
    coefficients = np.array([p(np.asarray(x, dtype=float)) for p in _cubic(c, alpha, layer, rho)])
    roots = _roots(coefficients.T)
    sure = np.abs(roots.imag) > 1e-9 * (1 + np.abs(roots))
    return np.where(sure, np.abs(roots.imag), 0).max(axis=1, initial=0.0) / np.pi


def distribution(
    x: np.ndarray[tuple[int], np.dtype[np.float64]], c: float, alpha: float, layer: Layer, rho: float = 1.0
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Share of the spectrum of X at or below x, atoms included.

    Args:
        x: (points,) where.
        c, alpha, layer, rho: as for :func:`support`.

    Returns:
        (points,) from 0 to 1.

    Example:
        >>> below = distribution(np.array([-1.5, 0.0, 1.02, 4.0]), 2.0, 0.7, "hidden")
        >>> [round(float(share), 3) for share in below]
        [0.0, 0.595, 0.7, 1.0]
    """
    x = np.asarray(x, dtype=float)
    found = support(c, alpha, layer, rho)
    total: np.ndarray = np.zeros(x.shape)
    for atom in found.atoms:
        total = total + atom.mass * (x >= atom.place)
    angle = np.linspace(-np.pi / 2, np.pi / 2, 4001)
    for low, high in found.bands:  # x = middle + half sin(angle): the square roots at the edges become smooth
        middle, half = (low + high) / 2, (high - low) / 2
        height = density(middle + half * np.sin(angle), c, alpha, layer, rho) * half * np.cos(angle)
        mass = np.concatenate([[0.0], np.cumsum((height[1:] + height[:-1]) / 2 * (angle[1] - angle[0]))])
        total = total + np.interp(np.arcsin(np.clip((x - middle) / half, -1, 1)), angle, mass)
    return total


def _of_all_alike(alpha: float, layer: Layer) -> tuple[float, int]:
    """With no or all neurons flipped ``X = centre + side rho W^T W``."""
    if layer == "readout":
        return 1.0, 1 if alpha < 0.5 else -1
    return (1.0 if alpha < 0.5 else -1.0), 1


def _roots(coefficients: np.ndarray) -> np.ndarray:
    """Roots of cubics, (points, 3) from (points, 4); vanishing leading coefficients leave zeros in their place."""
    found = np.zeros((len(coefficients), 3), complex)
    leading = np.abs(coefficients[:, 0]) > 1e-13 * np.abs(coefficients).max(axis=1)
    monic = coefficients[leading, 1:] / coefficients[leading, :1]
    companion = np.zeros((len(monic), 3, 3))
    companion[:, 0] = -monic
    companion[:, [1, 2], [0, 1]] = 1
    found[leading] = np.linalg.eigvals(companion)
    for index in np.flatnonzero(~leading):
        row = coefficients[index]
        roots = np.roots(row[np.abs(row).cumsum() > 1e-13 * np.abs(row).max()])
        found[index, : roots.size] = roots
    return found


def critical_fraction(c: float, layer: Layer, rho: float = 1.0) -> float:
    """Largest share of flipped neurons that leaves the zero-error solution of a large net stable, in closed form.

    There the left edge of the spectrum is at zero, ``x(w) = x'(w) = 0`` for the inverse x of the resolvent:

    - Hidden: 0 for ``c >= 2 rho / (rho + 2)``, 1 for ``sqrt(c) (1 + 1/sqrt(rho)) <= 1``; between, with t in (0, 1) the
      root of ``t^3 + (1 - c) t - 2 c/rho = 0``: ``(1 - Delta)/2``,
      ``Delta = (1/rho - t/c) (1/t^2 - 1) + 1/t``.
    - Readout: 0 for ``1/c + 2/rho <= 2``, 1 for ``sqrt(rho) (1 + 1/sqrt(c)) <= 1``; between, with g in (0, 1) the root
      of ``2 c/rho g^3 + (1 - c) g^2 - c = 0``: ``(1 - g)/2 (1 - c (1 + g) (1/g - 1/rho))``.

    Args:
        c: inputs over hidden units, positive.
        layer: ``hidden`` or ``readout``.
        rho: variance of the hidden weights over that of the readout weights.

    Example:
        >>> round(critical_fraction(0.4, "hidden"), 5), critical_fraction(0.25, "readout")
        (0.17718, 0.15625)
    """
    _check(c, 0.0, layer, rho)
    c, rho = float(c), float(rho)
    share = _critical_hidden(c, rho) if layer == "hidden" else _critical_readout(c, rho)
    return float(np.clip(share, 0.0, 1.0))


def _critical_hidden(c: float, rho: float) -> float:
    if c * (1 + 2 / rho) >= 2:
        return 0.0
    if sqrt(c) * (1 + 1 / sqrt(rho)) <= 1:
        return 1.0
    t = _root(lambda t: t * t * t + (1 - c) * t - 2 * c / rho, 1.0)
    return (1 - (1 / rho - t / c) * (1 / (t * t) - 1) - 1 / t) / 2


def _root(function: Callable[[float], float], highest: float) -> float:
    """The root in (0, highest] to all its digits, however small it is."""
    return float(brentq(function, 0, highest * (1 + 1e-12), xtol=5e-324, maxiter=4000))


def _critical_readout(c: float, rho: float) -> float:
    """In a variable that keeps its digits: ``g = sqrt(c) h`` for small c, ``d = 1 - g`` for large."""
    twice = 2 / rho
    if 1 / c <= 2 - twice:  # the root's place is beyond 1: a single flipped neuron has a negative eigenvalue
        return 0.0
    if 1 / sqrt(c) <= 1 / sqrt(rho) - 1:  # the norm of rho W^T W, with all neurons flipped
        return 1.0
    if c < 1:
        root = sqrt(c)
        h = _root(lambda h: twice * c * root * h * h * h + (1 - c) * h * h - 1, min(1 / sqrt(1 - c), 1 / root))
        g = root * h
        return (1 - g) / 2 * (1 - (1 + g) * (root / h - c / rho))
    zeroth, first, second = twice - 2 + 1 / c, 3 * twice - 2 + 2 / c, 3 * twice - 1 + 1 / c
    d = _root(lambda d: zeroth - d * (first - d * (second - d * twice)), 1.0)
    return d / 2 * (1 - (2 - d) * c * (d / (1 - d) + (1 - 1 / rho)))


def _cubic(c: float, alpha: float, layer: Layer, rho: float) -> list[Polynomial]:
    """Coefficients (of w^3, w^2, w, 1) of the resolvent's equation, as polynomials in x."""
    x, one = Polynomial([0.0, 1.0]), Polynomial([1.0])
    if layer == "readout":
        return [
            -c * rho**2 * (x - 1),
            -(rho**2) * (1 - c) * one,
            c * (x - 1) - rho * (1 - 2 * alpha),
            -c * one,
        ]
    k, shifted, square = c / rho, x + (1 - 2 * alpha), x**2 - 1
    return [
        c**2 * square,
        -2 * k * c * square + 2 * c * x - c**2 * shifted,
        k**2 * square - 2 * k * x + 1 + 2 * k * c * shifted - c,
        -(k**2) * shifted + k,
    ]


def _discriminant(cubic: list[Polynomial]) -> Polynomial:
    a, b, c, d = cubic
    return 18 * a * b * c * d - 4 * b**3 * d + b**2 * c**2 - 4 * a * c**3 - 27 * a**2 * d**2


def _atoms(c: float, alpha: float, layer: Layer) -> list[Atom]:
    """Directions that W maps to zero keep the eigenvalue of D1 (hidden) or I (readout)."""
    null = 1 - 1 / c
    if null <= 0:
        return []
    if layer == "readout":
        return [Atom(1.0, null)]
    masses = [Atom(-1.0, alpha - 1 / c), Atom(1.0, 1 - alpha - 1 / c)]
    return [atom for atom in masses if atom.mass > 0]


def _check(c: float, alpha: float, layer: str, rho: float) -> None:
    if not (np.isfinite(c) and c > 0):
        raise ValueError(f"c = inputs / hidden units must be positive, got {c}")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is a share and must be in [0, 1], got {alpha}")
    if layer not in LAYERS:
        raise ValueError(f"layer must be hidden or readout, got {layer!r}")
    if not (np.isfinite(rho) and rho > 0):
        raise ValueError(f"rho = s1 / s2 must be positive, got {rho}")
