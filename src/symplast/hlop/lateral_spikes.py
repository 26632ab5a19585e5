"""Spiking lateral neurons: their output is a count of spikes, so it comes in steps and is bounded."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from symplast.spiking.arguments import Values, check_positive, is_traced, parameter


class LateralSpikes(eqx.Module):
    """``round(clip(y, -s, s) / s L) / L s``: spikes of either sign in L time steps, worth s/L each.

    Ties round to the even number. The output is not differentiated.

    Attributes:
        scale: s, the largest output.
        levels: L, time steps: levels of each sign.

    Raises:
        ValueError: a scale or a number of levels that is not positive.

    Example:
        >>> print(LateralSpikes(scale=20.0, levels=40)(jnp.array([0.6, 0.7, 25.0, -3.3])).round(4))
        [ 0.5  0.5 20.  -3.5]
    """

    scale: Values = eqx.field(converter=parameter, default=20.0)
    levels: Values = eqx.field(converter=parameter, default=1000.0)

    def __check_init__(self) -> None:
        check_positive(self.scale, "scale")
        check_positive(self.levels, "levels")
        if not is_traced(self.levels) and float(self.levels) % 1:
            raise ValueError(f"levels must be a whole number of time steps, got {float(self.levels)}")

    def __call__(self, y: Float[Array, "*rows k"]) -> Float[Array, "*rows k"]:
        """The output for a potential y."""
        return jnp.round(jnp.clip(y, -self.scale, self.scale) / self.scale * self.levels) / self.levels * self.scale


def lateral_output(y: Float[Array, "*rows k"], spikes: LateralSpikes | None) -> Float[Array, "*rows k"]:
    """What lateral neurons put out: y itself, or spikes."""
    return y if spikes is None else spikes(y)
