"""NeoPhantom: a T2-like neonatal head of nested ellipsoids with an exactly known plane, labels and midline shift.

Head frame in mm: x to the right, y to the front, z up; mirror symmetric about x = 0 unless a dial says otherwise.
Later parts are painted over earlier ones.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Array, Key

from symplast.brain_symmetry.planes import Matrix, Plane
from symplast.brain_symmetry.volume import Volume

NESTED = (
    ("scalp", (52, 62, 50), 300),
    ("skull", (49, 59, 47), 40),
    ("csf", (47, 57, 45), 1000),
    ("cortex", (45, 55, 43), 450),
    ("white matter", (41, 50, 38), 700),
)
"""Name, semi-axes in mm and intensity of the nested parts, outermost first."""

INNER: tuple[tuple[str, Any, Any, float], ...] = (
    ("left ventricle", (5, 16, 7), (-9, 2, 4), 1000),
    ("right ventricle", (5, 16, 7), (9, 2, 4), 1000),
    ("left thalamus", (8, 12, 8), (-10, -4, -6), 400),
    ("right thalamus", (8, 12, 8), (10, -4, -6), 400),
    ("fissure", None, None, 1000),
    ("cerebellum", (22, 18, 14), (0, -30, -24), 600),
    ("brainstem", (6, 7, 18), (0, -14, -28), 650),
)
"""Name, semi-axes, centre and intensity of the inner parts, in the order in which they are painted."""

NAMES = ("background", *(part[0] for part in NESTED), *(part[0] for part in INNER), "lesion")
LABEL = {name: number for number, name in enumerate(NAMES)}
"""Name of a part -> its label."""

PAIRS = {"ventricle": (LABEL["left ventricle"], LABEL["right ventricle"]),
         "thalamus": (LABEL["left thalamus"], LABEL["right thalamus"])}  # fmt: skip
"""Left and right labels of the paired parts."""

INTENSITY = np.array([0, *(part[2] for part in NESTED), *(part[3] for part in INNER), 0], dtype=np.float32)
FISSURE_HALF_MM = 0.75
BOW_SIGMA_MM = 20.0
WARP_SIGMA_MM = 15.0
WARP_PITCH_MM = 5.0
WARP_HALF_MM = 90.0
FULL = 1000.0
"""Intensity that noise is a percentage of."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of a phantom.

    Attributes:
        plane: of the head without its bow.
        labels: (i, j, k) label of each voxel centre.
        transform: (4, 4) head frame to world.
        bow_mm: the largest shift s of the bowed midline.
    """

    plane: Plane
    labels: np.ndarray
    transform: Matrix
    bow_mm: float


@dataclass(frozen=True)
class Lesion:
    """A sphere of one intensity: centre in the head frame and radius in mm."""

    centre_mm: tuple[float, float, float]
    radius_mm: float
    value: float


@dataclass(frozen=True)
class NeoPhantom:
    """The phantom's dials.

    Args:
        noise: sigma of the Rician noise, in percent of 1000.
        bias: strength b of the field from left to right, as a share: 0.3 for 30 %.
        bias_shape: ``linear``, ``1 + b x / half grid``, or ``sinusoidal``, ``1 + b sin(pi x / half grid)``.
        ventricle_scale: (left, right) factor of the semi-axes of the lateral ventricles.
        bow_mm: s of the bowed midline: content moved by ``s exp(-(y^2 + z^2) / (2 20^2))`` to the right.
        asymmetry_mm: largest length of a smooth random warp (white noise smoothed by 15 mm), in mm.
        lesions: spheres painted last.
        field_of_view_mm: full size (x, y, z) of the box about the grid's centre that the scan covers; outside reads 0.

    Raises:
        ValueError: a dial outside its range; names it.

    Example:
        >>> import jax
        >>> scan, truth = NeoPhantom(noise=3).render((48, 48, 48), 3.0, key=jax.random.key(0))
        >>> scan.shape, truth.plane.n.tolist()
        ((48, 48, 48), [1.0, 0.0, 0.0])
    """

    noise: float = 0.0
    bias: float = 0.0
    bias_shape: str = "linear"
    ventricle_scale: tuple[float, float] = (1.0, 1.0)
    bow_mm: float = 0.0
    asymmetry_mm: float = 0.0
    lesions: tuple[Lesion, ...] = field(default=())
    field_of_view_mm: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        for name, low, high in (
            ("noise", 0, 1000),
            ("bias", -0.99, 0.99),
            ("asymmetry_mm", 0, 10),
            ("bow_mm", -20, 20),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must lie in [{low}, {high}], got {getattr(self, name)}")
        if self.bias_shape not in ("linear", "sinusoidal"):
            raise ValueError(f"bias_shape must be linear or sinusoidal, got {self.bias_shape!r}")
        if len(self.ventricle_scale) != 2 or not all(0 < scale <= 2 for scale in self.ventricle_scale):
            raise ValueError(f"ventricle_scale must be two numbers in (0, 2], got {self.ventricle_scale}")

    def render(
        self,
        shape: tuple[int, int, int],
        spacing: Any = 1.0,
        transform: np.ndarray | None = None,
        *,
        key: Key[Array, ""] | None = None,
        supersample: int = 1,
    ) -> tuple[Volume, Truth]:
        """Render on a grid whose centre is the world's origin.

        Args:
            shape: samples along x, y, z.
            spacing: one number or three, mm.
            transform: (4, 4) rigid motion of the head in the world; None: the head is centred and upright.
            key: for noise and warp; needed where one of them is above 0.
            supersample: 1 labels voxel centres (``nearest``); 2 averages 2^3 points a voxel.

        Returns:
            The scan and what is known of it.

        Raises:
            ValueError: noise or a warp without a key, or a transform that is not rigid.
        """
        image, labels, affine, M = self.image(shape, spacing, transform, key=key, supersample=supersample)
        truth = Truth(Plane(np.array([1.0, 0.0, 0.0]), 0.0).moved(M), labels, M, self.bow_mm)
        return Volume(image, affine, contrast="T2", name="phantom"), truth

    def image(
        self, shape: tuple[int, int, int], spacing: Any, transform: np.ndarray | None = None, *,
        key: Key[Array, ""] | None = None, supersample: int = 1,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, Matrix]:  # fmt: skip
        """As :meth:`render`, but as arrays and for any number of slices: intensities, labels, affine and transform."""
        from symplast.learning.host_random import generator

        if (self.noise or self.asymmetry_mm) and key is None:
            raise ValueError("key must be given where noise or asymmetry_mm is above 0")
        step = np.broadcast_to(np.asarray(spacing, dtype=np.float64), 3)
        M = np.eye(4) if transform is None else np.asarray(transform, dtype=np.float64)
        if not np.allclose(M[:3, :3] @ M[:3, :3].T, np.eye(3), atol=1e-9):
            raise ValueError("transform must be rigid: its 3 x 3 part must be a rotation")
        affine = np.diag([*step, 1.0])
        affine[:3, 3] = -step * (np.array(shape) - 1) / 2
        warp = self._warp(generator(key, 1)) if self.asymmetry_mm and key is not None else None
        intensity = self._intensities()
        to_head = np.linalg.inv(M) @ affine
        labels = self._labels(shape, to_head, warp)
        if supersample == 1:
            image = intensity[labels]
        else:
            image = np.zeros(shape, dtype=np.float32)
            places = (np.arange(supersample) + 0.5) / supersample - 0.5
            for offset in np.stack(np.meshgrid(places, places, places), -1).reshape(-1, 3):
                moved = to_head.copy()
                moved[:3, 3] += to_head[:3, :3] @ offset
                image += intensity[self._labels(shape, moved, warp)]
            image /= supersample**3
        return self.degraded(image, step, None if key is None else generator(key, 2)), labels, affine, M

    def _intensities(self) -> np.ndarray:
        return np.concatenate([INTENSITY[:-1], [lesion.value for lesion in self.lesions]]).astype(np.float32)

    def degraded(self, image: np.ndarray, step: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        """Bias, noise and the edge of the field of view."""
        shape = image.shape
        if self.bias:
            x = np.linspace(-1, 1, shape[0])
            gain = 1 + self.bias * (x if self.bias_shape == "linear" else np.sin(np.pi * x))
            image = image * gain.astype(np.float32)[:, None, None]
        if self.noise and rng is not None:
            sigma = np.float32(self.noise / 100 * FULL)
            image = image + sigma * rng.standard_normal(shape, dtype=np.float32)
            image = np.sqrt(image**2 + (sigma * rng.standard_normal(shape, dtype=np.float32)) ** 2)
        if self.field_of_view_mm is not None:
            for axis, size in enumerate(self.field_of_view_mm):
                place = step[axis] * (np.arange(shape[axis]) - (shape[axis] - 1) / 2)
                inside = (np.abs(place) <= size / 2).astype(np.float32)
                image = image * np.expand_dims(inside, tuple(other for other in range(3) if other != axis))
        return image

    def _warp(self, rng: np.random.Generator) -> np.ndarray:
        """(3, n, n, n) displacements on a coarse grid of the head frame, mm."""
        from scipy import ndimage

        n = round(2 * WARP_HALF_MM / WARP_PITCH_MM) + 1
        white = rng.standard_normal((3, n, n, n))
        smooth = np.stack([ndimage.gaussian_filter(each, WARP_SIGMA_MM / WARP_PITCH_MM) for each in white])
        return smooth * (self.asymmetry_mm / np.sqrt((smooth**2).sum(axis=0)).max())

    def _labels(self, shape: tuple[int, ...], to_head: np.ndarray, warp: np.ndarray | None) -> np.ndarray:
        """Label of every voxel centre, a slab of the third axis at a time."""
        labels = np.zeros(shape, dtype=np.uint8)
        A = to_head.astype(np.float32)
        i = np.arange(shape[0], dtype=np.float32)[:, None]
        j = np.arange(shape[1], dtype=np.float32)[None, :]
        planar = [A[row, 0] * i + A[row, 1] * j for row in range(3)]
        reach = 1 + self.asymmetry_mm + abs(self.bow_mm)  # mm by which content can move
        outer = [axis + reach for axis in NESTED[0][1]]
        for k in range(shape[2]):
            head = [each + (A[row, 2] * k + A[row, 3]) for row, each in enumerate(planar)]
            near = _inside(head, outer, (0, 0, 0))
            if near.any():
                slab = np.zeros(near.shape, dtype=np.uint8)
                slab[near] = self._label_points([each[near] for each in head], warp)
                labels[:, :, k] = slab
        return labels

    def _label_points(self, head: list[np.ndarray], warp: np.ndarray | None) -> np.ndarray:
        from scipy import ndimage

        x, y, z = head
        if warp is not None:
            at = (np.stack(head) + WARP_HALF_MM) / WARP_PITCH_MM
            x, y, z = (own + ndimage.map_coordinates(each, at, order=1, mode="nearest").astype(np.float32)
                       for own, each in zip(head, warp, strict=True))  # fmt: skip
        if self.bow_mm:
            x = x - np.float32(self.bow_mm) * np.exp(-(y**2 + z**2) / np.float32(2 * BOW_SIGMA_MM**2))
        labels = np.zeros(x.shape, dtype=np.uint8)
        for name, axes, _ in NESTED:
            labels[_inside((x, y, z), axes, (0, 0, 0))] = LABEL[name]
        within = labels >= LABEL["scalp"]
        own = labels[within]
        x, y, z = x[within], y[within], z[within]
        scales = dict(zip(("left ventricle", "right ventricle"), self.ventricle_scale, strict=True))
        for name, axes, centre, _ in INNER:
            if axes is None:
                hit = (np.abs(x) < FISSURE_HALF_MM) & (z > 0) & (own >= LABEL["cortex"])
            else:
                hit = _inside((x, y, z), [axis * scales.get(name, 1.0) for axis in axes], centre)
            own[hit] = LABEL[name]
        labels[within] = own
        for number, lesion in enumerate(self.lesions):
            labels[_inside(head, [lesion.radius_mm] * 3, lesion.centre_mm)] = LABEL["lesion"] + number
        return labels


def part_mask(name: str, shape: tuple[int, int, int], spacing_mm: float, scale: float = 1.0) -> np.ndarray:
    """Which voxel centres of an upright grid lie in an ellipsoid of the phantom, before others are painted over it.

    Args:
        name: of an inner part that is an ellipsoid, such as ``left ventricle``.
        shape: samples along x, y, z; the grid's centre is the head's.
        spacing_mm: of the grid.
        scale: factor of the semi-axes.
    """
    axes, centre = next((axes, centre) for own, axes, centre, _ in INNER if own == name and axes is not None)
    places = [spacing_mm * (np.arange(n, dtype=np.float64) - (n - 1) / 2) for n in shape]
    return _inside(np.meshgrid(*places, indexing="ij"), [axis * scale for axis in axes], centre)


def _inside(points: Any, axes: Any, centre: Any) -> np.ndarray:
    """Which points lie strictly inside an ellipsoid."""
    total = np.float32(0)
    for each, axis, middle in zip(points, axes, centre, strict=True):
        total = total + ((each - np.float32(middle)) * np.float32(1 / axis)) ** 2
    return np.asarray(total < 1)
