"""Reaction times, slopes, the index, its interval and the tests."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.visual_search import asymmetry, asymmetry_index, f_tests, fit_rt, rt, slopes
from symplast.visual_search import published as known
from symplast.visual_search.reaction_times import Cells, floor_of

HUMAN = pd.DataFrame(
    [{"condition": c, "set_size": n, "rt_ms": t} for c, row in known.HUMAN_RT_MS.items() for n, t in row.items()]
)


def test_reference_values():
    assert float(asymmetry_index(96, 45)) == pytest.approx(51 / 141)
    assert float(asymmetry_index(7.589286, 0.8)) == pytest.approx(0.809281, abs=1e-6)
    assert float(asymmetry_index(0, 0)) == 0
    assert float(asymmetry_index(-3, 5)) == -1
    assert float(asymmetry_index(1e-14, -1e-14)) == 0
    found = slopes(HUMAN)
    assert found["curve_in_lines"] == pytest.approx(0.8)
    assert found["line_in_curves"] == pytest.approx(7.589286, abs=1e-6)
    assert known.human_cells("curve_in_lines").intercept == pytest.approx(503.6)
    assert known.human_cells("line_in_curves").intercept == pytest.approx(510.0)
    assert rt([1, 7]).tolist() == pytest.approx([628.63, 2142.784])


def test_reference_conditions():
    cells = known.model_cells("eccNET", "line_in_curves")
    np.testing.assert_allclose(cells.mean, [670.69, 721.16, 780.05], atol=0.01)
    assert cells.slope == pytest.approx(4.43, abs=5e-3)
    assert known.model_cells("eccNET", "Ls").slope == pytest.approx(99.3, abs=0.05)
    assert len(known.MODELS) == 12


@given(st.floats(-50, 300), st.floats(-50, 300))
@settings(max_examples=50, deadline=None)
def test_the_index_lies_between_minus_one_and_one_and_changes_sign(a, b):
    value = float(asymmetry_index(a, b))
    assert -1 <= value <= 1
    assert value == pytest.approx(-float(asymmetry_index(b, a)))


def make(seed=0, n=12, slopes_=(30.0, 5.0)):
    draw = np.random.default_rng(seed)
    rows = [{"condition": c, "set_size": size, "rt_ms": 500 + s * size + draw.normal(0, 40)}
            for c, s in zip(("H", "L"), slopes_, strict=True) for size in (1, 4, 8) for _ in range(n)]  # fmt: skip
    return pd.DataFrame(rows)


def test_f_tests_against_statsmodels():
    table = make()
    x, g, y = table.set_size.to_numpy(float), (table.condition == "H").to_numpy(float), table.rt_ms.to_numpy()
    full, parallel, one = (sm.OLS(y, np.stack(columns, 1)).fit() for columns in (
        (np.ones_like(x), x, g, x * g), (np.ones_like(x), x, g), (np.ones_like(x), x)))  # fmt: skip
    found = asymmetry(table, "H", "L", boot=200)
    for mine, reduced in ((found.interaction, parallel), (found.nested, one)):
        F, p, _ = full.compare_f_test(reduced)
        assert pytest.approx(F) == mine.F
        assert mine.p == pytest.approx(p)
    assert found.interaction.df == (1, 68)
    assert found.nested.df == (2, 68)


def test_an_asymmetry_with_its_interval():
    found = asymmetry(make(), "H", "L")
    assert found.ci[0] < found.ai < found.ci[1]
    assert found.slopes["H"].value == pytest.approx(slopes(make())["H"])
    assert found.floor == "none"
    assert found.n_trials == 72
    assert found.ai == pytest.approx(-asymmetry(make(), "L", "H").ai)
    assert asymmetry(make(), "H", "L").ci == found.ci


def test_floors_and_ceilings_are_said():
    table = pd.DataFrame([{"condition": c, "set_size": n, "n_saccades": 1 if c == "L" else k} for c in "HL"
                          for n in (1, 6) for k in (1, n)])  # fmt: skip
    with pytest.warns(UserWarning, match="slope at floor in L"):
        found = asymmetry(table, "H", "L", boot=200)
    assert found.floor == "L"
    assert found.ai == 1
    flat = table.assign(n_saccades=1)
    with pytest.warns(UserWarning, match="slope at floor in H and L"):
        both = asymmetry(flat, "H", "L", boot=200)
    assert both.floor == "both"
    assert both.ai == 0
    assert np.isnan(both.interaction.F)
    assert "no residual variance" in both.interaction.why
    last = table.assign(n_saccades=table.set_size)
    with pytest.warns(UserWarning, match="the target came last"):
        assert asymmetry(last, "H", "L", boot=200).last_share["H"] == 1


def test_floor_of_published_conditions():
    assert (
        floor_of(
            known.model_cells("eccNET_Rot90", "line_in_curves"), known.model_cells("eccNET_Rot90", "curve_in_lines")
        )
        == "both"
    )
    assert floor_of(known.model_cells("eccNET", "line_in_curves"), known.model_cells("eccNET", "curve_in_lines")) == "L"


def test_cells_and_trials_agree():
    table = make(1)
    own = table[table.condition == "H"]
    cells = Cells.of_trials(own.set_size.to_numpy(), own.rt_ms.to_numpy())
    np.testing.assert_allclose(cells.standard_errors**2 * cells.n, own.groupby("set_size").rt_ms.var(ddof=0))
    assert pytest.approx(0, abs=1e-9) == f_tests(cells, cells)[1].F


def test_fitting_the_constants():
    counts = np.arange(1, 8)
    found = fit_rt(counts, rt(counts))
    assert found.per_saccade == pytest.approx(252.359)
    assert found.base == pytest.approx(376.271)
    assert found.r2 == pytest.approx(1)
    with pytest.raises(ValueError, match="all the same"):
        fit_rt([1, 1, 1], [1, 2, 3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="set_size"), "must have columns condition, set_size"),
        (lambda t: t.drop(columns="rt_ms"), "a column rt_ms or n_saccades"),
        (
            lambda t: t.assign(rt_ms=[-1.0] + [500.0] * (len(t) - 1)),
            "column rt_ms must be above 0 in every row; row 1 has -1",
        ),
        (
            lambda t: t.assign(rt_ms=[np.nan] + [500.0] * (len(t) - 1)),
            "column rt_ms must be above 0 in every row; row 1",
        ),
        (lambda t: t.assign(set_size=1.5), "column set_size must be a whole number"),
        (lambda t: t.assign(condition="H"), r"easier must be a condition of the table \(H\)"),
        (lambda t: t[(t.condition == "H") | (t.set_size < 8)], "both conditions must have the same set sizes"),
        (lambda t: t[t.set_size == 1], "at least two set sizes"),
    ],
)
def test_wrong_tables(change, message):
    with pytest.raises(ValueError, match=message):
        asymmetry(change(make()), "H", "L")
