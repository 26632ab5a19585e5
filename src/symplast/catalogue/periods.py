"""Periods of a digest: days and ISO weeks, in UTC."""

from datetime import UTC, datetime, timedelta
from typing import Literal

Cadence = Literal["daily", "weekly"]
CADENCES: tuple[Cadence, ...] = ("daily", "weekly")


def period_of(time: datetime, cadence: Cadence) -> str:
    """The day or the ISO week that a time lies in.

    Example:
        >>> time = datetime(2026, 11, 28, 23, 59, tzinfo=UTC)
        >>> period_of(time, "daily"), period_of(time, "weekly")
        ('2026-11-28', '2026-W48')
    """
    utc = time.astimezone(UTC)
    if cadence == "daily":
        return utc.date().isoformat()
    year, week, _ = utc.isocalendar()
    return f"{year}-W{week:02d}"


def end_of(period: str) -> datetime:
    """When a period ends: the first moment after it.

    Example:
        >>> end_of("2026-11-28").isoformat(), end_of("2026-W53").isoformat()
        ('2026-11-29T00:00:00+00:00', '2027-01-04T00:00:00+00:00')
    """
    if "W" in period:
        return datetime.fromisoformat(f"{period}-1").replace(tzinfo=UTC) + timedelta(days=7)
    return datetime.fromisoformat(period).replace(tzinfo=UTC) + timedelta(days=1)


def same_moment(period: str | None, cadence: Cadence) -> str | None:
    """The last period of another cadence that ended no later, so that a change of cadence loses nothing.

    Example:
        >>> same_moment("2026-W47", "daily"), same_moment("2026-11-25", "weekly"), same_moment(None, "daily")
        ('2026-11-22', '2026-W47', None)
    """
    if period is None:
        return None
    end = end_of(period)
    last = period_of(end - timedelta(seconds=1), cadence)
    if end_of(last) <= end:
        return last
    return period_of(end_of(last) - timedelta(days=8 if cadence == "weekly" else 2), cadence)
