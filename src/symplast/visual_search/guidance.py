"""How strongly the first attention map points to the target: a measure that has no floor."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from symplast.visual_search.attention import MATCHES, enlarge, match_map, merge
from symplast.visual_search.displays import Displays
from symplast.visual_search.features import Footprint, search_features
from symplast.visual_search.saccades import blank_window, embedded, features_of_target, over_image, window_around
from symplast.visual_search.search import SearchModel


def guidance_margin(attention: Any, regions: Any, target_region: int, item_regions: Any) -> float:
    """(largest attention in the target's region - largest in the best distractor's) / largest over the image.

    Args:
        attention: (height, width) of the first map, minimum subtracted, before visited places are masked.
        regions: (height, width) labels.
        target_region: the target's.
        item_regions: labels of all regions with an item; empty ones don't count.

    Returns:
        A number in [-1, 1]; above 0 the first saccade goes to the target.

    Raises:
        ValueError: other shapes, no distractor, or a target that is no item.

    Example:
        >>> guidance_margin([[1.0, 0.25], [0.0, 0.5]], [[0, 1], [2, 3]], 0, [0, 1, 3])
        0.5
    """
    A, labels, items = np.asarray(attention, float), np.asarray(regions), np.asarray(item_regions).ravel()
    if A.shape != labels.shape or A.ndim != 2:
        raise ValueError(f"attention and regions must have one shape, got {A.shape} and {labels.shape}")
    if target_region not in items or items.size < 2:
        raise ValueError("item_regions must hold target_region and at least one other region")
    best = {int(item): float(A[labels == item].max()) for item in items}
    rival = max(value for item, value in best.items() if item != target_region)
    top = float(A.max())
    return (best[int(target_region)] - rival) / top if top > 0 else 0.0


def first_maps(model: SearchModel, displays: Displays, matches: Sequence[str] = MATCHES) -> np.ndarray:
    """(matches, trials, height, width) first attention maps, minimum subtracted, for several matches at once.

    Args:
        model: its own match does not count.
        displays: of one condition.
        matches: ``dot``, ``cosine``.
    """
    shape = displays.regions.shape
    R = model.half_field(shape)
    start = jnp.asarray([shape[0] // 2, shape[1] // 2], jnp.int32)
    blank = blank_window(model, R)
    found = []
    for image, target in zip(displays.image, displays.target, strict=True):
        canvas = embedded(np.asarray(image, np.float32)[..., None], R, model.background)
        targets = features_of_target(model, jnp.asarray(np.asarray(target, np.float32)[..., None]))
        found.append(np.asarray(_maps(model, R, canvas, start, targets, blank, shape, tuple(matches))))
    return np.stack(found, axis=1)


@eqx.filter_jit
def _maps(
    model: SearchModel, R: int, canvas: Array, gaze: Array, targets: list[Array], blank: Any, shape: tuple[int, int],
    matches: tuple[str, ...],
) -> Array:  # fmt: skip
    window = model.backbone.prepare(window_around(canvas, gaze, R))
    footprint = Footprint(blank, [R - gaze[0], R - gaze[1]], shape)
    searched = search_features(model.backbone, model.pools, model.levels, window, footprint)
    maps = []
    for match in matches:
        levels = [match_map(S, T, match) for S, T in zip(searched, targets, strict=True)]
        A = enlarge(merge(levels, model.level_weights, model.dog), 2 * R, 2 * R)
        maps.append(over_image(A - A.min(), gaze, R, shape))
    return jnp.stack(maps)


def margins(model: SearchModel, displays: Displays, matches: Sequence[str] = MATCHES) -> np.ndarray:
    """(matches, trials) guidance margins of displays.

    Args:
        model, displays, matches: as :func:`first_maps`.
    """
    return np.array([
        [guidance_margin(A, displays.regions, int(target), items)
         for A, target, items in zip(maps, displays.target_region, displays.item_regions, strict=True)]
        for maps in first_maps(model, displays, matches)
    ])  # fmt: skip
