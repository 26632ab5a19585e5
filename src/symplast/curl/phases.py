"""Phase diagrams: which share of flipped neurons learns at which compression, by theory, eigenvalues and learning."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from symplast.curl.draws import STUDENT, near, stacked_inputs, stacked_nets, stacked_teachers
from symplast.curl.random_matrix import LAYERS, Layer, critical_fraction
from symplast.curl.signs import SignMask
from symplast.curl.simulation import simulate, simulate_linear
from symplast.curl.solution import solution_operator, stability
from symplast.curl.two_layer import Activation, CurlRule, TwoLayer
from symplast.on_use import xarray as xr

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
        start: students drawn at ``random`` as the teachers are, or next to the ``teacher`` (:func:`perturbed_teacher`).
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
        error, growth = [], []
        for index, size in enumerate(sizes):
            masks, for_c = _patterns(size, alpha, layer), jax.random.fold_in(key, index)
            teachers, students = _pairs(for_c, seeds, size, start, activation)
            X = None if double else stacked_inputs(for_c, seeds, rows, size[0])
            error.append(np.asarray(_final_errors(int(epochs), masks, teachers, students, X, jnp.asarray(eta))))
            if double:
                growth.append(_growths(masks, teachers))
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
        found["growth"] = (("c", "alpha", "seed"), np.stack(growth))
    return found


def _patterns(sizes: tuple[int, int, int], alpha: Sequence[float], layer: Layer) -> SignMask:
    """Sign masks of all shares, stacked."""
    flips = [(share, None) if layer == "hidden" else (None, share) for share in map(float, alpha)]
    masks = [SignMask.presynaptic(sizes, flip) for flip in flips]
    return jax.tree.map(lambda *vectors: np.stack(vectors), *masks)


@partial(jax.jit, static_argnums=0)
def _final_errors(
    epochs: int,
    masks: SignMask,
    teachers: TwoLayer,
    students: TwoLayer,
    X: Float[Array, "seeds rows inputs"] | None,
    eta: Float[Array, ""],
) -> Float[Array, "alpha seeds"]:
    """Final loss of every share and seed; one program for both layers' flips."""

    def one(mask: SignMask, teacher: TwoLayer, student: TwoLayer, x: Array | None) -> Float[Array, ""]:
        rule = CurlRule(mask)
        if x is None:
            return simulate_linear(student, teacher, 0.5, rule, eta=eta, epochs=epochs, record=[0]).final_loss
        return simulate(student, teacher, x, rule=rule, eta=eta, epochs=epochs, record=[0]).final_loss

    seeds = (None, 0, 0, None if X is None else 0)
    return jax.vmap(jax.vmap(one, seeds), (0, None, None, None))(masks, teachers, students, X)


def _growths(masks: SignMask, teachers: TwoLayer) -> Float[np.ndarray, "alpha seeds"]:
    """Largest eigenvalue at the teacher of every share and seed."""
    first, second = (np.asarray(signs) for signs in masks.signs)
    nets = list(zip(np.asarray(teachers.W1), np.asarray(teachers.W2), strict=True))
    return np.array(
        [
            [stability(solution_operator(w1, w2, d1, d2)).largest for w1, w2 in nets]
            for d1, d2 in zip(first, second, strict=True)
        ]
    )


def _pairs(
    key: Key[Array, ""], seeds: int, sizes: tuple[int, int, int], start: Start, activation: Activation
) -> tuple[TwoLayer, TwoLayer]:
    """Teachers and students."""
    if start == "teacher":
        teachers = stacked_teachers(key, seeds, sizes, activation=activation)
        return teachers, near(teachers, 1e-10 if activation == "linear" else 1e-5)
    student = stacked_nets(key, seeds, sizes, which=STUDENT, activation=activation)
    return stacked_nets(key, seeds, sizes, activation=activation), student
