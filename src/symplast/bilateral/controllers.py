"""Controllers without memory: one stack of layers, or two hemispheres whose outputs two learned scalars mix."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from symplast.bilateral.lesioning import INTACT, Lesion, lesion_named
from symplast.stats.arguments import check_count

Feedback: TypeAlias = Sequence[Float[Array, "_ _"]]
"""A fixed matrix for each kernel, in the order of ``weights``, that carries errors back in the place of W^T."""

Hidden: TypeAlias = tuple[Float[Array, "units *trials"], ...]


class Dense(eqx.Module):
    """``W x + b``, trials last.

    Attributes:
        kernel: (post, pre), drawn uniformly within ``sqrt(6 / (pre + post))`` of 0.
        bias: (post,), 0 at first.
    """

    kernel: Float[Array, "post pre"]
    bias: Float[Array, " post"]

    def __init__(self, pre: int, post: int, key: Key[Array, ""]):
        limit = (6 / (pre + post)) ** 0.5
        self.kernel = jax.random.uniform(key, (post, pre), minval=-limit, maxval=limit)
        self.bias = jnp.zeros(post)

    def __call__(self, x: Float[Array, "pre *trials"], back: Float[Array, "pre post"] | None = None) -> Array:
        """The layer's drive.

        Args:
            x: (pre, trials).
            back: what errors go back through, in the place of the transposed kernel.
        """
        bias = self.bias.reshape(-1, *[1] * (x.ndim - 1))
        if back is None:
            return jnp.tensordot(self.kernel, x, 1) + bias
        fixed = jnp.tensordot(back.T.astype(x.dtype), x, 1)  # its value cancels, its gradient stays
        drive = jnp.tensordot(self.kernel, jax.lax.stop_gradient(x), 1)
        return drive + bias + (fixed - jax.lax.stop_gradient(fixed))


class Unilateral(eqx.Module):
    """One stack of tanh layers, and a sigmoid output of one excitation a muscle.

    Attributes:
        layers: hidden layers.
        output: the output layer.

    Example:
        >>> controller = Unilateral(10, 2, key=jax.random.key(0))
        >>> u, hidden = controller(jnp.ones((16, 3)))
        >>> u.shape, [layer.shape for layer in hidden]
        ((6, 3), [(10, 3), (10, 3)])
    """

    layers: tuple[Dense, ...]
    output: Dense

    def __init__(self, units: int, layers: int, *, key: Key[Array, ""], inputs: int = 16, outputs: int = 6):
        """Draw a controller.

        Args:
            units: of each layer.
            layers: how many.
            key: random key.
            inputs: senses, and the two coordinates of the target.
            outputs: muscles.

        Raises:
            ValueError: a number below 1.
        """
        units, layers = check_count(units, "units"), check_count(layers, "layers")
        keys = jax.random.split(key, layers + 1)
        self.layers = _stack(units, inputs, keys[:layers])
        self.output = Dense(units, outputs, keys[-1])

    @property
    def weights(self) -> tuple[Float[Array, "post pre"], ...]:
        """The kernels, output last."""
        return tuple(layer.kernel for layer in (*self.layers, self.output))

    def __call__(
        self,
        x: Float[Array, "inputs *trials"],
        lesion: "str | Lesion | None" = None,
        feedback: Feedback | None = None,
    ) -> tuple[Float[Array, "muscles *trials"], Hidden]:
        """Excitations, and the activations of the hidden layers.

        Args:
            x: senses and target.
            lesion: None; there is only one stack.
            feedback: a matrix for each kernel (:class:`Routed` with ``feedback="fixed"``).

        Raises:
            ValueError: a lesion.
        """
        if not (lesion is None or lesion == "intact"):
            raise ValueError(f"lesion must be None for a controller without hemispheres, got {lesion!r}")
        hidden = []
        back = _backwards(feedback, len(self.layers) + 1)
        for layer, matrix in zip(self.layers, back, strict=False):
            x = jnp.tanh(layer(x, matrix))
            hidden.append(x)
        return jax.nn.sigmoid(self.output(x, back[-1])), tuple(hidden)


class Bilateral(eqx.Module):
    """Two hemispheres that both see all inputs; ``h = w1 h_left + w2 h_right`` goes to a sigmoid output layer.

    With the corpus callosum (``exchange="maxpool"``) each hidden layer but the first also gets what the other side's
    layer before it says: neighbouring pairs max-pooled, zeros in front (:func:`transfer`).

    Attributes:
        left, right: hidden layers of the hemispheres.
        output: the output layer.
        mixing: w1 and w2, 0.5 at first.
        exchange: whether there is a corpus callosum; an array, so that both kinds share one program.

    Example:
        >>> controller = Bilateral(10, 2, exchange="maxpool", key=jax.random.key(0))
        >>> u, hidden = controller(jnp.ones((16, 3)))
        >>> cut, _ = controller(jnp.ones((16, 3)), "lowleft")
        >>> u.shape, [layer.shape for layer in hidden], bool((u == cut).any())
        ((6, 3), [(5, 3), (5, 3), (5, 3), (5, 3)], False)
    """

    left: tuple[Dense, ...]
    right: tuple[Dense, ...]
    output: Dense
    mixing: tuple[Float[Array, ""], Float[Array, ""]]
    exchange: Bool[Array, ""]

    def __init__(
        self,
        units: int,
        layers: int,
        exchange: str | Array = "none",
        *,
        key: Key[Array, ""],
        inputs: int = 16,
        outputs: int = 6,
    ):
        """Draw a controller.

        Args:
            units: of both hemispheres' layers together; even.
            layers: how many each.
            exchange: ``none``, ``maxpool``, or the switch as an array.
            key: random key.
            inputs: senses, and the two coordinates of the target.
            outputs: muscles.

        Raises:
            ValueError: an odd number of units, a number below 1, an unknown exchange.
        """
        units, layers = check_count(units, "units", 2), check_count(layers, "layers")
        if units % 2:
            raise ValueError(f"units must be even, half of them for each hemisphere; got {units}")
        if isinstance(exchange, str) and exchange not in ("none", "maxpool"):
            raise ValueError(f"exchange must be one of none, maxpool; got {exchange!r}")
        keys = jax.random.split(key, 2 * layers + 1)
        self.left = _stack(units // 2, inputs, keys[:layers])
        self.right = _stack(units // 2, inputs, keys[layers : 2 * layers])
        self.output = Dense(units // 2, outputs, keys[-1])
        self.mixing = (jnp.asarray(0.5, float), jnp.asarray(0.5, float))
        self.exchange = jnp.asarray(exchange == "maxpool" if isinstance(exchange, str) else exchange, bool)

    @property
    def weights(self) -> tuple[Float[Array, "post pre"], ...]:
        """The kernels: left, right, output last."""
        return tuple(layer.kernel for layer in (*self.left, *self.right, self.output))

    def swapped(self) -> "Bilateral":
        """The same controller with the hemispheres' names exchanged."""
        parts = self.right, self.left, self.mixing[::-1]
        return eqx.tree_at(lambda c: (c.left, c.right, c.mixing), self, parts)

    def __call__(
        self,
        x: Float[Array, "inputs *trials"],
        lesion: "str | Lesion | None" = None,
        feedback: Feedback | None = None,
    ) -> tuple[Float[Array, "muscles *trials"], Hidden]:
        """Excitations, and the activations of the hidden layers: left ones first.

        Args:
            x: senses and target.
            lesion: a name of ``LESIONS``, or a :class:`Lesion`.
            feedback: a matrix for each kernel (:class:`Routed` with ``feedback="fixed"``).

        Raises:
            ValueError: an unknown lesion.
        """
        cut = INTACT if lesion is None else lesion_named(lesion)
        back = _backwards(feedback, 2 * len(self.left) + 1)
        crossing = jnp.asarray(self.exchange & cut.exchange).astype(x.dtype)
        left, right = x, x
        if lesion is not None:
            left, right = x * _number(cut.inputs[0], x), x * _number(cut.inputs[1], x)
        lefts, rights = [], []
        for k, (of_left, of_right) in enumerate(zip(self.left, self.right, strict=True)):
            if k:
                left, right = left + crossing * transfer(right), right + crossing * transfer(left)
            left = jnp.tanh(of_left(left, back[k]))
            right = jnp.tanh(of_right(right, back[len(self.left) + k]))
            lefts.append(left)
            rights.append(right)
        if lesion is not None:
            left, right = left * _number(cut.outputs[0], x), right * _number(cut.outputs[1], x)
        mixed = self.mixing[0] * left + self.mixing[1] * right
        return jax.nn.sigmoid(self.output(mixed, back[-1])), (*lefts, *rights)


def transfer(activity: Float[Array, "units *trials"]) -> Float[Array, "units *trials"]:
    """What the corpus callosum carries over: the larger of each neighbouring pair, behind zeros.

    An odd last unit is left out.

    Example:
        >>> [transfer(jnp.array(x)).tolist() for x in ([1.0, 5, 2, 4, 9], [1.0, 5, 2, 4])]
        [[0.0, 0.0, 0.0, 5.0, 4.0], [0.0, 0.0, 5.0, 4.0]]
    """
    pairs = activity.shape[0] // 2
    one, other = activity[: 2 * pairs : 2], activity[1 : 2 * pairs : 2]
    pooled = jnp.where(one >= other, one, other)
    return jnp.concatenate([jnp.zeros_like(activity[: activity.shape[0] - pairs]), pooled])


def _stack(units: int, inputs: int, keys: Any) -> tuple[Dense, ...]:
    return tuple(Dense(units if k else inputs, units, key) for k, key in enumerate(keys))


def _backwards(feedback: Feedback | None, kernels: int) -> list[Any]:
    if feedback is None:
        return [None] * kernels
    if len(feedback) != kernels:
        raise ValueError(f"feedback must have a matrix for each of the {kernels} kernels, got {len(feedback)}")
    return list(feedback)


def _number(switch: Any, like: Array) -> Any:
    return jnp.asarray(switch).astype(like.dtype)
