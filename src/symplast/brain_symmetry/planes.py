"""Planes in world millimetres: reflection, errors, lines in slices, and the rigid motion that brings one to x = 0.

World coordinates are RAS+: x to the right, y to the front, z up. Everything is float64 on the host.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

Vector = Float[np.ndarray, "3"]
Matrix = Float[np.ndarray, "4 4"]


@dataclass(frozen=True, eq=False)
class Plane:
    """The plane ``n . x = d``, with a unit normal whose x component is positive: it points to the right.

    Args:
        n: (3,) normal; it is scaled to unit length, and turned round (with d) where it points to the left.
        d: distance from the origin along the normal, mm.

    Raises:
        ValueError: numbers that are not finite, or a normal of length 0.

    Example:
        >>> plane = Plane(np.array([3.0, 0.0, 4.0]) / 5, 2.0)
        >>> plane.mirror(np.array([1.0, 2.0, 3.0])).round(12).tolist()
        [-0.2, 2.0, 1.4]
    """

    n: Vector
    d: float

    def __post_init__(self) -> None:
        n, d = np.asarray(self.n, dtype=np.float64).ravel(), float(self.d)
        if n.shape != (3,) or not np.isfinite(n).all() or not np.isfinite(d):
            raise ValueError(f"n must be three finite numbers and d one, got {self.n!r} and {self.d!r}")
        length = float(np.linalg.norm(n))
        if length == 0:
            raise ValueError("n must have a length above 0")
        first = next(value for value in n if value)
        sign = 1.0 if first > 0 else -1.0
        object.__setattr__(self, "n", sign * n / length)
        object.__setattr__(self, "d", sign * d / length)

    @classmethod
    def through(cls, point: Any, n: Any) -> "Plane":
        """The plane through a point (mm) with a normal."""
        unit = np.asarray(n, dtype=np.float64) / np.linalg.norm(n)
        return cls(unit, float(unit @ np.asarray(point, dtype=np.float64)))

    @property
    def reflection(self) -> Matrix:
        """Eq. 1: the 4 x 4 matrix ``[[I - 2 n n^T, 2 d n], [0, 1]]``, which is its own inverse."""
        M = np.eye(4)
        M[:3, :3] -= 2 * np.outer(self.n, self.n)
        M[:3, 3] = 2 * self.d * self.n
        return M

    @property
    def yaw_deg(self) -> float:
        """Turn about the vertical, ``atan2(n_y, n_x)``, degrees."""
        return float(np.degrees(np.arctan2(self.n[1], self.n[0])))

    @property
    def roll_deg(self) -> float:
        """Turn about the front-back axis, ``atan2(n_z, n_x)``, degrees."""
        return float(np.degrees(np.arctan2(self.n[2], self.n[0])))

    @property
    def tilt_deg(self) -> float:
        """Angle between the normal and the x axis, degrees."""
        return angle_deg(self.n, np.array([1.0, 0.0, 0.0]))

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distance of points ``[..., 3]`` from the plane, mm; positive on the right."""
        return np.asarray(np.asarray(points) @ self.n - self.d)

    def mirror(self, points: np.ndarray) -> np.ndarray:
        """Mirror images of points ``[..., 3]``."""
        return np.asarray(points) - 2 * self.distance(points)[..., None] * self.n

    def moved(self, rigid: np.ndarray) -> "Plane":
        """The plane after a rigid motion of the world (4 x 4)."""
        n = rigid[:3, :3] @ self.n
        return Plane(n, self.d + float(n @ rigid[:3, 3]))

    def error(self, other: "Plane", centroid: Any = (0.0, 0.0, 0.0), points: np.ndarray | None = None) -> "PlaneError":
        """How far another plane is from this one (eq. 2).

        Args:
            other: the estimate.
            centroid: (3,) where the offset is read, mm: that of the brain.
            points: (n, 3) points of the brain, mm; None leaves the largest distance NaN.

        Returns:
            Angle in degrees, offset in mm, largest distance between the planes in the brain in mm.
        """
        c = np.asarray(centroid, dtype=np.float64)
        flip = 1.0 if self.n @ other.n >= 0 else -1.0
        n, d = flip * other.n, flip * other.d
        offset = float((c @ n - d) - (c @ self.n - self.d))
        farthest = np.nan if points is None else float(np.abs(points @ n - d - (points @ self.n - self.d)).max())
        return PlaneError(angle_deg(self.n, n), offset, farthest)

    def alignment(self) -> Matrix:
        """The rigid motion (4 x 4) that brings the plane to x = 0: n to (1, 0, 0) by the shortest arc, then a shift.

        Example:
            >>> plane = Plane(np.array([0.96, 0.28, 0.0]), 1.5)
            >>> plane.moved(plane.alignment()).n.round(12).tolist()
            [1.0, 0.0, 0.0]
        """
        rigid = np.eye(4)
        rigid[:3, :3] = shortest_arc(self.n, np.array([1.0, 0.0, 0.0]))
        rigid[0, 3] = -self.d
        return rigid


@dataclass(frozen=True)
class PlaneError:
    """Error of a plane: ``angle_deg``, ``offset_mm`` at the centroid, ``farthest_mm`` inside the brain."""

    angle_deg: float
    offset_mm: float
    farthest_mm: float


def angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    """Angle between two directions (not their signs), degrees: ``atan2(|a x b|, |a . b|)``, exact also where small."""
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), abs(float(a @ b)))))


def shortest_arc(a: np.ndarray, b: np.ndarray) -> Float[np.ndarray, "3 3"]:
    """The rotation that takes one unit vector to another by the shortest arc (Rodrigues).

    Raises:
        ValueError: opposite vectors, between which there is no shortest arc.
    """
    v, c = np.cross(a, b), float(a @ b)
    if c < -1 + 1e-12:
        raise ValueError("a and b must not be opposite: no arc between them is the shortest")
    K = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + K + K @ K / (1 + c)


def rigid_motion(angles_deg: Any, shift_mm: Any, centre: Any = (0.0, 0.0, 0.0)) -> Matrix:
    """``x' = R (x - centre) + centre + shift``, with Euler angles ``xyz`` about fixed axes (as in scipy).

    Example:
        >>> rigid_motion([0, 0, 90], [1, 0, 0])[:3, :3].round(12).tolist()
        [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    from scipy.spatial.transform import Rotation

    rigid = np.eye(4)
    rigid[:3, :3] = Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix()
    c = np.asarray(centre, dtype=np.float64)
    rigid[:3, 3] = c + np.asarray(shift_mm, dtype=np.float64) - rigid[:3, :3] @ c
    return rigid


def itk_transform(rigid: np.ndarray) -> str:
    """A rigid or affine motion of the world as an ITK transform file (``.tfm``), for ANTs and Slicer.

    ITK's file maps points of the output to the input, in LPS, so it holds the inverse motion with x and y turned round.
    """
    turn = np.diag([-1.0, -1.0, 1.0, 1.0])
    M = turn @ np.linalg.inv(rigid) @ turn
    numbers = " ".join(f"{value:.12g}" for value in [*M[:3, :3].ravel(), *M[:3, 3]])
    return (
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        f"Parameters: {numbers}\nFixedParameters: 0 0 0\n"
    )
