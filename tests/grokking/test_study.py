"""The experiments end to end at a small scale, the claims that they carry, and every figure."""

from pathlib import Path

import jax
import numpy as np
import pytest

import symplast.grokking
from symplast import datasets
from symplast.grokking import figures, rules_compared
from symplast.grokking.study import study
from symplast.lab import judge, measure, read_claims
from symplast.lab.quantities import measure_all
from symplast.lab.theme import render

CLAIMS = read_claims(Path(symplast.grokking.__file__).parent / "claims.toml")
SHORT = {"speed": "250", "seeds": "2", "records": "2"}
TINY = {
    "exact": {},
    "standard": SHORT,
    "quad": SHORT,
    "lottery": SHORT,
    "single": SHORT,
    "grokking": {**SHORT, "steps": "5000", "records": "5"},
}
RULES = {"seeds": "2", "p": "5", "hidden": "8", "updates": "2"}


def run(name, scale="quick", **changes):
    experiment = study.experiments[name]
    return experiment.measure(experiment.config(scale, changes=changes), jax.random.key(0))


@pytest.fixture(scope="module")
def evidence():
    return {name: run(name, **changes) for name, changes in TINY.items()}


def test_claims_and_experiments_fit():
    study.check(CLAIMS)
    ids = [claim.id for claim in CLAIMS.claim]
    assert [i for i in ids if i != "MA10x"] == [f"MA{i}" for i in range(1, 26)]


@pytest.mark.parametrize("claim", ["MA6", "MA8", "MA9", "MA11"])
def test_exact_claims(evidence, claim):
    measured = {p.quantity: measure(evidence["exact"], p.quantity.split(".")[1]) for p in CLAIMS[claim].parts}
    assert judge(CLAIMS[claim], measured, "quick").outcome == "reproduced"


@pytest.mark.parametrize("name", list(TINY))
def test_every_claimed_quantity_is_measured(evidence, name):
    claimed = {p.quantity.split(".")[1] for c in CLAIMS.claim for p in c.parts if p.quantity.startswith(f"{name}.")}
    assert claimed <= set(measure_all(evidence[name], claimed))


def test_later_training_is_measured_at_full_scale():
    found = run("standard", "full", speed="500", seeds="2", records="2")
    assert np.isfinite(found.late_order_psi)
    assert found.late_ipr_in.size == 2


def test_the_checkpoints_claims():
    if not datasets.available("modular-addition"):
        pytest.skip("needs the data set modular-addition")
    found = run("checkpoints", "full")
    measured = {p.quantity: measure(found, p.quantity.split(".")[1]) for p in CLAIMS["MA10"].parts}
    assert judge(CLAIMS["MA10"], measured, "full").outcome == "reproduced"
    assert found.ipr_growth.values == pytest.approx([0.1685, 0.476, 0.697, 0.801], abs=6e-4)


def rules_that_compose(tried):
    found = run("rules", "full", **RULES)
    for name in tried:
        for what in ("test", "ipr_rise", "sin_D", "locked"):
            assert np.isfinite(found[f"{name}_{what}"]).all(), (name, what)
    assert found.test.dims == ("tried", "seed")
    assert not np.array_equal(found.backprop_ipr_rise, found.curl_ipr_rise)
    assert not np.array_equal(found.backprop_ipr_rise, found.device_ipr_rise)
    drawn = study.figures["algorithms"].draw(found)
    assert render(drawn, "svg").startswith(b"<?xml")


def test_plasticity_that_composes(monkeypatch):
    some = {name: rules_compared.TRIED[name] for name in ("backprop", "curl", "device", "random")}
    monkeypatch.setattr(rules_compared, "TRIED", some)
    rules_that_compose(some)


@pytest.mark.slow  # seven programs
def test_rules_that_compose():
    rules_that_compose(rules_compared.TRIED)


def test_a_known_algorithm_is_recognised():
    """Three sets of phase-locked cosines count as locked; shuffled neurons don't."""
    rng = np.random.default_rng(0)
    k, phi = rng.integers(1, 6, (40, 1)), rng.uniform(0, 6, (2, 40, 1))
    angle = 2 * np.pi * k * np.arange(11) / 11
    x, y, out = np.cos(angle + phi[0]), np.cos(angle + phi[1]), np.cos(angle + phi[0] + phi[1])
    noise = tuple(rng.normal(size=(3, 40, 11)))
    found = rules_compared._of_network(noise, (x, y, out))
    assert found["locked"] == 1
    assert found["sin_D"] < 1e-9
    assert found["ipr_rise"] > 2
    assert rules_compared._of_network(noise, (x, y, out[::-1]))["locked"] < 0.5


@pytest.mark.parametrize("name", sorted(name for name in study.figures if name != "algorithms"))
def test_figures_draw(evidence, name):
    figure = study.figures[name]
    drawn = figure.draw(evidence[figure.experiment])
    assert all(axes.get_xlabel() or axes.get_xticklabels() for axes in drawn.axes)
    assert render(drawn, "svg").startswith(b"<?xml")
    assert figures.study is study
