"""Segments: reference values, noise models, wrong input."""

import warnings
from fractions import Fraction

import numpy as np
import pytest

from symplast.dendrites import DendriticSegment, MissRate


def test_the_paper_s_example():
    segment = DendriticSegment(n=10_000, a=300, s=30, theta=12)
    assert float(segment.fp()) == pytest.approx(2.279079420265147e-11, rel=1e-12)
    assert float(segment.fn(noise=0.2)) == pytest.approx(3.947436087392838e-08, rel=1e-12)
    assert float(segment.fn_exact(60)) == pytest.approx(3.947436087392838e-08, rel=1e-15)


@pytest.mark.parametrize(
    ("theta", "v", "value"),
    [
        (8, 26, 3.1419333e-16),
        (8, 45, 1.2069571e-07),
        (8, 64, 7.3542946e-04),
        (8, 102, 7.7086197e-01),
        (12, 19, 2.4881080e-15),
        (12, 32, 2.1630253e-07),
        (12, 64, 7.1698516e-02),
        (16, 19, 2.6554971e-08),
        (16, 64, 5.8250177e-01),
    ],
)
def test_false_negative_reference_values(theta, v, value):
    assert float(DendriticSegment(6000, 128, 30, theta).fn(v)) == pytest.approx(value, rel=5e-8)


def test_misses_nothing_while_enough_synapses_are_left():
    segment = DendriticSegment(6000, 128, 30, 8)
    assert (segment.fn(np.arange(23)) == 0).all()
    assert segment.fn(23) > 0


def test_noise_fraction_rounds_and_is_kept():
    segment = DendriticSegment(6000, 128, 30, 12)
    shares = np.arange(5, 81, 5) / 100
    assert [segment.v(share) for share in shares] == [6, 13, 19, 26, 32, 38, 45, 51, 58, 64, 70, 77, 83, 90, 96, 102]
    rate = segment.fn(noise=0.5)
    assert isinstance(rate, MissRate)
    assert rate.v == 64
    assert float(rate) == float(segment.fn(64))
    assert segment.fn(noise=1).v == segment.fn(noise=1.0).v == 128  # a share, whatever its type
    many = DendriticSegment(6000, np.array([100, 128]), 30, 12).fn(noise=0.25)
    assert many.v.tolist() == [25, 32]


def test_counts_broadcast():
    segment = DendriticSegment(n=np.array([1000, 2000])[:, None], a=40, s=20, theta=np.arange(8, 13))
    assert segment.shape == segment.fp().shape == (2, 5)
    for i, n in enumerate((1000, 2000)):
        for j, theta in enumerate(range(8, 13)):
            assert segment.fp()[i, j] == pytest.approx(float(DendriticSegment(n, 40, 20, theta).fp()), rel=1e-13)
    misses = DendriticSegment(1000, 40, 20, np.array([8, 12])).fn(np.array([[10], [20], [30]]))
    assert misses.shape == (3, 2)
    assert misses[1, 1] == pytest.approx(float(DendriticSegment(1000, 40, 20, 12).fn(20)), rel=1e-13)


def test_resampled_noise_is_milder_and_exact():
    segment = DendriticSegment(n=60, a=20, s=12, theta=7)
    v = np.arange(0, 21, 4)
    mild = segment.fn(v, noise="resample")
    exact = [float(segment.fn_exact(int(x), noise="resample")) for x in v]
    np.testing.assert_allclose(mild, exact, rtol=1e-12, atol=0)
    assert (mild <= segment.fn(v)).all()
    assert mild[3] < segment.fn(12)
    dense = DendriticSegment(n=25, a=20, s=12, theta=7)
    assert float(dense.fn(10, noise="resample")) == pytest.approx(float(dense.fn_exact(10, noise="resample")))


@pytest.mark.parametrize(
    ("counts", "fp", "fn"),
    [((100, 20, 10, 11), 0.0, 1.0), ((100, 20, 10, 0), 1.0, 0.0), ((100, 20, 10, -2), 1.0, 0.0), ((9, 0, 0, 1), 0, 1)],
)
def test_thresholds_beyond_the_synapses(counts, fp, fn):
    segment = DendriticSegment(*counts)
    assert segment.fp() == fp
    assert segment.fn(0) == fn
    assert segment.fp_exact() == Fraction(int(fp))
    assert segment.fn_exact(0) == Fraction(int(fn))


def test_silent_pattern_never_fires():
    assert DendriticSegment(100, 0, 10, 1).fp() == 0
    assert DendriticSegment(100, 0, 10, 0).fp() == 1


def test_accepts_whole_numbers_of_any_type():
    expected = DendriticSegment(100, 20, 10, 5).fp()
    assert DendriticSegment(1e2, np.int32(20), np.float64(10), np.uint8(5)).fp() == expected


def test_float32_counts_warn():
    with pytest.warns(UserWarning, match="n came as float32"):
        segment = DendriticSegment(np.float32(1000), 20, 10, 5)
    assert segment.n == 1000


def test_int32_counts_don_t_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DendriticSegment(np.int32(1000), 20, 10, 5).fp()


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"n": 0, "a": 0, "s": 0, "theta": 1}, "n must be a whole number of at least 1, got 0"),
        ({"n": -5, "a": 0, "s": 0, "theta": 1}, "n must be a whole number of at least 1, got -5"),
        ({"n": 100, "a": 101, "s": 5, "theta": 1}, r"a must be at most n=100 .*got a=101"),
        ({"n": 100, "a": 5, "s": 101, "theta": 1}, r"s must be at most n=100 .*got s=101"),
        ({"n": 100, "a": 5, "s": -1, "theta": 1}, "s must be a whole number of at least 0"),
        ({"n": 100, "a": 5, "s": 5, "theta": 2.5}, "theta must be a whole number, got 2.5"),
        ({"n": float("nan"), "a": 5, "s": 5, "theta": 2}, "n must be a whole number of at least 1, got nan"),
        ({"n": np.inf, "a": 5, "s": 5, "theta": 2}, "n must be a whole number"),
        ({"n": 2**60, "a": 5, "s": 5, "theta": 2}, "n must lie within"),
        ({"n": np.array([10, 20]), "a": np.array([5, 6, 7]), "s": 5, "theta": 2}, "shapes that broadcast"),
        ({"n": 100, "a": 5, "s": np.array([1, 2]), "theta": np.array([1, 2, 3])}, "shapes that broadcast"),
        ({"n": np.array([10, 4]), "a": 5, "s": 2, "theta": 2}, "a must be at most n=4"),
        ({"n": True, "a": 0, "s": 0, "theta": 0}, "n must be a whole number"),
    ],
)
def test_wrong_counts(counts, message):
    with pytest.raises(ValueError, match=message):
        DendriticSegment(**counts)


@pytest.mark.parametrize(
    ("segment", "arguments", "message"),
    [
        ((100, 10, 20, 5), {"v": 2}, "s must be at most a=10"),
        ((100, 20, 10, 5), {"v": 21}, "v must be at most a=20"),
        ((30, 20, 10, 5), {"v": 11}, "v must be at most n-a=10"),
        ((100, 20, 10, 5), {"v": -1}, "v must be a whole number of at least 0"),
        ((100, 20, 10, 5), {"v": 1.5}, "v must be a whole number"),
        ((100, 20, 10, 5), {"noise": 1.5}, r"noise must be a probability \[0, 1\], got 1.5"),
        ((100, 20, 10, 5), {"noise": float("nan")}, "noise must be a probability"),
        ((100, 20, 10, 5), {}, "give either v"),
        ((100, 20, 10, 5), {"v": 2, "noise": 0.1}, "give either v"),
    ],
)
def test_wrong_noise(segment, arguments, message):
    with pytest.raises(ValueError, match=message):
        DendriticSegment(*segment).fn(**arguments)


def test_resampling_needs_no_room_outside_the_pattern():
    assert 0 < DendriticSegment(30, 20, 10, 5).fn(15, noise="resample") < 1


def test_exact_forms_need_a_single_segment():
    with pytest.raises(ValueError, match="single one"):
        DendriticSegment(np.array([100, 200]), 20, 10, 5).fp_exact()
