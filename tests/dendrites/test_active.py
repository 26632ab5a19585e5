"""Active-dendrite layers: closed forms, winners, masks, what gradients reach, and what a batch costs."""

from functools import cache

import equinox as eqx
import jax
import jax.extend.core
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.dendrites import ActiveDendriteLayer, ActiveDendriteMLP, winners_take_all

KEY = jax.random.key(0)


def layer(**changes) -> ActiveDendriteLayer:
    settings = {"in_dim": 40, "units": 40, "segments": 3, "context_dim": 7, "kwta": 0.1, "key": KEY} | changes
    return ActiveDendriteLayer(**settings)


def normal(seed: int, *shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), shape)


def test_the_equation() -> None:
    dendritic, x, c = layer(), normal(1, 40), normal(2, 7)
    w, b, u = (np.asarray(a, np.float64) for a in (dendritic.weight, dendritic.bias, dendritic.segments))
    expected = np.zeros(40)
    y = np.zeros(40)
    for i in range(40):
        answers = [u[i, j] @ np.asarray(c, np.float64) for j in range(3)]
        strongest = max(answers, key=abs)
        y[i] = (w[i] @ np.asarray(x, np.float64) + b[i]) / (1 + np.exp(-strongest))
    for i in np.argsort(-y)[:4]:
        expected[i] = y[i]
    np.testing.assert_allclose(dendritic(x, c), expected, rtol=1e-5, atol=1e-6)


def test_the_signed_answer_of_the_strongest_segment_gates() -> None:
    """A segment that answers strongly and negatively shuts its unit, whatever the others say."""
    dendritic = eqx.tree_at(
        lambda n: n.segments, layer(units=10, segments=2, context_dim=1), jnp.array([[[-6.0], [5.0]]] * 10)
    )
    np.testing.assert_allclose(dendritic.gate(jnp.ones(1)), jax.nn.sigmoid(-6.0), rtol=1e-6)
    np.testing.assert_allclose(dendritic.gate(-jnp.ones(1)), jax.nn.sigmoid(6.0), rtol=1e-6)


@pytest.mark.parametrize("k", [1, 5, 12])
@given(values=st.lists(st.sampled_from([-2.0, -0.5, 0.0, 0.5, 1.5]), min_size=12, max_size=12))
@settings(deadline=None)  # the first example compiles
def test_winners(k: int, values: list[float]) -> None:
    """As many as asked for stay, with ties too; none that lost is larger than one that won."""
    y = jnp.array(values)
    kept, through = jax.jit(jax.vjp, static_argnums=0)(_winners_of(k), y)
    won = np.asarray(through(jnp.ones_like(y))[0]) == 1
    assert won.sum() == k
    np.testing.assert_array_equal(kept, np.where(won, values, 0))
    np.testing.assert_array_equal(through(jnp.ones_like(y))[0], won)
    assert won.all() or min(np.array(values)[won]) >= max(np.array(values)[~won])


@cache
def _winners_of(k: int):
    return lambda y: winners_take_all(y, k)


def test_gradients_reach_winners_only() -> None:
    dendritic, x, c = layer(), normal(1, 40), normal(2, 7)
    y = dendritic(x, c)
    grads = eqx.filter_grad(lambda n: jnp.sum(jnp.sin(n(x, c))))(dendritic)
    won = np.asarray(y) != 0
    assert won.sum() == 4
    answers = np.asarray(dendritic.segments @ c)
    strongest = np.abs(answers).argmax(axis=1)
    for i in range(40):
        assert np.any(np.asarray(grads.weight[i])) == won[i]
        for j in range(3):
            assert np.any(np.asarray(grads.segments[i, j])) == (won[i] and j == strongest[i])
    assert not np.any(np.asarray(grads.weight)[~np.asarray(dendritic.mask)])


def test_a_segment_learns_along_the_context() -> None:
    """dL/du_ij is a multiple of c: within a task all moments of a segment are of rank one."""
    dendritic, x, c = layer(kwta=None), normal(1, 40), normal(2, 7)
    grads = eqx.filter_grad(lambda n: jnp.sum(n(x, c) ** 2))(dendritic).segments.reshape(-1, 7)
    share = grads @ c / (c @ c)
    assert float(jnp.abs(share).max()) > 0
    np.testing.assert_allclose(grads, share[:, None] * c, rtol=1e-4, atol=1e-6)


def test_without_segments_and_winners_it_is_a_relu_layer() -> None:
    plain = layer(segments=0, kwta=None, weight_sparsity=0)
    assert plain.mask is None
    assert plain.segments is None
    x = normal(1, 40)
    np.testing.assert_allclose(plain(x), np.maximum(plain.weight @ x + plain.bias, 0), rtol=1e-6)


@pytest.mark.parametrize(("in_dim", "sparsity", "kept"), [(12, 0.5, 6), (13, 0.5, 7), (40, 0.9, 4), (7, 0.0, 7)])
def test_every_unit_keeps_the_same_number_of_synapses(in_dim: int, sparsity: float, kept: int) -> None:
    drawn = layer(in_dim=in_dim, weight_sparsity=sparsity, units=300)
    np.testing.assert_array_equal((np.asarray(drawn.weight) != 0).sum(axis=1), kept)
    if drawn.mask is not None:
        np.testing.assert_array_equal(np.asarray(drawn.mask).sum(axis=1), kept)
        each_input = np.asarray(drawn.mask).mean(axis=0)  # binomial about kept / in_dim
        spread = np.sqrt(kept / in_dim * (1 - kept / in_dim) / 300)
        assert np.abs(each_input - kept / in_dim).max() < 5 * spread


def test_initial_scales_of_the_reference() -> None:
    """Weights by the share of inputs that are active and present, segments by a tenth of the context."""
    network = ActiveDendriteMLP((200, 200, 200, 200), segments=2, key=KEY)
    half_widths = [(0.5 * 200) ** -0.5, (0.05 * 0.5 * 200) ** -0.5, (0.05 * 0.5 * 200) ** -0.5]
    for weights, half_width in zip(network.weights, half_widths, strict=True):
        there = np.asarray(weights)[np.asarray(weights) != 0]
        assert np.abs(there).max() <= half_width
        assert there.std() == pytest.approx(half_width / 3**0.5, rel=0.05)
    for hidden in network.layers[:2]:
        segments, bias = np.asarray(hidden.segments), np.asarray(hidden.bias)
        assert np.abs(segments).max() <= 20**-0.5
        assert segments.std() == pytest.approx(20**-0.5 / 3**0.5, rel=0.02)
        assert np.abs(bias).max() <= 200**-0.5
        assert bias.std() == pytest.approx(200**-0.5 / 3**0.5, rel=0.15)
    dense = ActiveDendriteMLP((200, 200, 200), weight_sparsity=0, kwta=None, key=KEY)
    for weights in dense.weights:
        assert np.asarray(weights).std() == pytest.approx(200**-0.5 / 3**0.5, rel=0.05)


@pytest.mark.parametrize(("units", "winners"), [(2048, 102), (512, 26)])
def test_number_of_winners_of_the_reference(units: int, winners: int) -> None:
    drawn = eqx.filter_eval_shape(lambda key: ActiveDendriteLayer(4, units, kwta=0.05, key=key), KEY)
    assert drawn.winners == winners


def test_masking_in_the_forward_pass_equals_masking_after_each_step() -> None:
    """The reference lets Adam change missing synapses and sets them to zero again; the others can't tell."""
    ours, x, c = layer(kwta=0.3), normal(3, 20, 40), normal(2, 7)
    reference = eqx.tree_at(lambda n: n.mask, ours, None, is_leaf=lambda leaf: leaf is None)
    adam = optax.adam(0.01)

    def loss(network):
        return jnp.mean(jax.vmap(network, in_axes=(0, None))(x, c) ** 2)

    states = [adam.init(eqx.filter(n, eqx.is_inexact_array)) for n in (ours, reference)]
    for _ in range(5):
        changes, states[0] = adam.update(eqx.filter_grad(loss)(ours), states[0])
        ours = eqx.apply_updates(ours, changes)
        changes, states[1] = adam.update(eqx.filter_grad(loss)(reference), states[1])
        reference = eqx.apply_updates(reference, changes)
        reference = eqx.tree_at(lambda n: n.weight, reference, jnp.where(ours.mask, reference.weight, 0))
    moved = np.asarray(states[1][0].mu.weight)[~np.asarray(ours.mask)]
    assert np.any(moved)  # the reference's Adam did work on them
    np.testing.assert_array_equal(np.asarray(ours.weight)[~np.asarray(ours.mask)], 0)
    for a, b in zip(jax.tree.leaves(eqx.filter(reference, eqx.is_inexact_array)), _floats(ours), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def _floats(network) -> list[jax.Array]:
    return jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array))


def test_missing_synapses_never_matter() -> None:
    sparse, x, c = layer(), normal(1, 40), normal(2, 7)
    disturbed = eqx.tree_at(lambda n: n.weight, sparse, jnp.where(sparse.mask, sparse.weight, 100.0))
    np.testing.assert_array_equal(sparse(x, c), disturbed(x, c))


def test_a_batch_that_shares_its_context_needs_the_segments_once() -> None:
    """No array of the batched program has both the batch's and the segments' dimension."""
    network = ActiveDendriteMLP((40, 40, 40, 40), segments=3, context_dim=7, key=KEY)
    rows = 17

    def batch(net, x, c):
        return jax.vmap(net, in_axes=(0, None))(x, c).sum()

    params, rest = eqx.partition(network, eqx.is_inexact_array)
    program = jax.make_jaxpr(jax.grad(lambda p, x, c: batch(eqx.combine(p, rest), x, c)))(
        params, jnp.ones((rows, 40)), jnp.ones(7)
    )
    shapes = set(_shapes(program.jaxpr))
    assert (40, 3) in shapes
    assert (rows, 40) in shapes
    assert not [shape for shape in shapes if rows in shape and 3 in shape]


def _shapes(jaxpr):
    for equation in jaxpr.eqns:
        yield from (v.aval.shape for v in equation.outvars)
        for inner in jax.extend.core.jaxprs_in_params(equation.params):
            yield from _shapes(inner)


def test_the_network_is_its_layers() -> None:
    network = ActiveDendriteMLP((40, 40, 40, 40), segments=3, context_dim=7, key=KEY)
    x, c = normal(1, 40), normal(2, 7)
    first, second, head = network.layers
    by_hand = head.drive(second(first(x, c), c))
    np.testing.assert_allclose(network(x, c), by_hand, rtol=1e-6)
    assert (head.segments, head.winners) == (None, None)
    assert head.mask is not None
    inputs, output = network.activity(x, network.gates(c))
    assert [int((a != 0).sum()) for a in inputs[1:]] == [2, 2]
    np.testing.assert_allclose(output, by_hand, rtol=1e-6)
    assert network.context_dim == 7
    assert ActiveDendriteMLP((40, 40, 40), key=KEY).context_dim == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layer(in_dim=0), "in_dim must be at least 1, got 0"),
        (lambda: layer(units=0), "units must be at least 1"),
        (lambda: layer(segments=-1), "segments must be at least 0, got -1"),
        (lambda: layer(context_dim=0), "context_dim must be at least 1 where there are segments"),
        (lambda: layer(weight_sparsity=1.0), r"weight_sparsity must be in \[0, 1\), got 1.0"),
        (lambda: layer(weight_sparsity=float("nan")), r"weight_sparsity must be in \[0, 1\), got nan"),
        (lambda: layer(in_dim=2, weight_sparsity=0.9), "leaves no synapse of in_dim=2 inputs"),
        (lambda: layer(kwta=0), r"kwta must be in \(0, 1\], or None for ReLU, got 0"),
        (lambda: layer(kwta=1.5), r"kwta must be in \(0, 1\]"),
        (lambda: layer(units=5, kwta=0.05), "leaves no winner of units=5: take at least 0.1"),
        (lambda: layer(input_density=0), r"input_density must be in \(0, 1\]"),
        (lambda: layer()(jnp.ones(40)), r"units with segments need a context: call network\(x, context\)"),
        (lambda: layer().gate(jnp.ones(3)), r"context must have context_dim=7 entries, got \(3,\)"),
        (lambda: layer(segments=0).gate(jnp.ones(7)), "without segments has no gate"),
        (lambda: ActiveDendriteMLP((5,), key=KEY), "sizes must list at least input and output"),
        (lambda: ActiveDendriteMLP((5, 20, 2), key=KEY, readout="max"), "readout must be softmax or mse"),
    ],
)
def test_wrong_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
