"""The experiments end to end at a small scale, the claims that they carry, and every figure."""

from itertools import count
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import symplast.bilateral
from symplast.bilateral import figures, trials
from symplast.bilateral.composing import COMBINED
from symplast.bilateral.study import study
from symplast.bilateral.trials import Sizes, run_of
from symplast.lab import judge, measure, read_claims
from symplast.lab.quantities import measure_all
from symplast.lab.theme import render
from symplast.learning import train

CLAIMS = read_claims(Path(symplast.bilateral.__file__).parent / "claims.toml")
TINY = {"seeds": "2", "updates": "2", "batch": "2"}


def run(name, scale="full", **changes):
    experiment = study.experiments[name]
    return experiment.measure(experiment.config(scale, changes=changes), jax.random.key(0))


@pytest.fixture(scope="module")
def untrained():
    """Runs whose networks differ by a factor instead of training; ``test_trained`` trains them."""
    numbers = count(1)

    def scaled(learner, task, training, *_, **__):
        factor = 1 + 0.02 * next(numbers)
        params = jax.tree.map(
            lambda leaf: leaf * factor if jnp.issubdtype(leaf.dtype, jnp.inexact) else leaf, training.states.params
        )
        return eqx.tree_at(lambda each: each.states.params, training, params), None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials, "train", scaled)
        trials._run.cache_clear()
        yield
    trials._run.cache_clear()


@pytest.fixture
def learning(monkeypatch):
    monkeypatch.setattr(trials, "train", train)
    trials._run.cache_clear()
    yield
    trials._run.cache_clear()


@pytest.fixture(scope="module")
def evidence(untrained):
    return {
        "loss_list": run("loss_list", "quick"),
        "specialists": run("specialists", **TINY),
        "hemispheres": run("hemispheres", **TINY),
    }


def test_claims_and_experiments_fit():
    study.check(CLAIMS)
    ids = [claim.id for claim in CLAIMS.claim]
    assert ids == ["BM1", "BM2a", "BM2b", *(f"BM{i}" for i in range(3, 11)), "BX1", "BX2", "BX3", "BX4", "BX5"]


def test_the_loss_list_is_as_published(evidence):
    measured = {p.quantity: measure(evidence["loss_list"], p.quantity.split(".")[1]) for p in CLAIMS["BM8"].parts}
    assert judge(CLAIMS["BM8"], measured, "quick").outcome == "reproduced"


@pytest.mark.parametrize("name", ["loss_list", "specialists", "hemispheres"])
def test_every_claimed_quantity_is_measured(evidence, name):
    measured_in(evidence, name)


def measured_in(evidence, name):
    claimed = {p.quantity.split(".")[1] for c in CLAIMS.claim for p in c.parts if p.quantity.startswith(f"{name}.")}
    measure_all(evidence[name], claimed)
    for quantity in claimed - {"as_published", "muscle_share"}:
        assert evidence[name][quantity].dims == ("seed",)
        assert np.isfinite(evidence[name][quantity]).all()


def test_quantities_are_paired_differences(evidence):
    """From the table of means that the evidence keeps."""
    found = evidence["hemispheres"]
    table = found["mean"].sel(metric="dist_end")
    expected = table.sel(run="reach, N") - table.sel(run="reach, specialised+CC")
    assert np.allclose(found.reach_gain_cc, expected)
    assert np.allclose(found.reach_cost, table.sel(run="reach, specialised") - table.sel(run="reach, neutral"))
    assert np.allclose(evidence["specialists"].reach_gap, table.sel(run="reach, N") - table.sel(run="reach, D"))


@pytest.mark.usefixtures("untrained")
def test_quick_scale_leaves_out_what_it_does_not_train():
    found = run("hemispheres", "quick", **TINY)
    assert np.isfinite(found.reach_cut).all()
    assert np.isnan(found.hold_cut).all()
    assert np.isnan(found.reach_gain).all()
    for name in ("differences", "paths"):
        assert render(study.figures[name].draw(found), "svg").startswith(b"<?xml")


@pytest.mark.usefixtures("untrained")
def test_other_sizes():
    """Every cell has pairs of its own; differences and ratios come from the table that the evidence keeps."""
    found = run("other_sizes", **TINY, units="[4, 10]", layers="[2]", rates="[0.001, 0.003]")
    end = found["mean"].sel(metric="dist_end")
    assert np.allclose(found.reach_gap, end.sel(loss="N") - end.sel(loss="D"))
    assert found.reach_gap.dims == ("units", "layers", "rate", "seed")
    assert found.reach_gap.shape == (2, 1, 2, 2)
    assert len(np.unique(end)) == end.size
    measure_all(found, {"reach_gap", "effort_ratio"})
    assert render(study.figures["in_other_sizes"].draw(found), "svg").startswith(b"<?xml")


@pytest.mark.usefixtures("untrained")
def test_seeds_extend_and_models_share_their_first_weights():
    sizes, key = Sizes(2, 2), jax.random.key(0)
    one, two = (run_of(model, "reach", key, 1, sizes) for model in ("specialised", "neutral"))
    assert np.array_equal(one.task.inputs, two.task.inputs)
    assert np.array_equal(one.task.test_inputs, run_of("D", "reach", key, 0, sizes).task.test_inputs)
    with pytest.raises(ValueError, match="updates must be below 100 or a multiple of it, got 150"):
        Sizes(150, 2).epoch  # noqa: B018


@pytest.mark.parametrize("name", ["specialists", "differences", "paths", "loss_terms"])
def test_figures_draw(evidence, name):
    figure = study.figures[name]
    drawn = figure.draw(evidence[figure.experiment])
    assert all(axes.get_xlabel() or axes.get_xticklabels() for axes in drawn.axes)
    assert render(drawn, "svg").startswith(b"<?xml")
    assert figures.study is study


@pytest.mark.slow  # the same evidence, of networks that learn
@pytest.mark.usefixtures("learning")
def test_trained():
    evidence = {name: run(name, **TINY) for name in ("specialists", "hemispheres")}
    for name in evidence:
        measured_in(evidence, name)
    test_quantities_are_paired_differences(evidence)
    assert (evidence["specialists"].reach_gap != 0).all()


@pytest.mark.slow  # programs of their own for the released losses, and for each combination
@pytest.mark.usefixtures("learning")
def test_released_and_composition():
    found = run("released", **TINY, every="2")
    assert found.curve.dims == ("trained", "update", "seed")
    assert render(study.figures["without_learning"].draw(found), "svg").startswith(b"<?xml")
    found = run("composition", **TINY)
    assert found.dist_end.shape == (len(COMBINED), 2)
    assert render(study.figures["plasticity"].draw(found), "svg").startswith(b"<?xml")
