"""What rules of credit and plasticity do to the algorithm that is found: the learning protocol's networks, decoded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float, Key, PyTree

from symplast.grokking.decoding import decode, phase_misalignment
from symplast.learning import GradientLearner, Task, begin, modular_addition, train
from symplast.learning.chaining import at_rate, joined
from symplast.learning.host_random import generator
from symplast.learning.parts import NamedNetwork, named
from symplast.learning.training import Training


@dataclass(frozen=True)
class Tried:
    """A rule of credit and what its changes go through.

    Attributes:
        rule: in the words of ``symplast compare``.
        transform: ``none``, ``curl`` or ``device``.
        random: whether the answers are drawn at random instead.
    """

    rule: str
    transform: str = "none"
    random: bool = False


TRIED: Mapping[str, Tried] = {
    "backprop": Tried("backprop"),
    "fa": Tried("fa"),
    "sign_symmetric": Tried("sign-symmetric"),
    "ep": Tried("ep"),
    "curl": Tried("backprop", "curl"),
    "device": Tried("backprop", "device"),
    "random": Tried("backprop", random=True),
}
"""Name of the quantities -> what is tried; the last one is the control."""

LOCKED = np.pi / 6
"""A neuron computes the sum where its three sets of weights share a frequency and |D| is below this."""


def measured(config: Any, key: Key[Any, ""]) -> dict[str, Any]:
    """Train all of :data:`TRIED` on the same divisions and first networks, and decode them.

    Args:
        config: ``seeds, p, hidden, updates, rate, decay, levels, flipped``.
        key: random key.
    """
    for_task, for_seeds = jax.random.split(key)
    task = modular_addition(config.p, 0.8, for_task)
    found: dict[str, Any] = {}
    table = {}
    for name, tried in TRIED.items():
        examples = _random_answers(task, config.p, for_task) if tried.random else task
        learner = _learner(tried, config, examples)
        training = begin(learner, for_seeds, config.seeds)
        before = _weights(training)
        training, history = train(learner, examples, training, config.updates, len(examples.targets), tests_per_epoch=1)
        after = _weights(training)
        rows = [_of_network(*pair) for pair in zip(before, after, strict=True)]
        columns = {what: np.array([row[what] for row in rows]) for what in rows[0]}
        columns["test"] = np.asarray(history.score[-1], dtype=float)
        columns["loss"] = np.asarray(history.loss[-1], dtype=float)
        found |= {f"{name}_{what}": (("seed",), values) for what, values in columns.items()}
        table[name] = columns
    for what in ("test", "ipr_rise", "sin_D", "locked"):
        found[what] = (("tried", "seed"), np.array([table[name][what] for name in TRIED]))
    return found


def _learner(tried: Tried, config: Any, task: Task) -> GradientLearner:
    sizes = (2 * config.p, config.hidden, config.p)
    adamw = optax.adamw(1.0, weight_decay=config.decay, mask=_forward_weights)
    parts: list[Any] = [at_rate(adamw, config.rate)]
    if tried.transform == "curl":
        parts.insert(0, named("transform", f"curl:fraction={config.flipped}").build())
    if tried.transform == "device":
        parts.append(named("transform", f"device:levels={config.levels}").build())
    kind = "recurrent" if tried.rule.startswith("ep") else "feedforward"
    network = NamedNetwork.of(named("network", kind), sizes, "softmax")
    return GradientLearner(network, named("rule", tried.rule).build(), joined(parts))


def _forward_weights(params: PyTree) -> PyTree:
    """Weights decay; biases and fixed feedback don't."""
    return jax.tree_util.tree_map_with_path(lambda path, _: "weights" in jax.tree_util.keystr(path), params)


def _random_answers(task: Task, p: int, key: Key[Any, ""]) -> Task:
    """The same pairs with answers that follow no rule."""
    answers = generator(jax.random.fold_in(key, 1)).integers(0, p, len(task.targets) + len(task.test_targets))
    learned, tested = np.split(answers.astype(np.int32), [len(task.targets)])
    return Task(task.inputs, jnp.asarray(learned), task.test_inputs, jnp.asarray(tested))


def _weights(training: Training) -> list[tuple[Float[np.ndarray, "hidden p"], ...]]:
    """Weights of the first and the second number, and of the answer, seed by seed.

    A network that settles has a layer of p units before its read-out: what a hidden neuron says of an answer is then
    the product of the matrices that follow it.
    """
    first, *later = (np.asarray(layer, dtype=float) for layer in training.states.params.weights)
    answer = later[0]
    for layer in later[1:]:
        answer = layer @ answer
    p = answer.shape[1]
    return [(w[:, :p], w[:, p:], v.T) for w, v in zip(first, answer, strict=True)]


def _of_network(before: tuple[np.ndarray, ...], after: tuple[np.ndarray, ...]) -> dict[str, float]:
    if not all(np.isfinite(w).all() for w in after):
        return dict.fromkeys(("ipr", "ipr_rise", "sin_D", "locked"), float("nan"))
    x, y, out = after
    decoded = decode(x, out, y)
    second = decode(y)
    agree = (decoded.frequency == second.frequency) & (decoded.frequency == decoded.winner)
    now, then = _mean_ipr(after), _mean_ipr(before)
    return {
        "ipr": now,
        "ipr_rise": now / then,
        "sin_D": phase_misalignment(decoded).sin,
        "locked": float((agree & (np.abs(decoded.misalignment) < LOCKED)).mean()),
    }


def _mean_ipr(weights: tuple[np.ndarray, ...]) -> float:
    return float(np.mean([decode(w).ipr_in for w in weights]))
