"""Arrays in files: only what is asked for is read, and whatever is wrong with a file is a ValueError."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from symplast.datasets.arrays import EVERY, read_npy, read_npz

W = np.arange(12.0).reshape(3, 4)


def packed(path: Path, compress: bool = False, **arrays: np.ndarray) -> bytes:
    (np.savez_compressed if compress else np.savez)(path, **arrays)
    return path.read_bytes()


def member(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def header(shape: str, dtype: str = "<f8") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


@pytest.mark.parametrize("compress", [False, True])
def test_every_kind_of_array_comes_back(compress: bool, tmp_path: Path) -> None:
    arrays = {
        "W": W, "F": np.asfortranarray(W), "i": np.arange(3), "b": np.ones((2, 2), bool), "h": W.astype(np.float16),
        "u": np.arange(3, dtype=np.uint8),
        "text": np.array("record"), "scalar": np.array(2.5), "none": np.zeros((0, 3)),
    }  # fmt: skip
    packed(tmp_path / "x.npz", compress, **arrays)
    found = read_npz(tmp_path / "x.npz", {"W": "a matrix"}, may=EVERY)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    found["W"][0, 0] = 7.0  # one's own copy
    assert read_npz(tmp_path / "x.npz", {"W": ""}).others == tuple(name for name in arrays if name != "W")


@pytest.mark.parametrize("compress", [False, True])
def test_no_flipped_bit_ends_in_another_error_or_other_numbers(compress: bool, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    whole = bytearray(packed(path, compress, W=W, y=np.arange(3)))
    refused = 0
    for place in range(len(whole)):
        broken = whole.copy()
        broken[place] ^= 1 << (place % 8)
        path.write_bytes(broken)
        try:
            found = read_npz(path, {"W": "a matrix", "y": "classes"})
        except ValueError:
            refused += 1
        else:
            np.testing.assert_array_equal(found["W"], W)
            np.testing.assert_array_equal(found["y"], np.arange(3))
    assert refused > len(whole) / 4


def test_cut_files(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    whole = packed(path, W=W)
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(
            ValueError, match=r"must be an .npz of numpy.savez, with W a matrix; it can't be read as one"
        ):
            read_npz(path, {"W": "a matrix"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header("(99999999999, 99999)") + b"1234", "which the file does not hold"),
        (header("(1,)") + b"1234", "which the file does not hold"),
        (header("(-1,)"), "which the file does not hold"),
        (header("(10**9,)"), "damaged or of another kind"),
        (header("(1,)", "|O") + b"12345678", "pickled objects"),
        (header("(10,)", "|V0"), "which the file does not hold"),
        (member(W)[:-8], "which the file does not hold"),
        (member(W) + b"more", "which the file does not hold"),
        (b"\x93NUMPY\x03\x00\x00\x00", "unknown version"),
        (b"junk", "damaged or of another kind"),
        (b"", "damaged or of another kind"),
    ],
)
def test_headers_that_lie(content: bytes, message: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", {"W.npy": content})
    with pytest.raises(ValueError, match=message):
        read_npz(path, {"W": "a matrix"})
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_npy(tmp_path / "x.npy", "an array")


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    bomb = header(f"({1 << 26},)", "|u1") + bytes(1 << 26)
    path = archive(tmp_path / "x.npz", {"W.npy": member(W), "bomb.npy": bomb})
    assert path.stat().st_size < 1 << 17
    found = read_npz(path, {"W": "a matrix"}, most_bytes=1 << 20)
    assert found.others == ("bomb",)
    with pytest.raises(ValueError, match=r"its arrays take 0.063 GiB, more than 0.00098 GiB"):
        read_npz(path, {"bomb": "an array"}, most_bytes=1 << 20)
    np.save(tmp_path / "x.npy", np.zeros(1000))
    with pytest.raises(ValueError, match="more than"):
        read_npy(tmp_path / "x.npy", "an array", most_bytes=1000)


def test_members_that_are_no_arrays(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", {"W.npy": member(W), "README": b"text", "y": b"text"})
    assert read_npz(path, {"W": "a matrix"}).others == ("README", "y")
    with pytest.raises(ValueError, match="its member y is not an array"):
        read_npz(path, {"y": "classes"})
    with pytest.raises(ValueError, match=r"lacks Z: .* it holds W, README, y"):
        read_npz(path, {"Z": "a matrix"})
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as file:
        file.writestr("W.npy", member(W))
    with pytest.raises(ValueError, match="it holds W twice"):
        read_npz(path, {"W": "a matrix"})


@pytest.mark.parametrize("name", ["folder", "absent"])
def test_no_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for read in (lambda path: read_npz(path, {"W": "a matrix"}), lambda path: read_npy(path, "an array")):
        with pytest.raises(FileNotFoundError, match="no file"):
            read(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_files_of_another_kind(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.npz (must be|lacks)"):
        read_npz(tmp_path / "x.npz", {"W": "a matrix"})
