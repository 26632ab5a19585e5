"""Features of the window around the gaze, in full or only where the search image can have changed them."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from symplast.visual_search.backbone import Backbone, Block, convolve
from symplast.visual_search.pooling import EccPool, plain_pool

Corner = Sequence[Integer[Array, ""] | int]


def search_features(
    backbone: Backbone,
    pools: Sequence[EccPool],
    levels: Sequence[int],
    window: Float[Array, "height width _"],
    footprint: "Footprint | None" = None,
) -> list[Float[Array, "_ _ _"]]:
    """Convolution outputs of the chosen blocks, all brought to the stride of the deepest block's input.

    Args:
        backbone: the network.
        pools: pool of each block, on the path between blocks.
        levels: blocks that talk to the target, from 1.
        window: the preprocessed window around the gaze.
        footprint: where the search image lies in it, and the features of a blank window; the same result, faster.
    """
    found, x = [], window
    for number, (block, pool) in enumerate(zip(backbone.blocks, pools, strict=True), 1):
        x = convolve(x, block) if footprint is None else footprint.convolve(x, block, number)
        if number in levels:
            y = x
            for _ in range(backbone.depth - number):
                y = plain_pool(y, pool.kind)
            found.append(y)
        if number == max(levels):
            break
        if footprint is not None:
            footprint = footprint.pooled(len(block), int(pool.windows(x.shape[0]).max()))
        x = pool(x)
    return found


def target_features(
    backbone: Backbone, pools: Sequence[EccPool], levels: Sequence[int], target: Float[Array, "h w _"]
) -> list[Float[Array, "_ _ _"]]:
    """Pooled features of the target, all at the stride behind the deepest block: half the search map's resolution."""
    found, x = [], target
    for number, (block, pool) in enumerate(zip(backbone.blocks, pools, strict=True), 1):
        x = pool(convolve(x, block))
        if number in levels:
            y = x
            for _ in range(backbone.depth - number):
                y = plain_pool(y, pool.kind)
            found.append(y)
    return found


def blank_outputs(
    backbone: Backbone, pools: Sequence[EccPool], last: int, window: Float[Array, "height width _"]
) -> list[Float[Array, "_ _ _"]]:
    """Convolution outputs of every block, up to the last one used, for a window without an image."""
    found, x = [], window
    for number, (block, pool) in enumerate(zip(backbone.blocks, pools, strict=True), 1):
        found.append(convolve(x, block))
        if number == last:
            break
        x = pool(found[-1])
    return found


class Footprint:
    """Where an image lies in a window at one stage: outside, features are those of a blank window.

    Attributes:
        blank: convolution outputs of a blank window, a block each.
        corner: row and column of the image in the stage's input.
        sides: its height and width there.
    """

    def __init__(self, blank: Sequence[Array], corner: Corner, sides: tuple[int, int]):
        self.blank, self.corner, self.sides = blank, corner, sides

    def convolve(self, x: Float[Array, "height width _"], block: Block, number: int) -> Float[Array, "height width _"]:
        """The block's output: convolved where the image reaches, the blank one elsewhere."""
        k, blank = len(block), self.blank[number - 1]
        begins, sizes, pastes, inners = [], [], [], []
        for low, extent, side in zip(self.corner, self.sides, x.shape[:2], strict=True):
            size, inner = min(extent + 4 * k, side), min(extent + 2 * k, side)
            begins.append(jnp.clip(low - 2 * k, 0, side - size))
            pastes.append(jnp.clip(low - k, 0, side - inner))
            sizes.append(size)
            inners.append(inner)
        if tuple(sizes) == x.shape[:2]:
            return convolve(x, block)
        part = convolve(_cut(x, begins, sizes), block)
        part = _cut(part, [p - b for p, b in zip(pastes, begins, strict=True)], inners)
        return jax.lax.dynamic_update_slice(blank, part, (*pastes, jnp.zeros_like(pastes[0])))

    def pooled(self, convolutions: int, window: int) -> "Footprint":
        """The footprint behind this block's pool, whose largest window is given."""
        k, r = convolutions, window
        corner = [(low - k - r) // 2 for low in self.corner]
        height, width = ((extent + 2 * k + 2 * r) // 2 + 2 for extent in self.sides)
        return Footprint(self.blank, corner, (height, width))


def _cut(x: Array, begins: Sequence[Any], sizes: Sequence[int]) -> Array:
    return jax.lax.dynamic_slice(x, (*begins, jnp.zeros_like(begins[0])), (*sizes, x.shape[-1]))
