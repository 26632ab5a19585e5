"""Measured pulse curves as they are, for devices that the exponential law doesn't fit."""

import warnings

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num


class MeasuredCurve(eqx.Module):
    """A strictly rising curve through points (pulse number, level), linear between them.

    Attributes:
        pulses: (points,) pulse number of each point, the first 0.
        levels: (points,) normalised level, from 0 to 1.
    """

    pulses: Float[Array, " points"]
    levels: Float[Array, " points"]

    def level_after(self, n: Num[Array, "..."]) -> Float[Array, "..."]:
        """Level after n pulses from 0, for n between pulses too."""
        return jnp.interp(n, self.pulses, self.levels)

    def pulse_number(self, g: Float[Array, "..."]) -> Float[Array, "..."]:
        """Pulses from 0 to the level g."""
        return jnp.interp(g, self.levels, self.pulses)


def measured_curve(G: np.ndarray, name: str) -> MeasuredCurve:
    """A monotone curve through noisy conductances that rise (or, mirrored, fall) with the pulses.

    Isotonic regression, then equal neighbours become one point in the middle of their pulses; flat ends are cut.

    Args:
        G: (pulses + 1,) conductance after 0, 1, ... pulses, checked and rising from first to last.
        name: for the warning.

    Warns:
        UserWarning: the regression moved points; says by how much at most and at which pulse.
    """
    from scipy.optimize import isotonic_regression

    smooth = isotonic_regression(G).x
    correction = np.abs(smooth - G)
    if correction.max() > 1e-9 * (smooth[-1] - smooth[0]):
        share = 100 * correction.max() / (smooth[-1] - smooth[0])
        warnings.warn(
            f"{name} is not monotone: isotonic regression moved points, most at pulse {int(correction.argmax())} "
            f"by {share:.2g} % of the range",
            stacklevel=4,
        )
    values, first, counts = np.unique(smooth, return_index=True, return_counts=True)
    middle = first + (counts - 1) / 2
    middle[0], middle[-1] = first[0] + counts[0] - 1, first[-1]
    levels = (values - values[0]) / (values[-1] - values[0])
    return MeasuredCurve(jnp.asarray(middle - middle[0], dtype=float), jnp.asarray(levels, dtype=float))
