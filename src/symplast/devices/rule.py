"""The single-conductance-step rule: every synapse whose line and error pass the gates gets exactly one pulse."""

import equinox as eqx
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from symplast.devices.arguments import check_choice, check_reals
from symplast.devices.schemes import REFRESHED, Scheme
from symplast.stats.arguments import check_count

REFRESH_WRITES = ("pulses", "verify")


class SingleStepRule(eqx.Module):
    """Thresholds of the update and settings of the refresh (a reconstruction of arXiv:1707.06381, defaults our choice).

    Args:
        theta_x: a line takes part when its input exceeds this.
        theta: a row takes part when the size of its error exceeds this: one value a layer, input side first, or
            (hidden, last).
        refresh_every: samples between refreshes, counted over the whole run; None for 100. Only schemes ``uni`` and
            ``uni_ltd`` have a refresh; with others it must be left out.
        g_sat: a pair is refreshed when one of its devices has reached this state; None for 0.999.
        refresh_write: ``pulses`` sends the counted pulses, ``verify`` writes the nominal state; None for pulses.
        swap_on_refresh: the two devices of a refreshed pair exchange roles (ours).

    Raises:
        ValueError: a value outside its range.

    Example:
        >>> [f"{theta:.2f}" for theta in SingleStepRule().thresholds(3)]
        ['0.02', '0.02', '0.10']
    """

    theta_x: Float[Array, ""]
    theta: tuple[Float[Array, ""], ...]
    g_sat: Float[Array, ""]
    refresh_every: int = eqx.field(static=True)
    refresh_write: str = eqx.field(static=True)
    swap_on_refresh: bool = eqx.field(static=True)
    refresh_is_set: bool = eqx.field(static=True)

    def __init__(
        self,
        theta_x: ArrayLike = 0.1,
        theta: tuple[ArrayLike, ...] = (0.02, 0.1),
        refresh_every: int | None = None,
        g_sat: ArrayLike | None = None,
        refresh_write: str | None = None,
        swap_on_refresh: bool = False,
    ):
        self.theta_x = check_reals(theta_x, "theta_x", 0, 1)
        self.theta = tuple(check_reals(each, "theta", 0, np.inf) for each in theta)
        if not self.theta:
            raise ValueError("theta must hold one threshold a layer, or (hidden, last); got none")
        self.refresh_every = check_count(100 if refresh_every is None else refresh_every, "refresh_every")
        self.g_sat = check_reals(0.999 if g_sat is None else g_sat, "g_sat", 0, 1)
        self.refresh_write = check_choice(
            "pulses" if refresh_write is None else refresh_write, "refresh_write", REFRESH_WRITES
        )
        self.swap_on_refresh = bool(swap_on_refresh)
        self.refresh_is_set = self.swap_on_refresh or any(
            given is not None for given in (refresh_every, g_sat, refresh_write)
        )

    def thresholds(self, layers: int) -> Float[Array, " layers"]:
        """The error threshold of each layer; two values also serve deeper networks as (hidden, last).

        Raises:
            ValueError: neither one value a layer nor two.
        """
        import jax.numpy as jnp

        theta = self.theta
        if len(theta) == 2 and layers != 2:
            theta = (theta[0],) * (layers - 1) + (theta[1],)
        if len(theta) != layers:
            raise ValueError(f"theta must hold one threshold for each of the {layers} layers, got {len(theta)}")
        return jnp.stack(theta)

    def check_scheme(self, scheme: Scheme) -> None:
        """Raise ValueError where refresh settings are given for a scheme without refresh."""
        if self.refresh_is_set and scheme not in REFRESHED:
            raise ValueError(
                f"scheme {scheme} has no refresh: leave out refresh_every, g_sat, refresh_write and swap_on_refresh, "
                f"or choose {' or '.join(REFRESHED)}"
            )
