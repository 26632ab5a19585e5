"""What the commands say and write about one scan: a record, files of matrices, pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from symplast.brain_symmetry.curved import CurvedMidline, curved_midline
from symplast.brain_symmetry.measures import symmetry
from symplast.brain_symmetry.midplane import MidPlane, find_midplane
from symplast.brain_symmetry.overlays import NOT_DIAGNOSTIC, midline_figure
from symplast.brain_symmetry.planes import itk_transform
from symplast.brain_symmetry.slicing import RELATIVE, Line, Slice, line_in, slices
from symplast.brain_symmetry.volume import Volume
from symplast.lab.theme import render
from symplast.lab.whole_files import write_whole


@dataclass(frozen=True)
class SliceChoice:
    """Which slices: plane, positions, and what they are relative to."""

    plane: str = "axial"
    at: tuple[float, ...] = (-12.5, 0.0, 12.5)
    relative: str = "centroid"

    @classmethod
    def of(cls, text: str) -> "SliceChoice":
        """Read ``axial:-12.5,0,12.5mm``, ``coronal:0.25,0.5,0.75extent``, ``axial:90index`` or ``axial:10world``.

        Raises:
            ValueError: another form.

        Example:
            >>> SliceChoice.of("axial:0.25,0.5extent")
            SliceChoice(plane='axial', at=(0.25, 0.5), relative='extent')
        """
        plane, colon, rest = text.partition(":")
        relative = next((word for word in RELATIVE if rest.endswith(word)), "centroid")
        numbers = rest.removesuffix(relative).removesuffix("mm")
        try:
            at = tuple(float(word) for word in numbers.split(","))
        except ValueError:
            at = ()
        if not colon or not at or plane not in ("axial", "coronal"):
            raise ValueError(
                f"slices must read PLANE:NUMBERS such as axial:-12.5,0,12.5mm, coronal:0.25,0.5extent; got {text!r}"
            )
        return cls(plane, at, relative)


def plane_record(scan: Volume, found: MidPlane) -> dict[str, Any]:
    """The plane as plain numbers: what goes into ``midplane.json``."""
    plane = found.plane
    return {
        "scan": scan.name,
        "normal": plane.n.tolist(),
        "offset_mm": plane.d,
        "tilt_deg": plane.tilt_deg,
        "yaw_deg": plane.yaw_deg,
        "roll_deg": plane.roll_deg,
        "confidence": found.confidence,
        "curvature": list(found.curvature),
        "disagreement_deg": found.disagreement_deg,
        "flags": list(found.flags),
        "notes": list(found.notes),
        "centroid_mm": found.centroid.tolist(),
        "mask_radius_mm": found.radius_mm,
        "seconds": found.seconds,
        "reflection": plane.reflection.tolist(),
        "alignment": plane.alignment().tolist(),
        "coordinates": "world, RAS+, mm",
        "note": NOT_DIAGNOSTIC,
    }


@dataclass(frozen=True, eq=False)
class ScanReport:
    """A scan with its plane, slices and measures."""

    scan: Volume
    found: MidPlane
    pieces: tuple[Slice, ...]
    lines: tuple[Line | None, ...]
    curves: tuple[CurvedMidline | None, ...]
    measures: Mapping[str, float]

    @property
    def row(self) -> dict[str, Any]:
        """One row of ``symmetry.csv``."""
        plane = plane_record(self.scan, self.found)
        kept = ("scan", "offset_mm", "tilt_deg", "yaw_deg", "roll_deg", "confidence", "disagreement_deg", "seconds")
        n = dict(zip(("n_x", "n_y", "n_z"), plane["normal"], strict=True))
        shifts: dict[str, float] = {}
        for number, (piece, curve) in enumerate(zip(self.pieces, self.curves, strict=True), 1):
            shifts[f"slice_{number}_mm"] = piece.position_mm
            shifts[f"shift_{number}_mm"] = float("nan") if curve is None or not curve.visible else curve.shift_mm
        return (
            {key: plane[key] for key in kept} | n | {"flags": "; ".join(plane["flags"])} | shifts | dict(self.measures)
        )

    def write(self, folder: Path) -> list[str]:
        """Write plane, transforms and pictures into a folder; the names of the files."""
        name = self.scan.name
        folder.mkdir(parents=True, exist_ok=True)
        figure = midline_figure(self.pieces, self.lines, self.curves, self.found.plane, name)
        files: dict[str, bytes | str] = {
            f"{name}_midplane.json": msgspec.json.format(
                msgspec.json.encode(plane_record(self.scan, self.found)), indent=2
            ),
            f"{name}_alignment.tfm": itk_transform(self.found.plane.alignment()),
            f"{name}_reflection.tfm": itk_transform(self.found.plane.reflection),
            f"{name}_midline.svg": render(figure, "svg"),
            f"{name}_midline.png": render(figure, "png"),
        }
        for file, content in files.items():
            write_whole(folder / file, content)
        return list(files)


def report_on(
    scan: Volume,
    choice: SliceChoice,
    *,
    labels: np.ndarray | None = None,
    pairs: Mapping[str, tuple[int, int] | int] | None = None,
    measure: bool = True,
    bias: bool = True,
    seed: int = 0,
) -> ScanReport:
    """Find a scan's plane, cut slices, draw lines, measure.

    Args:
        scan: the scan.
        choice: which slices.
        labels: label map on the scan's grid.
        pairs: left and right labels.
        measure: also compare the two sides.
        bias, seed: for :func:`find_midplane`.

    Raises:
        ValueError: slices outside the scan, or labels that the map lacks.
    """
    found = find_midplane(scan, bias=bias, seed=seed)
    try:
        pieces = slices(scan, choice.plane, choice.at, relative=choice.relative, centroid=found.centroid)
    except ValueError as error:
        raise ValueError(str(error).replace("at must", "slices must", 1)) from error
    lines: list[Line | None] = []
    curves: list[CurvedMidline | None] = []
    for piece in pieces:
        try:
            lines.append(line_in(found.plane, piece))
            curves.append(curved_midline(piece, found.plane) if scan.contrast else None)
        except ValueError:  # a slice above the head has no midline; the others do
            lines = [*lines[: len(curves)], None]
            curves.append(None)
    measures = symmetry(scan, found.plane, labels=labels, pairs=pairs) if measure or pairs else {}
    return ScanReport(scan, found, tuple(pieces), tuple(lines), tuple(curves), measures)


def parse_pairs(text: str) -> dict[str, tuple[int, int] | int]:
    """Read ``92:93`` or ``ventricle=92:93,cerebellum=17`` (a label that the plane splits).

    Raises:
        ValueError: another form, or a name twice.

    Example:
        >>> parse_pairs("ventricle=92:93,4:43,cerebellum=17")
        {'ventricle': (92, 93), '4-43': (4, 43), 'cerebellum': 17}
    """
    found: dict[str, tuple[int, int] | int] = {}
    for part in text.split(","):
        name, equals, numbers = part.strip().rpartition("=")
        words = numbers.split(":")
        try:
            values = [int(word) for word in words]
        except ValueError:
            values = []
        if len(values) not in (1, 2) or len(values) != len(words):
            raise ValueError(f"pairs must read LEFT:RIGHT or NAME=LEFT:RIGHT, commas between, got {part.strip()!r}")
        key = name if equals and name else "-".join(words)
        if key in found:
            raise ValueError(f"pairs must give each name once, {key!r} appears twice")
        found[key] = (values[0], values[1]) if len(values) == 2 else values[0]
    return found


def table_of(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Rows as a DataFrame; columns that some rows lack stay empty there."""
    import pandas as pd

    return pd.DataFrame(list(rows))
