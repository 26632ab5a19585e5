"""Relate scores of a dozen models to their rates, without fooling oneself: every test that small samples need."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symplast import stats
from symplast.brain_alignment.correlations import (
    FEW_MODELS,
    LEAST_MODELS,
    compare_dependent,
    leave_one_out,
    max_r_p,
    models_for_power,
    paper_d,
    partial_r,
    pearson,
    permutation_p,
    r_p_value,
)
from symplast.brain_alignment.pair_bootstrap import bootstrap_r
from symplast.on_use import kendalltau, rankdata
from symplast.stats.arguments import is_constant

RESISTANT = 0.5
"""Models with a smaller rate are called resistant, as published."""


class FewModels(UserWarning):
    """Fewer than ten models: intervals are wide and their level is approximate."""


@dataclass(frozen=True)
class Pair:
    """One score with one rate.

    Attributes:
        x, y: names of the columns.
        n: models.
        r, p_value: Pearson, two-sided t test; NaN with ``reason`` where a column is constant.
        fisher: interval at 95 %.
        spearman, kendall: rank correlations.
        permutation: two-sided permutation p.
        permutation_exact: whether all permutations were tried.
        percentile, bca: bootstrap intervals over models.
        bootstrap_exact: whether all resamples were used.
        degenerate: share of resamples left out because a column is constant in them.
        leave_one_out: r without each model.
        leave_one_family_out: family -> r without it.
        partial: covariate -> partial r.
        paper_d, hedges_g: resistant (rate < 0.5) minus susceptible; NaN where a group has fewer than two models or a
            rate lies outside 0 to 1.
        bonferroni, benjamini_hochberg, max_r: adjusted p over all pairs.
        models_for_power: models needed to find such an r with 80 % power.
        reason: why there is no correlation.
    """

    x: str
    y: str
    n: int
    r: float
    p_value: float
    fisher: tuple[float, float]
    spearman: float
    kendall: float
    permutation: float
    permutation_exact: bool
    percentile: tuple[float, float]
    bca: tuple[float, float]
    bootstrap_exact: bool
    degenerate: float
    leave_one_out: tuple[float, ...]
    leave_one_family_out: Mapping[str, float]
    partial: Mapping[str, float]
    paper_d: float
    hedges_g: float
    models_for_power: float
    bonferroni: float = float("nan")
    benjamini_hochberg: float = float("nan")
    max_r: float = float("nan")
    reason: str = ""

    @property
    def more(self) -> list[str]:
        """What else was found, in words: without each family, and with covariates held fixed."""
        told = []
        known = {family: r for family, r in self.leave_one_family_out.items() if not np.isnan(r)}
        if known:
            ends = [min(known, key=lambda f: known[f]), max(known, key=lambda f: known[f])]
            least, most = (f"{known[family]:.3f} (without {family})" for family in ends)
            told.append(f"r from {least} to {most}")
        for name, r in self.partial.items():
            told.append(f"r {'undefined: nothing varies' if np.isnan(r) else f'{r:.3f}'} with {name} held fixed")
        if not np.isnan(self.paper_d):
            told.append(f"resistant minus susceptible: Hedges g {self.hedges_g:.2f}")
        return told


@dataclass(frozen=True)
class Difference:
    """Two scores compared in their correlation with the same rate (Eq. 4)."""

    x1: str
    x2: str
    y: str
    r12: float
    z: float
    p_value: float


@dataclass(frozen=True)
class RelateResult:
    """All of :func:`relate`.

    Attributes:
        pairs: every score with every rate.
        differences: every two scores, for every rate.
        models: their names.
        notes: warnings, in words.
        points: pair -> the two columns, for pictures.
    """

    pairs: tuple[Pair, ...]
    differences: tuple[Difference, ...]
    models: tuple[str, ...]
    notes: tuple[str, ...]
    points: Mapping[tuple[str, str], tuple[NDArray[np.float64], NDArray[np.float64]]]

    def __getitem__(self, pair: tuple[str, str]) -> Pair:
        for found in self.pairs:
            if (found.x, found.y) == pair:
                return found
        raise KeyError(f"no pair {pair}")

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        pairs = [asdict(pair) for pair in self.pairs]
        differences = [asdict(difference) for difference in self.differences]
        return {"models": list(self.models), "pairs": pairs, "differences": differences, "notes": list(self.notes)}

    def report(self, path: str | Path) -> Path:
        """Write a page (.html) with the tables, and a scatter plot of each pair."""
        from symplast.brain_alignment.relation_page import write_page

        return write_page(self, Path(path))


def relate(
    table: Any,
    x: Sequence[str],
    y: Sequence[str],
    *,
    families: str | None = None,
    covariates: Sequence[str] = (),
    names: str | None = None,
    n_boot: int | str = "exact",
    seed: int = 0,
) -> RelateResult:
    """Correlate brain scores with rates over models.

    Args:
        table: a DataFrame or a mapping of columns, one model a row.
        x: columns of scores.
        y: columns of rates (or any outcome).
        families: column of labels, for leaving out a family at a time.
        covariates: columns to hold fixed in partial correlations; ``log10_params`` is made from ``params`` or
            ``params_B`` where there is no such column.
        names: column of the models' names.
        n_boot: ``exact``: all resamples up to 12 models, 200,000 random ones above; or a number of random ones.
        seed: of the random resamples and permutations.

    Returns:
        Correlations with intervals, tests, corrections for many tests, and differences of dependent correlations.

    Raises:
        ValueError: fewer than 4 models, columns that are absent or hold no finite numbers.

    Warns:
        FewModels: fewer than 10 models.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"V1": range(1, 11), "rate": [9, 10, 8, 6, 7, 5, 4, 2, 3, 1]})
        >>> found = relate(table, ["V1"], ["rate"])["V1", "rate"]
        >>> round(found.r, 4), found.bootstrap_exact, found.bca[1] < 0
        (-0.9636, True, True)
    """
    import pandas as pd

    frame = table if isinstance(table, pd.DataFrame) else pd.DataFrame(dict(table))
    x, y = _names(x, "x"), _names(y, "y")
    columns = {name: _column(frame, name) for name in dict.fromkeys([*x, *y])}
    held = {name: _covariate(frame, name) for name in covariates}
    n = len(frame)
    if n < LEAST_MODELS:
        raise ValueError(f"table must hold at least {LEAST_MODELS} models, got {n}")
    notes = []
    if n < FEW_MODELS:
        told = f"only {n} models: intervals are wide and their level is approximate"
        notes.append(told)
        warnings.warn(told, FewModels, stacklevel=2)
    labels = None
    if families is not None:
        if families not in frame:
            raise ValueError(f"families must name a column, got {families!r}; there are {', '.join(map(str, frame))}")
        labels = np.array([str(v) for v in frame[families]])
    who = [str(v) for v in frame[names]] if names else [str(i + 1) for i in range(n)]
    count = None if n_boot == "exact" else int(n_boot)
    pairs = [_pair(a, b, columns[a], columns[b], labels, held, count, seed) for a in x for b in y]
    pairs = _adjusted(pairs, x, y, columns, seed)
    notes += [f"{pair.x} with {pair.y}: {pair.reason}" for pair in pairs if pair.reason]
    differences = []
    for i, first in enumerate(x):
        for second in x[i + 1 :]:
            r12 = float(pearson(columns[first], columns[second]))
            for outcome in y:
                r1, r2 = (next(p.r for p in pairs if (p.x, p.y) == (name, outcome)) for name in (first, second))
                if all(abs(r) < 1 for r in (r1, r2, r12)):
                    found = compare_dependent(r1, r2, r12, n)
                    differences.append(Difference(first, second, outcome, r12, found.z, found.p_value))
    points = {(a, b): (columns[a], columns[b]) for a in x for b in y}
    return RelateResult(tuple(pairs), tuple(differences), tuple(who), tuple(notes), points)


def _pair(a: str, b: str, x: Any, y: Any, labels: Any, held: Any, resamples: int | None, seed: int) -> Pair:
    n, nan = x.size, float("nan")
    constant = [name for name, values in ((a, x), (b, y)) if is_constant(values)]
    if constant:
        reason = f"{' and '.join(constant)} {'are' if len(constant) > 1 else 'is'} constant over the models"
        none = (nan, nan)
        return Pair(a, b, n, nan, nan, none, nan, nan, nan, False, none, none, False, nan, (), {}, {}, nan, nan, nan,
                    reason=reason)  # fmt: skip
    r = float(pearson(x, y))
    spread = bootstrap_r(x, y, resamples=resamples, seed=seed)
    shuffled = permutation_p(x, y, seed=seed)
    without = {}
    if labels is not None:
        for family in dict.fromkeys(labels.tolist()):
            kept = labels != family
            enough = kept.sum() >= 3 and not is_constant(x[kept]) and not is_constant(y[kept])
            without[family] = float(pearson(x[kept], y[kept])) if enough else nan
    resistant, susceptible = x[y < RESISTANT], x[y >= RESISTANT]
    grouped = (
        ((y >= 0) & (y <= 1)).all()
        and min(resistant.size, susceptible.size) >= 2
        and not (is_constant(resistant) and is_constant(susceptible))
    )
    return Pair(
        a, b, n, r, float(r_p_value(r, n)), stats.fisher_z(r, n).interval,
        float(pearson(rankdata(x), rankdata(y))), float(kendalltau(x, y).statistic),
        shuffled.two_sided, shuffled.exact, spread.percentile, spread.bca, spread.exact, spread.degenerate,
        tuple(leave_one_out(x, y).tolist()), without,
        {name: partial_r(x, y, values) for name, values in held.items()},
        paper_d(resistant, susceptible) if grouped else nan,
        stats.hedges_g(resistant, susceptible).value if grouped else nan,
        models_for_power(r) if 0 < abs(r) < 1 else nan,
    )  # fmt: skip


def _adjusted(pairs: list[Pair], x: list[str], y: list[str], columns: Any, seed: int) -> list[Pair]:
    """Pairs with p values adjusted over all that have one."""
    tested = [i for i, pair in enumerate(pairs) if not np.isnan(pair.p_value)]
    if not tested:
        return pairs
    p = np.array([pairs[i].p_value for i in tested])
    bh = stats.benjamini_hochberg(p)
    largest = max_r_p(np.stack([columns[a] for a in x], 1), np.stack([columns[b] for b in y], 1), seed=seed).ravel()
    found = list(pairs)
    for k, i in enumerate(tested):
        about = {"bonferroni": min(1.0, float(p[k] * p.size)), "benjamini_hochberg": float(bh[k])}
        found[i] = Pair(**vars(pairs[i]) | about | {"max_r": float(largest[i])})
    return found


def _names(given: Any, option: str) -> list[str]:
    names = [given] if isinstance(given, str) else list(given)
    if not names or len(set(names)) != len(names):
        raise ValueError(f"{option} must name at least one column, each once, got {given!r}")
    return names


def _column(frame: Any, name: str) -> NDArray[np.float64]:
    if name not in frame:
        raise ValueError(f"table has no column {name!r}; there are {', '.join(map(str, frame))}")
    try:
        values = np.asarray(frame[name], dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"column {name!r} must hold numbers; a bound such as '>0.5' is none") from None
    if bad := int(np.count_nonzero(~np.isfinite(values))):
        raise ValueError(
            f"column {name!r} must hold finite numbers, {bad} of {values.size} are not; leave these models out"
        )
    return values


def _covariate(frame: Any, name: str) -> NDArray[np.float64]:
    if name == "log10_params" and name not in frame:
        source = next((known for known in ("params", "params_B") if known in frame), None)
        if source is None:
            raise ValueError("covariates: log10_params needs a column log10_params, params or params_B")
        values = _column(frame, source)
        if not (values > 0).all():
            raise ValueError(f"column {source!r} must hold positive numbers for log10_params")
        return np.log10(values)
    return _column(frame, name)
