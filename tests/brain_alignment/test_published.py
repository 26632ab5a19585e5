"""The typed numbers are those of the published tables, where these are at hand."""

import os
from pathlib import Path

import pandas as pd
import pytest

from symplast.brain_alignment import published

TABLES = Path(os.environ.get("SYMPLAST_DATA", "")) / "brain-alignment"


def test_counts():
    assert len(published.MODELS) == published.MODEL_COUNT == 12
    assert sum(model.rate is None for model in published.MODELS) == 5
    assert sum(map(len, published.RELEASED_LEVELS.values())) * published.RELEASED_IMAGES == published.CASES_PER_MODEL


@pytest.mark.skipif(not (TABLES / "models.csv").is_file(), reason="the published tables are not at hand")
def test_typed_numbers_are_the_tables():
    table = pd.read_csv(TABLES / "models.csv")
    for model, (_, row) in zip(published.MODELS, table.iterrows(), strict=True):
        known = (row.paper_name, row.paper_params_label, row.checkpoint_loaded_by_reference_code)
        assert (model.name, model.label, model.checkpoint) == known
        assert (model.billions, model.family) == (row.params_B_in_reference_metadata, row.vision_encoder_family)
        assert model.rate is None if row.sycophancy_rate == ">0.5" else model.rate == float(row.sycophancy_rate)
    r = pd.read_csv(TABLES / "roi_correlations.csv").set_index("roi_or_cell")
    for roi, value in published.ROI_CORRELATIONS.items():
        assert r.r[roi] == value
    assert tuple(r.loc["prf-visualrois", ["ci_low_published", "ci_high_published"]]) == published.EARLY_INTERVAL
    assert r.r["prf-visualrois x existence denial"] == published.STRONGEST_CELL
    assert r.r["all"] == published.AGGREGATE
