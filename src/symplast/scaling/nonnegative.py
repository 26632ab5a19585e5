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
    a, b, left, rss_full, determined = _both_columns(m.suu, m.svv, m.suv, m.suy, m.svy, m.syy)
    feasible = determined & (a >= 0) & (b >= 0) & (m.y_mean * left - a * m.u_mean - b * m.v_mean >= 0)
    uu, vv, uv = m.suu + m.total * m.u_mean**2, m.svv + m.total * m.v_mean**2, m.suv + m.total * m.u_mean * m.v_mean
    uy, vy = m.suy + m.total * m.u_mean * m.y_mean, m.svy + m.total * m.v_mean * m.y_mean
    yy = m.syy + m.total * m.y_mean**2
    bare_a, bare_b, _, rss_bare, bare_determined = _both_columns(uu, vv, uv, uy, vy, yy)
    return (
        jnp.where(feasible, rss_full, jnp.inf),
        _one_column(m.suu, m.suy, m.syy, m.u_mean, m.y_mean),
        _one_column(m.svv, m.svy, m.syy, m.v_mean, m.y_mean),
        jnp.where(bare_determined & (bare_a >= 0) & (bare_b >= 0), rss_bare, jnp.inf),
        jnp.where(m.y_mean >= 0, m.syy, jnp.inf),
        jnp.where(uy >= 0, yy - uy**2 / uu, jnp.inf),
        jnp.where(vy >= 0, yy - vy**2 / vv, jnp.inf),
        yy,
    ), ~determined


def unconstrained_rss(m: Moments) -> tuple[Float[Array, "..."], Bool[Array, "..."]]:
    """Residual sum of squares of ordinary least squares on all three columns; infinite where they are collinear."""
    *_, rss, determined = _both_columns(m.suu, m.svv, m.suv, m.suy, m.svy, m.syy)
    return jnp.where(determined, rss, jnp.inf), ~determined


def _both_columns(uu, vv, uv, uy, vy, yy):
    """Least squares on two columns, eliminating v first: one division a cell, no cancellation beyond 1 - c^2.

    Returns the coefficients times what is left of u (only their signs are needed), that, the RSS, and whether it is
    determined.
    """
    per_v = 1.0 / vv  # of a row or column of cells, not of each
    b_alone, ratio = vy * per_v, uv * per_v
    left = uu - uv * ratio
    determined = left > COLLINEAR * uu
    a = uy - ratio * vy
    rss = (yy - vy * b_alone) - a * a / jnp.where(determined, left, 1.0)
    return a, b_alone * left - ratio * a, left, rss, determined


def _one_column(uu, uy, syy, u_mean, y_mean):
    """Constant and one column; a column without spread is no better than the constant."""
    slope = jnp.where(uu > 0, uy / jnp.where(uu > 0, uu, 1.0), 0.0)
    return jnp.where((slope >= 0) & (y_mean - slope * u_mean >= 0), syy - slope * uy, jnp.inf)
