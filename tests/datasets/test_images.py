import gzip
import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from symplast import datasets
from symplast.datasets import DataError, Images
from symplast.datasets.images import read_idx

# From the publishers' files, checked against their MD5 sums: first labels, images per class, SHA-256 of the arrays.
PUBLISHED = {
    "mnist": {
        "train_labels": (
            [5, 0, 4, 1, 9, 2, 1, 3, 1, 4],
            "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        ),
        "test_labels": (
            [7, 2, 1, 0, 4, 1, 4, 9, 5, 9],
            "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
        ),
        "train_images": (None, "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"),
        "test_images": (None, "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161"),
        "classes": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        "mean": 0.13066,
    },
    "fashion-mnist": {
        "train_labels": (
            [9, 0, 0, 3, 0, 2, 7, 2, 5, 5],
            "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        ),
        "test_labels": (
            [9, 2, 1, 1, 6, 1, 4, 6, 5, 7],
            "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
        ),
        "train_images": (None, "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012"),
        "test_images": (None, "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a"),
        "classes": [6000] * 10,
        "mean": 0.28604,
    },
}


def write_idx(path, array, kind=8):
    header = struct.pack(">BBBB", 0, 0, kind, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))
    return path


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.uint8, hnp.array_shapes(max_dims=4, max_side=6)))
def test_idx_round_trip(tmp_path_factory, array):
    path = write_idx(tmp_path_factory.mktemp("idx") / "a.gz", array)
    read = read_idx(path)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"not gzip", "not a whole gzip file"),
        (gzip.compress(b"\0\0\x08\x01" + b"\0\0\0\x05abcde")[:-12], "not a whole gzip file"),
        (gzip.compress(b"ab"), "not an IDX file"),
        (gzip.compress(b"\0\0\x0d\x01" + b"\0\0\0\x01abcd"), "not an IDX file of unsigned bytes"),
        (gzip.compress(b"\0\0\x08\x01" + b"\0\0\0\x05abc"), r"header says shape \(5,\), but it holds 3 values"),
        (gzip.compress(b"\0\0\x08\x03" + b"\0\0\0\x05"), "header"),
    ],
    ids=["not gzip", "cut short", "no header", "wrong type", "wrong size", "half a header"],
)
def test_broken_idx_files_are_refused(tmp_path, content, told):
    path = tmp_path / "broken.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=told) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_images(name):
    if not datasets.available(name):
        pytest.skip(f"{name} is not here; symplast data fetch {name}")
    images, published = datasets.load(name), PUBLISHED[name]
    assert images.train_images.shape == (60_000, 28, 28)
    assert images.test_images.shape == (10_000, 28, 28)
    for part in ("train_images", "train_labels", "test_images", "test_labels"):
        first, digest = published[part]
        array = getattr(images, part)
        assert first is None or array[:10].tolist() == first
        assert hashlib.sha256(array.tobytes()).hexdigest() == digest
    assert np.bincount(images.train_labels).tolist() == published["classes"]
    assert images.train_images.mean() / images.max_value == pytest.approx(published["mean"], abs=5e-6)


def test_digits_split():
    from sklearn.datasets import load_digits

    digits, bunch = datasets.load("digits"), load_digits()
    assert digits.train_images.shape == (1442, 8, 8)
    assert digits.test_images.shape == (355, 8, 8)
    assert (digits.max_value, digits.train_images.max()) == (16, 16)
    assert np.bincount(digits.train_labels).tolist() == [143, 146, 142, 147, 145, 146, 145, 144, 140, 144]
    assert np.bincount(digits.test_labels).tolist() == [35, 36, 35, 36, 36, 36, 36, 35, 34, 36]
    # The first test image is the fifth of its class in file order, and every image is in exactly one part.
    fifth_zero = np.flatnonzero(bunch.target == 0)[4]
    zeros = digits.test_images[digits.test_labels == 0]
    np.testing.assert_array_equal(zeros[0], bunch.images[fifth_zero])
    both = np.concatenate([digits.train_images, digits.test_images]).reshape(1797, -1)
    np.testing.assert_array_equal(
        both[np.lexsort(both.T)], bunch.data[np.lexsort(bunch.data.astype(np.uint8).T)].astype(np.uint8)
    )


def test_another_scikit_learn_is_noticed(monkeypatch):
    import sklearn.datasets

    bunch = sklearn.datasets.load_digits()
    bunch.images[3, 4, 5] += 1
    monkeypatch.setattr(sklearn.datasets, "load_digits", lambda: bunch)
    with pytest.raises(DataError, match=r"digits \(images\) of scikit-learn .* expected SHA-256 8f26b2bd"):
        datasets.load("digits")


def test_arrays_are_read_only():
    digits = datasets.load("digits")
    with pytest.raises(ValueError, match="read-only"):
        digits.train_images[0, 0, 0] = 1


def test_images_without_their_labels_are_refused():
    images, labels = np.zeros((3, 2, 2), np.uint8), np.zeros(3, np.uint8)
    with pytest.raises((ValueError, TypeError)):
        Images(images, labels[:2], images, labels, max_value=255, name="x", source="y")


def test_tables():
    if not datasets.available("scaling-laws"):
        pytest.skip("scaling-laws is not here; symplast data fetch scaling-laws")
    tables = datasets.load("scaling-laws")
    assert tables["isoflops"].shape == (947, 11)
    assert tables["chinchilla_figure4"].shape == (245, 7)
    assert tables["isoflops"]["experiment"].value_counts()["misfitting__fineweb_c4__transformer"] == 176
    assert {"Model Size", "Training FLOP", "loss"} <= set(tables["chinchilla_figure4"])
