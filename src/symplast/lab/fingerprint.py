"""Has the code behind a measurement changed? A hash of the definitions that its experiment can reach.

Comments, docstrings and layout don't count, nor does where in the packages a definition stands, nor figures: they
can't change evidence.
"""

import hashlib
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from symplast.lab.reachability import Definition, Reach

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
    """A hash of some modules with what they can reach: those of symplast by definitions, others by themselves."""
    reach = _reach("symplast", HOUSE)
    modules = sorted(set(modules))
    inside = [module for module in modules if module.split(".")[0] == "symplast"]
    digest = hashlib.sha256(
        reach.fingerprint(definition for module in inside for definition in reach.whole(module)).encode()
    )
    for module in modules:
        path = getattr(sys.modules.get(module), "__file__", None)
        if module not in inside and path and path.endswith(".py"):
            digest.update(_file_fingerprint(module, Path(path)).encode())
    return digest.hexdigest()[:16]


@cache
def figures_fingerprint(folder: Path) -> str:
    """A hash of a room's ``figures.py`` and of the style that all figures share."""
    theme = Path(__file__).parent / "theme.py"
    return _file_fingerprint("figures", folder / "figures.py") + _file_fingerprint("theme", theme)


def _file_fingerprint(module: str, path: Path) -> str:
    """A hash of one file's definitions, whatever they import."""
    reach = Reach({module: path.with_suffix("")})
    return reach.fingerprint(reach.whole(module))


def _reach(package: str, folder: Path) -> Reach:
    """One for all rooms of symplast, so that what they share is read once."""
    return _read(None, None) if package.split(".")[0] == "symplast" else _read(package, folder)


@cache
def _read(package: str | None, folder: Path | None) -> Reach:
    own = {package: folder} if package and folder else {}
    return Reach({**own, "symplast": HOUSE}, OUTSIDE)


def _outside(module: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in OUTSIDE)
