"""A spiking network without circuits as a learner, for comparison with other rules."""

from collections.abc import Sequence

import jax

from symplast.hlop.network import SpikingMLP
from symplast.hlop.spiking_learner import SpikingLearner, plain_sgd
from symplast.spiking.arguments import check_positive


def spiking_network(
    sizes: Sequence[int], method: str = "bptt", feedback: str = "bp", timesteps: int | None = None, lr: float = 0.1
) -> SpikingLearner:
    """Learns by plain gradient descent through spikes; circuits need :class:`~symplast.hlop.ContinualTrainer`.

    Args:
        sizes: units of each layer, the input first, classes last.
        method, feedback, timesteps: as for :class:`SpikingMLP`.
        lr: learning rate.

    Raises:
        ValueError: settings that make no network, or a rate that is not positive.

    Example:
        >>> spiking_network((64, 32, 10), "dsr").timesteps
        20
    """
    check_positive(lr, "lr")
    net = jax.eval_shape(lambda key: SpikingMLP(sizes, method, feedback, timesteps, key=key), jax.random.key(0))
    return SpikingLearner.like(net, plain_sgd(lr))
