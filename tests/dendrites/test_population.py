"""Many segments: reference values and limits."""

from fractions import Fraction

import numpy as np
import pytest

from symplast.dendrites import (
    DendriticSegment,
    exact_match_fp,
    log_population_fp,
    most_patterns,
    neuron_fp,
    population_fp,
    population_fp_brackets,
)


@pytest.mark.parametrize(
    ("theta", "value"), [(4, 0.1347284933610461), (5, 0.002822494089913359), (6, 2.0365169383280967e-05)]
)
def test_independent_segments(theta, value):
    segment = DendriticSegment(100, 7, 7, theta)
    exact = 1 - (1 - segment.fp_exact()) ** 500
    assert float(exact) == pytest.approx(value, rel=1e-15)
    assert float(population_fp(segment, 500)) == pytest.approx(value, rel=1e-13)


def test_bound():
    segment = DendriticSegment(100, 7, 7, 4)
    assert float(population_fp(segment, 500, exact=False)) == pytest.approx(0.14469100126735113, rel=1e-13)
    assert population_fp(segment, 10**6, exact=False) > 1 > population_fp(segment, 100)


def test_a_million_patterns():
    segment = DendriticSegment(10_000, 300, 30, 15)
    assert float(population_fp(segment, 1e6)) == pytest.approx(1.049191825e-9, rel=1e-8)
    low, high = population_fp_brackets(segment, 10**6)
    assert Fraction(1, 10**9) < low < high
    assert float(low) <= float(population_fp(segment, 1e6)) * (1 + 1e-12)
    assert most_patterns(segment, 1e-9) == 953_114
    assert (
        population_fp_brackets(segment, 953_114)[1] < Fraction(1, 10**9) < population_fp_brackets(segment, 953_115)[0]
    )


def test_limits():
    always, never = DendriticSegment(100, 7, 7, 0), DendriticSegment(100, 7, 7, 8)
    assert population_fp(always, 3) == 1
    assert population_fp(never, 3) == 0
    assert most_patterns(always, 0.5) == 0
    with pytest.raises(ValueError, match="fp_max is met by any number"):
        most_patterns(never, 0.5)
    assert most_patterns(DendriticSegment(10**6, 100, 90, 60), 1e-6) > 10**100


def test_log_form_does_not_underflow():
    segment = DendriticSegment(10**9, 1000, 200, 200)
    assert log_population_fp(segment, 10**6) == pytest.approx(segment.log_fp() + np.log(10**6))


def test_neuron_combines_segments():
    assert neuron_fp([0.5, 0.5, 0.0]) == 0.75
    assert neuron_fp([0.5, 1.0]) == 1.0
    np.testing.assert_allclose(neuron_fp([[0.1, 0.2], [0.0, 0.3]], axis=0), [0.1, 1 - 0.8 * 0.7])
    segment = DendriticSegment(100, 7, 7, 5)
    assert neuron_fp(np.full(500, segment.fp())) == pytest.approx(float(population_fp(segment, 500)), rel=1e-12)


@pytest.mark.parametrize("p", [[0.1, np.nan], [-0.1], [1.1], ["x"]])
def test_neuron_refuses_what_is_no_probability(p):
    with pytest.raises(ValueError, match="p_segments must hold probabilities"):
        neuron_fp(p)


def test_bloom_filter():
    share = 1 - (1 - 25 / 20_000) ** 100
    assert float(exact_match_fp(20_000, 25, 100, 10)) == pytest.approx(share**10, rel=1e-12)
    assert exact_match_fp(100, 5, 3, 0) == 1
    assert exact_match_fp(100, 0, 3, 4) == 0
    assert exact_match_fp(100, 100, 1, 4) == 1
    with pytest.raises(ValueError, match="a must be at most n=100"):
        exact_match_fp(100, 5, 3, 101)


@pytest.mark.parametrize("M", [0, -1, 1.5, np.nan])
def test_wrong_number_of_patterns(M):
    with pytest.raises(ValueError, match="M must be a whole number of at least 1"):
        population_fp(DendriticSegment(100, 7, 7, 4), M)
