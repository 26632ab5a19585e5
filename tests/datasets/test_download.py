"""Downloads from a server on this machine: whole, broken, silent, doubled and killed ones."""

import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from tests.datasets.conftest import CONTENT

from symplast.datasets import DataError, DatasetUnavailable, download
from symplast.datasets.download import fetch
from symplast.datasets.verification import sha256

CLOSED = "http://127.0.0.1:9"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def test_whole(make_info, cache):
    fetch(make_info(), cache)
    assert contents(cache) == CONTENT


def test_progress_is_told(make_info, cache):
    class Bar:
        total = 0.0
        done = 0
        closed = 0

        def update(self, done):
            self.done += done

        def reset(self):
            self.done = 0

        def close(self):
            self.closed += 1

    bar = Bar()
    fetch(make_info(), cache, bar)
    assert (bar.total, bar.closed) == (len(CONTENT["second.csv"]), 2)


def test_truncated_download_leaves_nothing(make_info, server, cache):
    server.behaviour = "truncated"
    with pytest.raises(DatasetUnavailable, match="the connection broke off"):
        fetch(make_info(), cache)
    assert contents(cache) == {}
    server.behaviour = "whole"
    fetch(make_info(), cache)
    assert contents(cache) == CONTENT


def test_corrupted_download_says_both_hashes_and_leaves_nothing(make_info, server, cache):
    server.behaviour = "corrupted"
    info = make_info()
    with pytest.raises(
        DataError, match=f"first.csv is damaged.*expected SHA-256 {info.files[0].sha256}, found"
    ) as caught:
        fetch(info, cache)
    assert caught.value.found != info.files[0].sha256
    assert caught.value.file == f"{server.url}/first.csv"
    assert contents(cache) == {}


def test_a_download_stops_at_the_size_that_the_registry_names(make_info, server, cache):
    server.behaviour = "endless"
    size = len(CONTENT["first.csv"])
    with pytest.raises(DataError, match=rf"more than {size} bytes arrived, {size} were expected"):
        fetch(make_info(), cache)
    assert server.sent < 100 * size  # what the connection buffers, not all that the server has
    assert contents(cache) == {}


def test_corrupted_download_keeps_the_good_files_beside_it(make_info, server, cache):
    fetch(make_info(), cache)
    (cache / "second.csv").write_bytes(b"half")
    server.behaviour = "corrupted"
    with pytest.raises(DataError, match=r"second\.csv"):
        fetch(make_info(), cache)
    assert contents(cache)["first.csv"] == CONTENT["first.csv"]
    assert sorted(contents(cache)) == sorted(CONTENT)


@pytest.mark.parametrize("behaviour", ["missing", "truncated", "corrupted"])
def test_next_mirror_is_tried(make_info, server, cache, behaviour, monkeypatch):
    requests = []
    original = download._Checked.__call__

    def first_misbehaves(self, url, output_file, manager):
        requests.append(url)
        server.behaviour = behaviour if len(requests) == 1 else "whole"
        original(self, url, output_file, manager)

    monkeypatch.setattr(download._Checked, "__call__", first_misbehaves)
    fetch(make_info(server.url, server.url), cache)
    assert contents(cache) == CONTENT
    assert len(requests) == 3


def test_offline_fails_soon_in_one_line_that_says_what_to_do(make_info, cache):
    begin = time.monotonic()
    with pytest.raises(DatasetUnavailable) as caught:
        fetch(make_info(CLOSED, CLOSED), cache)
    assert time.monotonic() - begin < 5
    told = str(caught.value)
    assert "\n" not in told
    assert "127.0.0.1:9: no connection; 127.0.0.1:9: no connection" in told
    assert "run 'symplast data fetch toy' where there is a network" in told
    assert "put first.csv, second.csv into a folder toy/ and set SYMPLAST_DATA" in told
    assert contents(cache) == {}


def test_a_failure_is_remembered_for_some_minutes_only(make_info, server, cache, monkeypatch):
    server.behaviour = "missing"
    info = make_info()
    with pytest.raises(DatasetUnavailable) as first:
        fetch(info, cache)
    with pytest.raises(DatasetUnavailable) as second:
        fetch(info, cache, ask_again=False)
    assert str(second.value) == str(first.value)
    assert server.requests == ["first.csv"]
    with pytest.raises(DatasetUnavailable):
        fetch(info, cache)  # asked for by name
    assert server.requests == ["first.csv"] * 2
    monkeypatch.setattr(download, "REMEMBERED_S", 0.0)
    server.behaviour = "whole"
    fetch(info, cache, ask_again=False)
    assert contents(cache) == CONTENT
    assert not list(cache.parent.glob("*.failure.json"))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"at": "noon", "reason": 3}', b"\xff"])
def test_a_damaged_memory_of_a_failure_is_passed_over(make_info, cache, content):
    cache.parent.mkdir(parents=True)
    cache.with_name("toy.failure.json").write_bytes(content)
    fetch(make_info(), cache, ask_again=False)
    assert contents(cache) == CONTENT


def test_missing_page_says_the_status(make_info, server, cache):
    server.behaviour = "missing"
    with pytest.raises(DatasetUnavailable, match="HTTP status 404"):
        fetch(make_info(), cache)


def test_silent_server_is_given_up(make_info, server, cache, monkeypatch):
    assert sum(download.TIMEOUT_S) < 15
    monkeypatch.setattr(download, "TIMEOUT_S", (0.3, 0.3))
    server.behaviour = "silent"
    with pytest.raises(DatasetUnavailable, match="no answer in time"):
        fetch(make_info(), cache)


def test_cache_that_cannot_be_written(make_info, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetUnavailable, match=r"can't be written.*set SYMPLAST_CACHE to another folder"):
        fetch(make_info(), tmp_path / "file" / "toy")


def start_fetching(info, folder: Path) -> subprocess.Popen[str]:
    code = (
        "import sys, msgspec; from pathlib import Path; from symplast.datasets import DatasetInfo, download;"
        "download.fetch(msgspec.json.decode(sys.argv[1], type=DatasetInfo), Path(sys.argv[2]))"
    )
    arguments = [sys.executable, "-c", code, msgspec.json.encode(info).decode(), str(folder)]
    return subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)


def test_two_processes_at_once(make_info, server, cache):
    server.behaviour, server.together = "slow", 2
    info = make_info()
    processes = [start_fetching(info, cache) for _ in range(2)]
    seen = 0
    while any(process.poll() is None for process in processes):
        if (cache / "first.csv").exists():
            assert sha256(cache / "first.csv") == info.files[0].sha256  # never half of it
            seen += 1
        time.sleep(0.01)
    told = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert server.requests.count("first.csv") == 2
    assert seen > 0
    assert contents(cache) == CONTENT


def test_killed_download_is_no_data(make_info, server, cache):
    server.behaviour = "slow"
    process = start_fetching(make_info(), cache)
    while not contents(cache) and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert not set(contents(cache)) & set(CONTENT)
    server.behaviour = "whole"
    fetch(make_info(), cache)
    assert {name: contents(cache)[name] for name in CONTENT} == CONTENT
