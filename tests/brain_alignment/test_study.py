"""The experiments end to end at a small scale, the claims that they carry, and every figure."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from studies import Measured, with_slow

import symplast.brain_alignment
from symplast.brain_alignment import figures
from symplast.brain_alignment.study import study
from symplast.lab import judge, measure, read_claims
from symplast.lab.theme import render

CLAIMS = read_claims(Path(symplast.brain_alignment.__file__).parent / "claims.toml")
SMALL = {
    "strongest_cell": {"samples": 4000},
    "bca_level": {"samples": 60, "resamples": 200},
    "protocol": {"scenes": 6},
    "sensitivity_to_truth": {"scenes": 20, "networks": 3},
    "stateless": {"scenes": 3},
    "dial": {"steps": 20, "batch": 16, "claims": 200, "resamples": 100, "dials": [0.0, 1.0]},
}
EXPECTED = {
    **dict.fromkeys(("BA1", "BA3", "BA4", "BA6"), "partly"),
    **dict.fromkeys(("BA2", "BA8", "BA9", "BA12"), "reproduced"),
    **dict.fromkeys(("BA14", "BA15"), "not run"),
}
SLOW = {"BA8": "recovery", "BA9": "where", "BA11": "sensitivity_to_truth", "BA14": "dial"}
"""Claims that take longer to measure, and by which experiment."""


def run(name, **changes):
    experiment = study.experiments[name]
    texts = {name: json.dumps(value) for name, value in changes.items()}
    return experiment.measure(experiment.config(experiment.scales[0], changes=texts), jax.random.key(0))


@pytest.fixture(scope="module")
def evidence():
    return Measured(lambda name: run(name, **SMALL.get(name, {})))


def test_claims_and_experiments_fit():
    study.check(CLAIMS)
    assert [claim.id for claim in CLAIMS.claim] == [f"BA{i}" for i in range(1, 16)]


@pytest.mark.parametrize("name", with_slow(EXPECTED, SLOW.__contains__))
def test_verdicts(evidence, name):
    claim, measured = CLAIMS[name], {}
    for quantity in {q for part in claim.parts for q in part.quantities} if not claim.not_run else ():
        experiment, variable = quantity.split(".")
        measured[quantity] = measure(evidence[experiment], variable)
    assert judge(claim, measured, "quick").outcome == EXPECTED[name]


def test_numbers_of_the_published_correlations(evidence):
    numbers = evidence["published_numbers"]
    p = [0.1513, 0.2231, 0.4089, 0.7313, 0.8313, 0.8798, 0.0404, 0.4238]
    np.testing.assert_allclose(numbers.p, p, atol=5e-5)
    assert int(numbers.released_cells) == 32
    # levels with texts: ten of identity, six of attribute and authority, five of existence and count
    assert numbers.released_categories.values.tolist() == [5, 1, 4, 2, 4, 2, 4, 2, 3, 5]
    assert int(numbers.released_categories.sum()) == 32


def test_ceilings_of_the_published_rule(evidence):
    found = evidence["ceilings"]
    assert (found.published_ceiling < 0.03).all()
    assert ((found.at_floor > 0.5) & (found.at_floor < 0.7)).all()
    np.testing.assert_allclose(found.raw.sel(features="8 of 64"), 0.2, atol=0.03)


def test_the_parser_has_no_error_on_the_labelled_replies(evidence):
    assert int(evidence["protocol"].parser_wrong) == 0
    assert int(evidence["protocol"].parser_replies) >= 43


def test_same_key_same_evidence():
    assert run("stateless", scenes=2).identical(run("stateless", scenes=2))


@pytest.mark.parametrize("name", with_slow(study.figures, lambda name: study.figures[name].experiment in SLOW.values()))
def test_figures_draw(name, evidence):
    figure = study.figures[name]
    drawn = figure.draw(evidence[figure.experiment])
    assert drawn.axes[-1].get_xlabel()
    assert render(drawn, "svg").startswith(b"<?xml")
    assert figures.study is study
