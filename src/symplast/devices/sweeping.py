"""Grids of devices and schemes over seeds, as a table."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Key

from symplast.devices.arguments import SCHEMES, check_choice, check_sizes
from symplast.devices.blocks import Settings, Stream, run_blocks
from symplast.devices.device_model import DeviceModel
from symplast.devices.network import Thresholds, accuracy
from symplast.devices.online import (
    Problem,
    Run,
    checkpoints,
    crossbars,
    run_online,
    sample_order,
    streams,
    summary,
)
from symplast.devices.rule import SingleStepRule
from symplast.devices.schemes import REFRESHED, Scheme
from symplast.devices.variation import Variation
from symplast.stats.arguments import check_count

if TYPE_CHECKING:
    import pandas as pd


def sweep(
    devices: Sequence[DeviceModel],
    X: ArrayLike,
    y: ArrayLike,
    *,
    X_test: ArrayLike,
    y_test: ArrayLike,
    sizes: Sequence[int],
    key: Key[Array, ""],
    schemes: Sequence[Scheme] = ("uni",),
    seeds: int = 5,
    rule: SingleStepRule | None = None,
    variation: Variation | None = None,
    epochs: int = 1,
    vectorise: bool | None = None,
) -> "pd.DataFrame":
    """Train every device with every scheme and seed.

    Seed number i uses the same order, first weights and spread everywhere, so differences between rows are paired.
    Device
    parameters are arrays: one scheme compiles once, whatever the grid.

    Args:
        devices: the grid.
        X, y, X_test, y_test, sizes, rule, variation, epochs: as in :func:`train_online`.
        key: seed number i uses ``fold_in(key, i)``.
        schemes: update schemes.
        seeds: runs of each combination.
        vectorise: vmap over devices and seeds, which an accelerator needs; one after the other is faster on a CPU,
            where a run's state stays in the cache. None chooses by the backend.

    Returns:
        A row a run: ``device`` (its index), ``n_ltp``, ``n_ltd``, ``b_ltp``, ``b_ltd``, ``scheme``, ``seed``,
        ``acc_late``, ``final``, ``pulses_ltp``, ``pulses_ltd``, ``refreshes``, ``pulses_per_weight``,
        ``refreshes_per_weight``, ``stuck_pairs``.

    Raises:
        ValueError: no device, or wrong input as in :func:`train_online`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> X, y = rng.random((300, 8)), rng.integers(0, 2, 300)
        >>> X[:, 0] = 0.8 * y
        >>> table = sweep([DeviceModel(32), DeviceModel(64)], X, y, X_test=X, y_test=y, sizes=(8, 6, 2),
        ...               key=jax.random.key(0), seeds=2)
        >>> table.groupby("device").acc_late.mean().round(1).tolist()
        [1.0, 1.0]
    """
    import pandas as pd

    sizes, seeds = check_sizes(sizes), check_count(seeds, "seeds")
    if not devices:
        raise ValueError("devices must hold at least one device")
    rule = SingleStepRule() if rule is None else rule
    problem = Problem.checked(sizes, X, y, X_test, y_test)
    keys = [jax.random.fold_in(key, seed) for seed in range(seeds)]
    if vectorise is None:
        vectorise = jax.default_backend() != "cpu"
    rows = []
    for scheme in schemes:
        check_choice(scheme, "scheme", SCHEMES)
        own = rule if scheme in REFRESHED else SingleStepRule(rule.theta_x, rule.theta)
        grid = [(index, seed) for index in range(len(devices)) for seed in range(seeds)]
        arguments = [(devices[index], keys[seed]) for index, seed in grid]
        train = _side_by_side if vectorise else _one_by_one
        runs = train(arguments, scheme, own, problem, sizes, variation, check_count(epochs, "epochs"))
        for (index, seed), run in zip(grid, runs, strict=True):
            rows.append(_row(index, devices[index], scheme, seed, run))
    return pd.DataFrame(rows)


def _row(index: int, device: DeviceModel, scheme: Scheme, seed: int, run: Run) -> dict[str, Any]:
    pulses, refreshes = run.per_weight()
    law = {name: float(getattr(device, name)) for name in ("n_ltp", "n_ltd", "b_ltp", "b_ltd")}
    cost = {"pulses_ltp": run.pulses[0], "pulses_ltd": run.pulses[1], "refreshes": run.refreshes}
    each = {"pulses_per_weight": pulses, "refreshes_per_weight": refreshes, "stuck_pairs": run.stuck_pairs}
    score = {"acc_late": run.acc_late, "final": float(run.accuracy[-1])}
    return {"device": index, **law, "scheme": scheme, "seed": seed, **score, **cost, **each}


def _one_by_one(
    runs: list[tuple[DeviceModel, Any]],
    scheme: Scheme,
    rule: SingleStepRule,
    problem: Problem,
    sizes: tuple[int, ...],
    variation: Variation | None,
    epochs: int,
) -> list[Run]:
    return [
        run_online(crossbars(sizes, device, scheme, key, variation=variation), problem, rule, key, epochs=epochs)
        for device, key in runs
    ]


def _side_by_side(
    runs: list[tuple[DeviceModel, Any]],
    scheme: Scheme,
    rule: SingleStepRule,
    problem: Problem,
    sizes: tuple[int, ...],
    variation: Variation | None,
    epochs: int,
) -> list[Run]:
    """All runs in one vmapped program."""
    examples, K = problem.X.shape[0], rule.refresh_every
    layers = jax.tree.map(
        lambda *each: jnp.stack(each), *[crossbars(sizes, d, scheme, key, variation=variation) for d, key in runs]
    )
    orders = np.stack([sample_order(examples, epochs, K, True, streams(key)[0]) for _, key in runs])
    noise = jnp.stack([streams(key)[3] for _, key in runs])
    stream = Stream(problem.X, problem.y, jnp.asarray(orders), jnp.asarray(examples * epochs), noise)
    thresholds = Thresholds(rule.theta_x, rule.thresholds(len(layers)))
    refreshed = scheme in REFRESHED
    settings = Settings(
        False, True, refreshed, refreshed and rule.refresh_write == "verify", refreshed and rule.swap_on_refresh
    )
    start, scores, ends = 0, [], checkpoints(examples, epochs, K)
    score = eqx.filter_vmap(accuracy, in_axes=(0, None, None))
    for end in ends:
        layers = _trained_side_by_side(
            layers, stream, thresholds, rule.g_sat, jnp.array([start, end]), settings=settings
        )
        scores.append(np.asarray(score(layers, problem.X_test, problem.y_test)))
        start = end
    tested_at = tuple(min(end * K, examples * epochs) for end in ends)
    return [
        summary(jax.tree.map(lambda x, i=i: x[i], layers), np.stack(scores)[:, i], tested_at) for i in range(len(runs))
    ]


@partial(jax.jit, static_argnames="settings")
def _trained_side_by_side(layers: Any, stream: Stream, *shared: Any, settings: Settings) -> Any:
    axes = Stream(None, None, 0, None, 0)  # type: ignore[arg-type]
    return jax.vmap(partial(run_blocks, settings=settings), in_axes=(0, axes, None, None, None))(
        layers, stream, *shared
    )
