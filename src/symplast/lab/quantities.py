"""Evidence: what an experiment measured, as one xarray Dataset, and the estimates that verdicts read from it.

A variable is a *quantity* in one of three forms:

- with a ``seed`` dimension: independent samples; the estimate is their mean over ``seed`` with a BCa interval,
  Student's t for fewer than 20 samples, where the bootstrap is too narrow, and Clopper-Pearson for booleans;
- with companions ``<name>_low`` and ``<name>_high``: the experiment brought its own interval;
- otherwise: exact, no sampling error.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import xarray as xr

from symplast.lab.measurement import LEVEL, Measurement

Evidence: TypeAlias = xr.Dataset

SMALL = 100
"""Quantities of more entries are estimated only if a claim reads them."""

FEW = 20
"""Below this many samples the bootstrap of a mean is too narrow and Student's t is used."""


def evidence(
    *,
    coords: Mapping[str, Any] | None = None,
    units: Mapping[str, str] | None = None,
    notes: Mapping[str, Any] | None = None,
    **quantities: Any,
) -> Evidence:
    """Collect quantities into evidence.

    Args:
        coords: dimension -> labels.
        units: quantity -> unit.
        notes: anything else worth keeping (text or numbers), stored as attributes.
        **quantities: a scalar, a boolean, ``(dims, values)``, a DataArray, or an estimate with ``value``, ``low``,
            ``high``, ``n`` and ``level`` (``symplast.stats.Estimate``).

    Returns:
        The Dataset.

    Example:
        >>> e = evidence(error=(("seed",), [0.1, 0.2, 0.3]), ok=True, units={"error": "%"})
        >>> e.error.attrs["units"], bool(e.ok)
        ('%', True)
    """
    arrays: dict[str, xr.DataArray] = {}
    for name, quantity in quantities.items():
        if isinstance(quantity, xr.DataArray):
            arrays[name] = quantity
        elif hasattr(quantity, "low") and hasattr(quantity, "high"):
            about = {"n": int(quantity.n), "level": float(quantity.level)}
            arrays[name] = xr.DataArray(float(quantity.value), attrs=about)
            arrays[f"{name}_low"] = xr.DataArray(float(quantity.low))
            arrays[f"{name}_high"] = xr.DataArray(float(quantity.high))
        elif isinstance(quantity, tuple):
            dims, values = quantity
            arrays[name] = xr.DataArray(np.asarray(values), dims=dims)
        else:
            arrays[name] = xr.DataArray(np.asarray(quantity))
    for name, unit in (units or {}).items():
        if name not in arrays:
            raise ValueError(f"units name {name!r}, which is no quantity; there are {', '.join(arrays)}")
        arrays[name].attrs["units"] = unit
    return xr.Dataset(arrays, coords=dict(coords or {}), attrs=dict(notes or {}))


def measure(dataset: Evidence, name: str) -> Measurement:
    """The estimate of one quantity of the evidence (rules in the module's docstring).

    Raises:
        ValueError: the evidence has no such quantity, or it is not a number.
    """
    if name not in dataset:
        raise ValueError(
            f"the experiment did not measure {name!r}; it measured {', '.join(map(str, dataset.data_vars))}"
        )
    array = dataset[name]
    unit = str(array.attrs.get("units", ""))
    if array.dtype.kind not in "bifu":
        raise ValueError(f"quantity {name!r} must be a number or boolean, its type is {array.dtype}")
    if "seed" in array.dims:
        return _over_seeds(array.transpose("seed", ...), unit)
    ends = [end for end in (f"{name}_low", f"{name}_high") if end in dataset]
    if len(ends) == 1:
        raise ValueError(f"quantity {name!r} must have both ends of its interval, it has {ends[0]} only")
    if ends:
        low, high = dataset[f"{name}_low"], dataset[f"{name}_high"]
        if not low.shape == high.shape == array.shape:
            raise ValueError(
                f"quantity {name!r} must have an interval of its own shape {array.shape}, got {low.shape}, {high.shape}"
            )
        return Measurement(
            value=array.values.tolist(),
            low=low.values.tolist(),
            high=high.values.tolist(),
            n=int(array.attrs["n"]) if "n" in array.attrs else None,
            level=float(array.attrs.get("level", LEVEL)),
            unit=unit,
        )
    return Measurement(value=array.values.tolist(), unit=unit)


def measure_all(dataset: Evidence, claimed: set[str]) -> dict[str, Measurement]:
    """The estimates worth keeping next to the evidence: those that claims read, and every other small one.

    Args:
        dataset: the evidence.
        claimed: names that claims read.

    Raises:
        ValueError: a claimed quantity is missing or is not a number.
    """
    small = {
        str(name)
        for name, array in dataset.data_vars.items()
        if array.dtype.kind in "bifu" and array.size <= SMALL * array.sizes.get("seed", 1)
    }
    return {name: measure(dataset, name) for name in sorted(small | claimed)}


def _over_seeds(array: xr.DataArray, unit: str) -> Measurement:
    samples = array.values.reshape(array.sizes["seed"], -1)
    n, shape = samples.shape[0], array.shape[1:]
    value = samples.mean(axis=0)
    if n == 1:
        return Measurement(value=value.reshape(shape).tolist(), n=1, unit=unit)
    ends = np.array([_interval(column) for column in samples.T]).T.reshape(2, *shape)
    return Measurement(value=value.reshape(shape).tolist(), low=ends[0].tolist(), high=ends[1].tolist(), n=n, unit=unit)


def _interval(samples: np.ndarray[Any, Any]) -> tuple[float, float]:
    from symplast import stats

    if samples.dtype.kind == "b":
        estimate = stats.clopper_pearson(int(samples.sum()), samples.size, level=LEVEL)
    elif not np.isfinite(samples).all():
        return float("nan"), float("nan")  # judged as "not a number"
    elif samples.size < FEW:
        estimate = stats.mean_interval(samples, level=LEVEL)
    else:
        estimate = stats.bootstrap(samples, np.mean, method="bca", level=LEVEL)
    return estimate.low, estimate.high
