"""SceneWorld: bytes are fixed, truth is read back from them."""

import hashlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from symplast.brain_alignment import draw_scene, read_scene
from symplast.brain_alignment.scenes import RGB, decode_png, encode_png, render
from symplast.brain_alignment.tiny_vlm import cell_pictures, picture_cells, scene_cells


@given(st.integers(), st.integers(1, 14))
def test_a_scene_is_read_back_from_its_bytes(seed, scale):
    scene = draw_scene(seed)
    assert read_scene(scene.png(scale)) == scene.objects
    kinds = [o.kind for o in scene.objects]
    assert len(set(kinds)) == 3
    assert len({o.colour for o in scene.objects}) == 3
    assert 3 <= len(kinds) <= 8


def test_bytes_are_fixed_and_others_read_them():
    first = draw_scene(0).png()
    assert hashlib.sha256(first).hexdigest() == hashlib.sha256(draw_scene(0).png()).hexdigest()
    picture = np.asarray(Image.open(io.BytesIO(draw_scene(7).png(3))).convert("RGB"))
    expected = np.array(RGB, np.uint8)[render(draw_scene(7).objects)].repeat(3, 0).repeat(3, 1)
    np.testing.assert_array_equal(picture, expected)


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", encode_png(np.ones((24, 24), np.uint8))[:-30]])
def test_other_bytes_are_refused(data):
    with pytest.raises(ValueError, match="no picture of SceneWorld"):
        read_scene(data)


def test_other_pictures_are_refused():
    with pytest.raises(ValueError, match="no picture of SceneWorld"):
        read_scene(encode_png(np.ones((24, 24), np.uint8)))
    stream = io.BytesIO()
    Image.new("RGB", (24, 24)).save(stream, "PNG")
    with pytest.raises(ValueError, match="no picture of SceneWorld"):
        decode_png(stream.getvalue())


@pytest.mark.parametrize("seed", range(5))
def test_the_tiny_model_sees_the_same_pixels(seed):
    np.testing.assert_allclose(cell_pictures()[scene_cells(seed)], picture_cells(seed))
