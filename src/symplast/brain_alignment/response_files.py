"""A user's own features, responses, regions and ceilings, from files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symplast.brain_alignment.algonauts import map_array
from symplast.datasets.arrays import EVERY, read_npz
from symplast.datasets.tables import listed, read_table
from symplast.datasets.units import NUMBERS, NamedUnit, Units

ID_NAMES = ("id", "ids", "image", "image_id", "nsd_id", "stimulus")
"""Names of a column that identifies images."""

ROI_PREFIX = "roi_"

LARGEST = 16 << 30
"""Bytes that are read from one .npz."""


class _AnyUnit(Units):
    def split(self, name: str) -> NamedUnit:
        """Features and responses may have any unit, which no score depends on."""
        return NamedUnit(name)


ANY = _AnyUnit("a number")


@dataclass(frozen=True, eq=False)
class Rows:
    """Numbers of images.

    Attributes:
        values: (images, columns); a memory map for .npy.
        ids: (images,) text, or None.
        rois: region -> mask of columns, from ``roi_<name>`` arrays.
        source: name of the file.
        decided: what was decided on reading, in words.
    """

    values: Any
    ids: NDArray[Any] | None
    rois: dict[str, NDArray[np.bool_]]
    source: str
    decided: tuple[str, ...] = ()


def read_features(path: str | Path) -> Rows:
    """Features: .npy (images, features); .npz with ``features`` and perhaps ``ids``; or a table, one image a row."""
    return _read(Path(path), "features", "features, one image a row")


def read_responses(path: str | Path) -> Rows:
    """Responses: .npy (images, voxels); .npz with ``responses``, perhaps ``ids`` and masks ``roi_<name>``; or a
    table."""
    return _read(Path(path), "responses", "responses, one image a row")


def _read(path: Path, name: str, what: str) -> Rows:
    if path.suffix == ".npy":
        return Rows(_table(map_array(path, what), path), None, {}, path.name)
    if path.suffix == ".npz":
        found = read_npz(path, {name: "(images, columns)"}, EVERY, LARGEST)
        values = _table(found[name], path)
        ids = None if "ids" not in found else _ids(found["ids"], len(values), path)
        rois = {key.removeprefix(ROI_PREFIX): value for key, value in found.items() if key.startswith(ROI_PREFIX)}
        for roi, mask in rois.items():
            if mask.dtype != bool or mask.shape != (values.shape[1],):
                raise ValueError(
                    f"{path}: roi_{roi} must be a boolean mask of shape ({values.shape[1]},), got "
                    f"{mask.dtype}{list(mask.shape)}"
                )
        return Rows(values, ids, rois, path.name)
    table = read_table(path, what=what, also=".npy, .npz", header=None)
    column = next((c for c in table.names if c.strip().lower() in ID_NAMES), None)
    if column is None:
        values, decided = table.matrix()
        return Rows(values, None, {}, table.source, decided)
    others = [c for c in table.names if c != column]
    numbers = table.numbers({c: (c, ANY) for c in others}, way_out="")
    values = np.stack([numbers.values[c] for c in others], axis=1)
    ids = _ids(table.text(column).astype(str), len(values), path)
    return Rows(values, ids, {}, table.source, (*numbers.decided, f"images identified by column {column}"))


def _table(values: Any, path: Path) -> Any:
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        raise ValueError(f"{path} must hold numbers, one image a row, got {values.dtype}{list(values.shape)}")
    return values


def _ids(values: NDArray[Any], rows: int, path: Path) -> NDArray[Any]:
    if values.shape != (rows,):
        raise ValueError(f"{path}: ids must have one entry a row, {rows}, got shape {values.shape}")
    ids = values.astype(str)
    unique, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        raise ValueError(f"{path}: ids must be different; these come more than once: {listed(unique[counts > 1], 8)}")
    return ids


def match_rows(X: Rows, Y: Rows) -> tuple[Any, Any, str]:
    """Features and responses of the same images, in the order of the responses, and how they were matched.

    By ids where both have them, else by position with equally many rows.

    Raises:
        ValueError: ids that only one side has (listed), or unequal numbers of rows.
    """
    if X.ids is not None and Y.ids is not None:
        only_x, only_y = np.setdiff1d(X.ids, Y.ids), np.setdiff1d(Y.ids, X.ids)
        if only_x.size or only_y.size:
            problems = []
            if only_y.size:
                problems.append(f"{only_y.size} only in {Y.source}: {listed(only_y, 6)}")
            if only_x.size:
                problems.append(f"{only_x.size} only in {X.source}: {listed(only_x, 6)}")
            raise ValueError(f"features and responses must have the same ids; {'; '.join(problems)}")
        place = {name: i for i, name in enumerate(X.ids.tolist())}
        return np.asarray(X.values)[[place[name] for name in Y.ids.tolist()]], Y.values, "matched by ids"
    if len(X.values) != len(Y.values):
        raise ValueError(
            f"features and responses must have equally many rows where they are matched by position, got shapes "
            f"{tuple(X.values.shape)} and {tuple(Y.values.shape)}; give both ids to match them by"
        )
    return X.values, Y.values, "matched by position"


def read_rois(path: str | Path, voxels: int) -> dict[str, NDArray[Any]]:
    """Regions: .npz with one boolean mask (or array of indices) a region; or a table with columns ``voxel`` and
    ``roi``.

    Raises:
        ValueError: another kind of file, voxels outside the responses.
    """
    file = Path(path)
    if file.suffix == ".npz":
        found = read_npz(file, {}, EVERY)
        if not found:
            raise ValueError(f"{file} must hold one mask a region, it holds nothing")
        return {name.removeprefix(ROI_PREFIX): value for name, value in found.items()}
    table = read_table(file, what="regions, with columns voxel and roi", also=".npz")
    if "voxel" not in table.names or "roi" not in table.names:
        raise ValueError(f"{file} must have columns voxel and roi; it has {listed(table.names)}")
    numbers = table.numbers({"voxel": ("voxel", NUMBERS)}, way_out="").values["voxel"]
    if not ((numbers == np.floor(numbers)) & (numbers >= 0) & (numbers < voxels)).all():
        raise ValueError(f"{file}: voxel must hold whole numbers from 0 to {voxels - 1}")
    names = table.text("roi")
    return {str(name): numbers[names == name].astype(np.intp) for name in dict.fromkeys(names.tolist())}


def read_groups(path: str | Path, ids: NDArray[Any] | None, rows: int) -> NDArray[Any]:
    """A label an image: a table with a column ``group`` and, to match by, one that identifies images.

    Raises:
        ValueError: no such column, ids that don't fit.
    """
    table = read_table(Path(path), what="groups of images, with a column group")
    if "group" not in table.names:
        raise ValueError(f"{path} must have a column group; it has {listed(table.names)}")
    labels = table.text("group").astype(str)
    column = next((c for c in table.names if c.strip().lower() in ID_NAMES), None)
    if column is not None and ids is not None:
        own = table.text(column).astype(str)
        place = dict(zip(own.tolist(), labels.tolist(), strict=True))
        if missing := [name for name in ids.tolist() if name not in place]:
            raise ValueError(f"{path} must have every image; these are missing: {listed(missing, 8)}")
        return np.array([place[name] for name in ids.tolist()])
    if len(labels) != rows:
        raise ValueError(f"{path} must have one row an image, {rows}, got {len(labels)}")
    return labels


def read_numbers(path: str | Path, what: str, dimensions: Sequence[int]) -> Any:
    """A .npy of numbers with one of some numbers of dimensions.

    Raises:
        ValueError: another kind of array.
    """
    file = Path(path)
    values = map_array(file, what)
    if values.ndim not in dimensions or values.dtype.kind not in "biuf":
        raise ValueError(f"{file} must hold {what}, got {values.dtype}{list(values.shape)}")
    return values
