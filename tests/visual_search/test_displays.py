"""Tiles and displays of the six experiments."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.visual_search import EXPERIMENTS, array_trials, array_trials_from_tiles, tiles
from symplast.visual_search.displays import reduce_size


def test_mean_grey_of_tiles():
    for curved, (diagonal, straight) in ((True, (33.39, 33.42)), (False, (24.00, 23.91))):
        found = [tile.mean() for tile in tiles.curvature(curved)]
        assert found[::2] == pytest.approx([diagonal] * 2, abs=0.6)
        assert found[1::2] == pytest.approx([straight] * 2, abs=0.005)
    assert tiles.shading("bottom").mean() == pytest.approx(96.787, abs=1e-3)
    for made, mean in ((tiles.crossing(False), 213.505), (tiles.crossing(True), 212.895),
                       (tiles.letter("L"), 212.895), (tiles.letter("T"), 214.108)):  # fmt: skip
        assert [tile.mean() for tile in made] == pytest.approx([mean] * 4, abs=1e-3)
    assert [tiles.bar(a).mean() for a in (0, -20, 40, 80)] == pytest.approx([226.08] * 4, abs=0.6)
    assert (tiles.curvature(True)[1] == 255).sum() == 302


def test_shading_is_turned_and_flipped():
    bottom = tiles.shading("bottom")
    assert bottom[28, 15] > bottom[2, 15]
    assert (tiles.shading("top") == bottom[::-1]).all()
    assert (tiles.shading("right") == bottom.T).all()
    assert (tiles.shading("left") == bottom.T[:, ::-1]).all()


@pytest.mark.parametrize("degrees", [90, -90, 180])
def test_quarter_turns_move_pixels(degrees):
    tile = tiles.curvature(False)[3]
    turned = tiles.rotate(tile, degrees, 0)
    assert set(np.unique(turned)) <= {0, 255}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_displays(name):
    which = EXPERIMENTS[name]
    for condition in which.conditions:
        made = array_trials(name, condition, which.set_sizes[-1], n=2, seed=1)
        assert made.image.shape == (2, which.side, which.side)
        assert made.target.shape == (2, which.tile, which.tile)
        assert made.regions.max() == which.grid**2 - 1
        cell = which.side // which.grid
        for image, target, places, corners in zip(
            made.image, made.target, made.item_regions, made.corners, strict=True
        ):
            assert len(set(places)) == which.set_sizes[-1]
            row, column = corners[0]
            assert (image[row : row + which.tile, column : column + which.tile] == target).all()
            for place, (row, column) in zip(places, corners, strict=True):
                assert 0 <= row - (place // which.grid) * cell < which.jitter
                assert 0 <= column - (place % which.grid) * cell < which.jitter
        assert (made.target_region == made.item_regions[:, 0]).all()
        empty = np.setdiff1d(np.arange(which.grid**2), made.item_regions[0])
        for place in empty:
            # an item reaches over its cell by a few px at most
            inside = made.image[0][made.regions == place].reshape(cell, cell)
            assert np.median(inside) == which.background


def test_a_trial_does_not_depend_on_how_many_are_asked_for():
    few, many = (array_trials("orientation-mixed", "hetero_t20", 12, n=n, seed=3) for n in (1, 3))
    assert (few.image[0] == many.image[0]).all()
    assert not (many.image[0] == many.image[1]).all()


def test_mixed_distractors_differ():
    made = array_trials("orientation-mixed", "hetero_t0", 8, n=1)
    items = {made.image[0][r : r + 69, c : c + 69].tobytes() for r, c in made.corners[0]}
    assert len(items) == 8


def test_versions_go_in_turn():
    made = array_trials("curvature", "line_in_curves", 32, n=2)
    tiles_ = [tile.tobytes() for tile in tiles.curvature(True)]
    counts = np.zeros(4, int)
    for r, c in made.corners[0][1:]:
        counts[tiles_.index(made.image[0][r : r + 48, c : c + 48].tobytes())] += 1
    assert counts.min() >= 7


def test_half_resolution():
    made = array_trials("lighting", "left_right", 12, n=1, px_per_deg=15)
    assert made.image.shape == (1, 99, 99)
    assert made.target.shape == (1, 15, 15)
    assert made.cell == 24
    assert made.regions.max() == 15


@given(side=st.integers(1, 20), level=st.integers(0, 255))
@settings(max_examples=20, deadline=None)
def test_reduction_keeps_a_constant(side, level):
    assert (reduce_size(np.full((31, 31), level, np.uint8), side) == level).all()


def test_reduction_of_31_to_15_is_area_weighted():
    x = np.zeros((31, 31), np.uint8)
    x[:, 2] = 255  # px 2 lies 1/15 in the first output px (2.0667 wide) and 14/15 in the second
    assert reduce_size(x, 15)[0, :3].tolist() == [round(255 / 15 / 31 * 15), round(255 * 14 / 31), 0]


def test_masks():
    made = array_trials("lighting", "left_right", 6, n=2)
    region, item = made.target_masks(), made.target_masks("item")
    assert region[0].sum() == made.cell**2
    row, column = made.corners[0, 0]
    assert item[0, row, column]
    assert not (region[0] == item[0]).all()
    with pytest.raises(ValueError, match="truth must be"):
        made.target_masks("tile")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: array_trials("colour", "a", 1), "experiment must be one of curvature"),
        (lambda: array_trials("lighting", "cross", 1), "condition must be one of left_right, top_down"),
        (lambda: array_trials("lighting", "left_right", 17), "set_size must be at most 16"),
        (lambda: array_trials("lighting", "left_right", 0), "set_size must be a whole number"),
        (lambda: array_trials("lighting", "left_right", 1, px_per_deg=60), "px_per_deg must lie in 1 to 30"),
        (lambda: array_trials_from_tiles([], [np.zeros((4, 4))], 2), "must hold at least one"),
        (lambda: array_trials_from_tiles([np.zeros((4, 4))], [np.zeros((5, 5))], 2), "square and of one shape"),
        (lambda: array_trials_from_tiles([np.zeros((80, 80))], [np.zeros((80, 80))], 2), "cell_px must leave room"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
