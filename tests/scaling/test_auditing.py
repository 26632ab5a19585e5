"""The audit of a user's table: what it finds when the truth is known, and what it says when something can't be had."""

import json

import numpy as np
import pytest

from symplast.scaling import (
    SURFACES,
    TrainingPrice,
    audit,
    deadweight_loss,
    fit_approach2,
    fit_surface,
    run_table,
    simulate_isoflop,
)

BUDGETS = np.logspace(18, 21, 4)


@pytest.fixture(scope="module")
def drifting():
    """Asymmetric surface, grids that drift to a third of the optimal size."""
    runs = simulate_isoflop(SURFACES["asymmetric"], BUDGETS, 8, 0.6, drift=np.log10(3), noise_std=0.01, seed=2)
    return audit(runs, target=1e24, resamples=100)


def test_estimators_stand_side_by_side(drifting) -> None:
    names = [row.name for row in drifting.estimators]
    assert names == ["Approach 1", "Approach 2", "Variable projection", "Approach 3", "Approach 3, Huber"]
    for row in drifting.estimators:
        assert row.a.low <= row.a.high
        assert bool(row.parameters) == (row.name not in ("Approach 1", "Approach 2"))
    vp = drifting.estimators[2]
    assert vp.a.low < SURFACES["asymmetric"].a < vp.a.high


def test_drift_and_its_bias_are_found(drifting) -> None:
    assert drifting.drift == pytest.approx(np.log10(3), abs=0.15)
    assert drifting.center_scale == pytest.approx(1.0, abs=0.4)
    assert drifting.design_bias > 0.1
    text = " ".join(drifting.findings)
    assert "drifts by a factor" in text
    assert "This design alone, without noise, moves Approach 2's D*" in text


def test_each_budget_is_left_out_once(drifting) -> None:
    assert [row.budget for row in drifting.left_out] == pytest.approx(BUDGETS.tolist())
    assert all(row.runs == 8 for row in drifting.left_out)
    assert len(drifting.parabolas) == len(drifting.placement) == 4


def test_leaving_out_agrees_with_a_fit_of_the_rest() -> None:
    runs = simulate_isoflop(SURFACES["asymmetric"], BUDGETS, 8, 0.6, drift=np.log10(3), noise_std=0.01, seed=2)
    # one curve is pushed sideways: half of the published waste of Llama 3 hangs on one such
    shifted = np.where(runs.at(BUDGETS[-1]), runs.L + 0.1 * np.log10(runs.N / runs.N.max()), runs.L)
    runs = run_table(runs.N, runs.D, shifted, runs.C)
    report = audit(runs, target=3.8e25, resamples=20)
    last, rest = report.left_out[-1], runs.without_budget(BUDGETS[-1])
    law = fit_approach2(rest.N, rest.D, rest.L, rest.C).allocation
    assert last.a2_d_opt == pytest.approx(float(law.d_opt(3.8e25)), rel=1e-9)
    refitted = fit_surface(rest.N, rest.D, rest.L).surface
    assert last.waste == pytest.approx(deadweight_loss(refitted, law, 3.8e25).fraction, rel=1e-6)
    whole = fit_surface(runs.N, runs.D, runs.L).surface
    assert last.waste_held == pytest.approx(deadweight_loss(whole, law, 3.8e25).fraction, rel=1e-6)
    assert any("A single budget decides" in text for text in report.findings)


def test_report_is_valid_json_and_money_follows_the_price(drifting) -> None:
    text = json.dumps(drifting.to_dict(), allow_nan=False)
    assert json.loads(text)["waste"]["fraction"] == pytest.approx(drifting.waste.fraction)
    dense = audit(
        simulate_isoflop(SURFACES["asymmetric"], BUDGETS, 8, 0.6, drift=np.log10(3), noise_std=0.01, seed=2),
        target=1e24, resamples=20, price=TrainingPrice(peak=989e12),
    )  # fmt: skip
    assert dense.waste.dollars / drifting.waste.dollars == pytest.approx(1979 / 989)


def test_without_curves_approach_2_is_left_out() -> None:
    rng = np.random.default_rng(0)
    N, D = 10 ** rng.uniform(7, 9, 40), 10 ** rng.uniform(9, 11, 40)
    L = np.asarray(SURFACES["chinchilla"].loss(N, D)) + rng.normal(0, 0.01, 40)
    report = audit(run_table(N, D, L), resamples=50)
    assert [row.name for row in report.estimators] == ["Variable projection", "Approach 3", "Approach 3, Huber"]
    assert report.waste is None
    assert "Approach 2 can't be used on this table: its compute is scattered" in report.findings[0]
    json.dumps(report.to_dict(), allow_nan=False)


def test_flat_data_is_flagged_not_crashed() -> None:
    rng = np.random.default_rng(1)
    runs = simulate_isoflop(SURFACES["chinchilla"], BUDGETS, 6, 0.5)
    report = audit(run_table(runs.N, runs.D, 3 + 0.01 * rng.standard_normal(runs.n), runs.C), resamples=30)
    assert any("at a bound" in text or "no vertex" in text for text in report.findings)
    json.dumps(report.to_dict(), allow_nan=False)


def test_wrong_requests() -> None:
    runs = simulate_isoflop(SURFACES["chinchilla"], BUDGETS, 6, 0.5)
    with pytest.raises(ValueError, match="target must be positive"):
        audit(runs, target=-1.0)
    with pytest.raises(ValueError, match="resamples must be at least 20"):
        audit(runs, resamples=3)
    with pytest.raises(ValueError, match="at least 5 runs"):
        audit(runs.select(np.arange(4)))
