"""What the bootstrap and the permutation tests share: a statistic over many resamples at once, in bounded memory."""

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from symplast.stats.arguments import Floats

Statistic: TypeAlias = Callable[..., Any]

_NUMBERS = 2**22  # resampled numbers held at once (32 MiB)


def batch_size(n: int, resamples: int) -> int:
    """How many resamples of n observations to hold at once."""
    return max(1, min(resamples, _NUMBERS // n))


def over_last_axis(statistic: Statistic) -> Statistic:
    """``statistic`` over the last axis of arrays with any leading axes, vectorised where it accepts ``axis``."""
    try:
        accepts_axis = "axis" in inspect.signature(statistic).parameters
    except (TypeError, ValueError):  # builtins without a signature
        accepts_axis = False
    if accepts_axis:
        return lambda *arrays: statistic(*arrays, axis=-1)

    def one_by_one(*arrays: Floats) -> Floats:
        lead = np.broadcast_shapes(*(array.shape[:-1] for array in arrays))
        wholes = [np.broadcast_to(array, (*lead, array.shape[-1])) for array in arrays]
        values = [float(statistic(*(whole[index] for whole in wholes))) for index in np.ndindex(*lead)]
        return np.array(values).reshape(lead)

    return one_by_one
