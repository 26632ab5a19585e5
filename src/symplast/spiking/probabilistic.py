"""Probabilistic integrate-and-fire neurons."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Key

from symplast.spiking.arguments import Number, Shape, Steps, Values, check_at_least_zero, check_positive, named
from symplast.spiking.neuron import Neuron
from symplast.spiking.refractoriness import keep_waiting


class ProbabilisticState(NamedTuple):
    """State of probabilistic cells.

    Attributes:
        key: of the next step's draws.
        refractory: steps that a cell still has to wait.
    """

    key: Key[Array, ""]
    refractory: Steps


class ProbabilisticIF(Neuron):
    """Fires with probability ``clip(drive + p_external, 0, 1)`` in each step, never while refractory.

    With ``drive = W s(t-1)`` this is a branching network, critical where the largest eigenvalue of W is 1.

    Attributes:
        p_external: probability of a spike without drive, per step.
        refractory_ms: time after a spike without another, rounded to whole steps.

    Example:
        >>> cells = ProbabilisticIF(p_external=0.25)
        >>> state, spikes = cells.step(cells.init((10000,), key=jax.random.key(0)), 0.5, dt_ms=1.0)
        >>> abs(float(spikes.mean()) - 0.75) < 0.02
        True

    Source:
        Larremore, Shew and Restrepo 2011 (critical branching networks of this form).
    """

    p_external: Values = eqx.field(converter=named("p_external"), default=0.0)
    refractory_ms: Values = eqx.field(converter=named("refractory_ms"), default=0.0)

    def __check_init__(self) -> None:
        check_at_least_zero(self.p_external, "p_external")
        check_at_least_zero(self.refractory_ms, "refractory_ms")

    def init(self, shape: Shape = (), *, key: Key[Array, ""] | None = None) -> ProbabilisticState:
        """Cells that are ready to fire.

        Args:
            shape: of the population.
            key: of all its draws; needed.

        Raises:
            ValueError: no key.
        """
        if key is None:
            raise ValueError("key must be given: these cells fire at random")
        return ProbabilisticState(key, jnp.zeros(shape, jnp.int32))

    def step(
        self, state: ProbabilisticState, inputs: Number, dt_ms: Number
    ) -> tuple[ProbabilisticState, Bool[Array, "..."]]:
        """One step of every cell.

        Args:
            state: from :meth:`init` or an earlier step.
            inputs: the drive, a probability for this step; broadcasts to the population.
            dt_ms: length of the step.

        Returns:
            The state after the step, and the spikes.
        """
        check_positive(dt_ms, "dt_ms")
        key, for_draws = jax.random.split(state.key)
        probability = jnp.clip(inputs + self.p_external, 0, 1)
        draws = jax.random.uniform(for_draws, state.refractory.shape, probability.dtype)
        spikes = (draws < probability) & (state.refractory == 0)
        return ProbabilisticState(key, keep_waiting(state.refractory, spikes, self.refractory_ms, dt_ms)), spikes
