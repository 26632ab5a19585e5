"""Signals in files, whitened in chunks: what doesn't fit into memory stays on disk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symplast.datasets.tables import read_table
from symplast.gain_control.whitening import ETA_ONLINE, FrameWhitener
from symplast.lab.whole_files import whole_file

CHUNK = 1 << 22
"""Numbers that are looked at together."""

BATCH = 64


@dataclass(frozen=True, eq=False)
class Signals:
    """Samples by channels, in memory or mapped from a file.

    Attributes:
        values: (samples, channels).
        names: of the channels.
        decided: what was decided on reading, in words.
    """

    values: np.ndarray
    names: tuple[str, ...]
    decided: tuple[str, ...] = ()

    def chunks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Rows, a chunk at a time, with the number of the first; checked to be finite.

        Raises:
            ValueError: NaN or infinity; names the row and the channel.
        """
        size = max(CHUNK // self.values.shape[1], 1)
        for start in range(0, len(self.values), size):
            rows = np.asarray(self.values[start : start + size])
            rows = rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)
            if not np.isfinite(rows).all():
                row, channel = np.argwhere(~np.isfinite(rows))[0]
                raise ValueError(
                    f"signals must be finite, row {start + row + 1} of channel {self.names[channel]} is "
                    f"{rows[row, channel]}: drop or fill it"
                )
            yield start, rows


def open_signals(path: str | Path, *, header: bool | None = None, index: bool | None = None) -> Signals:
    """Open signals, samples by channels; a ``.npy`` stays on disk and is read a chunk at a time.

    Args:
        path: ``.npy``, or a table as :func:`symplast.datasets.tables.read_table` reads.
        header: of a table; None decides by what it holds.
        index: of a table; None decides by what it holds.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, a damaged one, or not at least two samples of a channel.
    """
    file = Path(path).expanduser()
    if file.suffix.lower() == ".npy":
        if not file.is_file():
            raise FileNotFoundError(f"no file {file}; give signals, samples by channels")
        try:
            values = np.load(file, mmap_mode="r", allow_pickle=False)
        except Exception as error:  # damage ends in many classes
            why = " ".join(str(error).split())[:150]
            raise ValueError(f"{file} must be an array of numpy.save, it can't be read as one: {why}") from None
        decided: tuple[str, ...] = ()
        names: tuple[str, ...] = ()
    else:
        table = read_table(file, what="a table of signals, a sample a row", also=".npy", header=header, index=index)
        values, decided = table.matrix()
        names = tuple(table.names)
    if values.dtype.kind not in "biuf" or values.ndim != 2 or len(values) < 2 or not values.shape[1]:
        raise ValueError(
            f"{file} must hold real numbers, (samples, channels) with at least 2 samples; it holds {values.dtype} of "
            f"shape {values.shape}"
        )
    return Signals(values, names or tuple(f"{i + 1}" for i in range(values.shape[1])), decided)


def moments(signals: Signals) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the channels, in float64, in one pass.

    Example:
        >>> mean, covariance = moments(Signals(np.array([[0.0, 1.0], [2.0, 5.0]]), ("a", "b")))
        >>> mean.tolist(), covariance.tolist()
        ([1.0, 3.0], [[1.0, 2.0], [2.0, 4.0]])
    """
    count, mean = 0, np.zeros(signals.values.shape[1])
    around = np.zeros((mean.size, mean.size))
    for _, rows in signals.chunks():
        x = rows.astype(np.float64)
        own = x.mean(axis=0)
        away, shift, total = x - own, own - mean, count + len(x)
        around += away.T @ away + np.outer(shift, shift) * count * len(x) / total
        mean = mean + shift * len(x) / total
        count = total
    return mean, around / count


@dataclass(frozen=True, eq=False)
class Whitened:
    """A whitener for signals, and how white they become.

    Attributes:
        whitener: for signals less their mean, over their scale.
        mean: (channels,) that was subtracted.
        scale: root mean square of the centred signals, by which they were divided.
        before: ``|C - I|^2 / N^2`` of the centred and scaled signals.
        after: the same of the whitened ones.
        covariance: of the whitened signals.
    """

    whitener: FrameWhitener
    mean: np.ndarray
    scale: float
    before: float
    after: float
    covariance: np.ndarray

    def transform(self, rows: np.ndarray) -> np.ndarray:
        """Whitened rows; float32 stays float32."""
        return self.whitener.transform((rows - self.mean.astype(rows.dtype)) / rows.dtype.type(self.scale))


def whiten_signals(
    signals: Signals,
    whitener: FrameWhitener,
    how: str = "online",
    *,
    batch: int = BATCH,
    epochs: int = 1,
    eta: float | None = None,
    steps: int = 2000,
    progress: Callable[[int, int], None] | None = None,
) -> Whitened:
    """Adapt a whitener to signals, in two passes or more over chunks of them.

    Args:
        signals: the signals; their mean is subtracted and one scale taken out of all channels, so that variances are
            around 1.
        whitener: the circuit, with a neuron for each channel.
        how: ``online`` (:meth:`FrameWhitener.partial_fit`, batch after batch), ``offline`` (gradient steps on the
            covariance) or ``closed`` (the exact solution).
        batch: samples an online update.
        epochs: online passes.
        eta: learning rate; default 0.005 online, 0.05 offline.
        steps: offline updates.
        progress: called with passes done and in all.

    Raises:
        ValueError: another number of channels, signals that are not finite or constant, or gains that diverge.
    """
    n = signals.values.shape[1]
    if whitener.n != n:
        raise ValueError(f"frame must have a row for each of the {n} channels, got {whitener.n}")
    mean, covariance = moments(signals)
    scale = float(np.sqrt(np.trace(covariance) / n))
    if not scale > 0:
        raise ValueError("signals must vary: all channels are constant")
    covariance = covariance / scale**2
    if how == "closed":
        whitener = whitener.closed_form(covariance)
    elif how == "offline":
        whitener = whitener.fit(covariance, steps=steps, **({} if eta is None else {"eta": eta}))
    elif how == "online":
        for epoch in range(epochs):
            for _, rows in signals.chunks():
                x = (rows - mean.astype(rows.dtype)) / rows.dtype.type(scale)
                whitener = whitener.partial_fit(x, batch=batch, eta=ETA_ONLINE if eta is None else eta)
            if progress is not None:
                progress(epoch + 1, epochs)
    else:
        raise ValueError(f"how must be online, offline or closed, got {how!r}")
    after = whitener.covariance(covariance)
    errors = [float(((C - np.eye(n)) ** 2).sum() / n**2) for C in (covariance, after)]
    return Whitened(whitener, mean, scale, errors[0], errors[1], after)


def write_whitened(signals: Signals, found: Whitened, path: Path) -> None:
    """Write the whitened signals to a ``.npy``, a chunk at a time, in the precision of the signals."""
    dtype = signals.values.dtype if signals.values.dtype == np.float32 else np.dtype(np.float64)
    with whole_file(path) as file:
        header: dict[str, Any] = {
            "descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": signals.values.shape,
        }  # fmt: skip
        np.lib.format.write_array_header_1_0(file, header)
        for _, rows in signals.chunks():
            file.write(np.ascontiguousarray(found.transform(rows), dtype=dtype).tobytes())
