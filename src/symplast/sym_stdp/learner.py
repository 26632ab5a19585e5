"""The network as a learner of :mod:`symplast.learning`: pure, so that seeds train side by side with other learners."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from symplast.learning.learner import Learner
from symplast.learning.protocol import Batch
from symplast.spiking import poisson_spikes
from symplast.sym_stdp.backends import show
from symplast.sym_stdp.circuit import NetworkState, Parameters, new_state, rested
from symplast.sym_stdp.config import SymSTDPConfig
from symplast.sym_stdp.scaling import synaptic_scaling
from symplast.sym_stdp.simulation import advance


class SymSTDPLearner(Learner):
    """Learns classes of flat images with values in [0, 1], one after the other within a batch.

    Spikes are drawn inside the compiled program and every input has its slot in the event tables, so that nothing
    depends on the host; :class:`SymSTDPClassifier` is many times faster on large images. ``loss`` is the share of a
    batch that the read-out weights, applied to the hidden spikes, would have called wrong.

    Attributes:
        n_inputs, n_hidden, n_classes: sizes.
        config: constants.
        brightest_hz: rate of an input of 1 at the first intensity.

    Example:
        >>> learner = SymSTDPLearner(64, 100, 10, SymSTDPConfig(sum_in=6.4))
        >>> eqx.filter_eval_shape(learner.init, jax.random.key(0)).plastic.w_in.shape
        (64, 100)
    """

    n_inputs: int = eqx.field(static=True)
    n_hidden: int = eqx.field(static=True)
    n_classes: int = eqx.field(static=True, default=10)
    config: SymSTDPConfig = eqx.field(static=True, default=SymSTDPConfig())
    brightest_hz: float = eqx.field(static=True, default=63.75)

    def init(self, key: Key[Array, ""]) -> NetworkState:
        """A network before learning."""
        return new_state(self.config, self.n_inputs, self.n_hidden, self.n_classes, key)

    def learn(self, state: NetworkState, batch: Batch, key: Key[Array, ""]) -> tuple[NetworkState, dict[str, Array]]:
        """Show the batch's images in turn."""
        params, config = Parameters.of(self.config), self.config
        sums = config.sum_in, config.sum_out_per_cell * self.n_hidden, config.scale_in

        def present(carry: Any) -> Any:
            state, q, _, key, x, label = carry
            key, now = jax.random.split(key)
            units, taught = self._drawn(now, x, q, config.teacher_hz * jax.nn.one_hot(label, self.n_classes))
            taught = jnp.concatenate([taught, jnp.zeros((config.rest_steps, self.n_classes), bool)])
            state, hidden, _ = show(params, state, units, taught, sums, "both", config.rest_steps - 1)
            return state, q + 1, hidden, key, x, label

        def one(state: NetworkState, row: Any) -> tuple[NetworkState, Array]:
            x, label, key = row
            nothing = jnp.zeros(self.n_hidden, jnp.int32)
            start = state, jnp.asarray(config.q_start), nothing, key, x, label
            after, _, hidden, *_ = jax.lax.while_loop(self._again, present, start)
            guess = jnp.argmax(hidden.astype(state.plastic.w_out.dtype) @ state.plastic.w_out)
            return after, guess != label

        keys = jax.random.split(key, batch.inputs.shape[0])
        state, wrong = jax.lax.scan(one, state, (batch.inputs, batch.targets, keys))
        return state, {"loss": wrong.mean()}

    def predict(self, state: NetworkState, inputs: Float[Array, "rows pixels"]) -> Float[Array, "rows outputs"]:
        """Classifier spikes; the same spikes reach the network each time it is asked."""
        params, config = Parameters.of(self.config), self.config
        plastic = state.plastic
        if config.scale_in:
            plastic = plastic._replace(w_in=synaptic_scaling(plastic.w_in, config.sum_in, 0))
        fresh = rested(config, self.n_inputs, self.n_hidden, self.n_classes)

        def present(carry: Any) -> Any:
            cells, q, _, key, x, _ = carry
            key, now = jax.random.split(key)
            units, _ = self._drawn(now, x, q, jnp.zeros(0))
            after, spikes = advance(params, NetworkState(plastic, cells), units, None, "none", config.rest_steps - 1)
            shown = config.image_steps
            hidden, out = spikes.hidden[:shown].sum(axis=0), spikes.classifier[:shown].sum(axis=0)
            return after.cells, q + 1, hidden, key, x, out

        def one(x: Array, key: Key[Array, ""]) -> Array:
            nothing = jnp.zeros(self.n_hidden, jnp.int32), jnp.zeros(self.n_classes, jnp.int32)
            start = fresh, jnp.asarray(config.q_start), nothing[0], key, x, nothing[1]
            return jax.lax.while_loop(self._again, present, start)[-1].astype(x.dtype)

        return jax.vmap(one)(inputs, jax.random.split(jax.random.key(0), inputs.shape[0]))

    def _again(self, carry: Any) -> Array:
        """Not yet shown, or shown without a response at less than the last intensity."""
        q, hidden = carry[1], carry[2]
        return (q == self.config.q_start) | ((hidden.sum() < self.config.least_spikes) & (q <= self.config.q_last))

    def _drawn(
        self, key: Key[Array, ""], x: Float[Array, " pixels"], q: Array, teacher_hz: Float[Array, " taught"]
    ) -> tuple[Int[Array, "steps pixels"], Bool[Array, "shown taught"]]:
        """Acting input units of an image, with a last step for the last spikes; and spikes of a teacher."""
        config = self.config
        rates = jnp.clip(x * self.brightest_hz * (q / config.q_start), 0, 1000 / config.dt_ms)
        rates = jnp.concatenate([rates, teacher_hz.astype(rates.dtype)])
        spikes = poisson_spikes(key, rates, config.image_ms, config.dt_ms, dead_steps=1)
        of_image, of_teacher = spikes[:, : self.n_inputs], spikes[:, self.n_inputs :]
        units = jnp.sort(jnp.where(of_image, jnp.arange(self.n_inputs), self.n_inputs), axis=1)
        return jnp.concatenate([jnp.full((1, self.n_inputs), self.n_inputs), units]), of_teacher


def classifier(sizes: Sequence[int], preset: str = "mnist-400", brightest_hz: float = 63.75) -> SymSTDPLearner:
    """A learner for images of any size.

    Args:
        sizes: pixels, hidden cells, classes.
        preset: constants, of :meth:`SymSTDPConfig.preset`; the sum of a cell's weights goes with the number of pixels.
        brightest_hz: rate of a pixel of 1.

    Raises:
        ValueError: more or fewer than one hidden layer, or an unknown preset.

    Example:
        >>> classifier((64, 100, 10)).config.sum_in
        6.4
    """
    if len(sizes) != 3:
        raise ValueError(f"sym-stdp has one hidden layer, got hidden layers of {', '.join(map(str, sizes[1:-1]))}")
    pixels, hidden, classes = sizes
    return SymSTDPLearner(pixels, hidden, classes, SymSTDPConfig.preset(preset).for_pixels(pixels), brightest_hz)
