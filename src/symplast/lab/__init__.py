"""The laboratory: claims -> runs -> store -> verdicts -> report.

It knows no system; it reaches one only through the ``study`` that the system's room registers. Importing it is cheap:
names are loaded when first used, and JAX only by a worker that runs an experiment.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symplast.lab.claims import Claim, Claims, ClaimsError, read_claims
    from symplast.lab.measurement import Measurement
    from symplast.lab.quantities import Evidence, evidence, measure
    from symplast.lab.records import Run
    from symplast.lab.registry import Room, room, rooms
    from symplast.lab.runner import Job, plan, run
    from symplast.lab.store import Store
    from symplast.lab.study import Config, Study, seed_keys
    from symplast.lab.verdicts import Judgement, Verdict, judge

_HOMES = {
    "claims": ("Claim", "Claims", "ClaimsError", "read_claims"),
    "measurement": ("Measurement",),
    "quantities": ("Evidence", "evidence", "measure"),
    "registry": ("Room", "room", "rooms"),
    "runner": ("Job", "plan", "run"),
    "records": ("Run",),
    "store": ("Store",),
    "study": ("Config", "Study", "seed_keys"),
    "verdicts": ("Judgement", "Verdict", "judge"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Claim",
    "Claims",
    "ClaimsError",
    "Config",
    "Evidence",
    "Job",
    "Judgement",
    "Measurement",
    "Room",
    "Run",
    "Store",
    "Study",
    "Verdict",
    "evidence",
    "judge",
    "measure",
    "plan",
    "read_claims",
    "room",
    "rooms",
    "run",
    "seed_keys",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'symplast.lab' has no attribute {name!r}")
    return getattr(import_module(f"symplast.lab.{_HOME[name]}"), name)
