"""Published settings, and constants that can't be."""

import math

import pytest

from symplast.sym_stdp import SymSTDPConfig
from symplast.sym_stdp.config import PRESETS

TABLE = {  # theta_plus, tau_theta, nu_in, nu_out, w_max_in, w_max_out, S_E, S_C, V_th
    ("mnist-100", 100): (0.07, 6e6, 0.005, 0.04, 1, 8, 78.4, 80, -52),
    ("mnist-400", 400): (0.07, 6e6, 0.005, 0.04, 1, 8, 78.4, 320, -52),
    ("mnist-1600", 1600): (0.07, 8e6, 0.02, 0.08, 1, 8, 78.4, 1280, -52),
    ("mnist-6400", 6400): (0.05, 2e7, 0.01, 0.04, 1, 8, 78.4, 5120, -52),
    ("mnist-10000", 10000): (0.05, 2e7, 0.0075, 0.04, 1, 8, 78.4, 8000, -52),
    ("fashion-400", 400): (0.05, 5e7, 0.02, 0.32, 1, 40, 19.6, 800, -60),
    ("fashion-6400", 6400): (0.05, 2e7, 0.0005, 0.08, 1, 8, 19.6, 5120, -52),
}


def test_every_case_of_the_reference():
    assert {name for name, _ in TABLE} == set(PRESETS)
    for (name, n), row in TABLE.items():
        c = SymSTDPConfig.preset(name)
        found = (c.theta_plus, c.tau_theta_ms, c.nu_in, c.nu_out, c.w_max_in, c.w_max_out, c.sum_in)
        assert (*found, c.sum_out_per_cell * n, c.v_threshold) == pytest.approx(row)


def test_changes_and_steps():
    config = SymSTDPConfig.preset("mnist-400", nu_in=0.01).replace(tau_theta_ms=math.inf)
    assert (config.nu_in, config.image_steps, config.rest_steps) == (0.01, 700, 300)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nu_in": -1.0}, "nu_in must be at least 0, got -1.0"),
        ({"tau_exc_ms": 0.0}, "tau_exc_ms must be positive, got 0.0"),
        ({"sum_in": math.inf}, "sum_in must be finite, got inf"),
        ({"theta_plus": math.nan}, "theta_plus must be a number, got nan"),
        ({"q_last": 1}, "q_last must be at least q_start=2, got 1"),
        ({"image_ms": 350.2}, "image_ms must be a whole number of steps of dt_ms=0.5"),
        ({"teacher_hz": 3000.0}, "teacher_hz must be at most 1000 / dt_ms = 2000"),
    ],
)
def test_wrong_constants(change, message):
    with pytest.raises(ValueError, match=message):
        SymSTDPConfig(**change)


def test_unknown_preset():
    with pytest.raises(ValueError, match=r"preset must be one of mnist-100, mnist-400, .*; got 'mnist-401'"):
        SymSTDPConfig.preset("mnist-401")
