import hashlib
import os
import subprocess
import sys

import pytest
from tests.datasets.conftest import CONTENT

from symplast import datasets
from symplast.datasets import DataError, DatasetUnavailable, verification


def test_own_folder_comes_first_and_needs_no_network(toy, own, server, cache):
    assert datasets.locate("toy") == datasets.Place("SYMPLAST_DATA", own)
    assert datasets.available("toy")
    assert datasets.folder("toy") == own
    assert datasets.check("toy") == ("verified", "")
    tables = datasets.load("toy")
    assert tables["first"].shape == (20_000, 2)
    assert tables["second"].shape == (1, 1)
    assert server.requests == []
    assert not cache.exists()


def test_then_the_cache_then_the_download(toy, server, cache):
    assert datasets.locate("toy") == datasets.Place("download", cache)
    assert not datasets.available("toy")
    assert datasets.check("toy")[0] == "not here"
    assert datasets.folder("toy") == cache
    assert datasets.locate("toy") == datasets.Place("cache", cache)
    assert datasets.available("toy")
    assert sorted(server.requests) == sorted(CONTENT)
    assert datasets.folder("toy") == cache
    assert datasets.folder("toy", download=False) == cache
    assert len(server.requests) == 2  # the second time nothing is fetched


def test_own_folder_that_lacks_a_file_is_passed_over(toy, own, cache):
    (own / "second.csv").unlink()
    assert datasets.locate("toy").source == "download"
    with pytest.raises(DatasetUnavailable, match=r"own/toy lacks second\.csv"):
        datasets.folder("toy", download=False)
    assert datasets.folder("toy") == cache
    assert sorted(p.name for p in own.iterdir()) == ["first.csv"]  # the user's folder is only read


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda content: content[:-3], r"\(80001 of 80004 bytes: incomplete\)"),
        (lambda content: b"", r"\(0 of 80004 bytes: incomplete\)"),
        (lambda content: content[:-1] + b"?", "replace it by a good copy from https://example.org/toy"),
        (lambda content: content + b"1,2\n", "replace it by a good copy"),
    ],
    ids=["half", "empty", "changed", "longer"],
)
def test_damaged_file_in_the_own_folder_is_told_not_used_not_touched(toy, own, server, cache, spoil, told):
    datasets.folder("toy")
    spoilt = spoil(CONTENT["first.csv"])
    (own / "first.csv").write_bytes(spoilt)
    with pytest.raises(DataError, match=told) as caught:
        datasets.load("toy")
    error = caught.value
    assert str(own / "first.csv") in str(error)
    assert error.expected == hashlib.sha256(CONTENT["first.csv"]).hexdigest()
    assert error.expected in str(error)
    assert hashlib.sha256(spoilt).hexdigest() in error.found
    assert "\n" not in str(error)
    assert datasets.check("toy")[0] == "damaged"
    assert datasets.available("toy")  # it is there; using it is an error, not a lack
    assert (own / "first.csv").read_bytes() == spoilt
    assert server.requests == []


def test_damaged_file_in_the_cache_is_fetched_again(toy, server, cache):
    datasets.folder("toy")
    (cache / "first.csv").write_bytes(b"a,b\n")
    assert datasets.check("toy")[0] == "damaged"
    with pytest.raises(DataError, match="run 'symplast data fetch toy'"):
        datasets.folder("toy", download=False)
    assert (cache / "first.csv").read_bytes() == b"a,b\n"
    assert datasets.folder("toy") == cache
    assert (cache / "first.csv").read_bytes() == CONTENT["first.csv"]
    assert server.requests.count("first.csv") == 2
    assert server.requests.count("second.csv") == 1


def test_files_are_hashed_once_until_they_change(toy, own, monkeypatch):
    hashed = []
    digest = hashlib.file_digest
    monkeypatch.setattr(
        hashlib, "file_digest", lambda stream, name: (hashed.append(stream.name), digest(stream, name))[1]
    )
    verification._sha256.cache_clear()
    for _ in range(3):
        datasets.folder("toy")
    assert len(hashed) == 2
    content = CONTENT["first.csv"]
    (own / "first.csv").write_bytes(b"x" + content[1:])  # as long as before
    os.utime(own / "first.csv", ns=(1, 1))
    with pytest.raises(DataError):
        datasets.folder("toy")
    assert len(hashed) == 3


def test_empty_variable_means_no_folder(toy, monkeypatch):
    monkeypatch.setenv("SYMPLAST_DATA", "")
    assert datasets.locate("toy").source == "download"


def test_built_in_needs_no_files(cache):
    assert datasets.locate("digits").source == "built in"
    assert datasets.folder("digits", download=False).is_dir()
    assert datasets.check("digits") == ("verified", "")


def test_import_is_light():
    code = (
        "import symplast.datasets as d, sys; d.available('scaling-laws');"
        "sys.exit(' '.join({'jax', 'pandas', 'sklearn', 'scipy', 'requests'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
