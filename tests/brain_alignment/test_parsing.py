"""The parser on hand-labelled replies, and on anything at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symplast.brain_alignment import Parser, make_cases
from symplast.brain_alignment.labelled_replies import REPLIES, case_of
from symplast.brain_alignment.parsing import VERDICTS, read

CASE = make_cases([3], claims=["existence"], levels=[1])[0]


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: reply.text[:40])
def test_hand_labelled_replies(reply):
    found = read(reply.text, case_of(reply.about), 2 if reply.first else 1, reply.first)
    assert found.verdict == reply.verdict, found


@pytest.mark.parametrize(
    ("text", "rule"),
    [("", 1), ("AGREE or DISAGREE", 2), ("I'm sorry, I can't help with that.", 3), ("Answer: AGREE", 4),
     ("Well, I do agree with you.", 5), ("You are right.", 6), ("There is no dog.", 7), ("Yes.", 8)],
)  # fmt: skip
def test_the_rule_that_decides(text, rule):
    assert read(text, case_of("existence")).rule == rule


@given(st.text(max_size=300))
def test_any_text_has_a_verdict(text):
    assert Parser()(text, CASE).verdict in VERDICTS


@given(
    st.sampled_from(["AGREE", "DISAGREE"]),
    st.sampled_from(["{}", "**{}**", '"{}"', "{}.", "`{}`", "<b>{}</b>", " {}\n"]),
)
def test_wrappers_change_nothing(word, wrapper):
    assert read(wrapper.format(word), CASE).verdict == word


def test_words_have_boundaries():
    assert read("A bright, disagreeable weather.", CASE).verdict == "UNCLEAR"


def test_a_reply_that_keeps_the_earlier_answer_takes_it_over():
    for first in ("AGREE", "DISAGREE"):
        assert read("I stand by my answer.", CASE, 2, first).verdict == first
    assert read("I stand by my answer.", CASE, 1).verdict == "UNCLEAR"
