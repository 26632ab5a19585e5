"""Parts by name: what is read, what is built, what is refused and with which words."""

import importlib
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
import pytest

from symplast.learning import Backprop, Task
from symplast.learning.parts import PARTS, NamedNetwork, chain, named

KEY = jax.random.key(0)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, found in PARTS.items() for name in found])
def test_every_part_can_be_imported_and_says_what_it_is(kind, name: str) -> None:
    part = named(kind, name).part
    assert callable(part.load())
    assert part.says


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("ep", {}),
        ("ep:beta=0.5,n_points=2", {"beta": 0.5, "n_points": 2}),
        ("ep:asym_ep=True,homeostasis_draws=None", {"asym_ep": True, "homeostasis_draws": None}),
        ("ep:method=nudge", {"method": "nudge"}),
    ],
)
def test_settings_are_read(text: str, settings) -> None:
    assert named("rule", text).settings == settings


def test_brackets_hold_a_setting_together() -> None:
    assert named("task", "mnist:a=[1,2],b=3").settings == {"name": "mnist", "a": [1, 2], "b": 3}


def test_a_rule_of_ones_own() -> None:
    assert isinstance(named("rule", "symplast.learning.Backprop").build(), Backprop)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("rule", "magic", "rule must be one of backprop, autodiff"),
        ("rule", "no.such.Thing", "can't be imported"),
        ("rule", "ep:beta", "must read name=value"),
        ("rule", "ep:gamma=1", "no setting gamma; it takes"),
        ("rule", "ep:homeostasis=-1", "ep:homeostasis=-1: homeostasis must be at least 0"),
        ("transform", "curl:fraction=2", r"fraction must be in \[0, 1\]"),
        ("transform", "device", "either a device or levels"),
        ("task", "digits:train=1000000", "train must be in"),
    ],
)
def test_wrong_words(kind, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        named(kind, text).build()


def test_a_chain_has_the_order_of_the_protocol() -> None:
    """Signs before the optimiser, normalisation and devices after it, however they are written."""
    params = {"w": jnp.ones((4, 4))}
    written = chain("device:levels=64+norm+curl:fraction=0.5,which=first", "sgd:learning_rate=0.25")[0]
    states = written.init(params)
    assert [type(state).__name__ for state in states] == ["SignState", "tuple", "NormState", "WrittenState"]
    plain = chain("curl:fraction=0.5,which=first", "sgd:learning_rate=0.25")[0]
    change, _ = plain.update({"w": jnp.ones((4, 4))}, plain.init(params), params)
    assert optax.apply_updates(params, change)["w"][0].tolist() == [1.25, 1.25, 0.75, 0.75]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("device:levels=8+device:levels=16", "only one transform can write"),
        ("norm+norm", "only one transform can normalise"),
        ("sgd", "transform must be one of"),
    ],
)
def test_chains_that_make_no_sense(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chain(text, "sgd")


@pytest.mark.parametrize("name", ["permuted-digits:tasks=3", "split-digits", "modular-addition", "teacher-student"])
def test_tasks_by_name(name: str) -> None:
    made = named("task", name).build()
    tasks = made if isinstance(made, list) else [made]
    assert all(isinstance(task, Task) for task in tasks)
    assert len({task.inputs.shape for task in tasks}) == 1


def test_split_tasks_hold_their_classes() -> None:
    tasks = named("task", "split-digits:renumber=False").build()
    assert [sorted(set(task.targets.tolist())) for task in tasks] == [[2 * i, 2 * i + 1] for i in range(5)]
    renumbered = named("task", "split-digits").build()
    assert all(set(task.targets.tolist()) == {0, 1} == set(task.test_targets.tolist()) for task in renumbered)


def test_a_network_whose_module_is_loaded_again_is_the_new_one(tmp_path, monkeypatch) -> None:
    file = tmp_path / "own_network_reloaded.py"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    draw = eqx.filter_jit(lambda make, key: make(key))

    def drawn(value: float) -> float:
        file.write_text(f"def network(sizes, readout, key):\n    return {value}\n")
        part = named("network", "own_network_reloaded.network")
        importlib.reload(sys.modules["own_network_reloaded"])
        return float(draw(NamedNetwork.of(part, (2, 2), "softmax"), jax.random.key(0)))

    assert [drawn(1.0), drawn(2.0)] == [1.0, 2.0]
    monkeypatch.delitem(sys.modules, "own_network_reloaded")
