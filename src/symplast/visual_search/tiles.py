"""The items of the six array experiments, pixel by pixel (8-bit grey)."""

import numpy as np

ARC_SIDE, SHADED_SIDE, LETTER_SIDE, BAR_SIDE = 48, 31, 177, 69

_ARC_ROWS: dict[int, tuple[tuple[int, int], ...]] = {
    19: ((6, 6), (8, 8), (41, 42)), 20: ((4, 9), (40, 44)), 21: ((4, 11), (38, 44)), 22: ((3, 13), (35, 45)),
    23: ((4, 15), (33, 44)), 24: ((4, 19), (30, 44)), 25: ((5, 43),), 26: ((6, 42),), 27: ((8, 40),), 28: ((10, 38),),
    29: ((12, 36),), 30: ((14, 34),), 31: ((19, 29),),
}  # fmt: skip
"""Columns (both ends included) of the white px of an arc, by row: radius 30 around (24, -2), 52 to 127 degrees."""


def rotate(tile: np.ndarray, degrees: float, fill: int) -> np.ndarray:
    """Turn counter-clockwise about (t/2, t/2), bilinear, rounded; the same size, outside filled.

    Example:
        >>> rotate(np.eye(3, dtype=np.uint8), 0, 0).tolist()
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    t = tile.shape[0]
    angle = np.radians(degrees)
    cosine, sine = np.round([np.cos(angle), np.sin(angle)], 14)
    y, x = np.mgrid[:t, :t] - t / 2
    source_x, source_y = cosine * x - sine * y + t / 2, sine * x + cosine * y + t / 2
    x0, y0 = np.floor(source_x).astype(int), np.floor(source_y).astype(int)
    fx, fy = source_x - x0, source_y - y0

    def at(row: np.ndarray, column: np.ndarray) -> np.ndarray:
        inside = (row >= 0) & (row < t) & (column >= 0) & (column < t)
        return np.where(inside, tile[np.clip(row, 0, t - 1), np.clip(column, 0, t - 1)].astype(float), float(fill))

    value = (1 - fy) * ((1 - fx) * at(y0, x0) + fx * at(y0, x0 + 1)) + fy * (
        (1 - fx) * at(y0 + 1, x0) + fx * at(y0 + 1, x0 + 1)
    )
    return np.floor(value + 0.5).astype(np.uint8)


def curvature(curved: bool) -> list[np.ndarray]:
    """An arc or a line, white on black, turned by -45, -90, -135 and 180 degrees.

    Example:
        >>> [round(float(tile.mean()), 2) for tile in curvature(False)[1::2]]
        [23.91, 23.91]
    """
    tile = np.zeros((ARC_SIDE, ARC_SIDE), np.uint8)
    if curved:
        for row, spans in _ARC_ROWS.items():
            for first, last in spans:
                tile[row, first : last + 1] = 255
    else:
        tile[21:27, 6:42] = 255
    return [rotate(tile, degrees, 0) for degrees in (-45, -90, -135, 180)]


def shading(towards: str) -> np.ndarray:
    """A disc shaded in steps on grey 27, bright at its ``bottom``, ``top``, ``right`` or ``left``.

    Example:
        >>> round(float(shading("bottom").mean()), 3)
        96.787
    """
    y, x = np.mgrid[:SHADED_SIDE, :SHADED_SIDE]
    levels = np.broadcast_to(17 * (y // 2), y.shape)
    bottom = np.where((y - 15) ** 2 + (x - 15) ** 2 < 225, levels, 27).astype(np.uint8)
    return {"bottom": bottom, "top": bottom[::-1], "right": bottom.T, "left": bottom.T[:, ::-1]}[towards].copy()


def crossing(crossed: bool) -> list[np.ndarray]:
    """A cross, or its bar in two halves that don't cross, black on white, in four orientations.

    Example:
        >>> [round(float(crossing(crossed)[0].mean()), 3) for crossed in (True, False)]
        [212.895, 213.505]
    """
    drawn = np.full((165, 165), 255, np.uint8)
    drawn[:, 74:90] = 0
    if crossed:
        drawn[49:66] = 0
    else:
        drawn[49:66, :82] = 0
        drawn[99:115, 82:] = 0
    return _four(drawn)


def letter(name: str) -> list[np.ndarray]:
    """T or L, black on white, in four orientations.

    Example:
        >>> [round(float(letter(name)[0].mean()), 3) for name in "LT"]
        [212.895, 214.108]
    """
    drawn = np.full((165, 165), 255, np.uint8)
    if name == "L":
        drawn[:, :16] = 0
        drawn[148:] = 0
    else:
        drawn[:, 74:90] = 0
        drawn[:16] = 0
    return _four(drawn)


def _four(drawn: np.ndarray) -> list[np.ndarray]:
    tile = np.full((LETTER_SIDE, LETTER_SIDE), 255, np.uint8)
    tile[6:171, 6:171] = drawn
    return [tile, tile[::-1].copy(), tile.T.copy(), tile.T[:, ::-1].copy()]


def bar(degrees: float) -> np.ndarray:
    """A black bar on white, 60 x 9 px, turned from the vertical counter-clockwise.

    Example:
        >>> round(float(bar(0).mean()), 2)
        226.08
    """
    tile = np.zeros((BAR_SIDE, BAR_SIDE), np.uint8)
    tile[4:64, 30:39] = 255
    return np.asarray(255 - rotate(tile, degrees, 0), np.uint8)
