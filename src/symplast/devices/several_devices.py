"""One model for several measured devices: the mean device, and their spread as a :class:`Variation`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symplast.devices.arguments import Numbers
from symplast.devices.device_model import DeviceModel, FitResult, fit_curves
from symplast.devices.variation import Variation
from symplast.stats import Estimate

SPREADS = ("d2d_nl", "d2d_range")


@dataclass(frozen=True)
class DevicesFit:
    """Several fitted devices.

    Attributes:
        fits: name of each device -> its fit.
        model: the mean device: mean nonlinearities, mean ends of the range.
        variation: how the devices differ from it: ``d2d_nl`` and ``d2d_range``.
        spread: the same with intervals.
    """

    fits: dict[str, FitResult]
    model: DeviceModel
    variation: Variation
    spread: dict[str, Estimate]


def fit_devices(curves: Mapping[str, Sequence[Numbers]], *, level: float = 0.95) -> DevicesFit:
    """Fit the law to each of several devices, and describe their spread.

    ``d2d_range`` is the standard deviation of the ranges ``g_max - g_min`` over their mean. ``d2d_nl`` is that of a
    device's nonlinearities, both directions together, as the exponent's standard deviation of a lognormal factor,
    ``sqrt(log(1 + cv^2))``. A device's step is a share of its own range here, so a spread of steps in siemens is in
    ``d2d_range`` too and ``d2d_step`` stays 0. The errors of the fits are in the spread; intervals are those of the
    standard deviation of a normal sample.

    Args:
        curves: name -> LTP and LTD conductances, as for :func:`fit_curves`; at least two devices with equal numbers of
            pulses.
        level: confidence level in (0, 1).

    Raises:
        ValueError: fewer than two devices, other numbers of pulses, or a curve that can't be fitted; names the device.

    Example:
        >>> laws = ((1.0, 8e-6), (1.2, 9e-6), (0.8, 1e-5))
        >>> made = [DeviceModel(30, b_ltp=b, b_ltd=2 * b, g_max=top) for b, top in laws]
        >>> n = np.arange(31)
        >>> curves = {str(i): [d.siemens(d.curve(n, way)) for way in ("ltp", "ltd")] for i, d in enumerate(made)}
        >>> found = fit_devices(curves)
        >>> print(f"{found.model.b_ltp:.2f} {found.variation.d2d_nl:.2f} {found.variation.d2d_range:.2f}")
        1.00 0.20 0.11
    """
    if len(curves) < 2:
        raise ValueError(f"curves must hold at least two devices to have a spread, got {len(curves)}")
    fits = {}
    for name, (G_ltp, G_ltd) in curves.items():
        try:
            fits[name] = fit_curves(G_ltp, G_ltd, level=level)
        except ValueError as error:
            raise ValueError(f"device {name}: {error}") from None
    pulses = {(int(fit.model.n_ltp), int(fit.model.n_ltd)) for fit in fits.values()}
    if len(pulses) > 1:
        shown = ", ".join(f"{up} / {down}" for up, down in sorted(pulses))
        raise ValueError(
            f"all devices must have the same numbers of LTP and LTD pulses, got {shown}: cut the longer ones"
        )
    value = {name: np.array([fit.ci[name].value for fit in fits.values()]) for name in fits[next(iter(fits))].ci}
    (n_ltp, n_ltd), mean = pulses.pop(), {name: float(values.mean()) for name, values in value.items()}
    reach = value["g_max"] - value["g_min"]
    bent = [value[name] / mean[name] for name in ("b_ltp", "b_ltd") if mean[name] > 0]
    factor = np.mean(bent, axis=0) if bent else np.ones(len(fits))
    spread = {
        "d2d_nl": _deviation(factor, level, lognormal=True),
        "d2d_range": _deviation(reach / reach.mean(), level),
    }
    variation = Variation(**{name: estimate.value for name, estimate in spread.items()})
    b_ltp, b_ltd, g_min, g_max = (mean[name] for name in ("b_ltp", "b_ltd", "g_min", "g_max"))
    model = DeviceModel(n_ltp, n_ltd=n_ltd, b_ltp=b_ltp, b_ltd=b_ltd, g_min=g_min, g_max=g_max)
    return DevicesFit(fits, model, variation, spread)


def _deviation(relative: np.ndarray, level: float, lognormal: bool = False) -> Estimate:
    """Standard deviation of values whose mean is 1, with the interval of a normal sample."""
    from scipy.special import chdtri

    n = relative.size
    ends = [np.sqrt((n - 1) / chdtri(n - 1, tail)) for tail in ((1 - level) / 2, (1 + level) / 2)]
    value, low, high = (float(relative.std(ddof=1)) * np.array([1.0, *ends])).tolist()
    if lognormal:
        value, low, high = np.sqrt(np.log1p(np.square([value, low, high]))).tolist()
    return Estimate(value, low, high, level, n, "chi-square")
