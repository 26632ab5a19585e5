"""What an audit found, as data: the report and its rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from symplast.scaling.approach2 import Parabola
from symplast.scaling.deadweight import DeadweightLoss, TrainingPrice
from symplast.scaling.resampling import BootstrapResult
from symplast.stats import Estimate


@dataclass(frozen=True)
class EstimatorRow:
    """One estimator on the table.

    Attributes:
        name: which.
        a, b: exponents of N*(C) and D*(C).
        n_opt, d_opt: the split at the target.
        parameters: alpha, beta, A, B, E where it fits a surface, raw units.
        failed: reason -> number of resamples without an answer.
        flags: what makes it doubtful.
    """

    name: str
    a: Estimate
    b: Estimate
    n_opt: Estimate
    d_opt: Estimate
    parameters: dict[str, Estimate]
    failed: dict[str, int]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeftOut:
    """The table without one budget: splits at the target and the waste of Approach 2, both refitted."""

    budget: float
    runs: int
    a2_d_opt: float
    surface_d_opt: float
    waste: float
    waste_held: float  # with the surface held at the fit of the whole table


@dataclass(frozen=True)
class GridPlacement:
    """Where one budget's grid sits against the fitted optimum.

    Attributes:
        budget: FLOP.
        centre_over_optimum: middle of the sizes tried over the surface's N*(C).
        half_width: +-k x as a factor k.
        covers_optimum: whether N*(C) lies within the sizes tried.
    """

    budget: float
    centre_over_optimum: float
    half_width: float
    covers_optimum: bool


@dataclass(frozen=True)
class AuditReport:
    """Result of :func:`audit`.

    Attributes:
        source: name of the table.
        read_from: N, D, L, C -> the column and the unit that it was read from, in words; empty for arrays.
        n: number of runs.
        budgets: FLOP, ascending.
        target: budget at which splits and waste are compared.
        price: of the compute.
        estimators: side by side.
        parabolas: per budget, with reasons where one fails; empty without IsoFLOP curves.
        placement: where each grid sits.
        center_scale: N*(C) over the middle of the grids at the lowest budget (3 is the paper's "3x offset").
        drift: how far the middle falls behind from the lowest to the highest budget, log10 units.
        design_bias: relative error of Approach 2's D* at the target that this design has without any noise, if the
            fitted surface is true.
        left_out: leave one budget out.
        waste: of Approach 2 at the target, judged by the variable-projection surface.
        waste_held: interval of the waste with that surface held fixed (the paper's kind).
        waste_joint: interval with both refitted.
        findings: what to take from it, in sentences.
    """

    source: str
    n: int
    budgets: tuple[float, ...]
    target: float
    price: TrainingPrice
    estimators: tuple[EstimatorRow, ...]
    parabolas: tuple[Parabola, ...]
    placement: tuple[GridPlacement, ...]
    center_scale: float | None
    drift: float | None
    design_bias: float | None
    left_out: tuple[LeftOut, ...]
    waste: DeadweightLoss | None
    waste_held: BootstrapResult | None
    waste_joint: BootstrapResult | None
    findings: tuple[str, ...]
    read_from: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: samples are left out."""
        data = {
            name: getattr(self, name)
            for name in (
                "source",
                "n",
                "read_from",
                "budgets",
                "target",
                "center_scale",
                "drift",
                "design_bias",
                "findings",
            )
        }
        for name in ("estimators", "parabolas", "placement", "left_out"):
            data[name] = [asdict(row) for row in getattr(self, name)]
        data["price"] = {**asdict(self.price), "per_flop": self.price.per_flop}
        data["waste"] = asdict(self.waste) if self.waste else None
        for name in ("waste_held", "waste_joint"):
            result = getattr(self, name)
            data[name] = result and {
                "share": asdict(result.estimates["waste"]),
                "dollars": asdict(result.estimates["dollars"]),
                "resamples": result.n,
                "failed": dict(result.failed),
            }
        return _finite(data)


def _finite(value: Any) -> Any:
    """NaN and infinity become None: JSON has neither."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value
