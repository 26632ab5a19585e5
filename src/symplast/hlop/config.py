"""How the circuits of a network are set up: rows for each task, learning rates, lateral spikes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symplast.hlop.arguments import check_room, check_rows
from symplast.hlop.circuit import OjaRule, oja_rule
from symplast.stats.arguments import check_count


@dataclass(frozen=True)
class HLOPConfig:
    """Lateral circuits of a network.

    Attributes:
        rows_first: lateral neurons of each projected layer in the first task, first layer first.
        rows_new: the same for each later task: one list for all of them, or one a task.
        lr: learning rate of the circuits.
        lr_input: of the first layer's, whose input is not a rate.
        momentum, iterations: as for :class:`OjaRule`.
        spiking: (scale, levels) of spiking lateral neurons, or None.
        spiking_projection: whether they also make the projection (otherwise only their own learning).
        rates: circuits learn from mean rates where a method would have them learn from spikes (cheaper, not the same).
        exact: merged rows are made orthonormal, so that the projection is exact.

    Raises:
        ValueError: a learning rate, momentum, number of iterations, scale or levels out of range.

    Example:
        >>> config = HLOPConfig((80, 200, 100), row_schedule((70, 70, 70), 10))
        >>> config.totals((784, 800, 800), 10)
        (470, 590, 490)
    """

    rows_first: Sequence[int]
    rows_new: Sequence[int] | Sequence[Sequence[int]]
    lr: float = 0.01
    lr_input: float = 0.001
    momentum: float = 0.9
    iterations: int = 5
    spiking: tuple[float, float] | None = None
    spiking_projection: bool = True
    rates: bool = False
    exact: bool = False

    def __post_init__(self) -> None:
        self.rules(2)

    def schedule(self, layers: int, tasks: int) -> list[tuple[int, ...]]:
        """Rows of each layer, task by task.

        Raises:
            ValueError: lists of another length than there are layers, or fewer lists than later tasks.
        """
        first, later = check_rows(self.rows_first, "rows_first", layers), list[Any](self.rows_new)
        each = [np.ndim(entry) > 0 for entry in later]
        if any(each) and not all(each):
            raise ValueError(f"rows_new must be one list of numbers, or one list a task, got {self.rows_new}")
        lists = later if any(each) else [later] * max(tasks - 1, 0)
        if len(lists) < tasks - 1:
            raise ValueError(f"rows_new must have a list for each of the {tasks - 1} later tasks, got {len(lists)}")
        return [first, *(check_rows(rows, "rows_new", layers) for rows in lists[: tasks - 1])]

    def totals(self, widths: Sequence[int], tasks: int) -> tuple[int, ...]:
        """Rows of each layer after the last task.

        Raises:
            ValueError: more than the layer has presynaptic features.
        """
        totals = tuple(sum(rows) for rows in zip(*self.schedule(len(widths), tasks), strict=True))
        for layer, (total, width) in enumerate(zip(totals, widths, strict=True), start=1):
            check_room(total, width, f"rows of layer {layer} over {tasks} tasks")
        return totals

    def rules(self, layers: int) -> tuple[OjaRule, ...]:
        """How each layer's circuit learns."""
        rates = (self.lr_input, *[self.lr] * (layers - 1))
        return tuple(oja_rule(lr, self.momentum, self.iterations, self.spiking) for lr in rates)


def row_schedule(first: Sequence[int], tasks: int, *, fall: int = 20, every: int = 3) -> tuple[tuple[int, ...], ...]:
    """Rows of the later tasks: ``first``, less by ``fall`` at tasks 4, 7, 10 and so on.

    Raises:
        ValueError: fewer than one task, or rows that fall below 0.

    Example:
        >>> row_schedule((70,), 10)
        ((70,), (70,), (50,), (50,), (50,), (30,), (30,), (30,), (10,))
    """
    check_count(tasks, "tasks")
    return tuple(check_rows([k - fall * (i // every) for k in first], "rows_new", len(first)) for i in range(1, tasks))
