"""Networks in files: one .npz with all arrays, constants and counters."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from symplast.datasets.arrays import EVERY, read_npz
from symplast.lab.whole_files import whole_file
from symplast.sym_stdp.circuit import Cells, NetworkState, Plastic
from symplast.sym_stdp.config import SymSTDPConfig
from symplast.sym_stdp.readouts import ResponseWindow

VERSION = 2


def check_network_path(path: Path) -> None:
    """Raise ValueError for a file that does not end in .npz."""
    if path.suffix != ".npz":
        raise ValueError(f"path must end in .npz, got {path}")


def write_network(
    path: Path, config: SymSTDPConfig, state: NetworkState, about: dict[str, Any], window: ResponseWindow
) -> None:
    """Write a network; a half-written file never replaces a whole one.

    Args:
        path: ending in .npz.
        config: constants.
        state: arrays.
        about: counters, as JSON can hold them.
        window: training responses.

    Raises:
        ValueError: another ending.
    """
    check_network_path(path)
    arrays: dict[str, Any] = {name: np.asarray(leaf) for part in state for name, leaf in part._asdict().items()}
    record = {"version": VERSION, "config": dataclasses.asdict(config), "about": about}
    arrays |= {"record": np.array(json.dumps(record)), **window.arrays()}
    with whole_file(path) as stream:
        np.savez(stream, **arrays)


def read_network(path: Path) -> tuple[SymSTDPConfig, NetworkState, dict[str, Any], dict[str, np.ndarray]]:
    """Read a network: constants, arrays, counters, and the arrays of its training responses.

    Raises:
        FileNotFoundError: no such file; ValueError: it holds no network.
    """
    try:
        arrays: dict[str, Any] = {**read_npz(path, {}, may=EVERY)}
        record = json.loads(str(arrays.pop("record")))
        state = NetworkState(Plastic(*map(arrays.pop, Plastic._fields)), Cells(*map(arrays.pop, Cells._fields)))
        if record["version"] != VERSION:
            raise ValueError(f"{path} is of version {record['version']}, this symplast reads version {VERSION}")
        return SymSTDPConfig(**record["config"]), state, record["about"], arrays
    except (KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} holds no network of SymSTDPClassifier.save, or is damaged") from error


def read_examples(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of the user's own: arrays X (n, pixels) or (n, height, width), and y (n,), in an .npz file.

    Returns:
        X as rows, and y; what they hold is checked where they are used.

    Raises:
        FileNotFoundError: no such file; ValueError: it has no X and y of equal length.
    """
    arrays = read_npz(path, {"X": "(n, pixels)", "y": "(n,)"})
    X, y = arrays["X"], arrays["y"]
    if X.ndim < 2 or y.shape != X.shape[:1] or len(X) == 0:
        raise ValueError(f"{path} must hold X (n, pixels) and y (n,), got shapes {X.shape} and {y.shape}")
    return X.reshape(len(X), -1), y
