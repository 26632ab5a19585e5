"""The experiments end to end at a tiny scale, the claims that they carry, and every figure."""

from pathlib import Path

import jax
import numpy as np
import pytest

import symplast.curl
from symplast import datasets
from symplast.curl import figures
from symplast.curl.study import study
from symplast.lab import judge, measure, read_claims
from symplast.lab.theme import render

CLAIMS = read_claims(Path(symplast.curl.__file__).parent / "claims.toml")
TINY = {
    "reduction": {"nets": 2},
    "signed_kernels": {"nets": 1},
    "spectra": {"inputs": 100, "seeds": 2},
    "hidden_flips": {"seeds": 4, "epochs": 3000},
    "readout_flips": {"seeds": 4, "epochs": 3000},
    "chaos": {"seeds": 2, "steps": 1500},
    "phases": {"units": 12, "seeds": 2, "epochs": 20, "c": "[0.5, 1.0]", "alphas": 3},
    "phases_from_random": {"units": 12, "seeds": 2, "epochs": 20, "c": "[0.5, 1.0]", "alphas": 3},
    "phases_tanh": {"units": 12, "seeds": 2, "epochs": 20, "c": "[0.5, 1.0]", "alphas": 3},
    "speed": {"seeds": 2, "limit": 30},
    "flipped_units": {"seeds": 2, "limit": 30, "flips": "[0, 1, 2, 3, 8, 10]"},
    "no_normalisation": {"seeds": 2, "limit": 30, "flips": "[0, 1, 3]"},
    "relu": {"seeds": 2, "limit": 30},
    "ascent": {"seeds": 2, "limit": 30},
    "finite_size": {"draws": 4, "c": "[0.4]", "units": "[20]"},
}
NAMES = [
    name
    for name, experiment in study.experiments.items()
    if all(datasets.available(data) for data in experiment.data["quick"])
]


@pytest.fixture(scope="module")
def evidence():
    measured = {}
    jax.config.update("jax_disable_most_optimizations", True)  # compiling is what takes the time here
    try:
        for name in NAMES:
            experiment = study.experiments[name]
            changes = {key: str(value) for key, value in TINY.get(name, {}).items()}
            measured[name] = experiment.measure(experiment.config("quick", changes=changes), jax.random.key(0))
    finally:
        jax.config.update("jax_disable_most_optimizations", False)
    return measured


def test_claims_and_experiments_fit() -> None:
    study.check(CLAIMS)
    assert [claim.id for claim in CLAIMS.claim] == [f"C{i}" for i in range(1, 13)] + ["X1", "X2", "X3"]


def test_theory_claims_hold_at_any_scale(evidence) -> None:
    measured = {
        part.quantity: measure(evidence[part.quantity.split(".")[0]], part.quantity.split(".")[1])
        for claim in CLAIMS.claim
        for part in claim.parts
        if part.quantity.split(".")[0] in evidence
    }
    for claim in ("C1", "X1", *(("C3", "C4") if "boundary" in evidence else ())):
        verdict = judge(CLAIMS[claim], measured, "quick")
        assert verdict.outcome == "reproduced", verdict.reason


def test_eigenvalues_decide_about_learning(evidence) -> None:
    runs = evidence["hidden_flips"]
    assert float(runs.stable_learn) == 1
    assert ((runs.loss < 1e-8) == (runs.growth < 0)).where(np.abs(runs.growth) > 0.05, True).all()


def test_runs_that_never_get_there_are_counted(evidence) -> None:
    run = evidence["speed"]
    assert (run.not_reached == 2).all()
    assert float(run.ratio) == 1  # both at the limit


@pytest.mark.parametrize("name", sorted(study.figures))
def test_figures_draw(evidence, name) -> None:
    figure = study.figures[name]
    if figure.experiment not in evidence:
        pytest.skip("needs a data set that is not here")
    drawn = figure.draw(evidence[figure.experiment])
    assert all(axes.get_xlabel() or axes.get_ylabel() for axes in drawn.axes)
    assert figure.caption
    assert figure.alt
    assert render(drawn).startswith(b"<?xml")
    assert figures.study is study
