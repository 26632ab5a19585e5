"""Worker processes share the cores."""

import os

import pytest

from symplast.lab import workers


def threads() -> list[str | None]:
    return [os.environ.get(name) for name in workers.THREADS]


def test_children_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in workers.THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(workers.THREADS[0], "3")
    monkeypatch.setattr(workers, "cpus", lambda: 8)
    with workers.executor_of(2, None) as executor:
        found = executor.submit(threads).result(timeout=60)
    assert found == ["3", "4", "4"]  # the user's own number stays
    assert threads() == ["3", None, None]
