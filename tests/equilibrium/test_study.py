"""The experiments end to end at a tiny scale, the claims that they carry, and every figure."""

from pathlib import Path

import jax
import numpy as np
import pytest

import symplast.equilibrium
from symplast.equilibrium import figures
from symplast.equilibrium.study import study
from symplast.lab import judge, measure, read_claims
from symplast.lab.theme import render

CLAIMS = read_claims(Path(symplast.equilibrium.__file__).parent / "claims.toml")
TINY = {"task": "mnist-5k", "seeds": "2", "train": "100", "test": "50", "epochs": "1"}
CHANGES = {
    "random_network": {"images": "20"},
    "estimator": {"draws": "4000"},
    "bias": {"seeds": "3", "images": "6"},
}
QUICK = ["exactness", "estimator", "homeostasis"]
LONGER = [name for name in study.experiments if name not in QUICK]


def run(name: str):
    experiment = study.experiments[name]
    changes = CHANGES.get(name, TINY)
    return experiment.measure(experiment.config(experiment.scales[0], changes=changes), jax.random.key(0))


@pytest.fixture(scope="module")
def evidence():
    return {name: run(name) for name in QUICK}


def verdict(evidence, claim_id: str, scale: str = "quick"):
    claim, measured = CLAIMS[claim_id], {}
    for part in claim.parts:
        name, variable = part.quantity.split(".")
        if name in evidence:
            measured[part.quantity] = measure(evidence[name], variable)
    return judge(claim, measured, scale)


def test_claims_and_experiments_fit() -> None:
    study.check(CLAIMS)
    assert [claim.id for claim in CLAIMS.claim] == [f"E{i}" for i in range(1, 15)]


@pytest.mark.parametrize("claim", ["E2", "E3", "E4", "E5"])
def test_exact_claims_are_reproduced(evidence, claim: str) -> None:
    found = verdict(evidence, claim)
    assert found.outcome == "reproduced", found.reason


def test_numbers_of_the_small_network(evidence) -> None:
    exact = evidence["exactness"]
    assert exact.symmetric_difference < 1e-10
    assert exact.finite_difference < 1e-8
    assert exact.remaining_angle == pytest.approx(np.degrees(np.arccos(0.9787678088)), abs=1e-4)
    assert exact.slope.sel(points=3, angle=0.0) == pytest.approx(np.log2(1.3031e-3 / 1.6316e-4), abs=1e-3)


def test_training_is_paired_and_watched(evidence) -> None:
    found = evidence["homeostasis"]
    assert found.accuracy.shape == (1, 2, 2)
    assert found.cosine.shape == (2, 2, 2, 3)
    before = found.symmetry.sel(tested=0)
    np.testing.assert_array_equal(before.sel(lane="with"), before.sel(lane="without"))
    assert (found.angle.sel(tested=0) > 80).all()
    assert (found.symmetry_gain > 0).all()


def test_full_scale_claims_wait_for_it(evidence) -> None:
    assert verdict(evidence, "E7").outcome == "not run"
    assert verdict(evidence, "E14").outcome == "not run"


def test_paper_scale_is_table_1() -> None:
    nudged, online = (study.experiments[name].config("paper") for name in ("nudged_training", "online_training"))
    assert (nudged.task, nudged.hidden, nudged.epochs, nudged.free_steps) == ("fashion-mnist", 256, 50, 150)
    assert (online.free_steps, online.block, online.train, online.sgd) == (1200, 60, 60_000, True)


@pytest.mark.parametrize("name", [name for name, figure in study.figures.items() if figure.experiment in QUICK])
def test_figures_draw(evidence, name: str) -> None:
    figure = study.figures[name]
    drawn = figure.draw(evidence[figure.experiment])
    assert all(axes.get_xlabel() for axes in drawn.axes)
    assert render(drawn, "svg").startswith(b"<?xml")
    assert figures.study is study


@pytest.mark.slow
@pytest.mark.parametrize("name", LONGER)
def test_every_other_experiment_runs_and_is_drawn(name: str) -> None:
    found = run(name)
    claimed = [part.quantity for claim in CLAIMS.claim for part in claim.parts if part.quantity.startswith(f"{name}.")]
    for quantity in claimed:
        assert measure(found, quantity.split(".")[1]).value is not None
    for figure in study.figures.values():
        if figure.experiment == name:
            assert render(figure.draw(found), "svg").startswith(b"<?xml")
