"""Learners that bring network and synapses of their own: named like a credit rule, they take no transform."""

import inspect
from typing import Any

from symplast.learning.learner import Learner
from symplast.learning.parts import Named, named

LEARNERS = {
    "sym-stdp": ("symplast.sym_stdp.learner.classifier", "spiking network that learns by symmetric STDP and a teacher"),
    "spiking": (
        "symplast.hlop.unprotected.spiking_network",
        "spiking network, differentiated (method: bptt, dsr, ottt)",
    ),
}
"""Short names: where they are, and what they are in one line."""


def named_rule(text: str) -> Named:
    """Read a credit rule, or a whole learner by its short name.

    Raises:
        ValueError: as :func:`~symplast.learning.parts.named`.
    """
    name, colon, settings = text.partition(":")
    if name not in LEARNERS:
        try:
            return named("rule", text)
        except ValueError as error:
            raise ValueError(str(error).replace("must be one of", f"must be one of {', '.join(LEARNERS)},")) from None
    found = named("rule", LEARNERS[name][0] + colon + settings)
    return Named(text, found.part, found.settings)


def is_whole(rule: Named) -> bool:
    """Whether it makes a learner from ``sizes`` (units of each layer, inputs first), rather than a credit rule."""
    return "sizes" in inspect.signature(rule.part.load()).parameters


def whole_learner(rule: Named, sizes: tuple[int, ...], transform: str, classes: int | None) -> Learner:
    """Make it for a task.

    Raises:
        ValueError: a transform beside it, a task without classes, or sizes that it can't have.
    """
    if transform != "none":
        raise ValueError(f"{rule.text} changes synapses of its own, so no transform goes with it; got {transform}")
    if not classes:
        raise ValueError(f"{rule.text} learns classes; this task has none")
    made: Any = rule.build(sizes=sizes)
    if not isinstance(made, Learner):
        raise ValueError(f"{rule.text}: must make a symplast.learning.Learner, got {type(made).__name__}")
    return made
