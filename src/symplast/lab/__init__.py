"""The laboratory: claims -> runs -> store -> verdicts -> report.

It knows no system; it reaches one only through the ``study`` that the system's room registers. Importing it is cheap:
names are loaded when first used, and JAX only by a worker that runs an experiment.
"""

from typing import TYPE_CHECKING

from symplast.on_use import loaded_on_use

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

__getattr__ = loaded_on_use(
    __name__,
    {
        "claims": ("Claim", "Claims", "ClaimsError", "read_claims"),
        "measurement": ("Measurement",),
        "quantities": ("Evidence", "evidence", "measure"),
        "registry": ("Room", "room", "rooms"),
        "runner": ("Job", "plan", "run"),
        "records": ("Run",),
        "store": ("Store",),
        "study": ("Config", "Study", "seed_keys"),
        "verdicts": ("Judgement", "Verdict", "judge"),
    },
)
