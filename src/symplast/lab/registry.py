"""Which systems exist: the rooms of symplast and those of installed plug-ins, found without importing them.

A plug-in is any package with ``claims.toml``, ``study.py`` and ``figures.py`` that announces itself under the
entry-point group ``symplast.systems`` (name = system, value = importable package).
"""

import importlib
import importlib.util
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

    def study(self) -> "Study":
        """Import the room's experiments and figures (this imports JAX)."""
        study: Study = importlib.import_module(f"{self.package}.study").study
        importlib.import_module(f"{self.package}.figures")
        study.check(self.claims)
        return study


@cache
def rooms() -> dict[str, Room]:
    """All systems by name, sorted; cheap (imports no room)."""
    found = {
        f.parent.name: Room(f.parent.name, f"symplast.{f.parent.name}", f.parent) for f in HOUSE.glob("*/claims.toml")
    }
    for entry in entry_points(group=GROUP):
        try:
            spec = importlib.util.find_spec(entry.value)
        except ImportError:
            spec = None
        if spec is None or not spec.submodule_search_locations:
            raise ClaimsError(f"plug-in system {entry.name!r}: package {entry.value!r} can't be found")
        found[entry.name] = Room(entry.name, entry.value, Path(spec.submodule_search_locations[0]))
    return dict(sorted(found.items()))


def room(name: str) -> Room:
    """One system by name.

    Raises:
        ValueError: no such system; the message lists those there are.
    """
    known = rooms()
    if name not in known:
        raise ValueError(f"system must be one of {', '.join(known)}; got {name!r}")
    return known[name]
