"""Feed-forward networks whose layers are arrays: forward and backward pass, and one update of all layers.

``z_l = W_l a``; hidden ``a = clip(z, 0, 1)``, since an activation is sent on as a pulse width, which can't exceed its
window; ``p = softmax(z_L)``; ``d_L = p - onehot(y)``; ``d_l = (W_{l+1}^T d_{l+1}) 1[0 < z_l < 1]``. No biases unless
each layer gets one more input line that is always on.
"""

from typing import Any, NamedTuple, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from symplast.devices.crossbar import Crossbar
from symplast.devices.pulsing import Gate, Laws, gate


class FloatLayer(eqx.Module):
    """The software counterpart of a crossbar: real-valued weights, plain gradient descent on the same errors.

    Attributes:
        weights: (n_out, n_in).
        lr: learning rate.
    """

    weights: Float[Array, "n_out n_in"]
    lr: Float[Array, ""]

    def read(self, x: Float[Array, " n_in"], key: Any = None) -> Float[Array, " n_out"]:
        """``W x``."""
        return self.weights @ x

    def read_back(self, error: Float[Array, " n_out"], key: Any = None) -> Float[Array, " n_in"]:
        """``W^T error``."""
        return error @ self.weights

    @property
    def state(self) -> Float[Array, "n_out n_in"]:
        """What changes at each sample."""
        return self.weights

    def with_state(self, state: Float[Array, "n_out n_in"]) -> "FloatLayer":
        """The layer with other weights."""
        return FloatLayer(state, self.lr)


Layer: TypeAlias = Crossbar | FloatLayer


class Thresholds(NamedTuple):
    """Gates of the lines and of each layer's rows."""

    line: Float[Array, ""]
    row: Float[Array, " layers"]


class Pass(NamedTuple):
    """What one sample leaves at each layer.

    Attributes:
        inputs: line inputs, the always-on line last where there is one.
        errors: d_l.
    """

    inputs: list[Float[Array, " _"]]
    errors: list[Float[Array, " _"]]


def with_bias(x: Float[Array, "... n_in"], bias: bool) -> Float[Array, "... _"]:
    """Line inputs with an always-on line after them if there is one."""
    return jnp.concatenate([x, jnp.ones((*x.shape[:-1], 1), x.dtype)], axis=-1) if bias else x


def _keys(key: Key[Array, ""] | None, count: int) -> list[Any]:
    return [None] * count if key is None else list(jax.random.split(key, count))


def passes(
    layers: tuple[Layer, ...],
    x: Float[Array, " n_in"],
    y: Int[Array, ""],
    bias: bool,
    key: Key[Array, ""] | None = None,
) -> Pass:
    """Forward and backward pass of one sample through the arrays as they are.

    Args:
        layers: input side first.
        x: input, with its always-on line.
        y: class.
        bias: whether hidden layers add an always-on line.
        key: of read noise.
    """
    keys = _keys(key, 2 * len(layers))
    inputs, drives, a = [], [], x
    for index, layer in enumerate(layers):
        inputs.append(a)
        drives.append(layer.read(a, keys[2 * index]))
        a = with_bias(jnp.clip(drives[-1], 0, 1), bias)
    output = drives[-1]
    errors = [jax.nn.softmax(output) - jax.nn.one_hot(y, output.shape[0], dtype=output.dtype)]
    for index in reversed(range(1, len(layers))):
        z = drives[index - 1]
        carried = layers[index].read_back(errors[0], keys[2 * index + 1])[: z.shape[0]]
        errors.insert(0, carried * ((z > 0) & (z < 1)))
    return Pass(inputs, errors)


def learn_sample(
    layers: tuple[Layer, ...],
    laws: tuple[Laws | None, ...],
    sample: tuple[Float[Array, " n_in"], Int[Array, ""], Array],
    thresholds: Thresholds,
    bias: bool,
    dense: bool,
    key: Key[Array, ""] | None = None,
) -> tuple[tuple[Any, ...], list[Gate | None]]:
    """The states of all layers after one sample, and the gates; an invalid sample (padding) changes nothing."""
    x, y, valid = sample
    keys = _keys(key, len(layers) + 1)
    done = passes(layers, x, y, bias, keys[-1])
    states: list[Any] = []
    gates: list[Gate | None] = []
    for index, layer in enumerate(layers):
        error = jnp.where(valid, done.errors[index], 0)
        if isinstance(layer, FloatLayer):
            gates.append(None)
            states.append(layer.weights - layer.lr * error[:, None] * done.inputs[index])
            continue
        on = gate(error, done.inputs[index], thresholds.row[index], thresholds.line)
        law = laws[index]
        assert law is not None
        gates.append(on)
        states.append(layer.updated(law, on, keys[index], dense))
    return tuple(states), gates


def outputs(
    layers: tuple[Layer, ...], X: Float[Array, "examples n_in"], bias: bool, key: Key[Array, ""] | None = None
) -> Float[Array, "examples classes"]:
    """Drives of the last layer for many inputs; each input is a read of its own where reads are noisy."""
    noisy = any(isinstance(layer, Crossbar) and layer.cells.read_noise is not None for layer in layers)
    a = X
    for index, layer in enumerate(layers):
        a = with_bias(a, bias)
        if noisy and key is not None:
            keys = jax.random.split(jax.random.fold_in(key, index), a.shape[0])
            a = jax.vmap(layer.read)(a, keys)
        else:
            a = a @ layer.weights.T
        if index < len(layers) - 1:
            a = jnp.clip(a, 0, 1)
    return a


@eqx.filter_jit
def accuracy(
    layers: tuple[Layer, ...],
    X: Float[Array, "examples n_in"],
    y: Int[Array, " examples"],
    *,
    bias: bool = False,
    key: Key[Array, ""] | None = None,
) -> Float[Array, ""]:
    """Share of examples whose largest output is the right one; the lowest class wins ties.

    Args:
        layers: trained arrays, ``Run.crossbars``.
        X: (examples, n_in) in [0, 1].
        y: (examples,) class numbers.
        bias: whether the layers have an always-on line.
        key: of read noise; None reads without.
    """
    found = outputs(layers, X, bias, key)
    return jnp.where(jnp.isnan(found).any(), jnp.nan, jnp.mean(jnp.argmax(found, axis=1) == y))
