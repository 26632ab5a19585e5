"""Running a model through time: one scan, keeping what is asked for and nothing else."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

Step: TypeAlias = Callable[[PyTree, PyTree], tuple[PyTree, PyTree]]
Record: TypeAlias = Callable[[PyTree, PyTree], PyTree] | Sequence[str] | None


@eqx.filter_jit
def simulate(
    step: Step,
    state: PyTree,
    inputs: PyTree = None,
    *,
    steps: int | None = None,
    record: Record = None,
    checkpoint_every: int | None = None,
) -> tuple[PyTree, PyTree]:
    """Run ``state, outputs = step(state, input)`` over all inputs, compiled as one loop.

    One program serves all calls with the same ``step`` and the same shapes. Arrays that a plain function closes over
    become constants of the program; to change parameters without compiling anew, let ``step`` be an
    :class:`equinox.Module` with ``__call__``, whose arrays are arguments. Differentiable, and vmappable over anything.

    Args:
        step: ``(state, input) -> (state, outputs)``, where the new state has the old one's structure, shapes and types.
        state: before the first step.
        inputs: tree of arrays with time first, ``(steps, ...)``; each step gets one slice. None: steps get None.
        steps: how many; only needed without inputs.
        record: what to keep of each step. None: all outputs. Names: those entries of outputs that are a dict or a named
            tuple (``()`` keeps nothing). A function ``(state, outputs) -> tree`` sees the state after the step; what it
            leaves out is never stored, and not computed where nothing else needs it. Define it once: a new lambda
            compiles anew.
        checkpoint_every: for gradients through long runs: keep only the state at every so many steps and compute the
            rest again on the way back. About the square root of the number of steps needs least memory.

    Returns:
        The state after the last step, and the records, time first.

    Raises:
        ValueError: neither inputs nor steps, inputs of different lengths, an unknown name in ``record``, or
            ``checkpoint_every`` below 1.

    Example:
        >>> from symplast.spiking import LIF, simulate
        >>> cells = LIF(tau_ms=20.0, method="euler", refractory_ms=2.0)
        >>> def step(state, current):
        ...     state, spikes = cells.step(state, current, dt_ms=1.0)
        ...     return state, {"spikes": spikes, "v": state.v}
        >>> state, kept = simulate(step, cells.init((1,)), jnp.full((40, 1), 1.5), record=("spikes",))
        >>> jnp.flatnonzero(kept["spikes"][:, 0]).tolist()
        [21]
    """
    length = _length(inputs, steps)
    kept = _keeper(record)

    def body(state: PyTree, now: PyTree) -> tuple[PyTree, PyTree]:
        state, outputs = step(state, now)
        return state, kept(state, outputs)

    if checkpoint_every is None:
        return jax.lax.scan(body, state, inputs, length)
    if checkpoint_every < 1:
        raise ValueError(f"checkpoint_every must be at least 1 step, got {checkpoint_every}")
    return _checkpointed(body, state, inputs, length, min(checkpoint_every, length))


def _length(inputs: PyTree, steps: int | None) -> int:
    leaves = jax.tree.leaves(inputs)
    if not all(map(jnp.ndim, leaves)):
        raise ValueError("inputs must have time first: (steps, ...); got a number without a time axis")
    lengths = {jnp.shape(leaf)[0] for leaf in leaves}
    if len(lengths) > 1:
        raise ValueError(f"inputs must all have the same number of steps, got {sorted(lengths)}")
    if not lengths and steps is None:
        raise ValueError("give inputs, or steps where there are none")
    if lengths and steps is not None and lengths != {steps}:
        raise ValueError(f"steps must equal the length of inputs {lengths.pop()} or be left out, got {steps}")
    length = lengths.pop() if lengths else steps
    if length is None or length < 0:
        raise ValueError(f"steps must be at least 0, got {length}")
    return length


def _keeper(record: Record) -> Callable[[PyTree, PyTree], PyTree]:
    if record is None:
        return lambda state, outputs: outputs
    if callable(record):
        return record
    names = (record,) if isinstance(record, str) else tuple(record)

    def named(state: PyTree, outputs: Any) -> dict[str, PyTree]:
        entries = outputs._asdict() if hasattr(outputs, "_asdict") else outputs
        if not isinstance(entries, dict):
            if not names:
                return {}
            raise ValueError(f"record by name needs steps that return a dict or named tuple, got {type(outputs)}")
        unknown = [name for name in names if name not in entries]
        if unknown:
            raise ValueError(f"record must name outputs of the step ({', '.join(entries)}), got {', '.join(unknown)}")
        return {name: entries[name] for name in names}

    return named


def _checkpointed(body: Step, state: PyTree, inputs: PyTree, length: int, every: int) -> tuple[PyTree, PyTree]:
    """Nested scans: stretches whose insides are computed again for the gradient, then the steps that are left."""
    whole = length // every if every else 0
    first = jax.tree.map(lambda x: x[: whole * every].reshape(whole, every, *x.shape[1:]), inputs)

    @jax.checkpoint
    def stretch(state: PyTree, now: PyTree) -> tuple[PyTree, PyTree]:
        return jax.lax.scan(body, state, now, every)

    state, records = jax.lax.scan(stretch, state, first, whole)
    records = jax.tree.map(lambda x: x.reshape(whole * every, *x.shape[2:]), records)
    rest = jax.tree.map(lambda x: x[whole * every :], inputs)
    state, last = jax.lax.scan(body, state, rest, length - whole * every)
    return state, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), records, last)
