"""The six array experiments with a model, and the lighting experiment with networks of the lit world."""

from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Array, Key

from symplast.visual_search.backbone import CENTRED, Backbone
from symplast.visual_search.displays import EXPERIMENTS, Displays, array_trials
from symplast.visual_search.lit_world import Light, mirror_stream, sample_stream
from symplast.visual_search.reaction_times import rt
from symplast.visual_search.search import Rules, Search, SearchModel
from symplast.visual_search.training import Trained, train_backbone

if TYPE_CHECKING:
    import pandas as pd

LIT_PX_PER_DEG, LIT_MARGIN = 15, 32
LIT_FILE = "lit_above.npz"


def search_displays(
    model: SearchModel, displays: Displays, recognition: str = "region", truth: str = "region"
) -> list[Search]:
    """Search all displays of a condition and set size.

    Args:
        model: with the displays' background.
        displays: of one condition and set size.
        recognition: ``region`` (ours, the default) or ``patch``, the reference's rule of 10 px around the gaze.
        truth: with ``patch``, where the target is: its ``region``, or the reference's box at the ``item``.
    """
    masks = None if recognition == "region" else list(displays.target_masks(truth))
    return model.search_batch(
        list(displays.image), list(displays.target), displays.regions, displays.target_region.tolist(), masks,
        rules=Rules(recognition),
    )  # fmt: skip


def run_experiment(
    model: SearchModel,
    experiment: str,
    n_per_cell: int | None = None,
    seed: int = 0,
    set_sizes: Sequence[int] | None = None,
    recognition: str = "region",
    truth: str = "region",
) -> "pd.DataFrame":
    """One of the six experiments with a model; its background and sharpening are those of the experiment.

    Args:
        model: at 30 px per degree, or fewer for a smaller backbone.
        experiment: a name of :data:`EXPERIMENTS`.
        n_per_cell: trials a condition and set size; None: the published number.
        seed: of the displays.
        set_sizes: None: the published ones.
        recognition, truth: as :func:`search_displays`.

    Returns:
        A row a trial: condition, set_size, trial, n_saccades (the set size where the target was not found), found,
        rt_ms; what :func:`asymmetry` takes.

    Raises:
        ValueError: an unknown experiment, or numbers out of range.
    """
    import pandas as pd

    if experiment not in EXPERIMENTS:
        raise ValueError(f"experiment must be one of {', '.join(EXPERIMENTS)}, got {experiment!r}")
    which = EXPERIMENTS[experiment]
    own = model.with_display(which.background, which.dog)
    rows: list[dict[str, Any]] = []
    for condition in which.conditions:
        for size in set_sizes or which.set_sizes:
            displays = array_trials(experiment, condition, size, n_per_cell, seed, model.px_per_deg)
            for trial, found in enumerate(search_displays(own, displays, recognition, truth)):
                n = found.n_saccades if found.found else size
                rows.append({"condition": condition, "set_size": size, "trial": trial, "n_saccades": n,
                             "found": found.found, "rt_ms": float(rt(n))})  # fmt: skip
    return pd.DataFrame(rows)


def lit_model(backbone: Backbone, match: str = "dot") -> SearchModel:
    """The search of the lighting experiment at 15 px per degree with a small network of the lit world.

    Example:
        >>> lit_model(Backbone.conv(key=jax.random.key(0))).levels
        (1, 2, 3)
    """
    lighting = EXPERIMENTS["lighting"]
    return SearchModel(
        backbone, px_per_deg=LIT_PX_PER_DEG, margin=LIT_MARGIN, match=match, background=lighting.background,
        dog=lighting.dog,
    )  # fmt: skip


def train_lit(light: Light, steps: int = 500, batch: int = 48, *, key: Key[Array, ""]) -> Trained:
    """A network raised in the lit world; one key gives the same first weights and scenes under every light.

    Args:
        light: as :func:`symplast.visual_search.lit_world`.
        steps: of Adam; 0 leaves it untrained.
        batch: fresh images a step.
        key: random key.
    """
    start = Backbone.conv(key=jax.random.fold_in(key, 0))
    if steps == 0:
        return Trained(start, np.zeros(0), np.zeros(0))
    stream = sample_stream(jax.random.fold_in(key, 1), light, batch)
    return train_backbone(start, stream, classes=4, steps=steps, key=jax.random.fold_in(key, 2))


def train_mirrored(mirrored: bool, steps: int = 300, *, key: Key[Array, ""]) -> Trained:
    """A network that names the direction of a light from everywhere, with or without mirrored images.

    Args:
        mirrored: mirror left and right with probability 1/2 and keep the label.
        steps: of 48 fresh images.
        key: random key; the same first weights and scenes in both arms.
    """
    start = Backbone.conv(key=jax.random.fold_in(key, 0))
    stream = mirror_stream(jax.random.fold_in(key, 1), mirrored)
    return train_backbone(start, stream, classes=4, steps=steps, key=jax.random.fold_in(key, 2))


def lit_backbone() -> Backbone:
    """The network that comes with the package: raised under light from above, 21 490 weights; knows the lit world only.

    Example:
        >>> lit_backbone().count()
        21490
    """
    import jax.numpy as jnp

    with (files("symplast.visual_search") / LIT_FILE).open("rb") as file, np.load(file) as arrays:
        blocks = tuple(
            tuple((jnp.asarray(arrays[f"block{b}_conv{c}_kernel"]), jnp.asarray(arrays[f"block{b}_conv{c}_bias"]))
                  for c in (1, 2))
            for b in (1, 2, 3)
        )  # fmt: skip
    return Backbone(blocks, None, CENTRED)


def named_arrays(backbone: Backbone) -> dict[str, np.ndarray]:
    """Kernels (HWIO) and biases by name, ``block1_conv1_kernel``, as :meth:`Backbone.vgg16` reads them from .npz."""
    return {
        f"block{b}_conv{c}_{part}": np.asarray(value)
        for b, block in enumerate(backbone.blocks, 1)
        for c, pair in enumerate(block, 1)
        for part, value in zip(("kernel", "bias"), pair, strict=True)
    }
