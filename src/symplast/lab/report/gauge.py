"""A measurement held against its rule, as a small picture."""

import math
from collections.abc import Callable, Mapping
from html import escape

from symplast.lab.claims import Kind
from symplast.lab.measurement import Measurement
from symplast.lab.numbers import number, shown
from symplast.lab.verdicts import Interval, Judgement, flatten, intervals_and_bands

WIDTH, HEIGHT = 180, 52
LEFT, RIGHT = 6, 174
AXIS = 26


Place = Callable[[float], float]
Pairs = list[tuple[Interval, Interval]]


def gauge(judgement: Judgement, kind: Kind, rivals: Mapping[str, Measurement]) -> str:
    """Inline SVG: the accepted range as a band, the measured interval as a bar with its estimate, ends labelled.

    A table of values is drawn as one mark an entry, placed by its distance from the middle of its own band when each
    entry has a band of its own.

    Args:
        judgement: the judged statement.
        kind: of its claim.
        rivals: quantity -> measurement, for ``greater_than``.

    Returns:
        The SVG element; empty when nothing was measured or the quantity is a truth value.
    """
    measured = judgement.measurement
    if measured is None or judgement.part.rule.holds:
        return ""
    try:
        pairs = intervals_and_bands(judgement.part, judgement.part.rule, measured, kind, rivals)
    except ValueError:
        return ""
    values = list(flatten(measured.value))
    own_bands = judgement.part.rule.near is not None and len({band for _, band in pairs}) > 1
    if own_bands:
        pairs, values = _in_tolerances(pairs, values)
    place, log = _scale([x for interval, band in pairs for x in (*interval, *band)] + values)
    band = pairs[0][1]
    parts = [_band(band, place), f'<line class="axis" x1="{LEFT}" x2="{RIGHT}" y1="{AXIS}" y2="{AXIS}"/>']
    thin = len(values) > 12
    for value, ((low, high), _) in zip(values, pairs, strict=True):
        if high > low:
            parts.append(f'<line class="bar" x1="{place(low):.1f}" x2="{place(high):.1f}" y1="{AXIS}" y2="{AXIS}"/>')
        radius = 2 if thin else 4
        parts.append(f'<circle class="dot" cx="{place(value):.1f}" cy="{AXIS}" r="{radius}"/>')
    parts += _labels(band, place, own_bands)
    unit = judgement.part.unit or measured.unit
    interval = [measured.low, measured.high] if measured.low is not None else None
    said = f"measured {shown(measured.value, interval, unit)}; rule: {judgement.part.rule.text(unit)}"
    note = '<text class="note" x="174" y="50" text-anchor="end">log scale</text>' if log else ""
    return (
        f'<svg class="gauge" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(said)}">'
        f"{''.join(parts)}{note}</svg>"
    )


def _in_tolerances(pairs: Pairs, values: list[float]) -> tuple[Pairs, list[float]]:
    """Each entry's distance from the middle of its band, in half-widths."""

    def scaled(x: float, band: Interval) -> float:
        half = (band[1] - band[0]) / 2
        middle = (band[0] + band[1]) / 2
        if half > 0:
            return (x - middle) / half
        return 0.0 if x == middle else math.copysign(2.0, x - middle)

    moved: Pairs = [((scaled(low, band), scaled(high, band)), (-1.0, 1.0)) for (low, high), band in pairs]
    return moved, [scaled(value, band) for value, (_, band) in zip(values, pairs, strict=True)]


def _scale(numbers: list[float]) -> tuple[Place, bool]:
    """A function from values to pixels, and whether it is logarithmic."""
    finite = [x for x in numbers if math.isfinite(x)]
    least, most = min(finite), max(finite)
    log = least > 0 and most / least > 1e3
    if log:
        least, most = math.log10(least), math.log10(most)
    span = (most - least) or abs(most) or 1.0
    least, most = least - 0.15 * span, most + 0.15 * span

    def place(x: float) -> float:
        if not math.isfinite(x):
            return RIGHT if x > 0 else LEFT
        if log:
            x = math.log10(x) if x > 0 else least
        return min(max(LEFT + (x - least) / (most - least) * (RIGHT - LEFT), LEFT), RIGHT)

    return place, log


def _band(band: Interval, place: Place) -> str:
    left, right = place(band[0]), place(band[1])
    width = max(right - left, 2.5)
    start = (left + right - width) / 2
    return f'<rect class="band" x="{start:.1f}" y="14" width="{width:.1f}" height="24" rx="2"/>'


def _labels(band: Interval, place: Place, own_bands: bool) -> list[str]:
    """Numbers at the finite ends of the band, not on top of each other."""
    ends = [x for x in band if math.isfinite(x)]
    if own_bands:
        return [f'<text x="{place(0.0):.1f}" y="10" text-anchor="{_anchor(place(0.0), 55)}">paper ± tolerance</text>']
    if len(ends) == 2 and place(ends[1]) - place(ends[0]) < 7 * max(len(number(x)) for x in ends):
        middle = (ends[0] + ends[1]) / 2
        ends = [middle]
    placed = []
    for x in ends:
        at = place(x)
        label = number(x)
        anchor = _anchor(at, 3.2 * len(label))
        placed.append(f'<text x="{at:.1f}" y="10" text-anchor="{anchor}">{escape(label)}</text>')
    return placed


def _anchor(at: float, room: float) -> str:
    """How to hang a label at a place so that it stays inside the picture."""
    return "start" if at < room else "end" if at > WIDTH - room else "middle"
