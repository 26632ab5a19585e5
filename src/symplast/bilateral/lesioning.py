"""What is cut at test: a hemisphere's output or input, or the corpus callosum."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np


class Lesion(NamedTuple):
    """Switches of what still works; arrays or truth values, so that one program serves all lesions.

    Attributes:
        inputs: of the left and the right hemisphere.
        outputs: of both.
        exchange: the corpus callosum.
    """

    inputs: Any = (True, True)
    outputs: Any = (True, True)
    exchange: Any = True


INTACT = Lesion()

LESIONS: Mapping[str, Lesion] = {
    "intact": INTACT,
    "lowleft": Lesion(outputs=(False, True)),
    "lowright": Lesion(outputs=(True, False)),
    "highleft": Lesion(inputs=(False, True)),
    "highright": Lesion(inputs=(True, False)),
    "cc": Lesion(exchange=False),
    "ccl": Lesion(inputs=(False, True), exchange=False),
    "ccr": Lesion(inputs=(True, False), exchange=False),
}
"""By name: ``low`` cuts an output, ``high`` an input, ``cc`` the exchange, ``ccl`` and ``ccr`` both for one side."""


def lesion_named(lesion: str | Lesion) -> Lesion:
    """A lesion by its name.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> lesion_named("lowleft").outputs
        (False, True)
    """
    if isinstance(lesion, Lesion):
        return lesion
    if lesion not in LESIONS:
        raise ValueError(f"lesion must be one of {', '.join(LESIONS)}; got {lesion!r}")
    return LESIONS[lesion]


def as_arrays(lesion: str | Lesion) -> Lesion:
    """The switches of a name as arrays, for compiled programs; a :class:`Lesion` as it is."""
    if isinstance(lesion, Lesion):
        return lesion
    return Lesion(*(np.asarray(switch, bool) for switch in lesion_named(lesion)))
