"""What holds for every segment."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.dendrites import (
    DendriticSegment,
    expected_union_size,
    fn_exact,
    fp_exact,
    population_fp,
    population_fp_brackets,
    union_fp,
    union_size,
)

CALLS = settings(max_examples=60, deadline=None)


@st.composite
def segments(draw, largest=5000, noisy=False):
    n = draw(st.integers(1, largest))
    a = draw(st.integers(0, n))
    s = draw(st.integers(0, min(a if noisy else n, 60)))
    return DendriticSegment(n, a, s, draw(st.integers(-1, s + 2)))


@st.composite
def noise_on(draw, segment):
    return draw(st.integers(0, min(segment.a, segment.n - segment.a)))


@CALLS
@given(segments())
def test_fast_equals_exact(segment):
    exact = segment.fp_exact()
    assert float(segment.fp()) == pytest.approx(float(exact), rel=1e-11, abs=1e-300)


@CALLS
@given(segments())
def test_false_positives_are_symmetric_in_a_and_s(segment):
    exchanged = DendriticSegment(segment.n, segment.s, segment.a, segment.theta)
    assert exchanged.fp() == segment.fp()
    assert exchanged.fp_exact() == segment.fp_exact()


@CALLS
@given(segments(largest=400))
def test_false_positives_fall_with_theta_and_rise_with_a_and_s(segment):
    n, a, s, theta = segment.n, segment.a, segment.s, segment.theta
    p = fp_exact(n, a, s, theta)
    assert fp_exact(n, a, s, theta + 1) <= p
    assert a == n or fp_exact(n, a + 1, s, theta) >= p
    assert s == n or fp_exact(n, a, s + 1, theta) >= p
    logs = DendriticSegment(n, a, s, np.arange(-1, s + 3)).log_fp()
    assert (logs[1:] <= logs[:-1]).all()


@CALLS
@given(st.data())
def test_false_negatives_rise_with_noise_and_theta(data):
    segment = data.draw(segments(largest=400, noisy=True))
    v = data.draw(noise_on(segment))
    a, s, theta = segment.a, segment.s, segment.theta
    p = fn_exact(a, s, theta, v)
    assert float(segment.fn(v)) == pytest.approx(float(p), rel=1e-11, abs=1e-300)
    assert fn_exact(a, s, theta + 1, v) >= p
    assert v == a or fn_exact(a, s, theta, v + 1) >= p
    assert p == 0 if v <= s - theta else p >= 0
    assert p == fp_exact(max(a, 1), v, s, s - theta + 1)
    mild = fn_exact(a, s, theta, v, n=segment.n, noise="resample")
    assert mild <= p
    assert float(segment.fn(v, noise="resample")) == pytest.approx(float(mild), rel=1e-10, abs=1e-300)


@CALLS
@given(segments(), st.integers(1, 10**6))
def test_any_of_many_segments_lies_in_its_brackets(segment, M):
    low, high = population_fp_brackets(segment, M)
    p = float(population_fp(segment, M))
    assert p <= float(high) * (1 + 1e-11) or high > 1
    assert p >= float(low) * (1 - 1e-11) or low < 0
    assert 0 <= p <= 1
    assert float(population_fp(segment, 1)) == pytest.approx(float(segment.fp()), rel=1e-11, abs=1e-300)


@CALLS
@given(segments(largest=300), st.integers(1, 6))
def test_unions(segment, M):
    n, s = segment.n, segment.s
    alone = float(segment.fp())
    for mode in ("paper", "exact", "bound"):
        assert float(union_fp(segment, 1, mode)) == pytest.approx(alone, rel=1e-10, abs=1e-300)
    mixed, bound = float(union_fp(segment, M)), float(union_fp(segment, M, "bound"))
    assert alone * (1 - 1e-10) <= mixed <= bound * (1 + 1e-10)
    mean = float(expected_union_size(n, s, M))
    assert mean <= min(n, M * s) * (1 + 1e-12)
    size = union_size(n, s, M)
    assert size.pmf.sum() == pytest.approx(1)
    assert float((size.pmf * np.arange(size.pmf.size)).sum()) == pytest.approx(mean, abs=1e-9 * n)
    assert size.var >= 0


@CALLS
@given(segments(largest=200))
def test_probabilities_add_up_over_thresholds(segment):
    n, a, s = segment.n, segment.a, segment.s
    mean_overlap = sum((fp_exact(n, a, s, theta) for theta in range(1, s + 1)), start=Fraction(0))
    assert mean_overlap == Fraction(a * s, n)
