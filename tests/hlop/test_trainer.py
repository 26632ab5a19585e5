"""Sequences of tasks: what is protected stays, rows grow as planned, and wrong settings are told."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from symplast.hlop import ContinualTrainer, HLOPConfig, Replay, SpikingMLP, permuted_tasks, row_schedule, split_tasks
from symplast.hlop.circuit import orthogonal
from symplast.hlop.replay import first_of_each_class
from symplast.hlop.tasks import standard_images
from symplast.learning import Task

KEY = jax.random.key(0)
ROWS = HLOPConfig((12, 8), ((6, 4), (4, 2)), lr_input=0.01, exact=True)


@pytest.fixture(scope="module")
def tasks():
    digits = standard_images("digits", train=200, test=60)
    return permuted_tasks(digits, 3, KEY)


def network(method="bptt", **options):
    return SpikingMLP((64, 16, 10), method, timesteps=3, key=KEY, **options)


@pytest.fixture(scope="module")
def learned(tasks):
    return ContinualTrainer(network(), ROWS, batch=20).run(tasks, KEY, seeds=2)


def test_shapes_rows_and_metrics(learned):
    assert learned.scores.shape == (3, 3, 2)
    assert learned.loss.shape == (30, 2)
    assert learned.rows.tolist() == [[12, 8], [18, 12], [22, 14]]
    assert [basis.shape for basis in learned.bases] == [(2, 22, 64), (2, 14, 16)]
    assert learned.deviation.max() < 1e-4
    assert pytest.approx(learned.scores[-1].mean(axis=0)) == learned.ACC
    moved = learned.scores[-1, :2] - np.array([learned.scores[j, j] for j in range(2)])
    assert pytest.approx(moved.mean(axis=0), abs=1e-4) == learned.BWT
    assert learned.A.shape == (3, 3)


def test_weights_change_outside_the_subspace_only(learned):
    """Plain gradient descent: every change of a later task is orthogonal to the rows of earlier ones."""
    for task, rows in ((1, 12), (2, 18)):
        change = learned.nets[task].weights[0] - learned.nets[task - 1].weights[0]
        inside = np.einsum("soi,ski->sok", change, learned.bases[0][:, :rows])
        assert np.abs(change).max() > 1e-3
        assert np.abs(inside).max() < 1e-5
        outside = orthogonal(jnp.asarray(change[0]), jnp.asarray(learned.bases[0][0, :rows]))
        assert np.asarray(outside) == pytest.approx(change[0], abs=1e-5)


def test_old_rows_are_the_first_ones_of_the_merged(learned, tasks):
    first = ContinualTrainer(network(), ROWS, batch=20).run(tasks[:2], KEY, seeds=2)
    assert first.bases[0] == pytest.approx(learned.bases[0][:, :18], abs=1e-5)
    assert first.scores[0, 0].tolist() == learned.scores[0, 0].tolist()


def test_replay_and_the_last_batch(tasks):
    trainer = ContinualTrainer(network(), batch=30, drop_last=False, replay=Replay(per_class=5, batch=10))
    with_replay = trainer.run(tasks[:2], KEY)
    assert with_replay.loss.shape == (2 * 7, 1)
    assert with_replay.rows.shape == (2, 0)
    whole = ContinualTrainer(network(), batch=500, drop_last=False).run(tasks[:1], KEY)  # one incomplete batch only
    assert whole.loss.shape == (1, 1)
    x, y = first_of_each_class(tasks[0], 5)
    assert x.shape == (50, 64)
    assert np.bincount(y).tolist() == [5] * 10
    with pytest.raises(ValueError, match="per_class must be at most"):
        first_of_each_class(tasks[0], 100)


@pytest.mark.parametrize("method", ["dsr", "ottt"])
def test_separate_heads_with_every_method(method, tasks):
    net = network(method, heads=2)
    config = HLOPConfig((8,), (4,), spiking=(20.0, 40), lr_input=0.005)
    result = ContinualTrainer(net, config, batch=50, online_update=method == "ottt").run(tasks[:2], KEY)
    assert result.rows.tolist() == [[8], [12]]
    head = result.nets[1].heads.weights[0] - result.nets[0].heads.weights[0]
    assert not head[0].any()
    assert head[1].any()
    assert (result.nets[0].heads.biases == result.nets[1].heads.biases).all()
    assert (result.nets[0].heads.biases != net.heads.biases).any()
    if method == "dsr":
        assert result.nets[0].thresholds[0] == result.nets[1].thresholds[0]


def test_a_trained_model_of_ones_own_is_where_it_starts(tasks):
    still = ContinualTrainer(network(), optimizer=optax.sgd(0.0), batch=50).run(tasks[:1], KEY)
    assert (still.nets[0].weights[0][0] == np.asarray(network().weights[0])).all()


def test_split_tasks_share_shapes_and_renumber():
    rng = np.random.default_rng(0)
    tasks = split_tasks(rng.random((90, 4)), np.arange(90) % 6, 2, key=KEY)
    assert len(tasks) == 3
    assert len({task.inputs.shape for task in tasks}) == 1
    assert all(set(np.asarray(task.targets)) == {0, 1} for task in tasks)


def test_permutations_keep_pixels_together(tasks):
    assert len(tasks[1:]) == 2
    assert np.sort(np.asarray(tasks[0].inputs)) == pytest.approx(np.sort(np.asarray(tasks[2].inputs)))
    assert np.abs(np.asarray(tasks[0].inputs - tasks[1].inputs)).max() > 0
    moved = np.asarray(tasks[-1].test_inputs)
    order = np.asarray(tasks.orders[2])
    assert (moved == np.asarray(tasks.task.test_inputs)[:, order]).all()


def test_circuits_that_diverge_are_told_with_a_rate_that_would_do(tasks):
    wild = replace(ROWS, lr_input=5.0)  # the same program as that of ``learned``
    with pytest.raises(ValueError, match=r"lr_input=5 is too large.*take at most 0\.0"):
        ContinualTrainer(network(), wild, batch=20).run(tasks, KEY, seeds=2)


def test_wrong_use_is_told(tasks):
    task, net = tasks[0], network()
    high = Task(task.inputs, task.targets + 5, task.test_inputs, task.test_targets)
    short = Task(task.inputs[:9], task.targets[:9], task.test_inputs, task.test_targets)
    thin = Task(task.inputs[:, :9], task.targets, task.test_inputs[:, :9], task.test_targets)
    other = Task(task.inputs, task.targets, task.test_inputs, task.test_targets + 5)
    run = lambda tasks, config=None, net=net: ContinualTrainer(net, config, batch=8).run(tasks, KEY)  # noqa: E731
    for wrong, message in [
        (lambda: run([]), "at least one task"),
        (lambda: run([high]), "outputs of the head"),
        (lambda: run([task, short]), "equal shapes"),
        (lambda: run([thin]), "inputs must be"),
        (lambda: run([other]), "test_targets must be in"),
        (lambda: HLOPConfig((3,), (3,), lr=-1.0), "lr must be positive"),
        (lambda: HLOPConfig((3,), (3,), spiking=(20, 0)), "levels must be positive"),
        (lambda: ContinualTrainer(network("ottt"), HLOPConfig((3, 3), (3, 3), rates=True)), "rates must be off"),
        (lambda: ContinualTrainer(net, batch=50, replay=Replay(2, batch=50)).run([task, task], KEY), "at most the 20"),
        (lambda: run([task], HLOPConfig((3,), (3, 3))), "2 plastic layers"),
        (lambda: run([task, task], HLOPConfig((60, 3), (9, 3))), "64 features"),
        (lambda: run([task, task, task], HLOPConfig((3, 3), ((3, 3),))), "2 later tasks"),
        (lambda: run([task, task], HLOPConfig((3, 3), (3, (3, 3)))), "one list"),
        (lambda: run([task, task], net=network(heads=1)), "one a task"),
        (lambda: ContinualTrainer(net, online_update=True), "ottt"),
        (lambda: ContinualTrainer(net, batch=0), "batch"),
        (lambda: Replay(lr=0.0), "lr"),
        (lambda: row_schedule((10,), 10), "at least 0"),
        (lambda: split_tasks(np.ones((4, 2)), np.ones(3, int), 1), "one label a row"),
        (lambda: split_tasks(np.full((4, 2), np.nan), np.arange(4), 1), "NaN"),
        (lambda: split_tasks(np.ma.masked_array(np.ones((4, 2)), False), np.arange(4), 1), "X must not be a masked"),
        (lambda: split_tasks(np.ones((4, 2)), np.ma.masked_array(np.arange(4), 1), 1), "y must not be a masked"),
        (lambda: split_tasks(np.ones((4, 2)), np.array(list("abcd")), 1), "class numbers"),
        (lambda: split_tasks(np.ones((4, 2)), np.arange(4), 1, test_share=0.0), "test_share"),
    ]:
        with pytest.raises(ValueError, match=message):
            wrong()
