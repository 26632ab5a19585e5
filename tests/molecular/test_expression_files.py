"""Expression from every kind of file, and what is wrong with others."""

import gzip

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import io as scipy_io
from scipy import sparse

from symplast.molecular.expression_files import read_expression, read_groups, read_ids, with_ids

GENES, CELLS = ["00123", "7157", "1956"], ["c1", "c2"]
X = np.array([[1.0, 2.5], [0.0, 4.0], [3.0, 0.25]])


def h5ad(path, matrix, kind):
    with h5py.File(path, "w") as file:
        if kind == "dense":
            file["X"] = matrix.T
        else:
            found = (sparse.csr_array if kind == "csr" else sparse.csc_array)(matrix.T)
            group = file.create_group("X")
            group.attrs["encoding-type"] = f"{kind}_matrix"
            for name in ("data", "indices", "indptr"):
                group[name] = getattr(found, name)
        for name, names in (("obs", CELLS), ("var", GENES)):
            frame = file.create_group(name)
            frame.attrs["_index"] = "_index"
            frame["_index"] = [one.encode() for one in names]
        kinds = file["obs"].create_group("kind")
        kinds["codes"], kinds["categories"] = np.array([1, 0], np.int8), [b"a", b"b"]
        file.create_group("layers")["raw"] = 2 * matrix.T


@pytest.fixture
def files(tmp_path):
    frame = pd.DataFrame(X, index=pd.Index(GENES, name="gene"), columns=CELLS)
    frame.to_csv(tmp_path / "a.csv")
    frame.to_csv(tmp_path / "b.tsv.gz", sep="\t")
    frame.to_csv(tmp_path / "c.csv", sep=";", decimal=",")
    frame.reset_index().to_parquet(tmp_path / "d.parquet")
    np.savez(tmp_path / "e.npz", genes=np.array(GENES), X=X, samples=np.array(CELLS), kind=np.array(["b", "a"]))
    for kind in ("dense", "csr", "csc"):
        h5ad(tmp_path / f"{kind}.h5ad", X, kind)
    folder = tmp_path / "tenx"
    folder.mkdir()
    scipy_io.mmwrite(folder / "matrix.mtx", sparse.coo_array(X))
    (folder / "features.tsv.gz").write_bytes(gzip.compress("".join(f"E{g}\t{g}\tGene\n" for g in GENES).encode()))
    (folder / "barcodes.tsv").write_text("c1\nc2\n")
    return tmp_path


def test_every_kind_gives_the_same_table(files):
    for path in files.iterdir():
        found = read_expression(path)
        assert found.genes == tuple(GENES), path
        assert found.samples == tuple(CELLS), path
        np.testing.assert_allclose(found.read(0, 2), X)
        np.testing.assert_allclose(found.read(1, 2), X[:, 1:])
    np.testing.assert_allclose(read_expression(files / "dense.h5ad", layer="raw").read(0, 2), 2 * X)
    assert read_expression(files / "csr.h5ad").groups["kind"].tolist() == ["b", "a"]
    assert read_expression(files / "e.npz").groups["kind"].tolist() == ["b", "a"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "gene,c1\nA,1\nA,2\n", "appear more often: 'A'; merge or drop"),
        ("a.csv", "gene,c1\nA,1\nB,x\n", "line 3, column 'c1': 'x'"),
        ("a.csv", "gene\nA\n", "a column of genes and one for each sample"),
        ("a.csv", "gene,c1\n,1\nB,2\n", "has no gene"),
        ("a.h5ad", "x", "can't be read as HDF5"),
        ("a.npz", "x", "must be an .npz"),
        ("a.doc", "x", "must be a file that ends in"),
    ],
)
def test_wrong_files_say_what_is_wrong(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        read_expression(tmp_path / name)


def test_wrong_layers_folders_and_absent_files(files, tmp_path):
    with pytest.raises(ValueError, match=r"layer must be one of raw"):
        read_expression(files / "csr.h5ad", layer="counts")
    with pytest.raises(ValueError, match=r"layer goes with \.h5ad"):
        read_expression(files / "a.csv", layer="raw")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"10x folder with features\.tsv"):
        read_expression(tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        read_expression(tmp_path / "none.csv")


def test_names_are_mapped_and_groups_found(files, tmp_path):
    (tmp_path / "ids.tsv").write_text("7157\tTP53\n1956\tEGFR\n")
    found = with_ids(read_expression(files / "a.csv"), read_ids(tmp_path / "ids.tsv"))
    assert found.genes == ("00123", "TP53", "EGFR")
    (tmp_path / "twice.tsv").write_text("7157\tTP53\n7157\tP53\n")
    with pytest.raises(ValueError, match="one name, '7157' has"):
        read_ids(tmp_path / "twice.tsv")
    (tmp_path / "groups.csv").write_text("cell,kind\nc2,b\nc1,a\n")
    assert read_groups(tmp_path / "groups.csv", "kind", ("c1", "c2")).tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="1 of 1 are missing"):
        read_groups(tmp_path / "groups.csv", "kind", ("c9",))
    with pytest.raises(ValueError, match="no column 'type'"):
        read_groups(tmp_path / "groups.csv", "type", ("c1",))
