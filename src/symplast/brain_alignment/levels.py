"""Scores of several subjects: the mixed model and the two-level bootstrap."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from symplast.brain_alignment.correlations import LEAST_MODELS, pearson
from symplast.stats import Estimate
from symplast.stats.arguments import check_count, check_level


class MixedEffect(NamedTuple):
    """Slope of the score on the rate, with a random intercept a subject.

    Attributes:
        slope: change of the score as the rate goes from 0 to 1.
        low, high: Wald interval at 95 %.
        p_value: two-sided, Wald.
        subject_sd: SD of the subjects' intercepts.
        converged: what the optimiser says.
    """

    slope: float
    low: float
    high: float
    p_value: float
    subject_sd: float
    converged: bool


def mixed_model(scores: ArrayLike, rates: ArrayLike) -> MixedEffect:
    """``score[subject, model] ~ rate[model] + (1 | subject)``, fitted by statsmodels (extra ``symplast[mixed]``).

    Models are the units of the rate: with a dozen models the slope's interval is optimistic, since the same model's
    scores in eight subjects are not independent. :func:`two_level_bootstrap` resamples models as well.

    Args:
        scores: (subjects, models).
        rates: (models,).

    Raises:
        ValueError: shapes that don't fit, values that are not finite.
        ImportError: without statsmodels.
    """
    S, rate = _check(scores, rates)
    try:
        from statsmodels.regression.mixed_linear_model import MixedLM
    except ImportError as error:
        raise ImportError('mixed_model needs statsmodels: pip install "symplast[mixed]"') from error
    import warnings

    subjects, models = S.shape
    design = np.column_stack([np.ones(S.size), np.tile(rate, subjects)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said by `converged`
        fit = MixedLM(S.ravel(), design, groups=np.repeat(np.arange(subjects), models)).fit(reml=True)
    low, high = np.asarray(fit.conf_int())[1]
    sd = float(np.sqrt(max(0.0, float(np.asarray(fit.cov_re)[0, 0]))))
    return MixedEffect(float(fit.params[1]), float(low), float(high), float(fit.pvalues[1]), sd, bool(fit.converged))


def two_level_bootstrap(
    scores: ArrayLike, rates: ArrayLike, *, resamples: int = 10_000, level: float = 0.95, seed: int = 0
) -> Estimate:
    """r of mean score and rate, with models and subjects both resampled (percentile interval).

    Args:
        scores: (subjects, models).
        rates: (models,).
        resamples: random resamples; those in which a variable is constant are left out.
        level: confidence level.
        seed: of NumPy's generator.

    Example:
        >>> random = np.random.default_rng(0)
        >>> rate = np.linspace(0, 1, 12)
        >>> scores = 0.5 - 0.2 * rate + 0.02 * random.normal(size=(8, 12))
        >>> two_level_bootstrap(scores, rate, resamples=1000).high < -0.9
        True
    """
    S, rate = _check(scores, rates)
    count, level = check_count(resamples, "resamples", least=100), check_level(level)
    random = np.random.default_rng(seed)
    subjects, models = S.shape
    who = random.integers(subjects, size=(count, subjects))
    which = random.integers(models, size=(count, models))
    weight = np.stack([(who == s).mean(axis=1) for s in range(subjects)], axis=1)
    resampled = np.take_along_axis(weight @ S, which, axis=1)
    spread = pearson(resampled, rate[which])
    good = spread[np.isfinite(spread)]
    low, high = np.quantile(good, [(1 - level) / 2, (1 + level) / 2])
    r = float(pearson(S.mean(axis=0), rate))
    return Estimate(r, float(low), float(high), level, models, "two-level percentile bootstrap")


def _check(scores: Any, rates: Any) -> tuple[Any, Any]:
    S, rate = np.asarray(scores, dtype=np.float64), np.asarray(rates, dtype=np.float64)
    if S.ndim != 2 or rate.shape != (S.shape[1],):
        raise ValueError(f"scores must be (subjects, models) and rates (models,), got {S.shape} and {rate.shape}")
    if S.shape[0] < 2 or S.shape[1] < LEAST_MODELS:
        raise ValueError(f"scores must hold at least 2 subjects and {LEAST_MODELS} models, got {S.shape}")
    if not (np.isfinite(S).all() and np.isfinite(rate).all()):
        raise ValueError("scores and rates must be finite")
    return S, rate
