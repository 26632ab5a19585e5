"""Exact rationals against enumeration of every pattern, and the traps of symbolic evaluation."""

from fractions import Fraction
from itertools import combinations, product
from math import comb

import pytest

from symplast.dendrites import fn_exact, fp_exact, fp_tails_exact, overlap_set_size, union_size_exact
from symplast.dendrites.exact import check_noise


def enumerate_fp(n, a, s, theta):
    patterns = [set(p) for p in combinations(range(n), a)]
    return Fraction(sum(len(p & set(range(s))) >= theta for p in patterns), len(patterns))


def enumerate_fn(a, s, theta, v):
    lost = [set(x) for x in combinations(range(a), v)]
    return Fraction(sum(len(set(range(s)) - x) < theta for x in lost), len(lost))


def enumerate_resampled_fn(n, a, s, theta, v):
    missed, total = 0, 0
    for lost in combinations(range(a), v):
        kept = set(range(a)) - set(lost)
        for new in combinations(sorted(set(range(n)) - kept), v):
            missed += len((kept | set(new)) & set(range(s))) < theta
            total += 1
    return Fraction(missed, total)


def enumerate_union_size(n, s, M):
    law = {}
    subsets = [frozenset(x) for x in combinations(range(n), s)]
    for chosen in product(subsets, repeat=M):
        k = len(frozenset().union(*chosen))
        law[k] = law.get(k, 0) + Fraction(1, len(subsets) ** M)
    return law


@pytest.mark.parametrize(
    ("arguments", "value"), [((20, 5, 4, 2), Fraction(241, 969)), ((12, 4, 3, 2), Fraction(13, 55))]
)
def test_small_false_positive_fractions(arguments, value):
    assert fp_exact(*arguments) == value == enumerate_fp(*arguments)


@pytest.mark.parametrize(
    ("arguments", "value"),
    [((5, 4, 2, 3), Fraction(2, 5)), ((6, 4, 2, 3), Fraction(1, 5)), ((6, 4, 3, 2), Fraction(2, 5))],
)
def test_small_false_negative_fractions(arguments, value):
    assert fn_exact(*arguments) == value == enumerate_fn(*arguments)


@pytest.mark.parametrize("n", [1, 4, 7])
def test_every_small_segment_by_enumeration(n):
    for a, s in product(range(n + 1), repeat=2):
        tails = fp_tails_exact(n, a, s)
        for theta in range(-1, n + 2):
            expected = enumerate_fp(n, a, s, theta)
            assert fp_exact(n, a, s, theta) == expected
            if 0 <= theta < len(tails):
                assert tails[theta] == expected
            assert theta <= min(a, s) or expected == 0


def test_every_small_noisy_segment_by_enumeration():
    a, n = 5, 8
    for s, theta, v in product(range(a + 1), range(-1, a + 2), range(n - a + 1)):
        assert fn_exact(a, s, theta, v) == enumerate_fn(a, s, theta, v)
        assert fn_exact(a, s, theta, v, n=n, noise="resample") == enumerate_resampled_fn(n, a, s, theta, v)


def test_overlap_sets_partition_all_patterns():
    sizes = [overlap_set_size(n=12, s=5, a=4, b=b) for b in range(6)]
    assert sum(sizes) == comb(12, 4)
    assert sizes[2] == sum(len(set(p) & set(range(5))) == 2 for p in combinations(range(12), 4))


@pytest.mark.parametrize(("n", "s", "M"), [(5, 2, 2), (4, 3, 3), (6, 1, 3), (3, 3, 2), (4, 0, 2)])
def test_union_law_by_enumeration(n, s, M):
    assert union_size_exact(n, s, M) == enumerate_union_size(n, s, M)


def test_not_fooled_by_symbolic_evaluation():
    """A symbolic sum of ratios gave 0 for the first and stopped after two terms in the second."""
    first, second = fp_exact(10_000, 64, 24, 12), fp_exact(10_000, 300, 30, 15)
    assert float(first) == pytest.approx(4.041597122776570e-21, rel=1e-15)
    assert float(second) == pytest.approx(1.049191825212369e-15, rel=1e-15)
    two_terms = sum(comb(30, b) * comb(9970, 300 - b) for b in (15, 16))
    assert float(Fraction(two_terms, comb(10_000, 300))) == pytest.approx(1.04849765783378e-15, rel=1e-14)
    assert second > Fraction(two_terms, comb(10_000, 300))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fp_exact(10, 11, 3, 1), "a must be at most n=10"),
        (lambda: fp_exact(10, 3, 11, 1), "s must be at most n=10"),
        (lambda: fp_exact(0, 0, 0, 1), "n must be a whole number of at least 1"),
        (lambda: fp_exact(10, -1, 3, 1), "a must be a whole number of at least 0"),
        (lambda: fp_exact(10, 2.5, 3, 1), "a must be a whole number"),
        (lambda: fp_exact(10, 3, 3, float("nan")), "theta must be a whole number"),
        (lambda: fn_exact(5, 6, 2, 1), "s must be at most a=5"),
        (lambda: fn_exact(5, 4, 2, 6), "v must be at most a=5"),
        (lambda: fn_exact(5, 4, 2, 3, n=7), "v must be at most n-a=2"),
        (lambda: fn_exact(5, 4, 2, 3, noise="resample"), "n must be given"),
        (lambda: check_noise(1, 5, 9, "other"), "noise must be 'replace' or 'resample'"),
        (lambda: union_size_exact(5, 2, 0), "M must be a whole number of at least 1"),
    ],
)
def test_wrong_input_names_argument_and_rule(call, message):
    with pytest.raises(ValueError, match=message):
        call()
