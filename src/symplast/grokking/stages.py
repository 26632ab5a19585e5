"""Stages of grokking, from a history of accuracies: memorisation, generalisation, clean-up."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from symplast.stats.arguments import check_sample

THRESHOLD = 0.95
"""Accuracy that ends a stage."""


@dataclass(frozen=True)
class Stages:
    """When which stage ended, and what happened at the borders. None where it never did or wasn't recorded.

    Attributes:
        memorised: first recorded step with a training accuracy of at least the threshold: end of stage I.
        generalised: the same for the test accuracy: end of stage II.
        norm_peak: step at which the norm of the weights is largest; None where it is largest at the end.
        norm_at_peak: that norm.
        test_loss_peak: step of the largest test loss; None where it is largest at the end.
        fitted: first recorded step at which all training pairs are right.
        plateau: test accuracy there.
        mirrored_share: share of the test pairs whose mirror image is learned: what symmetry alone gives.
        unseen_at_plateau: accuracy there on the other test pairs.
        final_test_acc: at the last record.
        threshold: accuracy that ends a stage.
    """

    memorised: float | None
    generalised: float | None
    norm_peak: float | None
    norm_at_peak: float | None
    test_loss_peak: float | None
    fitted: float | None
    plateau: float | None
    mirrored_share: float | None
    unseen_at_plateau: float | None
    final_test_acc: float | None
    threshold: float = THRESHOLD

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def grokking_stages(history: Any, *, threshold: float = THRESHOLD, mirrored_share: float | None = None) -> Stages:
    """Find the stages in a history.

    Args:
        history: columns of equal length: ``step, train_acc``; where there are: ``test_acc, norm, test_loss,
            mirrored_acc, unseen_acc`` (:class:`symplast.grokking.History`, a dict, a DataFrame).
        threshold: accuracy that ends a stage, in (0, 1].
        mirrored_share: of the test pairs, if the history does not know it itself.

    Raises:
        ValueError: missing or unequal columns, steps that don't rise, accuracies outside [0, 1].

    Example:
        >>> found = grokking_stages({"step": [0, 10, 20, 30], "train_acc": [0, 1, 1, 1], "test_acc": [0, 0.7, 0.7, 1]})
        >>> found.memorised, found.plateau, found.generalised, found.norm_peak
        (10.0, 0.7, 30.0, None)
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be an accuracy in (0, 1], got {threshold}")
    known = ("step", "train_acc", "test_acc", "norm", "test_loss", "mirrored_acc", "unseen_acc")
    if missing := [name for name in ("step", "train_acc") if name not in history]:
        raise ValueError(f"history must have the columns step and train_acc; it lacks {', '.join(missing)}")
    columns = {name: check_sample(np.asarray(history[name]), name, least=1) for name in known if name in history}
    if len({column.size for column in columns.values()}) > 1:
        sizes = ", ".join(f"{name} {column.size}" for name, column in columns.items())
        raise ValueError(f"history must have columns of equal length, got {sizes}")
    step = columns["step"]
    if (np.diff(step) <= 0).any():
        raise ValueError("step must rise from record to record")
    for name, column in columns.items():
        if name.endswith("_acc") and (column.min() < 0 or column.max() > 1):
            raise ValueError(
                f"{name} must lie in [0, 1] (a share, not per cent), got {column.min():g} to {column.max():g}"
            )

    def first(name: str, least: float) -> int | None:
        reached = np.flatnonzero(columns[name] >= least) if name in columns else np.array([], dtype=int)
        return int(reached[0]) if reached.size else None

    def step_at(index: int | None) -> float | None:
        return None if index is None else float(step[index])

    def value_at(name: str, index: int | None) -> float | None:
        return None if index is None or name not in columns else float(columns[name][index])

    def peak_of(name: str) -> int | None:
        highest = int(columns[name].argmax()) if name in columns else step.size - 1
        return None if highest == step.size - 1 else highest

    fitted, peak = first("train_acc", 1.0), peak_of("norm")
    share = getattr(history, "mirrored_share", None) if mirrored_share is None else mirrored_share
    return Stages(
        memorised=step_at(first("train_acc", threshold)),
        generalised=step_at(first("test_acc", threshold)),
        norm_peak=step_at(peak),
        norm_at_peak=value_at("norm", peak),
        test_loss_peak=step_at(peak_of("test_loss")),
        fitted=step_at(fitted),
        plateau=value_at("test_acc", fitted),
        mirrored_share=share,
        unseen_at_plateau=value_at("unseen_acc", fitted),
        final_test_acc=value_at("test_acc", step.size - 1),
        threshold=threshold,
    )


def ipr_slopes(history: Any, stages: Stages) -> dict[str, float]:
    """Rise of the input layer's IPR per 1000 steps in each stage.

    Stage II goes from the end of memorisation to the norm's peak, or to the last record where the norm still rises
    there; stage III from there on. NaN for a stage that was not recorded.

    Args:
        history: with ``step`` and ``ipr_in``.
        stages: of the same history.
    """
    step, height = np.asarray(history["step"]), np.asarray(history["ipr_in"])
    last = float(step[-1])
    borders = [float(step[0]), stages.memorised, last if stages.norm_peak is None else stages.norm_peak, last]
    found = {}
    for name, begin, end in zip(("I", "II", "III"), borders[:-1], borders[1:], strict=True):
        if begin is None or end is None or end <= begin:
            found[name] = float("nan")
        else:
            rise = np.interp(end, step, height) - np.interp(begin, step, height)
            found[name] = float(1000 * rise / (end - begin))
    return found
