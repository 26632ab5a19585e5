"""Weights of a user's own network in files: which array is which layer, and which axis counts the numbers mod p."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from symplast.datasets.arrays import EVERY, read_npy, read_npz
from symplast.datasets.safetensors_files import read_safetensors
from symplast.datasets.tables import listed, read_table
from symplast.datasets.torch_archives import read_torch

KINDS = ".npz, .safetensors, .pth or .pt (several arrays), .npy, .csv, .tsv or .txt (one matrix)"
PAIRS = (("theta", "xi"), ("W_in", "W_out"), ("w_in", "w_out"), ("input", "output"), ("fc1.weight", "fc2.weight"))
"""Names that are recognised as input and output weights; the second may be missing."""

SECOND = {"theta": "theta_y"}
"""Input weights -> those of the second number, in networks that ``symplast grokking train --op sub`` writes."""


@dataclass(frozen=True, eq=False)
class Weights:
    """A network as it was read.

    Attributes:
        theta: (neurons, p) input weights.
        xi: (neurons, p) output weights, or None.
        theta_y: (neurons, p) those of the second number where the inputs are not tied.
        decided: what was decided on reading, in words.
    """

    theta: Float[np.ndarray, "neurons p"]
    xi: Float[np.ndarray, "neurons p"] | None
    theta_y: Float[np.ndarray, "neurons p"] | None
    decided: tuple[str, ...]

    @property
    def p(self) -> int:
        """The modulus."""
        return int(self.theta.shape[1])


def read_network(
    path: str | Path,
    input: str | None = None,
    output: str | None = None,
    *,
    p: int | None = None,
    rows: tuple[int, int] | None = None,
) -> Weights:
    """Read input and output weights, of any orientation, and turn them to (neurons, p).

    Args:
        path: ``.npz``, ``.safetensors``, ``.pth``; or ``.npy``, ``.csv`` with one matrix.
        input: name of the input weights among the file's arrays; guessed where it is a usual one or there is only one
            matrix.
        output: name of the output weights, or a file with them; None for an embedding alone, unless names are usual.
        p: the modulus, where more than one axis could be it.
        rows: ``(first, past_last)`` along the first axis of every matrix longer than that: cuts other tokens of an
            embedding off.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unreadable file, missing arrays (the file's own are listed with their shapes), or axes that can't
            be told apart.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()) / "net.npz"
        >>> np.savez(place, theta=np.ones((64, 23)), xi=np.ones((23, 64)))
        >>> found = read_network(place)
        >>> found.theta.shape, found.xi.shape, found.p
        ((64, 23), (64, 23), 23)
    """
    place = Path(path).expanduser()
    arrays = _arrays(place)
    decided: list[str] = []
    if len(arrays) == 1 and input is None:
        input = next(iter(arrays))
    elif input is None:
        names = [pair for pair in PAIRS if pair[0] in arrays]
        if not names:
            raise ValueError(f"input must name the input weights in {place.name}; it holds {_with_shapes(arrays)}")
        input = names[0][0]
        output = names[0][1] if output is None and names[0][1] in arrays else output
        decided.append(f"input weights from {input}" + (f", output weights from {output}" if output else ""))
    of_second = SECOND.get(input)
    first = _matrix(arrays, input, "input", place)
    second = None if output is None else _output(arrays, output, place)
    if rows is not None:
        first, second = _cut(first, rows), None if second is None else _cut(second, rows)
        decided.append(f"rows {rows[0]} to {rows[1] - 1} of the first axis")
    modulus = _modulus(first, second, p)
    theta, theta_y = _inputs(first, modulus, second, decided)
    if theta_y is None and of_second in arrays:
        theta_y = _turned(_matrix(arrays, of_second, "input", place), modulus, theta.shape[0], "input")
        decided.append(f"weights of the second number from {of_second}")
    xi = None if second is None else _turned(second, modulus, theta.shape[0], "output")
    decided.append(f"p = {modulus}, {theta.shape[0]} neurons")
    return Weights(theta, xi, theta_y, tuple(decided))


def _arrays(path: Path) -> Mapping[str, np.ndarray]:
    match path.suffix.lower():
        case ".npz":
            return read_npz(path, {}, EVERY)
        case ".safetensors":
            return read_safetensors(path)
        case ".pth" | ".pt":
            return read_torch(path)
        case ".npy":
            return {path.stem: read_npy(path, "a matrix of weights")}
        case ".csv" | ".tsv" | ".txt" | ".gz" | ".dat":
            return {path.stem: read_table(path, what="a matrix of weights", header=None).matrix()[0]}
        case _:
            raise ValueError(f"{path}: weights must be in a file that ends in {KINDS}")


def _output(arrays: Mapping[str, np.ndarray], output: str, place: Path) -> np.ndarray:
    if output in arrays:
        return _matrix(arrays, output, "output", place)
    other = Path(output).expanduser()
    if other.suffix.lower() in (".npy", ".csv", ".tsv", ".txt"):
        return _matrix(_arrays(other), None, "output", other)
    return _matrix(arrays, output, "output", place)


def _matrix(arrays: Mapping[str, np.ndarray], name: str | None, role: str, place: Path) -> np.ndarray:
    if name is None and len(arrays) == 1:
        name = next(iter(arrays))
    if name is None or name not in arrays:
        raise ValueError(f"{role} must name an array of {place.name}, got {name!r}; it holds {_with_shapes(arrays)}")
    found = arrays[name]
    if found.ndim != 2 or found.dtype.kind not in "biuf":
        raise ValueError(f"{role} weights {name} must be a matrix of numbers, got {found.dtype}{list(found.shape)}")
    if not np.isfinite(found).all():
        raise ValueError(f"{role} weights {name} must be finite; they hold NaN or infinity")
    return found.astype(np.float64)


def _with_shapes(arrays: Mapping[str, Any]) -> str:
    return listed(f"{name} {list(array.shape)}" for name, array in arrays.items()) or "nothing"


def _cut(matrix: np.ndarray, rows: tuple[int, int]) -> np.ndarray:
    first, last = rows
    if not 0 <= first < last <= matrix.shape[0]:
        raise ValueError(f"rows must lie within the first axis, 0:{matrix.shape[0]}, got {first}:{last}")
    return matrix[first:last]


def _modulus(first: np.ndarray, second: np.ndarray | None, p: int | None) -> int:
    if p is not None:
        from symplast.grokking.arguments import check_modulus

        return check_modulus(p)
    lengths = {n for n in first.shape if n % 2 and n >= 3}
    if second is not None:
        common = {n for n in second.shape if n % 2 and n >= 3 and (n in first.shape or 2 * n in first.shape)}
        lengths = common
    if len(lengths) != 1:
        shapes = " and ".join(str(list(m.shape)) for m in (first, second) if m is not None)
        what = f"{len(lengths)} odd lengths" if lengths else "no odd length of at least 3"
        raise ValueError(f"p must be given: weights of shape {shapes} have {what} that could count the numbers mod p")
    return lengths.pop()


def _inputs(
    first: np.ndarray, p: int, second: np.ndarray | None, decided: list[str]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Input weights as (neurons, p); two of them where the axis is 2p long: one-hot inputs of both numbers."""
    neurons = None if second is None else next((n for n in second.shape if n != p), p)
    if p not in first.shape and 2 * p in first.shape:
        whole = _turned(first, 2 * p, neurons, "input")
        decided.append(f"inputs of both numbers from one matrix of 2p = {2 * p} columns")
        return whole[:, :p].copy(), whole[:, p:].copy()
    return _turned(first, p, neurons, "input"), None


def _turned(matrix: np.ndarray, p: int, neurons: int | None, role: str) -> np.ndarray:
    """The matrix with p columns."""
    fits = [m for m in (matrix, matrix.T) if m.shape[1] == p and (neurons is None or m.shape[0] == neurons)]
    if not fits:
        need = f"(neurons, {p})" if neurons is None else f"({neurons}, {p})"
        raise ValueError(f"{role} weights must be {need} or its transpose, got shape {list(matrix.shape)}")
    if len(fits) == 2:
        raise ValueError(
            f"{role} weights must not be square, got shape {list(matrix.shape)}: neurons and numbers can't be told "
            "apart; symplast.grokking.decode in Python takes a neuron a row"
        )
    return fits[0]
