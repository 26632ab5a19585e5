"""Measures of movements, simulated or recorded: how near, how far, how steady, how smooth, how dear. NumPy only."""

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

LAST = 10
"""Samples at the end of a trial over which the end is measured."""

METRICS = {
    "dist_mean": ("m", "mean distance to the target"),
    "dist_end": ("m", "distance to the target at the end"),
    "max_displacement": ("m", "largest distance to the target; in a hold, how far the hand was pushed"),
    "effort": ("", "mean squared excitation"),
    "path": ("m", "length of the path"),
    "end_speed": ("m/s", "speed at the end"),
    "jerk": ("m/s³", "mean jerk"),
}
"""Name -> unit and what it is, in the order of tables."""


def movement_metrics(
    paths: npt.ArrayLike,
    goals: npt.ArrayLike | None = None,
    dt: float = 0.01,
    *,
    velocities: npt.ArrayLike | None = None,
    excitations: npt.ArrayLike | None = None,
    last: int = LAST,
) -> dict[str, Float[np.ndarray, " trials"]]:
    """Measures of each trial; norms first, then means over time.

    The first sample is where the hand starts; times, ends and means are over the samples after it.

    Args:
        paths: (trials, samples, 2) positions of the hand, m.
        goals: (trials, 2) targets, m; without them the distances to them are left out.
        dt: seconds between samples.
        velocities: (trials, samples, 2) of the hand, m/s; None: differences of the positions, of second order.
        excitations: (trials, steps, muscles); without them ``effort`` is left out.
        last: samples that count as the end.

    Returns:
        name -> (trials,), of :data:`METRICS`.

    Raises:
        ValueError: shapes that don't fit, fewer than four samples, a dt that is not positive, values that are not
            finite.

    Example:
        >>> path = np.stack([np.linspace(0, 0.5, 6), np.zeros(6)], axis=1)[None]
        >>> found = movement_metrics(path, np.array([[0.5, 0.0]]), dt=0.1, last=2)
        >>> {name: round(float(values[0]), 3) for name, values in found.items()}
        {'dist_mean': 0.2, 'dist_end': 0.05, 'max_displacement': 0.4, 'path': 0.5, 'end_speed': 1.0, 'jerk': 0.0}
    """
    x = np.asarray(paths, dtype=float)
    if x.ndim != 3 or x.shape[2] != 2 or x.shape[1] < 4:
        raise ValueError(f"paths must have shape (trials, samples >= 4, 2), got {x.shape}")
    if not 0 < dt < np.inf:
        raise ValueError(f"dt must be a positive number of seconds, got {dt!r}")
    v = np.gradient(x, dt, axis=1, edge_order=2) if velocities is None else np.asarray(velocities, dtype=float)
    if v.shape != x.shape:
        raise ValueError(f"velocities must be shaped like paths, {x.shape}; got {v.shape}")
    if not (np.isfinite(x).all() and np.isfinite(v).all()):
        raise ValueError("paths and velocities must be finite; fill or leave out what is missing")
    found: dict[str, np.ndarray] = {}
    if goals is not None:
        target = np.asarray(goals, dtype=float)
        if target.shape != (len(x), 2) or not np.isfinite(target).all():
            raise ValueError(f"goals must be finite numbers of shape {(len(x), 2)}, got shape {target.shape}")
        distance = np.linalg.norm(x[:, 1:] - target[:, None], axis=2)
        found = {"dist_mean": distance.mean(axis=1), "dist_end": distance[:, -last:].mean(axis=1)}
        found["max_displacement"] = distance.max(axis=1)
    if excitations is not None:
        found["effort"] = (np.asarray(excitations, dtype=float) ** 2).mean(axis=(1, 2))
    second = np.diff(v[:, 1:], n=2, axis=1) / dt**2
    return found | {
        "path": np.linalg.norm(np.diff(x, axis=1), axis=2).sum(axis=1),
        "end_speed": np.linalg.norm(v[:, 1:][:, -last:], axis=2).mean(axis=1),
        "jerk": np.linalg.norm(second, axis=2).mean(axis=1),
    }
