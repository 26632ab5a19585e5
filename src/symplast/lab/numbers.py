"""Measured numbers as text, for tables and reports."""

import math
from typing import Any

from symplast.lab.verdicts import flatten


def number(value: float | str, digits: int = 4) -> str:
    """A number in a few significant digits; words such as ``inf`` stay.

    Example:
        >>> number(0.00012345), number(16.0), number(1234567.0), number(1.2e-15)
        ('0.0001234', '16', '1,234,567', '1.2e-15')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size < 1e-300:
        return "0"
    if size >= 1e9 or 0 < size < 1e-4:
        return f"{value:.{digits}g}"
    if size >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def shown(value: Any, interval: Any = None, unit: str = "") -> str:
    """A measured value with its interval and unit; a table of values as its entries or its range.

    Example:
        >>> shown(8.02, [2.8, 17.0]), shown([1.0, 2.5], None, "%"), shown([1.0, 2.0, 3.0, 4.0, 5.0]), shown(True)
        ('8.02 [2.8, 17]', '1, 2.5 %', '5 values, 1 to 5', 'true')
    """
    if value is None:
        return ""
    tail = f" {unit}" if unit else ""
    if isinstance(value, list):
        values = list(flatten(value))
        if all(isinstance(v, bool) for v in _leaves(value)):
            return f"true in {int(sum(values))} of {len(values)}"
        if len(values) <= 4:
            return ", ".join(map(number, values)) + tail
        return f"{len(values)} values, {number(min(values))} to {number(max(values))}{tail}"
    if isinstance(value, bool):
        return number(value)
    ends = f" [{number(interval[0])}, {number(interval[1])}]" if interval else ""
    return f"{number(value)}{ends}{tail}"


def _leaves(values: Any) -> list[Any]:
    return [leaf for v in values for leaf in _leaves(v)] if isinstance(values, list) else [values]
