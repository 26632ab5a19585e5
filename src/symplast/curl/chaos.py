"""Do the weights settle, wander or go chaotic? Order parameter and largest Lyapunov exponent."""

from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

State = TypeVar("State", bound=PyTree)


@jax.jit
def order_parameter(weights_over_time: Float[Array, "time weights"]) -> Float[Array, ""]:
    """``q = mean_i Var_t[w_i] / Var_i[mean_t w_i]``: 0 for weights that stay, of order 1 for weights that wander.

    Both variances are two-pass, so that q of a converged run is the square of a rounding error and never negative.

    Args:
        weights_over_time: a row an epoch, all weights of the net side by side; in 64-bit floats.

    Returns:
        q; infinity where all weights have the same mean.

    Example:
        >>> print(order_parameter(jnp.array([[0.0, 2.0], [0.2, 2.0]])))
        0.005540...

    Source:
        Fig. 3b of arXiv:2510.02765; variance as in its generator.
    """
    return jnp.mean(jnp.var(weights_over_time, axis=0)) / jnp.var(jnp.mean(weights_over_time, axis=0))


def lyapunov(
    step: Callable[[State], State],
    state: State,
    n_steps: int = 20_000,
    burn_in: int = 1000,
    d0: float = 1e-8,
    key: Key[Array, ""] | None = None,
) -> Float[Array, ""]:
    """Largest Lyapunov exponent: mean log growth per step of the distance to a nearby copy.

    After each step the copy is brought back to distance ``d0`` along the separation. The first ``burn_in`` steps don't
    count: there the random separation turns into the fastest direction.

    Args:
        step: one update, such as :func:`learning_step` gives. It is applied to both copies.
        state: on the attractor: run the system until transients have died out first.
        n_steps: steps that count.
        burn_in: steps before them.
        d0: distance of the copies.
        key: of the first separation's direction; None takes always the same.

    Returns:
        The exponent, per step. Along a manifold of solutions it is 0; within 1e-4 we count it as zero.

    Raises:
        ValueError: a distance that the state's floating-point type does not resolve, or fewer than one step.

    Example:
        >>> with jax.enable_x64(True):
        ...     print(round(float(lyapunov(lambda x: 1.01 * x, jnp.ones(3), 100, 10)), 6))  # ln 1.01
        0.00995
    """
    flat, unravel = jax.flatten_util.ravel_pytree(eqx.filter(state, eqx.is_inexact_array))
    static = eqx.filter(state, eqx.is_inexact_array, inverse=True)
    if n_steps < 1 or burn_in < 0:
        raise ValueError(f"n_steps must be at least 1 and burn_in at least 0, got {n_steps} and {burn_in}")
    if d0 < 1e3 * float(jnp.finfo(flat.dtype).eps):
        raise ValueError(f"d0={d0} is not resolved by {flat.dtype} weights; call inside `with jax.enable_x64(True):`")

    def advance(vector: Float[Array, " n"]) -> Float[Array, " n"]:
        after = step(eqx.combine(unravel(vector), static))
        return jax.flatten_util.ravel_pytree(eqx.filter(after, eqx.is_inexact_array))[0]

    def both(pair: Float[Array, "2 n"], _: None) -> tuple[Float[Array, "2 n"], Float[Array, ""]]:
        base, copy = jax.vmap(advance)(pair)
        apart = copy - base
        distance = jnp.linalg.norm(apart)
        apart = jnp.where(distance > 0, apart * (d0 / distance), pair[1] - pair[0])
        return jnp.stack([base, base + apart]), jnp.log(distance / d0)

    if key is None:  # without a key there is no need to compile a generator
        direction = jnp.asarray(np.random.default_rng(0).standard_normal(flat.shape), flat.dtype)
    else:
        direction = jax.random.normal(key, flat.shape, flat.dtype)
    start = jnp.stack([flat, flat + d0 * direction / jnp.linalg.norm(direction)])
    _, growth = jax.lax.scan(both, start, length=burn_in + n_steps)
    return jnp.mean(growth[burn_in:])
