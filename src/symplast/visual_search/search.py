"""The search: features around the gaze, match with the target, winner, jump, inhibition of return, until found."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from symplast.stats.arguments import check_count
from symplast.visual_search.attention import LEVEL_WEIGHTS, MATCHES, DoG, check_dog
from symplast.visual_search.backbone import Backbone
from symplast.visual_search.images import check_image, check_regions, for_channels
from symplast.visual_search.pooling import EccPool, default_growth, stage_resolutions
from symplast.visual_search.saccades import (
    Rules,
    Scene,
    State,
    attention_from,
    blank_window,
    embedded,
    features_of_target,
    saccade_with_map,
    search_to_end,
)

DOG: DoG = ((3, 0), (5, 1))


@dataclass(frozen=True, eq=False)
class Search:
    """What a search did.

    Attributes:
        fixations: (saccades + 1, 2) row and column of each fixation in image px, the start first.
        n_saccades: up to and including the one that lands on the target; all that were made where it isn't found.
        found: whether the target was fixated.
        visited_regions: (saccades,) region of each fixation after the start; -1 where there are no regions.
        attention: (saccades, height, width) attention before each saccade over the image, minimum subtracted and
            before the mask of visited places; where it was asked for.
    """

    fixations: np.ndarray
    n_saccades: int
    found: bool
    visited_regions: np.ndarray
    attention: np.ndarray | None = None


class SearchModel(eqx.Module):
    """Visual search with foveated features and a template of the target: a training-free scanpath model.

    Attributes:
        backbone: the network whose features are matched.
        px_per_deg: px per degree of visual angle at the image.
        levels: blocks whose features are matched, from 1; levels are counted from the backbone's depth.
        ecc: windows grow with eccentricity; else plain 2 x 2 pools.
        match: ``dot`` (the paper's), ``cosine`` (ours: the energy of an item does not count).
        margin: px of background around the corner of the image farthest from the gaze.
        background: grey level around the image and of erased regions, 0..255.
        dog: (taps, sigma) of the two Gaussians that sharpen the map.
        level_weights: ``max`` or ``equal``.
        pools: pool of each block.

    Example:
        >>> import jax
        >>> from symplast import visual_search as vs
        >>> net = vs.Backbone.conv((4, 4), key=jax.random.key(0))
        >>> model = vs.SearchModel(net, px_per_deg=15, margin=8, background=0)
        >>> image = np.zeros((40, 40), np.uint8)
        >>> image[2:8, 22:28] = 255
        >>> quadrants = np.add.outer(2 * (np.arange(40) // 20), np.arange(40) // 20)
        >>> found = model.search(image, image[:10, 20:30], regions=quadrants, target_region=1)
        >>> found.visited_regions.tolist(), found.n_saccades
        ([1], 1)

    Source:
        arXiv:2106.02953 and its reference code; ``cosine`` and recognition by region are ours.
    """

    backbone: Backbone
    pools: tuple[EccPool, ...]
    background: float = eqx.field(static=True)
    px_per_deg: int = eqx.field(static=True)
    levels: tuple[int, ...] = eqx.field(static=True)
    ecc: bool = eqx.field(static=True)
    match: str = eqx.field(static=True)
    margin: int = eqx.field(static=True)
    dog: DoG = eqx.field(static=True)
    level_weights: str = eqx.field(static=True)

    def __init__(
        self,
        backbone: Backbone,
        px_per_deg: int = 30,
        levels: str | Sequence[int] = "last3",
        ecc: bool = True,
        match: str = "dot",
        margin: int = 64,
        background: float = 0.0,
        dog: DoG = DOG,
        level_weights: str = "max",
        growth: Sequence[float] | None = None,
        fovea_deg: float = 4.0,
        ring_deg: float = 1.0,
        pool: str | None = None,
    ):
        """Check and keep the settings.

        Args:
            backbone: the network.
            px_per_deg: px per degree at the image, whole.
            levels: ``last3``, ``last``, or block numbers from 1.
            ecc, match, margin, background, dog, level_weights: see the class.
            growth: of the windows, a number a block; None: the paper's at the nearest resolution.
            fovea_deg, ring_deg: radius of the fovea, width of a ring, in degrees.
            pool: ``avg`` or ``max``; None: avg with eccentricity, max without (the paper's ablations).

        Raises:
            ValueError: an unknown word, levels that the backbone lacks, or numbers out of range.
        """
        depth = backbone.depth
        named = {"last3": tuple(range(max(1, depth - 2), depth + 1)), "last": (depth,)}
        if isinstance(levels, str):
            if levels not in named:
                raise ValueError(f"levels must be last3, last or block numbers, got {levels!r}")
            chosen = named[levels]
        else:
            chosen = tuple(sorted({check_count(level, "levels") for level in levels}))
        if not chosen or chosen[-1] > depth:
            raise ValueError(f"levels must lie in 1 to {depth}, the blocks of the backbone, got {levels}")
        for value, name, known in ((match, "match", MATCHES), (level_weights, "level_weights", LEVEL_WEIGHTS)):
            if value not in known:
                raise ValueError(f"{name} must be {' or '.join(known)}, got {value!r}")
        resolutions = stage_resolutions(px_per_deg, depth)
        growths = default_growth(resolutions) if growth is None else tuple(growth)
        if len(growths) != depth:
            raise ValueError(f"growth must have a number for each of {depth} blocks, got {len(growths)}")
        kind = pool or ("avg" if ecc else "max")
        self.pools = tuple(
            EccPool(d, growth if ecc else 0.0, fovea_deg, ring_deg, kind=kind)
            for d, growth in zip(resolutions, growths, strict=True)
        )
        self.backbone, self.px_per_deg, self.levels, self.ecc, self.match = backbone, px_per_deg, chosen, ecc, match
        self.margin = check_count(margin, "margin", 0)
        if not 0 <= float(background) <= 255:
            raise ValueError(f"background must lie in 0 to 255, got {background}")
        self.background, self.level_weights = float(background), level_weights
        self.dog = check_dog(dog, 10**6)

    def with_display(self, background: float, dog: DoG) -> "SearchModel":
        """The same model for displays of another background and sharpening."""
        return SearchModel(
            self.backbone, self.px_per_deg, self.levels, self.ecc, self.match, self.margin, background, dog,
            self.level_weights, [pool.growth for pool in self.pools], self.pools[0].fovea_deg, self.pools[0].ring_deg,
            self.pools[0].kind,
        )  # fmt: skip

    def half_field(self, shape: tuple[int, int]) -> int:
        """Half the side of the window around the gaze: the longer side of the image and the margin."""
        return max(shape) + self.margin

    def attention(self, image: Any, target: Any, gaze: Sequence[int] | None = None) -> np.ndarray:
        """(height, width) attention over the image from one place of gaze, minimum subtracted, nothing masked.

        Args:
            image: (height, width[, 3]) grey levels 0..255.
            target: likewise, smaller.
            gaze: row and column in image px; None: the centre.

        Raises:
            ValueError: as :meth:`search`.
        """
        S, T = self._checked(image, target)
        start = _start(gaze, S.shape[:2])
        R = self.half_field(S.shape[:2])
        self._check_map(R)
        targets = features_of_target(self, jnp.asarray(T))
        return np.asarray(
            attention_from(self, R, embedded(S, R, self.background), jnp.asarray(start), targets, S.shape[:2])
        )

    def search(
        self,
        image: Any,
        target: Any,
        regions: Any = None,
        target_region: int | None = None,
        target_mask: Any = None,
        start: Sequence[int] | None = None,
        max_saccades: int | None = None,
        rules: Rules | None = None,
        field: int | None = None,
        footprint: bool | None = None,
        keep_maps: bool = False,
    ) -> Search:
        """Search an image for a target.

        With ``regions`` each visited region is erased and not visited again, and the start counts for nothing. Without,
        a box around each fixation is inhibited, the start's included, and ``target_mask`` says what counts as found.

        Args:
            image: (height, width[, 3]) grey levels 0..255, integers or floats on that scale.
            target: picture of the target, likewise, smaller than the image.
            regions: (height, width) labels from 0 on, -1 where there is none; None: free viewing.
            target_region: label of the target's region.
            target_mask: (height, width) truth values: where the target is.
            start: row and column of the first fixation; None: the centre.
            max_saccades: at most so many; None: all regions once, and 80 in free viewing.
            rules: recognition and inhibition; None: by region where ``target_region`` is given, else by patch (in free
                viewing a patch as large as the inhibited box).
            field: half the window's side, px; None: the longer side of the image and the margin.
            footprint: compute only where the image can change features (the same result); None: with regions.
            keep_maps: keep the attention before each saccade.

        Raises:
            ValueError: an argument of the wrong shape or range, a target larger than the image, or no target to find.
        """
        batch = self.search_batch(
            [image], [target], regions, None if target_region is None else [target_region],
            None if target_mask is None else [target_mask], start, max_saccades, rules, field, footprint, keep_maps,
        )  # fmt: skip
        return batch[0]

    def search_batch(
        self,
        images: Sequence[Any],
        targets: Sequence[Any],
        regions: Any = None,
        target_regions: Sequence[int] | None = None,
        target_masks: Sequence[Any] | None = None,
        start: Sequence[int] | None = None,
        max_saccades: int | None = None,
        rules: Rules | None = None,
        field: int | None = None,
        footprint: bool | None = None,
        keep_maps: bool = False,
    ) -> list[Search]:
        """Many searches, one compilation an image size; images of one size share regions.

        Args:
            images: n images.
            targets: n targets.
            regions: (height, width) of all, or n of them.
            target_regions: n labels.
            target_masks: n masks.
            start, max_saccades, rules, field, footprint, keep_maps: as :meth:`search`.

        Raises:
            ValueError: as :meth:`search`; the message names the trial.
        """
        if len(images) != len(targets) or not len(images):
            raise ValueError(f"images and targets must be as many, at least one, got {len(images)} and {len(targets)}")
        for given, name in ((target_regions, "target_regions"), (target_masks, "target_masks")):
            if given is not None and len(given) != len(images):
                raise ValueError(f"{name} must be one an image ({len(images)}), got {len(given)}")
        shared = regions is None or np.ndim(regions) == 2
        found: list[Search] = []
        blanks: dict[Any, Any] = {}
        features: dict[bytes, Any] = {}
        for i, (image, target) in enumerate(zip(images, targets, strict=True)):
            task = self._task(
                image, target, regions if shared else regions[i], target_regions, target_masks, i, start, rules,
                max_saccades, field,
            )  # fmt: skip
            fast = regions is not None if footprint is None else footprint
            key = (task.field, task.image.shape)
            if fast and key not in blanks:
                blanks[key] = blank_window(self, task.field)
            known = task.target.tobytes() + bytes(str(task.target.shape), "ascii")
            if known not in features:
                features[known] = features_of_target(self, jnp.asarray(task.target))
            found.append(_run(self, task, features[known], blanks[key] if fast else None, keep_maps))
        return found

    def _checked(self, image: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
        S, T = check_image(image), check_image(target, "target")
        if any(t > s for t, s in zip(T.shape[:2], S.shape[:2], strict=True)):
            raise ValueError(f"target must be no larger than the image, got {T.shape[:2]} and {S.shape[:2]}")
        if (np.asarray(image).dtype.kind == "f") != (np.asarray(target).dtype.kind == "f") and (
            min(S.max(), T.max()) <= 1 < max(S.max(), T.max())
        ):
            raise ValueError("image and target must have the same scale, grey levels 0 to 255; one goes up to 1 only")
        S, T = (for_channels(v, self.backbone.in_channels, name) for v, name in ((S, "image"), (T, "target")))
        if np.equal(S, self.background).all():
            warnings.warn("blank stimulus: the image equals the background everywhere", stacklevel=4)
        return S, T

    def _check_map(self, field: int) -> None:
        check_dog(self.dog, -(-2 * field // 2 ** (self.backbone.depth - 1)))

    def _task(
        self, image: Any, target: Any, regions: Any, target_regions: Any, target_masks: Any, i: int, start: Any,
        rules: Rules | None, max_saccades: int | None, field: int | None,
    ) -> "Task":  # fmt: skip
        S, T = self._checked(image, target)
        shape = S.shape[:2]
        labels = None if regions is None else check_regions(regions, shape)
        region = None if target_regions is None else int(target_regions[i])
        truth: np.ndarray | None = None
        if target_masks is not None:
            truth = np.asarray(target_masks[i])
            if truth.shape != shape or truth.dtype.kind not in "biu" or not truth.any():
                raise ValueError(f"target_mask must be truth values of the image's shape {shape} with a true one in it")
            truth = truth.astype(bool)
        if rules is None:
            rules = Rules("patch" if region is None else "region")
            if labels is None:
                rules = replace(rules, patch=rules.ior)
        if region is not None and (labels is None or not (labels == region).any()):
            raise ValueError(f"target_region must be a label of regions, got {region}")
        if rules.recognition == "region" and region is None:
            raise ValueError("recognition by region needs target_region (and regions); or give target_mask")
        if rules.recognition == "patch" and truth is None:
            if region is None:
                raise ValueError("give target_region (with regions) or target_mask: what is to be found?")
            assert labels is not None
            truth = labels == region
        count = 0 if labels is None else int(np.unique(labels[labels >= 0]).size)
        most = check_count(max_saccades, "max_saccades") if max_saccades is not None else count or 80
        half = check_count(field, "field") if field is not None else self.half_field(shape)
        self._check_map(half)
        return Task(S, T, labels, -1 if region is None else region, truth, _start(start, shape), rules, most, half)


@dataclass(frozen=True, eq=False)
class Task:
    """One checked search.

    Attributes:
        image, target: float32 (height, width, channels).
        labels: regions, or None.
        region: the target's, -1 where there is none.
        truth: mask of the target, or None.
        start: of the gaze.
        rules: recognition and inhibition.
        most: saccades.
        field: half the window's side.
    """

    image: np.ndarray
    target: np.ndarray
    labels: np.ndarray | None
    region: int
    truth: np.ndarray | None
    start: np.ndarray
    rules: Rules
    most: int
    field: int


def _start(gaze: Any, shape: tuple[int, int]) -> np.ndarray:
    if gaze is None:
        return np.array([shape[0] // 2, shape[1] // 2], np.int32)
    at = np.asarray(gaze)
    if at.shape != (2,) or at.dtype.kind not in "iu" or (at < 0).any() or (at >= shape).any():
        raise ValueError(f"start must be row and column inside the image {shape}, got {gaze}")
    return at.astype(np.int32)


def _run(model: SearchModel, task: Task, targets: list[Array], blank: Any, keep_maps: bool) -> Search:
    R, shape = task.field, task.image.shape[:2]
    labels = None if task.labels is None else embedded(task.labels, R, -1)
    truth = None if task.truth is None or task.rules.recognition == "region" else embedded(task.truth, R, False)
    scene = Scene(labels, truth, jnp.int32(task.region), targets, blank, shape, task.rules, R)
    inside = np.ones(shape, bool) if task.labels is None else task.labels >= 0
    begin = np.asarray(task.start)
    found = False
    if task.labels is None:  # the start counts in free viewing
        assert task.truth is not None
        low, high = (np.clip(begin + step, 0, None) for step in (-(task.rules.patch // 2), -(-task.rules.patch // 2)))
        found = bool(task.truth[low[0] : high[0], low[1] : high[1]].any())
        low, high = (np.clip(begin + step, 0, None) for step in (-(task.rules.ior // 2), -(-task.rules.ior // 2)))
        inside[low[0] : high[0], low[1] : high[1]] = False
    fixations = np.zeros((task.most + 1, 2), np.int32)
    fixations[0] = begin
    state = State(
        embedded(task.image, R, model.background), embedded(inside, R, False), jnp.asarray(begin), jnp.int32(0),
        jnp.asarray(found), jnp.asarray(fixations), jnp.full(task.most, -1, jnp.int32),
    )  # fmt: skip
    maps: list[np.ndarray] = []
    if keep_maps:
        while not bool(state.found) and int(state.saccades) < task.most and bool(state.allowed.any()):
            state, A = saccade_with_map(model, scene, state)
            maps.append(np.asarray(A))
    else:
        state = search_to_end(model, scene, state)
    made = int(state.saccades)
    return Search(
        np.asarray(state.fixations)[: made + 1], made, bool(state.found), np.asarray(state.regions)[:made],
        np.stack(maps) if maps else (np.zeros((0, *shape)) if keep_maps else None),
    )  # fmt: skip
