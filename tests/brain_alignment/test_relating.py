"""Relations over models: everything in one result, and tables that can't be related."""

import numpy as np
import pandas as pd
import pytest

from symplast.brain_alignment import FewModels, mixed_model, relate, two_level_bootstrap


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    rate = np.linspace(0.05, 0.95, 10)
    return pd.DataFrame(
        {
            "model": [f"m{i}" for i in range(10)],
            "V1": 0.4 - 0.2 * rate + 0.03 * random.normal(size=10),
            "words": random.normal(size=10),
            "flat": 1.0,
            "rate": rate,
            "family": list("aabbccddee"),
            "params_B": np.geomspace(0.25, 10, 10),
        }
    )


def test_all_of_a_relation(table, tmp_path):
    found = relate(table, ["V1", "words"], ["rate"], families="family", covariates=["log10_params"], names="model")
    early = found["V1", "rate"]
    assert early.r < -0.8
    assert early.fisher[0] < early.r < early.fisher[1] < 0
    assert early.bootstrap_exact
    assert len(early.leave_one_out) == 10
    assert list(early.leave_one_family_out) == list("abcde")
    assert set(early.partial) == {"log10_params"}
    assert early.paper_d > 0
    assert early.benjamini_hochberg >= early.p_value
    assert early.max_r <= 0.05
    assert len(found.differences) == 1
    page = found.report(tmp_path / "page.html").read_text()
    assert "V1, rate" in page
    assert page.count("<svg") == 2
    assert found.to_dict()["pairs"][0]["x"] == "V1"
    with pytest.raises(ValueError, match=r"\.html"):
        found.report(tmp_path / "page.pdf")


def test_a_constant_column_has_a_reason(table):
    flat = relate(table, ["flat"], ["rate"])["flat", "rate"]
    assert np.isnan(flat.r)
    assert "flat is constant" in flat.reason


def test_few_models(table):
    with pytest.warns(FewModels, match="only 5"):
        relate(table[:5], ["V1"], ["rate"])
    with pytest.raises(ValueError, match="at least 4 models, got 3"):
        relate(table[:3], ["V1"], ["rate"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"x": ["V4"]}, "no column 'V4'"),
        ({"y": ["family"]}, "must hold numbers"),
        ({"x": []}, "at least one column"),
        ({"families": "genus"}, "families must name"),
        ({"covariates": ["size"]}, "no column 'size'"),
    ],
)
def test_wrong_tables(table, changes, told):
    with pytest.raises(ValueError, match=told):
        relate(table, **{"x": ["V1"], "y": ["rate"]} | changes)


def test_two_levels(table):
    random = np.random.default_rng(1)
    scores = table.V1.to_numpy() + 0.05 * random.normal(size=(8, 1)) + 0.01 * random.normal(size=(8, 10))
    found = two_level_bootstrap(scores, table.rate, resamples=500)
    assert found.low < found.value < found.high < -0.4
    fit = mixed_model(scores, table.rate)
    assert fit.low < fit.slope < fit.high < 0
    assert fit.slope == pytest.approx(np.polyfit(table.rate, scores.mean(axis=0), 1)[0], abs=1e-3)
    with pytest.raises(ValueError, match=r"\(subjects, models\)"):
        two_level_bootstrap(scores, table.rate[:4])
