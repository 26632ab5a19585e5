"""The mid-sagittal plane of a scan: the mirror that makes the head most similar to its mirror image."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symplast.brain_symmetry.head_mask import COARSE_MM, FINE_MM, Head, find_head, smoothed
from symplast.brain_symmetry.normalisation import LOCAL_MM, WIDE_MM, finer, flattened, local_moments, odd_field, soft
from symplast.brain_symmetry.planes import Plane, angle_deg
from symplast.brain_symmetry.volume import Volume

POINTS = {6: 8_192, 3: 32_768, 1.5: 65_536}
"""Sample points at each level, named by its pitch in mm."""

GRID_DEG = np.arange(-40.0, 41.0, 10.0)
GRID_MM = np.array([-8.0, 0.0, 8.0])
KEPT = 4
SAME_DEG, SAME_MM = 0.1, 0.1
ROUNDS = 2
INSIDE = 0.3
"""Product of a voxel's two weights, its own and its mirror image's, from which on it is sampled."""

RIVAL_DEG = 5.0
RIVAL_NCC = 0.01
LOW_NCC = 0.3
BORDER_SHARE = 0.05
DISAGREE_DEG = 1.0
TILTED_DEG = 35.0


@dataclass(frozen=True, eq=False)
class MidPlane:
    """A plane that was found, and how far to trust it.

    Attributes:
        plane: in world mm.
        confidence: NCC of the head and its mirror image after normalisation, over the points kept.
        curvature: of NCC about the optimum: per rad^2 for the two angles, per mm^2 for the offset.
        disagreement_deg: largest angle between the refined starts whose NCC is within 0.01 of the best.
        flags: what speaks against it, in words; empty where nothing does.
        centroid: (3,) of the head's mask, mm.
        radius_mm: of the ball with the mask's volume.
        notes: what was decided on the way, in words.
        seconds: of CPU time.
        head: the scan in its cubes, for what comes next.
    """

    plane: Plane
    confidence: float
    curvature: tuple[float, float, float]
    disagreement_deg: float
    flags: tuple[str, ...]
    centroid: np.ndarray
    radius_mm: float
    notes: tuple[str, ...]
    seconds: float
    head: Head = field(repr=False)


def find_midplane(
    volume: Volume,
    *,
    bias: bool = True,
    trim: float = 0.1,
    mask: np.ndarray | None = None,
    seed: int = 0,
    fine: bool = True,
) -> MidPlane:
    """The plane about which the head is most symmetric (eq. 3), coarse to fine at 6, 3 and 1.5 mm.

    Left and right come from the affine only; symmetry can't tell them.

    Args:
        volume: the scan.
        bias: take bias field and local contrast out first; False is more exact on scans that have no bias field.
        trim: share of the worst pairs left out at the finest level (lesions), in [0, 0.5).
        mask: (i, j, k) mask of the head on the scan's own grid, instead of Otsu's.
        seed: of the sample points.
        fine: also refine at 1.5 mm; False stops at 3 mm, three times as fast.

    Returns:
        The plane with confidence and flags. A plane that is not to be trusted comes with a flag, never silently.

    Raises:
        ValueError: trim outside [0, 0.5), or a mask of another shape.

    Example:
        >>> import jax
        >>> from symplast.brain_symmetry import NeoPhantom, rigid_motion
        >>> scan, truth = NeoPhantom().render((64, 64, 64), 2.4, rigid_motion([5, -8, 10], [3, 2, -1]))
        >>> found = find_midplane(scan)
        >>> found.plane.error(truth.plane).angle_deg < 1, found.flags
        (True, ())

    Source:
        Ardekani, Kershaw, Braun & Kanno 1997 (cross-correlation with the mirror image); Prima, Ourselin & Ayache 2002
        (leaving out what has no counterpart). The recipe is ours.
    """
    if not 0 <= trim < 0.5:
        raise ValueError(f"trim must lie in [0, 0.5), got {trim}")
    begin = time.process_time()
    head = find_head(volume, mask, fine=fine)
    starts, ncc = _search(head, bias, seed)
    notes = () if head.scale == 1 else (f"lengths scaled by {head.scale:.3g} (mask radius {head.radius_mm:.3g} mm)",)
    if ncc[0] < LOW_NCC:
        again, other = _search(head, bias, seed, _principal_starts(head))
        if other[0] > ncc[0]:
            starts, ncc, notes = again, other, (*notes, "principal axes of the mask added as starts")
    best, found_ncc, curvature = starts[:1], ncc[:1], np.full((1, 3), np.nan)
    for _ in range(ROUNDS if fine else 0):
        image, inside = _fine_image(head, best[0], bias)
        best, found_ncc, curvature = _refine(best, image, FINE_MM * head.scale, inside, POINTS[1.5], trim, seed)
    if not fine:
        curvature = _curvature_of(best, head, bias, seed)
    plane = Plane.through(head.centre + best[0, 2] * _normal(best[0]), _normal(best[0]))
    flags, disagreement = _flags(starts, ncc, float(found_ncc[0]), plane, head)
    return MidPlane(
        plane,
        float(found_ncc[0]),
        tuple(float(value) for value in curvature[0]),  # type: ignore[arg-type]
        disagreement,
        flags,
        head.centre,
        head.radius_mm,
        (*volume.notes, *notes),
        time.process_time() - begin,
        head,
    )


def _normal(theta: np.ndarray) -> np.ndarray:
    az, el = float(theta[0]), float(theta[1])
    return np.array([np.cos(el) * np.cos(az), np.cos(el) * np.sin(az), np.sin(el)])


def search_images(head: Head, bias: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the search looks at, at 3 mm and 6 mm, and the mask at 3 mm."""
    m = head.mask
    if bias:
        weights = soft(m)
        flat = flattened(head.coarse, weights, WIDE_MM / COARSE_MM)
        mean, sd = local_moments(flat, weights, LOCAL_MM / COARSE_MM)
        image = ((flat - mean) / sd * weights).astype(np.float32)
    else:
        image = head.coarse.astype(np.float32)
    return image, smoothed(image, 0.8)[::2, ::2, ::2], m


def _search(head: Head, bias: bool, seed: int, extra: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Refined starts at 3 mm, best first, with their NCC."""
    image, small, m = search_images(head, bias)
    h3, h6 = COARSE_MM * head.scale, 2 * COARSE_MM * head.scale
    az, el, t = np.meshgrid(np.radians(GRID_DEG), np.radians(GRID_DEG), GRID_MM * head.scale, indexing="ij")
    grid = np.stack([az.ravel(), el.ravel(), t.ravel()], axis=1)
    if extra is not None:
        grid[: len(extra)] = extra
    from symplast.brain_symmetry.mirroring import similarities

    p, w = sample_points(m[::2, ::2, ::2], h6, POINTS[6], seed)
    values = np.asarray(similarities(*_floats(grid, small, h6, p.T, values_at(small, p, h6), w)))
    order = np.argsort(-values, kind="stable")[:KEPT]
    starts, _, _ = _refine(grid[order], small, h6, m[::2, ::2, ::2], POINTS[6], 0.0, seed)
    apart = _distinct(starts, head.scale)
    found, ncc, _ = _refine(starts[apart], image, h3, m, POINTS[3], 0.0, seed + 1)
    best = np.argsort(-ncc, kind="stable")
    return found[best], ncc[best]


def _distinct(starts: np.ndarray, scale: float) -> list[int]:
    """Starts that lie further than 0.1 degrees or 0.1 mm from all before them: equal ones would end alike."""
    kept: list[int] = []
    for i, start in enumerate(starts):
        near = [
            angle_deg(_normal(start), _normal(starts[k])) < SAME_DEG and abs(start[2] - starts[k][2]) < SAME_MM * scale
            for k in kept
        ]
        if not any(near):
            kept.append(i)
    return kept


def _refine(
    starts: np.ndarray, image: np.ndarray, h: float, inside: np.ndarray, count: int, trim: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Refined parameters, NCC and curvatures of each start."""
    p, w = sample_points(inside, h, count, seed)
    return refine_at(starts, image, h, p, w, trim)


def refine_at(
    starts: np.ndarray, image: np.ndarray, h: float, p: np.ndarray, w: np.ndarray, trim: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As :func:`_refine`, at given sample points; the worst pairs at the start are left out."""
    from symplast.brain_symmetry.mirroring import STEPS, refined

    cube, pitch, points, values, weights = _floats(image, h, p.T, values_at(image, p, h), w)
    found = []
    for start in _floats(starts)[0]:
        kept = weights
        if trim > 0:
            r = np.abs(np.asarray(refined(start, cube, pitch, points, values, weights, 0)[3]))
            limit = np.quantile(r[w > 0], 1 - trim)
            kept = _floats(w * (r <= limit))[0]
        found.append([np.asarray(each, float) for each in refined(start, cube, pitch, points, values, kept, STEPS)[:3]])
    theta, ncc, curvature = (np.stack(each) for each in zip(*found, strict=True))
    return theta, ncc, curvature


def _curvature_of(best: np.ndarray, head: Head, bias: bool, seed: int) -> np.ndarray:
    image, _, m = search_images(head, bias)
    return _refine(best, image, COARSE_MM * head.scale, m, POINTS[3], 0.0, seed + 1)[2]


def _floats(*values: Any) -> list[Any]:
    """As arrays of JAX's default float: single precision unless 64 bits are switched on."""
    import jax
    import jax.numpy as jnp

    kind = jnp.float64 if jax.config.jax_enable_x64 else jnp.float32  # type: ignore[attr-defined]
    return [jnp.asarray(np.asarray(value), kind) for value in values]


def sample_points(mask: np.ndarray, h: float, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions in the mask relative to the cube's middle, each jittered inside its voxel, and their weights.

    Without the jitter, planes that lie on the lattice win: there both values of a pair are interpolated alike.

    Args:
        mask: n samples along each axis.
        h: pitch, mm.
        count: of points; fewer voxels than that are padded with weight 0.
        seed: of the draw.
    """
    rng = np.random.default_rng([seed, count])
    voxels = np.argwhere(mask)
    if len(voxels) > count:
        voxels = voxels[np.sort(rng.choice(len(voxels), count, replace=False, shuffle=False))]
    p = np.zeros((count, mask.ndim))
    p[: len(voxels)] = (voxels + rng.uniform(-0.5, 0.5, voxels.shape) - (np.array(mask.shape) - 1) / 2) * h
    return p, (np.arange(count) < len(voxels)).astype(float)


def values_at(image: np.ndarray, p: np.ndarray, h: float) -> np.ndarray:
    """(K,) values of a cube at positions relative to its middle, linear, 0 outside."""
    from scipy import ndimage

    at = (p / h).T + (np.array(image.shape)[:, None] - 1) / 2
    return np.asarray(ndimage.map_coordinates(image, at, order=1, mode="constant", cval=0.0))


def mirror_of(array: np.ndarray, theta: np.ndarray, h: float) -> np.ndarray:
    """A cube's values at the mirrored positions, linear, 0 outside."""
    from scipy import ndimage

    n = _normal(theta)
    middle = (np.array(array.shape) - 1) / 2
    R = np.eye(3) - 2 * np.outer(n, n)
    offset = middle - R @ middle + 2 * theta[2] * n / h
    return np.asarray(ndimage.affine_transform(array, R, offset, order=1, mode="constant", cval=0.0))


def _fine_image(head: Head, theta: np.ndarray, bias: bool) -> tuple[np.ndarray, np.ndarray]:
    """The image at 1.5 mm with the odd field of this mirror divided out and normalised locally, and its mask."""
    from scipy import ndimage

    assert head.fine is not None
    if not bias:
        return head.fine, finer(head.mask.astype(np.float32)) > 0.49
    h = COARSE_MM * head.scale
    weights = soft(head.mask)
    both = weights * mirror_of(weights, theta, h)  # a biased mask alone would be lopsided
    f = odd_field(head.coarse, mirror_of(head.coarse, theta, h), both, WIDE_MM / COARSE_MM)
    mean, sd = local_moments(head.coarse / f, both, LOCAL_MM / COARSE_MM)
    grown = soft(ndimage.binary_dilation(both > INSIDE), 0.5)  # by 3 voxels of the fine cube, with a soft edge
    image = head.fine * finer(grown / (f * sd)) - finer(grown * mean / sd)  # (I / f - mean) / sd
    return image.astype(np.float32), finer(both) > INSIDE


def _principal_starts(head: Head) -> np.ndarray:
    """Mirrors along the principal axes of the mask, through its centroid."""
    places = np.argwhere(head.mask) - (np.array(head.mask.shape) - 1) / 2
    _, axes = np.linalg.eigh(np.cov(places.T))
    axes = axes * np.where(axes[0] < 0, -1.0, 1.0)
    return np.stack([np.arctan2(axes[1], axes[0]), np.arcsin(np.clip(axes[2], -1, 1)), np.zeros(3)], axis=1)


def _flags(
    starts: np.ndarray, ncc: np.ndarray, confidence: float, plane: Plane, head: Head
) -> tuple[tuple[str, ...], float]:
    angles = np.array([angle_deg(_normal(starts[0]), _normal(each)) for each in starts])
    close = ncc > ncc[0] - RIVAL_NCC
    disagreement = float(angles[close].max())
    flags = []
    if disagreement > RIVAL_DEG:
        flags.append(f"two planes {disagreement:.0f} degrees apart are equally good")
    if confidence < LOW_NCC:
        flags.append(f"low confidence: similarity {confidence:.2f} to the mirror image")
    if plane.tilt_deg > TILTED_DEG:
        flags.append(f"tilted by {plane.tilt_deg:.0f} degrees, near the edge of the search: check the orientation")
    if head.share_at_border > BORDER_SHARE:
        flags.append(f"the field of view cuts {head.share_at_border:.0%} of the head's surface")
    return tuple(flags), disagreement
