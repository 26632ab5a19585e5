"""All constants of the model, with the published settings by case."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

PRESETS: dict[str, dict[str, float]] = {
    "mnist-100": {},
    "mnist-400": {},
    "mnist-1600": {"tau_theta_ms": 8e6, "nu_in": 0.02, "nu_out": 0.08},
    "mnist-6400": {"theta_plus": 0.05, "tau_theta_ms": 2e7, "nu_in": 0.01},
    "mnist-10000": {"theta_plus": 0.05, "tau_theta_ms": 2e7, "nu_in": 0.0075},
    "fashion-400": {
        "theta_plus": 0.05,
        "tau_theta_ms": 5e7,
        "nu_in": 0.02,
        "nu_out": 0.32,
        "w_max_out": 40.0,
        "sum_in": 19.6,
        "sum_out_per_cell": 2.0,
        "v_threshold": -60.0,
    },
    "fashion-6400": {"theta_plus": 0.05, "tau_theta_ms": 2e7, "nu_in": 0.0005, "nu_out": 0.08, "sum_in": 19.6},
}
"""What differs from the settings for 100 and 400 cells on MNIST."""

MAY_BE_ZERO = {"theta_plus", "nu_in", "nu_out", "trace_increment", "trace_start", "refractory_ms", "teacher_hz"}
MAY_BE_ZERO |= {"w_exc_inh", "w_inh_exc", "least_spikes"}
ENDLESS = {"tau_theta_ms", "w_max_in", "w_max_out"}


@dataclass(frozen=True)
class SymSTDPConfig:
    """Constants of the network and of a presentation. mV, ms and Hz; conductances in units of the leak.

    Attributes:
        theta_plus: rise of the adaptive threshold by a spike at ``theta = theta_start``.
        tau_theta_ms: decay of theta; infinity keeps it.
        nu_in, nu_out: learning rates, input to hidden and hidden to classifier.
        w_max_in, w_max_out: largest weights.
        sum_in: S_E, sum of the weights into a hidden cell.
        sum_out_per_cell: S_C / N, sum of the weights into a classifier cell for each hidden cell.
        v_threshold: V_th; a hidden cell fires above ``V_th + theta - theta_start``.
        dt_ms: step. Explicit Euler under strong inhibition: do not raise it.
        trace_increment, trace_start, tau_trace_ms: of the spike traces of plasticity.
        theta_start, theta_pole, theta_guard: theta at first; where its increment ``theta_plus (theta_start -
            theta_pole) / |theta - theta_pole|`` has its pole; and the least denominator.
        tau_exc_ms, tau_inh_ms: of excitatory and inhibitory conductances.
        tau_hidden_ms, tau_fast_ms: of hidden membranes, and of inhibitory and classifier membranes.
        v_inhibition: reversal of inhibition, and floor of the hidden membrane.
        v_rest, v_reset: of hidden cells.
        v_rest_fast, v_reset_fast, v_threshold_fast: of inhibitory and classifier cells.
        refractory_ms: a cell charges and fires only where more than this has passed since its spike.
        w_exc_inh, w_inh_exc: fixed weights, one-to-one from hidden to inhibitory, and back to all others.
        w_start: plastic weights start uniform in [0, w_start).
        scale_in: scale the weights into hidden cells before each presentation; off only for the ablation.
        teacher_hz: rate of the true class while training.
        image_ms, rest_ms: of a presentation.
        least_spikes, q_start, q_last: an image with fewer hidden spikes is shown again with the intensity q one
            higher, from q_start up to q_last.
        reference_quirks: do as the reference code: the input trace does not decay in a unit's dead time.

    Raises:
        ValueError: a constant out of range.

    Example:
        >>> config = SymSTDPConfig.preset("mnist-1600")
        >>> config.nu_in, config.tau_theta_ms
        (0.02, 8000000.0)

    Source:
        Hao, Huang, Dong, Xu, arXiv:1812.06574, and its reference code (haoyz/sym-STDP-SNN).
    """

    theta_plus: float = 0.07
    tau_theta_ms: float = 6e6
    nu_in: float = 0.005
    nu_out: float = 0.04
    w_max_in: float = 1.0
    w_max_out: float = 8.0
    sum_in: float = 78.4
    sum_out_per_cell: float = 0.8
    v_threshold: float = -52.0
    dt_ms: float = 0.5
    trace_increment: float = 0.1
    trace_start: float = 1.0
    tau_trace_ms: float = 20.0
    theta_start: float = 20.0
    theta_pole: float = 10.0
    theta_guard: float = 1e-3
    tau_exc_ms: float = 1.0
    tau_inh_ms: float = 2.0
    tau_hidden_ms: float = 100.0
    tau_fast_ms: float = 10.0
    v_inhibition: float = -100.0
    v_rest: float = -65.0
    v_reset: float = -65.0
    v_rest_fast: float = -60.0
    v_reset_fast: float = -45.0
    v_threshold_fast: float = -40.0
    refractory_ms: float = 2.0
    w_exc_inh: float = 10.4
    w_inh_exc: float = 17.0
    w_start: float = 0.3
    scale_in: bool = True
    teacher_hz: float = 200.0
    image_ms: float = 350.0
    rest_ms: float = 150.0
    least_spikes: int = 5
    q_start: int = 2
    q_last: int = 32
    reference_quirks: bool = True

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            self._check(field.name, getattr(self, field.name))
        for name in ("image_ms", "rest_ms"):
            steps = getattr(self, name) / self.dt_ms
            if abs(steps - round(steps)) > 1e-6:
                raise ValueError(
                    f"{name} must be a whole number of steps of dt_ms={self.dt_ms}, got {getattr(self, name)}"
                )
        if self.q_last < self.q_start:
            raise ValueError(f"q_last must be at least q_start={self.q_start}, got {self.q_last}")
        if self.teacher_hz * self.dt_ms > 1000:
            raise ValueError(f"teacher_hz must be at most 1000 / dt_ms = {1000 / self.dt_ms:g}, got {self.teacher_hz}")

    @staticmethod
    def _check(name: str, value: Any) -> None:
        if name in ("scale_in", "reference_quirks"):
            if not isinstance(value, bool):
                raise ValueError(f"{name} must be True or False, got {value!r}")
            return
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise ValueError(f"{name} must be a number, got {value!r}")
        if name in ("least_spikes", "q_start", "q_last") and value != int(value):
            raise ValueError(f"{name} must be a whole number, got {value}")
        if math.isinf(value) and not (name in ENDLESS and value > 0):
            raise ValueError(f"{name} must be finite, got {value}")
        if name.startswith("v_") or name == "theta_pole":
            return
        if value < 0 or (value == 0 and name not in MAY_BE_ZERO):
            raise ValueError(f"{name} must be {'at least 0' if name in MAY_BE_ZERO else 'positive'}, got {value}")

    @classmethod
    def preset(cls, name: str, **changes: Any) -> "SymSTDPConfig":
        """Published settings, ``<data set>-<hidden cells>``, with changes.

        Raises:
            ValueError: no such preset, or a constant out of range.

        Example:
            >>> SymSTDPConfig.preset("fashion-400").v_threshold, SymSTDPConfig.preset("fashion-6400").v_threshold
            (-60.0, -52.0)
        """
        if name not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(PRESETS)}; got {name!r}")
        return cls(**{**PRESETS[name], **changes})

    def replace(self, **changes: Any) -> "SymSTDPConfig":
        """The same with some constants changed."""
        return dataclasses.replace(self, **changes)

    def for_pixels(self, pixels: int) -> "SymSTDPConfig":
        """The sum of a hidden cell's weights, published for 28 x 28 pixels, in proportion to the number of pixels.

        Example:
            >>> SymSTDPConfig().for_pixels(64).sum_in
            6.4
        """
        return self.replace(sum_in=self.sum_in * pixels / 784)

    @property
    def image_steps(self) -> int:
        """Steps of the image."""
        return round(self.image_ms / self.dt_ms)

    @property
    def rest_steps(self) -> int:
        """Steps of the rest after it."""
        return round(self.rest_ms / self.dt_ms)
