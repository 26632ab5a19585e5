"""Quick scale from end to end, at a smaller size."""

import numpy as np
import pytest

from symplast.catalogue.study import study
from symplast.lab import Config
from symplast.lab.quantities import measure
from symplast.lab.registry import rooms

SMALL = {"truth": {"changes": 3}, "months": {"months": 6}}
ALIKE = [name for name in study.experiments if name != "search"]
"""Experiments that do the same for each system."""
FEW = ("bilateral", "dendrites", "scaling")


@pytest.fixture
def few_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages, feeds and mails are made alike for each system, and for three as for all."""
    some = {name: room for name, room in rooms().items() if name in FEW}
    assert len(some) == len(FEW)
    monkeypatch.setattr("symplast.catalogue.study._built_in", lambda: some)


@pytest.mark.usefixtures("few_systems")
@pytest.mark.parametrize("name", ALIKE)
def test_experiment(name: str) -> None:
    measured(name)


def test_search_among_all_systems() -> None:
    measured("search")


@pytest.mark.slow
@pytest.mark.parametrize("name", ALIKE)
def test_experiment_on_all_systems(name: str) -> None:
    measured(name)


def measured(name: str) -> None:
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
