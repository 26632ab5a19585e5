"""Ghosts: outputs besides the right one, x + y, that a network of cosines raises too (2x, 2y, 3x - y, 3y - x)."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from symplast.grokking.arguments import check_logits


class GhostProfile(NamedTuple):
    """Least squares of logits on ``[1, 1(j = x + y), 1(j = 2x or 2y)]`` over all x != y and j.

    Attributes:
        floor, main, ghost: the coefficients.
        ratio: ghost over main; NaN where main is 0.
        r_squared: share of the variance that the three numbers explain; NaN for constant logits.
    """

    floor: float
    main: float
    ghost: float
    ratio: float
    r_squared: float


class Peaks(NamedTuple):
    """Mean heights of the classes of outputs over the floor: what an ideal network has.

    Attributes:
        floor: mean over x != y of all outputs that belong to no class below.
        main: at x + y.
        ghost: at 2x and 2y.
        second: at 3x - y and 3y - x.
        diagonal: on x = y, the right output over the mean of the others.
    """

    floor: float
    main: float
    ghost: float
    second: float
    diagonal: float


def output_classes(p: int) -> dict[str, Bool[np.ndarray, "p p p"]]:
    """Which outputs j of pair (x, y) are ``main``, ``ghost`` and ``second`` ghosts; each belongs to one class at most.

    Example:
        >>> {name: int(mask[1, 2].sum()) for name, mask in output_classes(7).items()}
        {'main': 1, 'ghost': 2, 'second': 2}
    """
    x, y, j = np.ogrid[:p, :p, :p]
    main = (x + y - j) % p == 0
    ghost = (((2 * x - j) % p == 0) | ((2 * y - j) % p == 0)) & ~main
    second = (((3 * x - y - j) % p == 0) | ((3 * y - x - j) % p == 0)) & ~main & ~ghost
    return {"main": main, "ghost": ghost, "second": second}


def ghost_profile(logits: Any) -> GhostProfile:
    """How much of trained logits is the right answer and how much its two ghosts.

    Args:
        logits: (p, p, p), [x, y, j] (:meth:`TwoLayerNet.table`).

    Raises:
        ValueError: another shape, an even p, p = 3 (no output is left for the floor), or logits that are not finite.

    Example:
        >>> from symplast.grokking.ideal import flawed_indicator
        >>> found = ghost_profile(flawed_indicator(7, 1.0, 8))
        >>> [round(value, 6) for value in found]
        [-4.0, 14.0, 7.0, 0.5, 1.0]
    """
    values = _of_at_least(5, logits)
    p = len(values)
    off = ~np.eye(p, dtype=bool)
    classes = output_classes(p)
    main, ghost = (classes[name][off] for name in ("main", "ghost"))
    flat = values[off]
    floor = float(flat[~main & ~ghost].mean())
    heights = float(flat[main].mean()) - floor, float(flat[ghost].mean()) - floor
    left = flat - floor - heights[0] * main - heights[1] * ghost
    spread = float(((flat - flat.mean()) ** 2).sum())
    ratio = heights[1] / heights[0] if heights[0] else float("nan")
    explained = 1 - float((left**2).sum()) / spread if spread else float("nan")
    return GhostProfile(floor, *heights, ratio, explained)


def peaks(logits: Any) -> Peaks:
    """Heights of main peak, ghosts and second ghosts over the floor, and of the diagonal.

    Args:
        logits: as for :func:`ghost_profile`.

    Raises:
        ValueError: as for :func:`ghost_profile`, and p = 5.
    """
    values = _of_at_least(7, logits)
    p = len(values)
    off, classes = ~np.eye(p, dtype=bool), output_classes(p)
    flat = values[off]
    of = {name: mask[off] for name, mask in classes.items()}
    floor = float(flat[~(of["main"] | of["ghost"] | of["second"])].mean())
    main, ghost, second = (float(flat[of[name]].mean()) - floor for name in ("main", "ghost", "second"))
    right = np.einsum("iij->ij", classes["main"])
    rows = np.einsum("iij->ij", values)
    return Peaks(floor, main, ghost, second, float(rows[right].mean() - rows[~right].mean()))


def _of_at_least(p: int, logits: Any) -> np.ndarray:
    values = check_logits(logits)
    if len(values) < p:
        raise ValueError(
            f"logits must be of a modulus of at least {p}: at {len(values)} every output is the right one or a ghost"
        )
    return values
