"""What is measured of trained networks, seed by seed: the quantities that several experiments share."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symplast import stats
from symplast.grokking.decoding import Decoding, decode, frequency_census, phase_misalignment
from symplast.grokking.ghosts import ghost_profile
from symplast.grokking.ideal import cosine_network, right_share
from symplast.grokking.lottery import RULES, Prediction, predict_winners
from symplast.grokking.network import TwoLayerNet
from symplast.grokking.phases import ORDERS, phase_order
from symplast.grokking.training import Run

NAMES = {"psi": "psi", "2phi+psi": "2phi_psi", "psi+phi": "psi_phi", "psi-phi": "psi_minus_phi", "4phi-psi": "4phi_psi"}
"""Angles of the phase order, as names of quantities."""

SHOWN = 6
"""Neurons in the figure of weights."""


def trained(runs: Sequence[Run]) -> dict[str, Any]:
    """Accuracy, purity, phase lock, census and ghosts of each run's final network, by the names that claims use."""
    decoded = [run.decoded for run in runs]
    lock = [phase_misalignment(each) for each in decoded]
    census = [frequency_census(each) for each in decoded]
    tables = [run.net.table() for run in runs]
    ghosts = [ghost_profile(table) for table in tables]
    seeds = ("seed",)
    return {
        "accuracy": (seeds, [right_share(table) for table in tables]),
        "loss": (seeds, [run.history["train_loss"][-1] for run in runs]),
        "ipr_in": (seeds, [each.ipr_in for each in decoded]),
        "ipr_out": (seeds, [each.ipr_out for each in decoded]),
        "ipr_rise": (seeds, [_ipr(run.history, -1) / _ipr(run.history, 0) for run in runs]),
        "energy_share": (seeds, [each.energy_share for each in decoded]),
        "own_share": (seeds, [each.share.mean() for each in decoded]),
        "sin_D": (seeds, [each.sin for each in lock]),
        "cos_D": (seeds, [each.cos for each in lock]),
        "covered": (seeds, [float((each.counts > 0).mean()) for each in census]),
        "reduced_chi2": (seeds, [each.reduced_chi2 for each in census]),
        "counts_cv": (seeds, [each.cv for each in census]),
        "null_cv": census[0].null_cv,
        "counts": (("seed", "k"), [each.counts for each in census]),
        "ghost_ratio": (seeds, [each.ratio for each in ghosts]),
        "ghost_r_squared": (seeds, [each.r_squared for each in ghosts]),
    }


def _ipr(history: Any, record: int) -> float:
    return float(history["ipr_in"][record] + history["ipr_out"][record]) / 2


def orders(runs: Sequence[Run], key: Any, quadratic: bool, prefix: str = "order") -> dict[str, Any]:
    """Mean ratio of each angle's order to chance, with a BCa interval over the frequencies of all seeds."""
    import jax

    ratios = np.array(
        [phase_order(run.decoded, jax.random.fold_in(key, i), quadratic=quadratic).ratio for i, run in enumerate(runs)]
    )  # [seed, angle, k]
    found: dict[str, Any] = {}
    for place, angle in enumerate(ORDERS):
        values = ratios[:, place][~np.isnan(ratios[:, place])]
        found[f"{prefix}_{NAMES[angle]}"] = stats.bootstrap(values, np.mean, method="bca")
    return found


def lottery(first: Sequence[TwoLayerNet], runs: Sequence[Run]) -> dict[str, Any]:
    """How many winners each rule predicted, and what the figure of the lottery needs."""
    told = [predict_winners(net.theta, net.xi) for net in first]
    final = [run.decoded for run in runs]
    hits = np.array(
        [[(each.by(rule) == end.winner).mean() for rule in RULES] for each, end in zip(told, final, strict=True)]
    )
    by_alpha = [(each.by("T") == end.frequency).mean() for each, end in zip(told, final, strict=True)]
    grown = [_grown(each, end) for each, end in zip(told, final, strict=True)]
    times = np.sort(told[0].times, axis=1)[:, :2]
    seeds = ("seed",)
    return {
        "hit_T": (seeds, hits[:, 0]),
        "hit_alpha": (seeds, hits[:, 1]),
        "hit_misalignment": (seeds, hits[:, 2]),
        "hit_over_misalignment": (seeds, hits[:, 0] / hits[:, 2]),
        "hit_T_by_input": (seeds, by_alpha),
        "hit_T_grown": (seeds, [share for share, _ in grown]),
        "grown": (seeds, [count for _, count in grown]),
        "first_time": (("neuron",), times[:, 0]),
        "second_time": (("neuron",), times[:, 1]),
        "hit": (("neuron",), told[0].winner == final[0].winner),
    }


def _grown(told: Prediction, end: Decoding) -> tuple[float, float]:
    """Hits among the neurons whose winning output amplitude grew threefold, and how many those are."""
    won = end.winner[:, None] - 1
    assert end.beta is not None
    assert told.first.beta is not None
    now, then = (np.take_along_axis(beta, won, axis=1)[:, 0] for beta in (end.beta, told.first.beta))
    much = now > 3 * then
    hits = told.winner == end.winner
    return float(hits[much].mean()) if much.any() else float("nan"), float(much.sum())


def drawn(run: Run, pair: tuple[int, int] = (5, 11)) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the figures of neurons and ghosts need of one network: quantities and coordinates."""
    decoded = run.decoded
    p = decoded.p
    best = np.argsort(-decoded.share * decoded.at(decoded.alpha))
    chosen = [int(best[decoded.frequency[best] == k][0]) for k in np.unique(decoded.frequency)[:SHOWN]]
    shown, j = np.array(chosen), np.arange(p)
    fine = np.linspace(0, p - 1, 20 * (p - 1) + 1)
    fitted = _cosines(decoded, shown, fine)
    table = run.net.table()
    ideal = _ideal(decoded, run.net)
    quantities = {
        "theta": (("neuron_shown", "j"), np.asarray(run.net.theta)[shown]),
        "xi": (("neuron_shown", "j"), np.asarray(run.net.xi)[shown]),
        "theta_fitted": (("neuron_shown", "j_fine"), fitted[0]),
        "xi_fitted": (("neuron_shown", "j_fine"), fitted[1]),
        "frequency_shown": (("neuron_shown",), decoded.frequency[shown]),
        "double_phi": (("neuron",), np.mod(2 * decoded.at(decoded.phi), 2 * np.pi)),
        "psi": (("neuron",), np.mod(decoded.at(decoded.psi), 2 * np.pi)),  # type: ignore[arg-type]
        "frequency": (("neuron",), decoded.frequency),
        "logits": (("network", "j"), [_scaled(table[pair]), _scaled(ideal[pair])]),
    }
    coords = {"j": j.tolist(), "j_fine": fine.tolist(), "network": ["trained", "ideal"], "pair": list(pair)}
    return quantities, coords


def _cosines(decoded: Decoding, shown: np.ndarray, j: np.ndarray) -> list[np.ndarray]:
    k = decoded.frequency[shown, None]
    layers = []
    for amplitude, phase, dc in ((decoded.alpha, decoded.phi, decoded.dc), (decoded.beta, decoded.psi, decoded.dc_out)):
        a, angle = (decoded.at(values)[shown, None] for values in (amplitude, phase))  # type: ignore[arg-type]
        layers.append(dc[shown, None] + a * np.cos(2 * np.pi * k * j / decoded.p + angle))  # type: ignore[index]
    return layers


def _ideal(decoded: Decoding, net: TwoLayerNet) -> np.ndarray:
    """Logits of evenly spread, phase-locked neurons with the same activation."""
    K, N = decoded.alpha.shape[1], 16
    k, phi = np.repeat(np.arange(1, K + 1), N), np.tile(2 * np.pi * np.arange(N) / N, K)
    return cosine_network(decoded.p, k, phi, 1.0, net.activation).table()


def _scaled(logits: np.ndarray) -> np.ndarray:
    """Logits from 0, the median, to 1, the largest."""
    return np.asarray((logits - np.median(logits)) / (logits.max() - np.median(logits)))


def harmonics(runs: Sequence[Run]) -> dict[str, Any]:
    """Amplitudes at r times each neuron's frequency over that at the frequency, means over neurons, seed by seed."""
    inputs: list[np.ndarray] = []
    outputs: list[np.ndarray] = []
    orders_shown = np.arange(1, 8)
    for run in runs:
        decoded = run.decoded
        p, k = decoded.p, decoded.frequency[:, None]
        place = np.mod(orders_shown * k, p)
        index = np.minimum(place, p - place) - 1
        for found, amplitude in ((inputs, decoded.alpha), (outputs, decoded.beta)):
            at = np.take_along_axis(amplitude, index, axis=1)
            found.append((at / at[:, :1]).mean(axis=0))
    of_input, of_output = np.array(inputs), np.array(outputs)
    even = of_input[:, [1, 3, 5]].mean(axis=1)
    return {
        "third": (("seed",), of_input[:, 2]),
        "fifth": (("seed",), of_input[:, 4]),
        "even_over_third": (("seed",), even / of_input[:, 2]),
        "fifth_over_third": (("seed",), of_input[:, 4] / of_input[:, 2]),
        "harmonic_in": (("seed", "r"), of_input),
        "harmonic_out": (("seed", "r"), of_output),
    }


def off_frequency(first: TwoLayerNet, net: TwoLayerNet) -> float:
    """Share of a network's input energy that is off each neuron's first frequency."""
    then = decode(np.asarray(first.theta)).frequency
    energy = decode(np.asarray(net.theta)).alpha ** 2
    kept = np.take_along_axis(energy, then[:, None] - 1, axis=1).sum()
    return float(1 - kept / energy.sum())
