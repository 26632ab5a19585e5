"""What the room's functions return."""

from dataclasses import dataclass
from typing import Literal

Alternative = Literal["two-sided", "less", "greater"]


@dataclass(frozen=True)
class Estimate:
    """A value and its confidence interval.

    Attributes:
        value: the estimate.
        low: lower end of the interval.
        high: upper end; the value itself need not lie between them (BCa and basic intervals of skewed samples).
        level: confidence level in (0, 1).
        n: number of independent observations: pairs when paired, the sum over several samples.
        method: how the interval was made.

    Raises:
        ValueError: ``low`` above ``high``, or one of the numbers is NaN.

    Example:
        >>> e = Estimate(value=0.5, low=0.25, high=0.75, level=0.95, n=20, method="wilson")
        >>> e.interval, str(e)
        ((0.25, 0.75), '0.5 [0.25, 0.75]')
    """

    value: float
    low: float
    high: float
    level: float
    n: int
    method: str

    def __post_init__(self) -> None:
        if not (self.value == self.value and self.low <= self.high):
            raise ValueError(f"an estimate needs a value and low <= high, got {self.value} [{self.low}, {self.high}]")

    @property
    def interval(self) -> tuple[float, float]:
        """``(low, high)``."""
        return self.low, self.high

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


@dataclass(frozen=True)
class Significance:
    """The result of a test.

    Attributes:
        statistic: observed value of the test statistic.
        p_value: probability, under the null hypothesis, of a statistic at least as extreme.
        alternative: ``two-sided``, ``less`` or ``greater``.
        n: number of independent observations, as in :class:`Estimate`.
        method: which test.
    """

    statistic: float
    p_value: float
    alternative: Alternative
    n: int
    method: str
