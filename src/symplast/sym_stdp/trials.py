"""Networks trained and tested for the experiments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, UInt8

from symplast import datasets, stats
from symplast.sym_stdp.classifier import Responses, SymSTDPClassifier
from symplast.sym_stdp.config import SymSTDPConfig
from symplast.sym_stdp.encoding import even_ink

PERCENT = 100.0
SIDE = 28
NAMES = ("mnist-5k", "digits-28", "mnist", "fashion-mnist")
"""Data sets of 28 x 28 pixels; the first two are built in."""


@dataclass(frozen=True)
class Pictures:
    """Images as rows of pixels 0 to 255, and their labels.

    Attributes:
        name: of the data set.
        X, y: to learn from.
        X_test, y_test: to be tested on.
    """

    name: str
    X: UInt8[np.ndarray, "n P"]
    y: Int[np.ndarray, " n"]
    X_test: UInt8[np.ndarray, "m P"]
    y_test: Int[np.ndarray, " m"]


def pictures(name: str = "mnist-5k", images: int | None = None, tests: int | None = None) -> Pictures:
    """A data set in file order, 28 x 28; Fashion-MNIST with even ink.

    Args:
        name: ``mnist-5k`` or ``digits-28`` (built in), ``mnist`` or ``fashion-mnist``.
        images: use the first so many training images; None for all.
        tests: the same for test images.

    Raises:
        DatasetUnavailable: it is not available; says how to get it.
        ValueError: another name, or more images than there are.

    Example:
        >>> shown = pictures("digits-28", 100, 50)
        >>> shown.X.shape, int(shown.X.max()), shown.y_test.shape
        ((100, 784), 255, (50,))
    """
    if name not in NAMES:
        raise ValueError(f"data must be one of {', '.join(NAMES)}, got {name!r}")
    data: datasets.Images = datasets.load(name)  # type: ignore[assignment]  # of NAMES
    for what, asked, there in (("images", images, len(data.train_labels)), ("tests", tests, len(data.test_labels))):
        if asked is not None and not 1 <= asked <= there:
            raise ValueError(f"{what} must be in [1, {there}] for {name}, got {asked}")

    def rows(pixels: np.ndarray) -> UInt8[np.ndarray, "n P"]:
        return (even_ink(pixels) if name == "fashion-mnist" else pixels).reshape(len(pixels), SIDE * SIDE)

    labels = (np.asarray(y, np.int64) for y in (data.train_labels[:images], data.test_labels[:tests]))
    y, y_test = labels
    return Pictures(name, rows(data.train_images[:images]), y, rows(data.test_images[:tests]), y_test)


@dataclass(frozen=True)
class Answers:
    """Which test images networks got right, the last axis counts them.

    Attributes:
        sl, usl: (..., tests) whether the classifier, and the assignment read-out, is right.
    """

    sl: Bool[np.ndarray, "*networks tests"]
    usl: Bool[np.ndarray, "*networks tests"]


def answers(net: SymSTDPClassifier, shown: Pictures) -> tuple[Answers, Responses]:
    """Test a network by both read-outs; images without a response are wrong."""
    import warnings

    found = net.respond(shown.X_test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sl, usl = (net.classes(found, readout) == shown.y_test for readout in ("classifier", "assignment"))
    return Answers(sl, usl), found


def new_net(shown: Pictures, n_hidden: int, config: SymSTDPConfig, key: Key[Array, ""]) -> SymSTDPClassifier:
    """An untrained network for pictures."""
    return SymSTDPClassifier(shown.X.shape[1], n_hidden, 10, config, key)


def learning_curve(
    shown: Pictures, n_hidden: int, config: SymSTDPConfig, key: Key[Array, ""], checkpoints: Sequence[int]
) -> Answers:
    """Train once through the pictures; answers (checkpoints, tests) after so many images."""
    net, before, sl, usl = new_net(shown, n_hidden, config, key), 0, [], []
    for after in checkpoints:
        net.partial_fit(shown.X[before:after], shown.y[before:after])
        tested = answers(net, shown)[0]
        sl.append(tested.sl)
        usl.append(tested.usl)
        before = after
    return Answers(np.array(sl), np.array(usl))


def learning_curves(
    shown: Pictures,
    networks: Sequence[tuple[int, SymSTDPConfig]],
    keys: Sequence[Key[Array, ""]],
    checkpoints: Sequence[int],
) -> Answers:
    """:func:`learning_curve` of several kinds of networks: answers (networks, checkpoints, seeds, tests)."""
    runs = [[learning_curve(shown, n, config, key, checkpoints) for key in keys] for n, config in networks]
    sl, usl = (np.array([[getattr(run, name) for run in row] for row in runs]) for name in ("sl", "usl"))
    return Answers(sl.swapaxes(1, 2), usl.swapaxes(1, 2))


def accuracy(right: Bool[np.ndarray, "seeds tests"]) -> stats.Estimate:
    """Accuracy in percent with the binomial interval of the test images, which all seeds share.

    Example:
        >>> print(accuracy(np.arange(1000)[None] < 870))
        87 [84.76, 89.02]
    """
    share, n = float(right.mean()), right.shape[1]
    found = stats.clopper_pearson(round(share * n), n)
    return stats.Estimate(PERCENT * share, PERCENT * found.low, PERCENT * found.high, found.level, n, found.method)


def accuracies(name: str, dims: tuple[str, ...], right: Bool[np.ndarray, "*cells seeds tests"]) -> dict[str, Any]:
    """Evidence of accuracies in percent: ``name`` with its ends ``_low`` and ``_high``, and ``_of_seed``.

    Args:
        name: of the quantity.
        dims: names of the leading axes.
        right: whether each seed is right about each test image.
    """
    shape = right.shape[:-2]
    cells = [accuracy(cell) for cell in right.reshape(-1, *right.shape[-2:])]
    found: dict[str, Any] = {
        f"{name}{end}": (dims, np.reshape([getattr(cell, part) for cell in cells], shape))
        for end, part in (("", "value"), ("_low", "low"), ("_high", "high"))
    }
    return found | {f"{name}_of_seed": ((*dims, "seed"), percent_over_seeds(right))}


def paired_difference(a: Bool[np.ndarray, "seeds tests"], b: Bool[np.ndarray, "seeds tests"]) -> stats.Estimate:
    """Difference of two accuracies on the same test images in points, with its interval over them.

    For one seed it is McNemar's: with b images that only the first gets right and c that only the second does,
    ``(b - c)/n`` with variance ``(b + c - (b - c)^2 / n) / n^2``. Several seeds are averaged image by image first.

    Example:
        >>> first, second = np.arange(100)[None] < 90, np.arange(100)[None] >= 20
        >>> print(paired_difference(first, second))  # 20 against 10
        10 [-0.7392, 20.74]
    """
    found = stats.mean_interval(PERCENT * (a.mean(axis=0) - b.mean(axis=0)))
    return stats.Estimate(found.value, found.low, found.high, found.level, found.n, "paired over images")


def apart(larger: stats.Estimate, smaller: stats.Estimate) -> stats.Estimate:
    """Difference of two accuracies; its interval excludes 0 only where their intervals separate.

    Example:
        >>> wide, narrow = stats.Estimate(86, 85, 87, 0.95, 10, ""), stats.Estimate(84, 82, 86, 0.95, 10, "")
        >>> print(apart(wide, narrow))
        2 [-1, 5]
    """
    low, high = larger.low - smaller.high, larger.high - smaller.low
    return stats.Estimate(larger.value - smaller.value, low, high, larger.level, larger.n, "ends of both intervals")


def percent_over_seeds(right: Bool[np.ndarray, "seeds *more tests"]) -> Float[np.ndarray, "seeds *more"]:
    """Accuracy of each seed in percent."""
    return PERCENT * right.mean(axis=-1)
