"""Responses of the Natural Scenes Dataset, as the Algonauts 2023 challenge prepared them, and its single trials.

The files are the user's own, under the terms of the data set; nothing is downloaded.
"""

import pickle
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symplast.datasets.reductions import NUMPY_TYPES

CLASSES = ("prf-visualrois", "floc-bodies", "floc-faces", "floc-places", "floc-words", "streams")
"""The six classes of regions."""

SUBJECTS = range(1, 9)

TRIALS_A_SESSION = 750


@dataclass(frozen=True, eq=False)
class Responses:
    """Responses of one subject's hemisphere.

    Attributes:
        Y: (images, vertices) float32, averaged over presentations; a memory map.
        images: files of the images, row by row; empty where there is no folder of them.
        ids: NSD number of each image, -1 where the name has none.
        rois: region -> indices of vertices.
        subject, hemisphere: whose.
    """

    Y: Any
    images: tuple[Path, ...]
    ids: NDArray[np.int64]
    rois: dict[str, NDArray[np.intp]]
    subject: int
    hemisphere: str


class _MappingOnly(pickle.Unpickler):
    """Unpickles NumPy arrays, their scalars, and what needs no class: dict, int, str."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = NUMPY_TYPES | {("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar")}
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a mapping of labels")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_mapping(path: Path) -> dict[int, str]:
    """Label -> name of a region, from ``mapping_<class>.npy``, which holds a pickled dict; no code of it can run.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        with path.open("rb") as stream:
            np.lib.format.read_magic(stream)
            _, _, dtype = np.lib.format.read_array_header_1_0(stream)
            held = _MappingOnly(stream).load() if dtype.hasobject else None
        found = held.item() if isinstance(held, np.ndarray) and held.shape == () else held
        if not isinstance(found, dict):
            raise ValueError("it holds no dict")
        return {int(label): str(name) for label, name in found.items()}
    except (ValueError, EOFError, TypeError, AttributeError, IndexError, KeyError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} must hold a mapping from labels to names: {error}") from error


def load_algonauts(
    root: str | Path,
    subject: int,
    hemisphere: str,
    rois: Sequence[str] | None = None,
    *,
    preset: str | None = None,
) -> Responses:
    """Training responses of the Algonauts 2023 challenge.

    The paper's "V1-V3" is the whole class ``prf-visualrois``, which includes hV4. By default regions are sub-labels by
    name (``V1v``, ``V1d``, ``hV4``, ``FFA-1``, ...).

    Args:
        root: folder that holds ``subj01`` to ``subj08``.
        subject: 1 to 8.
        hemisphere: ``lh`` or ``rh``.
        rois: sub-labels wanted; a tuple-like name ``V1v+V1d`` joins several. Left out: every sub-label that is there.
        preset: ``paper``: the six classes, every label above 0.

    Raises:
        FileNotFoundError: a file that is missing.
        ValueError: shapes that don't fit, an unknown region.

    Source:
        Gifford et al. 2023, arXiv:2301.03198.
    """
    if subject not in SUBJECTS or hemisphere not in ("lh", "rh"):
        raise ValueError(f"subject must be 1 to 8 and hemisphere 'lh' or 'rh', got {subject!r} and {hemisphere!r}")
    if preset not in (None, "paper") or (preset and rois):
        raise ValueError("preset must be 'paper' or left out, and goes without rois")
    place = Path(root) / f"subj{subject:02d}"
    path = place / "training_split" / "training_fmri" / f"{hemisphere}_training_fmri.npy"
    Y = map_array(path, "responses of shape (images, vertices)")
    folder = place / "training_split" / "training_images"
    images = tuple(sorted(folder.glob("*.png"))) if folder.is_dir() else ()
    if images and len(images) != len(Y):
        raise ValueError(f"{folder} must have one image a row of {path.name}, {len(Y)}, got {len(images)}")
    numbers = [re.search(r"nsd-?(\d{5})", image.name) for image in images]
    ids = np.array([int(found[1]) if found else -1 for found in numbers], dtype=np.int64)
    labels = _labels(place / "roi_masks", hemisphere, Y.shape[1])
    if not labels:
        raise FileNotFoundError(f"no file {place / 'roi_masks' / f'{hemisphere}.prf-visualrois_challenge_space.npy'}")
    chosen: dict[str, NDArray[np.intp]] = {}
    if preset == "paper":
        chosen = {name: np.flatnonzero(own > 0) for name, (own, _) in labels.items()}
    else:
        known = {
            name: np.flatnonzero(own == label)
            for own, names in labels.values()
            for label, name in names.items()
            if label
        }
        for wanted in known if rois is None else rois:
            parts = wanted.split("+")
            if unknown := [part for part in parts if part not in known]:
                raise ValueError(f"rois must be of {', '.join(known)}, got {', '.join(map(repr, unknown))}")
            chosen[wanted] = np.unique(np.concatenate([known[part] for part in parts]))
    return Responses(Y, images, ids, chosen, subject, hemisphere)


def _labels(folder: Path, hemisphere: str, vertices: int) -> dict[str, tuple[NDArray[Any], dict[int, str]]]:
    found = {}
    for name in CLASSES:
        path = folder / f"{hemisphere}.{name}_challenge_space.npy"
        if not path.is_file():
            continue
        own = np.asarray(map_array(path, "integer labels, one a vertex"))
        if own.shape != (vertices,):
            raise ValueError(f"{path} must have one label a vertex, {vertices}, got shape {own.shape}")
        found[name] = own, read_mapping(folder / f"mapping_{name}.npy")
    return found


def map_array(path: Path, what: str) -> Any:
    """An .npy file as a read-only memory map; pickled objects are refused.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give {what}")
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        told = " ".join(str(error).split())[:120]
        raise ValueError(f"{path} must hold {what}, a .npy of numpy.save without pickled objects: {told}") from None


def load_nsd(
    root: str | Path, subject: int, sessions: Sequence[int], *, voxels: Any = None, design: str | Path | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Single trials of the Natural Scenes Dataset, grouped by image: what noise ceilings need.

    Args:
        root: folder of ``betas_session01.hdf5`` and so on, each with ``betas`` (750 trials, ..., voxels last after
            flattening).
        subject: 1 to 8, whose columns of the design count.
        sessions: numbers of scan days, from 1.
        voxels: indices into the flattened volume; None: all (large).
        design: ``nsd_expdesign.mat``; by default in ``root``.

    Returns:
        (images, 3, voxels) responses of images shown three times in these sessions, and the images' numbers.

    Raises:
        FileNotFoundError: a file that is missing.
        ValueError: no image is shown three times, sessions that the design lacks.
    """
    import h5py
    from scipy.io import loadmat

    place = Path(root)
    plan = Path(design) if design is not None else place / "nsd_expdesign.mat"
    if not plan.is_file():
        raise FileNotFoundError(f"no file {plan}; give the design of the experiment with design=")
    held = loadmat(plan)
    order, numbers = held["masterordering"].ravel(), held["subjectim"]
    trials, shown = [], []
    for session in sessions:
        if not 1 <= session <= order.size // TRIALS_A_SESSION:
            raise ValueError(f"sessions must lie in 1 to {order.size // TRIALS_A_SESSION}, got {session}")
        path = place / f"betas_session{session:02d}.hdf5"
        if not path.is_file():
            raise FileNotFoundError(f"no file {path}")
        with h5py.File(path) as file:
            betas = np.asarray(file["betas"]).reshape(TRIALS_A_SESSION, -1)
        own = betas if voxels is None else betas[:, np.asarray(voxels)]
        trials.append(own.astype(np.float32) / 300)  # stored as int16, 300 a per cent
        shown.append(order[(session - 1) * TRIALS_A_SESSION : session * TRIALS_A_SESSION])
    which = numbers[subject - 1, np.concatenate(shown).astype(int) - 1]
    D, images = np.concatenate(trials), []
    rows = []
    for image in np.unique(which):
        at = np.flatnonzero(which == image)
        if at.size >= 3:
            rows.append(D[at[:3]])
            images.append(int(image))
    if not rows:
        raise ValueError("sessions must hold images that are shown three times; give more sessions")
    return np.stack(rows), np.array(images, dtype=np.int64)
