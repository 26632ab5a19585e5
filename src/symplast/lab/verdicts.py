"""Verdicts: a pure function of a claim and the measurements it names.

The interval is held against the rule: all of it inside means reproduced, all of it outside refuted, anything else
inconclusive. Nothing is judged by a point estimate unless the claim is ``exact``.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from symplast.lab.claims import Claim, Kind, Near, Part, Rival, Rule, Scale
from symplast.lab.measurement import Measurement
from symplast.lab.numbers import shown

Outcome = Literal["reproduced", "partly", "refuted", "inconclusive", "not testable here", "not run"]
OUTCOMES: tuple[Outcome, ...] = ("reproduced", "partly", "refuted", "inconclusive", "not testable here", "not run")

MARKS: dict[Outcome, str] = {
    "reproduced": "✓",
    "partly": "◐",
    "refuted": "✗",
    "inconclusive": "?",
    "not testable here": "–",
    "not run": "·",
}
"""A sign for each outcome, so that colour is never the only one."""

Interval = tuple[float, float]
INF = math.inf


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of a claim, judged.

    Attributes:
        part: the statement with its rule.
        outcome: what came of it.
        reason: one sentence that says why.
        measurement: what was measured, None when nothing was.
    """

    part: Part
    outcome: Outcome
    reason: str
    measurement: Measurement | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A claim, judged.

    Attributes:
        claim: the claim.
        outcome: of all its statements together.
        reason: one sentence that says why.
        judgements: its statements one by one; empty when it can't be measured here.
        stale: the room's code changed since the measurement.
    """

    claim: Claim
    outcome: Outcome
    reason: str
    judgements: list[Judgement] = []
    stale: bool = False


def judge(
    claim: Claim,
    measured: Mapping[str, Measurement],
    scale: Scale,
    *,
    absent: Mapping[str, str] | None = None,
    stale: bool = False,
) -> Verdict:
    """The verdict on a claim.

    Args:
        claim: the claim.
        measured: quantity ``<experiment>.<variable>`` -> measurement; those missing count as not run.
        scale: statements that are not judged at this scale are left out.
        absent: experiment -> why it measured nothing.
        stale: passed through to the verdict.

    Returns:
        The verdict. All statements reproduced or all refuted gives just that; reproduced with refuted gives partly.
    """
    if claim.not_testable:
        return Verdict(claim=claim, outcome="not testable here", reason=claim.not_testable)
    if claim.not_run:
        return Verdict(claim=claim, outcome="not run", reason=claim.not_run)
    judgements = [_judge_part(claim, part, measured, absent or {}) for part in claim.parts if scale in part.scales]
    if not judgements:
        scales = sorted({s for part in claim.parts for s in part.scales})
        return Verdict(claim=claim, outcome="not run", reason=f"judged at {' and '.join(scales)} scale only")
    outcome = combine([j.outcome for j in judgements])
    if len(judgements) == 1:
        reason = judgements[0].reason
    else:
        told = [j for j in judgements if j.outcome != "reproduced"] or judgements
        reason = "; ".join(dict.fromkeys(f"{j.part.says or j.part.quantity}: {j.reason}" for j in told))
        if outcome == "reproduced":
            reason = f"all {len(judgements)} statements hold"
    return Verdict(claim=claim, outcome=outcome, reason=reason, judgements=judgements, stale=stale)


def combine(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of several statements that must all be true.

    Example:
        >>> combine(["reproduced", "refuted"]), combine(["reproduced", "inconclusive"])
        ('partly', 'inconclusive')
    """
    found = set(outcomes)
    if len(found) == 1:
        return found.pop()
    if "not run" in found:
        return "not run"
    if found & {"partly", "refuted"}:
        return "partly" if found & {"partly", "reproduced"} else "refuted"
    return "inconclusive"


def _judge_part(claim: Claim, part: Part, measured: Mapping[str, Measurement], absent: Mapping[str, str]) -> Judgement:
    missing = [quantity for quantity in part.quantities if quantity not in measured]
    if missing:
        reason = absent.get(missing[0].split(".")[0], f"{', '.join(missing)} was not measured")
        return Judgement(part=part, outcome="not run", reason=reason)
    measurement = measured[part.quantity]
    try:
        outcome, reason = _hold_against_rules(claim, part, measurement, measured)
    except ValueError as error:
        outcome, reason = "inconclusive", str(error)
    return Judgement(part=part, outcome=outcome, reason=reason, measurement=measurement)


def _hold_against_rules(
    claim: Claim, part: Part, measurement: Measurement, measured: Mapping[str, Measurement]
) -> tuple[Outcome, str]:
    rule, unit = part.rule, part.unit or measurement.unit
    pairs = intervals_and_bands(part, rule, measurement, claim.kind, measured)
    outcomes = [_inside(interval, band) for interval, band in pairs]
    outcome = combine(outcomes)
    interval = None if measurement.low is None else [measurement.low, measurement.high]
    reason = f"{shown(measurement.value, interval, unit, digits=6)} against: {rule.text(unit)}"
    if len(pairs) > 1:
        count = outcomes.count("reproduced")
        reason = f"{count} of {len(pairs)} entries satisfy the rule: {rule.text(unit)}"
    if outcome in ("refuted", "partly") and part.lenient:
        pairs = intervals_and_bands(part, part.lenient, measurement, claim.kind, measured)
        lenient = combine([_inside(*pair) for pair in pairs])
        if lenient == "reproduced":
            return "partly", f"{reason}; holds leniently: {part.lenient.text(unit)}"
    return outcome, reason


def intervals_and_bands(
    part: Part, rule: Rule, measurement: Measurement, kind: Kind, measured: Mapping[str, Measurement]
) -> list[tuple[Interval, Interval]]:
    """For each number of a measurement its interval and the band of values that the rule accepts.

    Raises:
        ValueError: the measurement can't be held against the rule; says why.
    """
    entries = list(_entries(part.quantity, measurement, sure=kind == "exact"))
    return _pair(entries, rule, part, measured)


def _inside(interval: Interval, band: Interval) -> Outcome:
    (low, high), (least, most) = interval, band
    if least <= low and high <= most:
        return "reproduced"
    return "refuted" if high < least or low > most else "inconclusive"


def _entries(name: str, measurement: Measurement, sure: bool) -> Iterator[Interval]:
    """The interval of each number in a measurement; exact claims have zero width."""
    values = list(flatten(measurement.value))
    if any(math.isnan(v) for v in values):
        raise ValueError(f"{name} is not a number")
    if sure and not measurement.exact:
        raise ValueError(f"{name} is sampled; an exact claim needs a quantity without sampling error")
    if sure:
        yield from ((v, v) for v in values)
    elif measurement.low is None:
        raise ValueError(f"{name} has no interval" + (" (one seed)" if measurement.n == 1 else ""))
    else:
        ends = list(zip(flatten(measurement.low), flatten(measurement.high), strict=True))
        if any(math.isnan(end) for pair in ends for end in pair):
            raise ValueError(f"{name} has no interval: some of its samples are not finite")
        yield from ends


def _pair(
    entries: list[Interval], rule: Rule, part: Part, measured: Mapping[str, Measurement]
) -> list[tuple[Interval, Interval]]:
    """Each entry with the band of values that the rule accepts for it."""
    match rule:
        case Rule(near=Near() as near):
            published = list(flatten(near.value))
            if len(published) not in (1, len(entries)):
                raise ValueError(f"the rule lists {len(published)} values, {part.quantity} has {len(entries)}")
            if len(published) == 1:
                published *= len(entries)
            return [(entry, near.band(value)) for entry, value in zip(entries, published, strict=True)]
        case Rule(at_least=float() | int() as least):
            band = (float(least), INF)
        case Rule(at_most=float() | int() as most):
            band = (-INF, float(most))
        case Rule(between=[least, most]):
            band = (least, most)
        case Rule(greater_than=Rival(quantity=other)):
            lows, highs = zip(*_entries(other, measured[other], sure=measured[other].exact), strict=True)
            return [_against_rival(entry, (max(lows), max(highs))) for entry in entries]
        case _:  # holds: a truth value, or the share of seeds in which it is true
            band = (math.nextafter(0.5, 1), INF)
    return [(entry, band) for entry in entries]


def _against_rival(entry: Interval, rival: Interval) -> tuple[Interval, Interval]:
    """greater_than: above all of the rival's interval; below all of it refutes; overlap is inconclusive."""
    if entry[1] < rival[0]:
        return entry, (rival[0], INF)
    return entry, (math.nextafter(rival[1], INF), INF)


def flatten(values: Any) -> Iterator[float]:
    """The numbers of a nested list, in order."""
    if isinstance(values, list | tuple):
        for value in values:
            yield from flatten(value)
    else:
        yield math.nan if values is None else float(values)
