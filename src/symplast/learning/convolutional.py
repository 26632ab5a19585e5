"""A convolutional network that settles: each stage drives the next through convolution and soft-max pooling, and is
driven back through the transpose of a stage with weights of its own.
"""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Key, PyTree

from symplast.learning.activations import ACTIVATIONS, HOLOMORPHIC
from symplast.learning.feedforward import angle_between
from symplast.learning.recurrent import RecurrentNet, Relaxation, State, product


class ConvNet(RecurrentNet):
    """Stages of 3x3 convolution and 2x2 soft-max pooling with feedback, read out by softmax.

    ``H_l = P(K_l * r_{l-1}) + b_l + B_{l+1}(r_l)^T r_{l+1}``, where P pools and ``B_{l+1}(r)`` is the derivative at r
    of ``P(K'_{l+1} * r)``. All stages but the last keep the image's size before pooling; the last doesn't pad and
    leaves one pixel. With ``K' = K`` the coupling is symmetric.

    Attributes:
        weights: kernels K_l, (post, pre, 3, 3), the input's first; the readout matrix (classes, units) last.
        biases: b_l of each stage, one a channel (pooling commutes with it); the readout's last.
        feedback: kernels K'_l of the stages after the first, shaped like K_l.
        image: height, width and channels of the input.
        activation: name of phi.

    Example:
        >>> net = ConvNet((8, 8, 1), channels=(6,), units=12, classes=10, key=jax.random.key(0))
        >>> [u.shape for u in net.rest(jnp.ones((5, 64)))]
        [(5, 4, 4, 6), (5, 12)]
        >>> net(jnp.ones(64)).shape
        (10,)

    Source:
        [reference code] of arXiv:2309.02214, there with image (32, 32, 3), channels (128, 256, 512) and 512 units.
    """

    weights: tuple[Float[Array, "..."], ...]
    biases: tuple[Float[Array, " _"], ...]
    feedback: tuple[Float[Array, "_ _ 3 3"], ...]
    image: tuple[int, int, int] = eqx.field(static=True)
    activation: str = eqx.field(static=True)
    readout: str = eqx.field(static=True)
    relaxation: Relaxation = eqx.field(static=True)

    def __init__(
        self,
        image: tuple[int, int, int] = (32, 32, 3),
        channels: Sequence[int] = (128, 256, 512),
        units: int = 512,
        classes: int = 10,
        *,
        key: Key[Array, ""],
        activation: str = "dsilu",
        angle_deg: float | Float[Array, ""] = 0.0,
        relaxation: Relaxation | None = None,
    ):
        """Draw a network: LeCun-normal kernels (truncated, variance 1/fan-in), biases 0.

        Args:
            image: height, width and channels of the input; height and width are 4 x 2^stages.
            channels: of the stages that keep the image's size before pooling.
            units: of the last stage, a vector.
            classes: to tell apart.
            key: random key.
            activation: a name in ``symplast.learning.activations``.
            angle_deg: between forward and feedback kernels: ``K' <- sin(angle) K' + cos(angle) K``.
            relaxation: how it settles; 60 synchronous steps if None.

        Raises:
            ValueError: an image whose size does not shrink to one pixel, sizes below 1, or an unknown activation.
        """
        side = 4 * 2 ** len(channels)
        if tuple(image[:2]) != (side, side):
            raise ValueError(f"image must be {side} x {side} for {len(channels)} pooled stages, got {tuple(image)}")
        if min(*channels, units, classes, image[2]) < 1:
            raise ValueError(f"channels, units and classes must be at least 1, got {(*channels, units, classes)}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {activation!r}")
        self.image = (int(image[0]), int(image[1]), int(image[2]))
        self.activation = activation
        self.readout = "softmax"
        self.relaxation = relaxation or Relaxation()
        sizes = [image[2], *channels, units]
        for_kernels, for_feedback, for_readout = jax.random.split(key, 3)
        draw = jax.nn.initializers.lecun_normal(in_axis=1, out_axis=0)

        def kernels(key: Key[Array, ""]) -> list[Float[Array, "_ _ 3 3"]]:
            keys = jax.random.split(key, len(sizes) - 1)
            return [draw(k, (b, a, 3, 3)) for k, a, b in zip(keys, sizes[:-1], sizes[1:], strict=True)]

        cos, sin = jnp.cos(jnp.deg2rad(angle_deg)), jnp.sin(jnp.deg2rad(angle_deg))
        ahead, back = kernels(for_kernels), kernels(for_feedback)
        self.weights = (*ahead, draw(for_readout, (classes, units)))
        self.biases = (*(jnp.zeros(n) for n in sizes[1:]), jnp.zeros(classes))
        self.feedback = tuple(sin * b + cos * w for b, w in zip(back[1:], ahead[1:], strict=True))

    @property
    def holomorphic(self) -> bool:
        """Whether phi has a complex derivative."""
        return self.activation in HOLOMORPHIC

    @property
    def sweepable(self) -> bool:
        """Stages form a chain."""
        return True

    def weight_angle(self) -> Float[Array, ""]:
        """Angle in degrees between feedback and forward kernels, over all stages after the first."""
        return angle_between(list(zip(self.weights[1:-1], self.feedback, strict=True)))

    def rest(self, x: Float[Array, "rows ..."]) -> State:
        """u = 0 for each row of the input."""
        dtype, rows, side = self.biases[0].dtype, x.shape[0], self.image[0]
        shapes = [(side >> (i + 1), side >> (i + 1), len(b)) for i, b in enumerate(self.biases[:-2])]
        return tuple(jnp.zeros((rows, *shape), dtype) for shape in [*shapes, (len(self.biases[-2]),)])

    def drive(self, x: Float[Array, "rows ..."]) -> PyTree:
        """The first stage's drive by the image, and every stage's bias; images may come as flat rows."""
        images = x.reshape(x.shape[0], *self.image)
        return (_stage(images, self.weights[0], "SAME") + self.biases[0], *self.biases[1:-1])

    def field(self, r: State, drive: PyTree) -> State:
        """Drive, what the stage below sends up, and what the stage above sends back."""
        h = [jnp.broadcast_to(d, a.shape) for d, a in zip(drive, r, strict=True)]
        for stage in range(1, len(r)):
            padding = "SAME" if stage < len(r) - 1 else "VALID"
            below, above = r[stage - 1], r[stage]
            h[stage] = h[stage] + _stage(below, self.weights[stage], padding).reshape(above.shape)
            back = jax.vjp(lambda a, s=stage, p=padding: _stage(a, self.feedback[s - 1], p), below)
            sent = back[1](above.reshape(back[0].shape))[0]
            h[stage - 1] = h[stage - 1] + sent
        return tuple(h)

    def output(self, r: State) -> Inexact[Array, "rows outputs"]:
        """Logits."""
        return product(r[-1], self.weights[-1]) + self.biases[-1]

    def phi(self, u: State) -> State:
        """The activation of every stage."""
        return jax.tree.map(ACTIVATIONS[self.activation], u)


def softmax_pool(v: Inexact[Array, "rows height width channels"]) -> Inexact[Array, "rows _ _ channels"]:
    """2x2 pooling ``sum v exp(v) / sum exp(v)``, of height and width that are even.

    The largest real part is taken out of the exponent, which changes nothing and keeps it holomorphic.

    Example:
        >>> print(softmax_pool(jnp.array([0.0, 0.0, 0.0, 5.0]).reshape(1, 2, 2, 1)).round(4))
        [[[[4.9009]]]]
    """
    rows, height, width, channels = v.shape
    windows = v.reshape(rows, height // 2, 2, width // 2, 2, channels)
    weight = jnp.exp(windows - jax.lax.stop_gradient(windows.real.max(axis=(2, 4), keepdims=True)))
    return (windows * weight).sum(axis=(2, 4)) / weight.sum(axis=(2, 4))


def _stage(r: Array, kernel: Array, padding: str) -> Array:
    """Convolution and pooling."""
    layout = ("NHWC", "OIHW", "NHWC")

    def convolve(image: Array) -> Array:
        return jax.lax.conv_general_dilated(image, kernel, (1, 1), padding, dimension_numbers=layout)

    if jnp.iscomplexobj(r):
        return softmax_pool(jax.lax.complex(convolve(r.real), convolve(r.imag)))
    return softmax_pool(convolve(r))
