"""Estimates with their uncertainty: intervals, tests, effect sizes and corrections for many tests.

Every estimate is an :class:`Estimate`: the value with its confidence interval, level, number of observations and the
method's name. Where scipy has the method, this room calls it and adds what an audit needs: argument checks that say
the rule, defined behaviour on degenerate samples, and one result type.

=======================  ================================================================================
question                 function
=======================  ================================================================================
a mean                   :func:`bootstrap` with ``np.mean``, :func:`mean_interval`
any other statistic      :func:`bootstrap` (one sample, several, paired, stratified)
a proportion             :func:`clopper_pearson`, :func:`wilson`; tables: :func:`proportion_interval`
a correlation            :func:`fisher_z`, :func:`fisher_z_test`
do two samples differ?   :func:`permutation_test`
by how much?             :func:`cohens_d`, :func:`hedges_g`, :func:`cliffs_delta`
many tests at once       :func:`benjamini_hochberg`, :func:`holm`
=======================  ================================================================================

Random resampling takes a ``seed`` and gives the same result for the same seed. The room needs NumPy and scipy only.

Example:
    >>> from symplast import stats
    >>> estimate = stats.clopper_pearson(8, 10)
    >>> print(estimate, estimate.n, estimate.method)
    0.8 [0.4439, 0.9748] 10 clopper-pearson
"""

from symplast.stats.bootstrap import bootstrap
from symplast.stats.correlation import fisher_z, fisher_z_test
from symplast.stats.effect_size import cliffs_delta, cohens_d, hedges_g
from symplast.stats.estimate import Estimate, Significance
from symplast.stats.mean import mean_and_half_width, mean_interval
from symplast.stats.multiple_testing import benjamini_hochberg, holm
from symplast.stats.permutation import permutation_test
from symplast.stats.proportions import clopper_pearson, proportion_interval, wilson

__all__ = [
    "Estimate",
    "Significance",
    "benjamini_hochberg",
    "bootstrap",
    "cliffs_delta",
    "clopper_pearson",
    "cohens_d",
    "fisher_z",
    "fisher_z_test",
    "hedges_g",
    "holm",
    "mean_and_half_width",
    "mean_interval",
    "permutation_test",
    "proportion_interval",
    "wilson",
]
