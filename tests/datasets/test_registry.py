import re

import pytest

from symplast import datasets


def test_names_and_order():
    assert datasets.names() == ("digits", "mnist", "fashion-mnist", "scaling-laws", "curl-descent")


@pytest.mark.parametrize("name", datasets.names())
def test_entries_are_complete(name):
    info = datasets.describe(name)
    assert info.name == name
    assert all([info.title, info.licence, info.terms, info.citation, info.home.startswith("http")])
    assert info.built_in == (name == "digits")
    assert info.size == sum(file.size for file in info.files)
    for file in info.files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.size > 0
        assert file.urls or "no public address" in info.terms
        assert all(url.startswith(("https://", "http://")) for url in file.urls)
    assert len({file.holds for file in info.files}) == len(info.files)
    if info.reader == "idx":
        assert {file.holds for file in info.files} == {"train_images", "train_labels", "test_images", "test_labels"}


@pytest.mark.parametrize(
    "call", [datasets.describe, datasets.load, datasets.available, datasets.folder, datasets.check]
)
def test_unknown_name_is_answered_with_the_known_ones(call):
    with pytest.raises(
        ValueError, match="name must be one of digits, mnist, fashion-mnist, scaling-laws, curl-descent, got 'minst'"
    ):
        call("minst")


def test_a_file_without_an_address_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("SYMPLAST_DATA", raising=False)
    monkeypatch.setenv("SYMPLAST_CACHE", str(tmp_path))
    with pytest.raises(
        datasets.DatasetUnavailable, match=r"put phase_boundary.csv into a folder .* can't be downloaded"
    ):
        datasets.load("curl-descent")
    with pytest.raises(datasets.DatasetUnavailable, match="can't be downloaded"):
        datasets.folder("curl-descent", download=False)
