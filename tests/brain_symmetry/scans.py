"""Scans that several tests use."""

import jax

from symplast.brain_symmetry import NeoPhantom, rigid_motion

POSE = rigid_motion([5, -8, 10], [3, 2, -1])


def small(pose=POSE, shape=(64, 64, 64), spacing=2.4, **dials):
    """A phantom on a coarse grid, and its truth."""
    return NeoPhantom(**dials).render(shape, spacing, pose, key=jax.random.key(0))


def coarse(pose=POSE, **dials):
    """As ``small``, for tests that only need a scan."""
    return small(pose, (48, 48, 48), 3.2, **dials)
