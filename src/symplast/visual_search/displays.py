"""Displays of the six array experiments, made from a seed, and of a user's own items."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symplast.stats.arguments import check_count
from symplast.visual_search import tiles
from symplast.visual_search.attention import DoG
from symplast.visual_search.images import check_image

PX_PER_DEG = 30


@dataclass(frozen=True)
class ArrayExperiment:
    """One of the six experiments: a pair of conditions, named after the target, and the display.

    Attributes:
        number: 1 to 6.
        name: of the experiment.
        harder, easier: condition with the larger and the smaller slope in people.
        side: of the image, px at 30 px per degree.
        grid: cells a side.
        tile: side of an item, px.
        jitter: an item's corner lies up to so many px (excluded) from its cell's.
        background: grey level.
        set_sizes: items a display.
        trials: a cell of condition and set size.
        dog: sharpening of the attention map.
        source: of the human reaction times.
    """

    number: int
    name: str
    harder: str
    easier: str
    side: int
    grid: int
    tile: int
    jitter: int
    background: int
    set_sizes: tuple[int, ...]
    trials: int
    dog: DoG
    source: str

    @property
    def conditions(self) -> tuple[str, str]:
        """The harder one first."""
        return self.harder, self.easier


_FINE: DoG = ((3, 1.0), (5, 3.0))
_COARSE: DoG = ((5, 3.0), (7, 5.0))
_WHITE = 255

EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        ArrayExperiment(1, "curvature", "line_in_curves", "curve_in_lines", 339, 6, 48, 8, 0, (8, 16, 32), 30, _FINE,
                        "Wolfe, Yee & Friedman-Hill 1992"),
        ArrayExperiment(2, "lighting", "left_right", "top_down", 198, 4, 31, 18, 27, (1, 6, 12), 30,
                        ((3, 0.0), (5, 1.0)), "Kleffner & Ramachandran 1992"),
        ArrayExperiment(3, "intersection", "cross", "non_cross", 615, 3, 177, 27, _WHITE, (3, 6, 9), 36, _COARSE,
                        "Wolfe & DiMase 2003"),
        ArrayExperiment(4, "letters", "Ls", "Ts", 615, 3, 177, 27, _WHITE, (3, 6, 9), 36, _COARSE,
                        "Wolfe & DiMase 2003"),
        ArrayExperiment(5, "orientation", "homo_t0", "homo_t20", 339, 4, 69, 15, _WHITE, (1, 4, 8, 12), 30, _FINE,
                        "Wolfe et al. 1992"),
        ArrayExperiment(6, "orientation-mixed", "hetero_t20", "hetero_t0", 339, 4, 69, 15, _WHITE, (1, 4, 8, 12), 30,
                        _FINE, "Wolfe et al. 1992"),
    )
}  # fmt: skip
"""The six experiments by name."""

Items = Callable[[int, np.random.Generator], tuple[np.ndarray, list[np.ndarray]]]
"""(set size, generator) -> the target's tile and the distractors'; the generator decides versions."""


@dataclass(frozen=True, eq=False)
class Displays:
    """Displays of one condition and set size.

    Attributes:
        image: (trials, n, n) uint8.
        target: (trials, t, t) uint8, as it is in the display.
        regions: (n, n) label of each px's cell, row by row from 0; -1 outside all cells.
        target_region: (trials,) cell of the target.
        item_regions: (trials, set size) cells with an item, the target's first.
        corners: (trials, set size, 2) row and column of each item's upper left px.
        condition: name.
        set_size: items a display.
        background: grey level.
        cell: side of a cell, px.
    """

    image: np.ndarray
    target: np.ndarray
    regions: np.ndarray
    target_region: np.ndarray
    item_regions: np.ndarray
    corners: np.ndarray
    condition: str
    set_size: int
    background: int
    cell: int

    def target_masks(self, truth: str = "region") -> np.ndarray:
        """(trials, n, n) where a gaze counts as on the target: its ``region``, or a cell-sized box at the ``item``.

        The reference takes the second, which reaches into neighbouring cells.
        """
        if truth not in ("region", "item"):
            raise ValueError(f"truth must be region or item, got {truth!r}")
        masks = np.zeros(self.image.shape, bool)
        for mask, region, (row, column) in zip(masks, self.target_region, self.corners[:, 0], strict=True):
            if truth == "region":
                mask[self.regions == region] = True
            else:
                mask[row : row + self.cell, column : column + self.cell] = True
        return masks


def cell_labels(side: int, grid: int, cell: int) -> np.ndarray:
    """(side, side) label of each px's cell, row by row; -1 outside.

    Example:
        >>> cell_labels(5, 2, 2).tolist()[0]
        [0, 0, 1, 1, -1]
    """
    at = np.arange(side) // cell
    inside = at < grid
    return np.where(inside[:, None] & inside, at[:, None] * grid + at, -1).astype(np.int32)


def array_trials(
    experiment: str, condition: str, set_size: int, n: int | None = None, seed: int = 0, px_per_deg: int = PX_PER_DEG
) -> Displays:
    """Displays of one of the six experiments.

    Each trial has its own generator, seeded by (seed, experiment, condition, set size, trial): trial i is the same
    however many are asked for. Resolutions below 30 px per degree average the display and the target each on its own.

    Args:
        experiment: a name of :data:`EXPERIMENTS`.
        condition: one of its two, named after the target.
        set_size: items, the target included.
        n: trials; None: the published number.
        seed: at least 0.
        px_per_deg: 30, or fewer.

    Raises:
        ValueError: an unknown name, more items than cells, or numbers out of range.

    Example:
        >>> displays = array_trials("lighting", "top_down", set_size=6, n=2)
        >>> displays.image.shape, displays.target.shape, displays.item_regions.shape
        ((2, 198, 198), (2, 31, 31), (2, 6))
    """
    if experiment not in EXPERIMENTS:
        raise ValueError(f"experiment must be one of {', '.join(EXPERIMENTS)}, got {experiment!r}")
    which = EXPERIMENTS[experiment]
    if condition not in which.conditions:
        raise ValueError(f"condition must be one of {', '.join(which.conditions)} in {experiment}, got {condition!r}")
    count = which.trials if n is None else check_count(n, "n")
    seed_path = (check_count(seed, "seed", 0), which.number, which.conditions.index(condition))
    return _displays(
        _items(condition), condition, set_size, count, seed_path, which.side, which.grid, which.side // which.grid,
        which.jitter, which.background, px_per_deg,
    )  # fmt: skip


def array_trials_from_tiles(
    target_tiles: Sequence[Any],
    distractor_tiles: Sequence[Any],
    set_size: int,
    n: int = 30,
    seed: int = 0,
    grid: int = 4,
    cell_px: int = 84,
    jitter_px: int = 15,
    background: int = 255,
    condition: str = "own",
) -> Displays:
    """Displays of a user's own items.

    Args:
        target_tiles: pictures of the target, (t, t) grey levels, one is drawn for each trial.
        distractor_tiles: pictures of distractors, likewise, one is drawn for each item.
        set_size: items, the target included.
        n: trials.
        seed: at least 0.
        grid: cells a side.
        cell_px: side of a cell.
        jitter_px: an item's corner lies up to so many px (excluded) from its cell's.
        background: grey level.
        condition: a name for the records.

    Raises:
        ValueError: tiles of different shapes, coloured or larger than a cell leaves room for, more items than cells.

    Example:
        >>> tile = np.zeros((20, 20), np.uint8)
        >>> array_trials_from_tiles([tile], [tile.T], 4, n=3, cell_px=40, jitter_px=10).image.shape
        (3, 160, 160)
    """
    pools = [[_grey_tile(tile, name) for tile in given]
             for given, name in ((target_tiles, "target_tiles"), (distractor_tiles, "distractor_tiles"))]  # fmt: skip
    if not pools[0] or not pools[1]:
        raise ValueError("target_tiles and distractor_tiles must hold at least one picture each")
    shapes = {tile.shape for pool in pools for tile in pool}
    if len(shapes) > 1 or len(set(next(iter(shapes)))) > 1:
        raise ValueError(f"tiles must all be square and of one shape, got {sorted(shapes)}")
    for value, name in ((grid, "grid"), (cell_px, "cell_px"), (jitter_px, "jitter_px")):
        check_count(value, name)
    side = next(iter(shapes))[0]
    if side + jitter_px - 1 > cell_px:
        raise ValueError(f"cell_px must leave room for the tile ({side}) and jitter_px ({jitter_px}), got {cell_px}")
    if not 0 <= background <= 255:
        raise ValueError(f"background must lie in 0 to 255, got {background}")

    def items(size: int, draw: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
        return _any(pools[0], draw), [_any(pools[1], draw) for _ in range(size - 1)]

    return _displays(
        items, condition, set_size, check_count(n, "n"), (check_count(seed, "seed", 0),), grid * cell_px, grid,
        cell_px, jitter_px, background, PX_PER_DEG,
    )  # fmt: skip


def _grey_tile(tile: Any, name: str) -> np.ndarray:
    levels = check_image(tile, name)
    if (levels != levels[..., :1]).any():
        raise ValueError(f"{name} must be grey")
    return np.round(levels[..., 0]).astype(np.uint8)


def _any(pool: Sequence[np.ndarray], draw: np.random.Generator) -> np.ndarray:
    return pool[int(draw.integers(len(pool)))]


def _items(condition: str) -> Items:
    """How the items of a condition are drawn; those of a kind with versions in turn say so by their order."""
    if condition in ("curve_in_lines", "line_in_curves"):
        curved = condition == "curve_in_lines"
        return _in_turn(tiles.curvature(curved), tiles.curvature(not curved))
    if condition in ("top_down", "left_right"):
        bright = {"top_down": ("top", "bottom"), "left_right": ("left", "right")}[condition]
        return _at_random([tiles.shading(bright[0])], [tiles.shading(bright[1])])
    if condition in ("cross", "non_cross"):
        return _at_random(tiles.crossing(condition == "cross"), tiles.crossing(condition != "cross"))
    if condition in ("Ts", "Ls"):
        return _at_random(tiles.letter(condition[0]), tiles.letter("L" if condition == "Ts" else "T"))
    vertical, tilted = tiles.bar(0), tiles.bar(-20)
    target, other = (vertical, tilted) if condition.endswith("t0") else (tilted, vertical)
    if condition.startswith("homo"):
        return _at_random([target], [other])
    return _mixed(target, [tiles.bar(a) for a in (-80, -60, -40, 20, 40, 60, 80)] + [other])


def _at_random(targets: list[np.ndarray], distractors: list[np.ndarray]) -> Items:
    return lambda size, draw: (_any(targets, draw), [_any(distractors, draw) for _ in range(size - 1)])


def _in_turn(targets: list[np.ndarray], distractors: list[np.ndarray]) -> Items:
    """Item i has version i mod 4; the target's place in the order is drawn."""

    def items(size: int, draw: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
        place = int(draw.integers(size))
        return targets[place % 4], [distractors[i % 4] for i in range(size) if i != place]

    return items


def _mixed(target: np.ndarray, pool: list[np.ndarray]) -> Items:
    """Distractors that differ as long as the pool lasts, then others of it, again without repetition."""

    def items(size: int, draw: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
        order: list[int] = []
        while len(order) < size - 1:
            order += draw.permutation(len(pool)).tolist()
        return target, [pool[i] for i in order[: size - 1]]

    return items


def _displays(
    items: Items, condition: str, set_size: int, count: int, seeds: tuple[int, ...], side: int, grid: int, cell: int,
    jitter: int, background: int, px_per_deg: int,
) -> Displays:  # fmt: skip
    if check_count(set_size, "set_size") > grid**2:
        raise ValueError(f"set_size must be at most {grid**2}, the cells of the grid, got {set_size}")
    if not 1 <= check_count(px_per_deg, "px_per_deg") <= PX_PER_DEG:
        raise ValueError(f"px_per_deg must lie in 1 to {PX_PER_DEG}, got {px_per_deg}")
    images, targets, places, corners = [], [], [], []
    for trial in range(count):
        draw = np.random.default_rng([*seeds, set_size, trial])
        cells = draw.choice(grid**2, set_size, replace=False)
        target, others = items(set_size, draw)
        image = np.full((side, side), background, np.uint8)
        t = target.shape[0]
        at = np.stack([cells // grid, cells % grid], axis=1) * cell + draw.integers(jitter, size=(set_size, 2))
        for (row, column), tile in zip(at, [target, *others], strict=True):
            image[row : row + t, column : column + t] = tile
        images.append(image)
        targets.append(target)
        places.append(cells)
        corners.append(at)
    image, target, corner = np.stack(images), np.stack(targets), np.stack(corners)
    if px_per_deg != PX_PER_DEG:
        small = side * px_per_deg // PX_PER_DEG
        image = reduce_size(image, small)
        target = reduce_size(target, target.shape[-1] * px_per_deg // PX_PER_DEG)
        corner = corner * px_per_deg // PX_PER_DEG
        side, cell = small, small // grid
    return Displays(
        image, target, cell_labels(side, grid, cell), np.array([p[0] for p in places]), np.stack(places), corner,
        condition, set_size, background, cell,
    )  # fmt: skip


def reduce_size(images: np.ndarray, side: int) -> np.ndarray:
    """Square 8-bit images made smaller: each px is the mean over its footprint, rounded.

    Example:
        >>> reduce_size(np.array([[0, 30, 90]] * 3, np.uint8), 2).tolist()
        [[10, 70], [10, 70]]
    """
    old = images.shape[-1]
    edges = np.arange(side + 1) * old / side
    overlap = np.minimum(edges[1:, None], np.arange(1, old + 1)) - np.maximum(edges[:-1, None], np.arange(old))
    weights = np.clip(overlap, 0, None) * side / old
    reduced = np.einsum("ai,...ij,bj->...ab", weights, images.astype(float), weights, optimize=True)
    return np.floor(reduced + 0.5).astype(np.uint8)
