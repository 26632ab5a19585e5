"""The history of verdicts as a picture: systems down, time across, a mark an event in the colour of its verdict."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import escape

from symplast.catalogue.cards import Card
from symplast.catalogue.feeds import clean, headline, mark
from symplast.lab.events import Event

WIDTH, LEFT, ROW, TOP = 760, 150, 22, 30
TICK = 13
MOST = 60
"""Systems drawn; those whose last event is newest."""


def history(cards: Mapping[str, Card], events: Sequence[Event]) -> str:
    """Inline SVG in the page's colours; empty where nothing has happened yet.

    Args:
        cards: system -> card; events of others are left out.
        events: oldest first.
    """
    events = [event for event in events if event.system in cards]
    if not events:
        return ""
    last = {event.system: event.time for event in events}
    slugs = sorted(last, key=lambda slug: last[slug], reverse=True)[:MOST]
    times = [event.time for event in events]
    begin, end = min(times), max(times)
    if end - begin < timedelta(days=1):
        begin, end = begin - timedelta(hours=12), end + timedelta(hours=12)
    height = TOP + ROW * len(slugs) + 26

    def across(time: datetime) -> float:
        return LEFT + 14 + (time - begin) / (end - begin) * (WIDTH - LEFT - 34)

    parts = []
    for row, slug in enumerate(slugs):
        y = TOP + ROW * row + ROW / 2
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - 6}" y1="{y:.0f}" y2="{y:.0f}"/>')
        parts.append(
            f'<a href="{escape(slug)}.html"><text class="row" x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">'
            f"{escape(slug)}</text></a>"
        )
    free = dict.fromkeys(slugs, 0.0)
    for event in events:
        if event.system in slugs:
            x = max(across(event.time), free[event.system])  # signs of one moment stand side by side
            free[event.system] = x + TICK
            parts.append(_tick(event, x, TOP + ROW * slugs.index(event.system) + ROW / 2))
    for time in _days(begin, end):
        x = across(time)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{height - 22}"/>')
        parts.append(f'<text class="day" x="{x:.1f}" y="{height - 6}" text-anchor="middle">{time.date()}</text>')
    said = f"{len(events)} events of {len(last)} systems, from {begin.date()} to {end.date()}"
    return f'<svg class="history" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{said}">{"".join(parts)}</svg>'


def _tick(event: Event, x: float, y: float) -> str:
    look = (event.new or "").replace(" ", "-") if event.kind in ("verdict_changed", "claim_added") else "plain"
    sign = {"published": "▸", "claim_removed": "–", "scale_changed": "▴"}.get(event.kind, mark(event))
    told = escape(clean(f"{event.time.astimezone(UTC):%Y-%m-%d} {headline(event)}"))
    place = f'x="{x:.1f}" y="{y + 4.5:.1f}" text-anchor="middle"'
    return f'<text class="tick {look}" {place}>{sign}<title>{told}</title></text>'


def _days(begin: datetime, end: datetime) -> list[datetime]:
    """Up to six days, evenly spread, at midnight."""
    first = (begin + timedelta(days=1)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    whole = max((end - first) // timedelta(days=1), 0)
    step = max(1, -(-(whole + 1) // 6))
    return [day for n in range(0, whole + 1, step) if (day := first + timedelta(days=n)) <= end]
