"""Everything about a network's linearisation at its fixed points, as explicit matrices: exact, for small networks."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Inexact

from symplast.equilibrium.arguments import Targets, check_targets
from symplast.equilibrium.costs import cost_gradient
from symplast.learning.recurrent import RecurrentNet, State


class OperatingPoint(eqx.Module):
    """Linearisation of the dynamics at given states; n = all units, leaf after leaf.

    With ``J_r = W - D^{-1}`` the Jacobian in activity coordinates, ``S`` and ``A`` are its halves. The error vectors
    are solved without ``D^{-1}``, so that saturated units (slope 0) are fine.

    Attributes:
        coupling: W = dH/dr, (rows, n, n).
        slope: the diagonal of D = phi'(u*), (rows, n).
        cost: c = dL/dr, (rows, n).

    Source:
        Eq. 10 to 14, arXiv:2309.02214; second forms [derived].
    """

    coupling: Float[Array, "rows n n"]
    slope: Float[Array, "rows n"]
    cost: Float[Array, "rows n"]

    @property
    def units(self) -> int:
        """n."""
        return self.slope.shape[1]

    @property
    def jacobian(self) -> Float[Array, "rows n n"]:
        """``J_r = W - D^{-1}``."""
        return self.coupling - jax.vmap(jnp.diag)(1 / self.slope)

    @property
    def response(self) -> Float[Array, "rows n"]:
        """EP's error vector ``eps = -J_r^{-1} c = D (1 - W D)^{-1} c``: how the nudge moves the activity."""
        return self.slope * _solve(jnp.eye(self.units) - self.coupling * self.slope[:, None, :], self.cost)

    @property
    def adjoint(self) -> Float[Array, "rows n"]:
        """Backprop's vector ``delta = -J_r^{-T} c = (1 - D W^T)^{-1} D c``: the exact gradient by the field."""
        return _solve(jnp.eye(self.units) - self.slope[:, :, None] * self.coupling.mT, self.slope * self.cost)

    @property
    def symmetric(self) -> Float[Array, "rows n n"]:
        """``S = (J_r + J_r^T) / 2``."""
        return (self.jacobian + self.jacobian.mT) / 2

    @property
    def antisymmetric(self) -> Float[Array, "rows n n"]:
        """``A = (W - W^T) / 2``."""
        return (self.coupling - self.coupling.mT) / 2

    @property
    def asymmetry(self) -> Float[Array, " rows"]:
        """``2 |A|_F^2 = |J|_F^2 - tr J^2``: the homeostatic loss before it is divided by n."""
        return 2 * jnp.sum(self.antisymmetric**2, axis=(1, 2))

    def symmetry(self, bypassed: bool = False) -> Float[Array, " rows"]:
        """``s = |S|_F / (|S|_F + |A|_F)`` in [0, 1].

        Args:
            bypassed: take ``W - 1`` for the Jacobian, with the activation left out, as the reference code reports it,
                instead of ``W - D^{-1}``.
        """
        s = (self.coupling + self.coupling.mT) / 2 - jnp.eye(self.units) if bypassed else self.symmetric
        whole, half = jnp.linalg.norm(s, axis=(1, 2)), jnp.linalg.norm(self.antisymmetric, axis=(1, 2))
        return whole / (whole + half)

    @property
    def asymmetry_ratio(self) -> Float[Array, " rows"]:
        """Spectral norm of ``S^{-1} A``; the first-order formula needs it below 1."""
        return jnp.linalg.norm(_solve(self.symmetric, self.antisymmetric), ord=2, axis=(1, 2))

    @property
    def first_order_response(self) -> Float[Array, "rows n"]:
        """``delta - 2 S^{-1} A delta``: eps to first order in the asymmetry."""
        delta = self.adjoint
        return delta - 2 * _solve(self.symmetric, _times(self.antisymmetric, delta))

    @property
    def second_order_cosine(self) -> Float[Array, " rows"]:
        """Cosine(eps, delta) ``= 1 - 2 |P S^{-1} A delta_0|^2 / |delta_0|^2``, ``delta_0 = -S^{-1} c``, P across it."""
        start = -_solve(self.symmetric, self.cost)
        turned = _solve(self.symmetric, _times(self.antisymmetric, start))
        size = jnp.sum(start**2, axis=1)
        across = turned - start * (jnp.sum(turned * start, axis=1) / size)[:, None]
        return 1 - 2 * jnp.sum(across**2, axis=1) / size

    @property
    def spectral_radius(self) -> Float[Array, " rows"]:
        """Largest modulus of an eigenvalue of ``W D``; synchronous steps and recurrent backprop converge below 1."""
        return jnp.max(jnp.abs(jnp.linalg.eigvals(self.coupling * self.slope[:, None, :])), axis=1)


def operating_point(network: RecurrentNet, x: Float[Array, "rows ..."], y: Targets, state: State) -> OperatingPoint:
    """Linearise a network at states, row by row.

    Args:
        network: the network; its whole coupling matrix is written out for each row.
        x: inputs.
        y: class indices, one-hot rows or values.
        state: potentials at the fixed points, from :func:`settle`.

    Raises:
        ValueError: targets that don't fit the network.

    Example:
        >>> from symplast.learning.recurrent import LayeredNet
        >>> net = LayeredNet((4, 8, 3), key=jax.random.key(0))
        >>> x, y = jnp.ones((1, 4)), jnp.array([2])
        >>> point = operating_point(net, x, y, net.settle(x))
        >>> bool(jnp.allclose(point.response, point.adjoint, atol=1e-6))  # symmetric weights
        True
    """
    return linearised(network, x, check_targets(network, x, y), state)


@eqx.filter_jit
def linearised(network: RecurrentNet, x: Array, targets: Array, state: State) -> OperatingPoint:
    """As :func:`operating_point`, for checked targets; pure."""

    def one(x: Array, target: Array, u: State) -> tuple[Array, Array, Array]:
        row = jax.tree.map(lambda leaf: leaf[None], u)
        drive, r = network.drive(x[None]), network.phi(row)
        flat, unravel = ravel_pytree(r)
        coupling = jax.jacfwd(lambda v: ravel_pytree(network.field(unravel(v), drive))[0])(flat)
        slope = jax.jvp(network.phi, (row,), (jax.tree.map(jnp.ones_like, row),))[1]
        cost = cost_gradient(network, r, target[None])
        return coupling, ravel_pytree(slope)[0], ravel_pytree(cost)[0]

    return OperatingPoint(*jax.vmap(one)(x, targets, state))


def flattened(state: State) -> Inexact[Array, "rows n"]:
    """All units of each row, leaf after leaf."""
    return jnp.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(state)], axis=1)


def unflattened(flat: Float[Array, "rows n"], like: State) -> State:
    """The inverse of :func:`flattened`."""
    leaves, structure = jax.tree.flatten(like)
    ends, start = [], 0
    for leaf in leaves:
        size = leaf[0].size
        ends.append(flat[:, start : start + size].reshape(leaf.shape))
        start += size
    return jax.tree.unflatten(structure, ends)


def _solve(matrices: Float[Array, "rows n n"], right: Float[Array, "rows n ..."]) -> Float[Array, "rows n ..."]:
    """Row by row: two batched solves in one program can wait for each other for ever on a CPU with two threads."""
    return jax.lax.map(lambda system: jnp.linalg.solve(*system), (matrices, right))


def _times(matrices: Float[Array, "rows n n"], vectors: Float[Array, "rows n"]) -> Float[Array, "rows n"]:
    return jnp.einsum("rij,rj->ri", matrices, vectors)
