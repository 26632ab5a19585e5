"""V1-like and pooled voxels computed from photographs: what mean pooling loses."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter
from scipy.signal import fftconvolve

CROP = 70
"""Pixels a side of a crop."""

CELLS = 7
"""Cells a side of the grid."""

ANGLES = 4
BANDS = ((8.0, 3.0), (4.0, 2.0))
"""Period and Gaussian SD of the Gabor filters, in pixels."""

PHOTOGRAPHS = ("china.jpg", "flower.jpg")
HIGH_PASS = 8.0
FIELD = 4.0

Floats = NDArray[np.float64]


class Crops(NamedTuple):
    """Crops and what is computed from them.

    Attributes:
        grid: (crops, 392) energies in 7 x 7 cells.
        pooled: (crops, 8) energies over the whole crop.
        early: (crops, 40) one energy in a Gaussian field each.
        semantic: (crops, 20) random mixes of the pooled energies.
        tests: (crops,) whether it is from the right half, which tests.
    """

    grid: Floats
    pooled: Floats
    early: Floats
    semantic: Floats
    tests: NDArray[np.bool_]


def gabor(period: float, sigma: float, angle: float) -> NDArray[np.complex128]:
    """A complex Gabor filter without a mean."""
    half = int(np.ceil(3 * sigma))
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    window = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    wave = np.exp(2j * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
    return window * (wave - (window * wave).sum() / window.sum()) / window.sum()


@lru_cache(maxsize=1)
def energy_maps() -> tuple[tuple[Floats, Floats], ...]:
    """For each photograph: (8, rows, columns) Gabor energies, and (rows, columns) local variance over a crop's size.

    The photograph is grey, minus its Gaussian blur of 8 pixels.
    """
    from sklearn.datasets import load_sample_image

    found = []
    for name in PHOTOGRAPHS:
        grey = load_sample_image(name).astype(np.float64).mean(axis=2) / 255
        sharp = grey - gaussian_filter(grey, HIGH_PASS)
        maps = [
            np.abs(fftconvolve(sharp, gabor(period, sigma, np.pi * k / ANGLES), mode="same")) ** 2
            for period, sigma in BANDS
            for k in range(ANGLES)
        ]
        variance = uniform_filter(sharp**2, CROP) - uniform_filter(sharp, CROP) ** 2
        found.append((np.stack(maps), variance))
    return tuple(found)


def draw_crops(random: np.random.Generator, train: int = 1600, test: int = 400, field: float = FIELD) -> Crops:
    """Crops of the left halves to train and of the right halves to test; every energy is divided by the crop's
    variance.

    Args:
        random: of places and voxels.
        train, test: crops over both photographs.
        field: SD of the V1-like voxels' Gaussian fields, in pixels.
    """
    channels = ANGLES * len(BANDS)
    chosen = random.integers(channels, size=40)
    places = random.integers(15, CROP - 15, size=(40, 2))
    mixes = random.standard_normal((channels, 20))
    starts = np.arange(CELLS) * (CROP // CELLS) + CROP // CELLS // 2
    parts = []
    for maps, variance in energy_maps():
        rows, columns = variance.shape
        boxes = np.stack([uniform_filter(own, CROP // CELLS) for own in maps])
        fields = np.stack([gaussian_filter(own, field) for own in maps])
        for testing, count in ((False, train // len(PHOTOGRAPHS)), (True, test // len(PHOTOGRAPHS))):
            middle = columns // 2
            y = random.integers(0, rows - CROP + 1, size=count)
            x = (
                random.integers(middle, columns - CROP + 1, size=count)
                if testing
                else random.integers(0, middle - CROP + 1, size=count)
            )
            scale = variance[y + CROP // 2, x + CROP // 2]
            cells = boxes[:, y[:, None, None] + starts[:, None], x[:, None, None] + starts]  # (8, crops, 7, 7)
            grid = np.moveaxis(cells, 0, -1) / scale[:, None, None, None]
            early = fields[chosen, y[:, None] + places[:, 0], x[:, None] + places[:, 1]] / scale[:, None]
            parts.append((grid.reshape(count, -1), grid.mean(axis=(1, 2)), early, np.full(count, testing)))
    grid, pooled, early, tests = (np.concatenate([part[k] for part in parts]) for k in range(4))
    spread = pooled.std(axis=0)
    return Crops(grid, pooled, early, (pooled / spread) @ mixes, tests)


def noisy(random: np.random.Generator, signals: Floats, r_ceiling: float) -> Floats:
    """Signals at unit SD with noise for a ceiling in r units."""
    unit = (signals - signals.mean(axis=0)) / signals.std(axis=0)
    return unit + np.sqrt(1 / r_ceiling**2 - 1) * random.standard_normal(signals.shape)
