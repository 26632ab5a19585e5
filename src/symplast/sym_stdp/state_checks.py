"""A network's state before compiled loops see it: shapes, types and finite numbers; and weights of one's own.

A compiled loop reads as many rows as the weights have, wherever that leads. So whatever comes from outside is compared
with the sizes of the network first.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symplast.spiking.arguments import is_traced
from symplast.sym_stdp.circuit import Cells, NetworkState, Plastic

AXES = {"w_in": "PN", "w_out": "NC", "x_in": "P", "x_out": "C", "v_out": "C", "g_out": "C", "s_in": "P", "s_out": "C"}
AXES |= {"guarded": ""}
"""Axes of the arrays of a state; the others have one value for each hidden cell, N."""
SPIKES = ("s_in", "s_hid", "s_inh", "s_out")
WEIGHTS = ("w_in", "w_out")


def check_state(
    state: NetworkState, dtype: Any, *, sizes: tuple[int, int, int] | None = None, values: bool = True
) -> None:
    """Raise ValueError, with all that is wrong, for a state whose arrays don't go together.

    Args:
        state: the state.
        dtype: floating type of all its numbers, that of the parameters.
        sizes: inputs P, hidden cells N and classes C; None for those that most of its arrays have.
        values: look for NaN, infinity and negative weights too.
    """
    if not values and _fits(state, dtype):
        return
    arrays = {**state.plastic._asdict(), **state.cells._asdict()}
    size = dict(zip("PNC", sizes, strict=True)) if sizes else _sizes(arrays)
    found = (_problem(name, array, size, np.dtype(dtype), values) for name, array in arrays.items())
    wrong = [problem for problem in found if problem]
    if wrong:
        raise ValueError(f"state does not fit: {'; '.join(wrong)}. {_REMEDY}")


_REMEDY = "Start from new_state, and set weights of your own by with_weights(state, w_in=..., w_out=..., theta=...)"


def _fits(state: NetworkState, dtype: Any) -> bool:
    """Whether shapes and types are right, in microseconds."""
    (n_inputs, n_hidden), n_classes = np.shape(state.plastic.w_in), np.shape(state.plastic.w_out)[-1]
    found = [(array.shape, array.dtype) for part in state for array in part]
    return found == _layout(n_inputs, n_hidden, n_classes, np.dtype(dtype))


@functools.lru_cache(maxsize=64)
def _layout(n_inputs: int, n_hidden: int, n_classes: int, dtype: Any) -> list[tuple[tuple[int, ...], Any]]:
    """Shape and type of each array of a state."""
    size = {"P": n_inputs, "N": n_hidden, "C": n_classes}
    types = {"guarded": np.dtype(np.int32), **dict.fromkeys(SPIKES, np.dtype(bool))}
    names = (*Plastic._fields, *Cells._fields)
    return [(tuple(size[axis] for axis in AXES.get(name, "N")), types.get(name, dtype)) for name in names]


def _sizes(arrays: dict[str, Any]) -> dict[str, int]:
    """Of each axis, the size that most arrays have."""
    lengths: dict[str, list[int]] = {"P": [], "N": [], "C": []}
    for name, array in arrays.items():
        for axis, length in zip(AXES.get(name, "N"), np.shape(array), strict=False):
            lengths[axis].append(length)
    return {axis: max(found, key=found.count, default=0) for axis, found in lengths.items()}


def _type_of(array: Any) -> Any:
    return array.dtype if hasattr(array, "dtype") else np.asarray(array).dtype


def _problem(name: str, array: Any, size: dict[str, int], dtype: Any, values: bool) -> str | None:
    """What is wrong with one array, if anything."""
    axes, found = AXES.get(name, "N"), _type_of(array)
    if np.shape(array) != tuple(size[axis] for axis in axes):
        rule = ", ".join(f"{axis}={size[axis]}" for axis in axes)
        return f"{name} must be ({rule}{',' * (len(axes) == 1)}), got shape {np.shape(array)}"
    if name in SPIKES or name == "guarded":
        kind, rule = ("b", "booleans") if name in SPIKES else ("i", "a whole number")
        return None if found.kind == kind else f"{name} must be {rule}, got {found}"
    if found != dtype:
        return f"{name} must be {dtype} as the parameters are (make both under one jax.enable_x64), got {found}"
    if not values or is_traced(array):
        return None
    return _wrong_numbers(name, np.asarray(array))


def _wrong_numbers(name: str, numbers: np.ndarray) -> str | None:
    if not np.isfinite(numbers).all():
        return f"{name} must be finite, it holds NaN or infinity"
    if name in WEIGHTS and (numbers < 0).any():
        return f"{name} must be at least 0 (weights are conductances), got {numbers.min():g}"
    return None


def with_weights(state: NetworkState, *, w_in: Any = None, w_out: Any = None, theta: Any = None) -> NetworkState:
    """A state with weights or thresholds of one's own; what is left out stays as it is.

    Args:
        state: from :func:`new_state` or a run; it says the sizes and the floating type.
        w_in: (P, N) input to hidden; whole numbers are fine.
        w_out: (N, C) hidden to classifier.
        theta: (N,) adaptive threshold, mV.

    Returns:
        The new state; the one given is left alone.

    Raises:
        ValueError: another shape, NaN, infinity, negative weights, masked arrays, or no numbers.

    Example:
        >>> from symplast.sym_stdp import SymSTDPConfig, new_state
        >>> state = new_state(SymSTDPConfig(), 4, 3, 2, jax.random.key(0))
        >>> state = with_weights(state, w_in=np.eye(4, 3, dtype=int), theta=[20, 25, 30])
        >>> print(state.plastic.w_in[1], state.plastic.theta)
        [0. 1. 0.] [20. 25. 30.]
    """
    held = state.plastic
    dtype = held.w_in.dtype
    make: Any = jnp.asarray if isinstance(held.w_in, jax.Array) else np.array
    given = {name: value for name, value in (("w_in", w_in), ("w_out", w_out), ("theta", theta)) if value is not None}
    new: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, np.ma.MaskedArray):
            raise ValueError(f"{name} must not be a masked array: fill it (numpy.ma.filled) with what is meant")
        array = np.asarray(value)
        if array.dtype.kind not in "iuf":
            raise ValueError(f"{name} must hold numbers, got {array.dtype}")
        with np.errstate(over="ignore"):  # becomes infinity, which is refused below
            new[name] = np.array(array, dtype)
    if theta is not None:
        new["theta_rest"] = np.zeros_like(new["theta"])
    changed = state._replace(plastic=held._replace(**new))
    (n_inputs, n_hidden), n_classes = np.shape(held.w_in), np.shape(held.w_out)[1]
    check_state(changed, dtype, sizes=(n_inputs, n_hidden, n_classes))
    return state._replace(plastic=held._replace(**{name: make(array) for name, array in new.items()}))
