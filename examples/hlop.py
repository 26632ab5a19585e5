"""A spiking network that learns one task after another, with and without lateral circuits that protect the old ones.

Xiao et al., "Hebbian Learning based Orthogonal Projection for Continual Learning of Spiking Neural Networks", ICLR
2024, arXiv:2402.11984. Run: python examples/hlop.py
"""

import jax
import optax

from symplast.hlop import ContinualTrainer, HLOPConfig, OjaSubspace, SpikingMLP, permuted_tasks, project
from symplast.learning import (
    Backprop,
    FeedForwardNet,
    GradientLearner,
    backward_transfer,
    begin,
    images,
    train_sequence,
)

digits = images("digits", train=960, test=300)
tasks = permuted_tasks(digits, 3, jax.random.key(0))

# The lateral circuit alone: the principal subspace of a stream, by Hebbian and anti-Hebbian updates.
space = OjaSubspace(64, lr=0.02).add(20)
for batch in digits.inputs.reshape(-1, 40, 64):
    space = space.partial_fit(batch)
print(f"20 lateral neurons hold {100 * space.explained(digits.test_inputs):.1f} % of the digits' second moment")

# Spiking layers, surrogate gradients through time.
network = SpikingMLP((64, 100, 10), "bptt", key=jax.random.key(1))
circuits = HLOPConfig(rows_first=(24, 30), rows_new=(12, 15), lr_input=0.01)
for name, hlop in (("one after the other", None), ("with circuits", circuits)):
    result = ContinualTrainer(network, hlop, batch=16, epochs=2).run(tasks, jax.random.key(2), seeds=3)
    print(f"spiking, {name:20s}: accuracy {result.ACC.mean():.1f} %, backward transfer {result.BWT.mean():+.1f} points")

# The same projection behind another rule and network, as a link of an optax chain.
for name, change in (("plain", optax.sgd(0.1)), ("projected", optax.chain(project(tasks=3, lr=0.02), optax.sgd(0.1)))):
    signals = ("pre",) if name == "projected" else ()
    learner = GradientLearner(lambda key: FeedForwardNet((64, 48, 10), key=key), Backprop(), change, signals)
    _, history = train_sequence(learner, tasks, begin(learner, jax.random.key(3), seeds=3), epochs=2, batch_size=16)
    moved = 100 * backward_transfer(history.score).mean()
    print(f"rates, {name:10s}: backward transfer {moved:+.1f} points")
