"""Weights in files of every kind and orientation; hostile files."""

import json
import pickle
import zipfile

import numpy as np
import pytest

from symplast.datasets.safetensors_files import read_safetensors
from symplast.datasets.torch_archives import read_torch
from symplast.grokking import read_network

RNG = np.random.default_rng(0)
THETA, XI = RNG.normal(size=(64, 23)), RNG.normal(size=(64, 23))


def write_safetensors(path, arrays):
    header, blob = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        kind = {"f4": "F32", "f8": "F64", "u2": "BF16"}[array.dtype.str[1:]]
        header[name] = {
            "dtype": kind,
            "shape": list(array.shape),
            "data_offsets": [len(blob), len(blob) + array.nbytes],
        }
        blob += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + blob)


def write_torch(path, arrays, root="archive"):
    """An archive as torch.save makes it, without torch."""
    lines = [b"\x80\x02}("]
    for key, (name, array) in enumerate(arrays.items()):
        text = name.encode()
        shape, stride = array.shape, tuple(s // array.itemsize for s in array.strides)
        lines.append(b"X" + len(text).to_bytes(4, "little") + text)
        lines.append(b"ctorch._utils\n_rebuild_tensor_v2\n(")
        lines.append(b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x00" + str(key).encode())
        lines.append(b"X\x03\x00\x00\x00cpuJ" + array.size.to_bytes(4, "little") + b"tQ")
        lines.append(b"K\x00(" + b"".join(b"J" + int(n).to_bytes(4, "little") for n in shape) + b"t")
        lines.append(b"(" + b"".join(b"J" + int(n).to_bytes(4, "little") for n in stride) + b"t\x89}tR")
    lines.append(b"u.")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{root}/data.pkl", b"".join(lines))
        for key, array in enumerate(arrays.values()):
            archive.writestr(f"{root}/data/{key}", array.astype("<f4").ravel(order="K").tobytes())


@pytest.mark.parametrize("turned", [False, True])
def test_npz_in_either_orientation(tmp_path, turned):
    np.savez(tmp_path / "net.npz", theta=THETA.T if turned else THETA, xi=XI if turned else XI.T, notes=np.arange(3))
    found = read_network(tmp_path / "net.npz")
    np.testing.assert_array_equal(found.theta, THETA)
    np.testing.assert_array_equal(found.xi, XI)
    assert "p = 23, 64 neurons" in found.decided


def test_other_kinds_of_files(tmp_path):
    np.save(tmp_path / "in.npy", THETA)
    np.savetxt(tmp_path / "out.csv", XI.T, delimiter=";")
    found = read_network(tmp_path / "in.npy", output=str(tmp_path / "out.csv"))
    np.testing.assert_allclose(found.xi, XI)
    write_safetensors(tmp_path / "net.safetensors", {"W_in": np.float32(THETA), "W_out": np.float32(XI)})
    np.testing.assert_allclose(read_network(tmp_path / "net.safetensors").theta, THETA, rtol=1e-6)
    write_torch(tmp_path / "net.pth", {"a": np.float32(THETA), "b": np.float32(XI.T)})
    found = read_network(tmp_path / "net.pth", "a", "b")
    np.testing.assert_allclose(found.xi, XI, rtol=1e-6)


def test_bfloat16(tmp_path):
    kept = np.array([[1.5, -2.0, 0.25]], np.float32)
    write_safetensors(tmp_path / "b.safetensors", {"W": (kept.view(np.uint32) >> 16).astype("<u2")})
    np.testing.assert_array_equal(read_safetensors(tmp_path / "b.safetensors")["W"], kept)


def test_untied_inputs_from_one_matrix(tmp_path):
    np.savez(tmp_path / "net.npz", theta=np.hstack([THETA, XI]), xi=XI)
    found = read_network(tmp_path / "net.npz")
    np.testing.assert_array_equal(found.theta, THETA)
    np.testing.assert_array_equal(found.theta_y, XI)


def test_an_embedding_with_other_tokens(tmp_path):
    np.savez(tmp_path / "e.npz", W_E=RNG.normal(size=(114, 128)))
    found = read_network(tmp_path / "e.npz", rows=(0, 113))
    assert found.theta.shape == (128, 113)
    assert found.xi is None


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({"theta": np.ones((9, 23)), "xi": np.ones((9, 23))}, {}, r"p must be given.*2 odd lengths"),
        ({"theta": np.ones((8, 22)), "xi": np.ones((8, 22))}, {}, "no odd length"),
        ({"theta": np.ones((8, 23)), "xi": np.ones((6, 23))}, {}, "input weights must be"),
        ({"a": np.ones((8, 23)), "b": np.ones((8, 23))}, {}, r"input must name.*it holds a \[8, 23\], b \[8, 23\]"),
        ({"a": np.ones((8, 23)), "b": np.ones(3)}, {"input": "c"}, r"input must name an array of net.npz, got 'c'"),
        ({"a": np.ones((8, 23)), "b": np.ones(3)}, {"input": "b"}, "must be a matrix of numbers"),
        ({"a": np.full((8, 23), np.nan)}, {}, "must be finite"),
        ({"a": np.ones((8, 23))}, {"p": 24}, "p must be odd"),
        ({"a": np.ones((8, 23))}, {"p": 25}, r"input weights must be \(neurons, 25\)"),
        ({"a": np.ones((8, 23))}, {"rows": (0, 9)}, "rows must lie within the first axis, 0:8"),
    ],
)
def test_what_can_not_be_told_apart_is_said(tmp_path, arrays, options, message):
    np.savez(tmp_path / "net.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        read_network(tmp_path / "net.npz", **options)


def test_p_settles_it(tmp_path):
    np.savez(tmp_path / "net.npz", theta=np.ones((9, 23)), xi=np.ones((9, 23)))
    assert read_network(tmp_path / "net.npz", p=23).theta.shape == (9, 23)
    assert read_network(tmp_path / "net.npz", p=9).theta.shape == (23, 9)


@pytest.mark.parametrize("name", ["x.npz", "x.safetensors", "x.pth", "x.npy", "x.onnx"])
def test_damaged_and_foreign_files(tmp_path, name):
    (tmp_path / name).write_bytes(b"\xff" * 200)
    with pytest.raises(ValueError, match=name):
        read_network(tmp_path / name)
    with pytest.raises(FileNotFoundError if name != "x.onnx" else ValueError, match="none"):
        read_network(tmp_path / name.replace("x", "none"))


def test_no_code_runs_from_an_archive(tmp_path):
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    with zipfile.ZipFile(tmp_path / "evil.pth", "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps({"w": Evil()}, protocol=2))
    with pytest.raises(ValueError, match="holds no tensors"):
        read_torch(tmp_path / "evil.pth")
    assert not marker.exists()


def test_archives_that_lie(tmp_path):
    write_torch(tmp_path / "net.pth", {"a": np.ones((2, 3), np.float32)})
    with zipfile.ZipFile(tmp_path / "net.pth") as archive:
        plan = archive.read("archive/data.pkl")
    with zipfile.ZipFile(tmp_path / "short.pth", "w") as archive:
        archive.writestr("archive/data.pkl", plan)
        archive.writestr("archive/data/0", b"\0" * 8)
    with pytest.raises(ValueError, match="does not have the size"):
        read_torch(tmp_path / "short.pth")
    with zipfile.ZipFile(tmp_path / "far.pth", "w") as archive:
        archive.writestr("archive/data.pkl", plan.replace(b"J\x02\x00\x00\x00", b"J\x99\x00\x00\x00", 1))
        archive.writestr("archive/data/0", b"\0" * 24)
    with pytest.raises(ValueError, match="beyond its storage"):
        read_torch(tmp_path / "far.pth")


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}, "does not fill"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 800]}, "outside the file"),
        ({"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}, "can't be read"),
        ({"dtype": "F32"}, "can't be read as one"),
    ],
)
def test_safetensors_that_lie(tmp_path, about, message):
    text = json.dumps({"W": about}).encode()
    (tmp_path / "x.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + b"\0" * 8)
    with pytest.raises(ValueError, match=message):
        read_safetensors(tmp_path / "x.safetensors")
