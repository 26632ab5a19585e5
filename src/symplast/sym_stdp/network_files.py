"""Networks in files: one .npz with all arrays, constants and counters."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from symplast.sym_stdp.circuit import Cells, NetworkState, Plastic
from symplast.sym_stdp.config import SymSTDPConfig
from symplast.sym_stdp.readouts import ResponseWindow

VERSION = 1


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
    if path.suffix != ".npz":
        raise ValueError(f"path must end in .npz, got {path}")
    arrays: dict[str, Any] = {name: np.asarray(leaf) for part in state for name, leaf in part._asdict().items()}
    record = {"version": VERSION, "config": dataclasses.asdict(config), "about": about}
    arrays |= {"record": np.array(json.dumps(record)), **window.arrays()}
    part = path.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez(stream, **arrays)
    part.replace(path)


def read_network(path: Path) -> tuple[SymSTDPConfig, NetworkState, dict[str, Any], dict[str, np.ndarray]]:
    """Read a network: constants, arrays, counters, and the arrays of its training responses.

    Raises:
        FileNotFoundError: no such file; ValueError: it holds no network.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        record = json.loads(str(arrays.pop("record")))
        state = NetworkState(Plastic(*map(arrays.pop, Plastic._fields)), Cells(*map(arrays.pop, Cells._fields)))
        if record["version"] != VERSION:
            raise ValueError(f"{path} is of version {record['version']}, this symplast reads version {VERSION}")
        return SymSTDPConfig(**record["config"]), state, record["about"], arrays
    except (KeyError, OSError, EOFError, json.JSONDecodeError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"{path} holds no network of SymSTDPClassifier.save: {error!r}") from error
