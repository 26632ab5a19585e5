"""The experiments at a tiny scale: evidence that the claims can be judged by, and figures that can be drawn."""

from pathlib import Path

import jax
import numpy as np
import pytest

import symplast.pspm
from symplast.lab import judge, measure, read_claims
from symplast.lab.theme import render
from symplast.pspm import figures
from symplast.pspm.study import study

CLAIMS = read_claims(Path(symplast.pspm.__file__).parent / "claims.toml")
SMALL = {
    "arms": {"seeds": 4, "epochs": 3},
    "larger": {"seeds": 4, "epochs": 2},
    "populations": {"seeds": 4, "epochs": 3},
    "restarts": {"references": 2, "starts": 2, "epochs": 3},
}


def test_claims_and_experiments_fit() -> None:
    study.check(CLAIMS)
    assert len(CLAIMS.claim) == 6
    assert {figure.experiment for figure in study.figures.values()} == set(SMALL) == set(study.experiments)


@pytest.fixture(scope="module")
def found():
    def measured(name):
        experiment = study.experiments[name]
        changes = {key: str(value) for key, value in SMALL[name].items()}
        return experiment.measure(experiment.config(experiment.scales[0], changes=changes), jax.random.key(0))

    return {name: measured(name) for name in SMALL}


@pytest.mark.slow  # the experiments of quick scale, made smaller
def test_claims_are_judged_from_the_evidence(found) -> None:
    values = {}
    for claim in CLAIMS.claim:
        for part in claim.parts:
            name, variable = part.quantity.split(".")
            values[part.quantity] = measure(found[name], variable)
    outcomes = {claim.id: judge(claim, values, "quick").outcome for claim in CLAIMS.claim}
    assert set(outcomes.values()) <= {"reproduced", "partly", "refuted", "inconclusive"}
    assert len(outcomes) == 6


@pytest.mark.slow
def test_arms_start_alike(found) -> None:
    course = found["arms"].course.isel(epoch=0).values
    np.testing.assert_array_equal(course, np.broadcast_to(course[0], course.shape))
    none = found["arms"].sel(arm="none")
    assert (none.distance > 0).all()


@pytest.mark.slow
def test_figures(found) -> None:
    for figure in study.figures.values():
        assert render(figure.draw(found[figure.experiment])).startswith(b"<?xml")
    assert figures.OF_ARM.keys() >= set(found["arms"].arm.values.tolist())
