"""Compute-optimal scaling laws: fit them, see how sure you can be, and what a wrong fit costs.

Given runs (N parameters, D tokens, loss L, budget C), estimate L(N, D) = E + A N^-alpha + B D^-beta and how a budget
should be split. Approach 2 (parabolas), Approach 3 (five parameters at once) and variable projection side by side.
"""

from typing import TYPE_CHECKING

from symplast.on_use import loaded_on_use
from symplast.scaling.approach1 import EnvelopeFit, fit_approach1
from symplast.scaling.approach2 import Approach2Fit, Parabola, fit_approach2
from symplast.scaling.audit_report import AuditReport, EstimatorRow
from symplast.scaling.auditing import audit
from symplast.scaling.bias import ParabolaBias, approach2_bias, design_grid, small_grid_bias
from symplast.scaling.conditioning import Conditioning, condition_numbers, covariance, identifiability
from symplast.scaling.deadweight import DeadweightLoss, TrainingPrice, deadweight_loss
from symplast.scaling.fit import Bounds, GridMinimum, SurfaceFit, fit_surface, grid_search
from symplast.scaling.reports import design_report, fit_report
from symplast.scaling.resampling import BootstrapResult, bootstrap
from symplast.scaling.run_files import read_runs
from symplast.scaling.simulation import simulate_isoflop
from symplast.scaling.surfaces import SURFACES, Allocation, LossSurface
from symplast.scaling.tables import RunTable, ScalingWarning, run_table

if TYPE_CHECKING:
    from symplast.scaling.audit_page import check_page, write_audit_page

__all__ = [
    "SURFACES",
    "Allocation",
    "Approach2Fit",
    "AuditReport",
    "BootstrapResult",
    "Bounds",
    "Conditioning",
    "DeadweightLoss",
    "EnvelopeFit",
    "EstimatorRow",
    "GridMinimum",
    "LossSurface",
    "Parabola",
    "ParabolaBias",
    "RunTable",
    "ScalingWarning",
    "SurfaceFit",
    "TrainingPrice",
    "approach2_bias",
    "audit",
    "bootstrap",
    "check_page",
    "condition_numbers",
    "covariance",
    "deadweight_loss",
    "design_grid",
    "design_report",
    "fit_approach1",
    "fit_approach2",
    "fit_report",
    "fit_surface",
    "grid_search",
    "identifiability",
    "read_runs",
    "run_table",
    "simulate_isoflop",
    "small_grid_bias",
    "write_audit_page",
]

__getattr__ = loaded_on_use(__name__, {"audit_page": ("check_page", "write_audit_page")})  # they bring matplotlib
