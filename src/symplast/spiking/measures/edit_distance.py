"""Edit distances between spike trains: Victor-Purpura's, and the pairing of spikes that attains the least cost."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from symplast.spiking.arguments import check_at_least_zero, check_positive
from symplast.spiking.measures.padding import pad
from symplast.spiking.trains import Times, check_train, in_ms
from symplast.stats.arguments import precision_of


def victor_purpura(a: Any, b: Any, cost_per_ms: float) -> float:
    """Least cost of turning one spike train into the other.

    Deleting or inserting a spike costs 1, moving it by x ms costs ``cost_per_ms * x``. A metric; with cost 0 it counts
    the difference in spike numbers, and with a large cost the spikes that do not coincide.

    Args:
        a: (spikes,) rising times in ms.
        b: the same of the other train.
        cost_per_ms: cost q of moving a spike by 1 ms.

    Returns:
        The distance.

    Raises:
        ValueError: times that do not rise, or a negative cost.

    Example:
        >>> victor_purpura([10.0, 30.0, 52.0], [12.0, 33.0, 70.0], cost_per_ms=0.2)
        3.0

    Source:
        Victor and Purpura 1996.
    """
    return float(victor_purpura_distances([check_train(a, "a")], [check_train(b, "b")], cost_per_ms)[0])


def victor_purpura_distances(a: Sequence[Times], b: Sequence[Times], cost_per_ms: float) -> np.ndarray:
    """:func:`victor_purpura` of each pair of checked trains."""
    check_at_least_zero(cost_per_ms, "cost_per_ms")
    first, second = pad(a), pad(b)
    padded = np.isfinite(first.times)[:, :, None] & np.isfinite(second.times)[:, None, :]
    apart = np.abs(
        np.subtract(first.times[:, :, None], second.times[:, None, :], where=padded, out=np.zeros(padded.shape))
    )
    costs = _skewed_costs(cost_per_ms * apart, 1.0)
    return costs[first.sizes + second.sizes, np.arange(len(first.sizes)), first.sizes]


class Pairing(NamedTuple):
    """Which spikes belong together.

    Attributes:
        cost: least cost; a missing or an extra spike is 1, a pair its distance over ``skip_ms``.
        pairs: (k, 2) times of target and model spike.
        missing: target spikes without partner.
        extra: model spikes without partner.
    """

    cost: float
    pairs: np.ndarray
    missing: np.ndarray
    extra: np.ndarray


def pair_spikes(target_ms: Any, model_ms: Any, window_ms: float, skip_ms: float | None = None) -> Pairing:
    """Pair the spikes of a model with those of its target at the least cost.

    The edit graph of Victor and Purpura with cost ``1 / skip`` per ms, where spikes farther apart than the window
    can't be paired. Of several least-cost pairings, going back from the last spikes, a pair is preferred to a missing
    spike, and that to an extra one. Costs are summed in ms, so that times in whole steps give exact ties.

    Args:
        target_ms: (spikes,) rising times in ms.
        model_ms: the same of the model.
        window_ms: largest distance of a pair.
        skip_ms: a missing or an extra spike costs as much as a pair this far apart; None: as the window.

    Raises:
        ValueError: times that do not rise, or a window or ``skip_ms`` that is not positive.

    Example:
        >>> pairing = pair_spikes([10.0, 30.0, 52.0], [12.0, 33.0, 70.0], window_ms=5.0)
        >>> pairing.cost, pairing.pairs.tolist(), pairing.missing.tolist(), pairing.extra.tolist()
        (3.0, [[10.0, 12.0], [30.0, 33.0]], [52.0], [70.0])

    Source:
        Section 1 of arXiv:1810.03199, costs as reconstructed in this library.
    """
    skip = window_ms if skip_ms is None else skip_ms
    check_positive(window_ms, "window_ms")
    check_positive(skip, "skip_ms")
    target, model = check_train(target_ms, "target_ms"), check_train(model_ms, "model_ms")
    apart = np.abs(target[:, None] - model)
    largest = max(np.abs(target).max(initial=0), np.abs(model).max(initial=0), window_ms)
    rounding = 4 * precision_of(in_ms(target_ms), in_ms(model_ms)) * largest
    moves = np.where(apart <= window_ms + rounding, apart, np.inf)
    row, column = np.indices((target.size + 1, model.size + 1))
    costs = _skewed_costs(moves[None], skip)[row + column, 0, row]
    pairs, missing, extra = [], [], []
    i, j = target.size, model.size
    while i or j:
        if i and j and costs[i, j] == costs[i - 1, j - 1] + moves[i - 1, j - 1]:
            i, j = i - 1, j - 1
            pairs.append((target[i], model[j]))
        elif i and costs[i, j] == costs[i - 1, j] + skip:
            i -= 1
            missing.append(target[i])
        else:
            j -= 1
            extra.append(model[j])
    return Pairing(
        float(costs[-1, -1] / skip),
        np.array(pairs[::-1], np.float64).reshape(-1, 2),
        np.array(missing[::-1], np.float64),
        np.array(extra[::-1], np.float64),
    )


def _skewed_costs(moves: np.ndarray, skip: float) -> np.ndarray:
    """Least cost of the first i spikes of one train against the first j of the other, for many pairs of trains.

    Args:
        moves: (pairs, m, n) cost of pairing two spikes.
        skip: cost of leaving one out.

    Returns:
        (m + n + 1, pairs, m + 1), the cost of i against j at ``[i + j, :, i]``: anti-diagonals are rows, each computed
        from the two before it by sums of slices. What lies beyond a shorter train does not reach its own entries.
    """
    pairs, m, n = moves.shape
    costs = np.full((m + n + 1, pairs, m + 1), np.inf)
    row, column = np.indices((m, n)) + 1
    paired = np.full_like(costs, np.inf)
    paired[row + column, :, row] = moves.transpose(1, 2, 0)
    for diagonal in range(m + n + 1):
        now = costs[diagonal]
        low, high = max(1, diagonal - n), min(m, diagonal - 1) + 1
        if low < high:
            before, twice = costs[diagonal - 1], costs[diagonal - 2]
            skipped = np.minimum(before[:, low - 1 : high - 1], before[:, low:high]) + skip
            now[:, low:high] = np.minimum(skipped, twice[:, low - 1 : high - 1] + paired[diagonal, :, low:high])
        if diagonal <= n:
            now[:, 0] = skip * diagonal
        if diagonal <= m:
            now[:, diagonal] = skip * diagonal
    return costs
