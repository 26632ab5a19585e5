"""What the experiments on anomalies and splits measure: scores of inserted spheres, slices for a classifier."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from symplast import stats
from symplast.brain_symmetry.asymmetry import Half, difference, right_half
from symplast.brain_symmetry.classifier import GREYS, SIDES_PX, Siamese, logits_of, train_siamese
from symplast.brain_symmetry.cohort import Cohort, single_scan_score
from symplast.brain_symmetry.measures import aligned_mask, halves, ssim
from symplast.brain_symmetry.midplane import find_midplane
from symplast.brain_symmetry.phantom import FULL, NESTED, Lesion, NeoPhantom
from symplast.brain_symmetry.template import random_pose
from symplast.brain_symmetry.volume import Volume
from symplast.learning.host_random import generator

PIXEL_MM = 0.5
"""Size of the published set's pixels."""

WHITE, SPREAD = 700.0, 300.0
"""What the network's inputs are centred on and divided by."""

SCORES = ("99th percentile of |z|", "Mahalanobis distance", "single scan", "1 - SSIM", "Siamese network")
SLICES = tuple(range(12, 60, 5))
"""Axial slices of the grid that the network looks at; a scan's score is its largest logit."""


def auc(inserted: np.ndarray, healthy: np.ndarray, axis: int = -1) -> Any:
    """Area under the curve: chance that an inserted scan scores above a healthy one, ties half; over the last axis."""
    assert axis == -1
    a, b = np.broadcast_arrays(inserted[..., :, None], healthy[..., None, :])
    return ((a > b) + 0.5 * (a == b)).mean(axis=(-2, -1))


def auc_interval(inserted: Any, healthy: Any, resamples: int, seed: int = 0) -> stats.Estimate:
    """AUC with its percentile bootstrap interval over scans."""
    return stats.bootstrap((np.asarray(inserted), np.asarray(healthy)), auc, resamples=resamples, seed=seed)


GRID = (73, 87, 69)
PITCH_MM = 1.5
"""Grid on which the phantoms of the anomaly experiment are rendered, plane in its middle."""


def aligned_half(scan: Volume, mask: np.ndarray | None = None) -> tuple[Half, np.ndarray]:
    """The right half of a scan that lies upright on a grid with its plane in the middle; and the mask."""
    inside = aligned_mask(scan) if mask is None else mask
    scale = float(np.median(scan.data[inside]))
    A = difference(scan.data / scale, scan.spacing)
    middle = len(A) // 2
    affine = scan.affine.copy()
    affine[0, 3] = 0
    return Half(A[middle:], (inside | inside[::-1])[middle:], affine), inside


def dissimilarity(scan: Volume, mask: np.ndarray) -> float:
    """1 - SSIM of the mirrored left and the right side, over the box of the head."""
    left, right = halves(np.where(mask | mask[::-1], scan.data, 0))
    return 1 - ssim(left, right, FULL)


def random_sphere(rng: np.random.Generator, side_px: int) -> Lesion:
    """A sphere wholly inside one half of the brain (the cortex ellipsoid), of one grey value 140 to 215 of 255."""
    radius = side_px * PIXEL_MM / 2
    axes = np.array(NESTED[3][1], float) - radius - 1
    while True:
        place = rng.uniform(-1, 1, 3) * axes
        if ((place / axes) ** 2).sum() < 1 and abs(place[0]) > radius + 1:
            break
    grey = rng.integers(GREYS[0], GREYS[1] + 1)
    x, y, z = (float(value) for value in place)
    return Lesion((x, y, z), radius, float(grey) * FULL / 255)


def upright_scan(asymmetry_mm: float, noise: float, key: Any) -> Volume:
    """A phantom upright on the grid of the anomaly experiment."""
    return NeoPhantom(noise=noise, asymmetry_mm=asymmetry_mm).render(GRID, PITCH_MM, key=key)[0]


def with_sphere(still: Volume, sphere: Lesion, noise: float, key: Any) -> Volume:
    """A noiseless upright scan with a sphere painted in, and then the noise that :func:`upright_scan` would add."""
    places = np.meshgrid(
        *[still.affine[i, 3] + PITCH_MM * np.arange(n) for i, n in enumerate(GRID)], indexing="ij", sparse=True
    )
    near = sum(((x - c) / sphere.radius_mm) ** 2 for x, c in zip(places, sphere.centre_mm, strict=True))
    data = np.where(near < 1, np.float32(sphere.value), still.data)
    return Volume(NeoPhantom(noise=noise).degraded(data, still.spacing, generator(key, 2)), still.affine, "T2")


def slice_pairs(scan: Volume, indices: Sequence[int]) -> np.ndarray:
    """(slices, 2, height, width) mirrored left and right halves of axial slices, centred on white matter."""
    left, right = halves(scan.data)
    return (
        np.stack([np.stack([left[:, :, k], right[:, :, k]]) for k in indices]).astype(np.float32) / SPREAD
        - WHITE / SPREAD
    )


TEXTURE = 20.0
"""Standard deviation of a scan's texture, white matter being 700: one of 80 hides most squares."""


def textured_slices(scans: int, key: Any, side_px: int = 23) -> tuple[np.ndarray, np.ndarray]:
    """Slices for the question of splits: three neighbours (3 mm apart) a scan, each scan with a texture of its own.

    Args:
        scans: how many.
        key: of all that is random.
        side_px: side of the squares, pixels of 0.5 mm.

    Returns:
        (2, n, 2, h, w) halves at 2 mm without and with a square, (n,) number of the scan.
    """
    from scipy import ndimage

    rng = generator(key, 0)
    size, deep = max(1, round(side_px * PIXEL_MM / 2)), 9
    pairs = []
    for scan in range(scans):
        head, _, _, _ = NeoPhantom(asymmetry_mm=2).image((57, 65, 3), (2, 2, 3), key=jax.random.fold_in(key, scan))
        texture = ndimage.gaussian_filter(rng.standard_normal((57, 65, deep)), (2, 2, 1.5))
        texture = texture[:, :, deep // 2 - 1 : deep // 2 + 2] / texture.std()
        for k in range(3):
            image = head[:, :, k] + TEXTURE * texture[:, :, k] * (head[:, :, k] > 100)
            image = image + 20 * rng.standard_normal(image.shape)
            marked = image.copy()
            i = rng.integers(2, 18 - size)
            i = 29 + i if rng.random() < 0.5 else 28 - i - size
            j = rng.integers(16, 49 - size)
            marked[i : i + size, j : j + size] = rng.integers(GREYS[0], GREYS[1] + 1) * FULL / 255
            pairs.append([np.stack(halves(each)) / SPREAD - WHITE / SPREAD for each in (image, marked)])
    return np.stack(pairs, axis=1).astype(np.float32), np.arange(3 * scans) // 3


def network_for_spheres(reference: Sequence[Volume], epochs: int, key: Any) -> Siamese:
    """The Siamese network trained on slices of reference scans, into half of which discs of the ten sizes are drawn."""
    rng = generator(key, 11)
    pairs = np.concatenate([slice_pairs(scan, SLICES) for scan in reference for _ in range(2)])
    labels = rng.permutation(np.arange(len(pairs)) % 2)
    height, width = pairs.shape[2:]
    for number in np.flatnonzero(labels):
        radius = rng.choice(SIDES_PX) * PIXEL_MM / PITCH_MM / 2
        side, i, j = rng.integers(2), rng.uniform(radius, height - 8), rng.uniform(12, width - 12)
        u, v = np.mgrid[:height, :width]
        disc = (u - i) ** 2 + (v - j) ** 2 < max(radius, 0.6) ** 2
        pairs[number, side][disc] = (rng.integers(GREYS[0], GREYS[1] + 1) * FULL / 255 - WHITE) / SPREAD
    return train_siamese(pairs, labels, epochs, key)


def scores_of(scan: Volume, cohort: Cohort, network: Siamese) -> tuple[list[float], Half]:
    """The scores of :data:`SCORES` of an upright scan, and its half."""
    half, mask = aligned_half(scan)
    found = cohort.score(half)
    largest = float(logits_of(network, slice_pairs(scan, SLICES)).max())
    return [found.percentile, found.mahalanobis, single_scan_score(half), dissimilarity(scan, mask), largest], half


def found_alarms(half: Half, cohort: Cohort) -> tuple[bool, bool]:
    """Whether a scan is called unusual at p of 0.05 by each of the cohort's scores."""
    found = cohort.score(half)
    return found.p_percentile <= 0.05, found.p_mahalanobis <= 0.05


def scores_on_found_planes(count: int, noise: float, cohort: Cohort, key: Any, side_px: int = 23) -> np.ndarray:
    """(count, 2, 2) both cohort scores of scans with a sphere, turned: on their true planes and on those found."""
    scores = np.empty((count, 2, 2))
    half_mm = [PITCH_MM * (n // 2) for n in GRID]
    for i in range(count):
        own = jax.random.fold_in(key, 3000 + i)
        rng = generator(own, 5)
        pose = random_pose(rng, 10.0, 4.0)
        phantom = NeoPhantom(noise=noise, asymmetry_mm=1.0, lesions=(random_sphere(rng, side_px),))
        scan, truth = phantom.render((97, 97, 97), PITCH_MM, pose, key=own)
        found = find_midplane(scan)
        for way, (plane, centre) in enumerate(((truth.plane, pose[:3, 3]), (found.plane, found.centroid))):
            score = cohort.score(right_half(scan, plane, centre, PITCH_MM, half_mm))
            scores[i, way] = score.percentile, score.mahalanobis
    return scores


def accuracy_of_split(
    pairs: np.ndarray, labels: np.ndarray, groups: np.ndarray, epochs: int, key: Any, share: float = 0.2
) -> float:
    """Accuracy on a fifth of the groups of a network trained on the others."""
    rng = generator(key, 3)
    names = np.unique(groups)
    held = np.isin(groups, rng.permutation(names)[: round(share * len(names))])
    network = train_siamese(pairs[~held], labels[~held], epochs, jax.random.fold_in(key, 9))
    return float(((logits_of(network, pairs[held]) > 0) == labels[held]).mean())
