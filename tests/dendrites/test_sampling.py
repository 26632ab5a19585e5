"""Monte Carlo honesty: positions are truly sampled, distinct and uniform; intervals are calibrated."""

from itertools import combinations

import jax
import numpy as np
import pytest
from scipy.stats import binom, chisquare

from symplast.dendrites import DendriticSegment, simulate
from symplast.dendrites.exact import union_size_exact
from symplast.dendrites.sampling import count_overlaps, entropy_of, random_stream, sample_positions


@pytest.mark.parametrize(
    ("n", "s", "dtype"),
    [(300, 24, np.uint16), (30, 30, np.uint16), (65_536, 20, np.uint16), (65_537, 20, np.uint32), (5, 1, np.uint16)],
)
def test_positions_are_distinct_and_in_range(n, s, dtype):
    positions = sample_positions(n, s, 5000, random_stream(1))
    assert positions.shape == (s, 5000)
    assert positions.dtype == dtype
    assert positions.max() < n
    assert (np.diff(np.sort(positions.astype(np.int64), axis=0), axis=0) > 0).all()


def test_no_synapses():
    assert sample_positions(10, 0, 7, random_stream(0)).shape == (0, 7)
    assert count_overlaps(10, 3, 0, 7, random_stream(0)).tolist() == [7, 0]


def test_every_subset_is_equally_likely():
    n, s, trials = 7, 3, 70_000
    positions = np.sort(sample_positions(n, s, trials, random_stream(2)), axis=0).astype(int)
    code = positions[0] * 49 + positions[1] * 7 + positions[2]
    counts = [np.count_nonzero(code == a * 49 + b * 7 + c) for a, b, c in combinations(range(n), s)]
    assert sum(counts) == trials
    assert chisquare(counts).pvalue > 1e-3


def test_largest_position_is_reached_at_the_edge_of_uint16():
    positions = sample_positions(65_536, 40, 20_000, random_stream(3))
    assert positions.max() == 65_535
    assert positions.min() == 0


def test_batches_partition_the_trials():
    assert count_overlaps(50, 10, 5, 1000, random_stream(0), batch=300).sum() == 1000


@pytest.mark.parametrize(
    ("segment", "kind", "more"),
    [
        ((300, 64, 24, 8), "fp", {}),
        ((60, 20, 10, 0), "fp", {}),
        ((6000, 128, 30, 16), "fn", {"v": 58}),
        ((100, 20, 10, 11), "fn", {"v": 3}),
        ((60, 20, 6, 5), "union", {"M": 3}),
        ((60, 20, 6, 5), "union", {"M": 1}),
        ((40, 12, 20, 14), "union", {"M": 4}),
    ],
)
def test_agrees_with_theory(segment, kind, more):
    rate = simulate(DendriticSegment(*segment), kind, trials=200_000, key=5, level=0.9999, **more)
    assert rate.n == 200_000
    assert rate.value == rate.k / rate.n
    assert rate.agrees, str(rate)
    assert abs(rate.z) < 4


def test_union_overlaps_follow_the_exact_mixture():
    from symplast.dendrites import fp_exact
    from symplast.dendrites.sampling import _count_union_overlaps

    counts = _count_union_overlaps(12, 5, 4, 2, 50_000, random_stream(6), batch=7000)
    law = union_size_exact(12, 4, 2)
    tail = [float(sum(p * fp_exact(12, 5, k, theta) for k, p in law.items())) for theta in range(7)]
    expected = 50_000 * (np.array(tail[:-1]) - tail[1:])
    assert counts.sum() == 50_000
    assert chisquare(counts[: expected.size], expected).pvalue > 1e-3


def test_intervals_cover_as_often_as_they_say():
    segment = DendriticSegment(100, 20, 10, 4)
    runs = [simulate(segment, "fp", trials=2000, key=i) for i in range(400)]
    covered = sum(run.ci95[0] <= run.theory <= run.ci95[1] for run in runs)
    assert covered >= binom.ppf(1e-4, 400, 0.95)
    z = np.array([run.z for run in runs])
    assert abs(z.mean()) < 4 / 20
    assert 0.8 < z.std() < 1.2


def test_a_wrong_theory_is_noticed():
    rate = simulate(DendriticSegment(300, 64, 24, 8), "fp", trials=200_000, key=0)
    wrong = DendriticSegment(300, 68, 24, 8).fp()
    assert not rate.low <= wrong <= rate.high


def test_same_key_same_counts_and_keys_differ():
    segment = DendriticSegment(300, 64, 24, 6)
    first, again = (simulate(segment, "fp", 50_000, jax.random.key(3)) for _ in range(2))
    assert first == again
    assert first.k != simulate(segment, "fp", 50_000, jax.random.key(4)).k
    assert simulate(segment, "fp", 50_000, first.entropy).k == first.k
    assert entropy_of(jax.random.key(3)) == entropy_of(jax.random.PRNGKey(3)) == (0, 3)


def test_deviation_where_theory_is_certain():
    never = simulate(DendriticSegment(100, 20, 10, 11), "fp", 1000, key=0)
    assert (never.k, never.z, never.agrees) == (0, 0.0, True)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("fpr", {}, "kind must be"),
        ("fn", {}, "v is needed"),
        ("fp", {"v": 3}, "v makes sense"),
        ("union", {}, "M is needed"),
        ("fp", {"M": 3}, "M makes sense"),
        ("fp", {"trials": 0}, "trials must be a whole number of at least 1"),
        ("fp", {"batch": 0}, "batch must be a whole number of at least 1"),
        ("fn", {"v": 21}, "v must be at most a=20"),
        ("fp", {"level": 1.0}, "level must"),
    ],
)
def test_wrong_input(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        simulate(DendriticSegment(100, 20, 10, 5), kind, **{"trials": 100, "key": 0, **arguments})


def test_one_segment_at_a_time():
    with pytest.raises(ValueError, match="single one"):
        simulate(DendriticSegment(100, 20, 10, [5, 6]), "fp", 100, key=0)
