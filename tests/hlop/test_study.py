"""The experiments: verdict logic and figures on made-up runs, and tiny ones that are really trained."""

from pathlib import Path

import jax
import numpy as np
import pytest

import symplast.hlop
from symplast.hlop import ContinualTrainer, SpikingMLP, figures, trials
from symplast.hlop.study import _over_images, study
from symplast.hlop.tasks import standard_images
from symplast.hlop.trials import Bench, Outcome
from symplast.lab import judge, measure, read_claims
from symplast.lab.theme import render

CLAIMS = read_claims(Path(symplast.hlop.__file__).parent / "claims.toml")
KEY = jax.random.key(0)


def measure_at(name, scale="full", **changes):
    experiment = study.experiments[name]
    return experiment.measure(experiment.config(scale, changes={k: str(v) for k, v in changes.items()}), KEY)


@pytest.fixture
def made_up(monkeypatch):
    """Runs from a formula instead of training: accuracy falls by what a way forgets."""

    def of(forgets, lost=0.0):
        def run(self, way):
            seeds, tasks = len(self.keys), len(self.sequences[0])
            noise = 0.1 * np.cos(np.arange(seeds))
            age = np.maximum(np.arange(tasks)[:, None] - np.arange(tasks), 0)[..., None]
            plain, kept = 90 - 3.0 * age + noise, 90 - lost - forgets * age + noise
            ones, layers = np.ones(seeds), len(self.config.rows_first)
            return Outcome(
                kept, plain, 0.4 * ones + noise / 100, ones, 0.35 * ones, ones, ones, np.ones((tasks, layers, seeds))
            )

        monkeypatch.setattr(Bench, "run", run)
        monkeypatch.setattr(trials, "standard_images", lambda *_, **__: standard_images("digits"))
        monkeypatch.setattr(symplast.hlop.study, "standard_images", lambda *_, **__: standard_images("digits"))

    return of


def outcome(claim, *evidence):
    measured = {}
    for part in CLAIMS[claim].parts:
        name, variable = part.quantity.split(".")
        measured[part.quantity] = measure(dict(evidence)[name], variable)
    return judge(CLAIMS[claim], measured, "full").outcome


def test_claims_and_experiments_fit():
    study.check(CLAIMS)
    assert [claim.id for claim in CLAIMS.claim] == [f"HLOP{number}" for number in range(1, 16)]


@pytest.mark.parametrize(("forgets", "wanted"), [(1.0, "reproduced"), (5.0, "refuted")])
def test_verdicts_follow_the_runs(made_up, forgets, wanted):
    made_up(forgets)
    found = ("permuted", measure_at("permuted", ways='["bptt", "dsr", "spikes", "replay"]'))
    two = ("two_datasets", measure_at("two_datasets"))
    assert outcome("HLOP2", found) == wanted
    assert outcome("HLOP9", two) == wanted
    assert outcome("HLOP12", found) == wanted
    assert outcome("HLOP6", found) == "reproduced"
    assert float(two[1].acc_gain_forward_shared.mean()) == pytest.approx((3 - forgets) / 2)


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        (name, scale)
        for name in sorted(study.figures)
        for scale in study.experiments[study.figures[name].experiment].scales
        if scale != "paper"
    ],
)
def test_figures_draw(made_up, name, scale):
    figure = study.figures[name]
    if figure.experiment in ("subspace", "rate_networks", "permuted_mnist"):
        evidence = invented(figure.experiment)
    else:
        made_up(1.0)
        evidence = measure_at(figure.experiment, scale)
    drawn = figure.draw(evidence)
    assert all(axes.get_xlabel() for axes in drawn.axes)
    assert render(drawn, "svg").startswith(b"<?xml")
    assert figures.study is study


def invented(name):
    """Evidence of the right form, without training."""
    from symplast.lab import evidence

    if name == "subspace":
        looks, rank = np.linspace(0, 1, 4), np.arange(1, 161)
        return evidence(
            share_after=(("seed", "images"), [looks, looks**2]),
            spectrum=(("component",), 1 / rank),
            coords={"images": 1000 * looks},
        )
    if name == "permuted_mnist":
        return evidence(
            matrix=(("after", "task"), np.full((10, 10), 95.0)), coords={"after": range(1, 11), "task": range(1, 11)}
        )
    cases = ["backprop", "curl", "ep"]
    matrix = np.random.default_rng(0).uniform(50, 90, (3, 2, 3, 3, 4))
    dims = ("case", "protected", "after", "task", "seed")
    return evidence(matrix=(dims, matrix), coords={"case": cases, "protected": [False, True]})


def test_quick_scale_needs_no_download_and_says_what_it_used():
    for name, experiment in study.experiments.items():
        if "quick" in experiment.scales:
            assert set(experiment.data["quick"]) <= {"digits", "mnist-5k"}
            used = experiment.config("quick").get("dataset")
            assert used is None or experiment.data["quick"] == (used,), name


def test_heads_that_are_left_out_claim_nothing(made_up):
    made_up(1.0)
    two = measure_at("two_datasets", heads='["shared"]')
    assert two["first"].values.tolist() == ["mnist", "fashion-mnist"]
    assert np.isnan(two.bwt_gain_forward_separate).all()
    assert np.isfinite(two.bwt_gain_reverse_shared).all()


def test_trained_end_to_end(monkeypatch):
    """Small images, few units: the same key gives the same bytes, and protection is there."""
    digits = standard_images("digits", 200, 60)
    monkeypatch.setattr(trials, "standard_images", lambda *_, **__: digits)
    config = study.experiments["permuted"].config("quick", seeds=2, changes={"tasks": "2", "hidden": "[12]"})
    keys = [jax.random.fold_in(KEY, seed) for seed in range(2)]
    rows = trials.HLOPConfig((20, 6), (8, 3), lr_input=0.01)
    tasks = [trials.permuted_tasks(digits, config.tasks, key) for key in keys]
    bench = Bench(tasks, keys, (64, 12, 10), rows)
    first, again = bench.run(trials.WAYS["bptt"]), bench.run(trials.WAYS["bptt"])
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert first.matrix[0, 0].tolist() == first.matrix_sequential[0, 0].tolist()  # the first task is the same
    assert (first.response < first.response_sequential).all()
    assert (first.predicted > 0).all()
    assert first.acc_gain.shape == first.bwt_gain.shape == (2,)


def test_one_pass_of_the_circuit_is_judged(made_up):
    made_up(1.0)
    found = measure_at("subspace", "quick", images=640, passes=2, batch=32, k=5, lr=0.02, looks=2, seeds=3)
    assert found.share_after.shape == (3, 3)
    assert found.images.values.tolist() == [0, 640, 1280]
    assert (found.share > found.share_after[:, 0] + 0.5).all()
    assert measure(found, "share").low > 0.95
    assert outcome("HLOP5", ("subspace", found)) == "reproduced"
    for shares, wanted in (
        ([0.96, 0.961, 0.962], "reproduced"),
        ([0.938, 0.939, 0.94], "refuted"),
        ([0.93, 0.95, 0.97], "inconclusive"),
    ):
        assert outcome("HLOP5", ("subspace", found.assign(share=("seed", shares)))) == wanted


def test_an_image_is_one_observation_however_many_tasks_show_it():
    right = np.random.default_rng(0).random(4000) < 0.9
    once, ten_times = (_over_images(np.array([right] * tasks, float)) for tasks in (1, 10))
    assert once.interval == pytest.approx(ten_times.interval)
    assert once.value == pytest.approx(100 * right.mean())


def test_answers_on_single_images_agree_with_the_scores():
    digits = standard_images("digits", 200, 60)
    tasks = trials.permuted_tasks(digits, 2, KEY)
    net = SpikingMLP((64, 12, 10), "bptt", key=KEY)
    result = ContinualTrainer(net, trials.HLOPConfig((20, 6), (8, 3), lr_input=0.01)).run(tasks, KEY)
    for after, place in ((0, 0), (1, 0), (1, 1)):
        share = trials.right_on(result.nets[after], tasks, place, rows=25).mean()
        assert 100 * share == pytest.approx(result.A[after, place])
