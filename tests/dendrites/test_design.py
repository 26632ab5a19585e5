"""The designer: reference designs, exhaustive search, exact certificates, what it says when nothing works."""

from fractions import Fraction

import pytest

from symplast.dendrites import InfeasibleDesign, design, fn_exact, fp_exact
from symplast.dendrites.design import Budget, _closest, _search

SMALL = {"n": 200, "a": 16, "patterns": 50, "fp_max": 0.01, "v": 4, "fn_max": 0.05}


@pytest.mark.parametrize(
    ("arguments", "s", "theta", "fp", "fn"),
    [
        ((20_000, 400, 1e6, 1e-6, 120, 1e-6), 37, 13, 1.556867e-07, 7.697752e-07),
        ((10_000, 300, 1e6, 1e-9, 60, 1e-6), 34, 16, 3.921341e-10, 7.206374e-07),
        ((2048, 40, 1000, 1e-4, 8, 1e-4), 13, 6, 5.854447e-05, 1.673500e-05),
    ],
)
def test_reference_designs(arguments, s, theta, fp, fn):
    n, a, patterns, fp_max, v, fn_max = arguments
    choice = design(n, a, patterns, fp_max=fp_max, v=v, fn_max=fn_max)
    assert (choice.s, choice.theta, choice.v, choice.patterns) == (s, theta, v, patterns)
    assert (choice.fp, choice.fn) == pytest.approx((fp, fn), rel=5e-7)
    assert choice.slack == pytest.approx((fp_max / fp, fn_max / fn), rel=5e-7)
    assert choice.certificate.holds
    assert choice.certificate.fp == int(patterns) * fp_exact(n, a, s, theta) <= Fraction(str(fp_max))
    assert choice.certificate.fn == fn_exact(a, s, theta, v) <= Fraction(str(fn_max))


def enumerate_designs(n, a, patterns, fp_max, v, fn_max):
    for s in range(1, a + 1):
        for theta in range(1, s + 1):
            fp, fn = patterns * fp_exact(n, a, s, theta), fn_exact(a, s, theta, v)
            if fp <= Fraction(str(fp_max)) and fn <= Fraction(str(fn_max)):
                yield s, theta, fp, fn


def test_smallest_segment_by_enumeration():
    feasible = list(enumerate_designs(**SMALL))
    s = min(point[0] for point in feasible)
    choice = design(**SMALL)
    assert (choice.s, choice.theta) == (s, max(theta for size, theta, *_ in feasible if size == s))


def test_lowest_threshold_by_enumeration():
    feasible = list(enumerate_designs(**SMALL))
    theta = min(point[1] for point in feasible)
    choice = design(**SMALL, objective="min_theta")
    assert (choice.s, choice.theta) == (min(size for size, t, *_ in feasible if t == theta), theta)


def test_most_patterns_by_enumeration():
    feasible = enumerate_designs(**{**SMALL, "fp_max": 1, "patterns": 1})
    most = max(Fraction(1, 100) // fp_exact(200, 16, s, theta) for s, theta, *_ in feasible if s <= 9)
    found = design(200, 16, fp_max=0.01, v=4, fn_max=0.05, objective="max_patterns", max_synapses=9)
    assert found.s <= 9
    assert found.patterns == most > 1
    assert found.certificate.holds
    assert found.certificate.fp + fp_exact(200, 16, found.s, found.theta) > Fraction(1, 100)


def test_pareto_table_by_enumeration():
    table = design(**SMALL).pareto
    feasible = list(enumerate_designs(**SMALL))
    expected = [
        (s, theta) for s, theta, fp, fn in feasible if not any(q[0] < s and q[2] <= fp and q[3] <= fn for q in feasible)
    ]
    assert list(zip(table.s, table.theta, strict=True)) == expected
    assert len(expected) > 3


def test_budget_per_segment_ignores_the_number_of_patterns():
    choice = design(2048, 40, 1000, fp_max=1e-4, v=8, fn_max=1e-4, per="segment")
    assert (choice.s, choice.theta) == (design(2048, 40, 1, fp_max=1e-4, v=8, fn_max=1e-4).s, choice.theta)
    assert choice.fp == float(fp_exact(2048, 40, choice.s, choice.theta)) <= 1e-4
    assert choice.patterns == 1000


def test_noise_as_a_fraction():
    assert design(20_000, 400, 1e6, fp_max=1e-6, noise=0.3, fn_max=1e-6).v == 120
    for all_cells in (1, 1.0):
        with pytest.raises(InfeasibleDesign, match="fn=1"):
            design(200, 16, 50, fp_max=0.01, noise=all_cells, fn_max=0.9)
    assert design(**{**SMALL, "v": 1}).v == design(**{**SMALL, "v": 1.0}).v == 1


def test_ties_are_decided_exactly():
    fp = fp_exact(20, 5, 4, 2) * 3  # a budget met with equality: 241/323 has no finite decimal, 0.75 is above
    assert design(20, 5, 3, fp_max=0.75, v=0, fn_max=0.5).certificate.fp <= Fraction(3, 4)
    assert fp < Fraction(3, 4)
    exact = fn_exact(5, 4, 2, 3)  # 2/5 exactly
    assert exact == Fraction(2, 5)
    budget = Budget(n=20, a=5, v=3, patterns=1, fp_max=0.99, fn_max=0.4)
    assert _search(budget, 4, "min_s")[0] is not None
    at_limit = design(20, 5, 1, fp_max=0.3, v=3, fn_max=0.4)
    assert at_limit.certificate.fn == Fraction(2, 5)
    assert (at_limit.s, at_limit.theta) == (4, 2)


@pytest.mark.parametrize("v", [0, 3, 9, 14, 16])
@pytest.mark.parametrize("patterns", [1, 10**6])
@pytest.mark.parametrize("limits", [(0.01, 0.05), (1e-9, 1e-9), (0.9, 0.9), (1e-30, 0.5)])
def test_every_answer_is_that_of_all_thresholds(v, patterns, limits):
    budget, largest = Budget(60, 16, v, patterns, *limits), 14
    every = [(s, theta) for s in range(1, largest + 1) for theta in range(1, s + 1)]
    fp, fn = ({at: errors(*at) for at in every} for errors in (budget.fp, budget.fn))
    few, seldom = (Fraction(str(limit)) for limit in limits)
    fits = [at for at in every if fp[at] <= few and fn[at] <= seldom]
    answers = {
        "min_s": lambda at: (at[0], -at[1]),
        "min_theta": lambda at: (at[1], at[0]),
    }
    for objective, order in answers.items():
        found, smallest = _search(budget, largest, objective)
        assert found == min(fits, key=order, default=None)
        assert smallest == min((s for s, _ in fits), default=0)
    found, _ = _search(budget, largest, "max_patterns")
    assert (found is None) == (not any(fn[at] <= seldom for at in every))
    assert found is None or fp[found] == min(fp[at] for at in every if fn[at] <= seldom)

    best, best_fp, best_fn = _closest(budget, largest)
    violation = {at: max(fp[at] / few, fn[at] / seldom) for at in every}
    assert float(violation[best[:2]]) == pytest.approx(float(min(violation.values())), rel=1e-10)
    least_fp = min((fp[at] for at in every if fn[at] <= seldom), default=None)
    least_fn = min((fn[at] for at in every if fp[at] <= few), default=None)
    assert (best_fp and best_fp.fp) == (least_fp and pytest.approx(float(least_fp), rel=1e-10))
    assert (best_fn is None) == (least_fn is None)
    assert best_fn is None or best_fn.fn == pytest.approx(float(least_fn), rel=1e-10)


def test_what_is_impossible_for_large_segments_is_said():
    with pytest.raises(InfeasibleDesign, match="no segment of up to 20000 synapses"):
        design(200_000, 20_000, 1e12, fp_max=1e-300, fn_max=1e-300, noise=0.9)


def test_designs_beyond_the_first_sizes():
    choice = design(4000, 600, 1e6, fp_max=1e-6, noise=0.5, fn_max=1e-6)
    assert choice.s > 64
    previous = [
        (fp_exact(4000, 600, choice.s - 1, t) * 10**6 <= Fraction(1, 10**6))
        and fn_exact(600, choice.s - 1, t, 300) <= Fraction(1, 10**6)
        for t in range(1, choice.s)
    ]
    assert choice.certificate.holds
    assert not any(previous)


def test_infeasible_says_how_close_one_gets():
    with pytest.raises(InfeasibleDesign, match="no segment of up to 20 synapses") as caught:
        design(100, 20, 1e6, fp_max=1e-9, v=10, fn_max=1e-9)
    error = caught.value
    for reachable in (error.best, error.best_fp, error.best_fn):
        assert reachable.fp == pytest.approx(float(10**6 * fp_exact(100, 20, reachable.s, reachable.theta)), rel=1e-10)
        assert reachable.fn == pytest.approx(float(fn_exact(20, reachable.s, reachable.theta, 10)), rel=1e-10)
    assert error.best_fp.fn <= 1e-9 < error.best_fp.fp
    assert error.best_fn.fp <= 1e-9 < error.best_fn.fn


def test_infeasible_when_one_budget_can_t_be_met_at_all():
    with pytest.raises(InfeasibleDesign) as caught:
        design(40, 20, 1e6, fp_max=1e-12, v=0, fn_max=0.5)
    assert caught.value.best_fn is None
    assert caught.value.best_fp is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": 0}, "n must be a whole number of at least 1"),
        ({"a": 0}, "a must be a whole number of at least 1"),
        ({"a": 201}, "a must be at most n=200"),
        ({"patterns": 0}, "patterns must be a whole number of at least 1"),
        ({"patterns": None}, "patterns must be given"),
        ({"patterns": 1.5}, "patterns must be a whole number"),
        ({"fp_max": 0.0}, "fp_max must be a probability strictly between 0 and 1"),
        ({"fp_max": 1.0}, "fp_max must be a probability"),
        ({"fn_max": float("nan")}, "fn_max must be a probability"),
        ({"v": 17}, "v must be at most a=16"),
        ({"v": None, "noise": -0.1}, r"noise must be a share of the active cells in \[0, 1\], got -0.1"),
        ({"v": 2.5}, "v must be a whole number"),
        ({"v": None, "noise": 4}, "give a count as v"),
        ({"v": None, "noise": float("nan")}, "noise must be a share"),
        ({"noise": 0.2}, "give either v"),
        ({"v": None}, "give either v"),
        ({"a": 120, "v": 90}, "v must be at most n-a=80"),
        ({"max_synapses": 17}, "max_synapses must be at most a=16"),
        ({"max_synapses": 0}, "max_synapses must be a whole number of at least 1"),
        ({"per": "neuron"}, "per must be"),
        ({"objective": "fastest"}, "objective must be"),
        ({"objective": "max_patterns"}, "leave out patterns"),
    ],
)
def test_wrong_input(changes, message):
    with pytest.raises(ValueError, match=message):
        design(**{**SMALL, **changes})
