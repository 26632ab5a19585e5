"""Features of search image and target: which layers, at which stride, and their values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.visual_search import Backbone, SearchModel
from symplast.visual_search.backbone import SOURCES, VGG16
from symplast.visual_search.features import search_features, target_features


def shapes_of(features, model, side):
    image = jax.ShapeDtypeStruct((side, side, 3), jnp.float32)
    found = jax.eval_shape(lambda net, x: features(net, model.pools, model.levels, x), model.backbone, image)
    return [each.shape for each in found]


def vgg16():
    """The whole network without a number in it: for shapes."""

    def zeros():
        blocks, before = [], 3
        for width, convs in VGG16:
            blocks.append(tuple(
                (jnp.zeros((3, 3, before if c == 0 else width, width)), jnp.zeros(width)) for c in range(convs)
            ))  # fmt: skip
            before = width
        return Backbone(tuple(blocks), None, SOURCES["torchvision"])

    return jax.eval_shape(zeros)


@pytest.mark.parametrize("ecc", [True, False])
def test_sides_and_channels_of_vgg16(ecc):
    model = SearchModel(vgg16(), ecc=ecc)
    assert model.levels == (3, 4, 5)
    for side, expected in ((524, 33), (806, 51)):  # ceil(2R / 16)
        found = shapes_of(search_features, model, side)
        assert found == [(expected, expected, channels) for channels in (256, 512, 512)]
    for side, expected in ((31, 1), (48, 2), (69, 3), (177, 6)):
        found = shapes_of(target_features, model, side)
        assert found == [(expected, expected, channels) for channels in (256, 512, 512)]


def test_levels_are_counted_from_the_depth_not_from_the_last_one_used():
    model = SearchModel(vgg16(), levels=(3, 4))
    assert shapes_of(search_features, model, 524) == [(33, 33, 256), (33, 33, 512)]
    assert shapes_of(target_features, model, 69) == [(3, 3, 256), (3, 3, 512)]


@pytest.mark.parametrize(("ecc", "kind", "growing"), [(True, "avg", True), (False, "max", False)])
def test_the_papers_pools(ecc, kind, growing):
    model = SearchModel(vgg16(), levels="last", ecc=ecc)
    assert model.levels == (5,)
    assert {pool.kind for pool in model.pools} == {kind}
    assert any(pool.growth > 0 for pool in model.pools) == growing


def convolved(x, block):
    """The convolutions of a block by NumPy in float64: zeros around, ReLU after each."""
    for kernel, bias in block:
        boxes = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((1, 1), (1, 1), (0, 0))), (3, 3), axis=(0, 1))
        x = np.maximum(np.einsum("yxcij,ijco->yxo", boxes, np.asarray(kernel, float)) + np.asarray(bias, float), 0)
    return x


def halved(x, kind):
    """2 x 2 pools of even sides."""
    boxes = x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2, -1)
    return boxes.max((1, 3)) if kind == "max" else boxes.mean((1, 3))


@pytest.mark.parametrize("kind", ["avg", "max"])
def test_values_against_numpy(kind):
    draw = np.random.default_rng(0)
    blocks = Backbone.conv((2, 3, 4, 5), in_channels=3, key=jax.random.key(0)).blocks
    net = Backbone(
        tuple(tuple((kernel, jnp.asarray(draw.normal(size=bias.shape), bias.dtype)) for kernel, bias in block)
              for block in blocks), None, SOURCES["keras"],
    )  # fmt: skip
    model = SearchModel(net, ecc=False, pool=kind)
    image = draw.normal(size=(16, 16, 3))
    outputs, pooled, x = [], [], image
    for block in net.blocks:
        outputs.append(convolved(x, block))
        x = halved(outputs[-1], kind)
        pooled.append(x)
    # search: before the block's pool, then to stride 8; target: behind it, then to stride 16
    second, third, fourth = outputs[1:]
    searched = [halved(halved(second, kind), kind), halved(third, kind), fourth]
    second, third, fourth = pooled[1:]
    targets = [halved(halved(second, kind), kind), halved(third, kind), fourth]
    for features, expected in ((search_features, searched), (target_features, targets)):
        of = jax.jit(lambda net, x, features=features: features(net, model.pools, model.levels, x))
        found = of(net, jnp.asarray(image, jnp.float32))
        for level, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(level, other, rtol=1e-4, atol=1e-4 * other.max())
