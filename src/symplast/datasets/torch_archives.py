"""Tensors from PyTorch's .pth and .pt archives, read without PyTorch and without running any code they may hold."""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

STORAGES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4",
    "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip
MOST_BYTES = 2 << 30


class _Lazy:
    """Whatever else stands in an archive (a configuration, an optimiser): kept out, never made."""

    def __init__(self, *_: Any, **__: Any):
        pass

    def __setstate__(self, _: Any) -> None:
        pass


class _TensorsOnly(pickle.Unpickler):
    """Unpickles dicts, numbers and tensors. No class or function of any module is looked up."""

    def __init__(self, stream: Any, archive: ZipFile, root: str):
        super().__init__(stream)
        self._archive, self._root = archive, root

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) in (("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_parameter")):
            return {"_rebuild_tensor_v2": _tensor, "_rebuild_parameter": _parameter}[name]
        if module == "torch" and name in STORAGES:
            return name
        return _Lazy

    def persistent_load(self, pid: Any) -> np.ndarray:
        _, storage, key, _, count = pid
        if storage not in STORAGES:
            raise pickle.UnpicklingError(f"its tensors are of the unknown type {storage}")
        info = self._archive.getinfo(f"{self._root}/data/{key}")
        dtype = np.dtype(STORAGES[storage])
        if info.file_size > MOST_BYTES or info.file_size != int(count) * dtype.itemsize:
            raise pickle.UnpicklingError(f"its storage {key} does not have the size that it names")
        return np.frombuffer(self._archive.read(info), dtype)


def _tensor(storage: np.ndarray, offset: int, size: Any, stride: Any, *_: Any) -> np.ndarray:
    shape = tuple(int(n) for n in size)
    steps = tuple(int(n) for n in stride)
    last = int(offset) + sum((n - 1) * step for n, step in zip(shape, steps, strict=True) if n)
    if min((*shape, *steps, offset), default=0) < 0 or (0 not in shape and last >= storage.size):
        raise pickle.UnpicklingError("a tensor reaches beyond its storage")
    strides = [step * storage.itemsize for step in steps]
    return np.lib.stride_tricks.as_strided(storage[int(offset) :], shape, strides).copy()


def _parameter(tensor: np.ndarray, *_: Any) -> np.ndarray:
    return tensor


def read_torch(path: Path) -> dict[str, np.ndarray]:
    """All tensors of an archive that ``torch.save`` wrote (since PyTorch 1.6), by name.

    Tensors in a dict within a dict have both names, joined by ``/``.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, a damaged one, or one without tensors.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give an archive of torch.save")
    try:
        with ZipFile(path) as archive:
            inside = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            if len(inside) != 1:
                raise ValueError("it holds no data.pkl, or several")
            root = inside[0].removesuffix("/data.pkl")
            with archive.open(inside[0]) as stream:
                held = _TensorsOnly(stream, archive, root).load()
    except (BadZipFile, pickle.UnpicklingError, ValueError, KeyError, TypeError, AttributeError, IndexError, EOFError,
            OSError, ImportError) as error:  # fmt: skip
        raise ValueError(f"{path} must be an archive of torch.save; it can't be read as one: {error}") from error
    found = dict(_named(held, ""))
    if not found:
        raise ValueError(f"{path} holds no tensors: save the network's state_dict()")
    return found


def _named(held: Any, lead: str) -> list[tuple[str, np.ndarray]]:
    if isinstance(held, np.ndarray):
        return [(lead or "tensor", held)]
    if isinstance(held, dict):
        return [pair for name, part in held.items() for pair in _named(part, f"{lead}/{name}" if lead else str(name))]
    return []
