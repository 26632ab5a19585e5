"""Saccades as one compiled program: the map around the gaze, the winner, recognition and inhibition, until found."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Integer

from symplast.learning.compiling import lightly
from symplast.stats.arguments import check_count
from symplast.visual_search.attention import enlarge, match_map, merge
from symplast.visual_search.features import Footprint, blank_outputs, search_features, target_features

RECOGNITIONS = ("region", "patch")


@dataclass(frozen=True)
class Rules:
    """How a search ends and what it inhibits, where an image has no regions or a target no region.

    Attributes:
        recognition: ``region``, the target is found when its region is fixated; ``patch``, when its mask has a px
            within ``patch`` px around the gaze.
        patch: side of that patch, from gaze - patch // 2 on.
        ior: side of the box that is inhibited around each fixation where an image has no regions, px.
    """

    recognition: str = "region"
    patch: int = 10
    ior: int = 64

    def __post_init__(self) -> None:
        if self.recognition not in RECOGNITIONS:
            raise ValueError(f"recognition must be region or patch, got {self.recognition!r}")
        check_count(self.patch, "patch")
        check_count(self.ior, "ior")


def embedded(S: np.ndarray, R: int, fill: Any) -> Array:
    """The image embedded in background (or labels in -1, masks in False), R px on all sides."""
    pad = [(R, R), (R, R)] + [(0, 0)] * (S.ndim - 2)
    return jnp.asarray(np.pad(S, pad, constant_values=fill))


def window_around(canvas: Array, gaze: Integer[Array, "2"], R: int) -> Array:
    begin = (gaze[0], gaze[1], *[jnp.zeros_like(gaze[0])] * (canvas.ndim - 2))
    return jax.lax.dynamic_slice(canvas, begin, (2 * R, 2 * R, *canvas.shape[2:]))


def window_attention(
    model: Any, R: int, canvas: Array, gaze: Integer[Array, "2"], targets: list[Array], blank: Any,
    shape: tuple[int, int],
) -> Float[Array, "side side"]:  # fmt: skip
    """Attention over the window, enlarged, minimum subtracted."""
    window = model.backbone.prepare(window_around(canvas, gaze, R))
    footprint = None if blank is None else Footprint(blank, [R - gaze[0], R - gaze[1]], shape)
    searched = search_features(model.backbone, model.pools, model.levels, window, footprint)
    maps = [match_map(S, T, model.match) for S, T in zip(searched, targets, strict=True)]
    A = enlarge(merge(maps, model.level_weights, model.dog), 2 * R, 2 * R)
    return A - A.min()


@lightly
def features_of_target(model: Any, target: Array) -> list[Array]:
    return target_features(model.backbone, model.pools, model.levels, model.backbone.prepare(target))


@lightly
def blank_window(model: Any, R: int) -> list[Array]:
    window = jnp.full((2 * R, 2 * R, model.backbone.in_channels), model.background)
    return blank_outputs(model.backbone, model.pools, max(model.levels), model.backbone.prepare(window))


def over_image(A: Array, gaze: Array, R: int, shape: tuple[int, int]) -> Array:
    """The window's map on the image; NaN where the window does not reach."""
    whole = jnp.full((shape[0] + 2 * R, shape[1] + 2 * R), jnp.nan, A.dtype)
    whole = jax.lax.dynamic_update_slice(whole, A, (gaze[0], gaze[1]))
    return whole[R : R + shape[0], R : R + shape[1]]


@lightly
def attention_from(
    model: Any, R: int, canvas: Array, gaze: Array, targets: list[Array], shape: tuple[int, int]
) -> Array:
    return over_image(window_attention(model, R, canvas, gaze, targets, None, shape), gaze, R, shape)


class State(eqx.Module):
    """A search under way: what is left of the image, what may still be visited, where the gaze was.

    Attributes:
        canvas: the image in its background, with erased regions.
        allowed: px that may be fixated, on the canvas.
        gaze: row and column.
        saccades: made so far.
        found: whether the target was fixated.
        fixations: (most + 1, 2).
        regions: (most,) visited.
    """

    canvas: Float[Array, "height width _"]
    allowed: Bool[Array, "height width"]
    gaze: Integer[Array, "2"]
    saccades: Integer[Array, ""]
    found: Bool[Array, ""]
    fixations: Integer[Array, "_ 2"]
    regions: Integer[Array, " _"]


class Scene(eqx.Module):
    """What stays the same during a search.

    Attributes:
        labels: regions on the canvas, -1 outside; None in free viewing.
        truth: mask of the target on the canvas; None where recognition is by region.
        region: the target's.
        targets: its features.
        blank: features of a blank window, or None.
        shape: of the image.
        rules: recognition and inhibition.
        field: half the window's side.
    """

    labels: Integer[Array, "height width"] | None
    truth: Bool[Array, "height width"] | None
    region: Integer[Array, ""]
    targets: list[Array]
    blank: list[Array] | None
    shape: tuple[int, int] = eqx.field(static=True)
    rules: Rules = eqx.field(static=True)
    field: int = eqx.field(static=True)


def _recognised(scene: Scene, gaze: Array, region: Array) -> Array:
    if scene.rules.recognition == "region":
        return region == scene.region
    R, half, side = scene.field, scene.rules.patch // 2, scene.rules.patch
    truth = scene.truth
    assert truth is not None
    begin = jnp.clip(gaze + R - half, 0, None)
    return jax.lax.dynamic_slice(truth, (begin[0], begin[1]), (side, side)).any()


def _inhibit_box(allowed: Array, gaze: Array, scene: Scene) -> Array:
    half, side = scene.rules.ior // 2, scene.rules.ior
    begin = jnp.clip(gaze + scene.field - half, 0, None)
    return jax.lax.dynamic_update_slice(allowed, jnp.zeros((side, side), bool), (begin[0], begin[1]))


def _saccade(model: Any, scene: Scene, state: State) -> tuple[State, Array]:
    """One jump: the winner among allowed px, then recognition and inhibition."""
    R, side = scene.field, 2 * scene.field
    A = window_attention(model, R, state.canvas, state.gaze, scene.targets, scene.blank, scene.shape)
    masked = jnp.where(window_around(state.allowed, state.gaze, R), A, -1)
    first = masked.argmax().astype(jnp.int32)
    gaze = state.gaze - R + jnp.stack([first // side, first % side])
    gaze = jnp.clip(gaze, 0, jnp.array(scene.shape, jnp.int32) - 1)
    canvas, allowed, region = state.canvas, state.allowed, jnp.int32(-1)
    if scene.labels is None:
        allowed = _inhibit_box(allowed, gaze, scene)
    else:
        region = scene.labels[gaze[0] + R, gaze[1] + R]
        there = (scene.labels == region) & (region >= 0)
        canvas = jnp.where(there[..., None], jnp.asarray(model.background, canvas.dtype), canvas)
        allowed = allowed & ~there
    return State(
        canvas, allowed, gaze, state.saccades + 1, _recognised(scene, gaze, region),
        state.fixations.at[state.saccades + 1].set(gaze), state.regions.at[state.saccades].set(region),
    ), A  # fmt: skip


@eqx.filter_jit
def search_to_end(model: Any, scene: Scene, state: State) -> State:
    most = state.regions.shape[0]

    def goes_on(now: State) -> Array:
        return ~now.found & (now.saccades < most) & now.allowed.any()

    return jax.lax.while_loop(goes_on, lambda now: _saccade(model, scene, now)[0], state)


@eqx.filter_jit
def saccade_with_map(model: Any, scene: Scene, state: State) -> tuple[State, Array]:
    after, A = _saccade(model, scene, state)
    return after, over_image(A, state.gaze, scene.field, scene.shape)
