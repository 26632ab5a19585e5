"""Measured numbers as text, for tables and reports."""

import math
import re
from typing import Any


def number(value: float | str, digits: int = 4) -> str:
    """A number in a few significant digits; words such as ``inf`` stay.

    Example:
        >>> number(0.00012345), number(16.0), number(1234567.0), number(1e-9), number(3.4841e11)
        ('0.0001234', '16', '1,234,567', '1e-9', '3.484e11')
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
        return short_exponent(f"{value:.{digits}g}")
    if size >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def short_exponent(text: str) -> str:
    """Exponents as one would write them: 1e-9 and 3e11, not 1e-09 and 3e+11."""
    return re.sub(r"e([+-])0*(\d)", lambda m: f"e{m[1].replace('+', '')}{m[2]}", text)


def shown(value: Any, interval: Any = None, unit: str = "", digits: int = 4) -> str:
    """A measured value with its interval and unit; a table of values as its entries or its range.

    Example:
        >>> shown(8.02, [2.8, 17.0]), shown([1.0, 2.5], None, "%"), shown([1.0, 2.0, 3.0, 4.0, 5.0]), shown(True)
        ('8.02 [2.8, 17]', '1, 2.5 %', '5 values, 1 to 5', 'true')
    """
    if value is None:
        return ""
    tail = f" {unit}" if unit else ""
    if isinstance(value, list):
        values = _leaves(value)
        if all(isinstance(v, bool) for v in values):
            return f"true in {int(sum(values))} of {len(values)}"
        if len(values) <= 4:
            return ", ".join(number(v, digits) for v in values) + tail
        return f"{len(values)} values, {number(min(values), digits)} to {number(max(values), digits)}{tail}"
    if isinstance(value, bool):
        return number(value)
    ends = f" [{number(interval[0], digits)}, {number(interval[1], digits)}]" if interval else ""
    return f"{number(value, digits)}{ends}{tail}"


def _leaves(values: Any) -> list[Any]:
    return [leaf for v in values for leaf in _leaves(v)] if isinstance(values, list) else [values]
