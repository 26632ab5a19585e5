"""A layered network and examples from named arrays, as they come out of an .npz file."""

import re
from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from symplast.learning.recurrent import LayeredNet, Relaxation

Arrays = Mapping[str, np.ndarray]


class NetworkNames:
    """Names that an array of a network may have: ``w1``, ``b2``, ``c1``, ``V``, ``c``, ``x``, ``y``."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and re.fullmatch(r"[wbc][1-9]\d*|V|c|x|y", name) is not None


def network_from_arrays(
    arrays: Arrays, activation: str = "shifted-sigmoid", relaxation: Relaxation | None = None
) -> tuple[LayeredNet, np.ndarray, np.ndarray]:
    """Build a chain from its matrices.

    Args:
        arrays: forward weights ``w1, w2, ...`` (post, pre); feedback weights ``b2, b3, ...`` (pre of wl, post of wl),
            wl transposed where left out; biases ``c1, c2, ...``, 0 where left out; a readout ``V`` (classes, units)
            with bias ``c`` for class targets, none for values; inputs ``x`` (rows, inputs) and targets ``y``.
        activation: name of phi.
        relaxation: how it settles.

    Returns:
        The network in float32, inputs and targets.

    Raises:
        ValueError: an array that is missing, unknown, of a wrong shape or not finite; says which.

    Example:
        >>> w1, w2 = np.ones((5, 4)), np.ones((3, 5))
        >>> net, x, y = network_from_arrays({"w1": w1, "w2": w2, "x": np.ones((2, 4)), "y": np.ones((2, 3))})
        >>> net.sizes, net.readout, float(net.weight_angle())
        ((4, 5, 3), 'mse', 0.0)
    """
    layers = sum(1 for name in arrays if name.startswith("w") and name[1:].isdigit())
    forward = [_matrix(arrays, f"w{i}") for i in range(1, layers + 1)]
    if not forward:
        raise ValueError("arrays must hold forward weights w1, w2, ... of shape (post, pre); there is no w1")
    sizes = [forward[0].shape[1], *(w.shape[0] for w in forward)]
    for i, w in enumerate(forward[1:], start=2):
        if w.shape[1] != sizes[i - 1]:
            raise ValueError(f"w{i} must have {sizes[i - 1]} columns, as w{i - 1} has rows; got shape {w.shape}")
    known = {"x", "y", "V", "c"} | {f"w{i}" for i in range(1, layers + 1)}
    known |= {f"b{i}" for i in range(2, layers + 1)} | {f"c{i}" for i in range(1, layers + 1)}
    if unknown := sorted(set(arrays) - known):
        raise ValueError(f"arrays must be named w1.., b2.., c1.., V, c, x, y; got {', '.join(unknown)}")
    back = [_matrix(arrays, f"b{i}", w.T.shape, w.T) for i, w in enumerate(forward[1:], start=2)]
    biases = [_vector(arrays, f"c{i}", w.shape[0]) for i, w in enumerate(forward, start=1)]
    readout = "softmax" if "V" in arrays else "mse"
    weights = list(forward)
    if readout == "softmax":
        weights.append(_matrix(arrays, "V"))
        if weights[-1].shape[1] != sizes[-1]:
            raise ValueError(
                f"V must have {sizes[-1]} columns, one for each output unit; got shape {weights[-1].shape}"
            )
        biases.append(_vector(arrays, "c", len(weights[-1])))
    x, y = _matrix(arrays, "x"), np.asarray(arrays["y"]) if "y" in arrays else None
    if x.shape[1] != sizes[0]:
        raise ValueError(f"x must have {sizes[0]} columns, as w1 has; got shape {x.shape}")
    if y is None or y.dtype.kind not in "iufb" or not np.isfinite(y).all():
        raise ValueError("y must hold a target for each row of x: class numbers with a readout V, values without")
    if y.ndim == 0 or len(y) != len(x):
        raise ValueError(f"y must hold one target for each of the {len(x)} rows of x; got shape {y.shape}")
    if readout == "softmax" and y.ndim == 1:
        if not np.all(y == np.round(y)):
            raise ValueError("y must hold whole class numbers with a readout V")
        y = y.astype(np.int32)
    blank = LayeredNet(sizes, key=jax.random.key(0), activation=activation, readout=readout, relaxation=relaxation)
    leaves = tuple(tuple(jnp.asarray(leaf, jnp.float32) for leaf in group) for group in (weights, biases, back))
    net = eqx.tree_at(lambda n: (n.weights, n.biases, n.feedback), blank, leaves)
    return net, x.astype(np.float32), y if y.dtype.kind == "i" else y.astype(np.float32)


def _matrix(
    arrays: Arrays, name: str, shape: tuple[int, ...] | None = None, default: np.ndarray | None = None
) -> np.ndarray:
    if name not in arrays and default is not None:
        return default
    if name not in arrays:
        raise ValueError(f"arrays must hold {name}, a matrix; there are {', '.join(sorted(arrays))}")
    found = np.asarray(arrays[name])
    if found.dtype.kind not in "iufb" or found.ndim != 2 or not np.isfinite(found).all():
        raise ValueError(f"{name} must be a matrix of finite numbers, got {found.dtype}{list(found.shape)}")
    if shape is not None and found.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, that of the transposed w{name[1:]}; got {found.shape}")
    return found


def _vector(arrays: Arrays, name: str, size: int) -> np.ndarray:
    found = np.asarray(arrays.get(name, np.zeros(size)))
    if found.shape != (size,) or found.dtype.kind not in "iufb" or not np.isfinite(found).all():
        raise ValueError(f"{name} must be {size} finite numbers, one a unit; got {found.dtype}{list(found.shape)}")
    return found
