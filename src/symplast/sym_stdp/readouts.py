"""Two read-outs of a presentation: the classifier's spikes, and the classes that hidden cells were assigned to."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

NO_CLASS = -1
"""Of a cell that belongs to no class, and of a sample without an answer."""


class ResponseWindow:
    """The latest responses of the hidden layer while training, with their labels.

    Holds at most ``length`` of them; sums for each class are kept up to date, so assignments cost nothing more.

    Args:
        n_hidden: N.
        n_classes: C.
        length: of the window, at least 1; the number of training images makes it the latest response to each.

    Example:
        >>> window = ResponseWindow(2, 3, length=2)
        >>> for response, label in (([9, 0], 0), ([1, 0], 1), ([4, 0], 2)):
        ...     window.add(np.array(response), label)
        >>> window.assignments().tolist()  # the first is forgotten; the second cell never fired
        [2, -1]
    """

    def __init__(self, n_hidden: int, n_classes: int, length: int = 60_000) -> None:
        if length < 1:
            raise ValueError(f"window must be at least 1 response, got {length}")
        self.length, self.added = int(length), 0
        self.sums = np.zeros((n_classes, n_hidden), np.int64)
        self.numbers = np.zeros(n_classes, np.int64)
        self._responses = np.zeros((0, n_hidden), np.uint16)
        self._labels = np.zeros(0, np.int64)

    def add(self, response: Int[np.ndarray, " N"], label: int) -> None:
        """One response, the oldest forgotten where the window is full."""
        place = self.added % self.length
        if self.added >= self.length:
            self.sums[self._labels[place]] -= self._responses[place]
            self.numbers[self._labels[place]] -= 1
        elif place == len(self._labels):
            room = min(max(2 * place, 64), self.length) - place
            self._responses = np.concatenate([self._responses, np.zeros((room, self.sums.shape[1]), np.uint16)])
            self._labels = np.concatenate([self._labels, np.zeros(room, np.int64)])
        self._responses[place], self._labels[place] = response, label
        self.sums[label] += response
        self.numbers[label] += 1
        self.added += 1

    def lengthen(self, length: int) -> None:
        """Hold more of the responses to come; those that are forgotten already stay so."""
        if length <= self.length:
            return
        if self.added > self.length:  # oldest first, as if it had never been full
            first = self.added % self.length
            self._responses, self._labels = np.roll(self._responses, -first, axis=0), np.roll(self._labels, -first)
            self.added = self.length
        self.length = length

    def assignments(self) -> Int[np.ndarray, " N"]:
        """Class of each hidden cell: that of its highest mean response, the lowest at a tie, -1 if it never fired."""
        mean = self.sums / np.maximum(self.numbers, 1)[:, None]
        return np.where(self.sums.any(axis=0), mean.argmax(axis=0), NO_CLASS)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything, to be saved."""
        held = min(self.added, self.length)
        return {
            "window_length": np.array(self.length),
            "window_added": np.array(self.added),
            "window_responses": self._responses[:held],
            "window_labels": self._labels[:held],
        }

    @classmethod
    def of_arrays(cls, arrays: Any, n_classes: int) -> "ResponseWindow":
        """What :meth:`arrays` gave.

        Raises:
            ValueError: responses and labels that don't go together, or labels of no class.
        """
        responses, labels = np.array(arrays["window_responses"]), np.array(arrays["window_labels"])
        if responses.ndim != 2 or labels.shape != responses.shape[:1] or not np.isin(labels, range(n_classes)).all():
            raise ValueError("training responses must be (n, N) with a class each; the file is damaged")
        made = cls(responses.shape[1], n_classes, int(arrays["window_length"]))
        made.added, made._responses, made._labels = int(arrays["window_added"]), responses, labels
        np.add.at(made.sums, labels, responses)
        np.add.at(made.numbers, labels, 1)
        return made


def by_classifier(counts: Int[np.ndarray, "n C"]) -> Int[np.ndarray, " n"]:
    """The class with most classifier spikes, the lowest at a tie, -1 without any spike ("SL").

    Example:
        >>> by_classifier(np.array([[0, 3, 3], [0, 0, 0]])).tolist()
        [1, -1]
    """
    return np.where(counts.any(axis=1), counts.argmax(axis=1), NO_CLASS)


def assignment_scores(
    hidden: Int[np.ndarray, "n N"], assignments: Int[np.ndarray, " N"], n_classes: int
) -> Float[np.ndarray, "n C"]:
    """Mean spikes over the hidden cells of each class; minus infinity for a class that owns none."""
    member = (assignments[:, None] == np.arange(n_classes)).astype(np.float64)
    size = member.sum(axis=0)
    return np.where(size > 0, hidden @ member / np.maximum(size, 1), -np.inf)


def by_assignment(
    hidden: Int[np.ndarray, "n N"], assignments: Int[np.ndarray, " N"], n_classes: int
) -> Int[np.ndarray, " n"]:
    """The class whose hidden cells spiked most on average, -1 where none did ("USL", Diehl and Cook 2015).

    Example:
        >>> by_assignment(np.array([[2, 0, 5], [0, 0, 4], [0, 0, 0]]), np.array([1, 1, 2]), 4).tolist()
        [2, 2, -1]
    """
    scores = assignment_scores(hidden, assignments, n_classes)
    return np.where(scores.max(axis=1) > 0, scores.argmax(axis=1), NO_CLASS)
