"""Folders that environment variables name."""

from pathlib import Path

import pytest

from symplast import datasets
from symplast.datasets.environment import cache_folder, folder_named_by
from symplast.lab.jax_setup import compilation_cache_folder


def test_the_users_home_is_meant_by_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SYMPLAST_CACHE", "~/kept")
    monkeypatch.setenv("SYMPLAST_DATA", "")
    assert cache_folder() == tmp_path / "kept"
    assert compilation_cache_folder() == tmp_path / "kept" / "jax"
    assert folder_named_by("SYMPLAST_DATA") is None


@pytest.mark.parametrize("variable", ["SYMPLAST_DATA", "SYMPLAST_CACHE"])
def test_an_unknown_users_home_is_said(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "~nobody-of-this-name/data")
    with pytest.raises(ValueError, match=rf"{variable} must name a folder, got '~nobody-of-this-name/data'"):
        datasets.available("mnist")
