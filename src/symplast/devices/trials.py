"""Paired training runs for the experiments: the same seeds, orders, first weights and spread for every design."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key

from symplast.devices.device_model import DeviceModel
from symplast.devices.network import FloatLayer, accuracy
from symplast.devices.online import Problem, Run, as_floats, crossbars, float_layers, run_online
from symplast.devices.rule import SingleStepRule
from symplast.devices.schemes import REFRESHED, Scheme
from symplast.devices.variation import Variation
from symplast.lab import seed_keys
from symplast.learning import images

PERCENT = 100.0
BRIEF = 4000
"""Below so many samples a run is shorter than compiling a program of its own."""

QUANTILES = (0.5, 0.9, 0.99, 1.0)
"""Of the pulses that single devices were sent."""


class Design(NamedTuple):
    """What is compared: a device, a scheme, and how they are used.

    Attributes:
        scheme: update scheme; None is the software baseline.
        device: its device model.
        variation: spread of the devices.
        refresh_write, swap: refresh settings; ignored by schemes without refresh.
        theta: error thresholds, hidden and last.
    """

    scheme: Scheme | None
    device: DeviceModel | None = None
    variation: Variation | None = None
    refresh_write: str = "pulses"
    swap: bool = False
    theta: tuple[float, ...] = (0.02, 0.1)


@dataclass(frozen=True)
class Scores:
    """One design over seeds.

    Attributes:
        late, final: (seeds,) test accuracy in percent: mean over the last fifth of the run, and after the last sample.
        pulses, refreshes: (seeds,) per weight.
        quantiles: (seeds, 4) of the pulses that single devices were sent.
        train: (seeds,) accuracy of the final weights on the training examples in percent; NaN unless asked for.
    """

    late: np.ndarray
    final: np.ndarray
    pulses: np.ndarray
    refreshes: np.ndarray
    quantiles: np.ndarray
    train: np.ndarray


class Bench(NamedTuple):
    """A task on which designs are compared.

    Attributes:
        problem: data.
        sizes: units of each layer.
        keys: one a seed; the same for every design, so that differences are paired.
        samples: shown of the first epoch; None for all.
        epochs: passes.
        bias: always-on lines.
        lr: learning rate of the software baseline.
        brief: compile with little effort.
    """

    problem: Problem
    sizes: tuple[int, ...]
    keys: tuple[Key[Array, ""], ...]
    samples: int | None
    epochs: int = 1
    bias: bool = False
    lr: float = 0.01
    brief: bool = False

    def run(self, design: Design, *, train_accuracy: bool = False) -> Scores:
        """Every seed of a design."""
        return _scores([self._one(design, key, train_accuracy) for key in self.keys])

    def _one(self, design: Design, key: Key[Array, ""], train_accuracy: bool) -> tuple[Any, ...]:
        run = self._train(design, key)
        pulses, refreshes = run.per_weight()
        sent = [np.zeros(1)]
        sent += [np.asarray(a.pulses).sum(axis=0).ravel() for a in run.crossbars if not isinstance(a, FloatLayer)]
        train = np.nan
        if train_accuracy:
            train = float(accuracy(as_floats(run.crossbars), self.problem.X, self.problem.y, bias=self.bias))
        quantiles = np.quantile(np.concatenate(sent[1:] or sent), QUANTILES)
        return PERCENT * run.acc_late, PERCENT * run.accuracy[-1], pulses, refreshes, quantiles, PERCENT * train

    def _train(self, design: Design, key: Key[Array, ""]) -> Run:
        settings: dict[str, Any] = {
            "epochs": self.epochs,
            "bias": self.bias,
            "samples": self.samples,
            "brief": self.brief,
        }
        rule = SingleStepRule(theta=design.theta)
        if design.scheme is None or design.device is None:
            layers = float_layers(self.sizes, key, self.bias, np.float32(self.lr))
            return run_online(layers, self.problem, rule, key, **settings)
        if design.scheme in REFRESHED:
            rule = SingleStepRule(theta=design.theta, refresh_write=design.refresh_write, swap_on_refresh=design.swap)
        arrays = crossbars(self.sizes, design.device, design.scheme, key, variation=design.variation, bias=self.bias)
        return run_online(arrays, self.problem, rule, key, **settings)


def _scores(runs: list[tuple[Any, ...]]) -> Scores:
    return Scores(*(np.array(column) for column in zip(*runs, strict=True)))


def image_bench(
    name: Any,
    key: Key[Array, ""],
    seeds: int,
    samples: int,
    *,
    epochs: int = 1,
    hidden: int = 200,
    tests: int | None = None,
) -> Bench:
    """784-200-10 on images; ``samples`` of the first permutation of all training images, or several whole epochs."""
    task = images(name, test=tests)
    problem = Problem(task.inputs, _classes(task.targets), task.test_inputs, _classes(task.test_targets))
    examples, pixels = task.inputs.shape
    shown = None if epochs > 1 or samples >= examples else samples
    return Bench(problem, (pixels, hidden, 10), seed_keys(key, seeds), shown, epochs, brief=name == "digits-28")


def cropped_bench(name: Any, key: Key[Array, ""], seeds: int, examples: int, epochs: int) -> Bench:
    """528-250-125-10 with bias on the first images, cropped to rows 3-24 and columns 2-25 (Burr et al. 2015)."""
    task = images(name, train=examples)

    def crop(X: Array) -> Array:
        return X.reshape(-1, 28, 28)[:, 3:25, 2:26].reshape(-1, 528)

    problem = Problem(crop(task.inputs), _classes(task.targets), crop(task.test_inputs), _classes(task.test_targets))
    return Bench(
        problem, (528, 250, 125, 10), seed_keys(key, seeds), None, epochs, bias=True, brief=examples * epochs < BRIEF
    )


def _classes(targets: Array) -> Int[Array, " examples"]:
    return targets.astype(jnp.int32)
