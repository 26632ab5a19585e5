"""Boolean models: reading, stepping, attractors in every way of searching for them."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast import datasets
from symplast.molecular import BooleanNetwork, compare_holding, find_attractors, hopfield_step, landscape, state_entropy
from symplast.molecular.cohorts import DATA, boolean_model

MODEL = """targets, factors
# a comment
a, (b | !c) & a   # another
b, a&c|!a & b
c, 1
D.2, !(a & !b)
"""


def test_rules_mean_what_they_say():
    net = BooleanNetwork.from_text(MODEL)
    assert net.nodes == ("a", "b", "c", "D.2")
    states = (np.arange(16)[:, None] >> np.arange(4)) & 1 == 1
    a, b, c, _ = states.T
    expected = np.stack([(b | ~c) & a, a & c | ~a & b, np.ones(16, bool), ~(a & ~b)], axis=1)
    np.testing.assert_array_equal(net.step(states), expected)
    assert ("c", "a") in net.regulators()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a, b", "line 1, rule of 'a': regulator 'b' has no rule of its own"),
        ("A, a\nb, b", "regulator 'a' has no rule"),
        ("a, a\na, !a", "line 2 gives 'a' a second rule"),
        ("a, a &", "ends where a name should come"),
        ("a, (a", "a parenthesis is not closed"),
        ("a, a a", "comes where &"),
        ("a, ", "it is empty"),
        ("a, a + a", "can't be read"),
        ("a", "must read 'target, rule'"),
        ("", "there is no rule"),
        ("a, " + "(" * 500 + "a" + ")" * 500, "nested more than 50"),
    ],
)
def test_wrong_models_name_the_line(text, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace("+", r"\+")):
        BooleanNetwork.from_text(text)


def test_wrong_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        BooleanNetwork.from_bnet(tmp_path / "no.bnet")
    (tmp_path / "x.bnet").write_bytes(b"\xff\x00\x01")
    with pytest.raises(ValueError, match="no text"):
        BooleanNetwork.from_bnet(tmp_path / "x.bnet")


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_searches_agree_with_following_every_state(n, seed):
    """A random map: all states, sampled states, and plain following find the same cycles and basins."""
    after = np.random.default_rng(seed).integers(0, 2**n, 2**n)

    def step(states):
        return (after[states @ (1 << np.arange(n))][:, None] >> np.arange(n)) & 1 == 1

    basins = {}
    for state in range(2**n):
        for _ in range(2**n):
            state = after[state]
        cycle = [state]
        while after[cycle[-1]] != state:
            cycle.append(after[cycle[-1]])
        basins[frozenset(cycle)] = basins.get(frozenset(cycle), 0) + 1
    found = landscape(step, n)
    codes = {frozenset((a.states @ (1 << np.arange(n))).tolist()): round(a.basin * 2**n) for a in found.attractors}
    assert codes == basins
    assert sum(a.basin for a in found.attractors) == pytest.approx(1)
    sampled = landscape(step, n, max_states=1, samples=300)
    assert not sampled.exhaustive
    assert {frozenset((a.states @ (1 << np.arange(n))).tolist()) for a in sampled.attractors} <= set(basins)


needs_data = pytest.mark.skipif(not datasets.available(DATA), reason=f"needs the data set {DATA} (SYMPLAST_DATA)")


@needs_data
@pytest.mark.parametrize(
    ("name", "lengths", "basins", "entropy"),
    [
        ("cell cycle", [1, 7], [512, 512], np.log(2)),
        ("WNT5A", [1, 1, 1, 1], [60, 48, 16, 4], 1.0912105822225793),
        ("apoptosis", [1, 7, 5, 1], [2040, 1464, 584, 8], 1.0048056617793297),
    ],
)
def test_published_models(name, lengths, basins, entropy):
    found = find_attractors(boolean_model(name))
    assert [len(a.states) for a in found.attractors] == lengths
    assert [round(a.basin * found.starts) for a in found.attractors] == basins
    assert found.basin_entropy == pytest.approx(entropy, abs=1e-13)


@needs_data
def test_large_models_are_sampled_and_held():
    model = boolean_model("cell fate")
    found = find_attractors(model, samples=500, key=jax.random.key(1))
    again = find_attractors(model, samples=500, key=jax.random.key(1))
    assert not found.exhaustive
    assert [a.basin for a in found.attractors] == [a.basin for a in again.attractors]
    held = compare_holding(model, samples=100, draws=2)
    assert 0 <= held.neighbours <= 1


def test_asynchronous_attractors_are_terminal():
    toggle = BooleanNetwork.from_text("a, !b\nb, !a")
    assert [len(a.states) for a in find_attractors(toggle, "async").attractors] == [1, 1]
    ring = find_attractors(BooleanNetwork.from_text("a, !b\nb, a"), "async")
    assert [(len(a.states), a.basin) for a in ring.attractors] == [(4, 1.0)]
    with pytest.raises(ValueError, match="at most 18 nodes"):
        find_attractors(BooleanNetwork.from_text("\n".join(f"x{i}, x{i}" for i in range(19))), "async")
    with pytest.raises(ValueError, match="update must be sync or async"):
        find_attractors(toggle, "both")


def test_holding_nodes():
    toggle = BooleanNetwork.from_text("a, !b\nb, !a")
    assert len(find_attractors(toggle.hold({"a": 0})).attractors) == 1
    with pytest.raises(ValueError, match="'c' is none"):
        toggle.hold({"c": 1})
    with pytest.raises(ValueError, match="0 or 1"):
        toggle.hold({"a": 2})


def test_hopfield_networks_recall_their_pattern():
    xi = np.where(np.arange(12) % 3 == 0, 1, -1)
    found = landscape(hopfield_step(np.outer(xi, xi)), 12)
    states = {tuple(2 * a.states[0].astype(int) - 1) for a in found.attractors if len(a.states) == 1}
    assert tuple(xi) in states
    assert state_entropy(np.ones(5)) < 1e-5
    assert state_entropy(np.float32(np.tanh(50.0)) * np.ones(3, np.float32)) < 1e-5
