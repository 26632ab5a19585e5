"""Tables and summaries of decoded networks, predictions and histories, for files and for JSON."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symplast.grokking.decoding import Decoding, frequency_census, inverse_participation, phase_misalignment
from symplast.grokking.ghosts import ghost_profile, peaks
from symplast.grokking.lottery import Prediction
from symplast.grokking.network import TwoLayerNet
from symplast.grokking.phases import phase_order
from symplast.grokking.weight_files import Weights

if TYPE_CHECKING:
    import pandas as pd

SMALLEST_TABLE = 7
"""Smallest p at which outputs are left that are no ghosts."""

LARGEST_TABLE = 151
"""Largest p whose p^3 logits are computed for ghosts."""

COLUMNS = ("step", "train_acc", "test_acc", "train_loss", "test_loss", "norm", "mirrored_acc", "unseen_acc",
           "common_acc", "rare_acc")  # fmt: skip
"""Columns of a history that are read where they are there."""


def decoding_report(decoded: Decoding, weights: Weights, activation: str, *, add: bool = True) -> dict[str, Any]:
    """What a network became, as plain numbers.

    Args:
        decoded: the network.
        weights: the same as it was read.
        activation: of the network.
        add: whether it learns addition, so that right answers, ghosts and the angle that locks are known.
    """
    import jax

    census = frequency_census(decoded)
    least = 1 / decoded.alpha.shape[1]
    report: dict[str, Any] = {
        "p": decoded.p,
        "neurons": len(decoded.alpha),
        "ipr": {"input": _finite(decoded.ipr_in), "least_possible": least},
        "energy_share": _finite(decoded.energy_share),
        "counts": census.counts.tolist(),
        "census": {
            "cv": census.cv,
            "fair_lottery_cv": census.null_cv,
            "chi2_per_degree": _finite(census.reduced_chi2),
            "p_value": census.p_value,
        },
    }
    if decoded.beta is None or weights.xi is None:
        return report
    report["ipr"] |= {"output": _finite(decoded.ipr_out)}
    if not add:
        return report
    lock = phase_misalignment(decoded)
    report["phase_lock"] = {"mean_abs_sin_D": lock.sin, "mean_cos_D": lock.cos}
    order = phase_order(decoded, jax.random.key(0), quadratic=activation == "square")
    report["phase_order_over_chance"] = {name: _finite(value) for name, value in order.mean_ratio.items()}
    if SMALLEST_TABLE <= decoded.p <= LARGEST_TABLE:
        net = TwoLayerNet(weights.theta, weights.xi, activation, weights.theta_y)
        table = net.table()
        profile, heights = ghost_profile(table), peaks(table)
        x, y = np.mgrid[: net.p, : net.p]
        report["accuracy"] = float((table.argmax(axis=-1) == (x + y) % net.p).mean())
        report["ghosts"] = {
            "ghost_over_main": _finite(profile.ratio),
            "r_squared": _finite(profile.r_squared),
        }
        report["peaks"] = {
            "main": heights.main,
            "ghost": heights.ghost,
            "second": heights.second,
            "diagonal": heights.diagonal,
        }
    return report


def neuron_table(decoded: Decoding) -> "pd.DataFrame":
    """One row a neuron: frequency, share of its energy, amplitude and phase in both layers, D, IPR."""
    import pandas as pd

    table = {
        "neuron": np.arange(len(decoded.alpha)),
        "frequency": decoded.frequency,
        "share": decoded.share,
        "alpha": decoded.at(decoded.alpha),
        "phi": decoded.at(decoded.phi),
        "ipr_in": inverse_participation(decoded.alpha),
    }
    if decoded.beta is not None and decoded.psi is not None:
        table |= {
            "winner": decoded.winner,
            "beta": decoded.at(decoded.beta),
            "psi": decoded.at(decoded.psi),
            "D": decoded.misalignment,
            "ipr_out": inverse_participation(decoded.beta),
        }
    return pd.DataFrame(table)


def prediction_report(prediction: Prediction, final: Decoding | None) -> dict[str, Any]:
    """How sure the predictions are, and how many came true where the final network is given."""
    lead = prediction.lead[np.isfinite(prediction.lead)]
    report: dict[str, Any] = {
        "p": prediction.first.p,
        "neurons": len(prediction.times),
        "counts": np.bincount(prediction.winner - 1, minlength=prediction.times.shape[1]).tolist(),
        "median_lead_T2_over_T1": float(np.median(lead)) if lead.size else None,
        "share_with_lead_above_1.1": float((lead > 1.1).mean()) if lead.size else None,
    }
    if final is not None:
        hits = prediction.hits(final)
        report["hits"] = {name: {"value": e.value, "interval": list(e.interval)} for name, e in hits.items()}
        report["chance"] = 1 / prediction.times.shape[1]
    return report


def prediction_table(prediction: Prediction, final: Decoding | None) -> "pd.DataFrame":
    """One row a neuron: predicted winner and runner-up, its blow-up time, lead, and what came of it."""
    import pandas as pd

    best = prediction.times.min(axis=1)
    table = pd.DataFrame(
        {
            "neuron": np.arange(len(best)),
            "winner": prediction.winner,
            "runner_up": prediction.runner_up,
            "T": np.where(np.isfinite(best), best, np.nan),
            "T2_over_T1": prediction.lead,
            "by_alpha": prediction.by("alpha"),
            "by_abs_D": prediction.by("abs(D)"),
        }
    )
    if final is not None:
        table["final"] = final.winner
        table["right"] = table.winner == table.final
    return table


def history_table(history: Mapping[str, Any]) -> "pd.DataFrame":
    """A history as a table that :func:`read_history` reads."""
    import pandas as pd

    return pd.DataFrame({name: np.asarray(column) for name, column in history.items()})


def read_history(path: Path | str, tell: Callable[[str], object] = lambda _: None) -> dict[str, np.ndarray]:
    """The columns of a history that the stages are found from.

    Args:
        path: a table (.csv, .tsv, .parquet, ...) with ``step``, ``train_acc`` and others of :data:`COLUMNS`.
        tell: called with what was decided on reading.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a table without these columns, or with cells that are no numbers; all problems at once.
    """
    from symplast.datasets.tables import listed, read_table
    from symplast.datasets.units import NUMBERS

    table = read_table(path, what="a history of training")
    if missing := [name for name in ("step", "train_acc") if name not in table.names]:
        raise ValueError(
            f"{Path(path).name}: a history must have the columns step and train_acc; it lacks {', '.join(missing)} and "
            f"has {listed(table.names)}"
        )
    present = [name for name in COLUMNS if name in table.names]
    found = table.numbers({name: (name, NUMBERS) for name in present}, way_out="")
    tell(found.said(Path(path).name))
    return dict(found.values)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
