"""Pages that show a file of the reader's own, and tutorials, are run in a folder that holds their files."""

import re
import sys
from pathlib import Path

import pytest

SHOWN = re.compile(r"`(\w+\.py)`[^`]*:\n\n```python\n(.*?)```", re.DOTALL)
"""A sentence that names a file and ends in a colon, and the block after it."""


@pytest.fixture(autouse=True)
def folder_of_the_reader(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.path.parent.name == "tutorials":
        monkeypatch.chdir(request.path.parent / "files")
    if request.path.suffix != ".md" or not (files := SHOWN.findall(request.path.read_text())):
        return
    for name, text in files:
        (tmp_path / name).write_text(text)
        monkeypatch.delitem(sys.modules, Path(name).stem, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
