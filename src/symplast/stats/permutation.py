"""Permutation tests of two samples."""

from typing import Any

import numpy as np

from symplast.on_use import permutation_test as scipy_permutation_test
from symplast.stats.arguments import Floats, Integer, Sample, check_count, check_pairs, check_sample
from symplast.stats.estimate import Alternative, Significance
from symplast.stats.resampling import Statistic, batch_size, over_last_axis


def mean_difference(x: Floats, y: Floats, axis: int = -1) -> Any:
    """``mean(x) - mean(y)``."""
    return np.mean(x, axis=axis) - np.mean(y, axis=axis)


def permutation_test(
    x: Sample,
    y: Sample,
    statistic: Statistic = mean_difference,
    *,
    paired: bool = False,
    alternative: Alternative = "two-sided",
    resamples: Integer = 9999,
    seed: Integer = 0,
) -> Significance:
    """Test whether two samples come from the same distribution.

    Under the null hypothesis the labels of the observations are exchangeable (``paired``: within each pair), so the
    statistic is compared with its values under other labellings: all of them where there are at most ``resamples``,
    else ``resamples`` random ones, with p = (b + 1) / (resamples + 1), which is never zero.

    Args:
        x: (n,) numbers.
        y: (m,) numbers; m = n when paired.
        statistic: ``statistic(x, y)`` -> number; one that accepts ``axis`` is much faster.
        paired: exchange only within the pairs ``(x[i], y[i])``.
        alternative: ``two-sided`` (twice the smaller tail); ``greater``: the statistic is larger than by chance;
            ``less``.
        resamples: largest number of labellings tried.
        seed: of NumPy's default generator.

    Returns:
        The observed statistic and its p value; ``method`` says whether the test is exact.

    Raises:
        ValueError: a sample with fewer than two observations, NaN, unequal lengths of paired samples, a statistic that
            is not finite.

    Example:
        >>> result = permutation_test([5.1, 4.9, 6.2, 5.8], [4.0, 4.2, 4.4, 3.9])
        >>> round(result.p_value, 4), result.method
        (0.0286, 'exact permutation test')
    """
    a, b = check_sample(x, "x"), check_sample(y, "y")
    if paired:
        check_pairs(a, b)
    resamples = check_count(resamples, "resamples")
    if alternative not in ("two-sided", "less", "greater"):
        raise ValueError(f"alternative must be one of two-sided, less, greater, got {alternative!r}")
    evaluate = over_last_axis(statistic)
    observed = float(evaluate(a, b))
    if not np.isfinite(observed):
        raise ValueError(f"statistic must be finite on the samples, got {observed}")
    result = scipy_permutation_test(
        (a, b),
        lambda first, second, axis: evaluate(first, second),
        permutation_type="samples" if paired else "independent",
        vectorized=True,
        n_resamples=resamples,
        batch=batch_size(a.size + b.size, resamples),
        alternative=alternative,
        rng=np.random.default_rng(seed),
    )
    exact = len(result.null_distribution) != resamples
    kind = "exact permutation test" if exact else f"permutation test, {resamples} random labellings"
    n = a.size if paired else a.size + b.size
    return Significance(observed, float(result.pvalue), alternative, n, kind)
