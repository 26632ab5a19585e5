"""Annotations through every format and back, and lines as broken as published ones."""

import contextlib

import numpy as np

from symplast.brain_symmetry.formats import (
    ImageLine,
    from_coco,
    from_symbrain,
    from_yolo,
    parse_line,
    to_coco,
    to_symbrain,
    to_yolo,
)

ENDS = ((49.06, 143.91), (243.12, 146.09))
BROKEN = (
    '[{"x": 49.06, "y": 143.91}, {"x": 243.12, "y": 146.09}]',
    '[{"x": 49.06, "y": 143.91} {"x": 243.12, "y": 146.09}]',
    '[{"x":49.06,"y":143.91}{"x":243.12,"y":146.09}]',
    "[{'x': 49.06, 'y': 143.91}, {'x': 243.12, 'y': 146.09}]",
    "[{'x': 49.06, 'y': 143.91} {'x': 243.12, 'y': 146.09}]",
    "[{'x': 49.06, 'y': 143.91}\n {'x': 243.12, 'y': 146.09}]",
    "[{x: 49.06, y: 143.91}, {x: 243.12, y: 146.09}]",
    '[{"y": 143.91, "x": 49.06} {"y": 146.09, "x": 243.12}]',
    '{"x": 49.06, "y": 143.91}, {"x": 243.12, "y": 146.09}',
    '[{"x": "49.06", "y": "143.91"}, {"x": "243.12", "y": "146.09"}]',
    "[[49.06, 143.91], [243.12, 146.09]]",
    "[(49.06, 143.91) (243.12, 146.09)]",
    '[{"x": 4.906e1, "y": 1.4391e2} {"x": 2.4312E+2, "y": 146.09}]',
)
"""One line as published, and broken in every way seen or feared."""


def share_read() -> float:
    """Share of :data:`BROKEN` that is read as the two points."""
    right = 0
    for text in BROKEN:
        with contextlib.suppress(ValueError):
            right += np.allclose(parse_line(text), ENDS, rtol=0, atol=1e-9)
    return right / len(BROKEN)


def largest_change(lines: int, rng: np.random.Generator) -> float:
    """Largest change of a coordinate, in pixels, of random lines and curves through COCO, YOLO and SymBrain's table.

    The curve is not part of SymBrain's table; it is compared after YOLO.
    """
    worst = 0.0
    for number in range(lines):
        width, height = (int(n) for n in rng.integers(32, 600, 2))
        ends = rng.uniform(0, 1, (2, 2)) * [width - 1, height - 1]
        along = np.linspace(0, 1, int(rng.integers(5, 60)))[:, None]
        curve = ends[0] + along * (ends[1] - ends[0]) + 3 * np.sin(np.pi * along) * [0, 1]
        first = ImageLine(f"{number}.png", width, height, _points(ends), _points(curve) if number % 2 else ())
        second = from_coco(to_coco([first]))[0]
        third = from_yolo(*to_yolo(second), second.image, width, height)
        name, fourth = from_symbrain(to_symbrain([third]))[0]
        assert name == first.image
        worst = max(worst, float(np.abs(np.array(fourth) - ends).max()))
        if first.polyline:
            worst = max(worst, float(np.abs(np.array(third.polyline) - np.array(first.polyline)).max()))
    return worst


def _points(array: np.ndarray) -> tuple:
    return tuple((float(x), float(y)) for x, y in array)
