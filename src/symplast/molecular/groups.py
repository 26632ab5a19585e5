"""Two groups of samples compared: difference of means, AUC, pairs, heterogeneity."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symplast import stats
from symplast.on_use import mannwhitneyu, rankdata
from symplast.stats.arguments import check_count, check_sample, is_constant, plain

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class GroupDifference:
    """How a number differs between two groups.

    Attributes:
        difference: mean of the first minus mean of the second, stratified percentile bootstrap.
        auc: probability that one of the first is larger than one of the second; ties count half.
        p_value: of Mann and Whitney's test, one-sided (the first larger), normal approximation.
        means: of the two groups.
    """

    difference: stats.Estimate
    auc: float
    p_value: float
    means: tuple[float, float]


def auc(values: np.ndarray, first: np.ndarray) -> Any:
    """Area under the ROC curve: how well large values tell the first group.

    Args:
        values: (..., C) numbers.
        first: (C,) which samples belong to the first group.

    Example:
        >>> float(auc(np.array([3.0, 4.0, 1.0, 2.0]), np.array([True, True, False, True])))
        1.0
    """
    ranks = rankdata(values, axis=-1)
    n, m = int(first.sum()), int((~first).sum())
    return (ranks[..., first].sum(axis=-1) - n * (n + 1) / 2) / (n * m)


def check_groups(first: Any, count: int, name: str = "group") -> np.ndarray:
    """A mask of samples with at least two in each of its groups.

    Raises:
        ValueError: another length, no truth values, or a group of fewer than two samples.
    """
    mask = np.asarray(plain(first, name))
    if mask.dtype.kind != "b" or mask.shape != (count,):
        raise ValueError(f"{name} must be {count} truth values, one a sample, got {mask.dtype} of shape {mask.shape}")
    sizes = int(mask.sum()), int((~mask).sum())
    if min(sizes) < 2:
        raise ValueError(f"{name} must leave at least 2 samples in each of two groups, got {sizes[0]} and {sizes[1]}")
    return mask


def compare_groups(values: Any, first: Any, *, resamples: int = 9999, seed: int = 0) -> GroupDifference:
    """Compare a number between two groups of samples.

    Args:
        values: (C,) numbers, such as signalling entropies.
        first: (C,) truth values: which samples are of the first group.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        ValueError: a group of fewer than 2 samples, values that are not finite.

    Example:
        >>> found = compare_groups([0.9, 0.92, 0.91, 0.8, 0.83], [True, True, True, False, False])
        >>> round(found.difference.value, 3), found.auc
        (0.095, 1.0)
    """
    x = check_sample(values, "values")
    mask = check_groups(first, x.size)
    a, b = x[mask], x[~mask]
    difference = stats.bootstrap((a, b), _difference, resamples=resamples, seed=seed)
    p = mannwhitneyu(a, b, alternative="greater", method="asymptotic").pvalue
    return GroupDifference(difference, float(auc(x, mask)), float(p), (float(a.mean()), float(b.mean())))


def _difference(a: np.ndarray, b: np.ndarray, axis: int = -1) -> Any:
    return a.mean(axis=axis) - b.mean(axis=axis)


def paired_wins(values: Any, first: Any, owner: Any) -> stats.Estimate:
    """Share of owners (patients) whose samples of the first group have the larger mean, with its exact interval.

    Args:
        values: (C,) numbers.
        first: (C,) truth values.
        owner: (C,) whose sample it is; owners without samples in both groups are left out.

    Raises:
        ValueError: no owner has samples in both groups, values that are not finite, or other lengths.

    Example:
        >>> print(paired_wins([3.0, 1.0, 2.0, 2.5, 9.0], [True, False, True, False, True], ["a", "a", "b", "b", "c"]))
        0.5 [0.01258, 0.9874]
    """
    x, who = check_sample(values, "values", least=1), np.asarray(plain(owner, "owner"))
    mask = np.asarray(plain(first, "first"))
    if mask.dtype.kind != "b" or not x.shape == mask.shape == who.shape:
        raise ValueError(
            f"first must be {x.size} truth values and owner {x.size} names, one a sample, got {mask.dtype} of shape "
            f"{mask.shape} and shape {who.shape}"
        )
    wins, pairs = 0, 0
    for name in np.unique(who):
        a, b = x[(who == name) & mask], x[(who == name) & ~mask]
        if a.size and b.size:
            pairs += 1
            wins += bool(a.mean() > b.mean())
    if not pairs:
        raise ValueError("owner must have samples in both groups at least once")
    return stats.clopper_pearson(wins, pairs)


def heterogeneity(X: Any) -> float:
    """One minus the mean correlation of two samples: how unlike the samples of a group are.

    Args:
        X: (genes, samples), at least 2 of each.

    Raises:
        ValueError: fewer, or a sample without variation.

    Example:
        >>> x = np.random.default_rng(0).random((100, 4))
        >>> bool(heterogeneity(x) > 0.8), heterogeneity(np.stack([x[:, 0], 2 * x[:, 0]], axis=1)) < 1e-12
        (True, True)
    """
    r = sample_correlations(X)
    n = len(r)
    return float(1 - (r.sum() - n) / (n * (n - 1)))


def sample_correlations(X: Any) -> np.ndarray:
    """(samples, samples) Pearson correlations over genes."""
    x = np.asarray(plain(X, "X"), dtype=np.float64)
    if x.ndim != 2 or min(x.shape) < 2:
        raise ValueError(f"X must be (genes, samples), at least 2 of each, got shape {x.shape}")
    if not np.isfinite(x).all() or any(map(is_constant, x.T)):
        raise ValueError("X must be finite and vary over genes in every sample")
    z = x - x.mean(axis=0)
    z /= np.linalg.norm(z, axis=0)
    found: np.ndarray = z.T @ z
    return found


def heterogeneity_difference(X: Any, first: Any, *, resamples: int = 9999, seed: int = 0) -> stats.Estimate:
    """Heterogeneity of the first group minus that of the second, with a bootstrap interval over samples.

    A resample can hold a sample twice. Pairs of a sample with its own copy (r = 1) are left out: they would shift the
    interval by about 1/n of the heterogeneity.

    Args:
        X: (genes, samples).
        first: (samples,) truth values.
        resamples, seed: of the bootstrap, percentile, within each group.

    Raises:
        ValueError: a group of fewer than 3 samples.
    """
    count = check_count(resamples, "resamples")
    mask = check_groups(first, np.shape(X)[1])
    rng = np.random.default_rng(seed)
    values, spread = [], []
    for inside in (mask, ~mask):
        if inside.sum() < 3:
            raise ValueError(f"first must leave at least 3 samples in each group, got {int(inside.sum())}")
        r = sample_correlations(np.asarray(X)[:, inside])
        n = len(r)
        off = r - np.diag(np.diag(r))
        copies = rng.multinomial(n, np.full(n, 1 / n), size=count).astype(float)
        pairs = n * n - (copies**2).sum(axis=1)
        held = pairs > 0
        mean = np.where(held, ((copies @ off) * copies).sum(axis=1) / np.where(held, pairs, 1), np.nan)
        values.append(1 - off.sum() / (n * (n - 1)))
        spread.append(1 - mean)
    low, high = np.nanquantile(spread[0] - spread[1], [0.025, 0.975])
    value = values[0] - values[1]
    return stats.Estimate(float(value), float(low), float(high), 0.95, int(mask.size), "percentile bootstrap")


def spread_difference(values: Any, first: Any, *, resamples: int = 9999, seed: int = 0) -> stats.Estimate:
    """Standard deviation of a number in the first group minus that in the second, percentile bootstrap."""
    x = check_sample(values, "values")
    mask = check_groups(first, x.size)

    def difference(a: np.ndarray, b: np.ndarray, axis: int = -1) -> Any:
        return a.std(axis=axis, ddof=1) - b.std(axis=axis, ddof=1)

    return stats.bootstrap((x[mask], x[~mask]), difference, resamples=resamples, seed=seed)


def auc_interval(values: Any, first: Any, *, resamples: int = 9999, seed: int = 0) -> stats.Estimate:
    """AUC with a stratified percentile bootstrap; an AUC of 0 or 1 has no width."""
    x = check_sample(values, "values")
    mask = check_groups(first, x.size)
    n = int(mask.sum())

    def area(a: np.ndarray, b: np.ndarray, axis: int = -1) -> Any:
        return auc(np.concatenate([a, b], axis=axis), np.arange(x.size) < n)

    return stats.bootstrap((x[mask], x[~mask]), area, resamples=resamples, seed=seed)


def stage_course(values: Any, stage: Any, order: Any) -> "pd.DataFrame":
    """Mean of a number in each stage with its interval, and the change from the stage before.

    For the hypothesis that plasticity first rises and then falls: a rise and a later fall whose intervals leave out 0.

    Args:
        values: (C,) numbers, such as signalling entropies.
        stage: (C,) labels.
        order: the labels in their order.

    Returns:
        A row a stage: stage, n, mean, low, high, change, change_low, change_high (NaN in the first row).

    Raises:
        ValueError: values that are not finite, a label that ``order`` lacks, or a stage of fewer than 2 samples.

    Example:
        >>> table = stage_course([1.0, 1.1, 2.0, 2.2, 1.5, 1.4], list("aabbcc"), "abc")
        >>> table.change.round(2).tolist()[1:]
        [1.05, -0.65]
    """
    import pandas as pd

    x, labels = check_sample(values, "values", least=1), np.asarray(plain(stage, "stage")).astype(str)
    names = [str(name) for name in order]
    if labels.shape != x.shape:
        raise ValueError(f"stage must be one label a sample ({x.size}), got shape {labels.shape}")
    if unknown := sorted(set(labels) - set(names)):
        raise ValueError(f"order must list every stage, it lacks {', '.join(unknown[:5])}")
    rows: list[tuple[Any, ...]] = []
    before: np.ndarray | None = None
    for name in names:
        own = x[labels == name]
        if own.size < 2:
            raise ValueError(f"stage must leave at least 2 samples in each stage, {name!r} has {own.size}")
        mean = stats.mean_interval(own)
        change: stats.Estimate | None = None if before is None else stats.bootstrap((own, before), _difference)
        ends = (np.nan, np.nan, np.nan) if change is None else (change.value, *change.interval)
        rows.append((name, own.size, mean.value, mean.low, mean.high, *ends))
        before = own
    columns = ["stage", "n", "mean", "low", "high", "change", "change_low", "change_high"]
    return pd.DataFrame(rows, columns=columns)
