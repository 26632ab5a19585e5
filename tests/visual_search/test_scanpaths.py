"""Scores of scanpaths, and the tables that they come from."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.visual_search import read_regions, read_scanpaths, read_trials
from symplast.visual_search.scanpaths import amplitudes, cumulative, distance_to_target, scanmatch
from symplast.visual_search.trial_files import read_tasks


def test_padding_is_ignored():
    fix = np.zeros((2, 5, 2))
    fix[0, :3] = [[0, 0], [0, 10], [0, 30]]
    fix[1, :2] = [[5, 5], [5, 6]]
    found = amplitudes(fix, [3, 2], 1.0)
    assert [row.tolist() for row in found] == [[20.0], []]
    away = distance_to_target(fix, [3, 2], [[0, 30], [5, 5]], last=3, px_to_deg=1.0)
    np.testing.assert_array_equal(away, [[0, 20, 30], [1, 0, np.nan]])


def test_found_by():
    share, error = cumulative([0, 1, -1, 3], 3)
    assert share.tolist() == [0.25, 0.5, 0.5, 0.75]
    assert error[1] == pytest.approx(0.25)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_a_path_is_most_like_itself(path):
    other = [(99 - r, c) for r, c in path]
    assert scanmatch(path, path, (100, 100)) == pytest.approx(1)
    assert scanmatch(path, other, (100, 100)) == pytest.approx(scanmatch(other, path, (100, 100)))
    assert 0 <= scanmatch(path, other, (100, 100)) <= 1 + 1e-12


def test_alignment_against_plain_needleman_wunsch():
    draw = np.random.default_rng(0)
    a, b = draw.uniform(0, 100, (6, 2)), draw.uniform(0, 100, (4, 2))
    bins, reach = np.array([8, 12]), 3.5
    A, B = (np.floor(p * bins / 100) for p in (a, b))
    table = np.zeros((7, 5))
    for i in range(1, 7):
        for j in range(1, 5):
            pair = reach - np.linalg.norm(A[i - 1] - B[j - 1])
            table[i, j] = max(table[i - 1, j - 1] + pair, table[i - 1, j], table[i, j - 1])
    assert scanmatch(a, b, (100, 100)) == pytest.approx(table[-1, -1] / (reach * 6))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cumulative([0.5], 2), "found_at must be whole numbers"),
        (lambda: amplitudes(np.zeros((2, 3)), [1, 1]), "fixations must be"),
        (lambda: amplitudes(np.zeros((1, 3, 2)), [4]), "n must be whole numbers"),
        (lambda: amplitudes(np.full((1, 3, 2), np.nan), [2]), "fixations must be finite"),
        (lambda: scanmatch([], [[0, 0]], (10, 10)), "first must be"),
        (lambda: scanmatch([[0, 0]], [[0, 0]], (0, 10)), "screen must be two numbers above 0"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_messy_tables_of_trials(tmp_path):
    path = tmp_path / "rt.csv"
    path.write_bytes("\ufeffCondition;Set size;RT (s);\r\nH;1;0,5;\r\nH;6;0,75;\r\n".encode())
    found, decided = read_trials(path)
    assert found.rt_ms.tolist() == [500, 750]
    assert found.set_size.tolist() == [1, 6]
    assert any("decimal commas" in word for word in decided)
    path.write_text("condition,set_size,n_saccades,found\nH,1,1,1\nH,6,4,0\n")
    found, _ = read_trials(path)
    assert found.rt_ms.tolist() == pytest.approx([628.63, 1385.707])
    assert found.found.tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("condition,rt_ms\nH,500\n", "must have the columns set_size"),
        ("condition,set_size\nH,5\n", "rt_ms or n_saccades"),
        ("condition,set_size,rt_ms\nH,1,500\nH,6,-3\n", "line 3: rt_ms must be above 0, got -3"),
        ("condition,set_size,rt_ms\nH,1,0.5\nH,6,0.7\n", "name the column rt \\(s\\)"),
        (
            "condition,set_size,rt_ms\n,1.5,500\n",
            "2 problems: line 2: condition is empty; line 2: set_size must be a whole",
        ),
        ("condition,set_size,rt_ms\nH,1,fast\n", "fast"),
        ("condition,set_size,n_saccades,found\nH,1,1,maybe\n", "found must be 0 or 1, got maybe"),
    ],
)
def test_wrong_tables_of_trials(tmp_path, text, message):
    path = tmp_path / "rt.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_trials(path)


def test_scanpath_files(tmp_path):
    path = tmp_path / "fix.csv"
    path.write_text("trial,fixation,row,col,found\na,1,5,6,0\na,0,1,2,0\nb,0,3,3,1\n")
    found, _ = read_scanpaths(path)
    assert found.paths["a"].tolist() == [[1, 2], [5, 6]]
    assert found.found_at == {"a": -1, "b": 0}
    path.write_text("trial,fixation,row,col\na,0,5,6\na,0,1,2\n")
    with pytest.raises(ValueError, match="two fixations of one number"):
        read_scanpaths(path)
    coco = tmp_path / "fix.json"
    trial = {
        "name": "1.jpg",
        "task": "cup",
        "subject": 2,
        "X": [10.0, 50.0],
        "Y": [20.0, 60.0],
        "bbox": [45, 55, 10, 10],
    }
    coco.write_text(json.dumps([trial, trial | {"subject": 3, "X": [1.0, 2.0]}]))
    found, _ = read_scanpaths(coco)
    assert found.paths["1.jpg/cup/2"].tolist() == [[20, 10], [60, 50]]
    assert found.found_at == {"1.jpg/cup/2": 1, "1.jpg/cup/3": -1}
    coco.write_text(json.dumps([{"X": [1]}, trial, trial]))
    with pytest.raises(ValueError, match="2 problems: trial 1: lacks 'Y'"):
        read_scanpaths(coco)


def test_regions_in_files(tmp_path):
    from PIL import Image

    levels = np.array([[0, 1], [2, 2]], np.uint8)
    Image.fromarray(levels).save(tmp_path / "r.png")
    assert read_regions(tmp_path / "r.png", (2, 2)).tolist() == [[-1, 0], [1, 1]]
    np.save(tmp_path / "r.npy", levels.astype(int) - 1)
    assert read_regions(tmp_path / "r.npy", (2, 2)).tolist() == [[-1, 0], [1, 1]]
    (tmp_path / "r.csv").write_text("region,top,left,bottom,right\n0,0,0,2,2\n3,2,2,4,4\n")
    assert (read_regions(tmp_path / "r.csv", (4, 4)) == [[0, 0, -1, -1]] * 2 + [[-1, -1, 3, 3]] * 2).all()
    (tmp_path / "r.csv").write_text("region,top,left,bottom,right\n0,0,0,2,2\n1,1,1,3,3\n2,0,0,9,1\n")
    with pytest.raises(ValueError, match="line 3: the box lies on another one; line 4: the box must lie in the image"):
        read_regions(tmp_path / "r.csv", (4, 4))


def test_tables_of_searches(tmp_path):
    for name in ("a.png", "t.png"):
        (tmp_path / name).write_bytes(b"")
    path = tmp_path / "trials.csv"
    path.write_text("image,target,set_size,start_row\na.png,t.png,4,\nb.png,t.png,x,3\n")
    with pytest.raises(ValueError, match=r"3 problems: line 3: no file .*b.png \(image\); line 3: set_size must be"):
        read_tasks(path)
    path.write_text("image,target,set_size\na.png,t.png,4\n")
    rows, _ = read_tasks(path)
    assert rows[0].set_size == 4
    assert rows[0].start is None
