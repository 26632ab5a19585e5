"""Has the code behind a measurement changed? A hash of the definitions that its experiment can reach.

Comments, docstrings and layout don't count, nor does where in the packages a definition stands, nor figures: they
can't change evidence.
"""

import hashlib
import sys
from collections.abc import Iterable
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path

from symplast.lab.reachability import Definition, Reach, said_by

HOUSE = Path(__file__).parent.parent
OUTSIDE = ("symplast.lab", "symplast.stats", "symplast.datasets", "symplast.on_use")
"""Shared by all rooms and left out: what they do has tests of its own, and data sets have hashes."""


@cache
def experiment_fingerprint(package: str, folder: Path, experiment: str, named: tuple[str, ...] = ()) -> str:
    """A hash of the code of one experiment, the same on every supported Python version.

    Args:
        package: importable name of the room.
        folder: where it is.
        experiment: name of the function in its ``study.py``.
        named: modules of symplast that its experiments reach by a name in a text, which no source shows.

    Raises:
        LookupError: no such experiment.
        ValueError: no such module among the named.
    """
    reach = _reach(package, folder)
    if missing := [module for module in named if reach.file(module) is None and not _outside(module)]:
        raise ValueError(f"{missing[0]!r} is no module")
    root = Definition(f"{package}.study", experiment)
    if root not in reach.whole(root.module):
        raise LookupError(f"{root.module} has no experiment {experiment!r}")
    return reach.fingerprint([root, *(definition for module in named for definition in reach.whole(module))])


def modules_fingerprint(modules: Iterable[str]) -> str:
    """A hash of some modules with what they can reach: those of symplast by definitions, others by themselves.

    Raises:
        ValueError: a file that has changed since it was imported, so that the hash would be of other code than runs.
    """
    reach = _reach("symplast", HOUSE)
    modules = sorted(set(modules))
    inside = [module for module in modules if module.split(".")[0] == "symplast"]
    digest = hashlib.sha256(
        reach.fingerprint(definition for module in inside for definition in reach.whole(module)).encode()
    )
    for module in modules:
        path = getattr(sys.modules.get(module), "__file__", None)
        if module not in inside and path and path.endswith(".py"):
            digest.update(_loaded_fingerprint(module, Path(path)).encode())
    return digest.hexdigest()[:16]


@cache
def figures_fingerprint(folder: Path) -> str:
    """A hash of a room's ``figures.py`` and of the style that all figures share."""
    theme = Path(__file__).parent / "theme.py"
    return _file_fingerprint(folder / "figures.py") + _file_fingerprint(theme)


_loaded: dict[str, tuple[ModuleSpec | None, str]] = {}
"""How each module outside symplast was loaded when its hash was first taken, and the hash."""


def _loaded_fingerprint(module: str, path: Path) -> str:
    """The hash of a file, which must not change until the module is loaded again."""
    spec, found = sys.modules[module].__spec__, _file_fingerprint(path)
    first, before = _loaded.setdefault(module, (spec, found))
    if spec is first and found != before:
        raise ValueError(
            f"module {module} ({path}) has changed since it was imported: importlib.reload it, or start Python again"
        )
    _loaded[module] = spec, found
    return found


def _file_fingerprint(path: Path) -> str:
    """A hash of what one file says now, whatever it imports."""
    return hashlib.sha256("\n".join(said_by(path)).encode()).hexdigest()[:16]


def _reach(package: str, folder: Path) -> Reach:
    """One for all rooms of symplast, so that what they share is read once."""
    return _read(None, None) if package.split(".")[0] == "symplast" else _read(package, folder)


@cache
def _read(package: str | None, folder: Path | None) -> Reach:
    own = {package: folder} if package and folder else {}
    return Reach({**own, "symplast": HOUSE}, OUTSIDE)


def _outside(module: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in OUTSIDE)
