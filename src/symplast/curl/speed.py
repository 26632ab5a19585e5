"""How fast does the rule learn? Paired runs of several rules from the same teacher, student and data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from symplast import stats
from symplast.curl.draws import STUDENT, stacked_inputs, stacked_nets
from symplast.curl.signs import SignMask
from symplast.curl.simulation import simulate
from symplast.curl.two_layer import Activation, CurlRule, TwoLayer
from symplast.on_use import xarray as xr

FEW = 20
"""Below this many pairs Student's t is used: the bootstrap of a mean is too narrow."""


@dataclass(frozen=True)
class SpeedSetting:
    """What is learned, and how; the defaults are those of Fig. 5f.

    Attributes:
        sizes: inputs, hidden units, outputs.
        rows: training examples.
        activation: of teacher and student.
        teacher_scale, student_scale: of their first weights, as in :func:`draw_net`.
        normalise: keep the Frobenius norms.
        output_slope: multiply the error by f' of the output, so that gradient descent is exact.
        random_signs: flipped units draw their sign at random at each update (a control).
        eta: step of a full-batch update.
        threshold: of the training loss.
        limit: most epochs.
    """

    sizes: tuple[int, int, int] = (100, 10, 1)
    rows: int = 2000
    activation: Activation = "tanh"
    teacher_scale: float = 1.0
    student_scale: float = 2.0
    normalise: bool = True
    output_slope: bool = False
    random_signs: bool = False
    eta: float = 0.1
    threshold: float = 1e-3
    limit: int = 8000


FIG_5F = SpeedSetting()
"""As published."""


def epochs_to_threshold(
    flipped: Sequence[int], setting: SpeedSetting = FIG_5F, *, seeds: int = 10, key: Key[Array, ""] | None = None
) -> xr.Dataset:
    """Full-batch epochs until the training loss is below a threshold, for several numbers of flipped hidden units.

    Each seed has one teacher, one student and one set of inputs, from which all rules start. Runs follow one another
    through one compiled program, since a full batch fills the processor by itself, and each stops when it is done;
    signs, scales, step, threshold, limit and the number of runs don't compile again.

    Args:
        flipped: numbers of flipped hidden units; 0 is gradient descent.
        setting: see :class:`SpeedSetting`.
        seeds: pairs.
        key: random key.

    Returns:
        Dataset over (flipped, seed): ``epochs``, the limit for runs that did not get there; ``reached``, whether they
        did; ``ascent``, the share of updates that raised the loss.

    Raises:
        ValueError: more flipped units than there are.

    Example:
        >>> setting = SpeedSetting(sizes=(20, 5, 1), rows=200, threshold=0.01)
        >>> found = epochs_to_threshold([0, 1], setting, seeds=3)
        >>> dict(found.sizes), bool(found.reached.all())
        ({'flipped': 2, 'seed': 3}, True)
    """
    key = jax.random.key(0) if key is None else key
    masks = [SignMask.presynaptic(setting.sizes, (None, int(count))).signs[1] for count in flipped]
    teachers = stacked_nets(key, seeds, setting.sizes, scale=setting.teacher_scale, activation=setting.activation)
    students = stacked_nets(
        key, seeds, setting.sizes, which=STUDENT, scale=setting.student_scale, activation=setting.activation
    )
    inputs = stacked_inputs(key, seeds, setting.rows, setting.sizes[0])
    switches = (setting.normalise, setting.output_slope, setting.random_signs)
    numbers = np.array([setting.eta, setting.threshold])
    below, ascents, done = np.empty((3, len(flipped), seeds))
    for seed in range(seeds):
        drawn = jax.tree.map(lambda stacked, seed=seed: np.asarray(stacked)[seed], (teachers, students, inputs))
        for_signs = jax.random.fold_in(key, seed)
        for rule, signs in enumerate(masks):
            found = _one(switches, *drawn, for_signs, signs, numbers, np.asarray(setting.limit))
            below[rule, seed], ascents[rule, seed], done[rule, seed] = map(float, found)
    return xr.Dataset(
        {
            "epochs": (("flipped", "seed"), np.where(np.isfinite(below), below, setting.limit).astype(float)),
            "reached": (("flipped", "seed"), np.isfinite(below)),
            "ascent": (("flipped", "seed"), ascents / np.maximum(done, 1)),
        },
        coords={"flipped": list(map(int, flipped))},
    )


def paired_ratio(slow: Float[np.ndarray, " seeds"], fast: Float[np.ndarray, " seeds"]) -> stats.Estimate:
    """Geometric mean of paired ratios ``slow / fast`` with its 95 % interval: Student's t on logarithms below 20 pairs,
    the BCa bootstrap otherwise.

    Args:
        slow, fast: positive, paired.

    Example:
        >>> print(paired_ratio(np.array([2.0, 4.0, 8.0]), np.array([1.0, 2.0, 4.0])))
        2 [2, 2]
    """
    logs = np.log(np.asarray(slow, float) / np.asarray(fast, float))
    found = stats.mean_interval(logs) if logs.size < FEW else stats.bootstrap(logs, np.mean, method="bca")
    value, low, high = np.exp([found.value, found.low, found.high])
    return stats.Estimate(float(value), float(low), float(high), found.level, found.n, f"{found.method} of logarithms")


@partial(jax.jit, static_argnums=0)
def _one(
    switches: tuple[bool, bool, bool],
    teacher: TwoLayer,
    student: TwoLayer,
    X: Float[Array, "rows inputs"],
    key: Key[Array, ""],
    signs: Float[Array, " hidden"],
    numbers: Float[Array, "2"],  # noqa: UP037
    limit: Int[Array, ""],
) -> tuple[Array, Array, Array]:
    """First epoch below the threshold, epochs that raised the loss, epochs done."""
    (normalise, output_slope, random_signs), (eta, threshold) = switches, numbers
    run = simulate(
        student,
        teacher,
        X,
        rule=CurlRule(SignMask((jnp.ones(X.shape[1]), signs)), random_signs=random_signs),
        eta=eta,
        epochs=limit,
        normalise="frobenius" if normalise else None,
        d2_uses_output_slope=output_slope,
        record=[0],
        stop_below=threshold,
        key=key,
    )
    return run.first_below, run.ascents, run.epochs
