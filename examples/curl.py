"""Neurons whose synapses learn with the wrong sign: how many are tolerated, and when they help.

Ninou, Kadmon and Cayco-Gajic, "Curl Descent: Non-Gradient Learning Dynamics with Sign-Diverse Plasticity" (2025),
arXiv:2510.02765. Run: python examples/curl.py
"""

import jax
import optax

from symplast.curl import (
    CurlRule,
    SpeedSetting,
    critical_fraction,
    draw_inputs,
    draw_net,
    epochs_to_threshold,
    flips,
    frobenius_norm,
    paired_ratio,
    simulate,
    tolerance,
)
from symplast.learning import Backprop, FeedForwardNet, GradientLearner, begin, images, score, train

# How many flipped inputs does an architecture tolerate? Large nets in closed form, a small one by its eigenvalues.
for hidden in (20, 40, 60, 100):
    found = tolerance((20, hidden, 1), (), draws=20)
    print(f"20 inputs, {hidden} hidden units: {found.critical} (large nets of this shape: {found.large_net:.3f})")
print(f"flipped hidden units, inputs / hidden = 1/4: at most {critical_fraction(0.25, 'readout'):.5f} = 5/32")

# Learn a teacher with one of five hidden units flipped, from the same start as gradient descent.
sizes, keys = (20, 5, 1), jax.random.split(jax.random.key(0), 3)
teacher, student = draw_net(keys[0], sizes, activation="tanh"), draw_net(keys[1], sizes, scale=2.0, activation="tanh")
X = draw_inputs(keys[2], 400, 20)
for name, flipped in (("gradient descent", 0), ("one unit flipped", 1), ("all flipped", 5)):
    run = simulate(
        student, teacher, X, rule=CurlRule.flipped(sizes, into_readout=flipped), epochs=5000, stop_below=1e-3
    )
    print(f"{name}: loss {float(run.final_loss):.1e} after {int(run.epochs)} epochs, {run.status}")

# Is that luck? Pairs of runs from ten starts.
runs = epochs_to_threshold([0, 1], SpeedSetting(sizes=sizes, rows=400, limit=5000), seeds=10)
print(f"epochs, gradient descent / one flipped: {paired_ratio(*runs.epochs.values)}")

# The same signs under any learning rule and on any task: a tenth of the neurons of a net that reads digits.
digits = images("digits")


def make_network(key):
    """Outside the loop: what is compiled for the first share serves the others."""
    return FeedForwardNet((64, 64, 10), key=key)


for share in (0.0, 0.1, 0.5):
    rule = optax.chain(flips(fraction=share), optax.sgd(0.1), frobenius_norm())
    learner = GradientLearner(make_network, Backprop(), rule)
    trained, _ = train(learner, digits, begin(learner, jax.random.key(1), seeds=3), epochs=5, batch_size=32)
    right = float(score(learner, digits, trained).mean())
    print(f"{share:.0%} of each layer's neurons flipped: {right:.1%} of digits right")
