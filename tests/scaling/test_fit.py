"""Surface fits: reference values, exact recovery, optimality, wrong input, compilations."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from symplast.lab.jax_setup import CompileClock
from symplast.scaling import SURFACES, Bounds, condition_numbers, covariance, fit_surface, grid_search, simulate_isoflop
from symplast.scaling.centred import centre_runs, padded_length
from symplast.scaling.direct_fit import Box, fit_from_starts
from symplast.scaling.huber_grid import bound_cells, certified_minimum, solve_cells
from symplast.scaling.nonnegative import SETS, Moments, active_set_rss
from symplast.scaling.variable_projection import best_cell, fit_projected, grid_rss

jitted_grid_rss = jax.jit(grid_rss)
METHODS = [
    {"method": "vp"},
    {"method": "vp", "loss": "huber"},
    {"method": "a3"},
    {"method": "a3", "residual": "linear"},
    {"method": "a3", "loss": "huber"},
]


def errors(surface, truth) -> float:
    names = ("alpha", "beta", "A", "B", "E")
    return max(abs(getattr(surface, name) / getattr(truth, name) - 1) for name in names)


@pytest.mark.parametrize("options", METHODS, ids=str)
def test_every_method_recovers_the_readme_case(options: dict) -> None:
    truth = SURFACES["chinchilla"]
    runs = simulate_isoflop(truth, np.geomspace(1e17, 1e22, 8), 16, 1.0)
    fit = fit_surface(runs.N, runs.D, runs.L, **options)
    assert errors(fit.surface, truth) < (1e-10 if options["method"] == "vp" and "loss" not in options else 1e-6)
    assert fit.converged
    assert fit.at_bound == ()


@pytest.mark.parametrize("name", ["symmetric", "chinchilla", "asymmetric"])
@pytest.mark.parametrize("half_width", [0.3, 1.0, 2.0])
def test_vp_recovers_all_five_parameters(name: str, half_width: float, budgets: np.ndarray) -> None:
    runs = simulate_isoflop(SURFACES[name], budgets, 15, half_width)
    assert errors(fit_surface(runs.N, runs.D, runs.L).surface, SURFACES[name]) < 1e-12 * 20


def test_llama_reference_vp(llama) -> None:
    fit = fit_surface(llama.N, llama.D, llama.L)
    s = fit.surface
    assert pytest.approx(0.604669514, abs=5e-10) == s.E
    assert pytest.approx(59.14107, abs=5e-6) == s.A
    assert pytest.approx(155.11416, abs=5e-6) == s.B
    assert s.alpha == pytest.approx(0.310006086, abs=5e-10)
    assert s.beta == pytest.approx(0.313643067, abs=5e-10)
    assert fit.objective == pytest.approx(0.0020197167164, rel=1e-10)
    assert fit.rss == pytest.approx(fit.objective, rel=1e-12)
    assert fit.definition == "sum over runs of (L - fit)^2"


def test_llama_reference_a3(llama) -> None:
    fit = fit_surface(llama.N, llama.D, llama.L, method="a3")
    s = fit.surface
    assert pytest.approx(0.602090277, abs=1e-9) == s.E
    assert pytest.approx(56.20613, abs=5e-6) == s.A
    assert pytest.approx(147.32322, abs=5e-6) == s.B
    assert (s.alpha, s.beta) == pytest.approx((0.306766184, 0.310969370), abs=2e-9)
    assert fit.objective == pytest.approx(3.1553460914e-3, rel=1e-10)
    assert fit.rss == pytest.approx(0.0020269715, abs=5e-11)
    assert fit.starts[1] == 1.0


def test_llama_reference_huber(llama) -> None:
    fit = fit_surface(llama.N, llama.D, llama.L, loss="huber")
    assert fit.objective_mean == pytest.approx(2.275908e-6, rel=1e-6)
    assert (fit.surface.alpha, fit.surface.beta) == pytest.approx((0.287172, 0.317043), abs=5e-7)
    per_million = fit.surface.in_units(1e6, 1e9)
    assert pytest.approx((0.596440, 0.769145, 0.230778), abs=5e-7) == (per_million.E, per_million.A, per_million.B)


def test_epoch_reference(epoch) -> None:
    fit = fit_surface(epoch.N, epoch.D, epoch.L, method="a3", loss="huber")
    s = fit.surface
    assert fit.objective == pytest.approx(1.01827401780e-3, rel=1e-11)
    assert pytest.approx((477.8259, 2143.4174), abs=1e-4) == (s.A, s.B)
    assert pytest.approx(1.8172181, abs=5e-8) == s.E
    assert (s.alpha, s.beta) == pytest.approx((0.3473105, 0.3671724), abs=5e-8)
    assert s.a == pytest.approx(0.5138995, abs=5e-8)


def test_epoch_reference_all_points(chinchilla_points) -> None:
    N = chinchilla_points["Model Size"]
    fit = fit_surface(
        N, chinchilla_points["Training FLOP"] / (6 * N), chinchilla_points["loss"], method="a3", loss="huber"
    )
    s = fit.surface
    assert fit.objective == pytest.approx(1.8260105e-3, rel=1e-7)
    assert pytest.approx((495.726, 12845.61), rel=1e-6) == (s.A, s.B)
    assert (s.E, s.alpha, s.beta) == pytest.approx((1.891339, 0.349313, 0.453049), abs=1e-6)


def test_every_random_start_reaches_the_minimum(epoch) -> None:
    rng = np.random.default_rng(0)
    low, high = [-1, -3, -3, 0.05, 0.05], [1, 1, 1, 0.95, 0.95]
    with jax.enable_x64(True):
        runs, _ = centre_runs(epoch.N, epoch.D, epoch.L)
        box = Box(jnp.asarray([-60.0] * 3 + [0.01] * 2), jnp.asarray([60.0] * 3 + [0.99] * 2))
        starts = jnp.asarray(rng.uniform(low, high, (24, 5)))
        fits = fit_from_starts["log"](runs, starts, jnp.asarray(1e-3), box)
        assert np.asarray(fits.objective) == pytest.approx(1.01827401780e-3, rel=1e-11)
        assert bool(fits.converged.all())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_active_sets_agree_with_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 12))
    u, v = rng.uniform(0, 1, n), rng.uniform(0, 1, n)
    y = rng.normal(0, 1, n) + rng.uniform(-1, 2)
    with jax.enable_x64(True):
        mean = [float(z.mean()) for z in (u, v, y)]
        uc, vc, yc = (z - m for z, m in zip((u, v, y), mean, strict=True))
        moments = Moments(*map(jnp.asarray, (float(n), *mean, uc @ uc, vc @ vc, uc @ vc, uc @ yc, vc @ yc, yc @ yc)))
        best = min(float(rss) for rss in active_set_rss(moments)[0])
    expected = nnls(np.stack([np.ones(n), u, v], 1), y)[1] ** 2
    assert best == pytest.approx(expected, rel=1e-8, abs=1e-10)


def test_grid_agrees_with_nnls_in_every_cell() -> None:
    runs = simulate_isoflop(SURFACES["soda"], [1e17, 1e18], 6, 0.7, noise_std=0.3, seed=5)
    alphas, betas = np.linspace(0.05, 0.95, 7), np.linspace(0.1, 0.9, 6)
    with jax.enable_x64(True):
        centred, centre = centre_runs(runs.N, runs.D, runs.L)
        plane = np.asarray(jitted_grid_rss(centred, alphas, betas, np.asarray(True))[0])
    x, y = np.log(runs.N) - centre.log_n, np.log(runs.D) - centre.log_d
    clamped = 0
    for (i, alpha), (j, beta) in itertools.product(enumerate(alphas), enumerate(betas)):
        theta, norm = nnls(np.stack([np.ones_like(x), np.exp(-alpha * x), np.exp(-beta * y)], 1), runs.L)
        clamped += bool(np.any(theta == 0))
        assert plane[i, j] == pytest.approx(norm**2, rel=1e-8)
    assert clamped > 0  # the noise is there so that constraints matter


def test_collinear_columns_are_skipped_and_counted() -> None:
    N = np.logspace(7, 9, 12)
    with jax.enable_x64(True):
        centred, _ = centre_runs(N, 20 * N, 3 + N**-0.1)
        rss, collinear = jitted_grid_rss(centred, np.array([0.2, 0.4]), np.array([0.2, 0.4]), np.asarray(True))
    assert int(collinear) == 2
    assert np.all(np.isfinite(rss))
    assert any("proportional" in flag for flag in fit_surface(N, 20 * N, 3 + N**-0.1).flags)


def test_grid_search_reference() -> None:
    runs = simulate_isoflop(SURFACES["chinchilla"], np.geomspace(1e17, 1e22, 8), 16, 1.0)
    for resolution in (0.01, 0.005):
        found = grid_search(runs.N, runs.D, runs.L, resolution=resolution)
        assert (found.alpha, found.beta) == pytest.approx((0.34, 0.28), abs=1e-12)
    with pytest.raises(ValueError, match="resolution must be positive"):
        grid_search(runs.N, runs.D, runs.L, resolution=2.0)


@pytest.mark.parametrize("delta", [1e-3, 1e-2, 0.5])
def test_huber_grid_is_the_grid_minimum(delta: float) -> None:
    runs = simulate_isoflop(SURFACES["chinchilla"], [1e17, 1e19, 1e21], 9, 0.9, noise_std=0.03, seed=2)
    alphas, betas = np.linspace(0.1, 0.9, 17), np.linspace(0.1, 0.9, 15)
    with jax.enable_x64(True):
        centred, _ = centre_runs(runs.N, runs.D, runs.L)
    found = certified_minimum(centred, alphas, betas, delta, nonneg=False)
    with jax.enable_x64(True):
        cells = jnp.asarray(np.stack(np.meshgrid(alphas, betas, indexing="ij"), -1).reshape(-1, 2))
        support = jnp.broadcast_to(SETS[0], (len(cells), 3))
        every = solve_cells(centred, cells, jnp.asarray(delta), support, jnp.asarray(np.inf), jnp.asarray(5000))
        bounds, upper = bound_cells(centred, jnp.asarray(alphas), jnp.asarray(betas), jnp.asarray(delta))
        objective = np.asarray(every.objective)
        assert np.all(np.asarray(bounds).ravel() <= objective * (1 + 1e-9))
        assert np.all(np.asarray(upper).ravel() >= objective * (1 - 1e-9))
        assert np.all(objective - np.asarray(every.bound) <= 1e-7 * objective)
    assert found.certified
    assert found.objective == pytest.approx(objective.min(), rel=1e-9)
    assert found.solved_cells < 0.5 * objective.size or delta > 0.1


def test_huber_with_constraints_beats_no_feasible_neighbour() -> None:
    rng = np.random.default_rng(3)
    runs = simulate_isoflop(SURFACES["symmetric"], [1e17, 1e18], 8, 0.5)
    L = 3 - 0.3 * np.log10(runs.N / runs.N.min()) ** 2 + 0.05 * rng.standard_normal(runs.n)  # wants A < 0
    fit = fit_surface(runs.N, runs.D, L, loss="huber", delta=0.01)
    assert min(fit.surface.A, fit.surface.B, fit.surface.E) >= 0
    assert fit.at_bound
    grid = grid_search(runs.N, runs.D, L)
    assert np.isfinite(grid.rss)


@settings(max_examples=15, deadline=None)
@given(st.floats(1e-6, 1e6), st.floats(1e-9, 1e9), st.floats(0.1, 10.0))
def test_fit_follows_the_units(per_n: float, per_d: float, per_loss: float) -> None:
    runs = simulate_isoflop(SURFACES["asymmetric"], np.logspace(17, 21, 5), 7, 0.8, noise_std=0.02, seed=4)
    base = fit_surface(runs.N, runs.D, runs.L).surface
    other = fit_surface(runs.N / per_n, runs.D / per_d, runs.L / per_loss).surface
    expected = base.in_units(per_n, per_d)
    assert (other.alpha, other.beta) == pytest.approx((base.alpha, base.beta), rel=1e-6)
    assert (other.A * per_loss, other.B * per_loss) == pytest.approx((expected.A, expected.B), rel=1e-5)


def test_exponents_beyond_one_need_wider_bounds() -> None:
    from symplast.scaling import LossSurface

    truth = LossSurface(1.4, 0.6, 1e9, 1e4, 0.5)
    runs = simulate_isoflop(truth, np.logspace(15, 18, 4), 9, 0.7)
    assert "alpha" in fit_surface(runs.N, runs.D, runs.L).at_bound
    wide = fit_surface(runs.N, runs.D, runs.L, bounds=Bounds(alpha=(0.05, 2.5), beta=(0.05, 2.5)))
    assert errors(wide.surface, truth) < 1e-8


def test_conditioning_reference(budgets: np.ndarray) -> None:
    s = SURFACES["asymmetric"]
    runs = simulate_isoflop(s, budgets, 15, np.log10(8), drift=0.2)
    found = condition_numbers(s, runs.N, runs.D)
    assert found.eigenvalues_raw == pytest.approx([7.7825e-6, 1.56363e-5, 11.93056, 2.610985e4, 2.711533e6], rel=5e-6)
    assert found.eigenvalues_projected == pytest.approx([113.19846, 1196.35326], rel=1e-7)
    assert found.raw == pytest.approx(3.484e11, rel=5e-4)
    assert found.projected == pytest.approx(10.5686, rel=1e-5)
    assert found.raw > found.log > found.centred > found.scaled > found.projected
    centred = simulate_isoflop(s, budgets, 15, np.log10(8))
    found = condition_numbers(s, centred.N, centred.D)
    assert (found.raw, found.projected) == pytest.approx((3.46e11, 8.41), rel=2e-3)


@pytest.mark.parametrize(("residual", "delta"), [("linear", np.inf), ("log", np.inf), ("linear", 0.02)])
def test_covariance_covers_the_truth(residual: str, delta: float) -> None:
    """Standard errors against the spread of refits, within a factor that 60 repeats allow."""
    truth, rng = SURFACES["chinchilla"], np.random.default_rng(8)
    options = {"method": "a3" if residual == "log" else "vp"}
    if np.isfinite(delta):
        options |= {"loss": "huber", "delta": delta}
    clean = simulate_isoflop(truth, np.logspace(17, 21, 5), 9, 0.9)

    def noisy() -> np.ndarray:
        if residual == "log":
            return clean.L * np.exp(rng.normal(0, 0.005, clean.n))
        return clean.L + rng.normal(0, 0.015, clean.n)

    fits = [fit_surface(clean.N, clean.D, noisy(), **options) for _ in range(60)]
    told = np.median([fit.standard_errors["alpha"] for fit in fits])
    assert 0.75 < np.std([fit.surface.alpha for fit in fits]) / told < 1.3


def test_covariance_without_rank_is_infinite() -> None:
    s = SURFACES["chinchilla"]
    N, D = np.full(9, 1e9), np.logspace(9, 11, 9)
    assert np.all(np.isinf(covariance(s, N, D, s.loss(N, D))))
    assert np.all(np.isinf(covariance(s, N[:5], D[:5], s.loss(N[:5], D[:5]))))


RUNS = simulate_isoflop(SURFACES["chinchilla"], [1e18, 1e19, 1e20], 5, 0.6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "newton"}, "method must be 'vp' or 'a3'"),
        ({"method": "vp", "residual": "log"}, "needs method='a3'"),
        ({"loss": "absolute"}, "loss mse or huber"),
        ({"loss": "huber", "delta": 0.0}, "delta must be positive"),
        ({"nonneg": False, "method": "a3"}, "nonneg=False is least squares"),
    ],
)
def test_options_that_do_not_go_together(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_surface(RUNS.N, RUNS.D, RUNS.L, **options)


def test_bounds_are_checked() -> None:
    with pytest.raises(ValueError, match="bounds of alpha must be"):
        Bounds(alpha=(0.9, 0.1))


def test_tables_that_identify_nothing() -> None:
    with pytest.raises(ValueError, match="at least 5 runs"):
        fit_surface(RUNS.N[:4], RUNS.D[:4], RUNS.L[:4])
    with pytest.raises(ValueError, match="N must take at least 3 distinct values to identify alpha and A, got 2"):
        fit_surface(np.repeat([1e8, 1e9], [8, 7]), RUNS.D, RUNS.L)
    with pytest.raises(ValueError, match="D must take at least 3 distinct values to identify beta and B"):
        fit_surface(RUNS.N, np.full(15, 1e10), RUNS.L)


def test_one_isoflop_line_is_flagged() -> None:
    runs = simulate_isoflop(SURFACES["chinchilla"], [1e20], 15, 1.0)
    fit = fit_surface(runs.N, runs.D, runs.L)
    assert any("one IsoFLOP line" in flag for flag in fit.flags)


def test_hot_functions_compile_once() -> None:
    """Other tables of the same padded length, other grids of the same size, other options: no new program."""
    tables = [
        simulate_isoflop(SURFACES["soda"], np.logspace(17, 21, 5), n, 0.8, noise_std=0.01, seed=n) for n in (11, 12)
    ]
    assert len({padded_length(runs.n) for runs in tables}) == 1
    first = tables[0]
    for options in METHODS:
        fit_surface(first.N, first.D, first.L, **options)
    grid_search(first.N, first.D, first.L)
    with CompileClock() as clock:
        for runs, bounds in zip(tables, (Bounds(alpha=(0.02, 1.5)), Bounds(beta=(0.02, 1.1))), strict=True):
            for options in METHODS:
                fit_surface(runs.N, runs.D, runs.L, bounds=bounds, **options)
            grid_search(runs.N, runs.D, runs.L, nonneg=False)
        fit_surface(first.N, first.D, first.L, nonneg=False)
    assert clock.count == 0
    assert fit_projected._cache_size() >= 1
    assert best_cell._cache_size() >= 1
