"""The experiments: claims fit, real data give the reference values, each model experiment runs at a tiny scale."""

from pathlib import Path

import jax
import numpy as np
import pytest

import symplast.molecular
from symplast import datasets
from symplast.lab import judge, measure, read_claims
from symplast.lab.theme import render
from symplast.molecular import InteractionNetwork, figures, signalling_entropy
from symplast.molecular.cohorts import DATA, cohort, human_network
from symplast.molecular.entropy import entropy_of
from symplast.molecular.study import study

CLAIMS = read_claims(Path(symplast.molecular.__file__).parent / "claims.toml")
KEY = jax.random.key(0)
needs_data = pytest.mark.skipif(not datasets.available(DATA), reason=f"needs the data set {DATA} (SYMPLAST_DATA)")


def measure_at(name, scale="quick", **changes):
    experiment = study.experiments[name]
    return experiment.measure(experiment.config(scale, changes={k: str(v) for k, v in changes.items()}), KEY)


def outcome(claim, evidence, scale):
    measured = {
        part.quantity: measure(evidence, part.quantity.split(".")[1])
        for part in CLAIMS[claim].parts
        if part.quantity.split(".")[1] in evidence
    }
    return judge(CLAIMS[claim], measured, scale).outcome


def draw_all(name, evidence):
    for figure in study.figures.values():
        if figure.experiment == name:
            assert render(figure.draw(evidence), "svg").startswith(b"<?xml")


def test_claims_and_experiments_fit():
    study.check(CLAIMS)
    assert [claim.id for claim in CLAIMS.claim] == [f"M{i}" for i in range(1, 18)] + [f"MX{i}" for i in range(1, 6)]
    assert figures.study is study


def test_identity_holds_on_generated_networks():
    found = measure_at("identity", graphs=2, nodes=480)
    assert outcome("MX1", found, "quick") == "reproduced"
    draw_all("identity", found)


@pytest.mark.parametrize("seeds", [3])
def test_strategies_at_a_tiny_scale(seeds):
    found = measure_at("strategies", seeds=seeds)
    assert found.cured.sizes == {"topology": 2, "T": 5, "drug": 7, "graph": seeds}
    assert np.isnan(found.cured.sel(topology="er", T=0.2)).all()
    for claim in ("M11", "M12", "M13", "M14", "M17"):
        assert outcome(claim, found, "quick") in ("reproduced", "partly", "refuted", "inconclusive")
    draw_all("strategies", found)


def test_learning_at_a_tiny_scale():
    found = measure_at("learning", seeds=2, steps=60)
    again = measure_at("learning", seeds=2, steps=60)
    assert found.identical(again)
    draw_all("learning", found)


def test_combinations_at_a_tiny_scale():
    found = measure_at("combinations", "full", seeds=2, temperatures=[0.35, 0.5, 0.65])
    assert {"dominated_t35", "dominated_t50", "dominated_t65"} <= set(found.data_vars)
    assert outcome("M15", found, "full") in ("partly", "refuted", "inconclusive")
    draw_all("combinations", found)


@pytest.mark.slow
def test_robustness_at_a_tiny_scale():
    counts = {"seeds": 2, "large_seeds": 1, "noisy_seeds": 1, "edgetic_seeds": 1}
    found = measure_at("robustness", "full", depths=[1.0, 9.0], hubs=[6], targets=[36], **counts)
    assert np.isnan(found.success.sel(depth=9.0)).all()  # the normal state is no attractor there
    for sign in ("sign_m11", "sign_m12"):
        assert measure(found, sign).n == 2  # and the cell counts, against the sign
        assert measure(found, sign).value <= 0.5
    draw_all("robustness", found)


@needs_data
def test_reference_values_of_real_data():
    net = human_network()
    assert (net.n, net.n_edges, int(np.median(net.degree)), net.degree.max()) == (8434, 303_600, 7, 1030)
    assert net.degree.mean() == pytest.approx(71.994, abs=1e-3)
    expected = {"chu": 6.295663961, "chol": 6.296001934, "kich": 6.296004040, "read": 6.296000841}
    sizes = {"chu": 8393, "chol": 8248, "kich": 8286, "read": 8277}
    for name, most in expected.items():
        inside = cohort(name).matched.network
        assert inside.n == sizes[name]
        assert inside.max_entropy_rate == pytest.approx(most, abs=1e-9)
    data = cohort("chu")
    assert data.matched.network.n_edges == 300_916
    found = entropy_of(data.matched)
    assert np.nanmax(np.abs(found.sr - data.published)) < 1e-8
    assert np.isnan(data.published).sum() == 4
    flat = signalling_entropy(InteractionNetwork(data.matched.network.nodes, data.matched.network.adjacency))
    assert flat.sr[0] == pytest.approx(0.89966304, abs=1e-8)


@needs_data
def test_entropy_of_real_data_at_few_resamples():
    found = measure_at("entropy", "full", resamples=300)
    for claim in ("M1", "M2", "M3", "M4", "M8"):
        assert outcome(claim, found, "full") == "reproduced", claim
    assert float(found.auc_kich) == pytest.approx(0.910, abs=5e-4)
    assert float(found.difference_read) == pytest.approx(0.00436, abs=5e-6)
    assert float(found.heterogeneity_chol) == pytest.approx(0.073, abs=5e-4)
    draw_all("entropy", found)


@needs_data
def test_boolean_models_at_few_samples():
    pick = ["cell cycle", "WNT5A", "apoptosis"]
    found = measure_at(
        "boolean_models", "full", samples=100, held_samples=50, draws=2, models=str(pick).replace("'", '"')
    )
    assert outcome("MX4", found, "full") == "reproduced"
    draw_all("boolean_models", found)


@needs_data
@pytest.mark.slow
def test_nulls_and_overlap_of_one_tissue():
    found = measure_at("nulls", "full", draws=20, other_draws=2, tissues='["kich"]', genes=230)
    assert float(found.null_auc_kich.mean()) < 0.1
    assert outcome("M6", found, "full") == "reproduced"
    draw_all("nulls", found)
    pytest.importorskip("sknetwork")
    draw_all("overlap", measure_at("overlap", "full", partitions=2, sets='["kich"]'))
