"""How far a fit got: which images of its set were learned, by which phase, and whether a call goes on there."""

import zlib
from typing import Any, NamedTuple

import numpy as np

STRATEGIES = ("simultaneous", "one-by-one")


class Part(NamedTuple):
    """What is to be learned next: some rows of the training set, by one phase."""

    learns: str
    first: int
    end: int


class Progress(NamedTuple):
    """The images that a fit learned; what ``partial_fit`` learned is not among them.

    A fit shows its set once an epoch in its order; one by one, all epochs teach the hidden layer first, and all epochs
    the read-out then. It goes on where what it learned is the beginning of what it is to learn, and nowhere else.

    Attributes:
        strategy: of the fit, None before it.
        rows: images of the training set.
        first: images learned from by the first phase (both projections, or the hidden layer).
        second: by the second phase, the read-out of ``one-by-one``.
        images, labels: CRC-32 of the rows seen, so that learning goes on with the same.

    Example:
        >>> X, y = np.eye(4), np.arange(4)
        >>> half = Progress().onto(X[:2], y[:2], "simultaneous", 1).after(X, y, 0).after(X, y, 1)
        >>> half.onto(X, y, "simultaneous", 1).next(1, 100)
        Part(learns='both', first=2, end=4)
    """

    strategy: str | None = None
    rows: int = 0
    first: int = 0
    second: int = 0
    images: int = 0
    labels: int = 0

    @property
    def learned(self) -> int:
        """Images learned from in all."""
        return self.first + self.second

    @property
    def seen(self) -> int:
        """Rows of the set that were learned from, counted from the first one."""
        return min(self.first, self.rows)

    def onto(self, X: Any, y: Any, strategy: str | None, epochs: int) -> "Progress":
        """The same with a set to go on with, strategy None for that of before.

        Raises:
            ValueError: what was learned is not the beginning of what this set, strategy and number of epochs ask for.
        """
        strategy = strategy or self.strategy or STRATEGIES[0]
        n = len(X)
        if self.strategy not in (None, strategy):
            raise ValueError(f"strategy must stay {self.strategy}, by which {self.learned} images were learned")
        if n < self.seen or _checksums(X[: self.seen], y[: self.seen]) != (self.images, self.labels):
            raise ValueError(
                f"X and y must begin with the {self.seen} images that fit learned from, to go on: give the same set, "
                "or use partial_fit to learn others too"
            )
        if n != self.rows and self.first > self.rows:
            raise ValueError(
                f"X and y must stay the {self.rows} images that fit showed again already (another epoch began), got "
                f"{n}: a set can grow in the first epoch only; use partial_fit to learn others too"
            )
        one_by_one = strategy == STRATEGIES[1]
        if one_by_one and (self.first > epochs * n or (self.second and self.first < epochs * n)):
            raise ValueError(
                f"X, y and epochs must stay as they were, one-by-one: the hidden layer learned {self.first} images"
                f"{' and is frozen now' if self.second else ''}, {epochs} epochs of {n} are {epochs * n}; "
                'to teach a layer more, use partial_fit(X, y, learns="hidden") or learns="readout"'
            )
        return self._replace(strategy=strategy, rows=n)

    def next(self, epochs: int, at_most: int) -> Part | None:
        """The next rows, up to the end of an epoch or of ``at_most`` images; None where all is learned."""
        done, learns = self.first, "both"
        if self.strategy == STRATEGIES[1]:
            over = self.first >= epochs * self.rows
            done, learns = (self.second, "readout") if over else (self.first, "hidden")
        if done >= epochs * self.rows:
            return None
        first = done % self.rows
        return Part(learns, first, min(first + at_most - self.learned % at_most, self.rows))

    def after(self, X: Any, y: Any, row: int, learns: str = "both") -> "Progress":
        """The same when one more row was learned."""
        if learns == "readout":
            return self._replace(second=self.second + 1)
        if self.first != row:  # a later epoch
            return self._replace(first=self.first + 1)
        images, labels = _checksums(X[row : row + 1], y[row : row + 1], (self.images, self.labels))
        return self._replace(first=self.first + 1, images=images, labels=labels)


def _checksums(X: Any, y: Any, before: tuple[int, int] = (0, 0)) -> tuple[int, int]:
    """CRC-32 of images and of labels, going on from those of the rows before."""
    if not len(X):
        return before
    images, labels = np.asarray(X), np.asarray(y, np.int64)
    images = np.ascontiguousarray(images.astype(float) if images.dtype.kind == "f" else images)
    return zlib.crc32(images.data, before[0]), zlib.crc32(np.ascontiguousarray(labels).data, before[1])
