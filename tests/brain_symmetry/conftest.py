"""The search reads images of millions of voxels: the compiler's optimisations are worth their time."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(scope="module")
def optimised() -> Iterator[None]:
    """Compile with optimisations in the tests of a file that asks for it."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
