"""Anderson acceleration of the settling, row by row, that falls back to plain steps.

Own code: optimistix has no Anderson acceleration, and jaxopt's mixes the rows of a batch and has no way back.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

RIDGE = 1e-6
"""Added to the normal equations, as a share of their trace: changes that are nearly parallel don't blow up."""

CALM = 2
"""Shrinking steps in a row before the first accelerated one; doubled at each refusal."""

NEAR = 0.1
"""Steps must have shrunk to this share of the longest before any is accelerated: only the end of the way is cut."""


class Course(NamedTuple):
    """A batch on its way: ``g`` is one plain step from ``x``, ``f = g - x``.

    Attributes:
        g, f: (rows, n).
        df, dg: (rows, memory, n) the last changes of f and g, the newest in place ``done % memory``.
        gram: (memory, memory, rows) ``df_i df_j``; 0 where a change no longer counts.
        pull: (memory, memory, rows) the symmetric half of ``-df_i dx_j``: positive definite where the plain steps
            contract along all the changes.
        along: (memory, rows) ``df_i f``.
        length, longest: (rows,) of f, squared, and the largest so far.
        now, before: (rows,) residuals of the last two steps.
        shrinking: (rows,) steps in a row in which f has become shorter.
        needed: (rows,) such steps before the next accelerated one.
        done: steps so far.
    """

    g: Float[Array, "rows n"]
    f: Float[Array, "rows n"]
    df: Float[Array, "rows memory n"]
    dg: Float[Array, "rows memory n"]
    gram: Float[Array, "memory memory rows"]
    pull: Float[Array, "memory memory rows"]
    along: Float[Array, "memory rows"]
    length: Float[Array, " rows"]
    longest: Float[Array, " rows"]
    now: Float[Array, " rows"]
    before: Float[Array, " rows"]
    shrinking: Int[Array, " rows"]
    needed: Int[Array, " rows"]
    done: Int[Array, ""]


def anderson(
    step: Callable[[Float[Array, "rows n"]], Float[Array, "rows n"]],
    start: Float[Array, "rows n"],
    *,
    steps: int,
    memory: int,
    residual: Callable[[Float[Array, "rows n"]], Float[Array, " rows"]],
    settled: Callable[[Float[Array, "rows n"], Float[Array, " rows"]], Bool[Array, " rows"]],
) -> tuple[Float[Array, "rows n"], Float[Array, " rows"], Int[Array, ""]]:
    """Iterate ``x <- g - sum_k c_k dg_k``, where c makes ``|f - sum_k c_k df_k|`` smallest; pure.

    Each row for itself. It takes plain steps until these have become short (``NEAR``) and shrink (``CALM``), and
    whenever the last changes show a direction that plain steps leave (a saddle, which they would pass). Where an
    accelerated step makes ``f`` longer, the row goes back and takes plain steps until they have shrunk twice as many
    times in a row as before: in the end what plain steps reach is reached.

    Args:
        step: the plain step, row by row.
        start: where to begin.
        steps: at most so many.
        memory: changes that are mixed.
        residual: of a change of the state.
        settled: whether states with such residuals are at rest.

    Returns:
        State, residual (the larger of the last two) and steps, refused ones with them.

    Source:
        Walker and Ni, Anderson acceleration for fixed-point iterations (2011); the safeguards are ours.
    """
    rows, n = start.shape
    g = step(start)
    f = g - start
    changes, products = jnp.zeros((rows, memory, n), start.dtype), jnp.zeros((memory, memory, rows), start.dtype)
    length, counts = _dot(f, f), jnp.zeros(rows, jnp.int32)
    first = Course(
        g=g,
        f=f,
        df=changes,
        dg=changes,
        gram=products,
        pull=products,
        along=products[0],
        length=length,
        longest=length,
        now=residual(f),
        before=jnp.full_like(length, jnp.inf),
        shrinking=counts,
        needed=counts + CALM,
        done=jnp.int32(1),
    )

    def at_rest(at: Course) -> Bool[Array, " rows"]:
        return settled(at.g, jnp.maximum(at.now, at.before))

    def going(at: Course) -> Bool[Array, ""]:
        return (at.done < steps) & ~jnp.all(at_rest(at))

    def more(at: Course) -> Course:
        ridge = RIDGE * jnp.trace(at.gram) * jnp.eye(memory, dtype=start.dtype)[:, :, None]
        counted = jnp.diagonal(at.gram).T > 0
        mixed, _ = _solved(at.gram + ridge, jnp.where(counted, at.along, 0))
        _, contracts = _solved(at.pull, at.along)
        jump = (mixed.T[:, None] @ at.dg)[:, 0]
        near = (at.shrinking >= at.needed) & (at.length <= NEAR**2 * at.longest)
        tried = near & contracts & ~at_rest(at)
        x = jnp.where(tried[:, None], at.g - jump, at.g)
        g = step(x)
        f = g - x
        length = _dot(f, f)
        longer = ~(length < at.length)  # true for NaN
        refused = tried & longer
        g, f = (jnp.where(refused[:, None], old, new) for old, new in ((at.g, g), (at.f, f)))
        length = jnp.where(refused, at.length, length)
        new_f, new_g, place = f - at.f, g - at.g, at.done % memory
        df, dg = (_placed(old, new[:, None], place, 1) for old, new in ((at.df, new_f), (at.dg, new_g)))
        square, across, along = (df @ jnp.stack([new_f, new_g, f], axis=2)).T  # (memory, rows) each
        crossed = (dg @ new_f[:, :, None])[..., 0].T
        pulled = square - (across + crossed) / 2  # dx = dg - df

        def kept(old: Array, new: Array) -> Array:
            old, new = jnp.where(refused, 0, old), jnp.where(refused, 0, new)
            return _placed(_placed(old, new, place, 0), new, place, 1)

        return Course(
            g=g,
            f=f,
            df=df,
            dg=dg,
            gram=kept(at.gram, square),
            pull=kept(at.pull, pulled),
            along=along,
            length=length,
            longest=jnp.maximum(at.longest, length),
            now=jnp.where(refused, at.now, residual(f)),
            before=jnp.where(refused, at.before, at.now),
            shrinking=jnp.where(longer, 0, at.shrinking + 1),
            needed=jnp.where(refused, 2 * at.needed, at.needed),
            done=at.done + 1,
        )

    end = jax.lax.while_loop(going, more, first)
    return end.g, jnp.where(end.done > 1, jnp.maximum(end.now, end.before), end.now), end.done


def _placed(whole: Array, new: Array, place: Array, axis: int) -> Array:
    return jax.lax.dynamic_update_index_in_dim(whole, new, place, axis)


def _dot(a: Float[Array, "rows n"], b: Float[Array, "rows n"]) -> Float[Array, " rows"]:
    return (a * b) @ jnp.ones(b.shape[1], b.dtype)  # a product of matrices adds up faster than a sum


def _solved(
    matrix: Float[Array, "n n rows"], right: Float[Array, "n rows"]
) -> tuple[Float[Array, "n rows"], Bool[Array, " rows"]]:
    """Solve a small symmetric system for each row, and say whether it is positive definite; rows of 0 don't count.

    Gauss-Jordan elimination: few operations, so that it compiles fast.
    """
    size = len(right)
    whole = jnp.concatenate([matrix, right[:, None]], axis=1)
    positive = jnp.ones(right.shape[1:], bool)
    for k in range(size):
        pivot = whole[k, k]
        fine = pivot > 0
        positive &= fine | (matrix[k, k] == 0)
        row = whole[k] / jnp.where(fine, pivot, 1)
        whole = (whole - whole[:, k, None] * row).at[k].set(row)
    return whole[:, -1], positive
