"""Neuronal avalanches: bursts of a network's activity between silences, and whether their sizes follow a power law."""

from typing import Any, NamedTuple

import numpy as np

from symplast.spiking.trains import check_spikes
from symplast.stats.arguments import check_count, plain


class Avalanches(NamedTuple):
    """Maximal runs of active bins, in order.

    Attributes:
        sizes: spikes in each.
        durations: bins in each.
    """

    sizes: np.ndarray
    durations: np.ndarray


def avalanches(spikes: Any, bin_steps: int = 1, threshold: int = 1) -> Avalanches:
    """Cut a network's activity where it falls silent.

    Args:
        spikes: (steps, units), 0 and 1; runs that the beginning or end cuts off count too.
        bin_steps: steps in a bin; the last bin may be shorter.
        threshold: spikes that a bin needs to be active.

    Raises:
        ValueError: spikes other than 0 and 1, or bins or thresholds below 1.

    Example:
        >>> network = np.array([[0, 1, 1, 0, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0, 0, 1]]).T
        >>> avalanches(network).sizes.tolist(), avalanches(network).durations.tolist()
        ([3, 1, 1], [2, 1, 1])

    Source:
        Beggs and Plenz 2003.
    """
    array = check_spikes(spikes)
    bin_steps, threshold = check_count(bin_steps, "bin_steps"), check_count(threshold, "threshold")
    per_step = array.sum(axis=1)
    starts = np.arange(0, per_step.size, bin_steps)
    activity = np.add.reduceat(per_step, starts) if per_step.size else per_step
    active = np.concatenate([[False], activity >= threshold, [False]])
    begin, end = (np.flatnonzero(np.diff(active.astype(np.int8)) == sign) for sign in (1, -1))
    total = np.concatenate([[0], np.cumsum(activity)])
    return Avalanches(total[end] - total[begin], end - begin)


ALTERNATIVES = ("exponential", "lognormal", "lognormal_positive", "stretched_exponential", "truncated_power_law")
"""Distributions that a power law can be compared with."""


class PowerLaw(NamedTuple):
    """A power law fitted to sizes, ``p(s) ~ s^-alpha`` for ``s >= smallest``.

    Attributes:
        alpha: exponent.
        standard_error: of alpha.
        smallest: from where the law holds.
        n: sizes at or above it.
        ks: largest distance between the distribution of those and the law.
        against: name of an alternative -> (log-likelihood ratio per root n, p value); positive favours the power law,
            and only a small p makes the sign mean something.
    """

    alpha: float
    standard_error: float
    smallest: float
    n: int
    ks: float
    against: dict[str, tuple[float, float]]


def _check_enough(sizes: np.ndarray, least: float) -> None:
    counted = int((sizes >= least).sum())
    if counted < 10:
        raise ValueError(f"sizes must hold at least 10 numbers at or above smallest={least:g}, got {counted}")


def fit_power_law(
    sizes: Any, smallest: int | None = None, alternatives: tuple[str, ...] = ("exponential", "lognormal")
) -> PowerLaw:
    """Fit a discrete power law by maximum likelihood and compare it with other tails.

    Args:
        sizes: whole numbers of at least 1, such as sizes of avalanches.
        smallest: from where the law shall hold; None chooses it by the least Kolmogorov-Smirnov distance.
        alternatives: distributions of the ``powerlaw`` package to compare with.

    Raises:
        ImportError: the package ``powerlaw`` is not installed.
        ValueError: fewer than 10 sizes at or above ``smallest``, sizes that are not whole numbers of at least 1 or are
            all the same, fewer than 3 different ones where ``smallest`` is None, or an alternative that the package
            doesn't have.

    Source:
        Clauset, Shalizi and Newman 2009, by Alstott, Bullmore and Plenz's ``powerlaw`` (2014).
    """
    numbers = np.asarray(plain(sizes, "sizes"))
    if numbers.dtype.kind not in "iuf" or numbers.ndim != 1:
        raise ValueError(f"sizes must be a list of numbers, got {numbers.dtype}{numbers.shape}")
    if not (np.isfinite(numbers) & (numbers >= 1) & (numbers == np.floor(numbers))).all():
        raise ValueError("sizes must be whole numbers of at least 1")
    least = 1 if smallest is None else check_count(smallest, "smallest")
    _check_enough(numbers, least)
    if np.ptp(numbers[numbers >= least]) == 0:
        raise ValueError(f"sizes must not all be the same at or above {least}: one value makes no distribution")
    different = np.unique(numbers)
    if smallest is None and different.size < 3:
        raise ValueError(
            f"sizes must hold at least 3 different values for smallest to be chosen, got {different.tolist()} only; "
            "give smallest"
        )
    try:
        import powerlaw
    except ImportError as missing:
        raise ImportError(f'fit_power_law needs powerlaw ({missing}): pip install "symplast[spikes]"') from missing
    for name in alternatives:
        if name not in ALTERNATIVES:
            raise ValueError(f"alternatives must be among {', '.join(ALTERNATIVES)}; got {name!r}")
    import warnings

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # the package's own about its search
        fit = powerlaw.Fit(numbers, discrete=True, xmin=smallest, verbose=False)
        _check_enough(numbers, fit.xmin)
        law = fit.power_law
        ratios = {name: fit.distribution_compare("power_law", name, normalized_ratio=True) for name in alternatives}
        error = law.standard_err if hasattr(law, "standard_err") else law.sigma
    return PowerLaw(
        float(law.alpha),
        float(error),
        float(fit.xmin),
        int((numbers >= fit.xmin).sum()),
        float(law.D),
        {name: (float(ratio), float(p)) for name, (ratio, p) in ratios.items()},
    )
