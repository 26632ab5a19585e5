"""SceneWorld: pictures of simple scenes with exact truth, drawn from a seed, and read back from their bytes.

A scene has 3 x 3 cells. A kind of shape comes one to six times, two others once each; kinds differ in colour. Bytes are
a pure function of the seed: draws come from SHA-256 and the PNG is stored uncompressed.
"""

import hashlib
import struct
import zlib
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

KINDS = ("circle", "square", "triangle", "cross", "diamond", "ring")
COLOURS = ("red", "green", "blue", "yellow", "purple", "orange")
SIZES = ("small", "large")
ACTIVITIES = ("standing still", "moving", "holding something")
"""Icons: two lines at the left are moving, a bar underneath is something held."""

RGB = (
    (255, 255, 255),
    (220, 30, 30),
    (30, 160, 60),
    (40, 80, 220),
    (240, 200, 30),
    (140, 50, 170),
    (245, 130, 20),
    (0, 0, 0),
)
INK = 7
CELL = 8
SIDE = 3 * CELL

_SHAPES = {
    ("large", "circle"): ".####. ###### ###### ###### ###### .####.",
    ("large", "square"): "###### ###### ###### ###### ###### ######",
    ("large", "triangle"): "..##.. ..##.. .####. .####. ###### ######",
    ("large", "cross"): "##..## ###### .####. .####. ###### ##..##",
    ("large", "diamond"): "..##.. .####. ###### ###### .####. ..##..",
    ("large", "ring"): ".####. ##..## #....# #....# ##..## .####.",
    ("small", "circle"): ".##. #### #### .##.",
    ("small", "square"): "#### #### #### ####",
    ("small", "triangle"): ".##. .##. #### ####",
    ("small", "cross"): "#..# .##. .##. #..#",
    ("small", "diamond"): ".#.. ###. .#.. ....",
    ("small", "ring"): "#### #..# #..# ####",
}


@dataclass(frozen=True)
class SceneObject:
    """One shape: what it is and the cell that it is in (0 to 8, row by row)."""

    kind: str
    colour: str
    size: str
    activity: str
    cell: int

    @property
    def row(self) -> int:
        """0 at the top."""
        return self.cell // 3

    @property
    def column(self) -> int:
        """0 at the left."""
        return self.cell % 3


@dataclass(frozen=True)
class Scene:
    """A scene: its objects in the order of their cells.

    Example:
        >>> scene = draw_scene(3)
        >>> read_scene(scene.png()) == scene.objects
        True
        >>> sorted({o.kind for o in scene.objects})
        ['ring', 'square', 'triangle']
    """

    seed: int
    objects: tuple[SceneObject, ...]

    def of(self, kind: str) -> list[SceneObject]:
        """The objects of a kind."""
        return [o for o in self.objects if o.kind == kind]

    def png(self, scale: int = 1) -> bytes:
        """The picture as PNG, 24 pixels times ``scale`` a side."""
        return encode_png(render(self.objects), scale)


class Draws:
    """Whole numbers from SHA-256 of a text: the same on every machine and with every version of every library."""

    def __init__(self, text: str):
        self._text, self._count = text, 0

    def below(self, n: int) -> int:
        """A number from 0 to n - 1."""
        self._count += 1
        return int.from_bytes(hashlib.sha256(f"{self._text}:{self._count}".encode()).digest()[:8], "big") % n

    def some(self, values: tuple[str, ...] | tuple[int, ...], count: int) -> list:
        """Different values, in random order."""
        left = list(values)
        return [left.pop(self.below(len(left))) for _ in range(count)]


def draw_scene(seed: int) -> Scene:
    """The scene of a seed.

    Args:
        seed: any whole number.
    """
    draws = Draws(f"scene {seed}")
    kinds, colours = draws.some(KINDS, 3), draws.some(COLOURS, 3)
    while True:  # the two singles differ in row and column, so that all four relations are decided
        cells = draws.some(tuple(range(9)), 9)
        first, second = cells[0], cells[1]
        if first // 3 != second // 3 and first % 3 != second % 3:
            break
    many = 1 + draws.below(6)
    objects = []
    for kind, colour, where in ((0, 0, cells[2 : 2 + many]), (1, 1, [first]), (2, 2, [second])):
        size, activity = SIZES[draws.below(2)], ACTIVITIES[draws.below(3)]
        objects += [SceneObject(kinds[kind], colours[colour], size, activity, cell) for cell in where]
    return Scene(seed, tuple(sorted(objects, key=lambda o: o.cell)))


@cache
def template(kind: str, colour: str, size: str, activity: str) -> bytes:
    """The 8 x 8 colour numbers of an object's cell."""
    cell = np.zeros((CELL, CELL), np.uint8)
    rows = _SHAPES[size, kind].split()
    margin = (CELL - len(rows)) // 2
    mask = np.array([[letter == "#" for letter in row] for row in rows])
    cell[margin : margin + len(rows), margin : margin + len(rows)][mask] = 1 + COLOURS.index(colour)
    if activity == "moving":
        cell[[2, 5], 0] = INK
    elif activity == "holding something":
        cell[7, 3:5] = INK
    return cell.tobytes()


@lru_cache(maxsize=1)
def _objects_by_template() -> dict[bytes, tuple[str, str, str, str]]:
    found = {}
    for kind in KINDS:
        for colour in COLOURS:
            for size in SIZES:
                for activity in ACTIVITIES:
                    found[template(kind, colour, size, activity)] = (kind, colour, size, activity)
    return found


def render(objects: tuple[SceneObject, ...]) -> NDArray[np.uint8]:
    """(24, 24) colour numbers."""
    image = np.zeros((SIDE, SIDE), np.uint8)
    for o in objects:
        cell = np.frombuffer(template(o.kind, o.colour, o.size, o.activity), np.uint8).reshape(CELL, CELL)
        image[o.row * CELL : (o.row + 1) * CELL, o.column * CELL : (o.column + 1) * CELL] = cell
    return image


def encode_png(image: NDArray[np.uint8], scale: int = 1) -> bytes:
    """A PNG with a palette of the colours, 4 bits a pixel, stored without compression.

    Args:
        image: (rows, columns) colour numbers, an even number of columns.
        scale: pixels a side of each number.
    """
    big = image.repeat(scale, axis=0).repeat(scale, axis=1)
    packed = (big[:, ::2] << 4) | big[:, 1::2]
    raw = b"".join(b"\0" + row.tobytes() for row in packed)
    header = struct.pack(">IIBBBBB", big.shape[1], big.shape[0], 4, 3, 0, 0, 0)
    palette = b"".join(bytes(colour) for colour in RGB)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", _stored(raw)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def _stored(raw: bytes) -> bytes:
    """A zlib stream of stored blocks."""
    blocks = [raw[i : i + 65535] for i in range(0, len(raw), 65535)]
    out = b"\x78\x01"
    for i, block in enumerate(blocks):
        out += struct.pack("<BHH", i == len(blocks) - 1, len(block), len(block) ^ 0xFFFF) + block
    return out + struct.pack(">I", zlib.adler32(raw))


def decode_png(data: bytes) -> NDArray[np.uint8]:
    """(rows, columns) colour numbers of a PNG that :func:`encode_png` made, scale included.

    Raises:
        ValueError: another picture.
    """
    try:
        if data[:8] != b"\x89PNG\r\n\x1a\n":
            raise ValueError
        place, found = 8, b""
        width = height = 0
        while place < len(data):
            (length,) = struct.unpack(">I", data[place : place + 4])
            name, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
            if name == b"IHDR":
                width, height, depth, colour = struct.unpack(">IIBB", body[:10])
                if (depth, colour) != (4, 3) or width % 2 or not 0 < width * height <= 1 << 26:
                    raise ValueError
            elif name == b"PLTE" and body != b"".join(bytes(c) for c in RGB):
                raise ValueError
            elif name == b"IDAT":
                found += body
            place += 12 + length
        if not width * height:
            raise ValueError
        raw = np.frombuffer(zlib.decompressobj().decompress(found, height * (1 + width // 2)), np.uint8)
        raw = raw.reshape(height, 1 + width // 2)
        if raw[:, 0].any():
            raise ValueError
        image = np.empty((height, width), np.uint8)
        image[:, ::2], image[:, 1::2] = raw[:, 1:] >> 4, raw[:, 1:] & 15
        return image
    except (ValueError, struct.error, zlib.error):
        raise ValueError("the image is no picture of SceneWorld") from None


@lru_cache(maxsize=4096)
def read_scene(data: bytes) -> tuple[SceneObject, ...]:
    """The objects in a picture, read from its bytes.

    Args:
        data: a PNG of :meth:`Scene.png`, any scale.

    Raises:
        ValueError: another picture.
    """
    image = decode_png(data)
    if image.shape[0] != image.shape[1] or image.shape[0] % SIDE:
        raise ValueError("the image is no picture of SceneWorld")
    scale = image.shape[0] // SIDE
    small = image[scale // 2 :: scale, scale // 2 :: scale]
    objects = []
    for cell in range(9):
        row, column = divmod(cell, 3)
        found = small[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL]
        if found.any():
            what = _objects_by_template().get(found.tobytes())
            if what is None:
                raise ValueError("the image is no picture of SceneWorld")
            objects.append(SceneObject(*what, cell))
    return tuple(objects)
