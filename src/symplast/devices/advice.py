"""Which update scheme a chip with a given device should use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Key

from symplast.devices.arguments import SCHEMES
from symplast.devices.device_model import DeviceModel
from symplast.devices.rule import SingleStepRule
from symplast.devices.sweeping import sweep
from symplast.devices.variation import Variation
from symplast.stats import Estimate, mean_interval
from symplast.stats.arguments import check_count, plain

if TYPE_CHECKING:
    import pandas as pd

HIDDEN = 200


@dataclass(frozen=True)
class Advice:
    """Schemes ranked for a device and a task.

    Attributes:
        best: the scheme with the highest mean accuracy.
        accuracy: scheme -> accuracy (``acc_late``) with its interval over seeds, best first.
        behind: scheme -> how far it is behind the best, paired over seeds; an interval that holds 0 is a tie.
        pulses_per_weight, refreshes_per_weight: scheme -> mean cost of the whole training.
        runs: a row a run, as :func:`sweep` gives it.
    """

    best: str
    accuracy: dict[str, Estimate]
    behind: dict[str, Estimate]
    pulses_per_weight: dict[str, float]
    refreshes_per_weight: dict[str, float]
    runs: "pd.DataFrame"

    @property
    def ties(self) -> list[str]:
        """Schemes that the seeds can't tell from the best."""
        return [scheme for scheme, gap in self.behind.items() if scheme != self.best and gap.low <= 0]

    def seeds_needed(self, scheme: str) -> int | None:
        """How many seeds would tell a scheme from the best, were mean and spread of the difference as measured.

        None where even a thousand would not: the two are alike.
        """
        from scipy.special import stdtrit

        gap = self.behind[scheme]
        spread = (gap.high - gap.value) / stdtrit(gap.n - 1, 0.975) * np.sqrt(gap.n)
        seeds = np.arange(2, 1001)
        enough = gap.value > stdtrit(seeds - 1, 0.975) * spread / np.sqrt(seeds)
        return int(seeds[enough.argmax()]) if enough.any() else None


def advise(
    device: DeviceModel,
    X: ArrayLike,
    y: ArrayLike,
    *,
    key: Key[Array, ""],
    X_test: ArrayLike | None = None,
    y_test: ArrayLike | None = None,
    sizes: Sequence[int] | None = None,
    schemes: Sequence[str] = SCHEMES,
    seeds: int = 5,
    rule: SingleStepRule | None = None,
    variation: Variation | None = None,
    epochs: int = 1,
) -> Advice:
    """Train a task with every scheme on a device and rank them.

    Both unidirectional schemes are tried: which one is right depends on whether LTP or LTD is the more linear
    direction.

    Args:
        device: from :meth:`DeviceModel.fit`, for instance.
        X: (examples, inputs) in [0, 1].
        y: (examples,) class numbers.
        key: random key.
        X_test, y_test: test data; a random fifth of X when left out.
        sizes: units of each layer; inputs, 200 and classes when left out.
        schemes: to compare.
        seeds: runs a scheme, at least 2.
        rule, variation, epochs: as in :func:`train_online`.

    Returns:
        The ranking.

    Raises:
        ValueError: fewer than 2 seeds, or wrong input as in :func:`train_online`.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> X, y = rng.random((400, 8)), rng.integers(0, 2, 400)
        >>> X[:, 0] = 0.8 * y
        >>> device = DeviceModel(32, b_ltp=0.0, b_ltd=5.0)
        >>> schemes = ("uni", "uni_ltd")
        >>> advice = advise(device, X, y, sizes=(8, 6, 2), schemes=schemes, seeds=3, key=jax.random.key(0))
        >>> advice.best in ("uni", *advice.ties)
        True
    """
    seeds = check_count(seeds, "seeds", least=2)
    if np.ndim(plain(X, "X")) != 2 or np.ndim(plain(y, "y")) != 1 or np.shape(X)[0] != np.shape(y)[0]:
        raise ValueError(f"X must be (examples, inputs) and y (examples,), got {np.shape(X)} and {np.shape(y)}")
    if X_test is None and y_test is None and np.shape(X)[0] < 5:
        raise ValueError(f"X must hold at least 5 examples to leave a fifth for testing, got {np.shape(X)[0]}")
    if sizes is None:
        sizes = np.shape(X)[1], HIDDEN, int(np.max(y)) + 1
    for_split, for_runs = jax.random.split(key)
    if X_test is None and y_test is None:
        order = np.asarray(jax.random.permutation(for_split, np.shape(X)[0]))
        kept = -(-4 * order.size // 5)
        inputs, labels = np.asarray(X), np.asarray(y)
        X, y, X_test, y_test = inputs[order[:kept]], labels[order[:kept]], inputs[order[kept:]], labels[order[kept:]]
    if X_test is None or y_test is None:
        raise ValueError("X_test and y_test must be given together")
    table = sweep(
        [device], X, y, X_test=X_test, y_test=y_test, sizes=sizes, key=for_runs, schemes=schemes, seeds=seeds,
        rule=rule, variation=variation, epochs=epochs,
    )  # fmt: skip
    scores = {scheme: rows.sort_values("seed").acc_late.to_numpy() for scheme, rows in table.groupby("scheme")}
    ranked = sorted(scores, key=lambda scheme: -scores[scheme].mean())
    best = ranked[0]
    means: Any = table.groupby("scheme")[["pulses_per_weight", "refreshes_per_weight"]].mean()
    return Advice(
        str(best),
        {scheme: mean_interval(scores[scheme]) for scheme in ranked},
        {scheme: mean_interval(scores[best] - scores[scheme]) for scheme in ranked},
        {scheme: float(means.pulses_per_weight[scheme]) for scheme in ranked},
        {scheme: float(means.refreshes_per_weight[scheme]) for scheme in ranked},
        table,
    )
