"""The large-size theory against published edges, closed forms and sampled matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from symplast import datasets
from symplast.curl import critical_fraction, density, distribution, support


@pytest.mark.parametrize(
    ("c", "alpha", "bands"),
    [
        (1.2, 0.0, [(1.0075915, 4.6590752)]),
        (1.2, 0.5, [(-0.96575, 0.82630), (1.05868, 4.08077)]),
        (1.2, 0.1, [(-0.74960, -0.00544), (1.00135, 4.55856)]),
        (1.2, 0.8, [(-0.99969, 3.55773)]),
        (2.0, 0.7, [(-0.98550, 0.81730), (1.04076, 3.06861)]),
    ],
)
def test_edges_of_the_hidden_spectrum(c: float, alpha: float, bands) -> None:
    np.testing.assert_allclose(support(c, alpha, "hidden").bands, bands, atol=2e-5)


def test_atoms() -> None:
    (atom,) = support(2.0, 0.7, "hidden").atoms
    assert (atom.place, round(atom.mass, 12)) == (-1.0, 0.2)
    assert support(2.0, 0.7, "hidden").least == -1.0
    (atom,) = support(10.0, 0.5, "readout").atoms
    assert (atom.place, round(atom.mass, 12)) == (1.0, 0.9)
    assert support(0.5, 0.3, "hidden").atoms == []


@pytest.mark.parametrize(
    ("c", "alpha", "layer", "mass"),
    [
        (0.4, 0.3, "hidden", 1.0),
        (1.0, 0.5, "hidden", 1.0),
        (2.0, 0.7, "hidden", 0.8),
        (0.3, 0.3, "readout", 1.0),
        (10.0, 0.5, "readout", 0.1),
    ],
)
def test_mass_of_the_density(c: float, alpha: float, layer, mass: float) -> None:
    def smooth(t: float, low: float, high: float) -> float:  # x = middle + half sin t: square-root edges become smooth
        middle, half = (low + high) / 2, (high - low) / 2
        return float(density(np.array([middle + half * np.sin(t)]), c, alpha, layer)[0] * half * np.cos(t))

    bands = support(c, alpha, layer).bands
    total = sum(quad(smooth, -np.pi / 2, np.pi / 2, args=band, limit=200, epsabs=1e-7)[0] for band in bands)
    assert total == pytest.approx(mass, abs=1e-4)


HIDDEN = {0.3: 0.5585, 0.4: 0.17718, 0.5: 0.04667, 0.6: 0.00542, 0.65: 0.00029, 2 / 3: 0, 0.8: 0, 5: 0, 0.25: 1, 0.1: 1}
READOUT = {0.05: 0.30575, 0.1: 0.24464, 0.25: 5 / 32, 0.5: 0.09732, 1: 0.05506, 2: 0.02934, 10: 0.00617, 100: 0.00062}


@pytest.mark.parametrize(("layer", "values"), [("hidden", HIDDEN), ("readout", READOUT)])
def test_critical_fractions(layer, values) -> None:
    for c, expected in values.items():
        assert critical_fraction(c, layer) == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize("layer", ["hidden", "readout"])
@pytest.mark.parametrize("c", [0.3, 0.45, 0.6])
def test_closed_form_is_where_the_left_edge_is_zero(layer, c: float) -> None:
    alpha = critical_fraction(c, layer)
    assert support(c, alpha, layer).least == pytest.approx(0, abs=1e-6)
    assert critical_fraction(c, layer, rho=1.0 + 1e-9) == pytest.approx(alpha, abs=1e-5)


@pytest.mark.parametrize("layer", ["hidden", "readout"])
@pytest.mark.parametrize(("c", "rho"), [(0.2, 0.5), (0.5, 2.0), (0.9, 5.0), (0.05, 0.2), (3.0, 0.7)])
def test_closed_form_for_layers_of_unequal_variance(layer, c: float, rho: float) -> None:
    """Where it lies inside, the law's left edge is at zero; elsewhere no share, or each, is stable."""
    alpha = critical_fraction(c, layer, rho)
    if 0 < alpha < 1:
        assert support(c, alpha, layer, rho).least == pytest.approx(0, abs=1e-6)
    else:
        assert (support(c, 0.999 if alpha else 0.001, layer, rho).least > 0) == bool(alpha)


@pytest.mark.parametrize("layer", ["hidden", "readout"])
@pytest.mark.parametrize("rho", [1e-300, 1e-12, 1.0, 1e12, 1e300])
def test_extreme_ratios_give_shares(layer, rho: float) -> None:
    shares = [critical_fraction(c, layer, rho) for c in (5e-324, 1e-300, 1e-20, 1e-3, 1.0, 1e3, 1e20, 1e300)]
    assert np.all(np.diff(shares) <= 0) or layer == "readout"
    assert all(0 <= share <= 1 for share in shares)


def test_small_and_large_compression_keep_their_digits() -> None:
    assert critical_fraction(1e-300, "readout") == 0.5
    for c in (1e12, 1e150, 1e300):
        assert critical_fraction(c, "readout") * 16 * c == pytest.approx(1, rel=1e-11)
    assert 0.5 - critical_fraction(1e-12, "readout") == pytest.approx(1e-6, rel=1e-5)


def test_support_out_of_reach_is_refused() -> None:
    with pytest.raises(ValueError, match="out of reach"):
        support(1.0, 0.5, "hidden", 1e300)


def test_limits_of_the_readout_boundary() -> None:
    assert critical_fraction(1e-6, "readout") == pytest.approx(0.5 - 1e-3, abs=2e-5)
    assert critical_fraction(1e4, "readout") == pytest.approx(1 / 16e4, rel=1e-3)


@pytest.mark.parametrize(("layer", "units", "alpha"), [("hidden", 1000, 0.3), ("readout", 1000, 0.3)])
def test_sampled_matrices_follow_the_law(layer, units: int, alpha: float) -> None:
    inputs, rng = 400, np.random.default_rng(1)
    w = rng.normal(size=(units, inputs)) / np.sqrt(inputs)
    size = inputs if layer == "hidden" else units
    signs = np.where(np.arange(size) < alpha * size, -1.0, 1.0)
    x = np.diag(signs) + w.T @ w if layer == "hidden" else np.eye(inputs) + w.T @ (signs[:, None] * w)
    eigenvalues = np.linalg.eigvalsh(x)
    bands = support(inputs / units, alpha, layer).bands
    width = bands[-1][1] - bands[0][0]
    assert abs(eigenvalues[0] - bands[0][0]) < 0.05 * width
    assert abs(eigenvalues[-1] - bands[-1][1]) < 0.05 * width
    grid = np.linspace(bands[0][0], bands[-1][1], 4001)
    law = np.cumsum(density(grid, inputs / units, alpha, layer)) * (grid[1] - grid[0])
    seen = np.searchsorted(eigenvalues, grid) / inputs
    assert np.abs(law - seen).max() < 0.02


@pytest.mark.skipif(not datasets.available("curl-descent"), reason="needs the data set curl-descent (SYMPLAST_DATA)")
def test_closed_forms_against_the_published_boundary() -> None:
    table = datasets.load("curl-descent")["phase_boundary"]
    hidden, readout = (np.array([critical_fraction(c, layer) for c in table.c]) for layer in ("hidden", "readout"))
    fine = table.n_hidden_readout_grid >= 500
    assert np.abs(hidden - table.alpha_hidden).max() <= 0.003
    assert np.abs(readout - table.alpha_readout)[fine].max() <= 0.003


@given(st.floats(0.05, 20), st.floats(0, 1), st.sampled_from(["hidden", "readout"]), st.floats(0.3, 3))
@settings(max_examples=60, deadline=None)
def test_bands_and_atoms_hold_all_of_the_spectrum(c: float, alpha: float, layer, rho: float) -> None:
    found = support(c, alpha, layer, rho)
    beyond = max([found.bands[-1][1], *(atom.place for atom in found.atoms)]) + 1
    assert distribution(np.array([beyond]), c, alpha, layer, rho)[0] == pytest.approx(1, abs=2e-3)
    assert distribution(np.array([found.least - 1e-6]), c, alpha, layer, rho)[0] == pytest.approx(0, abs=1e-9)
    assert all(low < high for low, high in found.bands)


@pytest.mark.parametrize(
    ("layer", "c", "alpha", "rho"), [("hidden", 2.0, 0.7, 1.0), ("readout", 3.0, 0.4, 1.0), ("hidden", 0.5, 0.3, 2.0)]
)
def test_distribution_of_sampled_matrices(layer, c: float, alpha: float, rho: float) -> None:
    inputs, rng = 600, np.random.default_rng(0)
    w = rng.normal(size=(round(inputs / c), inputs)) * np.sqrt(rho / inputs)
    signs = np.ones(inputs if layer == "hidden" else w.shape[0])
    signs[: int(alpha * signs.size)] = -1
    x = np.diag(signs) + w.T @ w if layer == "hidden" else np.eye(inputs) + w.T @ (signs[:, None] * w)
    eigenvalues = np.linalg.eigvalsh(x)
    grid = np.linspace(eigenvalues[0], eigenvalues[-1], 3001)
    for atom in support(c, alpha, layer, rho).atoms:
        grid = grid[np.abs(grid - atom.place) > 0.002]
    seen = np.searchsorted(eigenvalues, grid, side="right") / inputs
    assert np.abs(seen - distribution(grid, c, alpha, layer, rho)).max() < 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 0.1, "hidden"), "c = inputs / hidden units must be positive"),
        ((float("nan"), 0.1, "hidden"), "c = inputs"),
        ((1.0, 1.1, "hidden"), r"alpha is a share and must be in \[0, 1\]"),
        ((1.0, 0.1, "hidden", -1.0), "rho = s1 / s2 must be positive"),
    ],
)
def test_wrong_input(arguments, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        support(*arguments)
