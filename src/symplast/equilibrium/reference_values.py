"""What the exact experiments compute on the network whose numbers can be typed in again."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from symplast.equilibrium.bias import holomorphic_radius
from symplast.equilibrium.costs import losses
from symplast.equilibrium.linear_response import adjoint
from symplast.equilibrium.nudges import cauchy_estimate
from symplast.equilibrium.operating_point import flattened, linearised
from symplast.equilibrium.reference_net import reference_input, reference_net
from symplast.equilibrium.settling import Settled, relax
from symplast.learning.compiling import lightly
from symplast.learning.recurrent import LayeredNet, Relaxation

POINTS = [1, 2, 3, 4, 6, 8]
"""Points of the estimates on a circle of nudges."""

EXACT = Relaxation(600)


def reference_state(angle: jax.Array) -> tuple[LayeredNet, jax.Array, jax.Array, Settled]:
    net, x, y = reference_net(angle), reference_input(), jax.nn.one_hot(jnp.array([1]), 2)
    drive = net.drive(x)
    return net, x, y, relax(lambda u: net.step(u, drive), net.rest(x), EXACT)


@lightly
def reference_vectors(angle: jax.Array) -> tuple[jax.Array, ...]:
    """eps, delta, J^-1 J^T delta and the second-order cosine."""
    net, x, y, free = reference_state(angle)
    point = linearised(net, x, y, free.u)
    delta = point.adjoint
    turned = jnp.linalg.solve(point.jacobian[0], point.jacobian[0].T @ delta[0])
    return point.response[0], delta[0], turned, point.second_order_cosine[0]


def reference_radius(angle: jax.Array) -> float:
    """The radius of holomorphy."""
    net, x, y, free = lightly(reference_state)(angle)
    return float(holomorphic_radius(net, x, y, free, EXACT)[0])


@lightly
def reference_estimates(angle: jax.Array, betas: jax.Array) -> jax.Array:
    """(points, betas, units)"""
    net, x, y, free = reference_state(angle)
    drive = net.drive(x)

    def estimate(beta: jax.Array, n_points: int) -> jax.Array:
        return flattened(cauchy_estimate(net, free.u, drive, y, beta, n_points, EXACT)[0])[0]

    return jnp.stack([jax.vmap(partial(estimate, n_points=n))(betas) for n in POINTS])


@lightly
def finite_difference(angle: jax.Array) -> jax.Array:
    """Largest difference between delta and central differences of the loss by a force on each unit (step 1e-6)."""
    net, x, y, free = reference_state(angle)
    drive, h = net.drive(x), 1e-6
    flat, unravel = ravel_pytree(jax.tree.map(lambda b, u: jnp.broadcast_to(b, u.shape), drive, free.u))

    def loss(pushed: jax.Array) -> jax.Array:
        u = jax.lax.fori_loop(0, EXACT.steps, lambda _, v: net.step(v, unravel(pushed)), net.rest(x))
        return losses(net, net.output(net.phi(u)), y)[0]

    delta = flattened(adjoint(net, free.u, drive, y, EXACT)[0])[0]
    rows = jnp.eye(flat.size)
    ahead, behind = jax.lax.map(loss, jnp.concatenate([flat + h * rows, flat - h * rows])).reshape(2, -1)
    return jnp.abs((ahead - behind) / (2 * h) - delta).max()
