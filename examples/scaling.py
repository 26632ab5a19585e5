"""Audit a sweep of training runs whose truth is known: what each estimator says, and what it would cost to believe it.

Czech et al., "Problems with Chinchilla Approach 2" (2026), arXiv:2603.22339.
Run: python examples/scaling.py
"""

import numpy as np

from symplast.scaling import (
    SURFACES,
    approach2_bias,
    audit,
    deadweight_loss,
    design_grid,
    fit_approach2,
    fit_surface,
    simulate_isoflop,
)

# 60 runs on 5 budgets whose sizes fall behind the optimum as the budget grows: an everyday sweep.
truth = SURFACES["asymmetric"]
runs = simulate_isoflop(
    truth, np.logspace(18, 22, 5), n_points=12, half_width_log10=0.6, drift=np.log10(3), noise_std=0.01, seed=0
)
target = 1e24

parabolas = fit_approach2(runs.N, runs.D, runs.L, runs.C)
surface = fit_surface(runs.N, runs.D, runs.L)
print(f"tokens for {target:.0e} FLOP: truth {truth.d_opt(target):.3g}")
print(f"  Approach 2          {parabolas.allocation.d_opt(target):.3g}")
print(f"  variable projection {surface.surface.d_opt(target):.3g}")
for name, split in (("Approach 2", parabolas.allocation), ("variable projection", surface.surface)):
    waste = deadweight_loss(truth, split, target)
    print(f"  {name} wastes {waste.fraction:.2%} of the budget, ${waste.dollars:,.0f}")

errors = surface.standard_errors
print(
    f"alpha {surface.surface.alpha:.3f} ± {errors['alpha']:.3f}, beta {surface.surface.beta:.3f} ± {errors['beta']:.3f}"
)
print(f"condition number {surface.condition.raw:.1e} in raw parameters, {surface.condition.projected:.0f} projected")

# How wide may a grid be? Even centred and without noise a parabola is off by:
for k in (2, 4, 8, 16):
    print(f"  ±{k}x grid: N* off by {approach2_bias(truth.alpha, truth.beta, k).n_factor - 1:+.1%}")
print(f"widest grid for an error below 1 %: ±{design_grid(truth.alpha, truth.beta, 0.01):.2f}x")

# The same from the table alone, as it would be done without knowing the truth.
for sentence in audit(runs, target=target, resamples=200).findings:
    print("-", sentence)
