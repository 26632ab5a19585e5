"""From a measured pulse curve to the accuracy of a chip, and any learning rule written into such devices.

A reconstruction of Lim et al., "Adaptive Learning Rule for Hardware-based Deep Neural Networks Using Electronic Synapse
Devices" (2017), arXiv:1707.06381. Run: python examples/devices.py
"""

import jax
import numpy as np
import optax

from symplast.devices import DeviceModel, SingleStepRule, Variation, advise, train_online, write
from symplast.learning import Backprop, FeedForwardNet, GradientLearner, begin, images, train

# A device as a lab measures it: 64 LTP and 64 LTD pulses, in siemens, with noise.
true, pulses = DeviceModel(64, b_ltp=0.5, b_ltd=4.0, g_min=1e-6, g_max=9e-6), np.arange(65)
rng = np.random.default_rng(0)
G_ltp, G_ltd = (
    np.asarray(true.siemens(true.curve(pulses, way))) + 4e-8 * rng.standard_normal(65) for way in ("ltp", "ltd")
)
found = DeviceModel.fit(G_ltp, G_ltd)
print(f"nonlinearity: LTP {found.ci['b_ltp']}, LTD {found.ci['b_ltd']}; rmse {100 * found.rmse:.2g} % of the range")

# Which update scheme should the chip use?
task = images("digits")
X, y, X_test, y_test = (np.asarray(a) for a in (task.inputs, task.targets, task.test_inputs, task.test_targets))
data = {"X_test": X_test, "y_test": y_test, "epochs": 5}
advice = advise(found.model, X, y, sizes=(64, 100, 10), seeds=3, key=jax.random.key(0), **data)
for scheme, accuracy in advice.accuracy.items():
    print(f"  {scheme:8s} {accuracy}, {advice.pulses_per_weight[scheme]:.0f} pulses per weight")
print(f"use {advice.best}; as good within these seeds: {advice.ties or 'none'}")

# What does a spread of the steps cost, and does exchanging the devices' roles at each refresh help?
for swap in (False, True):
    rule = SingleStepRule(swap_on_refresh=swap)
    spread = Variation(d2d_step=0.3)
    run = train_online(
        (64, 100, 10), DeviceModel(64), rule, X, y, key=jax.random.key(1), variation=spread, **data
    )  # fmt: skip
    print(f"steps spread by 0.3, swap {swap!s:5}: accuracy {run.acc_late:.3f}, {run.refreshes} pairs refreshed")

# Any credit rule and optimiser, written into the same devices: the last link of the chain.
chain = optax.chain(optax.sgd(0.1), write(found.model, mode="proportional"))
learner = GradientLearner(lambda key: FeedForwardNet((64, 32, 10), key=key), Backprop(), chain)
_, history = train(
    learner, task, begin(learner, jax.random.key(2), seeds=3), epochs=5, batch_size=16, tests_per_epoch=1
)
print(f"backprop, SGD, devices: accuracy {history.score[-1].mean():.3f}")
