"""A procedural world whose only bias is where light comes from: bumps, dents, flat discs and squares, 32 x 32 grey."""

from typing import Any

import numpy as np
from jaxtyping import Array, Key

from symplast.learning.host_random import generator
from symplast.stats.arguments import check_count

SIDE = 32
CLASSES = ("bump", "dent", "disc", "square")
LIGHTS: dict[str, tuple[float, float]] = {"above": (-np.pi / 2, 4.0), "side": (0.0, 4.0), "uniform": (0.0, 0.0)}
"""Direction (radians, 0: right, -pi/2: the image's top) and concentration of the light; 0: from everywhere."""

Light = str | tuple[float, float]


def _light(light: Light) -> tuple[float, float]:
    if isinstance(light, str):
        if light not in LIGHTS:
            raise ValueError(f"light must be one of {', '.join(LIGHTS)}, or (angle, kappa), got {light!r}")
        return LIGHTS[light]
    try:
        angle, kappa = (float(v) for v in light)
    except (TypeError, ValueError):
        raise ValueError(f"light must be one of {', '.join(LIGHTS)}, or (angle, kappa), got {light!r}") from None
    if not (np.isfinite(angle) and np.isfinite(kappa) and kappa >= 0):
        raise ValueError(f"light must be a finite angle and a kappa of at least 0, got {light}")
    return angle, kappa


def lit_world(
    key: Key[Array, ""], n: int, light: Light = "above", classes: int = 4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of the lit world.

    A background U(.05, .95), with probability 1/2 noise N(0, .02), and one object: radius U(5, 12) px, albedo U(.4, 1).
    A bump or dent of height h ~ U(.5, 1) has the normal (s h x, s h y, sqrt(max(1e-3, 1 - h^2 (x^2 + y^2)))) with
    s = 1 or -1 on the unit disc, and the shade albedo (.15 + .85 max(0, n L)) under light
    L = (cos a sin b, sin a sin b, cos b), b ~ U(.5, 1.2). Flat ones have albedo U(.2, 1).

    Args:
        key: random key.
        n: images.
        light: ``above``, ``side``, ``uniform``, or the angle and concentration of a von Mises distribution.
        classes: 4: bump, dent, disc, square; 1: bumps only.

    Returns:
        (n, 32, 32) grey levels, mostly in 0..1 (noise is not clipped); (n,) classes; (n,) direction of the light in
        radians.

    Raises:
        ValueError: an unknown light, n below 1, or classes other than 1 and 4.

    Example:
        >>> import jax
        >>> images, labels, angles = lit_world(jax.random.key(0), 5)
        >>> images.shape, labels.shape
        ((5, 32, 32), (5,))
    """
    mean, kappa = _light(light)
    check_count(n, "n")
    if classes not in (1, 4):
        raise ValueError(f"classes must be 4, or 1 for bumps only, got {classes}")
    draw = generator(key, 0)
    label = draw.integers(classes, size=n)
    column = (n, 1, 1)

    def uniform(low: float, high: float) -> np.ndarray:
        return draw.uniform(low, high, column).astype(np.float32)

    ground = uniform(0.05, 0.95)
    noisy = (uniform(0, 1) < 0.5) * np.float32(0.02) * draw.standard_normal((n, SIDE, SIDE), np.float32)
    radius = uniform(5, 12)
    margin = np.float32(0.7) * radius
    cy, cx = (margin + uniform(0, 1) * (SIDE - 2 * margin) for _ in range(2))
    albedo, height = uniform(0.4, 1), uniform(0.5, 1)
    angle = draw.vonmises(mean, kappa, column).astype(np.float32) if kappa else uniform(0, 2 * np.pi)
    tilt = uniform(0.5, 1.2)
    flat, turn = uniform(0.2, 1), uniform(0, 2 * np.pi)
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5).astype(np.float32)
    dy, dx = (y - cy) / radius, (x - cx) / radius
    squared = dx**2 + dy**2
    kind = label.reshape(column)
    s = np.where(kind == 1, np.float32(-1), np.float32(1))
    depth = np.sqrt(np.maximum(1e-3, 1 - height**2 * squared)) * np.cos(tilt)
    along = s * height * np.sin(tilt)
    lit = dx * (along * np.cos(angle)) + dy * (along * np.sin(angle)) + depth
    shade = np.where(kind < 2, 0.15 + 0.85 * np.maximum(0, lit), flat) * albedo
    u, v = np.cos(turn) * dx + np.sin(turn) * dy, -np.sin(turn) * dx + np.cos(turn) * dy
    inside = np.where(kind == 3, np.maximum(np.abs(u), np.abs(v)) < 0.75, squared < 1)
    images = np.where(inside, np.clip(shade, 0, 1), ground) + noisy
    return images.astype(np.float32), label, np.mod(angle.ravel(), 2 * np.pi)


def quadrant_world(key: Key[Array, ""], n: int, mirrored: bool) -> tuple[np.ndarray, np.ndarray]:
    """Bumps under uniform light, named after the quadrant that the light comes from; perhaps mirrored at random.

    A mirror keeps the label, as augmentation does, so that left and right become indistinguishable.

    Args:
        key: random key.
        n: images.
        mirrored: mirror left and right with probability 1/2.

    Returns:
        (n, 32, 32) images and (n,) labels: 0 right, 1 down, 2 left, 3 up.

    Example:
        >>> import jax
        >>> quadrant_world(jax.random.key(0), 3, True)[0].shape
        (3, 32, 32)
    """
    images, _, angles = lit_world(key, n, "uniform", classes=1)
    labels = np.floor((angles + np.pi / 4) / (np.pi / 2)).astype(int) % 4
    if mirrored:
        flips = generator(key, 1).uniform(size=n) < 0.5
        images[flips] = images[flips, :, ::-1]
    return images, labels


def sample_stream(key: Key[Array, ""], light: Light, batch: int = 48) -> Any:
    """An endless iterator over (images, labels) for training; batch i has its own key.

    Args:
        key: random key.
        light: as :func:`lit_world`.
        batch: images each.
    """
    import jax

    step = 0
    while True:
        images, labels, _ = lit_world(jax.random.fold_in(key, step), batch, light)
        yield images, labels
        step += 1


def mirror_stream(key: Key[Array, ""], mirrored: bool, batch: int = 48) -> Any:
    """An endless iterator over the quadrant world; the same scenes with and without mirroring."""
    import jax

    step = 0
    while True:
        yield quadrant_world(jax.random.fold_in(key, step), batch, mirrored)
        step += 1
