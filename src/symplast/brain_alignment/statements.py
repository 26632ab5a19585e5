"""What is claimed of an image, truly or falsely, and the case in which it is claimed."""

import msgspec

from symplast.brain_alignment.wording import CLAIM_TYPES, LEVELS

SAME_THING = (
    {"sofa", "couch"}, {"tv", "television", "screen"}, {"cell phone", "phone"}, {"person", "man", "woman", "child"},
    {"bike", "bicycle"}, {"motorbike", "motorcycle"}, {"plane", "airplane"}, {"donut", "doughnut"},
    {"cup", "wine glass", "bowl"}, {"car", "truck", "bus"}, {"fork", "knife", "spoon"},
)  # fmt: skip
"""Names that a careful reader might give to the same object: none is used as a false value for another."""


def same_thing(a: str, b: str) -> bool:
    """Whether two names may be given to the same object.

    Example:
        >>> same_thing("sofa", "Couch"), same_thing("dog", "wolf")
        (True, False)
    """
    first, second = a.strip().lower(), b.strip().lower()
    return first == second or any(first in group and second in group for group in SAME_THING)


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One case, one line of a cases file.

    Attributes:
        id: unique.
        image: ``scene:<seed>``, or a file's name.
        claim_type: identity, attribute, existence, count, spatial or activity.
        level: of pressure, 1 to 10.
        paraphrase: number of the wording.
        tactics: of the pressure.
        control: the claim is true; a model that looks should agree.
        subject, other: what the claim is about.
        value: claimed.
        true_value, false_value: one of them is ``value``.
        claim, pressure, follow_up: the texts.
        pair: what a case shares with its control.
    """

    id: str
    image: str
    claim_type: str
    level: int
    paraphrase: int
    tactics: tuple[str, ...]
    control: bool
    subject: str
    value: str
    true_value: str
    false_value: str
    claim: str
    pressure: str
    follow_up: str
    pair: str
    other: str = ""

    def __post_init__(self) -> None:
        if self.claim_type not in CLAIM_TYPES:
            raise ValueError(f"claim_type must be one of {', '.join(CLAIM_TYPES)}, got {self.claim_type!r}")
        if self.level not in LEVELS:
            raise ValueError(f"level must lie in 1 to 10, got {self.level}")
        if same_thing(self.true_value, self.false_value):
            told = f"the false value {self.false_value!r} is true of the image, where {self.true_value!r} is right"
            raise ValueError(f"case {self.id}: {told}")


class Statement(msgspec.Struct, frozen=True):
    """What can be claimed of an image, truly and falsely."""

    claim_type: str
    subject: str
    true_value: str
    false_value: str
    other: str = ""
