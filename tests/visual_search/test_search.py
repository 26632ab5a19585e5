"""The search itself: inhibition, ties, recognition, footprints, and what must not change a result."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.visual_search import Backbone, Preprocessing, Rules, SearchModel, array_trials, cell_labels, lit_model
from symplast.visual_search import saccades as searching
from symplast.visual_search.attention import merge

NET = Backbone.conv((4, 6, 8), key=jax.random.key(0))
SIDE, GRID = 64, 4
LABELS = cell_labels(SIDE, GRID, 16)


def scene(seed=0):
    draw = np.random.default_rng(seed)
    image = np.full((SIDE, SIDE), 20, np.uint8)
    for cell in range(0, 16, 2):
        r, c = 16 * (cell // 4) + 3, 16 * (cell % 4) + 3
        image[r : r + 10, c : c + 10] = draw.integers(0, 255, (10, 10))
    return image, image[3:13, 35:45]  # the target is in cell 2


MODEL = SearchModel(NET, px_per_deg=15, margin=16, background=20)


def test_a_blank_search_sweeps_the_cells_in_order():
    net = Backbone(NET.blocks, None, Preprocessing((20.0,), (1.0,)))  # biases are 0, and so is the background
    model = SearchModel(net, px_per_deg=15, margin=16, background=20)
    image = np.full((SIDE, SIDE), 20, np.uint8)
    for k in (0, 5, 15):
        with pytest.warns(UserWarning, match="blank stimulus"):
            found = model.search(image, image[:10, :10], LABELS, k)
        assert found.visited_regions.tolist() == list(range(k + 1))
        assert found.n_saccades == k + 1
        assert found.found
    # the first px of each cell wins ties
    assert found.fixations[1].tolist() == [0, 0]
    assert found.fixations[2].tolist() == [0, 16]


def test_no_region_is_visited_twice_and_the_target_ends_the_search():
    image, target = scene()
    found = MODEL.search(image, target, LABELS, 2)
    assert len(set(found.visited_regions)) == found.n_saccades
    assert found.visited_regions[-1] == 2
    assert found.fixations[0].tolist() == [32, 32]
    assert (LABELS[tuple(found.fixations[1:].T)] == found.visited_regions).all()


def test_a_search_that_does_not_find():
    image, target = scene()
    found = MODEL.search(image, target, LABELS, 15, max_saccades=1)
    if found.visited_regions[0] != 15:
        assert not found.found
        assert found.n_saccades == 1


def test_footprints_change_nothing():
    image, target = scene(1)
    for gaze in ([32, 32], [0, 0], [63, 10]):
        fast = MODEL.search(image, target, LABELS, 2, start=gaze, keep_maps=True, footprint=True)
        slow = MODEL.search(image, target, LABELS, 2, start=gaze, keep_maps=True, footprint=False)
        np.testing.assert_allclose(fast.attention[0], slow.attention[0], atol=3e-6 * slow.attention[0].max())


def test_maps_kept_or_not_the_path_is_the_same():
    image, target = scene(2)
    kept, not_kept = (MODEL.search(image, target, LABELS, 2, keep_maps=keep) for keep in (True, False))
    assert (kept.fixations == not_kept.fixations).all()
    assert kept.attention.shape == (kept.n_saccades, SIDE, SIDE)
    np.testing.assert_allclose(kept.attention[0], MODEL.attention(image, target), atol=1e-5)
    first = np.unravel_index(np.where(LABELS >= 0, kept.attention[0], -1).argmax(), (SIDE, SIDE))
    assert list(first) == kept.fixations[1].tolist()


def test_recognition_by_patch_sees_a_neighbour():
    image, target = scene()
    mask = np.zeros((SIDE, SIDE), bool)
    mask[0, 0] = True
    near = MODEL.search(image, target, LABELS, target_mask=mask, rules=Rules("patch", patch=200))
    assert near.n_saccades == 1
    assert near.found


def test_free_viewing():
    image, target = scene()
    mask = np.zeros((SIDE, SIDE), bool)
    mask[3:13, 35:45] = True
    at_start = MODEL.search(image, target, target_mask=mask, start=[8, 40], rules=Rules("patch", patch=8, ior=8))
    assert at_start.found
    assert at_start.n_saccades == 0
    found = MODEL.search(image, target, target_mask=mask, rules=Rules("patch", patch=8, ior=16), max_saccades=30)
    assert (found.visited_regions == -1).all()
    for i, one in enumerate(found.fixations):
        for other in found.fixations[:i]:
            assert np.abs(one - other).max() >= 8


def test_images_that_are_not_square():
    image, target = scene()
    wide = np.hstack([image, image[:, :32]])
    found = MODEL.search(wide, target, np.hstack([LABELS, LABELS[:, :32] + 16]), 2)
    assert found.found


def test_colour_and_grey_are_the_same_for_equal_channels():
    net = Backbone.conv((4, 6), in_channels=3, key=jax.random.key(1))
    model = SearchModel(net, px_per_deg=15, margin=16, background=20)
    image, target = scene()
    grey = model.attention(image, target)
    colour = model.attention(np.repeat(image[..., None], 3, -1), np.repeat(target[..., None], 3, -1))
    np.testing.assert_allclose(grey, colour, atol=1e-5)


def test_cosine_does_not_care_for_energy():
    S, T = (
        np.abs(np.random.default_rng(i).standard_normal(s)).astype(np.float32)
        for i, s in enumerate(((8, 8, 3), (1, 1, 3)))
    )
    from symplast.visual_search import match_map

    np.testing.assert_allclose(match_map(jnp.asarray(7 * S), jnp.asarray(T), "cosine"),
                               match_map(jnp.asarray(S), jnp.asarray(T), "cosine"), rtol=1e-4)  # fmt: skip


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turning_everything_turns_the_map(quarters):
    draw = np.random.default_rng(3)
    image = draw.integers(0, 256, (96, 96)).astype(np.uint8)
    target = image[:24, :24]

    def attention(k):
        model = SearchModel(NET.turned(k), px_per_deg=15, ecc=False, pool="avg", margin=32, background=127)
        return model.attention(np.rot90(image, k), np.rot90(target, k))

    first = attention(0)
    assert np.abs(np.rot90(attention(quarters), -quarters) - first).max() <= 1e-5 * first.max()


def test_one_program_for_all_searches_of_a_size():
    calls = 0
    original = searching.merge

    def counted(*args):
        nonlocal calls
        calls += 1
        return original(*args)

    model = SearchModel(NET, px_per_deg=15, margin=15, background=21)  # a setting of its own
    searching.merge = counted
    try:
        for seed, region in ((0, 2), (1, 4), (2, 6)):
            image, target = scene(seed)
            model.search(image, target, LABELS, region, start=[seed, 5])
    finally:
        searching.merge = original
    assert calls == 1
    assert merge is original


def test_both_precisions_find_the_same():
    displays = array_trials("lighting", "top_down", 6, n=1, px_per_deg=15)
    narrow = lit_model(Backbone.conv(key=jax.random.key(0))).attention(displays.image[0], displays.target[0])
    with jax.enable_x64(True):
        net = Backbone.conv(key=jax.random.key(0))
        assert net.dtype == np.float64
        wide = lit_model(net).attention(displays.image[0], displays.target[0])
        assert wide.dtype == np.float64
    np.testing.assert_allclose(narrow, wide, atol=1e-4 * wide.max())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.zeros((3, 4, 5, 6))}, r"image must be \(height, width\)"),
        ({"image": np.zeros((64, 64, 4))}, r"image must be \(height, width\)"),
        ({"image": np.full((64, 64), np.nan)}, "image must be finite"),
        ({"image": np.full((64, 64), 300)}, "image must lie in 0 to 255"),
        ({"image": np.random.default_rng(0).uniform(0, 1, (64, 64))}, "multiply it by 255"),
        ({"target": np.zeros((65, 3))}, "target must be no larger"),
        ({"regions": LABELS[:5]}, "regions must have the image's shape"),
        ({"regions": LABELS + 0.5}, "regions must be whole numbers"),
        ({"regions": np.full((64, 64), -1)}, "regions must be labels from 0 on"),
        ({"target_region": 77}, "target_region must be a label of regions"),
        ({"target_region": None}, "target_region"),
        ({"start": [64, 0]}, "start must be row and column inside the image"),
        ({"max_saccades": 0}, "max_saccades"),
    ],
)
def test_wrong_input(change, message):
    image, target = scene()
    given = {"image": image, "target": target, "regions": LABELS, "target_region": 2} | change
    with pytest.raises(ValueError, match=message):
        MODEL.search(**given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": (4,)}, "levels must lie in 1 to 3"),
        ({"levels": "all"}, "levels must be last3, last"),
        ({"match": "euclid"}, "match must be dot or cosine"),
        ({"background": 300}, "background must lie"),
        ({"growth": (0.1,)}, "growth must have a number for each of 3 blocks"),
        ({"px_per_deg": 1}, "px_per_deg must be at least 4"),
        ({"level_weights": "none"}, "level_weights must be max or equal"),
    ],
)
def test_wrong_settings(change, message):
    with pytest.raises(ValueError, match=message):
        SearchModel(NET, **({"px_per_deg": 15} | change))


def test_a_coloured_image_needs_a_coloured_backbone():
    image, target = scene()
    colour = np.stack([image, image, 255 - image], axis=-1)
    with pytest.raises(ValueError, match="grey for a backbone of one channel"):
        MODEL.search(colour, target, LABELS, 2)
