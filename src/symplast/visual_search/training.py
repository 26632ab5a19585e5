"""Training a small backbone to name images; it is then used for search as it is."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Integer, Key

from symplast.learning.compiling import lightly
from symplast.stats.arguments import check_count
from symplast.visual_search.backbone import Backbone, convolve_batch
from symplast.visual_search.pooling import plain_pool


class Trained(NamedTuple):
    """A trained backbone and how it learned.

    Attributes:
        backbone: with its readout.
        losses: (steps,) cross-entropy of each batch.
        accuracy: share named rightly in each batch, before the step.
    """

    backbone: Backbone
    losses: np.ndarray
    accuracy: np.ndarray


def class_scores(backbone: Backbone, levels: Float[Array, "batch height width _"]) -> Float[Array, "batch classes"]:
    """Scores of the classes for grey levels 0..255, by the readout of the last pooled map."""
    if backbone.readout is None:
        raise ValueError("backbone must have a readout: train it first (train_backbone)")
    x = backbone.prepare(levels)
    for block in backbone.blocks:
        x = plain_pool(convolve_batch(x, block))
    weights, bias = backbone.readout
    return x.reshape(x.shape[0], -1) @ weights + bias


def train_backbone(
    backbone: Backbone,
    batches: Iterable[tuple[Any, Any]],
    classes: int,
    steps: int,
    lr: float = 3e-3,
    *,
    key: Key[Array, ""],
) -> Trained:
    """Train with Adam on cross-entropy, plain 2 x 2 average pools between blocks, and a linear readout.

    Args:
        backbone: where to begin.
        batches: (images, labels): images (batch, side, side[, channels]) with grey levels 0..1, labels from 0 on. As
            many as steps are taken; all of one shape.
        classes: how many.
        steps: of Adam.
        lr: its learning rate.
        key: for the readout's first weights.

    Raises:
        ValueError: too few batches, labels outside the classes, images of another channel count or on another scale.

    Example:
        >>> from symplast.visual_search.lit_world import sample_stream
        >>> net = Backbone.conv((4, 4), key=jax.random.key(0))
        >>> stream = sample_stream(jax.random.key(1), "above", batch=8)
        >>> trained = train_backbone(net, stream, classes=4, steps=3, key=jax.random.key(2))
        >>> trained.losses.shape
        (3,)
    """
    check_count(classes, "classes", 2)
    check_count(steps, "steps")
    state: Any = None
    losses, hits = [], []
    for images, labels in islice(iter(batches), steps):
        x, y = np.asarray(images), np.asarray(labels)
        if x.ndim == 3:
            x = x[..., None]
        if x.ndim != 4 or x.shape[-1] != backbone.in_channels or len(x) != len(y):
            raise ValueError(
                f"batches must hold images (batch, side, side, {backbone.in_channels}) and labels (batch,)"
            )
        if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= classes:
            raise ValueError(f"labels must be whole numbers from 0 to {classes - 1}")
        if not np.isfinite(x).all() or np.abs(x).max() > 2:
            raise ValueError(f"images must be finite with grey levels 0 to 1, got up to {np.abs(x).max():g}")
        if state is None:
            side = tuple(-(-n // 2**backbone.depth) for n in x.shape[1:3])
            features = side[0] * side[1] * backbone.channels[-1]
            from symplast.learning.host_random import generator

            weights = generator(key, 0).standard_normal((features, classes)) * np.sqrt(2 / features)
            readout = (jnp.asarray(weights, backbone.dtype), jnp.asarray(np.zeros(classes), backbone.dtype))
            net = Backbone(backbone.blocks, readout, backbone.preprocessing)
            state = _begin(net)
        net, state, loss, hit = _train_step(
            net, state, jnp.asarray(255 * x, backbone.dtype), jnp.asarray(y), np.asarray(lr, backbone.dtype)
        )
        losses.append(loss)
        hits.append(hit)
    if len(losses) < steps:
        raise ValueError(f"batches must be at least as many as steps ({steps}), got {len(losses)}")
    return Trained(net, np.array(losses), np.array(hits))


ADAM = optax.scale_by_adam()


@lightly
def _begin(net: Backbone) -> Any:
    return ADAM.init(eqx.filter(net, eqx.is_array))


@eqx.filter_jit
def _train_step(
    net: Backbone, state: Any, levels: Float[Array, "batch height width _"], labels: Integer[Array, " batch"], lr: Any
) -> tuple[Backbone, Any, Array, Array]:
    def loss_of(net: Backbone) -> tuple[Array, Array]:
        scores = class_scores(net, levels)
        loss = optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()
        return loss, (scores.argmax(-1) == labels).mean()

    (loss, hit), gradient = eqx.filter_value_and_grad(loss_of, has_aux=True)(net)
    change, state = ADAM.update(gradient, state)
    return eqx.apply_updates(net, jax.tree.map(lambda g: -lr * g, change)), state, loss, hit


def accuracy(backbone: Backbone, images: Any, labels: Any) -> float:
    """Share of images named rightly.

    Args:
        backbone: with a readout.
        images: (n, side, side) grey levels 0..1.
        labels: (n,).
    """
    levels = jnp.asarray(255 * np.asarray(images)[..., None], backbone.dtype)
    return float(np.mean(np.asarray(_scores(backbone, levels)).argmax(-1) == np.asarray(labels)))


_scores = eqx.filter_jit(class_scores)
