"""Bootstrap: the published stream, counts as copies, and who fails."""

import numpy as np
import pytest

from symplast.lab.jax_setup import CompileClock
from symplast.scaling import SURFACES, bootstrap, fit_approach2, fit_surface, run_table, simulate_isoflop
from symplast.scaling.fit import fit_table
from symplast.scaling.resampling import approach2_weighted, resample_counts, surfaces_weighted

RUNS = simulate_isoflop(SURFACES["chinchilla"], np.logspace(17, 20, 4), 7, 0.7, noise_std=0.01, seed=11)


def test_published_interval(llama) -> None:
    a3 = fit_table(llama, method="a3")
    found = bootstrap(llama, 100, target=3.8e25, refit="a2", reference=a3, level=0.9, seed=42)
    assert found.estimates["dollars"].interval == pytest.approx((411_664, 2_883_366), abs=1)
    assert found.failed == {"parabola not convex": 13, "fewer than three distinct sizes": 5}
    assert found.failed_share == 0.18
    vp = bootstrap(llama, 100, target=3.8e25, refit="a2", level=0.9, seed=42)
    assert vp.estimates["dollars"].interval == pytest.approx((381_415, 2_826_425), abs=1)


def test_longer_stream(llama) -> None:
    a3 = fit_table(llama, method="a3")
    found = bootstrap(llama, 2000, target=3.8e25, refit="a2", reference=a3, level=0.9, seed=42)
    assert found.estimates["dollars"].interval == pytest.approx((217_247, 2_570_608), abs=1)
    assert found.failed == {"parabola not convex": 238, "fewer than three distinct sizes": 85}


def test_strata_keep_their_sizes() -> None:
    counts = resample_counts(RUNS, 50, "budget", 1)
    for budget in RUNS.budgets:
        assert np.all(counts[:, RUNS.at(budget)].sum(1) == 7)
    free = resample_counts(RUNS, 50, "none", 1)
    assert np.all(free.sum(1) == RUNS.n)
    assert np.any(free[:, RUNS.at(RUNS.budgets[0])].sum(1) != 7)


def test_counts_are_copied_rows() -> None:
    counts = resample_counts(RUNS, 6, "budget", 5)
    many = approach2_weighted(RUNS, counts)
    surfaces = surfaces_weighted(RUNS, counts, fit_table(RUNS))
    logs = surfaces_weighted(RUNS, counts, fit_table(RUNS, method="a3"))
    for i, row in enumerate(counts):
        picked = np.repeat(np.arange(RUNS.n), row.astype(int))
        copied = run_table(RUNS.N[picked], RUNS.D[picked], RUNS.L[picked], RUNS.C[picked])
        fit = fit_surface(copied.N, copied.D, copied.L).surface
        assert (surfaces.alpha[i], surfaces.beta[i]) == pytest.approx((fit.alpha, fit.beta), rel=1e-6)
        fit = fit_surface(copied.N, copied.D, copied.L, method="a3").surface
        assert (logs.alpha[i], logs.beta[i]) == pytest.approx((fit.alpha, fit.beta), rel=1e-6)
        if many.status[i] == 0:
            law = fit_approach2(copied.N, copied.D, copied.L, copied.C).allocation
            assert many.a[i] == pytest.approx(law.a, rel=1e-9)


@pytest.mark.parametrize("refit", ["a2", "surface", "joint"])
@pytest.mark.parametrize("interval", ["percentile", "bca"])
def test_what_is_refitted_varies_and_the_rest_does_not(refit: str, interval: str) -> None:
    found = bootstrap(RUNS, 60, target=1e22, refit=refit, interval=interval, strata="budget", seed=0)
    varies = {name: np.nanmax(values) > np.nanmin(values) for name, values in found.samples.items()}
    assert varies["a"] == (refit != "surface")
    assert varies["alpha"] == (refit != "a2")
    assert varies["waste"]
    for name, estimate in found.estimates.items():
        assert estimate.low <= estimate.high, name
        assert estimate.n == RUNS.n


def test_wrong_requests() -> None:
    with pytest.raises(ValueError, match="refit must be"):
        bootstrap(RUNS, 10, target=1e22, refit="both")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="strata must be"):
        bootstrap(RUNS, 10, target=1e22, strata="run")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs reference as a fit"):
        bootstrap(RUNS, 10, target=1e22, reference=SURFACES["soda"])
    with pytest.raises(ValueError, match="target must be positive"):
        bootstrap(RUNS, 10, target=0.0)
    with pytest.raises(ValueError, match="at least 1 resample"):
        bootstrap(RUNS, 0, target=1e22)
    with pytest.raises(ValueError, match="at least two budgets"):
        bootstrap(RUNS.select(RUNS.at(RUNS.budgets[0])), 10, target=1e22)


def test_number_of_resamples_does_not_recompile() -> None:
    bootstrap(RUNS, 10, target=1e22)
    with CompileClock() as clock:
        bootstrap(RUNS, 300, target=1e23, seed=3)
    assert clock.count == 0
