"""Asymmetry maps, and permutation tests of them over a group of scans: by voxel and by region."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symplast import stats
from symplast.brain_symmetry.head_mask import smoothed
from symplast.brain_symmetry.measures import align, aligned_mask
from symplast.brain_symmetry.planes import Plane
from symplast.brain_symmetry.volume import Volume

SMOOTHING_MM = 2.0
BOX_MM = (80.0, 105.0, 90.0)
"""Half sizes (x, y, z) of the box round the head in which scans are compared."""

PITCH_MM = 2.0
LEAST_SCANS = 5


def asymmetry_map(volume: Volume, plane: Plane, spacing_mm: float = 1.5, smoothing_mm: float = SMOOTHING_MM) -> Volume:
    """``A(p) = I(p) - I(M p)`` on the aligned grid, smoothed; antisymmetric about the plane x = 0.

    Args:
        volume: the scan.
        plane: its mid-sagittal plane.
        spacing_mm: of the grid.
        smoothing_mm: sigma of the Gaussian.

    Example:
        >>> from symplast.brain_symmetry import NeoPhantom
        >>> scan, truth = NeoPhantom(ventricle_scale=(1.3, 1)).render((48, 48, 48), 3.0)
        >>> A = asymmetry_map(scan, truth.plane, 3.0).data
        >>> bool(abs(A + A[::-1]).max() < 1e-5 * abs(A).max())
        True
    """
    aligned = align(volume, plane, spacing_mm)
    return Volume(difference(aligned.data, aligned.spacing, smoothing_mm), aligned.affine, volume.contrast, volume.name)


def difference(data: np.ndarray, spacing: Any, smoothing_mm: float = SMOOTHING_MM) -> np.ndarray:
    """An array minus its flip along the first axis, smoothed."""
    return smoothed(data - data[::-1], smoothing_mm / np.asarray(spacing))


@dataclass(frozen=True, eq=False)
class Half:
    """The right half of an aligned, scaled scan and its asymmetry there, on a grid that all scans share.

    Attributes:
        asymmetry: (i, j, k) ``A`` at x >= 0, in units of the head's median intensity.
        mask: where the head or its mirror image is.
        affine: (4, 4) of the half grid: x = 0 in the first sample; y and z relative to the head's centroid.
    """

    asymmetry: np.ndarray
    mask: np.ndarray
    affine: np.ndarray


def right_half(
    volume: Volume, plane: Plane, centroid: Any, pitch_mm: float = PITCH_MM, half_mm: Sequence[float] = BOX_MM
) -> Half:
    """Turn a scan upright round its centroid on a fixed grid, scale it by the head's median, and take its asymmetry.

    Nothing is warped: places in different heads correspond as far as plane and centroid make them.

    Args:
        volume: the scan.
        plane: its mid-sagittal plane.
        centroid: (3,) of the head, mm.
        pitch_mm: of the grid.
        half_mm: half sizes of the box, mm.
    """
    from symplast.brain_symmetry.volume import resample

    rigid = plane.alignment()
    moved = volume.moved(rigid)
    middle = rigid[:3, :3] @ np.asarray(centroid, float) + rigid[:3, 3]
    n = [round(half / pitch_mm) for half in half_mm]
    affine = np.diag([pitch_mm] * 3 + [1.0])
    affine[:3, 3] = [-pitch_mm * n[0], middle[1] - pitch_mm * n[1], middle[2] - pitch_mm * n[2]]
    soft = Volume(smoothed(moved.data, pitch_mm / 2 / moved.spacing), moved.affine)
    data = resample(soft, affine, tuple(2 * each + 1 for each in n))
    inside = aligned_mask(Volume(data, affine))
    scale = float(np.median(data[inside]))
    A = difference(data / max(scale, 1e-12), (pitch_mm,) * 3)
    own = affine.copy()
    own[:3, 3] = [0, -pitch_mm * n[1], -pitch_mm * n[2]]
    return Half(A[n[0] :], (inside | inside[::-1])[n[0] :], own)


@dataclass(frozen=True, eq=False)
class VoxelTest:
    """A permutation test at every voxel of the right half.

    Attributes:
        t: (i, j, k) statistic, 0 outside the mask.
        p: (i, j, k) p value corrected for all voxels (maximum statistic), 1 outside the mask.
        threshold: of \\|t\\| at the level.
        permutations: number of relabellings, the observed one included.
        exact: whether these are all.
        affine: of the half grid.
    """

    t: np.ndarray
    p: np.ndarray
    threshold: float
    permutations: int
    exact: bool
    affine: np.ndarray


def voxel_test(
    halves: Sequence[Half], groups: Any = None, *, permutations: int = 1000, level: float = 0.05, seed: int = 0
) -> VoxelTest:
    """Is there consistent asymmetry (one group), or does it differ between two groups? At every voxel, family-wise.

    One group: t of the mean asymmetry; under the null each scan could as well be its mirror image, so the signs are
    flipped. Two groups: Welch's t; the labels are exchanged. The largest \\|t\\| over voxels of each relabelling gives
    p values that hold for all voxels together.

    Args:
        halves: one a scan (:func:`right_half`), at least 5.
        groups: None, or one of two labels a scan.
        permutations: at most this many relabellings; all of them where there are fewer sign flips.
        level: of the threshold.
        seed: of the relabellings.

    Raises:
        ValueError: fewer than 5 scans (3 in a group), other than two groups, or scans on different grids.
    """
    maps, mask = _stacked(halves)
    rng = np.random.default_rng(seed)
    if groups is None:
        relabellings, exact = _sign_flips(len(maps), permutations, rng)
        statistic: Any = _one_sample_t
    else:
        first = _two_groups(groups, len(maps))
        relabellings = np.stack([first, *(rng.permutation(first) for _ in range(permutations - 1))])
        exact, statistic = False, _welch_t
    observed = statistic(maps, relabellings[:1])[0]
    largest = np.concatenate(
        [np.abs(statistic(maps, block)).max(axis=1) for block in _blocks(relabellings, maps.shape[1])]
    )
    p = (np.sort(largest).size - np.searchsorted(np.sort(largest), np.abs(observed) * (1 - 1e-6))) / largest.size
    t_map, p_map = np.zeros(mask.shape, np.float32), np.ones(mask.shape, np.float32)
    t_map[mask], p_map[mask] = observed, p
    threshold = float(np.quantile(largest, 1 - level, method="higher"))
    return VoxelTest(t_map, p_map, threshold, len(relabellings), exact, halves[0].affine)


def region_test(
    indices: dict[str, Any], groups: Any = None, *, permutations: int = 9999, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Permutation tests of regions' asymmetry indices over scans, with Holm's correction over regions.

    Args:
        indices: region -> (n,) asymmetry index of each scan; NaN leaves that scan out of that region.
        groups: None (is the mean 0? signs are flipped), or one of two labels a scan (do the means differ?).
        permutations: largest number of relabellings.
        seed: of the relabellings.

    Returns:
        region -> ``n``, ``mean`` (or difference of means), ``low``, ``high`` (95 % interval), ``p``, ``p_holm``.

    Raises:
        ValueError: fewer than 3 scans with an index in a region or group.
    """
    found: dict[str, dict[str, float]] = {}
    for name, values in indices.items():
        x = np.asarray(values, float)
        ok = np.isfinite(x)
        if groups is None:
            if ok.sum() < 3:
                raise ValueError(f"indices must hold at least 3 scans with an index for {name}, got {int(ok.sum())}")
            mean = stats.mean_interval(x[ok], bounds=(-2, 2))
            test = stats.permutation_test(x[ok], -x[ok], paired=True, resamples=permutations, seed=seed)
            row = {"n": float(ok.sum()), "mean": mean.value, "low": mean.low, "high": mean.high, "p": test.p_value}
        else:
            first = _two_groups(groups, len(x))
            a, b = x[ok & first], x[ok & ~first]
            if min(len(a), len(b)) < 3:
                raise ValueError(f"indices must hold at least 3 scans a group for {name}, got {len(a)} and {len(b)}")
            between = stats.bootstrap((a, b), lambda u, v, axis=-1: u.mean(axis=axis) - v.mean(axis=axis), seed=seed)
            test = stats.permutation_test(a, b, resamples=permutations, seed=seed)
            row = {
                "n": float(ok.sum()),
                "mean": between.value,
                "low": between.low,
                "high": between.high,
                "p": test.p_value,
            }
        found[name] = row
    corrected = stats.holm([row["p"] for row in found.values()])
    for row, p in zip(found.values(), np.asarray(corrected), strict=True):
        row["p_holm"] = float(p)
    return found


def _stacked(halves: Sequence[Half]) -> tuple[np.ndarray, np.ndarray]:
    """(n, voxels) maps where at least 80 % of the heads are, and that mask."""
    if len(halves) < LEAST_SCANS:
        raise ValueError(f"halves must hold at least {LEAST_SCANS} scans for a permutation test, got {len(halves)}")
    if len({half.asymmetry.shape for half in halves}) > 1:
        raise ValueError("halves must lie on one grid; use one pitch_mm and one half_mm")
    mask = np.mean([half.mask for half in halves], axis=0) >= 0.8
    mask[0] = False  # on the plane itself A is 0
    return np.stack([half.asymmetry[mask] for half in halves]).astype(np.float32), mask


def _two_groups(groups: Any, n: int) -> np.ndarray:
    labels = np.asarray(groups).astype(str)
    names = np.unique(labels)
    if labels.shape != (n,) or len(names) != 2:
        raise ValueError(
            f"groups must give one of two labels for each of {n} scans, got {labels.size} of {', '.join(names[:8])}"
        )
    first = labels == names[0]
    if min(first.sum(), (~first).sum()) < 3:
        raise ValueError(
            f"groups must have at least 3 scans each, got {first.sum()} {names[0]} and {(~first).sum()} {names[1]}"
        )
    return first


def _sign_flips(n: int, most: int, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """(k, n) signs, the observed ones first: all that differ in more than the sign of everything, or random ones."""
    if 2 ** (n - 1) <= most:
        bits = (np.arange(2 ** (n - 1))[:, None] >> np.arange(n - 1)) & 1
        return np.column_stack([np.ones(len(bits)), 1 - 2 * bits]).astype(np.float32), True
    signs = rng.choice([-1, 1], (most, n)).astype(np.float32)
    signs[0] = 1
    return signs, False


def _blocks(relabellings: np.ndarray, voxels: int) -> list[np.ndarray]:
    """Blocks whose statistics take at most some 100 MB."""
    size = max(1, 25_000_000 // max(voxels, 1))
    return [relabellings[start : start + size] for start in range(0, len(relabellings), size)]


def _one_sample_t(maps: np.ndarray, signs: np.ndarray) -> np.ndarray:
    n = len(maps)
    mean = signs @ maps / n
    var = np.maximum((maps**2).sum(axis=0) / n - mean**2, 0) * n / (n - 1)
    return mean / np.sqrt(np.maximum(var, _floor(maps)) / n)


def _welch_t(maps: np.ndarray, first: np.ndarray) -> np.ndarray:
    a, b = first.astype(np.float32), (~first).astype(np.float32)
    na, nb = a.sum(axis=1, keepdims=True), b.sum(axis=1, keepdims=True)
    ma, mb = a @ maps / na, b @ maps / nb
    squares = maps**2
    va = np.maximum(a @ squares / na - ma**2, 0) * na / (na - 1)
    vb = np.maximum(b @ squares / nb - mb**2, 0) * nb / (nb - 1)
    return (ma - mb) / np.sqrt(np.maximum(va / na + vb / nb, _floor(maps) / len(maps)))


def _floor(maps: np.ndarray) -> float:
    """Smallest variance that a voxel is given: a hundredth of the median's, so that constant ones don't blow up."""
    return max(0.01 * float(np.median(maps.var(axis=0))), 1e-20)
