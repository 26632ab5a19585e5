"""What is written about one slice: a record with a fixed schema, checked when it is read."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from symplast.brain_symmetry.curved import CurvedMidline
from symplast.brain_symmetry.slicing import Line, Slice

Point = tuple[float, float]
Place = tuple[float, float, float]


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what is written: unknown keys are errors."""


class Annotation(Record, frozen=True):
    """One image with its midline. Pixels are (x, y) = (column, row), whole at pixel centres; world is RAS+ mm.

    Attributes:
        image: name of the PNG.
        subject, scan: whom it belongs to; the split never divides a subject.
        split: train, validation or test.
        width, height: of the image, pixels.
        contrast: T1, T2 or empty.
        plane: axial, coronal or sagittal.
        position_mm: world coordinate across the slice.
        pixel_mm: size of the square pixels.
        pixel_to_world: (3, 3) ``world = M [x y 1]^T``.
        normal, offset_mm: the mid-sagittal plane ``n . x = d``.
        line, line_mm: the straight midline's ends.
        polyline: the curved midline, pixels; empty where none was asked for.
        shift_mm: midline shift of the curved midline; None where there is none, or none to be seen.
        confidence: of the plane.
        flags: what speaks against it.
        source_sha256: of the scan's file; empty where it came from memory.
        intensity_range: what 0 and 255 stand for.
        version: of symplast.
        extra: what else the user asked to keep (age, sex, header fields), as text.
    """

    image: str
    subject: str
    scan: str
    width: int
    height: int
    plane: str
    position_mm: float
    pixel_mm: float
    pixel_to_world: tuple[Place, Place, Place]
    normal: Place
    offset_mm: float
    line: tuple[Point, Point]
    line_mm: tuple[Place, Place]
    polyline: tuple[Point, ...] = ()
    shift_mm: float | None = None
    confidence: float | None = None
    flags: tuple[str, ...] = ()
    contrast: str = ""
    split: str = ""
    source_sha256: str = ""
    intensity_range: tuple[float, float] = (0.0, 255.0)
    version: str = ""
    extra: dict[str, str] = {}


def annotate(
    piece: Slice, line: Line, normal: np.ndarray, offset_mm: float, *, image: str, subject: str, scan: str,
    curved: CurvedMidline | None = None, **more: Any,
) -> Annotation:  # fmt: skip
    """The record of a square slice with its midline."""
    from symplast import __version__

    rows, columns = piece.image.shape
    every = 1 if curved is None else max(1, len(curved.points) // 60)
    return Annotation(
        image=image,
        subject=subject,
        scan=scan,
        width=columns,
        height=rows,
        plane=piece.plane,
        position_mm=piece.position_mm,
        pixel_mm=float(piece.spacing[0]),
        pixel_to_world=_rows(piece.affine),
        normal=_rows([normal])[0],
        offset_mm=float(offset_mm),
        line=_rows(line.points),
        line_mm=_rows(line.points_mm),
        polyline=() if curved is None else _rows(curved.points[[*range(0, len(curved.points) - 1, every), -1]]),
        shift_mm=None if curved is None or not curved.visible else curved.shift_mm,
        contrast=piece.contrast,
        version=__version__,
        **more,
    )


def _rows(array: Any) -> Any:
    return tuple(tuple(float(value) for value in row) for row in array)


def write_record(annotation: Annotation) -> bytes:
    """The record as JSON."""
    return msgspec.json.format(msgspec.json.encode(annotation), indent=2) + b"\n"


def read_record(path: Path) -> Annotation:
    """Read a record.

    Raises:
        ValueError: not such a record; says which key.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Annotation)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not an annotation of ours: {error}") from error
