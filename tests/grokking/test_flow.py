"""The reduced flow: printed values, conserved quantities, the closed form against a direct solution."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from symplast.grokking import blow_up_time, conserved, euler_flow, predict_winners, reduced_flow
from symplast.grokking.decoding import decode
from symplast.grokking.flow_check import blow_up_directly

SIZES = st.floats(0.05, 2)
ANGLES = st.floats(-3.1, 3.1)


@pytest.mark.parametrize(
    ("alpha", "beta", "D", "T"),
    [
        (0.02, 0.02, 0, 31.161262007), (0.02, 0.02, 1.5, 36.965299184), (0.02, 0.02, 2.8, 73.342957728),
        (0.02 * np.sqrt(2), 0.02, 0, 25), (0.03, 0.01, 0.7, 29.785796529), (0.01, 0.03, -2.2, 49.264966967),
        (1, 1, 0, 0.62322524), (1, 1, 0.5, 0.63430101), (1, 1, 1, 0.66997973), (1, 1, 1.5, 0.73930598),
        (1, 1, 2, 0.86590866), (1, 1, 2.5, 1.12378305), (1, 1, 3, 2.01873246), (2, 1, np.pi, 3 * np.pi / 8),
    ],
)  # fmt: skip
def test_printed_blow_up_times(alpha, beta, D, T):
    assert float(blow_up_time(alpha, beta, D, 23)) / 23 == pytest.approx(T, abs=6e-9)


@settings(max_examples=25, deadline=None)
@given(alpha=SIZES, beta=SIZES, D=ANGLES)
@example(alpha=0.094526605858261, beta=1.3933275630600375, D=0.0)  # two roots of the radicand are one
@example(alpha=2.69923104, beta=3.08823123, D=0.0)
def test_the_closed_form_is_the_direct_solution(alpha, beta, D):
    assert float(blow_up_time(alpha, beta, D, 7)) == pytest.approx(blow_up_directly(alpha, beta, D, 7), rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(alpha=SIZES, beta=SIZES, D=ANGLES, size=st.floats(1e-3, 1e3))
def test_time_scales_and_is_even_in_the_angle(alpha, beta, D, size):
    T = float(blow_up_time(alpha, beta, D, 23))
    assert float(blow_up_time(size * alpha, size * beta, D, 23)) == pytest.approx(T / size, rel=1e-10)
    assert float(blow_up_time(alpha, beta, -D, 23)) == pytest.approx(T, rel=1e-10)
    assert float(blow_up_time(alpha, beta, D + 2 * np.pi, 23)) == pytest.approx(T, rel=1e-6)
    assert float(blow_up_time(alpha, beta, 0, 23)) * (1 - 1e-12) <= T


def test_what_never_blows_up():
    assert np.isinf(blow_up_time([0, 1, np.sqrt(2)], [1, 1, 1], [0, np.pi, -np.pi], 23)).all()
    assert np.isfinite(blow_up_time([1.5, 1, 1], [1, 0, 1], [np.pi, 0, np.pi - 1e-6], 23)).all()


def test_many_at_once():
    rng = np.random.default_rng(0)
    alpha, beta, D = (
        rng.rayleigh(0.01, (2, 512, 11)),
        rng.rayleigh(0.01, (512, 11)),
        rng.uniform(-np.pi, np.pi, (512, 11)),
    )
    found = blow_up_time(alpha, beta, D, 23)
    assert found.shape == (2, 512, 11)
    assert (found > 0).all()


@pytest.mark.parametrize(
    ("phi", "psi", "after", "T"),
    [
        (1.5, 0.18, {350: (0.01301253, 0.01686996, 2.05756646), 700: (0.01345416, 0.01704106, 0.95709848),
                     1400: (0.04796121, 0.03673792, 0.02965537)}, 1727.72),
        (-0.72, -2.91, {350: (0.03119135, 0.02619728, 0.31667517), 700: (0.11096541, 0.07972187, 0.00796839)}, 843.97),
    ],
)  # fmt: skip
def test_printed_euler_steps(phi, psi, after, T):
    found = euler_flow(0.02 * np.exp(1j * phi), 0.02 * np.exp(1j * psi), 23, max(after))
    for step, values in after.items():
        assert [abs(found.A[step]), abs(found.B[step]), found.misalignment[step]] == pytest.approx(values, abs=6e-9)
    assert float(blow_up_time(0.02, 0.02, 2 * phi - psi, 23)) == pytest.approx(T, abs=0.005)


@pytest.mark.parametrize(
    ("size", "D", "beta"),
    [(0.01, 0, 0.0139668016), (0.01, 0.216662, 0.0139099922), (0.01, np.pi / 2, 0.0114175990),
     (0.01, 3.0, 0.0084897960), (0.02, 0, 0.0602074431)],
)  # fmt: skip
def test_printed_contour_of_the_lottery(size, D, beta):
    found = euler_flow(size * np.exp(0.5j * D), size, 23, 100, 5.29)
    assert abs(found.B[-1]) == pytest.approx(beta, abs=1e-10)


@settings(max_examples=15, deadline=None)
@given(alpha=st.floats(0.2, 2), beta=st.floats(0.2, 2), D=st.floats(-3, 3))
def test_conserved_quantities(alpha, beta, D):
    last = 0.8 * float(blow_up_time(alpha, beta, D, 5))
    flow = reduced_flow(alpha * np.exp(0.5j * D), beta + 0j, 5, np.linspace(0, last, 20))
    c0, invariant = conserved(flow.A, flow.B)
    size = np.hypot(alpha, beta)
    assert np.abs(c0 - c0[0]).max() < 1e-8 * size**2
    assert np.abs(invariant - invariant[0]).max() < 1e-8 * size**3
    assert invariant[0] == pytest.approx(alpha**2 * beta * np.sin(D), abs=1e-12)


def test_euler_becomes_the_flow():
    start = 0.5 * np.exp(0.4j), 0.3 * np.exp(-0.2j)
    flow = reduced_flow(*start, 5, [0.0, 1.0])
    errors = [abs(euler_flow(*start, 5, n, 1 / n).A[-1] - flow.A[-1]) for n in (100, 200)]
    assert errors[1] == pytest.approx(errors[0] / 2, rel=0.05)


def test_winners_of_the_authors_first_weights(checkpoints):
    first, last = (checkpoints[f"quad_sgd/{step}"] for step in ("0", "final"))
    prediction = predict_winners(first.theta, first.xi)
    final = decode(last.theta, last.xi)
    hits = prediction.hits(final)
    assert [hits[rule].value for rule in ("T", "alpha", "abs(D)")] == pytest.approx([0.828, 0.398, 0.186], abs=5e-4)
    rows = np.arange(512)
    grown = final.beta[rows, final.winner - 1] > 3 * prediction.first.beta[rows, final.winner - 1]
    assert grown.sum() == 216
    assert (prediction.winner == final.winner)[grown].mean() == pytest.approx(0.972, abs=5e-4)
    assert (prediction.winner == final.frequency).mean() == pytest.approx(0.936, abs=5e-4)


def test_equal_amplitudes_leave_it_to_the_angle():
    angle = np.linspace(-3, 3, 11)
    times = blow_up_time(0.01, 0.01, angle, 23)
    assert (np.diff(times[:6]) < 0).all()
    np.testing.assert_allclose(times, times[::-1], rtol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: blow_up_time(-1, 1, 0, 5), "amplitudes of at least 0"),
        (lambda: blow_up_time([1, 2], [1, 2, 3], 0, 5), "shapes that broadcast"),
        (lambda: blow_up_time(1, np.nan, 0, 5), "must be finite"),
        (lambda: blow_up_time(1, 1, 0, 6), "p must be odd"),
        (lambda: reduced_flow(1, [1, 1], 5, [0]), "equal shapes"),
        (lambda: reduced_flow(1, 1, 5, [0, 100]), "below the earliest blow-up"),
        (lambda: reduced_flow(1, 1, 5, [1, 0]), "don't fall"),
        (lambda: reduced_flow(np.inf, 1, 5, [0]), "must be finite"),
        (lambda: predict_winners(np.ones((2, 5)), np.ones((2, 5))).by("luck"), "rule must be one of T, alpha"),
    ],
)
def test_wrong_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
