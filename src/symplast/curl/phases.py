"""Phase diagrams: which share of flipped neurons learns at which compression, by theory, eigenvalues and learning."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key

from symplast.curl.random_matrix import LAYERS, Layer, critical_fraction
from symplast.curl.signs import SignMask
from symplast.curl.simulation import simulate, simulate_linear
from symplast.curl.two_layer import Activation, CurlRule, TwoLayer, draw_inputs, draw_net, perturbed_teacher

Start = Literal["random", "teacher"]


def phase_diagram(
    c: Sequence[float],
    alpha: Sequence[float],
    layer: Layer = "hidden",
    *,
    units: int = 220,
    start: Start = "random",
    activation: Activation = "linear",
    seeds: int = 10,
    epochs: int = 20_000,
    eta: float = 0.1,
    rows: int = 250,
    key: Key[Array, ""] | None = None,
) -> xr.Dataset:
    """Learn at every compression c and share alpha of flipped neurons, all shares and seeds of a c in one program.

    Sizes are those of the paper: ``inputs = int(units / (1 + 1/c))``, ``hidden = int(units / (1 + c))``, one output.
    Linear nets learn from the expectation over inputs, others from ``rows`` examples.

    Args:
        c: inputs over hidden units, positive.
        alpha: shares of flipped neurons in [0, 1].
        layer: flips act on the ``hidden`` weights (flipped inputs) or the ``readout`` (flipped hidden units).
        units: inputs and hidden units together, at least 2 at each c.
        start: students drawn at ``random`` as the teachers are, or beside the ``teacher`` (:func:`perturbed_teacher`).
        activation: of teachers and students.
        seeds: teachers and students.
        epochs: full-batch updates.
        eta: step.
        rows: examples, for nets that are not linear.
        key: random key.

    Returns:
        Dataset with ``error`` (c, alpha, seed), the final training loss, NaN where a run diverged; ``growth`` of the
        same shape, the largest eigenvalue of K at the teacher (linear nets); ``boundary`` (c), the large net's critical
        share; ``inputs`` and ``hidden`` (c).

    Raises:
        ValueError: c or alpha out of range, an unknown layer or start, or too few units for a c.

    Example:
        >>> found = phase_diagram([0.5], [0.0, 0.6], units=60, start="teacher", seeds=2, epochs=5000)
        >>> (found.growth > 0).values.tolist(), (found.error > 1e-4).values.tolist()
        ([[[False, False], [True, True]]], [[[False, False], [True, True]]])
    """
    if layer not in LAYERS:
        raise ValueError(f"layer must be hidden or readout, got {layer!r}")
    if start not in ("random", "teacher"):
        raise ValueError(f"start must be random or teacher, got {start!r}")
    if any(not 0 <= share <= 1 for share in alpha):
        raise ValueError(f"alpha must be shares in [0, 1], got {list(alpha)}")
    boundary = [critical_fraction(float(ratio), layer) for ratio in c]
    sizes = [(int(units / (1 + 1 / ratio)), int(units / (1 + ratio)), 1) for ratio in c]
    if any(min(size) < 1 for size in sizes):
        raise ValueError(f"units={units} leave a layer empty at c = {c[[min(s) < 1 for s in sizes].index(True)]:g}")
    key = jax.random.key(0) if key is None else key
    double = activation == "linear"
    with jax.enable_x64(double):
        learn = partial(_learn, start=start, activation=activation, epochs=epochs, eta=eta, rows=rows)
        cells = [
            learn(jax.random.fold_in(key, index), size, _patterns(size, alpha, layer), seeds)
            for index, size in enumerate(sizes)
        ]
        error = np.stack([np.asarray(cell[0]) for cell in cells])
    found = xr.Dataset(
        {
            "error": (("c", "alpha", "seed"), np.where(np.isfinite(error), error, np.nan)),
            "boundary": (("c",), boundary),
            "inputs": (("c",), [size[0] for size in sizes]),
            "hidden": (("c",), [size[1] for size in sizes]),
        },
        coords={"c": list(map(float, c)), "alpha": list(map(float, alpha))},
    )
    if double:
        found["growth"] = (("c", "alpha", "seed"), np.stack([np.asarray(cell[1]) for cell in cells]))
    return found


def _patterns(sizes: tuple[int, int, int], alpha: Sequence[float], layer: Layer) -> SignMask:
    """Sign masks of all shares, stacked."""
    flips = [(share, None) if layer == "hidden" else (None, share) for share in map(float, alpha)]
    masks = [SignMask.presynaptic(sizes, flip) for flip in flips]
    return jax.tree.map(lambda *vectors: jnp.stack(vectors), *masks)


def _learn(
    key: Key[Array, ""],
    sizes: tuple[int, int, int],
    masks: SignMask,
    seeds: int,
    *,
    start: Start,
    activation: Activation,
    epochs: int,
    eta: float,
    rows: int,
) -> tuple[Float[Array, "alpha seed"], Float[Array, "alpha seed"] | None]:
    """Final loss and largest eigenvalue of every share and seed."""

    def pair(k: Key[Array, ""]) -> tuple[TwoLayer, TwoLayer]:
        if start == "teacher":
            small = 1e-10 if activation == "linear" else 1e-5
            return perturbed_teacher(k, sizes, size=small, activation=activation)
        first, second = jax.random.split(k)
        return draw_net(first, sizes, activation=activation), draw_net(second, sizes, activation=activation)

    def one(mask: SignMask, k: Key[Array, ""]) -> Float[Array, ""]:
        (teacher, student), rule = pair(k), CurlRule(mask)
        if activation == "linear":
            return simulate_linear(student, teacher, 0.5, rule, eta=eta, epochs=epochs, record=[0]).final_loss
        X = draw_inputs(jax.random.fold_in(k, 2), rows, sizes[0])
        return simulate(student, teacher, X, rule=rule, eta=eta, epochs=epochs, record=[0]).final_loss

    def largest(mask: SignMask, k: Key[Array, ""]) -> Float[Array, ""]:
        teacher, _ = pair(k)
        first, second = mask.signs
        inner = jnp.sum(teacher.W2**2) * jnp.diag(first) + teacher.W1.T @ (second[:, None] * teacher.W1)
        return -jnp.linalg.eigvalsh(inner)[0]

    keys = jax.random.split(key, seeds)
    each = jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))(masks, keys)
    if activation != "linear":
        return each, None
    return each, jax.jit(jax.vmap(jax.vmap(largest, (None, 0)), (0, None)))(masks, keys)
