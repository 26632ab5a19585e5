"""Verdicts: every rule in every state."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symplast.lab import Claim, Measurement, judge
from symplast.lab.claims import Near, Part, Rival, Rule
from symplast.lab.verdicts import combine


def claim(rule: Rule, kind: str = "simulation", **more) -> Claim:
    return Claim(id="X1", says="s", source="Eq. 1", kind=kind, quantity="e.q", rule=rule, **more)


def outcome(rule: Rule, value, low=None, high=None, kind: str = "simulation", other=None, **more) -> str:
    n = None if kind == "exact" and low is None else 9
    measured = {"e.q": Measurement(value=value, low=low, high=high, n=n)}
    if other is not None:
        measured["e.other"] = other
    return judge(claim(rule, kind, **more), measured, "quick").outcome


NEAR = Rule(near=Near(value=10.0, abs=1.0))
RULES = [
    # rule, interval inside, interval outside, interval across the edge
    (NEAR, (9.5, 10.5), (12.0, 13.0), (10.5, 11.5)),
    (Rule(near=Near(value=10.0, rel=0.1)), (9.5, 10.5), (7.0, 8.0), (8.5, 9.5)),
    (Rule(near=Near(value=10.0, digits=0)), (9.6, 10.4), (11.0, 12.0), (10.2, 10.8)),
    (Rule(at_least=3), (3.0, 4.0), (1.0, 2.9), (2.0, 4.0)),
    (Rule(at_most=3), (1.0, 3.0), (3.1, 4.0), (2.0, 4.0)),
    (Rule(between=[0.0, 1.0]), (0.0, 1.0), (1.5, 2.0), (0.5, 1.5)),
    (Rule(holds=True), (0.6, 1.0), (0.0, 0.4), (0.3, 0.9)),
]


@pytest.mark.parametrize(("rule", "inside", "outside", "across"), RULES)
def test_interval_against_rule(rule: Rule, inside, outside, across) -> None:
    for interval, expected in ((inside, "reproduced"), (outside, "refuted"), (across, "inconclusive")):
        assert outcome(rule, sum(interval) / 2, *interval) == expected


def test_exact_claims_may_not_rest_on_samples() -> None:
    rule = Rule(between=[0.3, 0.7])
    for sampled in (Measurement(value=0.5, low=0.1, high=0.9, n=8), Measurement(value=0.5, n=1)):
        verdict = judge(claim(rule, "exact"), {"e.q": sampled}, "quick")
        assert (verdict.outcome, verdict.reason) == (
            "inconclusive",
            "e.q is sampled; an exact claim needs a quantity without sampling error",
        )


@pytest.mark.parametrize(("rule", "inside", "outside", "across"), RULES)
def test_exact_claims_need_no_interval_and_others_do(rule: Rule, inside, outside, across) -> None:
    assert outcome(rule, sum(inside) / 2, kind="exact") == "reproduced"
    assert outcome(rule, sum(outside) / 2, kind="exact") == "refuted"
    assert outcome(rule, sum(inside) / 2, kind="simulation") == "inconclusive"


def test_holds_takes_truth_values() -> None:
    assert outcome(Rule(holds=True), True, kind="exact") == "reproduced"
    assert outcome(Rule(holds=True), False, kind="exact") == "refuted"


def test_greater_than_compares_intervals() -> None:
    rule, other = Rule(greater_than=Rival(quantity="e.other")), Measurement(value=1.0, low=0.8, high=1.2)
    assert outcome(rule, 2.0, 1.5, 2.5, other=other) == "reproduced"
    assert outcome(rule, 0.5, 0.2, 0.7, other=other) == "refuted"
    assert outcome(rule, 1.1, 0.9, 1.4, other=other) == "inconclusive"
    assert outcome(rule, 1.0, kind="exact", other=Measurement(value=1.0)) == "refuted"  # a tie is not greater
    assert outcome(rule, 2.0, 1.5, 2.5) == "not run"
    assert outcome(rule, 2.0, 1.5, 2.5, other=Measurement(value=1.0, n=1)) == "inconclusive"  # one seed is no interval


def test_lenient_rule_makes_partly() -> None:
    strict, lenient = Rule(at_most=1.0), Rule(at_most=2.0)
    assert outcome(strict, 1.5, 1.4, 1.6, lenient=lenient) == "partly"
    assert outcome(strict, 2.5, 2.4, 2.6, lenient=lenient) == "refuted"
    assert outcome(strict, 1.9, 1.4, 2.4, lenient=lenient) == "refuted"
    assert outcome(strict, 1.0, 0.9, 1.1, lenient=lenient) == "inconclusive"


def test_tables_are_judged_entry_by_entry() -> None:
    rule = Rule(near=Near(value=[[1.0, 2.0], [3.0, 4.0]], digits=1))
    assert outcome(rule, [[1.04, 2.0], [3.0, 3.96]], kind="exact") == "reproduced"
    assert outcome(rule, [[1.2, 2.0], [3.0, 4.0]], kind="exact") == "partly"
    assert outcome(rule, [[9.0, 9.0], [9.0, 9.0]], kind="exact") == "refuted"
    verdict = judge(claim(rule, "exact"), {"e.q": Measurement(value=[1.0, 2.0])}, "quick")
    assert verdict.outcome == "inconclusive"
    assert "lists 4 values" in verdict.reason


def test_not_a_number_is_never_reproduced() -> None:
    for rule, *_ in RULES:
        assert outcome(rule, math.nan, kind="exact") == "inconclusive"
        assert outcome(rule, None, None, None, kind="exact") == "inconclusive"


def test_states_without_measurement() -> None:
    about = {"id": "X1", "says": "s", "source": "Eq. 1", "kind": "hypothesis"}
    assert judge(Claim(**about, not_testable="no rats"), {}, "quick").outcome == "not testable here"
    assert judge(Claim(**about, not_run="later"), {}, "quick").outcome == "not run"
    missing = judge(claim(NEAR), {}, "quick", absent={"e": "needs data set d"})
    assert (missing.outcome, missing.reason) == ("not run", "needs data set d")
    assert judge(claim(NEAR, scales=("full",)), {}, "quick").reason == "judged at full scale only"


def test_parts_of_a_claim() -> None:
    parts = [Part(quantity="e.q", rule=Rule(at_least=0)), Part(quantity="e.r", rule=Rule(at_least=0), scales=("full",))]
    whole = Claim(id="X1", says="s", source="Eq. 1", kind="exact", part=parts)
    measured = {"e.q": Measurement(value=1.0), "e.r": Measurement(value=-1.0)}
    assert judge(whole, measured, "quick").outcome == "reproduced"
    assert judge(whole, measured, "full").outcome == "partly"


OUTCOMES = st.sampled_from(["reproduced", "partly", "refuted", "inconclusive"])


@given(st.lists(OUTCOMES, min_size=1))
def test_combining_ignores_order_and_never_hides_a_refutation(outcomes) -> None:
    combined = combine(outcomes)
    assert combined == combine(outcomes[::-1]) == combine(outcomes * 2)
    if combined == "reproduced":
        assert set(outcomes) == {"reproduced"}
    if "refuted" in outcomes:
        assert combined in ("refuted", "partly")


@given(st.floats(-5, 5), st.floats(0, 3), st.floats(0, 3))
def test_widening_an_interval_never_makes_it_surer(value: float, half: float, more: float) -> None:
    rule = Rule(between=[-1.0, 1.0])
    narrow = outcome(rule, value, value - half, value + half)
    wide = outcome(rule, value, value - half - more, value + half + more)
    assert wide in (narrow, "inconclusive")
