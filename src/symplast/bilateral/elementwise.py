"""Functions that act number by number, differentiated by one factor for each argument."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

F = TypeVar("F", bound=Callable[..., Any])


def elementwise(function: F) -> F:
    """The function with a derivative that is a sum of factors times changes.

    The factors are computed once for all directions that are pulled back, in place of a chain of operations for each
    direction: what costs most in going back through time.

    Args:
        function: arrays of one shape -> an array of that shape, or a tuple of them.

    Example:
        >>> slope = jax.grad(elementwise(lambda x, y: x * jnp.sin(y)), argnums=(0, 1))(2.0, 0.5)
        >>> [round(float(each), 4) for each in slope]
        [0.4794, 1.7552]
    """
    wrapped = jax.custom_jvp(function)

    @wrapped.defjvp
    def derivative(arguments: Any, tangents: Any) -> tuple[Any, Any]:
        ones = [jnp.ones_like(x) for x in arguments]
        zeros = [jnp.zeros_like(x) for x in arguments]

        def along(place: int) -> Any:
            direction = (*zeros[:place], ones[place], *zeros[place + 1 :])
            return jax.jvp(function, arguments, direction)[1]

        factors = [along(place) for place in range(len(arguments))]
        changes = [
            jax.tree.map(lambda factor, change=tangent: factor * change, each)
            for each, tangent in zip(factors, tangents, strict=True)
        ]
        return function(*arguments), jax.tree.map(lambda *each: sum(each[1:], each[0]), *changes)

    return wrapped  # type: ignore[return-value]


@jax.custom_jvp
def inverse(x: Array) -> Array:
    """``1 / x``, whose derivative ``-1 / x²`` takes no further division.

    Example:
        >>> float(jax.grad(inverse)(jnp.array(2.0)))
        -0.25
    """
    return 1 / x


@inverse.defjvp
def _inverse_jvp(arguments: Any, tangents: Any) -> tuple[Array, Array]:
    r = inverse(arguments[0])
    return r, -(r * r) * tangents[0]


def kept_in(x: Array, low: Any, high: Any) -> Array:
    """``clip(x, low, high)`` with derivative 1 at the ends.

    Example:
        >>> [float(jax.grad(kept_in)(jnp.array(x), 0.0, 1.0)) for x in (1.0, 1.1)]
        [1.0, 0.0]
    """
    return jnp.where(x < low, low, jnp.where(x > high, high, x))
