"""One analog synapse device: how a pulse moves its conductance."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from symplast.devices import pulse_law
from symplast.devices.arguments import DIRECTIONS, Direction, Numbers, check_choice, check_reals
from symplast.devices.curve_fit import check_curves, fitted_law
from symplast.devices.measured_curve import MeasuredCurve, measured_curve
from symplast.devices.neurosim import UNIT, label_of, nonlinearity_of
from symplast.devices.pulse_law import MOST_NONLINEAR
from symplast.stats import Estimate


class DeviceModel(eqx.Module):
    """The standard exponential-saturation device (reconstruction: the law is the field's, not read in the paper).

    All states are normalised, ``g = (G - g_min) / (g_max - g_min)`` in [0, 1]. From g = 0, n LTP pulses lead to
    ``g_p(n) = (1 - exp(-b n/N)) / (1 - exp(-b))``; from g = 1, n LTD pulses to ``1 - g(n; b_ltd, n_ltd)``. One pulse
    moves a state by ``A(g) = (1 + g expm1(-b)) expm1(-b/N) / expm1(-b)`` (LTD: ``-A(1-g)``), whatever its history.

    The parameters are arrays, so that devices can be vmapped and swept without compiling again.

    Args:
        n_ltp: pulses from g = 0 to 1, at least 1: the device's number of levels, its "dynamic range".
        n_ltd: pulses from 1 to 0; as ``n_ltp`` when left out.
        b_ltp: nonlinearity of LTP in [0, 50]; 0 is linear.
        b_ltd: nonlinearity of LTD; as ``b_ltp`` when left out.
        g_min: lowest conductance in siemens.
        g_max: highest conductance in siemens, above ``g_min``.
        measured_ltp, measured_ltd: measured curves that replace the law; see :meth:`from_table`.

    Raises:
        ValueError: a value outside its range.

    Example:
        >>> device = DeviceModel(64, b_ltp=3.0)
        >>> print([f"{g:.5f}" for g in device.curve(np.array([0, 1, 32, 64]), "ltp")])
        ['0.00000', '0.04819', '0.81757', '1.00000']
        >>> print(f"{device.step(0.5, 'ltp'):.6f} {device.step(0.5, 'ltd', k=10):.6f}")
        0.525296 0.293285
        >>> [round(label, 3) for label in device.neurosim_label()]
        [3.392, 3.392]
    """

    n_ltp: Float[Array, "..."]
    n_ltd: Float[Array, "..."]
    b_ltp: Float[Array, "..."]
    b_ltd: Float[Array, "..."]
    g_min: Float[Array, "..."]
    g_max: Float[Array, "..."]
    measured_ltp: MeasuredCurve | None
    measured_ltd: MeasuredCurve | None

    def __init__(
        self,
        n_ltp: ArrayLike,
        *,
        n_ltd: ArrayLike | None = None,
        b_ltp: ArrayLike = 0.0,
        b_ltd: ArrayLike | None = None,
        g_min: ArrayLike = 0.0,
        g_max: ArrayLike = 1.0,
        measured_ltp: MeasuredCurve | None = None,
        measured_ltd: MeasuredCurve | None = None,
    ):
        self.measured_ltp, self.measured_ltd = measured_ltp, measured_ltd
        self.n_ltp = check_reals(n_ltp, "n_ltp", 1, np.inf)
        self.n_ltd = self.n_ltp if n_ltd is None else check_reals(n_ltd, "n_ltd", 1, np.inf)
        self.b_ltp = check_reals(b_ltp, "b_ltp", 0, MOST_NONLINEAR)
        self.b_ltd = self.b_ltp if b_ltd is None else check_reals(b_ltd, "b_ltd", 0, MOST_NONLINEAR)
        self.g_min = check_reals(g_min, "g_min", -np.inf, np.inf)
        self.g_max = check_reals(g_max, "g_max", -np.inf, np.inf)
        traced = isinstance(g_min, jax.core.Tracer) or isinstance(g_max, jax.core.Tracer)
        if not traced and not np.all(np.less(g_min, g_max)):
            raise ValueError(f"g_min must be below g_max, got g_min={g_min} and g_max={g_max}")

    @classmethod
    def from_neurosim(cls, nl_ltp: float, nl_ltd: float, n_ltp: int, n_ltd: int | None = None) -> "DeviceModel":
        """A device from the nonlinearity labels of NeuroSim; a label's sign is ignored, the argument says it.

        Args:
            nl_ltp: label of LTP, size at most 9.1.
            nl_ltd: label of LTD.
            n_ltp: pulses of LTP.
            n_ltd: pulses of LTD; as ``n_ltp`` when left out.

        Raises:
            ValueError: a label beyond 9.1.

        Example:
            >>> device = DeviceModel.from_neurosim(2.4, -4.88, 97, 100)
            >>> print(f"{device.b_ltp:.4f} {device.b_ltd:.4f}")
            2.0033 4.9924
        """
        return cls(n_ltp, n_ltd=n_ltd, b_ltp=nonlinearity_of(nl_ltp), b_ltd=nonlinearity_of(nl_ltd))

    @classmethod
    def from_table(cls, G_ltp: Numbers, G_ltd: Numbers) -> "DeviceModel":
        """A device that follows measured curves: state -> pulse number between the points -> +1 -> state.

        A noisy curve is made monotone by isotonic regression first. Each curve is stretched to the same range, from the
        mean of the two low ends to the mean of the two high ends.

        Args:
            G_ltp: (pulses + 1,) siemens, measured after 0, 1, 2, ... LTP pulses.
            G_ltd: (pulses + 1,) siemens, measured after 0, 1, 2, ... LTD pulses.

        Raises:
            ValueError: fewer than 3 points, not finite, LTP that doesn't rise or LTD that doesn't fall.

        Warns:
            UserWarning: a curve is not monotone; says the largest correction.

        Example:
            >>> device = DeviceModel.from_table([1e-6, 4e-6, 6e-6, 7e-6], [7e-6, 3e-6, 2e-6, 1e-6])
            >>> print(f"{device.step(0.5, 'ltp'):.4f} {device.step(1.0, 'ltd'):.4f}")
            0.8333 0.3333
        """
        rising, falling = check_curves(G_ltp, G_ltd)
        ltp, ltd = measured_curve(rising, "G_ltp"), measured_curve(-falling, "G_ltd")
        ends = (rising[0] + falling[-1]) / 2, (rising[-1] + falling[0]) / 2
        return cls(
            float(ltp.pulses[-1]),
            n_ltd=float(ltd.pulses[-1]),
            g_min=float(min(ends)),
            g_max=float(max(ends)),
            measured_ltp=ltp,
            measured_ltd=ltd,
        )

    @staticmethod
    def fit(G_ltp: Numbers, G_ltd: Numbers, *, level: float = 0.95) -> "FitResult":
        """Fit the law to measured curves; see :func:`fit_curves`."""
        return fit_curves(G_ltp, G_ltd, level=level)

    def curve(self, n: ArrayLike, direction: Direction) -> Float[Array, "..."]:
        """The state after n pulses, from 0 by LTP or from 1 by LTD; pulses beyond the last level change nothing.

        Args:
            n: pulses, at least 0; broadcasts with the device's parameters.
            direction: ``ltp`` or ``ltd``.

        Raises:
            ValueError: a negative number of pulses, NaN, or an unknown direction.
        """
        n = _real(n, "n", np.inf)
        if check_choice(direction, "direction", DIRECTIONS) == "ltp":
            return self._rising("ltp", n)
        return 1 - self._rising("ltd", n)

    def pulses(self, g: ArrayLike, direction: Direction) -> Float[Array, "..."]:
        """How many pulses lead to a state, from 0 by LTP or from 1 by LTD; a real number in [0, N].

        Raises:
            ValueError: a state outside [0, 1], or an unknown direction.
        """
        g = _real(g, "g", 1.0)
        level = g if check_choice(direction, "direction", DIRECTIONS) == "ltp" else 1 - g
        if (measured := self._measured(direction)) is not None:
            return measured.pulse_number(level)
        b, n_max = self._law(direction)
        return pulse_law.pulse_number(level, b, n_max)

    def step(self, g: ArrayLike, direction: Direction, k: ArrayLike = 1, v: ArrayLike = 1.0) -> Float[Array, "..."]:
        """The state after k more pulses.

        Args:
            g: state in [0, 1].
            direction: ``ltp`` or ``ltd``.
            k: pulses, at least 0.
            v: the device's step relative to the nominal one. A measured curve is then run through v times as fast.

        Returns:
            The state, limited to [0, 1]; equal to k single pulses.

        Raises:
            ValueError: a state outside [0, 1], a negative number of pulses or step, NaN, or an unknown direction.
        """
        g, k, v = _real(g, "g", 1.0), _real(k, "k", np.inf), _real(v, "v", np.inf)
        if check_choice(direction, "direction", DIRECTIONS) == "ltp":
            return self._risen("ltp", g, k, v)
        return 1 - self._risen("ltd", 1 - g, k, v)

    def neurosim_label(self) -> tuple[float, float]:
        """NeuroSim's nonlinearity labels of LTP and LTD, both positive; of a single device."""
        return self._label("ltp"), self._label("ltd")

    def siemens(self, g: ArrayLike) -> Float[Array, "..."]:
        """The conductance of a state, ``g_min + g (g_max - g_min)``."""
        return self.g_min + _real(g, "g", 1.0) * (self.g_max - self.g_min)

    def _law(self, direction: Direction) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        return (self.b_ltp, self.n_ltp) if direction == "ltp" else (self.b_ltd, self.n_ltd)

    def _measured(self, direction: Direction) -> MeasuredCurve | None:
        return self.measured_ltp if direction == "ltp" else self.measured_ltd

    def _rising(self, direction: Direction, n: Float[Array, "..."]) -> Float[Array, "..."]:
        if (measured := self._measured(direction)) is not None:
            return measured.level_after(n)
        b, n_max = self._law(direction)
        return pulse_law.level_after(jnp.minimum(n, n_max), b, n_max)

    def _risen(
        self, direction: Direction, level: Float[Array, "..."], k: Float[Array, "..."], v: Float[Array, "..."]
    ) -> Float[Array, "..."]:
        if (measured := self._measured(direction)) is not None:
            return measured.level_after(measured.pulse_number(level) + k * v)
        b, n_max = self._law(direction)
        return pulse_law.level_after_more(level, b, n_max, k, v)

    def _label(self, direction: Direction) -> float:
        if (measured := self._measured(direction)) is not None:
            line = measured.pulses / measured.pulses[-1]
            return float(jnp.max(jnp.abs(measured.levels - line))) / UNIT
        return label_of(float(self._law(direction)[0]))


@dataclass(frozen=True)
class FitResult:
    """A fitted device.

    Attributes:
        model: the device.
        rmse: root mean square residual as a share of the range ``g_max - g_min``.
        ci: ``b_ltp``, ``b_ltd``, ``g_min``, ``g_max`` (siemens) as estimates with intervals.
    """

    model: DeviceModel
    rmse: float
    ci: dict[str, Estimate]


def fit_curves(G_ltp: Numbers, G_ltd: Numbers, *, level: float = 0.95) -> FitResult:
    """Least squares fit of the law to an LTP and an LTD curve with a common range.

    ``G_ltp[n] = g_min + (g_max - g_min) g_p(n; b_ltp, N_ltp)`` and ``G_ltd[n] = g_max - (g_max - g_min) g_p(n; b_ltd,
    N_ltd)``, with N the number of pulses measured. Intervals are Student's t with the linearised covariance. They take
    the residuals as independent; noise that accumulates from pulse to pulse makes them too narrow.

    Args:
        G_ltp: (pulses + 1,) siemens after 0, 1, 2, ... LTP pulses, rising from first to last; steps back are noise.
        G_ltd: (pulses + 1,) siemens after 0, 1, 2, ... LTD pulses, falling.
        level: confidence level in (0, 1).

    Raises:
        ValueError: fewer than 3 points, not finite, or the wrong way from first to last pulse.

    Warns:
        UserWarning: the best fit misses the curves by more than 5 % of the range.

    Example:
        >>> true = DeviceModel(50, b_ltp=2.0, b_ltd=4.0, g_min=1e-6, g_max=9e-6)
        >>> pulses = np.arange(51)
        >>> found = fit_curves(true.siemens(true.curve(pulses, "ltp")), true.siemens(true.curve(pulses, "ltd")))
        >>> print(f"{found.model.b_ltp:.2f} {found.model.b_ltd:.2f} {found.model.g_max:.1e}")
        2.00 4.00 9.0e-06
    """
    law = fitted_law(G_ltp, G_ltd, level)
    b_ltp, b_ltd, g_min, g_max = (law.ci[name].value for name in ("b_ltp", "b_ltd", "g_min", "g_max"))
    model = DeviceModel(law.n_ltp, n_ltd=law.n_ltd, b_ltp=b_ltp, b_ltd=b_ltd, g_min=g_min, g_max=g_max)
    return FitResult(model, law.rmse, law.ci)


def _real(value: ArrayLike, name: str, most: float) -> Float[Array, "..."]:
    """A number in [0, most] as an array of floats, checked where it is known."""
    if not isinstance(value, jax.core.Tracer):
        check_reals(value, name, 0.0, most)
    array = jnp.asarray(value)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(float)
