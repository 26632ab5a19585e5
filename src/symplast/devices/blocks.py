"""Blocks of samples through a network of crossbars: what is compiled.

One program runs any range of blocks: a loop over blocks of K samples with a refresh between them, a scan over the
samples inside. The states are donated, so they are updated in place.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from symplast.devices.crossbar import Crossbar
from symplast.devices.network import FloatLayer, Layer, Thresholds, learn_sample, with_bias
from symplast.devices.refreshing import Refresh
from symplast.learning.compiling import LIGHTLY


class Stream(NamedTuple):
    """Samples in the order in which they are shown.

    Attributes:
        X: (examples, n_in).
        y: (examples,).
        order: (blocks, K) index of each sample; padded at the end.
        samples: how many there are without the padding.
        key: of noise while learning.
    """

    X: Float[Array, "examples n_in"]
    y: Int[Array, " examples"]
    order: Int[Array, "blocks K"]
    samples: Int[Array, ""]
    key: Key[Array, ""]


class Settings(NamedTuple):
    """What is compiled into the program: structure, no numbers."""

    bias: bool
    dense: bool
    refresh: bool
    verify: bool
    swap: bool


def run_blocks(
    layers: tuple[Layer, ...],
    stream: Stream,
    thresholds: Thresholds,
    g_sat: Float[Array, ""],
    span: Int[Array, "2"],
    settings: Settings,
) -> tuple[Layer, ...]:
    """Train on blocks ``span[0] .. span[1] - 1`` of the stream."""
    K = stream.order.shape[1]
    noisy = any(
        isinstance(layer, Crossbar) and (layer.cells.c2c is not None or layer.cells.read_noise is not None)
        for layer in layers
    )

    def block(number: Array, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
        chosen = stream.order[number]
        first = number * K
        valid = first + jnp.arange(K) < stream.samples
        laws = tuple(layer.laws() if isinstance(layer, Crossbar) else None for layer in layers)
        block_key = jax.random.fold_in(stream.key, number) if noisy else None

        def sample(states: tuple[Any, ...], item: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
            x, y, ok, index = item
            now = with_states(layers, states)
            key = None if block_key is None else jax.random.fold_in(block_key, index)
            states, gates = learn_sample(now, laws, (x, y, ok), thresholds, settings.bias, settings.dense, key)
            return states, gates if settings.dense else None

        items = with_bias(stream.X[chosen], settings.bias), stream.y[chosen], valid, jnp.arange(K)
        states, gates = jax.lax.scan(sample, tuple(layer.state for layer in layers), items)
        layers = with_states(layers, states)
        if settings.dense:
            layers = tuple(_counted(layer, on) for layer, on in zip(layers, gates, strict=True))
        if not settings.refresh:
            return layers
        whole = first + K <= stream.samples
        keys = [None if block_key is None else jax.random.fold_in(block_key, K + i) for i in range(len(layers))]
        return tuple(_refreshed(g_sat, settings, whole, layer, key) for layer, key in zip(layers, keys, strict=True))

    return jax.lax.fori_loop(span[0], span[1], block, layers)


def with_states(layers: tuple[Layer, ...], states: tuple[Any, ...]) -> tuple[Layer, ...]:
    """The layers in other states."""
    return tuple(layer.with_state(state) for layer, state in zip(layers, states, strict=True))


def _counted(layer: Layer, gates: Any) -> Layer:
    return layer.counted(gates) if isinstance(layer, Crossbar) else layer


def _refreshed(g_sat: Array, settings: Settings, due: Array, layer: Layer, key: Key[Array, ""] | None) -> Layer:
    if isinstance(layer, FloatLayer):
        return layer
    return layer.refreshed(Refresh(layer.scheme, settings.verify, settings.swap), g_sat, key, due)


def trained_blocks(layers: Any, *arguments: Any, settings: Settings, brief: bool = False) -> tuple[Layer, ...]:
    """:func:`run_blocks`, compiled; states and counters are updated in place, so the layers given are spent."""
    train = _briefly_trained if brief else _trained
    return train(*eqx.partition(layers, tuple(map(_donated, layers))), *arguments, settings=settings)


def _donated(layer: Layer) -> Any:
    """Which arrays of a layer are updated in place."""
    nothing: Any = jax.tree.map(lambda _: False, layer)
    if isinstance(layer, FloatLayer):
        return eqx.tree_at(lambda at: at.weights, nothing, True)
    return eqx.tree_at(lambda at: (at.g, at.pulses, at.refreshes), nothing, (True, True, True))


def _run(moving: Any, fixed: Any, *arguments: Any, settings: Settings) -> tuple[Layer, ...]:
    stream, thresholds, g_sat, span = arguments
    return run_blocks(eqx.combine(moving, fixed), stream, thresholds, g_sat, span, settings)


_trained = jax.jit(_run, static_argnames="settings", donate_argnums=0)
_briefly_trained = jax.jit(_run, static_argnames="settings", donate_argnums=0, **LIGHTLY)
