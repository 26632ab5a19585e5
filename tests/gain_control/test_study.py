"""The experiments end to end at a small scale, the claims that they carry, and every figure."""

from pathlib import Path

import jax
import numpy as np
import pytest

import symplast.gain_control
from symplast.gain_control import figures
from symplast.gain_control.measuring import draw_settings
from symplast.gain_control.study import study
from symplast.lab import judge, measure, read_claims
from symplast.lab.quantities import measure_all
from symplast.lab.theme import render

CLAIMS = read_claims(Path(symplast.gain_control.__file__).parent / "claims.toml")
SMALL = {"neurons": "45", "stimuli": "91"}
TINY = {
    "effects": SMALL,
    "exact": SMALL,
    "placement": SMALL,
    "robustness": {"seeds": "8"},
    "online": {"seeds": "2", "each": "50000", "lengths": "[100000, 200000]"},
    "whitening": {"largest": "3", "each": "3", "steps": "4000"},
    "frames": {"largest": "3", "seeds": "6", "steps": "1000"},
}
HERE = ("GC14", "GC1", "GC2", "GC3", "GC4", "GC5", "GC6", "GC7", "GC8", "GC10", "GC13", "FW1", "FW2", "FW3", "FW4")
"""Claims without sampling error hold at the small scale too."""


@pytest.fixture(scope="module")
def evidence():
    found = {}
    for name, changes in TINY.items():
        experiment = study.experiments[name]
        found[name] = experiment.measure(experiment.config("quick", changes=changes), jax.random.key(0))
    return found


def test_claims_and_experiments_fit():
    study.check(CLAIMS)
    ids = {claim.id for claim in CLAIMS.claim}
    assert ids == {*(f"GC{i}" for i in range(1, 16)), "GC8b", *(f"FW{i}" for i in range(1, 6))}
    assert CLAIMS.system.reconstruction
    assert figures.study is study


@pytest.mark.parametrize("name", HERE)
def test_exact_claims(evidence, name):
    claim = CLAIMS[name]
    quantities = {q for part in claim.parts for q in part.quantities}
    measured = {q: measure(evidence[q.split(".")[0]], q.split(".")[1]) for q in quantities}
    assert judge(claim, measured, "quick").outcome == "reproduced"


def test_every_claimed_quantity_is_measured(evidence):
    for claim in CLAIMS.claim:
        for part in claim.parts:
            name, quantity = part.quantity.split(".")
            assert quantity in measure_all(evidence[name], {quantity})


def test_settings_are_always_the_same():
    rows = draw_settings(3)
    assert np.array_equal(rows, draw_settings(5)[:3])
    assert ((rows[:, 0] > 2) & (rows[:, 1] < 0.75) & (rows[:, 3] >= 1) & (rows[:, 4] > 0.3)).all()


def test_narrow_to_broad_ensembles_repel(evidence):
    assert (evidence["effects"].repulsion_by_box.sel(end="smallest") > -1e-6).all()
    assert (evidence["effects"].repulsion_by_bell.sel(end="largest") > 0.01).all()


@pytest.mark.parametrize("name", sorted(study.figures))
def test_figures_draw(evidence, name):
    figure = study.figures[name]
    drawn = figure.draw(evidence[figure.experiment])
    assert render(drawn, "svg").startswith(b"<?xml")
