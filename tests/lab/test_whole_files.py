"""Files that appear whole or not at all, whatever happens to who writes them."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from symplast.lab import whole_files
from symplast.lab.whole_files import is_abandoned, take_lock, whole_file, write_whole


def test_content_and_rights(tmp_path: Path) -> None:
    path = tmp_path / "a [b].txt"
    write_whole(path, "first")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    path.chmod(0o640)
    write_whole(path, b"second")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("second", 0o640)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a [b].txt"]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_error_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "old")

    def write_in_vain() -> None:
        with whole_file(path) as file:
            file.write(b"ne")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        write_in_vain()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_links_are_followed_and_devices_written_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "real" / "a.txt")
    write_whole(link, "x")
    assert link.is_symlink()
    assert (tmp_path / "real" / "a.txt").read_text() == "x"
    write_whole("/dev/null", "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "real", "x")


WRITER = """
import os, sys, time
from symplast.lab.whole_files import whole_file
with whole_file(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_writer_left_is_removed_by_the_next_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for writer in writers:
            writer.stdout.readline()
        assert len(list(tmp_path.glob(".a.txt.*.part"))) == 2
        writers[0].send_signal(signal.SIGKILL)
        writers[0].wait()
        assert path.read_text() == "old"
        write_whole(path, "new")
        assert path.read_text() == "new"
        assert len(list(tmp_path.glob(".a.txt.*.part"))) == 1
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    write_whole(path, "newer")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_only_this_machines_files_are_known_to_be_abandoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with whole_file(tmp_path / "a") as _:
        part = next(tmp_path.glob(".a.*.part"))
        assert not is_abandoned(part)
        copy = part.with_name(part.name + ".copy")
        os.link(part, copy)
    assert is_abandoned(copy)
    monkeypatch.setattr(whole_files.socket, "gethostname", lambda: "another")
    assert not is_abandoned(copy)


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    with open(tmp_path / "a", "wb") as first, open(tmp_path / "a", "wb") as second:
        assert take_lock(first.fileno())
        assert not take_lock(second.fileno())
