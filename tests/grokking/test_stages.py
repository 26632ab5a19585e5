"""Stages of grokking, on made-up histories and on the authors' curves."""

import numpy as np
import pandas as pd
import pytest

from symplast.grokking import grokking_stages
from symplast.grokking.stages import ipr_slopes

HISTORY = {
    "step": [0, 10, 20, 30, 40, 50],
    "train_acc": [0.1, 0.96, 1, 1, 1, 1],
    "test_acc": [0, 0.2, 0.7, 0.7, 0.96, 0.97],
    "norm": [1, 2, 3, 5, 4, 3],
    "test_loss": [3, 4, 3, 2, 1, 0.5],
    "unseen_acc": [0, 0, 0, 0.1, 0.9, 0.9],
    "ipr_in": [0.1, 0.2, 0.25, 0.3, 0.31, 0.32],
}


@pytest.mark.parametrize("kind", [dict, pd.DataFrame])
def test_all_stages(kind):
    found = grokking_stages(kind(HISTORY), mirrored_share=0.7)
    assert (found.memorised, found.generalised, found.norm_peak, found.test_loss_peak) == (10, 40, 30, 10)
    assert (found.fitted, found.plateau, found.unseen_at_plateau, found.final_test_acc) == (20, 0.7, 0, 0.97)
    assert found.as_dict()["mirrored_share"] == 0.7
    slopes = ipr_slopes(HISTORY, found)
    assert list(slopes.values()) == pytest.approx([10, 5, 1])


def test_what_never_happens_is_none():
    found = grokking_stages({"step": [0, 1], "train_acc": [0, 0.5], "norm": [1, 2]})
    assert found.memorised is None
    assert found.generalised is None
    assert found.norm_peak is None  # still rising at the end
    assert found.plateau is None
    assert np.isnan(list(ipr_slopes({"step": [0, 1], "ipr_in": [0, 1]}, found).values())).all()


def test_a_run_that_still_rises_has_a_second_stage_to_its_end():
    rising = HISTORY | {"norm": [1, 2, 3, 4, 5, 6]}
    slopes = ipr_slopes(rising, grokking_stages(rising))
    assert slopes["II"] == pytest.approx(1000 * 0.12 / 40)
    assert np.isnan(slopes["III"])


def test_the_authors_norm_peaks_where_they_say(curves):
    norm = curves["relu_grok/param_norms_every10"]
    history = {"step": 10 * np.arange(norm.size), "train_acc": np.ones(norm.size), "norm": norm}
    found = grokking_stages(history)
    assert found.norm_at_peak == pytest.approx(50.87, abs=0.01)
    assert found.norm_peak == pytest.approx(9352, abs=10)


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ({"step": [0, 1]}, "it lacks train_acc"),
        ({"step": [0, 1], "train_acc": [1]}, "equal length, got step 2, train_acc 1"),
        ({"step": [1, 1], "train_acc": [1, 1]}, "step must rise"),
        ({"step": [0, 1], "train_acc": [0, 98]}, r"must lie in \[0, 1\] \(a share, not per cent\)"),
        ({"step": [0, 1], "train_acc": [0, np.nan]}, "train_acc must be finite"),
    ],
)
def test_wrong_histories(history, message):
    with pytest.raises(ValueError, match=message):
        grokking_stages(history)


def test_wrong_threshold():
    with pytest.raises(ValueError, match=r"threshold must be an accuracy in \(0, 1\]"):
        grokking_stages(HISTORY, threshold=95)
