"""Arrays from .safetensors files: a header of JSON, then plain numbers; no code can hide in one."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1",
    "BOOL": "?",
}  # fmt: skip
BF16 = "BF16"
LONGEST_HEADER = 100_000_000


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file that the safetensors library wrote; bfloat16 becomes float32, which holds it exactly.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, a damaged one, or a type of numbers that NumPy lacks.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "net.safetensors"
        >>> header = b'{"W":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}'
        >>> _ = path.write_bytes(len(header).to_bytes(8, "little") + header + np.array([1, 2], "<f4").tobytes())
        >>> read_safetensors(path)
        {'W': array([[1., 2.]], dtype=float32)}
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give a .safetensors file")
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little") if len(content) >= 8 else LONGEST_HEADER + 1
    if size > min(LONGEST_HEADER, len(content) - 8):
        raise ValueError(f"{path} must be a .safetensors file; its header is longer than the file, so it is none")
    try:
        header: dict[str, Any] = json.loads(content[8 : 8 + size])
        header.pop("__metadata__", None)
        return {str(name): _array(name, about, content, 8 + size) for name, about in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} must be a .safetensors file; it can't be read as one: {error}") from error


def _array(name: str, about: dict[str, Any], content: bytes, start: int) -> np.ndarray:
    kind, shape = about["dtype"], tuple(int(n) for n in about["shape"])
    begin, end = (start + int(offset) for offset in about["data_offsets"])
    if kind not in TYPES and kind != BF16:
        raise ValueError(f"array {name} has numbers of type {kind}, which can't be read")
    dtype = np.dtype(TYPES.get(kind, "<u2"))
    if min(shape, default=0) < 0 or not start <= begin <= end <= len(content):
        raise ValueError(f"array {name} lies outside the file")
    if math.prod(shape) * dtype.itemsize != end - begin:
        raise ValueError(f"array {name} of shape {list(shape)} does not fill its {end - begin} bytes")
    values = np.frombuffer(content, dtype, math.prod(shape), begin).reshape(shape)
    if kind == BF16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values
