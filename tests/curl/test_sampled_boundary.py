"""The sampled boundary: an answer of its own to what the closed forms say."""

import jax
import numpy as np
import pytest

from symplast.curl import critical_fraction, solution_operator, stability
from symplast.curl.sampled_boundary import _critical_share, sampled_critical_fraction
from symplast.learning.host_random import generator


@pytest.mark.parametrize(("layer", "c"), [("hidden", 0.4), ("readout", 0.25)])
def test_agrees_with_the_closed_form(layer, c: float) -> None:
    found = sampled_critical_fraction(c, layer, units=(200, 400, 800), draws=20)
    assert found.value == pytest.approx(critical_fraction(c, layer), abs=0.04)
    assert found.low < found.value < found.high


def test_all_or_none_far_from_the_boundary() -> None:
    assert sampled_critical_fraction(0.1, "hidden", units=(100, 200), draws=3).value == pytest.approx(1)
    assert sampled_critical_fraction(2.0, "hidden", units=(100, 200), draws=3).value < 0.02


@pytest.mark.parametrize("layer", ["hidden", "readout"])
def test_one_net_is_judged_as_by_its_eigenvalues(layer) -> None:
    inputs, hidden = 30, 60
    share = _critical_share(generator(jax.random.key(0), 5), inputs, hidden, layer)
    w = generator(jax.random.key(0), 5).uniform(-1, 1, (hidden, inputs)) * np.sqrt(3 / inputs)
    units = inputs if layer == "hidden" else hidden
    last = round(share * units - 0.5)
    verdicts = []
    for flipped in (last, last + 1):
        signs = np.where(np.arange(units) < flipped, -1.0, 1.0)
        d1, d2 = (signs, np.ones(hidden)) if layer == "hidden" else (np.ones(inputs), signs)
        verdicts.append(stability(solution_operator(w, np.full((1, hidden), hidden**-0.5), d1, d2)).verdict)
    assert verdicts == ["stable", "unstable"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"c": 0.0}, "c = inputs / hidden units must be positive"),
        ({"c": 0.5, "units": (200,)}, "at least two sizes"),
        ({"c": 0.5, "draws": 1}, "draws at least 2"),
        ({"c": 1e-9}, "leave a layer empty"),
    ],
)
def test_wrong_input(arguments, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sampled_critical_fraction(**{"layer": "hidden"} | arguments)
