"""Quick scale from end to end, at a smaller size."""

import numpy as np
import pytest

from symplast.catalogue.study import study
from symplast.lab import Config
from symplast.lab.quantities import measure

SMALL = {"truth": {"changes": 3}, "months": {"months": 6}}


@pytest.mark.parametrize("name", study.experiments)
def test_experiment(name: str) -> None:
    import jax

    experiment = study.experiments[name]
    config = Config({**experiment.config("quick"), **SMALL.get(name, {})})
    found = experiment.measure(config, jax.random.key(0))
    assert found.attrs.get("wrong", "") == ""
    for quantity in ("differences", "changes_unseen", "missing_or_doubled", "failures", "violations", "requests"):
        if quantity in found:
            assert measure(found, quantity).value == 0
            assert measure(found, quantity).exact
    if name == "search":
        assert measure(found, "found").value > 0.9
        assert measure(found, "gain_over_bm25").low > -0.02
        assert np.isfinite(found.reciprocal_rank).all()
    for figure in study.figures.values():
        if figure.experiment == name:
            assert figure.draw(found).axes
