"""How a population adapts by gains alone, whether recurrence matters, and a circuit that whitens signals.

After Duong, Bredenberg, Heeger and Simoncelli, "Adaptive coding efficiency in recurrent cortical circuits via gain
control" (2023), arXiv:2305.19869 (a reconstruction), and Duong et al. (ICML 2023), arXiv:2301.11955.
Run: python examples/gain_control.py
"""

import jax
import numpy as np

from symplast.gain_control import (
    FrameWhitener,
    OrientationPopulation,
    VonMisesKernel,
    adapt_online,
    biased_box,
    frames,
    measure_adaptation,
    optimal_gains,
    preset,
    uniform,
)

# A tuned population; the adapter at 0 degrees makes up 35 % of the stimuli.
population, cost = preset("default", 45, 91)
s, theta = population.stimuli, population.preferred
p = np.stack([uniform(91), biased_box(s, 0.35)])
alone = OrientationPopulation(45, 91, kernel=VonMisesKernel(w_e=0.0))
for name, own in (("recurrent", population), ("without recurrence", alone)):
    circuit = own.circuit()
    control, adapted = (circuit.responses(g) for g in optimal_gains(circuit, p, cost).g)
    found = measure_adaptation(control, adapted, theta, s, *p)
    print(
        f"{name}: response at the adapter x {found.amp_ratio[found.at_adapter]:.2f}, far x "
        f"{found.amp_ratio[found.far]:.2f}; repulsion up to {found.repulsion.max():.2f} deg; correlation of the flank "
        f"pair {found.flank_correlation[1]:.3f} -> {found.flank_correlation[2]:.3f}"
    )

# The same gains, stimulus by stimulus.
circuit = population.circuit()
before, after = optimal_gains(circuit, p, cost).g
run = adapt_online(circuit, p[1], cost, key=jax.random.key(0), steps=40_000, g0=before)
left = np.linalg.norm(run.late_mean() - after) / np.linalg.norm(before - after)
print(f"online: {100 * left:.0f} % of the way to the optimum are left after {run.stimuli[-1]} stimuli")

# Whitening: three interneurons adapt their gains to whatever comes.
whitener = FrameWhitener(frames.mercedes())
for name, covariance in (("A", [[2, 0.6], [0.6, 1]]), ("B", [[1, -0.4], [-0.4, 2]])):
    x = np.random.default_rng(0).multivariate_normal([0, 0], covariance, 20_000)
    for _ in range(6):
        whitener = whitener.partial_fit(x, batch=64)
    print(f"context {name}: gains {np.round(whitener.g, 2)}, variances {whitener.transform(x).var(axis=0).round(2)}")
