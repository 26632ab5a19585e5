"""Online training of a network of crossbars, one sample at a time, and its software counterpart."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Key

from symplast.devices.arguments import SCHEMES, check_choice, check_inputs, check_labels, check_reals, check_sizes
from symplast.devices.blocks import Settings, Stream, trained_blocks
from symplast.devices.crossbar import LEAST_SCALE, Crossbar, first_weights
from symplast.devices.device_model import DeviceModel
from symplast.devices.network import FloatLayer, Layer, Thresholds, accuracy
from symplast.devices.rule import SingleStepRule
from symplast.devices.schemes import REFRESHED, Scheme
from symplast.devices.variation import Variation
from symplast.learning.compiling import LIGHTLY, lightly
from symplast.stats.arguments import check_count

LATE = (0.8, 0.85, 0.9, 0.95, 1.0)
"""Shares of the last epoch at which the test accuracy is measured; ``acc_late`` is their mean."""


@dataclass(frozen=True)
class Run:
    """A finished training run.

    Attributes:
        accuracy: test accuracy at the checkpoints; empty without test data.
        tested_at: samples seen at each.
        pulses: LTP and LTD pulses sent in total, those of refreshes included.
        refreshes: pairs refreshed in total.
        stuck_pairs: synapses at the end of their range that no refresh frees, at the end.
        crossbars: the layers, with states, devices and counters of each.
    """

    accuracy: np.ndarray
    tested_at: tuple[int, ...]
    pulses: tuple[int, int]
    refreshes: int
    stuck_pairs: int
    crossbars: tuple[Any, ...]

    @property
    def weights(self) -> tuple[Float[Array, "_ _"], ...]:
        """W of each layer, (n_out, n_in)."""
        return tuple(layer.weights for layer in self.crossbars)

    @property
    def acc_late(self) -> float:
        """Mean test accuracy at 80, 85, 90, 95 and 100 % of the last epoch.

        The accuracy right after the last sample is a bad estimator: with whole-step updates the last few samples move
        it by several points. NaN without test data.
        """
        return float(self.accuracy.mean()) if self.accuracy.size else float("nan")

    def per_weight(self) -> tuple[float, float]:
        """Pulses and refreshes per weight: what energy and endurance pay."""
        weights = sum(layer.weights.size for layer in self.crossbars)
        return sum(self.pulses) / weights, self.refreshes / weights


def sample_order(examples: int, epochs: int, K: int, shuffle: bool, key: Key[Array, ""]) -> Int[np.ndarray, "blocks K"]:
    """Indices of all epochs in blocks of K, the end padded with 0; each epoch is a fresh permutation if shuffled."""
    if shuffle:
        order = np.concatenate([np.asarray(_permutation(key, epochs, epoch, examples)) for epoch in range(epochs)])
    else:
        order = np.tile(np.arange(examples), epochs)
    return np.append(order, np.zeros(-order.size % K, order.dtype)).reshape(-1, K).astype(np.int32)


@partial(jax.jit, static_argnums=(1, 3), **LIGHTLY)
def _permutation(key: Key[Array, ""], epochs: int, epoch: Int[Array, ""], examples: int) -> Int[Array, " examples"]:
    return jax.random.permutation(jax.random.split(key, epochs)[epoch], examples)


def checkpoints(epoch: int, epochs: int, K: int) -> list[int]:
    """Block numbers after which the test accuracy is measured: block ends nearest to 80 .. 100 % of the last epoch."""
    blocks = -(-epoch * epochs // K)
    ends = [min(round(epoch * (epochs - 1 + share) / K), blocks) for share in LATE[:-1]]
    return [*ends, blocks]


class Problem(NamedTuple):
    """Checked data of a run."""

    X: Float[Array, "examples n_in"]
    y: Int[Array, " examples"]
    X_test: Float[Array, "tests n_in"] | None
    y_test: Int[Array, " tests"] | None

    @classmethod
    def checked(cls, sizes: tuple[int, ...], X: Any, y: Any, X_test: Any = None, y_test: Any = None) -> "Problem":
        """Check arrays against the network's sizes.

        Raises:
            ValueError: inputs outside [0, 1] or not finite, labels not integers or outside the classes, test inputs
                without labels or the other way round.
        """
        X = check_inputs(X, "X", sizes[0])
        y = check_labels(y, "y", X.shape[0], sizes[-1])
        if (X_test is None) != (y_test is None):
            raise ValueError("X_test and y_test must be given together")
        if X_test is None:
            return cls(X, y, None, None)
        X_test = check_inputs(X_test, "X_test", sizes[0])
        return cls(X, y, X_test, check_labels(y_test, "y_test", X_test.shape[0], sizes[-1]))


def train_online(
    sizes: Sequence[int],
    device: DeviceModel,
    rule: SingleStepRule,
    X: ArrayLike,
    y: ArrayLike,
    scheme: Scheme = "uni",
    *,
    key: Key[Array, ""],
    scales: Sequence[float] | None = None,
    variation: Variation | None = None,
    epochs: int = 1,
    shuffle: bool = True,
    bias: bool = False,
    weights: Sequence[ArrayLike] | None = None,
    X_test: ArrayLike | None = None,
    y_test: ArrayLike | None = None,
) -> Run:
    """Train a network of crossbars online, batch 1, by single-step pulses (reconstruction of arXiv:1707.06381).

    For each sample ``z_1 = W_1 x, h = clip(z_1, 0, 1), z_2 = W_2 h, p = softmax(z_2)``, errors ``d_2 = p - onehot(y)``,
    ``d_1 = (W_2^T d_2) 1[0 < z_1 < 1]`` (likewise for more layers); then synapse (i, j) with ``a_j > theta_x`` and
    ``|d_i| > theta`` gets one pulse against the sign of d_i. There is no learning rate.

    Args:
        sizes: units of each layer, input first, such as (784, 200, 10).
        device: the device model.
        rule: thresholds and refresh.
        X: (examples, sizes[0]) in [0, 1].
        y: (examples,) integers in 0 .. sizes[-1] - 1.
        scheme: ``uni``, ``uni_ltd``, ``bi`` or ``ref``.
        key: order, first weights, variation and noise are separate streams of it, so runs with equal keys are paired.
        scales: weight of a full difference in each layer, 1 by default.
        variation: spread, noise and defects of the devices.
        epochs: passes over X.
        shuffle: a fresh permutation each epoch; otherwise the order is kept.
        bias: each layer gets one more input line, always on; ``weights`` then have one more column.
        weights: first W of each layer, (n_out, n_in); drawn uniformly in ``±1/sqrt(n_in)`` by default.
        X_test, y_test: test data for the accuracy at 80, 85, 90, 95 and 100 % of the last epoch.

    Returns:
        The run.

    Raises:
        ValueError: wrong input; the message names argument, rule and way out.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> X, y = rng.random((500, 8)), rng.integers(0, 2, 500)
        >>> X[:, 0] = 0.8 * y
        >>> run = train_online((8, 6, 2), DeviceModel(64), SingleStepRule(), X, y, key=jax.random.key(0),
        ...                    X_test=X, y_test=y)
        >>> run.acc_late > 0.9, run.pulses[1], run.tested_at
        (True, 0, (400, 400, 400, 500, 500))
    """
    sizes = check_sizes(sizes)
    check_choice(scheme, "scheme", SCHEMES)
    rule.check_scheme(scheme)
    problem = Problem.checked(sizes, X, y, X_test, y_test)
    layers = crossbars(sizes, device, scheme, key, scales=scales, variation=variation, bias=bias, weights=weights)
    return run_online(layers, problem, rule, key, epochs=check_count(epochs, "epochs"), shuffle=shuffle, bias=bias)


def train_software(
    sizes: Sequence[int],
    X: ArrayLike,
    y: ArrayLike,
    *,
    key: Key[Array, ""],
    lr: float = 0.01,
    epochs: int = 1,
    shuffle: bool = True,
    bias: bool = False,
    weights: Sequence[ArrayLike] | None = None,
    X_test: ArrayLike | None = None,
    y_test: ArrayLike | None = None,
) -> Run:
    """The software baseline: the same network, first weights and order, plain gradient descent on the same errors.

    No gates, no devices: ``W_l <- W_l - lr d_l a^T``. Arguments as in :func:`train_online`.
    """
    sizes = check_sizes(sizes)
    if not (np.isfinite(lr) and lr > 0):
        raise ValueError(f"lr must be above 0, got {lr}")
    problem = Problem.checked(sizes, X, y, X_test, y_test)
    layers = tuple(FloatLayer(W, jnp.asarray(lr, float)) for W in first_layers(sizes, key, bias, weights))
    rule = SingleStepRule(theta=(0.0,) * len(layers))
    return run_online(layers, problem, rule, key, epochs=check_count(epochs, "epochs"), shuffle=shuffle, bias=bias)


def streams(key: Key[Array, ""]) -> tuple[Any, Any, Any, Any]:
    """Separate keys for order, first weights, variation and noise."""
    order, first, variation, noise = jax.random.split(key, 4)
    return order, first, variation, noise


def first_layers(
    sizes: tuple[int, ...], key: Key[Array, ""], bias: bool = False, weights: Sequence[ArrayLike] | None = None
) -> list[Float[Array, "_ _"]]:
    """First W of each layer: checked copies of those given, or uniform in ``±1/sqrt(n_in)``.

    Raises:
        ValueError: wrong shapes, or values that are not finite.
    """
    shapes = [(n_out, n_in + bias) for n_in, n_out in pairwise(sizes)]
    if weights is None:
        keys = jax.random.split(streams(key)[1], len(shapes))
        return [first_weights(n_in, n_out, k) for k, (n_out, n_in) in zip(keys, shapes, strict=True)]
    given = [np.shape(W) for W in weights]
    if given != shapes:
        raise ValueError(f"weights must have shapes {shapes} (n_out, n_in{' + 1' if bias else ''}), got {given}")
    arrays = [jnp.array(W, dtype=float) for W in weights]
    if not all(bool(jnp.isfinite(W).all()) for W in arrays):
        raise ValueError("weights must be finite")
    return arrays


def crossbars(
    sizes: tuple[int, ...],
    device: DeviceModel,
    scheme: Scheme,
    key: Key[Array, ""],
    *,
    scales: Sequence[float] | None = None,
    variation: Variation | None = None,
    bias: bool = False,
    weights: Sequence[ArrayLike] | None = None,
) -> tuple[Crossbar, ...]:
    """The arrays of a network before training; arguments as in :func:`train_online`."""
    scales = (1.0,) * (len(sizes) - 1) if scales is None else tuple(scales)
    if len(scales) != len(sizes) - 1:
        raise ValueError(f"scales must hold one value for each of the {len(sizes) - 1} layers, got {len(scales)}")
    given = None if weights is None else first_layers(sizes, key, bias, weights)
    checked = tuple(check_reals(scale, "scales", LEAST_SCALE, np.inf) for scale in scales)
    return _drawn(sizes, device, scheme, key, checked, variation, bias, given)


@lightly
def _drawn(
    sizes: tuple[int, ...],
    device: DeviceModel,
    scheme: Scheme,
    key: Key[Array, ""],
    scales: tuple[Float[Array, ""], ...],
    variation: Variation | None,
    bias: bool,
    given: list[Float[Array, "_ _"]] | None,
) -> tuple[Crossbar, ...]:
    first = first_layers(sizes, key, bias) if given is None else given
    keys = jax.random.split(streams(key)[2], len(first))
    return tuple(
        Crossbar(W.shape[1], W.shape[0], device, scheme, scale, key=k, weights=W, variation=variation)
        for W, scale, k in zip(first, scales, keys, strict=True)
    )


@lightly
def float_layers(sizes: tuple[int, ...], key: Key[Array, ""], bias: bool, lr: Float[Array, ""]) -> Any:
    """The layers of the software counterpart, with the first weights that :func:`crossbars` draws too."""
    return tuple(FloatLayer(W, lr) for W in first_layers(sizes, key, bias))


def run_online(
    layers: tuple[Layer, ...],
    problem: Problem,
    rule: SingleStepRule,
    key: Key[Array, ""],
    *,
    epochs: int = 1,
    shuffle: bool = True,
    bias: bool = False,
    dense: bool = False,
    samples: int | None = None,
    brief: bool = False,
) -> Run:
    """Train prepared layers on checked data; the layers are given up to this call.

    Args:
        layers: from :func:`crossbars`.
        problem: checked data.
        rule: thresholds and refresh.
        key: the run's key.
        epochs: passes.
        shuffle: permute each epoch.
        bias: always-on lines.
        samples: stop after so many samples of the first epoch; ``epochs`` must then be 1.
        dense: update whole arrays instead of the rows that need it; the same result, faster where runs are vmapped.
        brief: compile with little effort, for runs that are shorter than compiling; numbers may differ by rounding.
    """
    for_order, _, _, for_noise = streams(key)
    K, examples = rule.refresh_every, problem.X.shape[0]
    epoch = examples if samples is None else samples
    order = sample_order(examples, epochs, K, shuffle, for_order)  # all of it: how many are shown doesn't recompile
    stream = Stream(problem.X, problem.y, jnp.asarray(order), jnp.asarray(epoch * epochs), for_noise)
    thresholds = Thresholds(rule.theta_x, rule.thresholds(len(layers)))
    refreshed = any(isinstance(layer, Crossbar) and layer.scheme in REFRESHED for layer in layers)
    verify, swap = (rule.refresh_write == "verify", rule.swap_on_refresh) if refreshed else (False, False)
    settings = Settings(bias, dense, refreshed, verify, swap)
    ends, start, scores = checkpoints(epoch, epochs, K), 0, []
    for end in ends:
        span = np.array([start, end], np.int32)
        layers = trained_blocks(layers, stream, thresholds, rule.g_sat, span, settings=settings, brief=brief)
        if problem.X_test is not None and problem.y_test is not None:
            noisy = _reads_noisily(layers)
            reading = jax.random.fold_in(for_noise, end) if noisy else None
            read = layers if noisy else as_floats(layers)
            scores.append(float(accuracy(read, problem.X_test, problem.y_test, bias=bias, key=reading)))
        start = end
    tested_at = tuple(min(end * K, epoch * epochs) for end in ends)
    return summary(layers, np.array(scores), tested_at if scores else ())


@lightly
def as_floats(layers: tuple[Layer, ...]) -> tuple[FloatLayer, ...]:
    """The weights that are read without noise: testing them is one program, whatever the devices."""
    return tuple(FloatLayer(layer.weights, jnp.zeros(())) for layer in layers)


def summary(layers: tuple[Layer, ...], scores: np.ndarray, tested_at: tuple[int, ...]) -> Run:
    """A finished run with its totals."""
    arrays = [layer for layer in layers if isinstance(layer, Crossbar)]
    ltp, ltd = (sum(int(np.asarray(a.pulses)[d].sum(dtype=np.int64)) for a in arrays) for d in (0, 1))
    refreshes = sum(int(np.asarray(a.refreshes).sum(dtype=np.int64)) for a in arrays)
    return Run(scores, tested_at, (ltp, ltd), refreshes, sum(int(a.stuck_pairs) for a in arrays), layers)


def _reads_noisily(layers: tuple[Layer, ...]) -> bool:
    return any(isinstance(layer, Crossbar) and layer.cells.read_noise is not None for layer in layers)
