"""Has the code behind a measurement changed? A hash of what a room's experiments can reach.

Comments, docstrings and layout don't count, nor do figures (``figures.py``): they can't change evidence.
"""

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

HOUSE = Path(__file__).parent.parent
OUTSIDE = ("symplast.lab", "symplast.stats", "symplast.datasets")
"""Shared by all rooms and left out: what they do has tests of its own, and data sets have hashes."""


def code_fingerprint(package: str, folder: Path, named: tuple[str, ...] = ()) -> str:
    """A hash of the modules that ``study.py`` imports, directly or not, the same on every supported Python version.

    Args:
        package: importable name of the room.
        folder: where it is.
        named: modules of symplast that its experiments reach by a name in a text, which no import shows.

    Raises:
        ValueError: no such module among the named.
    """
    places = {package: folder, "symplast": HOUSE}
    if missing := [module for module in named if _file(module, places) is None]:
        raise ValueError(f"{missing[0]!r} is no module")
    return _hash_behind((f"{package}.study", *named), package, folder)


def modules_fingerprint(modules: Iterable[str]) -> str:
    """A hash of what some modules can reach: those of symplast with their imports, those of others by themselves."""
    digest = hashlib.sha256()
    for module in sorted(set(modules)):
        digest.update(module.encode())
        if _within(module, "symplast"):
            digest.update(_hash_behind((module,), "symplast", HOUSE).encode())
        elif (path := getattr(sys.modules.get(module), "__file__", None)) and path.endswith(".py"):
            digest.update(_meaning(Path(path)))
    return digest.hexdigest()[:16]


@cache
def figures_fingerprint(folder: Path) -> str:
    """A hash of a room's ``figures.py`` and of the house style."""
    digest = hashlib.sha256()
    for path in (folder / "figures.py", Path(__file__).parent / "theme.py"):
        digest.update(_meaning(path))
    return digest.hexdigest()[:16]


@cache
def _hash_behind(modules: tuple[str, ...], package: str, folder: Path) -> str:
    """A hash of modules of a package or of symplast, and of all that they import there."""
    places = {package: folder, "symplast": HOUSE}
    waiting = list(modules)
    reached: dict[str, Path] = {}
    while waiting:
        module = waiting.pop()
        path = _file(module, places)
        if module in reached or path is None or any(_within(module, outside) for outside in OUTSIDE):
            continue
        reached[module] = path
        waiting.extend(_imported(module, path, places))
    digest = hashlib.sha256()
    for module, path in sorted(reached.items()):
        digest.update(module.encode())
        digest.update(_meaning(path))
    return digest.hexdigest()[:16]


def _imported(module: str, path: Path, places: dict[str, Path]) -> Iterator[str]:
    """Modules that a module imports; a name that a package only passes on counts as the module it comes from."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = _source(node, module, path)
            for alias in node.names:
                yield _home(source, alias.name, places)


def _home(source: str, name: str, places: dict[str, Path]) -> str:
    """The module behind ``from source import name``."""
    if _file(f"{source}.{name}", places):
        return f"{source}.{name}"
    path = _file(source, places)
    if path and path.name == "__init__.py":
        for node in _tree(path).body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return _home(_source(node, source, path), alias.name, places)
    return source


def _source(node: ast.ImportFrom, module: str, path: Path) -> str:
    """Absolute name of the module after ``from``."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    package = parts[: len(parts) - node.level + (path.name == "__init__.py")]
    return ".".join([*package, *([node.module] if node.module else [])])


def _file(module: str, places: dict[str, Path]) -> Path | None:
    """Where a module of the room or of symplast is; None for any other."""
    for package, folder in places.items():
        if _within(module, package):
            path = folder.joinpath(*module.removeprefix(package).split(".")[1:])
            return next((p for p in (path.with_name(f"{path.name}.py"), path / "__init__.py") if p.is_file()), None)
    return None


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _meaning(path: Path) -> bytes:
    return "\n".join(_walk(_tree(path))).encode()


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
