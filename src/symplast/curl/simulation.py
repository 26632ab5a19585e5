"""Learning runs: from a student and a problem to loss, weights over time, and when a threshold was passed."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from symplast.curl.dynamics import MiniBatches, Moments, Problem, Samples, finishing
from symplast.curl.two_layer import CurlRule, TwoLayer

CHUNK = 250
"""Epochs between two looks at whether a run may stop."""

Record = Sequence[int] | np.ndarray | None


class Trajectory(eqx.Module):
    """What happened in a run; arrays, so that runs can be vmapped.

    Attributes:
        recorded: (records,) epochs at which loss and weights were kept.
        loss: (records,) training loss there; a run that stopped keeps its last one.
        test_loss: (records,) loss on the test inputs, None without them.
        weights: the nets at the records, stacked.
        final: the net at the end.
        final_loss: its training loss.
        epochs: epochs done.
        first_below: first epoch with a training loss below ``stop_below``; infinity if there was none.
        ascents: epochs that raised the training loss.
        diverged_at: first epoch with a loss that is not finite, -1 if there was none. The run stopped there.
    """

    recorded: Int[Array, " records"]
    loss: Float[Array, " records"]
    test_loss: Float[Array, " records"] | None
    weights: TwoLayer
    final: TwoLayer
    final_loss: Float[Array, ""]
    epochs: Int[Array, ""]
    first_below: Float[Array, ""]
    ascents: Int[Array, ""]
    diverged_at: Int[Array, ""]

    @property
    def status(self) -> str:
        """How a single run ended: ``below threshold``, ``limit`` or ``diverged at epoch t``."""
        if self.diverged_at.ndim:
            raise ValueError("status is of one run; index the trajectory first, or look at diverged_at and first_below")
        if int(self.diverged_at) >= 0:
            return f"diverged at epoch {int(self.diverged_at)}"
        return "below threshold" if bool(jnp.isfinite(self.first_below)) else "limit"


def simulate(
    student: TwoLayer,
    teacher: TwoLayer | Float[Array, "rows outputs"],
    X: Float[Array, "rows inputs"],
    X_test: Float[Array, "tests inputs"] | None = None,
    rule: CurlRule | None = None,
    *,
    eta: float | Float[Array, ""] = 0.1,
    epochs: int | Int[Array, ""] = 1000,
    batch: int | None = None,
    normalise: Literal["frobenius"] | None = "frobenius",
    d2_uses_output_slope: bool = False,
    record: Record = None,
    stop_below: float | Float[Array, ""] | None = None,
    key: Key[Array, ""] | None = None,
) -> Trajectory:
    """Learn a teacher, or targets of your own.

    The whole run is one compiled program. ``eta``, ``epochs``, ``stop_below``, the signs and all weights may change
    without compiling again; ``jax.vmap`` or ``jax.lax.map`` over them runs many at once. A run stops when its training
    loss, looked at every epoch, falls below ``stop_below`` or is not finite; its result doesn't depend on others.

    Args:
        student: the net at the start; its floating-point type is used throughout.
        teacher: the net whose outputs are the targets, or the targets themselves.
        X: training inputs, a row each.
        X_test: test inputs; they need a teacher.
        rule: which neurons are flipped; None is gradient descent.
        eta: step of one update on all examples; with batches each takes ``eta batch / rows``.
        epochs: at most so many.
        batch: examples an update, reshuffled each epoch; None takes all.
        normalise: restore both Frobenius norms after each update, or None.
        d2_uses_output_slope: multiply the error by f' of the output, as the gradient has it. The published rule leaves
            it out.
        record: epochs at which loss and weights are kept, rising; None: at most 100, log-spaced.
        stop_below: threshold of the training loss.
        key: for shuffling and random signs.

    Returns:
        The :class:`Trajectory`.

    Raises:
        ValueError: sizes that don't fit, test inputs without a teacher, inputs that are not finite, a step that is not
            positive, a batch outside [1, rows], epochs below 1, or records outside [0, epochs].

    Example:
        >>> from symplast.curl import CurlRule, draw_inputs, draw_net
        >>> keys = jax.random.split(jax.random.key(0), 3)
        >>> teacher, student = draw_net(keys[0], (8, 20, 1)), draw_net(keys[1], (8, 20, 1))
        >>> X = draw_inputs(keys[2], 40, 8)
        >>> rule = CurlRule.flipped((8, 20, 1), into_hidden=1)
        >>> run = simulate(student, teacher, X, rule=rule, epochs=5000, stop_below=1e-6)
        >>> run.status, bool(run.final_loss < 1e-6)
        ('below threshold', True)

    Source:
        Sec. 2 of arXiv:2510.02765 and its reference code.
    """
    sizes = student.sizes
    if isinstance(teacher, TwoLayer) and (teacher.sizes[0], teacher.sizes[2]) != (sizes[0], sizes[2]):
        raise ValueError(
            f"teacher and student must have equal inputs and outputs, got sizes {teacher.sizes} and {sizes}"
        )
    if X.ndim != 2 or X.shape[1] != sizes[0] or X.shape[0] < 1:
        raise ValueError(f"X must be (rows, inputs={sizes[0]}), got {X.shape}")
    targets = teacher(X) if isinstance(teacher, TwoLayer) else teacher
    if targets.shape != (X.shape[0], sizes[2]):
        raise ValueError(f"targets must be (rows, outputs) = {(X.shape[0], sizes[2])}, got {targets.shape}")
    if X_test is not None and not isinstance(teacher, TwoLayer):
        raise ValueError("X_test needs a teacher net to know its targets; without one evaluate trajectory.weights")
    if batch is not None and not 1 <= batch <= X.shape[0]:
        raise ValueError(f"batch must be in [1, rows={X.shape[0]}], got {batch}")
    _check_finite(X=X, targets=targets)
    dtype = student.W1.dtype
    x, y = X.T.astype(dtype), targets.T.astype(dtype)
    problem = Samples(x, y, d2_uses_output_slope) if batch is None else MiniBatches(x, y, d2_uses_output_slope, batch)
    test: Problem | None = None
    if X_test is not None and isinstance(teacher, TwoLayer):
        test = Samples(X_test.T.astype(dtype), teacher(X_test).T.astype(dtype))
    return run(
        problem, student, rule, eta=eta, epochs=epochs, normalise=normalise, record=record, stop_below=stop_below,
        test=test, key=key,
    )  # fmt: skip


def simulate_linear(
    student: TwoLayer,
    teacher: TwoLayer | Float[Array, "outputs inputs"],
    covariance: Float[Array, "inputs inputs"] | Float[Array, ""] | float = 0.5,
    rule: CurlRule | None = None,
    *,
    eta: float | Float[Array, ""] = 0.1,
    epochs: int = 1000,
    normalise: Literal["frobenius"] | None = "frobenius",
    record: Record = None,
    stop_below: float | Float[Array, ""] | None = None,
    key: Key[Array, ""] | None = None,
) -> Trajectory:
    """Learn a linear map from the covariance of the inputs alone: as :func:`simulate` on all examples, at a cost of
    O(inputs hidden) an update whatever their number.

    Args:
        student: a linear net at the start.
        teacher: a linear net, or the map (outputs, inputs) itself.
        covariance: ``X^T X / rows`` of your inputs for the same run as on the examples; a number for independent inputs
            of that variance (the paper's expectation: 1/2).
        rule, eta, epochs, normalise, record, stop_below, key: as for :func:`simulate`.

    Returns:
        The :class:`Trajectory`.

    Raises:
        ValueError: nets that are not linear, sizes that don't fit, or a covariance that is not square and symmetric.

    Example:
        >>> from symplast.curl import perturbed_teacher
        >>> with jax.enable_x64(True):
        ...     teacher, student = perturbed_teacher(jax.random.key(0), (20, 50, 1))
        ...     rule = CurlRule.flipped((20, 50, 1), into_hidden=0.1)
        ...     run = simulate_linear(student, teacher, rule=rule, epochs=5000)
        ...     print(run.final_loss < 1e-20)
        True
    """
    if isinstance(teacher, TwoLayer) and teacher.activation != "linear":
        raise ValueError(f"simulate_linear needs a linear teacher, its activation is {teacher.activation}")
    if student.activation != "linear":
        raise ValueError(
            f"simulate_linear needs a linear student, its activation is {student.activation}; use simulate"
        )
    target = teacher.map if isinstance(teacher, TwoLayer) else teacher
    inputs, _, outputs = student.sizes
    if target.shape != (outputs, inputs):
        raise ValueError(f"the teacher's map must be (outputs, inputs) = {(outputs, inputs)}, got {target.shape}")
    sigma = jnp.asarray(covariance, student.W1.dtype)
    if sigma.ndim not in (0, 2) or (sigma.ndim == 2 and sigma.shape != (inputs, inputs)):
        raise ValueError(f"covariance must be a variance or (inputs, inputs) = {(inputs, inputs)}, got {sigma.shape}")
    _check_finite(covariance=sigma, target=target)
    problem = Moments(target.astype(student.W1.dtype), sigma)
    return run(
        problem, student, rule, eta=eta, epochs=epochs, normalise=normalise, record=record, stop_below=stop_below,
        test=None, key=key,
    )  # fmt: skip


def run(
    problem: Problem,
    student: TwoLayer,
    rule: CurlRule | None,
    *,
    eta: float | Float[Array, ""],
    epochs: int | Int[Array, ""],
    normalise: str | None,
    record: Record,
    stop_below: float | Float[Array, ""] | None,
    test: Problem | None,
    key: Key[Array, ""] | None,
) -> Trajectory:
    """Check what all runs share, and run."""
    rule = CurlRule.flipped(student.sizes) if rule is None else rule
    rule.check(student.sizes)
    if not isinstance(eta, jax.core.Tracer) and not (np.isfinite(eta) and eta > 0):
        raise ValueError(f"eta must be a positive number, got {eta}")
    if not isinstance(epochs, jax.core.Tracer) and epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    if key is None and (rule.random_signs or isinstance(problem, MiniBatches)):
        raise ValueError("batches and random signs need a key: pass key=jax.random.key(seed)")
    _check_finite(W1=student.W1, W2=student.W2)
    finishing(normalise, student)  # checks it
    dtype = student.W1.dtype
    return _run(
        problem,
        student,
        rule,
        jnp.asarray(eta, dtype),
        jnp.asarray(epochs),
        _recorded(record, epochs),
        jnp.asarray(-jnp.inf if stop_below is None else stop_below, dtype),
        test,
        jax.random.key(0) if key is None else key,
        normalise,
    )


class _Carried(NamedTuple):
    """What goes from epoch to epoch; ``at`` counts epochs done, ``going`` says whether the run goes on."""

    net: TwoLayer
    at: Int[Array, ""]
    loss: Float[Array, ""]
    going: Bool[Array, ""]
    first_below: Float[Array, ""]
    ascents: Int[Array, ""]
    diverged_at: Int[Array, ""]
    losses: Float[Array, " records"]
    weights: TwoLayer


@eqx.filter_jit
def _run(
    problem: Problem,
    student: TwoLayer,
    rule: CurlRule,
    eta: Float[Array, ""],
    epochs: Int[Array, ""],
    recorded: Int[Array, " records"],
    stop_below: Float[Array, ""],
    test: Problem | None,
    key: Key[Array, ""],
    normalise: str | None,
) -> Trajectory:
    finish = finishing(normalise, student)

    def look(c: _Carried, loss: Float[Array, ""]) -> _Carried:
        """Take down the loss of the present net."""
        finite = jnp.isfinite(loss)
        below = loss < stop_below
        slot = jnp.searchsorted(recorded, c.at)
        hit = c.going & (recorded[jnp.minimum(slot, recorded.size - 1)] == c.at)
        place = jnp.where(hit, slot, recorded.size)  # out of range: dropped
        return c._replace(
            loss=jnp.where(c.going, loss, c.loss),
            ascents=c.ascents + (c.going & (loss > c.loss)),
            first_below=jnp.where(c.going & below, c.at.astype(c.first_below.dtype), c.first_below),
            diverged_at=jnp.where(c.going & ~finite, c.at, c.diverged_at),
            losses=c.losses.at[place].set(loss, mode="drop"),
            weights=jax.tree.map(lambda kept, now: kept.at[place].set(now, mode="drop"), c.weights, c.net),
            going=c.going & finite & ~below & (c.at < epochs),
        )

    def epoch(c: _Carried, _: None) -> tuple[_Carried, None]:
        loss, after = problem.epoch(c.net, rule, eta, jax.random.fold_in(key, c.at), finish)
        c = look(c, loss)
        net = jax.tree.map(lambda old, new: jnp.where(c.going, new, old), c.net, after)
        return c._replace(net=net, at=c.at + c.going), None

    def chunk(c: _Carried) -> _Carried:
        return jax.lax.scan(epoch, c, length=CHUNK)[0]

    def room(w: Array) -> Array:
        return jnp.zeros((recorded.size, *w.shape), w.dtype)

    dtype = student.W1.dtype
    zero = jnp.zeros_like(epochs)
    first = _Carried(
        net=student,
        at=zero,
        loss=jnp.asarray(jnp.inf, dtype),
        going=jnp.asarray(True),
        first_below=jnp.asarray(jnp.inf, dtype),
        ascents=zero,
        diverged_at=zero - 1,
        losses=jnp.zeros(recorded.size, dtype),
        weights=jax.tree.map(room, student),
    )
    last = jax.lax.while_loop(lambda c: c.going, chunk, first)
    reached = recorded <= last.at
    losses = jnp.where(reached, last.losses, last.loss)
    weights = jax.tree.map(
        lambda kept, end: jnp.where(reached.reshape(-1, *[1] * end.ndim), kept, end), last.weights, last.net
    )
    test_loss = None if test is None else jax.lax.map(test.loss, weights)
    return Trajectory(
        recorded, losses, test_loss, weights, last.net, last.loss, last.at, last.first_below, last.ascents,
        last.diverged_at,
    )  # fmt: skip


def _recorded(record: Record, epochs: int | Int[Array, ""]) -> Int[Array, " records"]:
    if record is None:
        return jnp.asarray(np.unique(np.geomspace(1, epochs, 100).round().astype(int)))
    at = np.asarray(record)
    if at.ndim != 1 or at.size == 0 or at.dtype.kind not in "iu" or (np.diff(at) <= 0).any():
        raise ValueError("record must hold at least one epoch, whole numbers that rise")
    if at[0] < 0 or (not isinstance(epochs, jax.core.Tracer) and at[-1] > epochs):
        raise ValueError(f"record must lie in [0, epochs={epochs}], got {at[0]} to {at[-1]}")
    return jnp.asarray(at)


def _check_finite(**arrays: Array) -> None:
    for name, values in arrays.items():
        if not isinstance(values, jax.core.Tracer) and not bool(jnp.isfinite(values).all()):
            raise ValueError(f"{name} must be finite; it holds NaN or infinity")
