"""Comparisons: the lab stores and resumes them, seeds are paired, what makes no sense is refused with the reason."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest

from symplast.lab import Store
from symplast.lab.audit import newest
from symplast.lab.registry import room
from symplast.lab.workers import Terminated
from symplast.learning import comparison
from symplast.learning.combination import Combination
from symplast.learning.comparison import compare
from symplast.learning.figures import draw_comparison

PARTS_MODULE = "symplast.learning.parts"
SMALL = Combination("backprop", task="digits:train=300,test=100", hidden=(16,), epochs=2, tests_per_epoch=2)
SEEDS = 3
"""Of the comparisons of networks like the small one, which share their programs."""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("compared"))
    return store, compare(["backprop", "fa"], ["curl:fraction=0.25"], SMALL, seeds=SEEDS, store=store)


def test_every_combination_with_intervals_beside_the_reference(found) -> None:
    _, compared = found
    table = compared.table
    assert list(zip(table["rule"], table["transform"], strict=True)) == [
        ("backprop", "none"),
        ("backprop", "curl:fraction=0.25"),
        ("fa", "none"),
        ("fa", "curl:fraction=0.25"),
    ]
    assert (table.score_low <= table.score).all()
    assert (table.score <= table.score_high).all()
    assert table.difference[0] == table.difference_low[0] == table.difference_high[0] == 0
    scores = {label: one.score.values for label, one in compared.evidence.items()}
    paired = np.mean(scores["fa, none"] - scores["backprop, none"])
    assert table.difference[2] == pytest.approx(paired)
    assert table.alignment[0] == pytest.approx(1, abs=1e-4)
    assert table.alignment[2] < 0.9


def test_seeds_start_alike_in_every_combination(found) -> None:
    _, compared = found
    starts = {tuple(one.score_before.values.tolist()) for one in compared.evidence.values()}
    assert len(starts) == 1


def test_measured_once(found) -> None:
    store, compared = found
    before = len(store.runs())
    again = compare(["backprop", "fa"], ["curl:fraction=0.25"], SMALL, seeds=SEEDS, store=store)
    assert len(store.runs()) == before
    assert again.table.equals(compared.table)
    more = compare(["backprop", "fa"], ["curl:fraction=0.25", "curl:fraction=0.5"], SMALL, seeds=SEEDS, store=store)
    assert len(store.runs()) == before + 2
    assert len(more.table) == 6


def test_runs_of_a_comparison_belong_to_no_audit(found) -> None:
    store, _ = found
    assert newest(store.runs(), room("learning")) == ([], "quick")


def test_a_table_of_nothing_has_its_columns() -> None:
    empty = comparison.tabulate([], {})
    assert tuple(empty.columns) == comparison.Row._fields
    assert len(empty.score) == 0


def test_figure(found) -> None:
    figure = draw_comparison(found[1])
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["backprop", "fa"]


def test_nonsense_is_refused_with_the_reason(tmp_path) -> None:
    tried = replace(SMALL, network="feedforward")
    mixed = compare(["backprop", "ep"], [], tried, seeds=SEEDS, store=tmp_path)
    assert [refusal.rule for refusal in mixed.refused] == ["ep"]
    assert "needs a network with force" in mixed.refused[0].reason
    with pytest.raises(ValueError, match="needs a network with force"):
        compare(["ep"], [], tried, seeds=2, store=tmp_path)


@pytest.mark.parametrize(
    ("rules", "transforms", "seeds", "message"),
    [
        (["backprop"], [], 1, "seeds must be at least 2"),
        ([], [], 2, "at least one rule"),
        (["magic"], [], 2, "rule must be one of"),
        (["backprop"], ["magic"], 2, "transform must be one of"),
        (["backprop", "ep:homeostasis=-1"], [], 2, "rule ep:homeostasis=-1: homeostasis must be at least 0"),
        (["backprop", "fa:beta=1"], ["curl:fraction=2", "nrom"], 2, "fa:beta.*fraction must be.*transform nrom: "),
        (["spiking:magic=1"], [], 2, "spiking:magic=1: no setting magic"),
    ],
)
def test_wrong_input(tmp_path, rules, transforms, seeds: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare(rules, transforms, SMALL, seeds=seeds, store=tmp_path)


def test_learners_with_networks_of_their_own_join_without_transforms(tmp_path) -> None:
    short = replace(SMALL, task="digits:train=8,test=4", epochs=1, batch_size=4, tests_per_epoch=1)
    found = compare(["backprop", "spiking:lr=0.2", "sym-stdp"], ["norm"], short, seeds=2, store=tmp_path)
    assert found.table["rule"].tolist() == ["backprop", "backprop", "spiking:lr=0.2", "sym-stdp"]
    assert found.table.alignment.isna().tolist() == [False, False, True, True]
    assert found.table.score.between(0, 1).all()
    assert [refusal.rule for refusal in found.refused] == ["spiking:lr=0.2", "sym-stdp"]
    assert "no transform goes with it" in found.refused[0].reason


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": "sym-stdp", "hidden": (8, 8)}, "one hidden layer, got hidden layers of 8, 8"),
        ({"rule": "spiking:method=magic"}, "method must be one of"),
        ({"rule": "spiking", "task": "teacher-student"}, "this task has none"),
    ],
)
def test_learners_that_do_not_suit_are_told(changes, message: str) -> None:
    tried = replace(SMALL, **changes)
    with pytest.raises(ValueError, match=message):
        tried.learner(tried.tasks())


def test_code_of_the_parts_counts(monkeypatch) -> None:
    (before,), _ = comparison.plan([("backprop", "norm")], SMALL, seeds=2, seed=0)
    monkeypatch.setattr(comparison, "modules_fingerprint", lambda modules: "changed")
    (after,), _ = comparison.plan([("backprop", "norm")], SMALL, seeds=2, seed=0)
    assert before.identity != after.identity
    assert "symplast.curl.transforms" in Combination("backprop", "norm").modules()


def test_code_of_a_network_of_ones_own_counts() -> None:
    assert Combination("backprop", network="symplast.learning.parts.feedforward").modules().count(PARTS_MODULE) == 1
    assert Combination("backprop").modules().count(PARTS_MODULE) == 0


def test_the_same_words_are_measured_once(tmp_path) -> None:
    sums = ["none", "none+none", "curl:fraction=0.25+none"]
    found = compare(["backprop", "backprop"], sums, SMALL, seeds=SEEDS, store=tmp_path)
    assert found.table["transform"].tolist() == ["none", "curl:fraction=0.25"]


def test_what_diverges_is_no_result(found, tmp_path) -> None:
    wild = replace(SMALL, optimiser="sgd:learning_rate=1e30")
    table = compare(["backprop"], [], replace(wild, criterion=0.05), seeds=SEEDS, store=tmp_path).table
    assert table.diverged.tolist() == [SEEDS]
    assert table.reached.tolist() == [0]
    assert np.isnan(table[["score", "score_low", "difference_high"]].to_numpy()).all()
    assert found[1].table.diverged[0] == 0


def test_too_large_a_batch_is_refused_before_anything_is_trained(tmp_path) -> None:
    with pytest.raises(ValueError, match="batch_size must be in"):
        compare(["backprop"], [], replace(SMALL, batch_size=5000), seeds=2, store=tmp_path)


def test_only_settled_examples_count_for_the_agreement_with_the_gradient(found) -> None:
    short = replace(SMALL, rule="rbp", optimiser="adam:learning_rate=0.02", epochs=6)
    short = replace(short, task="digits:train=100,test=20", batch_size=20)
    hasty = replace(short, network="recurrent:steps=12").measure(jax.random.key(0), 2)
    assert (hasty.unsettled > 0).all()  # twelve steps are too few for some
    assert (hasty.unsettled < 1).all()
    calm = replace(short, network="recurrent:steps=300").measure(jax.random.key(0), 2)
    assert calm.unsettled.max() < hasty.unsettled.min()
    for layer in calm.alignment:
        assert calm.alignment[layer].min() > 0.99  # the exact rule
    assert found[1].table.unsettled.isna().all()  # feedforward


def test_convolution_by_name() -> None:
    tried = Combination(
        "rbp", task="digits:train=40,test=10", network="conv:channels=[4],steps=20", hidden=(8,), epochs=1
    )
    tried = replace(tried, batch_size=20, tests_per_epoch=1)
    found = tried.measure(jax.random.key(0), 2, align="end")
    assert found.alignment["layer 3"].shape == (2,)
    assert np.isfinite(found.loss).all()
    with pytest.raises(ValueError, match="conv needs square images, got 20 inputs"):
        replace(tried, task="teacher-student").learner(replace(tried, task="teacher-student").tasks())


def test_sequences_are_scored_over_their_tasks_and_orthogonal_projection_forgets_less() -> None:
    """The projection joins other transforms."""
    shared = {"task": "permuted-digits:tasks=2,train=300,test=100", "hidden": (32,), "epochs": 10}
    plain, projected = (
        Combination("dfa", transform, optimiser="sgd:learning_rate=0.2", **shared).measure(jax.random.key(0), 2)
        for transform in ("curl:fraction=0.1", "hlop:first=0.6,new=0.3,tasks=2,lr=0.05+curl:fraction=0.1")
    )
    assert np.isfinite(plain.backward_transfer).all()
    assert np.isnan(plain.updates_to_criterion).all()
    assert plain.curve.shape == (2, 2)
    assert projected.backward_transfer.mean() > plain.backward_transfer.mean()


def test_regression_is_scored_by_explained_variance() -> None:
    tried = Combination("backprop", task="teacher-student", hidden=(32,), epochs=5, optimiser="adam:learning_rate=0.01")
    assert float(tried.measure(jax.random.key(0), 2).score.min()) > 0.5


def test_wrong_names_are_all_told_by_their_options_before_anything_trains(tmp_path, monkeypatch) -> None:
    from symplast.cli import app

    monkeypatch.chdir(tmp_path)
    words = ["compare", "--rule", "backprop", "--rule", "magic", "--transform", "nrom", "--optimiser", "adam:lr=1"]
    with pytest.raises(ValueError, match=r"--rule magic: .*; --transform nrom: .*; --optimiser adam:lr=1: no setting"):
        app([*words, "--network", "recurrent:layers=2"], standalone_mode=False)
    assert list(tmp_path.iterdir()) == []


def test_a_comparison_that_lacks_a_part_says_so_last_and_fails(tmp_path, capsys, monkeypatch) -> None:
    from symplast.cli import app

    monkeypatch.chdir(tmp_path)
    words = ["compare", "--rule", "backprop", "--rule", "ep", "--network", "feedforward", "--task", SMALL.task]
    words += ["--hidden", "16", "--epochs", "1", "--seeds", str(SEEDS), "--workers", "0"]
    assert app(words, standalone_mode=False) == 1
    assert "of 2 combinations 1 refused" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(("signal", "code"), [(KeyboardInterrupt, 130), (Terminated, 143)])
def test_a_comparison_that_is_stopped_says_so_and_by_which_signal(tmp_path, capsys, monkeypatch, signal, code) -> None:
    from symplast.cli import app

    def stopped(*_: object) -> None:
        raise signal

    monkeypatch.setattr("symplast.lab.runner.execute", stopped)
    monkeypatch.chdir(tmp_path)
    words = ["compare", "--rule", "backprop", "--task", SMALL.task, "--hidden", "8", "--seeds", "2", "--workers", "0"]
    assert app(words, standalone_mode=False) == code
    assert "interrupted: the same command resumes." in " ".join(capsys.readouterr().err.split())


def test_command(tmp_path, capsys, monkeypatch) -> None:
    from symplast.cli import app

    monkeypatch.chdir(tmp_path)
    words = ["compare", "--rule", "backprop", "--task", SMALL.task, "--hidden", "16", "--epochs", "1"]
    words += ["--seeds", str(SEEDS)]
    app([*words, "--workers", "0", "--json", "--figure", "c.png", "--csv", "c.csv"], standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert told["version"] == 1
    assert told["combinations"][0]["rule"] == "backprop"
    assert told["refused"] == told["failed"] == []
    assert (tmp_path / "c.png").stat().st_size > 5000
    assert "score_low" in (tmp_path / "c.csv").read_text()
