"""Teach a spiking network digits with spikes alone: no error signal, every synapse only grows.

Hao, Huang, Dong, Xu, "A biologically plausible supervised learning method for spiking neural networks using the
symmetric STDP rule" (2018), arXiv:1812.06574. Run: python examples/sym_stdp.py
"""

import jax
import numpy as np

from symplast import stats
from symplast.sym_stdp import SymSTDPClassifier, SymSTDPConfig, cluster_report, symmetric_stdp
from symplast.sym_stdp.trials import pictures

# The rule: one spike on each side of a synapse, in either order, makes it stronger.
for name, before, after in (("pre first", 10, 30), ("post first", 30, 10)):
    pre, post = np.zeros((60, 1), bool), np.zeros((60, 1), bool)
    pre[before], post[after] = True, True
    change = symmetric_stdp(pre, post, np.zeros((1, 1)), nu=0.005, tau=20.0, w_max=1.0)
    print(f"{name:10s} by 10 ms: {change[0, 0] / 5e-4:.4f} of a coincident pair")

# Learn on-line, one image at a time, from MNIST images that need no download.
shown = pictures("mnist-5k", images=1000, tests=200)
net = SymSTDPClassifier(784, 100, 10, SymSTDPConfig.preset("mnist-100"), jax.random.key(0))
for first in range(0, 1000, 500):
    net.partial_fit(shown.X[first : first + 500], shown.y[first : first + 500])
    responses = net.respond(shown.X_test)  # plasticity off: nothing changes
    for readout in ("classifier", "assignment"):
        right = int((net.classes(responses, readout) == shown.y_test).sum())
        print(f"after {net.samples} images, {readout:10s} {stats.clopper_pearson(right, 200)}")
print(f"thresholds {net.theta.min():.1f} to {net.theta.max():.1f} mV, {net.presentations} presentations")

# Do the classes form clusters in each layer?
layers = {"input": responses.input, "hidden": responses.hidden, "classifier": responses.classifier}
report = cluster_report(layers, shown.y_test)
print(report[report.metric == "cosine"].round(3).to_string(index=False))
