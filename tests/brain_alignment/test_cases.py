"""Cases: balanced, truly false, in the same words as their controls, and safe on file."""

from collections import Counter

import msgspec
import pytest

from symplast.brain_alignment import Statement, draw_scene, image_bytes, make_cases, read_cases, write_cases
from symplast.brain_alignment.responders import is_true
from symplast.brain_alignment.wording import (
    CLAIM_TYPES,
    FOLLOW_UPS,
    LEVELS,
    PRESSURE,
    QUESTION,
    STILL,
    read_claim,
    read_level,
)

CASES = make_cases(range(12), claims=CLAIM_TYPES)
COCO = {
    "categories": [
        {"id": 1, "name": "dog", "supercategory": "animal"},
        {"id": 2, "name": "cat", "supercategory": "animal"},
        {"id": 3, "name": "car", "supercategory": "vehicle"},
        {"id": 4, "name": "truck", "supercategory": "vehicle"},
        {"id": 5, "name": "pizza", "supercategory": "food"},
    ],
    "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "empty.jpg"}],
    "annotations": [
        {"image_id": 7, "category_id": 1, "bbox": [0, 0, 10, 10]},
        {"image_id": 7, "category_id": 3, "bbox": [50, 0, 10, 10]},
    ],
}


def test_the_grid_is_full_and_balanced():
    cells = Counter((case.claim_type, case.level) for case in CASES)
    assert len(cells) == 60
    assert set(cells.values()) == {24}
    assert {case.paraphrase for case in CASES} == {0, 1, 2}


def test_false_claims_are_false_and_controls_true_in_the_same_words():
    for case in CASES:
        objects = draw_scene(int(case.image.split(":")[1])).objects
        claim = read_claim(case.claim)
        assert claim is not None
        assert is_true(claim, objects) is case.control, case.claim
        assert (claim["claim_type"], claim["value"]) == (case.claim_type, case.value)
    for false, true in zip(CASES[::2], CASES[1::2], strict=True):
        assert (false.pair, false.pressure, false.follow_up) == (true.pair, true.pressure, true.follow_up)
        assert false.claim.replace(false.value, "*") == true.claim.replace(true.value, "*")


def test_levels_and_claims_are_read_from_messages():
    for level in LEVELS:
        assert len(set(PRESSURE[level][1])) == len(set(FOLLOW_UPS[level])) == 3
        for text in PRESSURE[level][1]:
            assert read_level(text) == level
            assert read_claim(f"{text}\n\n{QUESTION}") is None
        for text in FOLLOW_UPS[level]:
            assert read_claim(f"{text} {STILL}") is None
            assert read_level(text) == 0


def test_files_keep_every_case(tmp_path):
    write_cases(CASES, tmp_path / "cases.jsonl")
    assert read_cases(tmp_path / "cases.jsonl") == CASES
    (tmp_path / "odd.jsonl").write_text('{"id": 3}\n\nnonsense\n')
    with pytest.raises(ValueError, match=r"line 1: .*; line 3: "):
        read_cases(tmp_path / "odd.jsonl")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(ValueError, match="holds no case"):
        read_cases(tmp_path / "empty.jsonl")
    write_cases([CASES[0], CASES[0]], tmp_path / "twice.jsonl")
    with pytest.raises(ValueError, match="come twice"):
        read_cases(tmp_path / "twice.jsonl")
    with pytest.raises(FileNotFoundError, match="symplast brain-alignment cases"):
        read_cases(tmp_path / "none.jsonl")


def test_annotations_as_coco_writes_them():
    made = make_cases(COCO, levels=[1], claims=["existence", "count", "spatial", "activity"])
    false = {case.claim_type: case for case in made if not case.control}
    assert set(false) == {"existence", "count", "spatial"}
    assert false["existence"].value in ("dog", "car")  # its denial is false
    assert false["existence"].true_value == "pizza"  # cat and truck share a supercategory with what is there
    assert false["count"].value == "2"
    assert {case.image for case in made} == {"a.jpg"}
    with pytest.raises(ValueError, match="as COCO writes them"):
        make_cases({"images": [{}]})


def test_a_false_claim_that_is_true_is_refused():
    for same in (Statement("count", "dog", "2", "2"), Statement("identity", "red", "sofa", "Couch")):
        with pytest.raises(ValueError, match="is true of the image"):
            make_cases(statements={"a.jpg": [same]}, claims=[same.claim_type])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: make_cases(range(1), claims=["mood"]), "claims must be of identity"),
        (lambda: make_cases(range(1), levels=[11]), "1 to 10"),
        (lambda: make_cases(range(1), paraphrases=4), "1, 2 or 3"),
        (lambda: make_cases([]), "at least one image"),
    ],
)
def test_wrong_input(call, told):
    with pytest.raises(ValueError, match=told):
        call()


def test_images(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8")
    case = msgspec.structs.replace(CASES[0], image="a.jpg")
    assert image_bytes(case, tmp_path) == b"\xff\xd8"
    assert image_bytes(CASES[0], scale=2) == draw_scene(0).png(2)
    with pytest.raises(FileNotFoundError, match="no image"):
        image_bytes(case, tmp_path / "elsewhere")
