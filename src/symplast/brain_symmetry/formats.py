"""Annotations in the formats that others read: COCO, YOLO, the published set's columns, Parquet; and back."""

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from symplast.brain_symmetry.annotation import Annotation, Point

CATEGORIES = (
    {"id": 1, "name": "midline", "keypoints": ["first", "last"], "skeleton": [[1, 2]]},
    {"id": 2, "name": "left"},
    {"id": 3, "name": "right"},
)
STRIP_PX = 1.0
"""Width of the strip that stands for a curve where only polygons are allowed."""

SYMBRAIN_COLUMNS = ("image", "line", "rad_score", "scan_visit")


@dataclass(frozen=True)
class ImageLine:
    """What formats other than ours keep of an image: its name and size, its midline's ends, its curve."""

    image: str
    width: int
    height: int
    line: tuple[Point, Point]
    polyline: tuple[Point, ...] = ()


def image_line(annotation: Annotation) -> ImageLine:
    """What other formats keep of an annotation."""
    a = annotation
    return ImageLine(a.image, a.width, a.height, a.line, a.polyline)


def to_coco(annotations: Sequence[Annotation | ImageLine]) -> dict[str, Any]:
    """COCO: the ends as keypoints, the curve as a strip in ``segmentation`` and, exactly, in ``polyline``."""
    images, found = [], []
    for number, each in enumerate(annotations, 1):
        images.append({"id": number, "file_name": each.image, "width": each.width, "height": each.height})
        curve = each.polyline or each.line
        (x0, y0), (x1, y1) = each.line
        strip = strip_of(curve)
        low, high = strip.min(axis=0), strip.max(axis=0)
        found.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "keypoints": [x0, y0, 2, x1, y1, 2],
                "num_keypoints": 2,
                "segmentation": [strip.ravel().tolist()],
                "bbox": [*low.tolist(), *(high - low).tolist()],
                "area": _area(strip),
                "iscrowd": 0,
                "polyline": [list(point) for point in each.polyline],
            }
        )
    return {"images": images, "annotations": found, "categories": [dict(each) for each in CATEGORIES]}


def from_coco(record: Mapping[str, Any]) -> list[ImageLine]:
    """Read :func:`to_coco`'s record.

    Raises:
        ValueError: not COCO with midlines as two keypoints; names what is missing.
    """
    try:
        images = {each["id"]: each for each in record["images"]}
        found = []
        for each in record["annotations"]:
            k, image = each["keypoints"], images[each["image_id"]]
            ends = ((float(k[0]), float(k[1])), (float(k[3]), float(k[4])))
            curve = tuple((float(x), float(y)) for x, y in each.get("polyline", ()))
            found.append(ImageLine(image["file_name"], int(image["width"]), int(image["height"]), ends, curve))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"not a COCO record with midlines as two keypoints: {type(error).__name__} {error}") from error
    return found


def to_yolo(each: Annotation | ImageLine) -> tuple[str, str]:
    """YOLO texts of one image: pose (class, box, two keypoints), segmentation (class, strip); shares of its size."""
    size = np.array([each.width, each.height], float)
    strip = strip_of(each.polyline or each.line)
    low, high = strip.min(axis=0) / size, strip.max(axis=0) / size
    ends = np.array(each.line) / size
    pose = [*((low + high) / 2), *(high - low), *ends[0], 2, *ends[1], 2]
    return (
        "0 " + " ".join(f"{value:.8g}" for value in pose) + "\n",
        "0 " + " ".join(f"{value:.8g}" for value in (strip / size).ravel()) + "\n",
    )


def from_yolo(pose: str, segmentation: str, image: str, width: int, height: int) -> ImageLine:
    """Read :func:`to_yolo`'s texts; the curve is the middle of the strip.

    Raises:
        ValueError: other than 11 numbers of a pose, or an odd strip.
    """
    size = np.array([width, height], float)
    numbers = [float(word) for word in pose.split()]
    if len(numbers) != 11:
        raise ValueError(f"{image}: a pose of two keypoints has 11 numbers, got {len(numbers)}")
    x0, y0, _, x1, y1, _ = numbers[5:]
    strip = np.array([float(word) for word in segmentation.split()[1:]])
    if strip.size % 4 or not strip.size:
        raise ValueError(f"{image}: a strip has an even number of points, got {strip.size / 2:g}")
    sides = strip.reshape(-1, 2) * size
    half = len(sides) // 2
    curve = (sides[:half] + sides[: half - 1 : -1]) / 2
    ends = ((x0 * width, y0 * height), (x1 * width, y1 * height))
    straight = half == 2 and np.allclose(curve, ends, atol=1e-3)
    return ImageLine(image, width, height, ends, () if straight else tuple((float(x), float(y)) for x, y in curve))


def to_symbrain(annotations: Sequence[Annotation | ImageLine], scores: Mapping[str, str] | None = None) -> str:
    """CSV with the published set's columns; ``line`` is strict JSON: a list of points with keys x and y.

    Args:
        annotations: one a row; ``scan_visit`` counts scans from 1.
        scores: image -> ``rad_score``, where there are any.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(SYMBRAIN_COLUMNS)
    visits: dict[str, int] = {}
    for each in annotations:
        scan = each.scan if isinstance(each, Annotation) else each.image
        visit = visits.setdefault(scan, len(visits) + 1)
        line = json.dumps([{"x": round(x, 4), "y": round(y, 4)} for x, y in each.line])
        writer.writerow([each.image, line, (scores or {}).get(each.image, ""), visit])
    return out.getvalue()


def from_symbrain(text: str) -> list[tuple[str, tuple[Point, ...]]]:
    """Image and points of each row of a CSV with the published set's columns.

    Raises:
        ValueError: columns that are missing, or lines that can't be read; all are listed.
    """
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    if not rows or not {"image", "line"} <= set(rows[0]):
        raise ValueError(
            f"a SymBrain table needs the columns image and line, it has {', '.join(rows[0]) if rows else 'no rows'}"
        )
    return _lines_of([(row["image"], row["line"]) for row in rows])


def read_symbrain_parquet(path: Path) -> list[tuple[str, tuple[Point, ...]]]:
    """Name (or number) and points of each row of a Parquet file of the published set; images are not decoded.

    Raises:
        ValueError: no column ``line``, or lines that can't be read.
    """
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=[n for n in pq.read_schema(path).names if n in ("line", "image")])
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} can't be read as Parquet: {' '.join(str(error).split())[:160]}") from error
    if "line" not in table.column_names:
        raise ValueError(f"{path} has no column line")
    names: list[str] = [str(number) for number in range(table.num_rows)]
    if "image" in table.column_names:
        for number, value in enumerate(table["image"].to_pylist()):
            shown = value.get("path") if isinstance(value, dict) else value
            names[number] = shown if isinstance(shown, str) and shown else names[number]
    return _lines_of(list(zip(names, table["line"].to_pylist(), strict=True)))


def _lines_of(rows: list[tuple[str, Any]]) -> list[tuple[str, tuple[Point, ...]]]:
    found, bad = [], []
    for number, (image, line) in enumerate(rows, 1):
        try:
            found.append((image, parse_line(line)))
        except ValueError as error:
            bad.append(f"row {number}: {error}")
    if bad:
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise ValueError("; ".join(bad[:5]) + more)
    return found


NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
KEYED = re.compile(rf"""["']?([xy])["']?\s*[:=]\s*["']?({NUMBER})["']?""")
PLAIN = re.compile(rf"[\[(]\s*({NUMBER})\s*[,;\s]\s*({NUMBER})\s*[\])]")
JUNK = re.compile(r"""[\s\[\]{}(),;"']*""")


def parse_line(text: Any) -> tuple[Point, ...]:
    """Points of a ``line`` as published: JSON where it is, and also without commas between points, with single quotes,
    bare keys or pairs in brackets. Nothing is evaluated.

    Raises:
        ValueError: fewer than two points, a point without x or y, or anything else in the text.

    Example:
        >>> parse_line('[{"x": 49.06, "y": 143.91} {"x": 243.12, "y": 146.09}]')
        ((49.06, 143.91), (243.12, 146.09))
    """
    if not isinstance(text, str):
        raise ValueError(f"a line must be text, got {type(text).__name__}")
    shown = text if len(text) <= 60 else text[:57] + "..."
    points: list[Point] = []
    keyed = KEYED.findall(text)
    if keyed:
        rest = KEYED.sub("", text)
        if len(keyed) % 2 or any({a, b} != {"x", "y"} for (a, _), (b, _) in zip(keyed[::2], keyed[1::2], strict=True)):
            raise ValueError(f"each point needs x and y, got {shown!r}")
        for (a, first), (_, second) in zip(keyed[::2], keyed[1::2], strict=True):
            pair = (float(first), float(second))
            points.append(pair if a == "x" else pair[::-1])
    else:
        rest = PLAIN.sub("", text)
        points = [(float(x), float(y)) for x, y in PLAIN.findall(text)]
    if not JUNK.fullmatch(rest):
        raise ValueError(f"a line must hold points with x and y only, got {shown!r}")
    if len(points) < 2:
        raise ValueError(f"a line needs at least two points, got {shown!r}")
    if not all(math.isfinite(value) for point in points for value in point):
        raise ValueError(f"points must be finite, got {shown!r}")
    return tuple(points)


def to_parquet(annotations: Sequence[Annotation], path: Path) -> None:
    """One row an image; nested fields as JSON text."""
    import pandas as pd

    from symplast.lab.whole_files import whole_file

    rows = []
    for each in annotations:
        row = msgspec.to_builtins(each)
        rows.append({k: json.dumps(v) if isinstance(v, list | tuple | dict) else v for k, v in row.items()})
    with whole_file(path) as stream:
        pd.DataFrame(rows).to_parquet(stream, index=False)


def from_parquet(path: Path) -> list[Annotation]:
    """Read :func:`to_parquet`'s file.

    Raises:
        ValueError: another file.
    """
    import pandas as pd

    try:
        rows = pd.read_parquet(path).to_dict("records")
        found = []
        for row in rows:
            plain = {str(k): json.loads(v) if isinstance(v, str) and v[:1] in "[{" else v for k, v in row.items()}
            plain = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in plain.items()}
            found.append(msgspec.convert(plain, Annotation))
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: not a table of annotations: {' '.join(str(error).split())[:160]}") from error
    return found


def strip_of(curve: Any) -> np.ndarray:
    """(2 n, 2) polygon of one pixel's width round a curve: one side forth, the other back."""
    points = np.asarray(curve, float)
    way = np.gradient(points, axis=0)
    side = np.column_stack([-way[:, 1], way[:, 0]]) / np.maximum(np.linalg.norm(way, axis=1), 1e-12)[:, None]
    return np.concatenate([points + STRIP_PX / 2 * side, (points - STRIP_PX / 2 * side)[::-1]])


def _area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
