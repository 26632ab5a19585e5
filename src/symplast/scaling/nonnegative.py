"""Exact non-negative least squares with the three columns 1, u, v: all eight active sets, compared.

Everything is elementwise in the inner products, so the same code serves one fit and a plane of a million cells.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

COLLINEAR = 1e-12
"""Two columns count as collinear when 1 - cos^2 of their angle is below this."""

SETS = jnp.array([[1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=bool)
"""The active sets, columns E, A, B, in the order in which :func:`active_set_rss` returns them."""


class Moments(NamedTuple):
    """Weighted inner products of 1, u, v and y; s.. are centred. Any shapes that broadcast against each other."""

    total: Float[Array, "..."]
    u_mean: Float[Array, "..."]
    v_mean: Float[Array, "..."]
    y_mean: Float[Array, "..."]
    suu: Float[Array, "..."]
    svv: Float[Array, "..."]
    suv: Float[Array, "..."]
    suy: Float[Array, "..."]
    svy: Float[Array, "..."]
    syy: Float[Array, "..."]


def active_set_rss(m: Moments) -> tuple[tuple[Float[Array, "..."], ...], Bool[Array, "..."]]:
    """Residual sum of squares of each active set where its least-squares solution is non-negative, else infinity.

    The smallest of them is the exact NNLS optimum: the optimum is the least-squares solution on its own support.

    Args:
        m: inner products.

    Returns:
        Eight arrays in the order of SETS (those that depend on u or v alone keep the smaller shape), and whether u and
        v are collinear beyond the constant, where the sets with both are left out.
    """
    full, determined = _both_columns(m.suu, m.svv, m.suv, m.suy, m.svy, m.syy)
    slope_a, slope_b, rss_full = full
    intercept = m.y_mean - slope_a * m.u_mean - slope_b * m.v_mean
    feasible = determined & (slope_a >= 0) & (slope_b >= 0) & (intercept >= 0)
    uu, vv, uv = m.suu + m.total * m.u_mean**2, m.svv + m.total * m.v_mean**2, m.suv + m.total * m.u_mean * m.v_mean
    uy, vy = m.suy + m.total * m.u_mean * m.y_mean, m.svy + m.total * m.v_mean * m.y_mean
    yy = m.syy + m.total * m.y_mean**2
    bare, bare_determined = _both_columns(uu, vv, uv, uy, vy, yy)
    return (
        jnp.where(feasible, rss_full, jnp.inf),
        _one_column(m.suu, m.suy, m.syy, m.u_mean, m.y_mean),
        _one_column(m.svv, m.svy, m.syy, m.v_mean, m.y_mean),
        jnp.where(bare_determined & (bare[0] >= 0) & (bare[1] >= 0), bare[2], jnp.inf),
        jnp.where(m.y_mean >= 0, m.syy, jnp.inf),
        jnp.where(uy >= 0, yy - uy**2 / uu, jnp.inf),
        jnp.where(vy >= 0, yy - vy**2 / vv, jnp.inf),
        yy,
    ), ~determined


def unconstrained_rss(m: Moments) -> tuple[Float[Array, "..."], Bool[Array, "..."]]:
    """Residual sum of squares of ordinary least squares on all three columns; infinite where they are collinear."""
    (_, _, rss), determined = _both_columns(m.suu, m.svv, m.suv, m.suy, m.svy, m.syy)
    return jnp.where(determined, rss, jnp.inf), ~determined


def _both_columns(uu, vv, uv, uy, vy, yy):
    """Least squares on two columns, eliminating v first: one division a cell, and no cancellation beyond 1 - c^2."""
    ratio, b_alone = uv / vv, vy / vv
    u_left = uu - uv * ratio
    determined = u_left > COLLINEAR * uu
    uy_left = uy - ratio * vy
    a = uy_left / jnp.where(determined, u_left, 1.0)
    return (a, b_alone - ratio * a, yy - vy * b_alone - uy_left * a), determined


def _one_column(uu, uy, syy, u_mean, y_mean):
    """Constant and one column; a column without spread is no better than the constant."""
    slope = jnp.where(uu > 0, uy / jnp.where(uu > 0, uu, 1.0), 0.0)
    return jnp.where((slope >= 0) & (y_mean - slope * u_mean >= 0), syy - slope * uy, jnp.inf)
