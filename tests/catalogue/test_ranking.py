"""BM25 and fusion: the reference values, and what holds for any texts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symplast.catalogue import bm25, fuse
from symplast.catalogue.words import terms

DOCS = [
    {"title": "Curl descent", "body": "non gradient learning in neural networks"},
    {
        "title": "Synapse devices",
        "body": "adaptive learning rule for hardware neural networks with electronic synapse",
    },
    {"title": "Scaling laws", "body": "compute optimal language model loss"},
    {"title": "Visual search", "body": "asymmetry in deep neural networks eccentricity"},
]
WEIGHTS = {"title": 10.0, "body": 1.0}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("synapse", [0, 2.324516, 0, 0]),
        ("neural", [0.369636, 0.309628, 0, 0.369636]),
        ("scaling", [0, 0, 2.403575, 0]),
    ],
)
def test_reference_values(query: str, expected: list[float]) -> None:
    np.testing.assert_allclose(bm25(DOCS, WEIGHTS).scores(query), expected, atol=5e-7)


def test_the_idf_of_fts5_would_count_common_words_for_nothing() -> None:
    def fts5(holding: int, N: int = 4) -> float:
        return max(math.log((N - holding + 0.5) / (holding + 0.5)), 1e-6)

    index = bm25(DOCS, WEIGHTS)
    for term, holding, expected in (("synapse", 1, 1.635882), ("scaling", 1, 1.691520), ("neural", 3, 0.000001)):
        idf = math.log(1 + (4 - holding + 0.5) / (holding + 0.5))
        best = index.scores(term).max() * fts5(holding) / idf
        assert best == pytest.approx(expected, abs=1e-6)


def test_a_hyphen_is_no_command() -> None:
    assert bm25(DOCS, WEIGHTS).scores("non-gradient").argmax() == 0


@pytest.mark.parametrize("query", ['"', "title:", "NEAR(a b)", "a AND", "*", "col : x", "-" * 50, "\x00", "' OR 1=1"])
def test_no_query_is_a_command(query: str) -> None:
    assert bm25(DOCS, WEIGHTS).scores(query).shape == (4,)


def test_the_last_word_may_be_unfinished() -> None:
    index = bm25(DOCS, WEIGHTS, terms)
    assert index.scores("eccentr").argmax() == 3
    assert index.scores("eccentrici").argmax() == 3  # typed beyond the stem
    assert not index.scores("eccen ").any()
    assert not index.scores("eccen", prefix=False).any()
    assert index.scores("hardware synap").argmax() == 1


def test_fields_need_weights() -> None:
    with pytest.raises(ValueError, match="weights must name every field of docs, 'body' has none"):
        bm25(DOCS, {"title": 1.0})
    with pytest.raises(ValueError, match=r"weights must be positive, got 0 for 'title'"):
        bm25(DOCS, {"title": 0, "body": 1})


def test_reference_values_of_fusion() -> None:
    fused = fuse([["p3", "p1", "p2"], ["p1", "p4", "p3"]])
    assert list(fused) == ["p1", "p3", "p4", "p2"]
    np.testing.assert_allclose(list(fused.values()), [0.03252247, 0.03226646, 0.01612903, 0.01587302], atol=5e-9)


WORDS = st.sampled_from(["neuron", "spike", "loss", "scale", "curl", "rule"])
TEXT = st.lists(WORDS, max_size=8).map(" ".join)


@given(st.lists(st.fixed_dictionaries({"title": TEXT, "body": TEXT}), min_size=1, max_size=6), TEXT)
def test_scores_are_positive_just_where_a_term_is_held(docs: list[dict[str, str]], query: str) -> None:
    scores = bm25(docs, WEIGHTS).scores(query, prefix=False)
    held = [any(word in f"{doc['title']} {doc['body']}".split() for word in query.split()) for doc in docs]
    assert np.isfinite(scores).all()
    assert ((scores > 0) == held).all()


@given(TEXT, TEXT)
def test_more_hits_score_no_less(body: str, query: str) -> None:
    docs = [{"title": "", "body": body}, {"title": "", "body": "loss"}]
    fewer = bm25(docs, WEIGHTS).by_term(query, prefix=False)
    docs[0] = {"title": body, "body": body}
    more = bm25(docs, WEIGHTS).by_term(query, prefix=False)
    for term, scores in fewer.items():
        assert more[term][0] >= scores[0] - 1e-12


@given(st.lists(st.permutations(list("abcd")), min_size=1, max_size=4))
def test_fusion_keeps_an_order_that_all_agree_on(rankings: list[list[str]]) -> None:
    fused = fuse(rankings)
    for one in "abcd":
        for other in "abcd":
            if all(ranking.index(one) < ranking.index(other) for ranking in rankings):
                assert fused[one] > fused[other]
