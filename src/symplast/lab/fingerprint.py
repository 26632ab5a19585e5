"""Has the code behind a measurement changed? A hash of what a room computes.

Comments, docstrings and layout don't count, nor do figures (``figures.py``): they can't change evidence.
"""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path


@cache
def code_fingerprint(folder: Path, shared: tuple[Path, ...] = ()) -> str:
    """A hash of a room's code and that of the shared rooms behind it, the same on every supported Python version.

    What a shared room measures itself (``study.py``) can't change another room's evidence and doesn't count there.
    """
    digest = hashlib.sha256()
    for place in (folder, *shared):
        left_out = ("figures.py",) if place == folder else ("figures.py", "study.py")
        for path in sorted(place.rglob("*.py")):
            if path.name not in left_out:
                digest.update(path.relative_to(place).as_posix().encode())
                digest.update(_meaning(path))
    return digest.hexdigest()[:16]


@cache
def figures_fingerprint(folder: Path) -> str:
    """A hash of a room's ``figures.py`` and of the house style."""
    digest = hashlib.sha256()
    for path in (folder / "figures.py", Path(__file__).parent / "theme.py"):
        digest.update(_meaning(path))
    return digest.hexdigest()[:16]


def _meaning(path: Path) -> bytes:
    return "\n".join(_walk(ast.parse(path.read_text(encoding="utf-8")))).encode()


def _walk(node: ast.AST) -> Iterable[str]:
    """Type and content of each syntax node, without docstrings, positions and empty fields."""
    yield type(node).__name__
    for name, value in ast.iter_fields(node):
        children = value if isinstance(value, list) else [value]
        if name == "body" and children and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            children = children[ast.get_docstring(node, clean=False) is not None :]
        for child in children:
            if isinstance(child, ast.AST):
                yield f"{name}("
                yield from _walk(child)
                yield ")"
            elif child is not None and name not in ("kind", "type_comment"):
                yield f"{name}={child!r}"
