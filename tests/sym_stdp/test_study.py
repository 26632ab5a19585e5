"""The experiments: verdict logic and figures on made-up answers, and the small ones really run."""

from pathlib import Path

import jax
import numpy as np
import pytest

import symplast.sym_stdp
from symplast import datasets
from symplast.lab import judge, measure, read_claims
from symplast.lab.theme import render
from symplast.sym_stdp import figures, study, trials
from symplast.sym_stdp.trials import Answers, Pictures, accuracy, apart, paired_difference, pictures

CLAIMS = read_claims(Path(symplast.sym_stdp.__file__).parent / "claims.toml")
KEY = jax.random.key(0)
STUDY = study.study
CURVE = {1250: 60.0, 2500: 67.25, 5000: 78.5, 7500: 84.6, 10_000: 86.15, 150: 40.0}


def measure_at(name, scale="full", **changes):
    experiment = STUDY.experiments[name]
    return experiment.measure(experiment.config(scale, changes={k: str(v) for k, v in changes.items()}), KEY)


def outcome(claim, scale="full"):
    measured = {}
    for part in CLAIMS[claim].parts:
        name, variable = part.quantity.split(".")
        measured[part.quantity] = measure(measure_at(name, scale), variable)
    return judge(CLAIMS[claim], measured, scale).outcome


@pytest.fixture
def made_up(monkeypatch):
    """Answers from a formula instead of training."""

    def of(right, usl=0.0):
        def curve(shown, n_hidden, config, key, checkpoints):
            draws = np.random.default_rng(np.asarray(jax.random.key_data(key))).random((2, len(shown.y_test)))
            found = []
            for after in checkpoints:
                share = right(n_hidden, config, after) / 100
                found.append(Answers(draws[0] < share, draws[0] < share + usl / 100))
            return Answers(*(np.array([getattr(each, name) for each in found]) for name in ("sl", "usl")))

        def shown(name, images, tests):
            return Pictures(name, np.zeros((1, 4), np.uint8), np.zeros(1, int), *_blank(tests))

        monkeypatch.setattr(trials, "learning_curve", curve)
        monkeypatch.setattr(study, "pictures", shown)

    return of


def _blank(tests):
    return np.zeros((tests, 4), np.uint8), np.arange(tests) % 10


def as_expected(n_hidden, config, after):
    needed = 8.5 if config.theta_plus == 0 else (57.0 if not config.scale_in else None)
    return needed or CURVE[after] + {100: 4.9 if after == 2500 else -8.0, 400: 0, 1600: 6.0}[n_hidden]


def test_claims_and_experiments_fit():
    STUDY.check(CLAIMS)
    assert [claim.id for claim in CLAIMS.claim] == [f"SYM{i}" for i in range(1, 10)]


def test_verdicts_follow_the_rules(made_up):
    made_up(as_expected)
    assert outcome("SYM1") == outcome("SYM2") == "not run"
    assert [outcome(f"SYM{i}") for i in (3, 4, 5, 7)] == ["reproduced"] * 4
    assert outcome("SYM5", "quick") == "reproduced"
    assert outcome("SYM4", "quick") == "not run"


def test_verdicts_can_come_out_otherwise(made_up):
    made_up(as_expected, usl=5.0)
    assert outcome("SYM3") == "refuted"
    made_up(lambda n, config, after: 95.0)
    assert [outcome(f"SYM{i}") for i in (4, 5)] == ["inconclusive", "refuted"]
    made_up(lambda n, config, after: 50.0 + 20 * (config.theta_plus == 0))
    assert outcome("SYM7") in ("refuted", "partly")


def test_the_kernel_and_the_frozen_network_are_measured():
    assert outcome("SYM6", "quick") == "reproduced"
    assert outcome("SYM9", "quick") == "reproduced"


def test_clusters_are_measured_and_drawn():
    ds = measure_at("clusters", hidden=100, images=40, tests=30, data="mnist-5k")
    assert ds.embedded.shape == (3, 30, 2)
    assert float(ds.hidden_gain_low) <= float(ds.hidden_gain) <= float(ds.hidden_gain_high)
    for name in ("maps_of_layers", "receptive_fields"):
        assert render(STUDY.figures[name].draw(ds), "svg").startswith(b"<?xml")


def test_strategies_are_measured_and_drawn():
    ds = measure_at("strategies", seeds=2, images=10, tests=10, data="mnist-5k")
    assert ds.accuracy_of_seed.shape == (2, 2)
    assert render(STUDY.figures["training_strategies"].draw(ds), "svg").startswith(b"<?xml")


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        (name, scale)
        for name in ["learning_curves", "what_is_needed", "symmetric_kernel", "fashion_mnist"]
        for scale in STUDY.experiments[STUDY.figures[name].experiment].scales
        if scale != "paper"
    ],
)
def test_figures_draw(made_up, name, scale):
    made_up(lambda n, config, after: 70.0)
    figure = STUDY.figures[name]
    drawn = figure.draw(measure_at(figure.experiment, scale))
    assert drawn.axes[0].get_ylabel()
    assert render(drawn, "svg").startswith(b"<?xml")
    assert figures.study is STUDY


def test_intervals_are_mcnemars_and_binomial():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 1, 400)) < np.array([0.8, 0.7])[:, None, None]
    found, only_a, only_b = paired_difference(a, b), (a & ~b).sum(), (b & ~a).sum()
    error = np.sqrt(only_a + only_b - (only_a - only_b) ** 2 / 400) / 400
    assert found.value == pytest.approx(100 * (only_a - only_b) / 400)
    assert found.high - found.value == pytest.approx(100 * 1.966 * error, rel=2e-3)
    assert apart(accuracy(np.ones((1, 100), bool)), accuracy(np.zeros((1, 100), bool))).value > 90


@pytest.mark.parametrize("name", ["mnist-5k", "digits-28"])
def test_pictures(name):
    shown = pictures(name, 20, 10)
    assert (shown.X.shape, shown.X_test.shape, shown.X.dtype) == ((20, 784), (10, 784), np.uint8)
    assert set(shown.y) == set(range(10))
    assert trials.SIDE == 28


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("cats",), "data must be one of mnist-5k, .* got 'cats'"), (("digits-28", 10**6), "images must be in")],
)
def test_pictures_that_there_are_not(arguments, message):
    with pytest.raises(ValueError, match=message):
        pictures(*arguments)


def test_quick_scale_needs_no_data_from_elsewhere():
    built_in = {name for name in trials.NAMES if datasets.describe(name).built_in}
    for experiment in STUDY.experiments.values():
        assert "quick" not in experiment.scales or set(experiment.data["quick"]) <= built_in
        for scale in experiment.scales:
            if "data" in experiment.settings[scale]:
                assert experiment.data[scale] == (experiment.settings[scale]["data"],)
