"""The experiments behind the claims. What needs no data runs anywhere; the rest reads the scaling-laws tables, which
can't be built in, so it is a part of full scale only."""

import itertools
from typing import Any

import jax
import numpy as np
from threadpoolctl import threadpool_limits

from symplast import datasets, stats
from symplast.lab import Config, Evidence, Study, evidence
from symplast.scaling.approach2 import fit_approach2_table
from symplast.scaling.approach3_recipe import authors_approach3
from symplast.scaling.bias import approach2_bias
from symplast.scaling.conditioning import condition_numbers
from symplast.scaling.deadweight import deadweight_loss
from symplast.scaling.estimator_errors import (
    METHODS,
    efficiency_errors,
    gmean_error,
    iqr_ratio,
    largest_a_error,
    noise_errors,
    p95_a_error,
    variance_ratio,
)
from symplast.scaling.fit import fit_table, grid_search
from symplast.scaling.replication import EPOCH, HOFFMANN, huber_objective, random_start_minima
from symplast.scaling.resampling import bootstrap, resample_counts, surfaces_weighted
from symplast.scaling.run_files import read_runs
from symplast.scaling.simulation import simulate_isoflop
from symplast.scaling.surfaces import SURFACES, LossSurface
from symplast.scaling.tables import RunTable, run_table

study = Study("scaling")

BUDGETS = np.logspace(17, 21, 5)
WIDTHS = [2, 4, 8, 16]
SYNTHETIC = ["symmetric", "chinchilla", "asymmetric"]
CASES: dict[str, dict[str, float]] = {
    "centred": {},
    "offset": {"center_scale": 3.0},
    "drift": {"drift": float(np.log10(3))},
}
TARGET = 3.8e25


@study.experiment(quick={"target": 1e24, "points": 15})
def noise_free(config: Config, key: jax.Array) -> Evidence:
    """Approach 2 on noise-free IsoFLOP curves of three surfaces: centred, off-centre, drifting grids, ±2x to ±16x."""
    shape = (len(CASES), len(SYNTHETIC), len(WIDTHS))
    d_error, b_error, b0 = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for i, placement in enumerate(CASES.values()):
        for j, name in enumerate(SYNTHETIC):
            for k, width in enumerate(WIDTHS):
                s = SURFACES[name]
                runs = simulate_isoflop(
                    s, BUDGETS, config.points, np.log10(width),
                    drift=placement.get("drift", 0.0), center_scale=placement.get("center_scale", 1.0),
                )  # fmt: skip
                law = fit_approach2_table(runs).allocation
                d_error[i, j, k] = 100 * (law.d_opt(config.target) / s.d_opt(config.target) - 1)
                b_error[i, j, k] = law.b / s.b - 1
                b0[i, j, k] = law.b0
    names = [name for name in SURFACES if name != "llama-3"]
    widths = np.geomspace(1.2, 32, 60)
    curve = np.array([[_shift(name, k) for k in widths] for name in names])
    predicted = np.array([[_shift(name, k) for k in WIDTHS] for name in names])
    simulated = np.array([[_simulated_shift(name, k) for k in WIDTHS] for name in names])
    true_b0 = np.array([SURFACES[n].b0 for n in SYNTHETIC])
    return evidence(
        symmetric_b_error=float(100 * abs(b_error[0, 0]).max()),
        symmetric_b0_error=float(100 * abs(b0[0, 0] / true_b0[0] - 1).max()),
        b0=(("biased", "which"), np.stack([true_b0[1:], b0[0, 1:, -1]], 1)),
        b_error=(("biased",), abs(b_error[0, 1:, -1])),
        closed_form_difference=float(abs(predicted - simulated).max()),
        centred_chinchilla=(("width",), d_error[0, 1]),
        centred_asymmetric=(("width",), d_error[0, 2]),
        offset_symmetric=(("width",), d_error[1, 0]),
        offset_falls_with_width=bool(np.all(np.diff(d_error[1, 0]) < 0)),
        drift=(("surface", "width"), d_error[2]),
        offset_biased=(("biased", "width"), d_error[1, 1:]),
        drift_b_error=(("surface",), abs(b_error[2]).min(-1)),
        d_error=(("case", "surface", "width"), d_error),
        shift=(("named", "width"), simulated),
        shift_curve=(("named", "k"), curve),
        coords={
            "surface": SYNTHETIC, "biased": SYNTHETIC[1:], "width": WIDTHS, "case": list(CASES),
            "which": ["true", "fitted"], "named": names, "k": widths,
        },
        units={"d_error": "%", "shift": "log10 units", "symmetric_b_error": "%", "symmetric_b0_error": "%"},
    )  # fmt: skip


def _shift(name: str, k: float) -> float:
    return approach2_bias(SURFACES[name].alpha, SURFACES[name].beta, k).shift_log10


def _simulated_shift(name: str, k: float) -> float:
    runs = simulate_isoflop(SURFACES[name], BUDGETS, 15, np.log10(k))
    return fit_approach2_table(runs).allocation.a0 - SURFACES[name].a0


@study.experiment(quick={"drift": 0.2})
def conditioning(config: Config, key: jax.Array) -> Evidence:
    """Condition numbers of the fit's Hessian at the truth, in five parameterisations."""
    s = SURFACES["asymmetric"]
    found = []
    for drift in (config.drift, 0.0):
        runs = simulate_isoflop(s, BUDGETS, 15, np.log10(8), drift=drift)
        found.append(condition_numbers(s, runs.N, runs.D))
    ways = ["raw", "log", "centred", "scaled", "projected"]
    table = np.array([[getattr(c, way) for way in ways] for c in found])
    return evidence(
        **dict(zip(ways, table[0], strict=True)),
        eigenvalues_raw=(("five",), found[0].eigenvalues_raw),
        eigenvalues_projected=(("two",), found[0].eigenvalues_projected),
        condition=(("grid", "way"), table),
        coords={"way": ways, "grid": ["drifting by 0.2", "centred"]},
    )


@study.experiment(quick={"widths": 20, "recipe_widths": 5}, full={"recipe_widths": 20})
def recovery(config: Config, key: jax.Array) -> Evidence:
    """Recovery of all five parameters from noise-free data, by variable projection and by all five at once."""
    widths = np.linspace(0.3, 2.0, config.widths)
    every = max(1, config.widths // config.recipe_widths)
    ways = ["VP", "five at once, centred logs", "five at once, authors' recipe", "grid of 256 x 256"]
    error = np.full((len(ways), len(SYNTHETIC), widths.size), np.nan)
    for i, name in enumerate(SYNTHETIC):
        for j, width in enumerate(widths):
            runs = simulate_isoflop(SURFACES[name], BUDGETS, 15, width)
            error[0, i, j] = _worst(fit_table(runs).surface, SURFACES[name])
            error[1, i, j] = _worst(
                fit_table(runs, method="a3", residual="linear", projected_start=False).surface, SURFACES[name]
            )
            if j % every == 0:
                with threadpool_limits(1):  # tables of 75 rows: more threads only get in each other's way
                    recipe = authors_approach3(runs.N, runs.D, runs.L, objective="mse").parameters
                E, A, B, alpha, beta = map(float, recipe)
                error[2, i, j] = _worst(LossSurface(alpha, beta, A, B, E), SURFACES[name])
            cell = grid_search(runs.N, runs.D, runs.L, resolution=0.98 / 255)
            error[3, i, j] = 100 * max(
                abs(cell.alpha / SURFACES[name].alpha - 1), abs(cell.beta / SURFACES[name].beta - 1)
            )
    return evidence(
        vp_worst=float(error[0].max()),
        direct_worst=float(error[1].max()),
        error=(("way", "surface", "half_width"), error),
        coords={"way": ways, "surface": SYNTHETIC, "half_width": widths},
        units={"error": "%", "vp_worst": "%", "direct_worst": "%"},
    )


def _worst(found: LossSurface, truth: LossSurface) -> float:
    """Largest relative error over the five parameters, %."""
    return 100 * max(abs(getattr(found, p) / getattr(truth, p) - 1) for p in ("alpha", "beta", "A", "B", "E"))


SHARES = np.concatenate([np.arange(1, 100), [99.5, 99.9, 100.0]])


@study.experiment(quick={"repeats": 5, "resamples": 2000}, full={"repeats": 256})
def noise(config: Config, key: jax.Array) -> Evidence:
    """The noise study: five estimators on drifting grids of the asymmetric surface, 36 settings, a stream a repeat."""
    errors = 100 * noise_errors(config.repeats)
    names = ["naive", "a2", "a3", "mle", "vp"]

    def ratio(worse: str, better: str, statistic) -> stats.Estimate:
        """Of a statistic of two methods, with a paired bootstrap over repeats."""
        pair = errors[names.index(worse)], errors[names.index(better)]

        def of(drawn: np.ndarray) -> float:
            rows = np.asarray(drawn, dtype=int)
            return statistic(pair[0][rows]) / statistic(pair[1][rows])

        return stats.bootstrap(np.arange(config.repeats, dtype=float), of, resamples=config.resamples, seed=config.seed)

    gmeans = [gmean_error(e) for e in errors]
    ratios: dict[str, Any] = {f"{w}_over_{b}": ratio(w, b, gmean_error) for w, b in itertools.pairwise(names)}
    return evidence(
        **ratios,
        a2_max_over_vp_max=ratio("a2", "vp", largest_a_error),
        a2_p95_over_vp_p95=ratio("a2", "vp", p95_a_error),
        gmean_a2_vp=(("pair",), [gmeans[1], gmeans[4]]),
        max_a2=largest_a_error(errors[1]),
        max_vp=largest_a_error(errors[4]),
        gmean=(("estimator",), gmeans),
        largest_a=(("estimator",), [largest_a_error(e) for e in errors]),
        p95_a=(("estimator",), [p95_a_error(e) for e in errors]),
        failed=(("estimator",), np.isnan(errors[..., 0]).sum((1, 2))),
        percentile=(("estimator", "share"), [np.nanpercentile(e[..., 0], SHARES) for e in errors]),
        coords={"estimator": list(METHODS), "share": SHARES},
        units={"gmean": "%", "largest_a": "%", "p95_a": "%", "percentile": "%"},
    )


@study.experiment(quick={"streams": 6, "resamples": 1000}, full={"streams": 60, "resamples": 4000})
def efficiency(config: Config, key: jax.Array) -> Evidence:
    """The efficiency study: spread of b by Approach 2 and VP over 810 data sets, the published draw and fresh ones."""
    runs = [efficiency_errors(seed) for seed in (42, *range(1000, 1000 + config.streams))]
    a2, vp, sigma = runs[0]
    fresh = np.array([variance_ratio(a, v) for a, v, _ in runs[1:]])
    convex = np.isfinite(a2)
    weights = np.sort((a2[convex] - a2[convex].mean()) ** 2)[::-1]
    levels = np.unique(sigma)

    def paired(statistic) -> stats.Estimate:
        def of(drawn: np.ndarray) -> float:
            rows = np.asarray(drawn, dtype=int)
            return statistic(a2[rows], vp[rows])

        return stats.bootstrap(np.arange(a2.size, dtype=float), of, resamples=config.resamples, seed=config.seed)

    at = [sigma == level for level in levels]
    return evidence(
        variance_ratio=paired(variance_ratio),
        iqr_ratio_squared=paired(lambda a, v: iqr_ratio(a, v) ** 2),
        share_in_range=stats.clopper_pearson(int(np.sum((fresh >= 5) & (fresh <= 12))), fresh.size),
        fresh_ratios=(("stream",), fresh),
        variances=(("estimator",), [np.nanvar(a2), vp.var()]),
        ratio_by_noise=(("noise",), [variance_ratio(a2[s], vp[s]) for s in at]),
        median_ratio_by_noise=(("noise",), [np.nanmedian(abs(a2[s])) / np.median(abs(vp[s])) for s in at]),
        not_convex=int(np.sum(~convex)),
        share_of_largest=(("top",), np.cumsum(weights)[[0, 4]] / weights.sum()),
        b_error=(("estimator", "dataset"), np.stack([a2, vp])),
        coords={"estimator": ["Approach 2", "VP"], "noise": levels, "top": [1, 5]},
    )


REASONS = ["near_duplicate_params", "off_center", "spline_outlier", "weak_curvature"]


@study.experiment(full={"resamples": 10_000, "joint_resamples": 10_000}, data=("scaling-laws",))
def llama(config: Config, key: jax.Array) -> Evidence:
    """Llama 3's 133 digitised IsoFLOP points: the waste of Approach 2 at 3.8e25 FLOP and what it hangs on."""
    frame = datasets.load("scaling-laws")["isoflops"]
    frame = frame[frame["experiment"] == "llama_3__raw_loss"].reset_index(drop=True)
    runs = read_runs(frame)
    vp, a3 = fit_table(runs), fit_table(runs, method="a3")
    law = fit_approach2_table(runs)
    waste = {name: deadweight_loss(fit.surface, law.allocation, TARGET) for name, fit in (("vp", vp), ("a3", a3))}

    def interval(n: int, refit: str):
        return bootstrap(runs, n, target=TARGET, refit=refit, reference=a3, level=0.9, seed=42)

    published, long = interval(100, "a2"), interval(config.resamples, "a2")
    joint = interval(config.joint_resamples, "joint")
    ways = (published, long, joint)
    ends: dict[str, Any] = {
        f"{name}interval_{end}": getattr(result.estimates["dollars"], end) / unit
        for name, result in (("", published), ("long_", long), ("joint_", joint))
        for end, unit in (("low", 1e3), ("high", 1e6))
    }

    ends |= {f"waste_{name}": 100 * w.fraction for name, w in waste.items()}
    ends |= {f"dollars_{name}": w.dollars / 1e6 for name, w in waste.items()}

    def waste_of(part: RunTable) -> float:
        return 100 * deadweight_loss(a3.surface, fit_approach2_table(part).allocation, TARGET).fraction

    reason = frame["reason"].where(frame["outlier"], "").fillna("")
    cleaned = [runs.select(~reason.isin(REASONS[:k]).to_numpy()) for k in range(len(REASONS) + 1)]
    left_out = [waste_of(runs.without_budget(budget)) for budget in runs.budgets]
    C = np.geomspace(runs.C.min(), TARGET, 40)
    return evidence(
        **ends,
        a2_exponents=(("exponent",), [law.allocation.a, law.allocation.b]),
        d_opt=(("pair",), [waste["a3"].D / 1e12, waste["a3"].d_best / 1e12]),
        n_opt=(("three",), [waste["a3"].N / 1e9, waste["vp"].n_best / 1e9, waste["a3"].n_best / 1e9]),
        waste_after_qc=waste_of(cleaned[-1]),
        waste_without_1e22=left_out[-1],
        waste_by_cleaning=(("removed",), [waste_of(part) for part in cleaned]),
        points_by_cleaning=(("removed",), [part.n for part in cleaned]),
        waste_left_out=(("budget",), left_out),
        dropped=(("way", "failure"), [[r.failed.get(f, 0) / r.n for f in FAILURES] for r in ways]),
        dollars_sample=(("way", "resample"), _equal_lengths([r.samples["dollars"] / 1e6 for r in ways])),
        vertices=(("budget",), [p.n_opt for p in law.parabolas]),
        n_line=(("line", "C"), np.stack([law.allocation.n_opt(C), vp.surface.n_opt(C)])),
        N=(("run",), runs.N), L=(("run",), runs.L), run_budget=(("run",), runs.C),
        flagged=(("run",), reason.isin(REASONS).to_numpy()),
        coords={
            "budget": runs.budgets, "removed": ["nothing", *REASONS], "way": ["published", "long", "joint"],
            "failure": FAILURES, "exponent": ["a", "b"], "C": C, "line": ["Approach 2", "VP"],
        },
        units={"waste_vp": "%", "waste_a3": "%", "dollars_vp": "$M", "dollars_a3": "$M", "waste_left_out": "%"},
    )  # fmt: skip


FAILURES = ["parabola not convex", "fewer than three distinct sizes"]


def _equal_lengths(samples: list[np.ndarray]) -> np.ndarray:
    longest = max(map(len, samples))
    return np.stack([np.pad(s, (0, longest - len(s)), constant_values=np.nan) for s in samples])


@study.experiment(quick={"target": TARGET})
def multimodal(config: Config, key: jax.Array) -> Evidence:
    """What Approach 2 wastes on four surfaces when its ±2x grids drift to 3x, fitted at 1e18-1e22 FLOP."""
    names = ["llama-3", "chinchilla", "soda", "sparse-nmm"]
    losses = []
    for name in names:
        runs = simulate_isoflop(SURFACES[name], np.logspace(18, 22, 5), 15, np.log10(2), drift=np.log10(3))
        losses.append(deadweight_loss(SURFACES[name], fit_approach2_table(runs).allocation, config.target))
    return evidence(
        waste=(("surface",), [100 * loss.fraction for loss in losses]),
        dollars=(("surface",), [loss.dollars / 1e3 for loss in losses]),
        coords={"surface": names},
        units={"waste": "%", "dollars": "$K"},
    )


@study.experiment(full={"starts": 1000, "resamples": 4000}, data=("scaling-laws",))
def replication(config: Config, key: jax.Array) -> Evidence:
    """Chinchilla's Approach 3 on 240 points of its Figure 4: the Huber objective's minimum from random starts."""
    points = datasets.load("scaling-laws")["chinchilla_figure4"].sort_values("loss").iloc[:240]
    N = points["Model Size"].to_numpy()
    runs = run_table(N, points["Training FLOP"].to_numpy() / (6 * N), points["loss"].to_numpy())
    fit = fit_table(runs, method="a3", loss="huber")
    minima = random_start_minima(runs, config.starts, seed=config.seed)
    best = min(fit.objective, float(minima.min()))
    at = {name: huber_objective(runs, surface) for name, surface in (("hoffmann", HOFFMANN), ("epoch", EPOCH))}
    names = ("A", "B", "E", "alpha", "beta")
    resampled = surfaces_weighted(runs, resample_counts(runs, config.resamples, "none", config.seed), fit)
    return evidence(
        share_reached=float(np.mean(minima <= best * (1 + 1e-12))),
        best_objective=best,
        hoffmann_over_best=at["hoffmann"] / best,
        epoch_objective=at["epoch"],
        objective=(("point",), [at["hoffmann"], at["epoch"], best]),
        parameters=(("point", "parameter"), [[getattr(s, p) for p in names] for s in (HOFFMANN, EPOCH, fit.surface)]),
        standard_error=(("parameter",), [np.std(getattr(resampled, p)) for p in names]),
        minima=(("start",), minima),
        coords={"point": ["Hoffmann et al.", "Epoch AI", "minimum"], "parameter": list(names)},
    )
