"""The experiments: claims fit, each runs at a tiny scale and is drawn."""

from pathlib import Path

import jax
import numpy as np
import pytest

import symplast.brain_symmetry
from symplast import datasets, stats
from symplast.brain_symmetry import figures
from symplast.brain_symmetry.study import study
from symplast.lab import judge, measure, read_claims
from symplast.lab.theme import render

CLAIMS = read_claims(Path(symplast.brain_symmetry.__file__).parent / "claims.toml")
KEY = jax.random.key(0)
pytestmark = pytest.mark.usefixtures("optimised")
needs_template = pytest.mark.skipif(not datasets.available("mni152"), reason="needs nilearn and nibabel")


def measure_at(name, scale="quick", **changes):
    experiment = study.experiments[name]
    found = experiment.measure(experiment.config(scale, changes={k: str(v) for k, v in changes.items()}), KEY)
    for figure in study.figures.values():
        if figure.experiment == name:
            assert render(figure.draw(found), "svg").startswith(b"<?xml")
    return found


def outcome(claim, *evidence, scale="quick"):
    measured = {}
    for name, found in evidence:
        for part in CLAIMS[claim].parts:
            experiment, quantity = part.quantity.split(".")
            if experiment == name and quantity in found:
                measured[part.quantity] = measure(found, quantity)
    return judge(CLAIMS[claim], measured, scale).outcome


def test_claims_and_experiments_fit():
    study.check(CLAIMS)
    ids = ["BS1", "BS2", "BS3", "BS4", "BS4b", *(f"BS{i}" for i in range(5, 14))]
    assert [claim.id for claim in CLAIMS.claim] == ids
    assert figures.study is study


def test_exact_claims():
    for name, claims in (("ventricles", ("BS8",)), ("formats", ("BS12",))):
        found = measure_at(name)
        assert [outcome(claim, (name, found)) for claim in claims] == ["reproduced"] * len(claims)
    found = measure_at("shift", seeds=2)
    assert found.estimate_mm.shape == (2, 5)


@needs_template
def test_identities_and_template_at_a_tiny_scale():
    assert outcome("BS9", ("identities", measure_at("identities", planes=3))) == "reproduced"
    found = measure_at("template", seeds=1)
    assert float(found.angle_deg.max()) < 0.05
    assert float(found.degraded_offset_mm.max()) < 0.2
    again = measure_at("midline", scans=2)
    assert float(again.lone_angle_deg.max()) < 0.6


def test_bias_and_sweep_at_a_tiny_scale():
    found = measure_at("bias_handling", seeds=2)
    assert float(found.angle_deg.max()) < 1 < float(found.angle_without_deg.max())
    swept = measure_at("sweep", "full", poses=3)
    assert np.isfinite(swept.angle_deg).all()
    high = swept.snr.values >= 5
    good = high & (swept.angle_deg.values <= 1.08) & (swept.offset_mm.values <= 1)
    exact = stats.clopper_pearson(int(good.sum()), int(high.sum()))
    assert measure(swept, "share_within").low == pytest.approx(exact.low)  # no other quantity is taken for its end


@pytest.mark.slow
def test_the_published_grid():
    found = measure_at("layout", volumes=1)
    assert outcome("BS1", ("layout", found)) == outcome("BS2", ("layout", found)) == "reproduced"
    np.testing.assert_allclose(np.diff(found.position_mm), 12.5)


@pytest.mark.slow
def test_anomalies_and_splits_at_a_tiny_scale():
    counts = {"reference": 20, "healthy": 3, "inserted": 3, "resamples": 50, "found": 1, "epochs": 1}
    found = measure_at("anomalies", "full", asymmetries="[1.0]", **counts)
    assert found.auc.sizes == {"asymmetry": 1, "score": 5, "side": 10}
    assert measure(found, "auc_percentile").low is not None
    gaps = measure_at("splits", "full", seeds=2, scans=18, epochs=1)
    assert measure(gaps, "gap_by_scan").low is not None
