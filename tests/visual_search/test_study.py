"""The experiments end to end at a small scale, the claims that they carry, and every figure."""

from pathlib import Path

import jax
import numpy as np
import pytest

import symplast.visual_search
from symplast import datasets
from symplast.lab import judge, measure, read_claims
from symplast.lab.quantities import measure_all
from symplast.lab.theme import render
from symplast.visual_search import figures
from symplast.visual_search.study import study

CLAIMS = read_claims(Path(symplast.visual_search.__file__).parent / "claims.toml")
TINY = {
    "published": ("quick", {}),
    "trial_noise": ("quick", {}),
    "diets": ("quick", {"steps": "3", "maps": "2", "trials": "1"}),
    "turn": ("quick", {}),
    "random_search": ("quick", {"trials": "50000"}),
    "mirror": ("full", {"seeds": "2", "steps": "2", "maps": "2"}),
    "edges": ("full", {}),
}
EXACT = ("VS1", "VS2", "VS3", "VS4", "VS5", "VS8")


@pytest.fixture(scope="module")
def evidence():
    found = {}
    for name, (scale, changes) in TINY.items():
        experiment = study.experiments[name]
        config = experiment.config(scale, changes=changes)
        found[name] = experiment.measure(config, jax.random.fold_in(jax.random.key(0), 0))
    if datasets.available("visual-search"):
        experiment = study.experiments["scanpaths"]
        config = experiment.config("full", changes={"draws": "20", "most": "90"})
        found["scanpaths"] = experiment.measure(config, jax.random.key(0))
    return found


def test_claims_and_experiments_fit():
    study.check(CLAIMS)
    assert {claim.id for claim in CLAIMS.claim} == {*(f"VS{i}" for i in range(1, 14)), "VS2b"}
    assert figures.study is study


@pytest.mark.parametrize("name", EXACT)
def test_exact_claims(evidence, name):
    claim = CLAIMS[name]
    quantities = {q for part in claim.parts for q in part.quantities}
    measured = {q: measure(evidence[q.split(".")[0]], q.split(".")[1]) for q in quantities}
    assert judge(claim, measured, "quick").outcome == "reproduced"


def test_the_fifth_task_is_reversed(evidence):
    claim = CLAIMS["VS2b"]
    measured = {part.quantity: measure(evidence["trial_noise"], part.quantity.split(".")[1]) for part in claim.parts}
    verdict = judge(claim, measured, "quick")
    assert verdict.outcome == "partly"
    assert next(j.outcome for j in verdict.judgements) == "reproduced"
    assert [j.outcome for j in verdict.judgements][5] == "refuted"


def test_saccades_of_human_length(evidence):
    if "scanpaths" not in evidence:
        pytest.skip("the recorded fixations are not at hand")
    claim = CLAIMS["VS6"]
    measured = {part.quantity: measure(evidence["scanpaths"], part.quantity.split(".")[1]) for part in claim.parts}
    assert judge(claim, measured, "full").outcome == "reproduced"
    found = evidence["scanpaths"].found.isel(fixation=-1)
    np.testing.assert_allclose(found.sel(set="Waldo"), [0.752, 0.776, 0.836], atol=1e-3)


def test_trials_agree_with_their_sums():
    if not datasets.available("visual-search"):
        pytest.skip("the trials are not at hand")
    import pandas as pd

    from symplast.visual_search.published import _sums, model_cells

    table = pd.read_csv(datasets.load("visual-search")["model_trials"])
    for model, condition in _sums():
        own = table[(table.model == model) & (table.condition == condition)]
        np.testing.assert_array_equal(
            own.groupby("set_size").n_saccades.sum(), [row[2] for row in _sums()[model, condition]]
        )
        assert model_cells(model, condition).n.sum() == len(own)
    experiment = study.experiments["trial_noise"]
    found = experiment.measure(experiment.config("full"), jax.random.key(0))
    quick = experiment.measure(experiment.config("quick"), jax.random.key(0))
    for end in ("low", "high"):
        assert float(found[f"mean_ai_{end}"]) == pytest.approx(float(quick[f"mean_ai_{end}"]), abs=0.08)


def test_every_claimed_quantity_is_measured(evidence):
    for claim in CLAIMS.claim:
        for part in claim.parts:
            name, quantity = part.quantity.split(".")
            if name in evidence:
                assert quantity in measure_all(evidence[name], {quantity})


def test_random_search(evidence):
    assert float(evidence["random_search"].slope) == pytest.approx(126.18, abs=2)
    assert evidence["random_search"].contains_0.mean() > 0.5


@pytest.mark.parametrize("name", sorted(study.figures))
def test_figures_draw(evidence, name):
    figure = study.figures[name]
    if figure.experiment not in evidence:
        pytest.skip("needs recorded fixations")
    assert render(figure.draw(evidence[figure.experiment]), "svg").startswith(b"<?xml")
