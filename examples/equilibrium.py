"""Train a network with independent feedback weights by equilibrium propagation, with and without homeostasis.

Laborieux and Zenke, "Improving equilibrium propagation without weight symmetry through Jacobian homeostasis" (2024),
arXiv:2309.02214. Run: python examples/equilibrium.py
"""

import jax
import optax

from symplast.equilibrium import EquilibriumPropagation, RecurrentBackprop, bias_report, gradient
from symplast.learning import GradientLearner, begin, images, score, train
from symplast.learning.recurrent import LayeredNet, Relaxation

CALM = EquilibriumPropagation(free_steps=3000, nudged_steps=300, tol=1e-5)
task = images("digits", train=600, test=200)


def make_network(key):
    """64 pixels, two layers, 10 outputs; feedback weights at 90 degrees to the forward ones; it sweeps to rest."""
    return LayeredNet((64, 32, 32, 10), key=key, angle_deg=90, relaxation=Relaxation(25, update="sweep"))


# How biased is the error signal of such a network, and does a smaller nudge help?
report = bias_report(make_network(jax.random.key(0)), task.inputs[:30], task.targets[:30], [0.05, 0.5], [1, 4])
print(f"angle between EP's and backprop's error vectors: {report.asymmetry_deg} degrees, whatever the nudge")
print(report.table[["n_points", "beta", "angle_deg", "nudge_error"]].round(4).to_string(index=False))

# Train with it: two seeds side by side, one compiled program a rule. Without homeostasis the network may never come
# to rest at a few images; a warning says so, and the cosine means little for them.
rules = {
    "EP": EquilibriumPropagation(nudged_steps=12),
    "EP + homeostasis": EquilibriumPropagation(nudged_steps=12, homeostasis=1.0),
    "recurrent backprop": RecurrentBackprop(steps=12),
}
for name, rule in rules.items():
    learner = GradientLearner(make_network, rule, optax.adam(3e-3))
    training, _ = train(learner, task, begin(learner, jax.random.key(1), seeds=2), epochs=8, batch_size=20)
    accuracy = score(learner, task, training)
    network = learner.network(jax.tree.map(lambda leaf: leaf[0], training.states))
    _, info = gradient(network, task.test_inputs, task.test_targets, CALM)
    told = f"angle {float(network.weight_angle()):.0f} degrees, EP's cosine with backprop {float(info.cos_to_bp):.2f}"
    print(f"{name:18s} accuracy {float(accuracy.mean()):.3f}; {told}")
