import re

import msgspec
import pytest

from symplast import datasets
from symplast.datasets.reductions import REDUCTIONS

NO_ADDRESS = ("modular-addition", "visual-search")


def test_names_and_order():
    assert datasets.names() == (
        "digits",
        "digits-28",
        "mnist-5k",
        "mnist",
        "fashion-mnist",
        "scaling-laws",
        "curl-descent",
        "molecular-networks",
        "modular-addition",
        "visual-search",
        "mni152",
    )


@pytest.mark.parametrize("name", datasets.names())
def test_entries_are_complete(name):
    info = datasets.describe(name)
    assert info.name == name
    assert all([info.title, info.licence, info.terms, info.citation, info.home.startswith("http")])
    assert info.built_in == (name in ("digits", "digits-28", "mnist-5k", "mni152"))
    assert info.built_in == bool(info.division) == bool(info.arrays) == (not info.files)
    assert info.size == sum(file.size for file in info.files)
    for file in info.files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.size > 0
        assert not (file.urls and file.originals)
        # tables of TCGA, the authors' checkpoints and saccade counts, re-packed by hand, have no address
        assert file.urls or file.originals or file.name.startswith("tcga_") or name in NO_ADDRESS
        assert not file.originals or file.name in REDUCTIONS
        for each in (file, *file.originals):
            assert all(url.startswith(("https://", "http://")) for url in each.urls)
    assert len({file.holds for file in info.files}) == len(info.files)
    if info.reader == "idx":
        assert {file.holds for file in info.files} == {"train_images", "train_labels", "test_images", "test_labels"}


@pytest.mark.parametrize(
    "call", [datasets.describe, datasets.load, datasets.available, datasets.folder, datasets.check]
)
def test_unknown_name_is_answered_with_the_known_ones(call):
    with pytest.raises(
        ValueError,
        match=f"name must be one of {', '.join(datasets.names())}, got 'minst'",
    ):
        call("minst")


def test_two_versions_of_a_data_set_have_different_hashes():
    hashes = {name: datasets.describe(name).sha256 for name in datasets.names()}
    assert len(set(hashes.values())) == len(hashes)
    digits = datasets.describe("digits")
    changed = msgspec.structs.replace(digits, arrays=digits.arrays | {"images": "0" * 64})
    assert changed.sha256 != digits.sha256
