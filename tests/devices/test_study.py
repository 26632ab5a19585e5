"""The experiments: verdict logic and figures on made-up scores, and two of them really trained at a tiny scale."""

from pathlib import Path
from zlib import crc32

import jax
import numpy as np
import pytest

import symplast.devices
from symplast.devices import DeviceModel, figures, trials
from symplast.devices.study import study
from symplast.devices.trials import Bench, Scores
from symplast.lab import judge, measure, read_claims, seed_keys
from symplast.lab.theme import render
from symplast.learning import Task

CLAIMS = read_claims(Path(symplast.devices.__file__).parent / "claims.toml")
KEY = jax.random.key(0)


def measure_at(name, scale="full", **changes):
    experiment = study.experiments[name]
    return experiment.measure(experiment.config(scale, changes={k: str(v) for k, v in changes.items()}), KEY)


def outcomes(evidence, scale):
    measured = {}
    for claim in CLAIMS.claim:
        for part in claim.parts:
            name, variable = part.quantity.split(".")
            measured[part.quantity] = measure(evidence[name], variable)
    return {claim.id: judge(claim, measured, scale).outcome for claim in CLAIMS.claim}


@pytest.fixture(scope="module")
def small_task():
    keys = jax.random.split(KEY, 4)
    inputs = [jax.random.uniform(k, (300, 784)) for k in keys[:2]]
    targets = [jax.random.randint(k, (300,), 0, 10) for k in keys[2:]]
    return Task(inputs[0], targets[0], inputs[1], targets[1])


@pytest.fixture
def made_up(monkeypatch, small_task):
    """Scores from a formula instead of training: ``late`` by design, plus a small deviation of each seed."""

    def of(late):
        def run(self, design, *, train_accuracy=False):
            seeds = np.arange(len(self.keys))
            scores = late(design) + 0.05 * np.cos(seeds + crc32(str(design).encode()) % 7)
            ones = np.ones(seeds.size)
            return Scores(scores, scores - 1, 100 * ones, ones, np.ones((seeds.size, 4)), scores + 1)

        monkeypatch.setattr(Bench, "run", run)
        monkeypatch.setattr(trials, "images", lambda *_, **__: small_task)

    return of


def as_expected(design):
    """What the prototype of the spec found, roughly."""
    if design.scheme is None:
        return 96.0
    N, b = float(design.device.n_ltp), float(design.device.b_ltp)
    late = 95 - 160 / N * (1 + b) + {"uni": 1.5 * b, "ref": -b}.get(design.scheme, 0)
    late -= 1.6 * b if design.scheme == "bi" and N == 64 else 0
    spread = design.variation.d2d_step if design.variation else 0
    return late - spread * (4 if design.swap else 19)


def test_claims_and_experiments_fit():
    study.check(CLAIMS)
    assert [claim.id for claim in CLAIMS.claim] == ["C1", "C2", "C3", "C3x", "C4", "C5", "C6", "C7", "C8"]


def test_verdicts_follow_the_rules(made_up):
    made_up(as_expected)
    evidence = {name: measure_at(name) for name in study.experiments}
    found = outcomes(evidence, "full")
    assert found["C1"] == found["C2"] == found["C5"] == found["C8"] == "reproduced"
    assert found["C3"] == "reproduced"
    assert found["C4"] == "refuted"
    assert found["C6"] == found["C7"] == "not testable here"
    assert float(evidence["variation"].fraction_recovered.sel(spread=0.2)) == pytest.approx(15 / 19, abs=0.1)


@pytest.mark.parametrize(
    ("change", "claim", "outcome"),
    [
        (lambda d: 90.0 if d.scheme else 96.0, "C1", "refuted"),
        (lambda d: 95.0 - ({16: 9, 128: 3}.get(int(d.device.n_ltp), 0) if d.device else 0), "C2", "partly"),
        (lambda d: 95.0 - (3 if d.scheme == "uni" else 0), "C3", "refuted"),
        (lambda d: 95.0 - (3 if d.scheme == "uni" else 0), "C3x", "refuted"),
        (lambda d: 95.0 - (3 if d.scheme == "bi" else 0), "C3x", "reproduced"),
        (lambda d: 95.0 - (2 if d.variation else 0), "C4", "partly"),
        (lambda d: 95.0 - (0.5 if d.variation else 0), "C4", "reproduced"),
        (lambda d: 95.0 - (5 if d.variation else 0), "C4", "refuted"),
        (lambda d: 99.0, "C5", "refuted"),
        (lambda d: 95.0 - (5 if d.variation else 0) + (2 if d.swap else 0), "C8", "refuted"),
    ],
)
def test_each_verdict_can_come_out_otherwise(made_up, change, claim, outcome):
    made_up(change)
    claimed = {part.quantity.split(".")[0] for part in CLAIMS[claim].parts}
    measured = {}
    for part in CLAIMS[claim].parts:
        name, variable = part.quantity.split(".")
        measured[part.quantity] = measure(measure_at(name), variable)
    assert judge(CLAIMS[claim], measured, "full").outcome == outcome, claimed


def test_points_in_both_directions_leave_the_control_open(made_up):
    made_up(lambda d: 95.0 - (3 if d.scheme == "bi" and float(d.device.b_ltp) == 2 else 0) - 1.0 * (d.scheme == "uni"))
    matched = measure(measure_at("nonlinear"), "matched")
    assert matched.low < 0 < matched.high
    assert judge(CLAIMS["C3x"], {"nonlinear.matched": matched}, "full").outcome == "inconclusive"


def test_quick_scale_leaves_the_third_point_out(made_up):
    made_up(as_expected)
    quick = measure_at("nonlinear", "quick")
    assert np.isnan(quick.advantage_256_3).all()
    assert not np.isnan(measure_at("nonlinear").advantage_256_3).any()
    measured = {p.quantity: measure(quick, p.quantity.split(".")[1]) for p in CLAIMS["C3"].parts}
    assert judge(CLAIMS["C3"], measured, "quick").outcome == "reproduced"


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
    made_up(as_expected)
    figure = study.figures[name]
    drawn = figure.draw(measure_at(figure.experiment, scale))
    assert all(axes.get_xlabel() or axes.get_xticklabels() for axes in drawn.axes)
    assert drawn.axes[0].get_ylabel() or drawn.axes[0].get_yticklabels()
    assert render(drawn, "svg").startswith(b"<?xml")
    assert figures.study is study


def test_trained_end_to_end(monkeypatch, small_task):
    """Real training of a few samples: paired designs share order and weights, and the same key gives the same bytes."""
    monkeypatch.setattr(trials, "images", lambda *_, **__: small_task)
    first, again = (measure_at("nonlinear", "quick", seeds=2, points=[[64, 2, 200]]) for _ in range(2))
    assert first.identical(again)
    uni, bi = (first.pulses_per_weight.sel(design=d).values for d in ("uni", "bi"))
    assert (uni > 0).all()
    assert not np.array_equal(uni, bi)
    assert first.device_pulses.sel(design="uni", quantile=1.0).min() >= 1
    assert (first.refreshes_per_weight.sel(design="bi") == 0).all()


def test_spread_and_swap_reach_the_training(small_task):
    """Of one seed: equal first weights, other devices, and refreshes as the design says."""
    inputs = small_task.inputs[:, :30]
    problem = trials.Problem(inputs, small_task.targets, inputs, small_task.targets)
    bench = Bench(problem, (30, 12, 10), seed_keys(KEY, 1), None, epochs=5)
    spread = trials.Variation(d2d_step=0.3)
    designs = [
        trials.Design("uni", DeviceModel(40), spread, swap=False, theta=(0.0, 0.0)),
        trials.Design("uni", DeviceModel(40), spread, swap=True, theta=(0.0, 0.0)),
    ]
    plain, swapped = (bench.run(design, train_accuracy=True) for design in designs)
    assert plain.refreshes[0] > 0
    assert plain.refreshes[0] != swapped.refreshes[0]
    assert plain.train[0] == plain.final[0]


def test_cropping_keeps_the_middle(monkeypatch):
    image = np.arange(784.0).reshape(1, 784) / 784
    task = Task(*(jax.numpy.asarray(x) for x in (image, np.array([3]), image, np.array([3]))))
    monkeypatch.setattr(trials, "images", lambda *_, **__: task)
    bench = trials.cropped_bench("mnist", KEY, 1, 1, 1)
    rows = np.asarray(bench.problem.X).reshape(22, 24) * 784
    assert rows[0, 0] == 3 * 28 + 2
    assert rows[-1, -1] == 24 * 28 + 25
    assert bench.bias
    assert sum((a + 1) * b for a, b in zip(bench.sizes, bench.sizes[1:], strict=False)) == 164_885
