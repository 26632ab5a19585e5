"""From original public files to our tables: the same bytes, and no code of the files is run."""

import functools
import hashlib
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from symplast import datasets
from symplast.datasets import DataError, download, reductions
from symplast.datasets.reductions import read_pickled_arrays
from symplast.datasets.verification import sha256

ORIGINALS = Path(os.environ.get("SYMPLAST_DATA", "")) / "originals"


@pytest.mark.skipif(not (ORIGINALS / "curl-descent").is_dir(), reason="the original files are not here")
def test_the_reduction_has_the_registered_hash(tmp_path, monkeypatch):
    info = datasets.describe("curl-descent")
    asked = []

    def from_disk(info, file, folder, progress):
        asked.append(file.urls[0])
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(ORIGINALS / "curl-descent" / file.name, folder / file.name)

    monkeypatch.setattr(download, "_download", from_disk)
    download.fetch(info, tmp_path / "curl-descent")
    assert sha256(tmp_path / "curl-descent" / "phase_boundary.csv") == info.files[0].sha256
    base = "https://raw.githubusercontent.com/caycogajiclab/Curl_Descent/a79f32a0e2a443c4b932d013a16a361bc8a0909f/"
    assert asked == [f"{base}Data_analysis/Fig2/L{layer}_results.npy" for layer in (1, 2)]
    for file in info.files[0].originals:
        assert sha256(tmp_path / "curl-descent" / "originals" / file.name) == file.sha256


@pytest.mark.skipif(not (ORIGINALS / "molecular-networks").is_dir(), reason="the original files are not here")
def test_r_data_are_reduced_to_the_registered_bytes(monkeypatch):
    pytest.importorskip("rdata")
    once = functools.cache(reductions.read_r_matrix)  # both need the network, which takes ten seconds to unpack
    monkeypatch.setattr(reductions, "read_r_matrix", once)
    for file in datasets.describe("molecular-networks").files[:2]:
        originals = {one.name: ORIGINALS / "molecular-networks" / one.name for one in file.originals}
        assert hashlib.sha256(reductions.reduce(file.name, originals)).hexdigest() == file.sha256


def test_other_r_data_are_refused(tmp_path):
    pytest.importorskip("rdata")
    for name, content in (("a", b""), ("b", b"RDX3\nX\n"), ("c", b"text")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=r"not an \.RData file with one matrix"):
            reductions.read_r_matrix(tmp_path / name)


def test_another_reduction_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_download", lambda *_: None)
    monkeypatch.setattr(download, "reduce", lambda *_: b"c\n1\n")
    with pytest.raises(DataError, match="gave other numbers on this machine"):
        download.fetch(datasets.describe("curl-descent"), tmp_path)
    assert not (tmp_path / "phase_boundary.csv").exists()


def _object_array(path: Path, *held: object) -> Path:
    array = np.empty(len(held), dtype=object)
    array[:] = held
    np.save(path, array, allow_pickle=True)
    return path


def test_pickled_arrays_are_read(tmp_path):
    held = [np.eye(3) > 0, np.arange(4.0)]
    read = read_pickled_arrays(_object_array(tmp_path / "a.npy", *held))
    for one, other in zip(read, held, strict=True):
        np.testing.assert_array_equal(one, other)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/evil",)


@pytest.mark.parametrize("held", [Evil(), "text", np.array([Evil()], dtype=object), [np.eye(2)]])
def test_anything_else_is_refused(tmp_path, held):
    with pytest.raises(ValueError, match=r"not an \.npy file of arrays"):
        read_pickled_arrays(_object_array(tmp_path / "a.npy", held, np.eye(2)))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", pickle.dumps(np.eye(2)), b"\x93NUMPY" + bytes(200)])
def test_damaged_files_are_refused(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npy: not an \.npy file of arrays"):
        read_pickled_arrays(tmp_path / "a.npy")


def test_maps_of_another_shape_are_refused(tmp_path):
    paths = {
        f"L{layer}_results.npy": _object_array(tmp_path / f"L{layer}_results.npy", np.eye(3), np.eye(4))
        for layer in (1, 2)
    }
    with pytest.raises(ValueError, match=r"must be \(500, 500\)"):
        reductions.reduce("phase_boundary.csv", paths)
