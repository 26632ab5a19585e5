"""How unusual a scan's asymmetry is: against a reference cohort, or, uncalibrated, against itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symplast.brain_symmetry.asymmetry import PITCH_MM, Half, right_half
from symplast.brain_symmetry.midplane import find_midplane
from symplast.brain_symmetry.volume import Volume

LEAST_REFERENCE = 20
BLOCK_MM = 12.0
PERCENTILE = 99.0
MAD = 1.4826


@dataclass(frozen=True, eq=False)
class Normal:
    """What is normal at each voxel: the median, and 1.4826 MAD; one below a tenth of their median is raised to it."""

    median: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, maps: np.ndarray) -> "Normal":
        """From (n, voxels) asymmetries."""
        median = np.median(maps, axis=0)
        mad = MAD * np.median(np.abs(maps - median), axis=0)
        return cls(median, np.maximum(mad, max(0.1 * float(np.median(mad)), 1e-9)))

    def z(self, x: np.ndarray) -> np.ndarray:
        """Robust z of (voxels,) asymmetries."""
        return np.asarray((x - self.median) / self.spread)

    def percentile(self, x: np.ndarray) -> float:
        """99th percentile of \\|z\\|."""
        return float(np.percentile(np.abs(self.z(x)), PERCENTILE))


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """Mean and inverse covariance (Ledoit and Wolf's shrinkage) of block means."""

    mean: np.ndarray
    inverse: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "Ellipsoid":
        """From (n, blocks) means."""
        from sklearn.covariance import ledoit_wolf

        covariance, _ = ledoit_wolf(features)
        tiny = 1e-12 + 1e-9 * float(np.trace(covariance)) / len(covariance)
        return cls(features.mean(axis=0), np.linalg.inv(covariance + tiny * np.eye(len(covariance))))

    def distance(self, x: np.ndarray) -> float:
        """Mahalanobis distance of (blocks,) means."""
        off = x - self.mean
        return float(np.sqrt(max(off @ self.inverse @ off, 0)))


@dataclass(frozen=True, eq=False)
class CohortScore:
    """A scan against a cohort.

    Attributes:
        z: (i, j, k) robust z of the asymmetry in the right half, 0 outside the mask.
        affine: of the half grid.
        percentile: 99th percentile of \\|z\\|.
        mahalanobis: distance of the scan's block means from the cohort's.
        p_percentile: share of reference scans (each scored without itself) that reach it: (1 + count) / (n + 1).
        p_mahalanobis: the same for the distance.
        notes: what limits it.
    """

    z: np.ndarray
    affine: np.ndarray
    percentile: float
    mahalanobis: float
    p_percentile: float
    p_mahalanobis: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Cohort:
    """A reference of at least 20 scans of one contrast (and age).

    Attributes:
        voxels: median and spread of the reference at each voxel of the common mask.
        blocks: mean and covariance of its block means.
        mask: (i, j, k) of the right half.
        affine: of the half grid.
        contrast: of all scans.
        left_out_percentile: (n,) score of each reference scan without itself.
        left_out_mahalanobis: (n,) the same for the distance.
    """

    voxels: "Normal"
    blocks: "Ellipsoid"
    mask: np.ndarray
    affine: np.ndarray
    contrast: str
    left_out_percentile: np.ndarray
    left_out_mahalanobis: np.ndarray

    @classmethod
    def fit(cls, volumes: Sequence[Volume], ages: Any = None, *, pitch_mm: float = PITCH_MM) -> "Cohort":
        """Find planes, and fit to the scans' asymmetry.

        Args:
            volumes: at least 20 scans of one contrast.
            ages: (n,) ages; a spread beyond 4 (weeks) is refused: asymmetry changes with age.
            pitch_mm: of the grid.

        Raises:
            ValueError: fewer than 20 scans, several contrasts, or ages too far apart.
        """
        contrasts = {volume.contrast for volume in volumes}
        if len(volumes) >= LEAST_REFERENCE and len(contrasts) > 1:
            raise ValueError(
                f"volumes must be of one contrast, got {', '.join(sorted(c or 'unknown' for c in contrasts))}"
            )
        if ages is not None and (len(ages) != len(volumes) or np.ptp(np.asarray(ages, float)) > 4):
            raise ValueError(
                "ages must give one number a scan, within 4 weeks of each other; fit one cohort an age bin"
            )
        check_reference(len(volumes))
        return cls.of_halves([half_of(volume, pitch_mm) for volume in volumes], next(iter(contrasts)))

    @classmethod
    def of_halves(cls, halves: Sequence[Half], contrast: str = "") -> "Cohort":
        """Fit to right halves that are there already."""
        check_reference(len(halves))
        if len({half.asymmetry.shape for half in halves}) > 1:
            raise ValueError("halves must lie on one grid; use one pitch_mm")
        mask = np.mean([half.mask for half in halves], axis=0) >= 0.8
        mask[0] = False
        affine = halves[0].affine
        maps = np.stack([half.asymmetry[mask] for half in halves]).astype(np.float32)
        features = np.stack([block_means(half.asymmetry, mask, affine) for half in halves])
        n = len(halves)
        others = [np.delete(np.arange(n), i) for i in range(n)]
        left_percentile = np.array([Normal.of(maps[o]).percentile(maps[i]) for i, o in enumerate(others)])
        left_distance = np.array([Ellipsoid.of(features[o]).distance(features[i]) for i, o in enumerate(others)])
        return cls(Normal.of(maps), Ellipsoid.of(features), mask, affine, contrast, left_percentile, left_distance)

    def score(self, scan: Volume | Half, pitch_mm: float = PITCH_MM) -> CohortScore:
        """Score a scan.

        Raises:
            ValueError: another contrast than the reference's, or another grid.
        """
        notes: tuple[str, ...] = ()
        if isinstance(scan, Volume):
            if scan.contrast and self.contrast and scan.contrast != self.contrast:
                raise ValueError(f"scan must be of the cohort's contrast {self.contrast}, it is {scan.contrast}")
            if not scan.contrast or not self.contrast:
                notes = ("contrast not known: that scan and reference agree in it was not checked",)
            half = half_of(scan, pitch_mm)
        else:
            half = scan
        if half.asymmetry.shape != self.mask.shape:
            raise ValueError("scan must lie on the cohort's grid; use the pitch_mm that it was fitted with")
        z = self.voxels.z(half.asymmetry[self.mask])
        percentile = float(np.percentile(np.abs(z), PERCENTILE))
        far = self.blocks.distance(block_means(half.asymmetry, self.mask, self.affine))
        whole = np.zeros(self.mask.shape, np.float32)
        whole[self.mask] = z
        return CohortScore(
            whole, self.affine, percentile, far, _rank_p(percentile, self.left_out_percentile),
            _rank_p(far, self.left_out_mahalanobis), notes,
        )  # fmt: skip


def check_reference(n: int) -> None:
    """Raise ValueError for a reference of fewer than 20 scans."""
    if n < LEAST_REFERENCE:
        raise ValueError(
            f"volumes must be at least {LEAST_REFERENCE} reference scans for a calibrated p, got {n}; "
            "single_scan_score needs none, and is uncalibrated"
        )


def half_of(volume: Volume, pitch_mm: float = PITCH_MM) -> Half:
    """The right half of a scan about the plane that is found in it.

    Raises:
        ValueError: a plane that is not to be trusted; gives its flags.
    """
    found = find_midplane(volume)
    if found.flags:
        raise ValueError(f"{volume.name or 'the scan'} must have a plane to be trusted: {'; '.join(found.flags)}")
    return right_half(volume, found.plane, found.centroid, pitch_mm)


def _rank_p(value: float, reference: np.ndarray) -> float:
    return float((1 + (reference >= value).sum()) / (1 + len(reference)))


def blocks_of(mask: np.ndarray, affine: np.ndarray, block_mm: float = BLOCK_MM) -> tuple[np.ndarray, np.ndarray]:
    """Number of the block that each voxel of the mask lies in, and which blocks are at least half inside the mask."""
    size = max(1, round(block_mm / affine[0, 0]))
    counts = [-(-n // size) for n in mask.shape]
    place = np.argwhere(mask) // size
    number = np.ravel_multi_index(tuple(place.T), counts)
    kept = np.bincount(number, minlength=int(np.prod(counts))) >= 0.5 * size**3
    return number, kept


def block_means(asymmetry: np.ndarray, mask: np.ndarray, affine: np.ndarray, absolute: bool = False) -> np.ndarray:
    """Means of the asymmetry (or its size) in blocks of 12 mm that lie at least half in the mask."""
    number, kept = blocks_of(mask, affine)
    values = np.abs(asymmetry[mask]) if absolute else asymmetry[mask]
    sums = np.bincount(number, weights=values, minlength=len(kept))
    counts = np.bincount(number, minlength=len(kept))
    return sums[kept] / counts[kept]


def single_scan_score(half: Half) -> float:
    """Largest robust z of a scan's block-wise \\|A\\| against its own blocks. Uncalibrated: it has no p value.

    Raises:
        ValueError: a head of fewer than 8 blocks.
    """
    mask = half.mask.copy()
    mask[0] = False
    values = block_means(half.asymmetry, mask, half.affine, absolute=True)
    if len(values) < 8:
        raise ValueError(f"half must hold at least 8 blocks of {BLOCK_MM:g} mm, got {len(values)}")
    middle = np.median(values)
    mad = MAD * float(np.median(np.abs(values - middle)))
    return float((values.max() - middle) / max(mad, 1e-9))
