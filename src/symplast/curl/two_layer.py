"""The two-layer network of the paper, how teachers, students and inputs are drawn, and the rule as data."""

from collections.abc import Callable
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from symplast.curl.signs import SignMask
from symplast.curl.transforms import rescale

Activation = Literal["linear", "tanh", "relu"]

FORWARD: dict[str, Callable[[Array], Array]] = {"linear": lambda z: z, "tanh": jnp.tanh, "relu": jax.nn.relu}

SLOPE: dict[str, Callable[[Array], Array]] = {
    "linear": jnp.ones_like,
    "tanh": lambda a: 1 - a**2,
    "relu": lambda a: (a > 0).astype(a.dtype),
}
"""f'(z) from f(z); 0 for relu at 0."""


class TwoLayer(eqx.Module):
    """``y(x) = f(W2 f(W1 x))``: no biases, and the output passes through f too.

    Attributes:
        W1: (hidden, inputs).
        W2: (outputs, hidden).
        activation: f, ``linear``, ``tanh`` or ``relu``.

    Example:
        >>> net = TwoLayer(jnp.ones((3, 2)), jnp.ones((1, 3)), "linear")
        >>> net(jnp.array([[1.0, 2.0]])).tolist(), net.sizes
        ([[9.0]], (2, 3, 1))
    """

    W1: Float[Array, "... hidden inputs"]
    W2: Float[Array, "... outputs hidden"]
    activation: Activation = eqx.field(static=True, default="linear")

    def __check_init__(self) -> None:
        if self.activation not in FORWARD:
            raise ValueError(f"activation must be one of {', '.join(FORWARD)}, got {self.activation!r}")
        if hasattr(self.W1, "shape") and self.W1.shape[-2:-1] != self.W2.shape[-1:]:
            raise ValueError(
                f"W1 (hidden, inputs) and W2 (outputs, hidden) must share the hidden units, got {self.W1.shape} and "
                f"{self.W2.shape}"
            )

    def __call__(self, x: Float[Array, "rows inputs"]) -> Float[Array, "rows outputs"]:
        """Outputs, one row an input."""
        f = FORWARD[self.activation]
        return f(f(x @ self.W1.T) @ self.W2.T)

    @property
    def weights(self) -> tuple[Float[Array, "*runs hidden inputs"], Float[Array, "*runs outputs hidden"]]:
        """Both matrices; stacked ones have the runs or records first."""
        return self.W1, self.W2

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Inputs, hidden units, outputs."""
        return self.W1.shape[-1], self.W1.shape[-2], self.W2.shape[-2]

    @property
    def map(self) -> Float[Array, "*runs outputs inputs"]:
        """``W2 W1``, what a linear net computes."""
        return self.W2 @ self.W1


class CurlRule(eqx.Module):
    """The learning rule: which neurons are flipped, and what else it deviates from the gradient in.

    Attributes:
        mask: signs of both layers' neurons.
        feedback: (hidden, outputs), a fixed matrix that carries the error back instead of W2^T (feedback alignment).
        random_signs: a control of equal size: flipped neurons draw their sign at random at each update.

    Example:
        >>> rule = CurlRule.flipped((100, 10, 1), into_readout=1)
        >>> rule.mask.signs[1].tolist()[:3]
        [-1.0, 1.0, 1.0]
    """

    mask: SignMask
    feedback: Float[Array, "hidden outputs"] | None = None
    random_signs: bool = eqx.field(static=True, default=False)

    @classmethod
    def flipped(
        cls,
        sizes: tuple[int, int, int],
        *,
        into_hidden: int | float = 0,
        into_readout: int | float = 0,
        axis: Literal["pre", "post"] = "pre",
        key: Key[Array, ""] | None = None,
    ) -> "CurlRule":
        """A rule by the number of flipped neurons.

        Args:
            sizes: inputs, hidden units, outputs.
            into_hidden: flipped neurons whose synapses lead into the hidden layer, W1: inputs with axis ``pre``, hidden
                units with ``post``. A count (int) or a share rounded down (float).
            into_readout: those whose synapses lead into the readout, W2: hidden units, or outputs.
            axis: flip the synapses that leave or reach them.
            key: flips a random choice; None flips the first ones.

        Raises:
            ValueError: counts or shares that don't fit the layer.
        """
        make = SignMask.presynaptic if axis == "pre" else SignMask.postsynaptic
        return cls(make(sizes, (into_hidden, into_readout), "first" if key is None else "random", key))

    def check(self, sizes: tuple[int, int, int]) -> None:
        """Raise ValueError where the rule does not fit a net of these sizes."""
        inputs, hidden, outputs = sizes
        expected = ((inputs,), (hidden,)) if self.mask.axis == "pre" else ((hidden,), (outputs,))
        found = tuple(signs.shape[-1:] for signs in self.mask.signs)
        if found != expected:
            raise ValueError(
                f"signs ({self.mask.axis}) of a net of {inputs} inputs, {hidden} hidden units and {outputs} outputs "
                f"must have lengths {[n for (n,) in expected]}, got {[shape[-1] for shape in found]}"
            )
        if self.feedback is not None and self.feedback.shape[-2:] != (hidden, outputs):
            raise ValueError(f"feedback must be (hidden, outputs) = {(hidden, outputs)}, got {self.feedback.shape}")


def draw_inputs(key: Key[Array, ""], rows: int, inputs: int) -> Float[Array, "rows inputs"]:
    """Inputs of the paper: normal with variance 1/2 per component.

    Source:
        Reference code of arXiv:2510.02765.
    """
    return jax.random.normal(key, (rows, inputs)) / jnp.sqrt(2.0)


def draw_net(
    key: Key[Array, ""],
    sizes: tuple[int, int, int],
    *,
    scale: float | Float[Array, ""] = 1.0,
    distribution: Literal["uniform", "normal"] = "uniform",
    activation: Activation = "linear",
) -> TwoLayer:
    """A random net: each weight uniform in +- scale / sqrt(fan-in), or normal with that standard deviation.

    Args:
        key: random key.
        sizes: inputs, hidden units, outputs.
        scale: g_T of a teacher, g_S of a student; may be traced.
        distribution: ``uniform`` or ``normal``.
        activation: of the net.

    Raises:
        ValueError: sizes below 1, an unknown distribution or activation.

    Example:
        >>> net = draw_net(jax.random.key(0), (100, 10, 1), scale=2.0)
        >>> net.W1.shape, bool(jnp.abs(net.W1).max() <= 0.2)
        ((10, 100), True)

    Source:
        Reference code of arXiv:2510.02765.
    """
    inputs, hidden, outputs = sizes
    if min(sizes) < 1:
        raise ValueError(f"sizes must be at least 1, got {sizes}")
    if distribution not in ("uniform", "normal"):
        raise ValueError(f"distribution must be uniform or normal, got {distribution!r}")

    def draw(k: Key[Array, ""], post: int, pre: int) -> Float[Array, "post pre"]:
        if distribution == "normal":
            return jax.random.normal(k, (post, pre)) * (scale / jnp.sqrt(float(pre)))
        return jax.random.uniform(k, (post, pre), minval=-1, maxval=1) * (scale / jnp.sqrt(float(pre)))

    first, second = jax.random.split(key)
    return TwoLayer(draw(first, hidden, inputs), draw(second, outputs, hidden), activation)


def draw_feedback(
    key: Key[Array, ""], sizes: tuple[int, int, int], scale: float = 1.0
) -> Float[Array, "hidden outputs"]:
    """Feedback weights for feedback alignment: uniform in +- scale / sqrt(hidden)."""
    _, hidden, outputs = sizes
    return jax.random.uniform(key, (hidden, outputs), minval=-1, maxval=1) * (scale / jnp.sqrt(float(hidden)))


def perturbed_teacher(
    key: Key[Array, ""],
    sizes: tuple[int, int, int],
    *,
    perturb: Literal["readout", "hidden"] = "readout",
    size: float = 1e-10,
    activation: Activation = "linear",
) -> tuple[TwoLayer, TwoLayer]:
    """A teacher, and a student that starts close to it: what asks whether a zero-error solution is stable.

    The teacher is drawn by :func:`draw_net` and rescaled to ``|W1|_F = sqrt(hidden)``, ``|W2|_F = 1``; the student is
    the teacher with ``size`` added to every entry of one matrix.

    Args:
        key: random key.
        sizes: inputs, hidden units, outputs.
        perturb: the matrix that differs: ``readout`` W2 or ``hidden`` W1.
        size: of the difference. Below about 1e-7 it needs 64-bit floats.
        activation: of both nets.

    Returns:
        Teacher and student.

    Raises:
        ValueError: a difference that the weights' floating-point type can't hold.

    Source:
        Reference code of arXiv:2510.02765 (Fig. 3b and 4).
    """
    if perturb not in ("readout", "hidden"):
        raise ValueError(f"perturb must be readout or hidden, got {perturb!r}")
    net = draw_net(key, sizes, activation=activation)
    if size < jnp.finfo(net.W1.dtype).eps:
        raise ValueError(
            f"size={size} vanishes next to {net.W1.dtype} weights; call inside `with jax.enable_x64(True):`"
        )
    norms = jnp.sqrt(float(sizes[1])), jnp.asarray(1.0)
    teacher = TwoLayer(rescale(net.W1, norms[0]), rescale(net.W2, norms[1]), activation)
    change = (size, 0.0) if perturb == "hidden" else (0.0, size)
    return teacher, TwoLayer(teacher.W1 + change[0], teacher.W2 + change[1], activation)
