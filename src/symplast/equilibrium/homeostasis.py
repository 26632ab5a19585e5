"""The homeostatic loss, which makes the Jacobian symmetric at the states that are visited.

``L = (|J|_F^2 - tr J^2) / n = 2 |A|_F^2 / n``: the norm half is weight decay, the trace half pulls reciprocal weights
together. J is taken in activity coordinates with the activation left out, ``J = dH/dr - 1``.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Key, PyTree

from symplast.equilibrium.arguments import TERMS
from symplast.learning.recurrent import LayeredNet, RecurrentNet, State

DRAWS = 5
"""Random directions an example, where the loss is estimated."""


def homeostatic_loss(
    network: RecurrentNet,
    x: Float[Array, "rows ..."],
    state: State,
    *,
    key: Key[Array, ""] | None = None,
    draws: int = DRAWS,
    exact: bool = False,
    terms: Sequence[str] = TERMS,
) -> Float[Array, ""]:
    """The homeostatic loss at given states, which are held fixed; differentiate it by the network.

    Args:
        network: the network.
        x: inputs, one a row.
        state: potentials from :func:`symplast.equilibrium.settle`.
        key: random key of the estimate.
        draws: normal directions an example; each costs two forward-mode products, ``|J xi|^2`` and ``xi^T J (J xi)``.
        exact: no draws: in closed form for a layered network, ``|W - W^T|_F^2 / (2 n)``, whatever the state; with the
            whole Jacobian written out for others.
        terms: ``norm``, ``trace`` or both.

    Returns:
        The mean over rows (and draws), divided by n.

    Raises:
        ValueError: an estimate without a key or draws, or unknown terms.

    Example:
        >>> net = LayeredNet((4, 8, 8, 3), key=jax.random.key(0), angle_deg=90)
        >>> x = jnp.ones((5, 4))
        >>> exact = homeostatic_loss(net, x, net.settle(x), exact=True)
        >>> estimate = homeostatic_loss(net, x, net.settle(x), key=jax.random.key(1), draws=2000)
        >>> print(f"{estimate / exact:.1f}")
        1.0

    Source:
        Eq. 12 to 14, arXiv:2309.02214; the closed form [derived].
    """
    weights = term_weights(terms)
    if exact:
        if isinstance(network, LayeredNet):
            norm, trace = layered_terms(network)
        else:
            norm, trace = explicit_terms(network, x, state)
    else:
        if key is None:
            raise ValueError("key must be given for the estimate; or exact=True")
        if draws < 1:
            raise ValueError(f"draws must be at least 1, got {draws}")
        norm, trace = estimated_terms(network, x, state, key, draws)
    return weights[0] * norm + weights[1] * trace


def term_weights(terms: Sequence[str]) -> tuple[float, float]:
    """Weights of the two halves."""
    if isinstance(terms, str) or not terms or not set(terms) <= set(TERMS):
        raise ValueError(f"terms must name {' or '.join(TERMS)} or both, got {terms!r}")
    return float("norm" in terms), float("trace" in terms)


def layered_terms(network: LayeredNet) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """``|J|_F^2 / n`` and ``-tr(J^2) / n`` of a layered network, from its weights alone."""
    couplings, n = network.couplings(), sum(network.sizes[1:])
    zero = jnp.zeros((), network.biases[0].dtype)
    square = sum((jnp.sum(w**2) for w in couplings.values()), zero)
    own = sum((jnp.trace(w) for (a, b), w in couplings.items() if a == b), zero)
    paired = (jnp.sum(w * couplings[b, a].T) for (a, b), w in couplings.items() if (b, a) in couplings)
    return (square - 2 * own) / n + 1, -(sum(paired, zero) - 2 * own) / n - 1


def layered_symmetry(network: LayeredNet) -> Float[Array, ""]:
    """``|S| / (|S| + |A|)`` of ``W - 1``, the Jacobian with the activation left out, from the weights alone."""
    couplings, zero = network.couplings(), jnp.zeros((), network.biases[0].dtype)
    halves = [zero + sum(network.sizes[1:]), zero]  # squares of S and A; S starts as -1
    for (a, b), w in couplings.items():
        back = couplings.get((b, a))
        share = 0.25 if back is not None else 0.5  # a coupling without its reciprocal is met once
        for i, sign in enumerate((1, -1)):
            halves[i] += share * jnp.sum((w + sign * (0 if back is None else back.T)) ** 2)
        if a == b:
            halves[0] -= 2 * jnp.trace(w)
    whole, half = jnp.sqrt(halves[0]), jnp.sqrt(halves[1])
    return whole / (whole + half)


def explicit_terms(
    network: RecurrentNet, x: Float[Array, "rows ..."], state: State
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The two halves from whole Jacobians: n forward-mode products a row."""

    def one(x: Array, u: State) -> tuple[Array, Array]:
        drive, r = _frozen(network, x[None], jax.tree.map(lambda leaf: leaf[None], u))
        flat, unravel = ravel_pytree(r)
        jacobian = jax.jacfwd(lambda v: ravel_pytree(network.field(unravel(v), drive))[0] - v)(flat)
        return jnp.sum(jacobian**2) / flat.size, -jnp.sum(jacobian * jacobian.T) / flat.size

    norm, trace = jax.vmap(one)(x, state)
    return norm.mean(), trace.mean()


def estimated_terms(
    network: RecurrentNet, x: Float[Array, "rows ..."], state: State, key: Key[Array, ""], draws: int
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The two halves from random directions."""
    drive, r = _frozen(network, x, state)

    def times(v: State) -> State:
        pushed = jax.jvp(lambda a: network.field(a, drive), (r,), (v,))[1]
        return jax.tree.map(jnp.subtract, pushed, v)

    def dot(a: State, b: State) -> Array:
        return sum(jax.tree.leaves(jax.tree.map(lambda p, q: jnp.sum(p * q), a, b)), jnp.zeros(()))

    def draw(k: Key[Array, ""]) -> tuple[Array, Array]:
        leaves, structure = jax.tree.flatten(r)
        keys = jax.random.split(k, len(leaves))
        normal = [jax.random.normal(a, leaf.shape, leaf.dtype) for a, leaf in zip(keys, leaves, strict=True)]
        xi = jax.tree.unflatten(structure, normal)
        once = times(xi)
        return dot(once, once), -dot(xi, times(once))

    norm, trace = jax.lax.map(draw, jax.random.split(key, draws))
    size = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(r))  # rows times units
    return norm.mean() / size, trace.mean() / size


def _frozen(network: RecurrentNet, x: Array, state: State) -> tuple[PyTree, State]:
    """Drive and activity, held fixed: no derivative through the relaxation or the input's path."""
    return jax.lax.stop_gradient((network.drive(x), network.phi(state)))
