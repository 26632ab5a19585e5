"""How similar an image is to its mirror image, and the mirror that makes it most similar (eq. 3).

Positions are relative to the head's centre, in mm. A mirror has D parameters in D dimensions: angles of its normal and
the offset t, ``n . x = t``. Shapes depend on the level only, so that each level is compiled once for all scans.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

STEPS = 12
DAMPING = 1e-3
STILL_RAD, STILL_MM = 1e-6, 1e-5
"""A step below these ends the refinement."""


def normal_of(theta: Float[Array, " D"]) -> tuple[list[Any], list[list[Any]]]:
    """The normal for angles (and t, ignored), and its derivatives by the angles.

    ``n = (cos el cos az, cos el sin az, sin el)`` for (az, el, t), ``(cos az, sin az)`` for (az, t).
    """
    ca, sa = jnp.cos(theta[0]), jnp.sin(theta[0])
    if theta.shape[0] == 2:
        return [ca, sa], [[-sa, ca]]
    ce, se = jnp.cos(theta[1]), jnp.sin(theta[1])
    return [ce * ca, ce * sa, se], [[-ce * sa, ce * ca, 0 * se], [-se * ca, -se * sa, ce]]


def dot(a: Any, b: Any) -> Any:
    """Sum of products over the axes of space."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def value_and_slope(cube: Float[Array, "..."], q: Any, h: Any) -> tuple[Any, list[Any]]:
    """Linear interpolation of a cube at positions round its middle, 0 outside, and its gradient (per mm).

    Args:
        cube: n samples along each of D axes, n odd; its middle sample is position 0.
        q: D arrays of (K,) positions, mm.
        h: pitch, mm.
    """
    D, n = cube.ndim, cube.shape[0]
    at = [each / h + (n - 1) / 2 for each in q]
    keep: Any = 1.0
    start: Any = 0
    f: list[Any] = []
    for each in at:
        low = jnp.clip(jnp.floor(each), 0, n - 2)
        f.append(each - low)
        keep = keep * ((each >= 0) & (each <= n - 1))
        start = start * n + low.astype(jnp.int32)
    flat = cube.ravel()
    value: Any = 0.0
    slope: list[Any] = [0.0] * D
    for corner in range(2**D):
        bits = [(corner >> (D - 1 - axis)) & 1 for axis in range(D)]
        step = 0
        for bit in bits:
            step = step * n + bit
        v = flat[start + step]
        w = [f[axis] if bit else 1 - f[axis] for axis, bit in enumerate(bits)]
        whole = v
        for each in w:
            whole = whole * each
        value = value + whole
        for axis in range(D):
            part = v if bits[axis] else -v
            for other in range(D):
                if other != axis:
                    part = part * w[other]
            slope[axis] = slope[axis] + part
    return value * keep, [each * (keep / h) for each in slope]


def unit(values: Float[Array, " K"], w: Float[Array, " K"]) -> tuple[Any, Any]:
    """Centred and scaled to unit length under weights, times their roots; and the length."""
    centred = (values - (w @ values) / w.sum()) * jnp.sqrt(w)
    length = jnp.sqrt(jnp.maximum(centred @ centred, 1e-20))
    return centred / length, length


def mirrored(theta: Any, p: Any) -> tuple[list[Any], list[Any], list[list[Any]], Any]:
    """Mirror images of positions, the normal with its derivatives, and the distances from the mirror."""
    n, dn = normal_of(theta)
    s = dot(n, p) - theta[-1]
    return [each - 2 * s * own for each, own in zip(p, n, strict=True)], n, dn, s


def residual(theta: Any, cube: Any, h: Any, p: Any, a: Any, w: Any) -> tuple[Any, Any]:
    """``u - a`` with u the unit vector of the mirrored values, and its derivatives (D, K)."""
    q, n, dn, s = mirrored(theta, p)
    value, slope = value_and_slope(cube, q, h)
    u, length = unit(value, w)
    across = dot(n, slope)
    tangents = [-2 * (dot(each, p) * across + s * dot(each, slope)) for each in dn]
    tangent = jnp.stack([*tangents, 2 * across])
    centred = (tangent - (tangent @ w)[:, None] / w.sum()) * jnp.sqrt(w)
    return u - a, (centred - (centred @ u)[:, None] * u) / length


@jax.jit
def similarities(starts: Any, cube: Any, h: Any, p: Any, values: Any, w: Any) -> Float[Array, " S"]:
    """NCC of the image and its mirror image at the sample points, for each of S mirrors."""
    a, _ = unit(values, w)
    return jax.lax.map(lambda theta: unit(value_and_slope(cube, mirrored(theta, p)[0], h)[0], w)[0] @ a, starts)


@jax.jit
def refined(start: Any, cube: Any, h: Any, p: Any, values: Any, w: Any, steps: Any) -> tuple[Any, Any, Any, Any]:
    """Refine a mirror by damped Gauss-Newton on ``|a - u|^2 = 2 - 2 NCC``.

    Args:
        start: (D,) parameters, radians and mm.
        cube: the image.
        h: its pitch, mm.
        p: (D, K) sample points, mm.
        values: (K,) the image there.
        w: (K,) their weights.
        steps: how many to try at most; 0 only looks.

    Returns:
        Parameters (D,), NCC, the curvature of NCC in each parameter (D,), and the residuals (K,).
    """
    a, _ = unit(values, w)
    D, big = start.shape[0], jnp.asarray(jnp.inf, start.dtype)

    small = jnp.asarray([STILL_RAD] * (D - 1) + [STILL_MM], start.dtype)

    def going_on(state: Any) -> Any:
        return (state[0] <= steps) & ((state[0] == 0) | (jnp.abs(state[2] - state[1]) > small).any())

    def step(state: Any) -> Any:
        count, best, trial, damping, cost, H, g, r = state
        r2, J2 = residual(trial, cube, h, p, a, w)
        better = r2 @ r2 < cost
        best, cost, r = jnp.where(better, trial, best), jnp.where(better, r2 @ r2, cost), jnp.where(better, r2, r)
        H, g = jnp.where(better, J2 @ J2.T, H), jnp.where(better, J2 @ r2, g)
        damping = jnp.clip(jnp.where(better, 0.3, 10.0) * damping, 1e-7, 1e7)
        trial = best - solved(H + damping * jnp.diag(jnp.diag(H)) + 1e-12 * jnp.eye(D), g)
        return count + 1, best, trial, damping, cost, H, g, r

    first = jnp.asarray(DAMPING / 0.3, start.dtype)  # the look at the start counts as a success
    none = jnp.zeros_like(start)
    state = (0, start, start, first, big, jnp.eye(D, dtype=start.dtype), none, jnp.zeros_like(w))
    _, theta, _, _, cost, H, _, r = jax.lax.while_loop(going_on, step, state)
    return theta, 1 - cost / 2, jnp.diag(H), r


def solved(H: Float[Array, "D D"], g: Float[Array, " D"]) -> Float[Array, " D"]:
    """The solution of a system of two or three equations by Cramer's rule: less to compile than a factorisation."""
    if len(g) == 2:
        return jnp.stack([H[1, 1] * g[0] - H[0, 1] * g[1], H[0, 0] * g[1] - H[1, 0] * g[0]]) / (
            H[0, 0] * H[1, 1] - H[0, 1] * H[1, 0]
        )
    rows = [jnp.cross(H[1], H[2]), jnp.cross(H[2], H[0]), jnp.cross(H[0], H[1])]
    return sum(g[i] * row for i, row in enumerate(rows)) / (H[0] @ rows[0])
