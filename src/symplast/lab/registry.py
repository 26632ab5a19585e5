"""Which systems exist: the rooms of symplast and those of installed plug-ins, found without importing them.

A plug-in is any package with ``claims.toml``, ``study.py`` and ``figures.py`` that announces itself under the
entry-point group ``symplast.systems`` (name = system, value = importable package).
"""

import importlib
import importlib.util
import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from symplast.lab.claims import Claims, ClaimsError, read_claims
from symplast.lab.fingerprint import HOUSE, experiment_fingerprint

if TYPE_CHECKING:
    from symplast.lab.study import Study

GROUP = "symplast.systems"
DOCUMENTATION = "https://symplast.readthedocs.io/en/latest"


@dataclass(frozen=True)
class Room:
    """A system's folder: its claims as data, and its study once somebody needs to compute."""

    name: str
    package: str
    folder: Path

    @cached_property
    def claims(self) -> Claims:
        """The content of ``claims.toml``."""
        claims = read_claims(self.folder / "claims.toml")
        if claims.system.name != self.name:
            raise ClaimsError(
                f"{self.folder / 'claims.toml'}: system.name is {claims.system.name!r}, not {self.name!r}"
            )
        return claims

    def code(self, experiment: str) -> str:
        """Fingerprint of the code that an experiment can reach; empty where ``study.py`` has no such experiment."""
        return self._codes.get(experiment, "") if self.built_in else self._code(experiment)

    @property
    def built_in(self) -> bool:
        """Whether it is a system of symplast itself, whose whole source is symplast's."""
        return self.package.startswith("symplast.")

    @property
    def documentation(self) -> str | None:
        """Address of its page in the documentation; none for a plug-in."""
        return f"{DOCUMENTATION}/systems/{self.name}.html" if self.built_in else None

    @cached_property
    def _codes(self) -> dict[str, str]:
        """Fingerprints of all experiments, remembered until a line of symplast changes."""
        from symplast.lab.memory import remembered

        names = self.outline().experiments
        return remembered(f"code-{self.name}", dict[str, str], lambda: {name: self._code(name) for name in names})

    def _code(self, experiment: str) -> str:
        named = tuple(f"symplast.{name}" for name in self.claims.system.named)
        try:
            return experiment_fingerprint(self.package, self.folder, experiment, named)
        except LookupError:
            return ""
        except ValueError as error:
            raise ClaimsError(f"{self.folder / 'claims.toml'}: system.named: {error}") from error

    def claimed(self, experiment: str) -> set[str]:
        """Names of an experiment's quantities that claims read."""
        named = (q.split(".") for claim in self.claims.claim for part in claim.parts for q in part.quantities)
        return {quantity for owner, quantity in named if owner == experiment}

    def outline(self) -> "Study":
        """The room's study to plan with and to report on; it is imported once an experiment or figure is called."""
        from symplast.lab.outline import outline

        return outline(self)

    def study(self) -> "Study":
        """Import the room's experiments and figures (this imports JAX).

        Raises:
            ValueError: they don't fit the claims; RuntimeError: the import ends the program. An import may raise more.
        """
        try:
            study: Study = importlib.import_module(f"{self.package}.study").study
            importlib.import_module(f"{self.package}.figures")
        except SystemExit as error:
            raise RuntimeError(f"importing {self.package} ends the program with exit code {error.code}") from error
        study.check(self.claims)
        return study


def rooms() -> dict[str, Room]:
    """All systems by name, sorted; cheap (imports no room). Plug-ins that can't be found are in :func:`refused`."""
    return _found()[0]


def refused() -> dict[str, str]:
    """Plug-ins that are announced but no systems of symplast, and why: name -> reason."""
    return _found()[1]


def room(name: str) -> Room:
    """One system by name.

    Raises:
        ValueError: no such system; the message lists those there are.
    """
    known, others = rooms(), refused()
    if name not in known and name in others:
        raise ClaimsError(f"plug-in system {name!r} {others[name]}")
    if name not in known:
        raise ValueError(f"system must be one of {', '.join(known)}; got {name!r}")
    return known[name]


@cache
def _found() -> tuple[dict[str, Room], dict[str, str]]:
    own = {
        f.parent.name: Room(f.parent.name, f"symplast.{f.parent.name}", f.parent) for f in HOUSE.glob("*/claims.toml")
    }
    plugged: dict[str, Room] = {}
    problems: dict[str, str] = {}
    for entry in entry_points(group=GROUP):
        try:
            found = Room(entry.name, entry.value, _folder(entry.value))
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", entry.name):
                raise ValueError("has a name that is no word")
            if entry.name in own:
                raise ValueError(f"({entry.value}) has the name of a system of symplast; the plug-in must take another")
            if plugged.get(entry.name, found) != found:
                raise ValueError(f"is announced twice: by {plugged[entry.name].package} and {entry.value}")
            plugged[entry.name] = found
        except (Exception, SystemExit) as error:  # a plug-in's own code may run here
            problems[entry.name] = str(error) or type(error).__name__
    sound = own | {name: found for name, found in plugged.items() if name not in problems}
    return dict(sorted(sound.items())), problems


def _folder(package: str) -> Path:
    """Where a plug-in's package is; one without a dot is found without running its code."""
    try:
        spec = importlib.util.find_spec(package)
    except (Exception, SystemExit) as error:
        raise ValueError(f"has a package {package!r} that can't be found: {type(error).__name__}: {error}") from error
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"has a package {package!r} that can't be found")
    return Path(spec.submodule_search_locations[0])
