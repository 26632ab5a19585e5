"""Which images test: never the ones that were fitted, nor others of their group."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symplast.stats.arguments import check_count


@dataclass(frozen=True)
class Split:
    """One random split into training and test images (or groups of images).

    Attributes:
        share: of the images that test.
        seed: of NumPy's generator; the published code uses 42.
    """

    share: float = 0.2
    seed: int = 42

    def parts(self, labels: NDArray[Any]) -> Iterator[NDArray[np.bool_]]:
        """Masks of test rows; rows with one label stay together."""
        if not 0 < self.share < 1:
            raise ValueError(f"test must have a share strictly between 0 and 1, got {self.share}")
        units = np.unique(labels)
        chosen = np.random.default_rng(self.seed).permutation(units)[: max(1, round(self.share * units.size))]
        yield np.isin(labels, chosen)


@dataclass(frozen=True)
class KFold:
    """Each image tests once a repeat; scores are means over the parts.

    Attributes:
        folds: parts, at least 2.
        repeats: times that the images are shuffled into parts.
        seed: of NumPy's generator.
    """

    folds: int = 5
    repeats: int = 1
    seed: int = 0

    def parts(self, labels: NDArray[Any]) -> Iterator[NDArray[np.bool_]]:
        """Masks of test rows; rows with one label stay together."""
        units = np.unique(labels)
        folds = check_count(self.folds, "test must have folds, which", least=2)
        if units.size < folds:
            raise ValueError(f"test must have at most as many folds as images or groups, {units.size}, got {folds}")
        random = np.random.default_rng(self.seed)
        for _ in range(check_count(self.repeats, "test must have repeats, which")):
            for part in np.array_split(random.permutation(units), folds):
                yield np.isin(labels, part)


@dataclass(frozen=True, eq=False)
class Given:
    """Test images that are given.

    Attributes:
        mask: (N,) True where an image tests.
    """

    mask: Any

    def parts(self, labels: NDArray[Any]) -> Iterator[NDArray[np.bool_]]:
        """The mask; no label may be on both sides."""
        out = np.asarray(self.mask)
        if out.dtype != bool or out.shape != labels.shape:
            raise ValueError(
                f"test must have a boolean mask, one entry an image, {labels.size}, got {out.dtype}{out.shape}"
            )
        if shared := np.intersect1d(labels[out], labels[~out]).size:
            raise ValueError(f"test must keep groups whole, {shared} of them are on both sides")
        yield out
