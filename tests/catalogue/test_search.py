"""Search among the systems: exact names, related terms, filters, and what a hit says."""

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from symplast.catalogue import Catalogue, Filter
from symplast.catalogue.client_index import client_index
from symplast.catalogue.related import RelatedTerms
from symplast.catalogue.study import queries

from .samples import present


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return present()


@pytest.mark.parametrize(
    ("query", "slug", "why"),
    [
        ("1707.06381", "devices", "arXiv number"),
        ("arXiv:1707.06381v3", "devices", "arXiv number"),
        ("sym_stdp", "sym_stdp", "the system's name"),
        ("sym-stdp", "sym_stdp", "the system's name"),
        ("curl.C4", "curl", "claim curl.C4"),
        ("CURL.c4", "curl", "claim curl.C4"),
        ("zenke", "equilibrium", "author F. Zenke"),
        ("Laborieux and Zenke", "equilibrium", "author A. Laborieux; author F. Zenke"),
    ],
)
def test_exact_names_come_first(catalogue: Catalogue, query: str, slug: str, why: str) -> None:
    first = catalogue.search(query)[0]
    assert (first.slug, first.why[0], first.score) == (slug, why, float("inf"))


def test_a_claim_that_is_named_is_the_first_of_the_claims(catalogue: Catalogue) -> None:
    assert catalogue.search("curl.C4")[0].claims[0] == "curl.C4"


def test_a_hit_says_why(catalogue: Catalogue) -> None:
    hit = catalogue.search("dopamine")[0]
    assert hit.slug == "sym_stdp"
    assert any("claims" in why for why in hit.why)
    assert any(why.startswith("dopamine in") for why in hit.why)  # the word, not its stem
    assert hit.claims
    assert hit.rankers["BM25"] == 1


def test_nonsense_finds_nothing(catalogue: Catalogue) -> None:
    assert catalogue.search("xyzzy qwrtp") == []
    assert catalogue.search("the of and") == []


def test_filters(catalogue: Catalogue) -> None:
    assert {hit.slug for hit in catalogue.search("", 50, Filter(topic="Spiking networks"))} == {
        "hlop", "pspm", "sym_stdp",
    }  # fmt: skip
    for hit in catalogue.search("learning", 50, Filter(verdict="refuted", scale="full")):
        card = catalogue.card(hit.slug)
        assert card.counts["refuted"]
        assert card.scale == "full"
    assert all(catalogue.card(hit.slug).paper.year == 2018 for hit in catalogue.search("", 50, Filter(year=2018)))
    with pytest.raises(ValueError, match=r"verdict must be one of reproduced, .*stale; got 'wrong'"):
        Filter(verdict="wrong")


def test_browsing_is_by_last_event_and_ties_by_day(catalogue: Catalogue) -> None:
    last = {event.system: event.at for event in catalogue.events()}
    order = [last.get(hit.slug, "") for hit in catalogue.search("", 50)]
    assert order == sorted(order, reverse=True)
    days = [card.paper.day for card in catalogue.cards(sort="newest paper")]
    assert days == sorted(days, reverse=True)
    refuted = [card.counts.get("refuted", 0) for card in catalogue.cards(sort="most refuted")]
    assert refuted == sorted(refuted, reverse=True)


def test_an_unknown_system_names_the_nearest(catalogue: Catalogue) -> None:
    with pytest.raises(ValueError, match=r"such as devices, .*got 'device'"):
        catalogue.card("device")


def test_enough_questions_of_our_own() -> None:
    asked = queries()
    assert len(asked) >= 60
    assert len(set(asked)) == len(asked)
    titles = {card.slug: set(f"{card.system.title} {card.paper.title}".lower().split()) for card in present().cards()}
    paraphrases = [q for slug, q in asked if slug in titles and not set(q.lower().split()) & titles[slug]]
    assert len(paraphrases) >= 30


def test_related_terms_find_what_no_word_says() -> None:
    texts = [
        "spiking neurons fire; dopamine gates synapse growth",
        "neurons fire and synapse weights follow",
        "loss of language models against tokens and compute",
        "tokens and parameters at a compute budget",
        "cells of a tumour, genes and entropy",
    ]
    index = RelatedTerms(texts)
    assert set(np.argsort(-index.scores("synapses fire"))[:2]) == {0, 1}
    np.testing.assert_array_equal(index.scores("synapse"), RelatedTerms(texts).scores("synapse"))
    assert not RelatedTerms(["one text"]).scores("text").any()
    assert not RelatedTerms(["", "", ""]).scores("text").any()


def test_an_embedding_model_is_a_third_ranker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Model:
        def __init__(self, path: str, local_files_only: bool):
            assert local_files_only, "nothing is downloaded"

        def encode(self, texts: list[str], normalize_embeddings: bool) -> np.ndarray:
            found = np.array([[text.lower().count(letter) for letter in "aeiou"] for text in texts], float)
            return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)

    known = present()
    monkeypatch.setitem(sys.modules, "sentence_transformers", types.SimpleNamespace(SentenceTransformer=Model))
    known._embed = tmp_path
    assert list(known.index.rankers) == ["BM25", "related terms", "embeddings"]
    assert "embeddings" in known.search("dendrites of neurons")[0].rankers
    other = present()
    other._embed = tmp_path / "none"
    with pytest.raises(ValueError, match="embed must be the folder"):
        other.search("x")


def test_the_index_of_the_browser_holds_the_same_numbers(catalogue: Catalogue) -> None:
    content = client_index(catalogue.cards()).decode()
    index = json.loads(content.removeprefix("window.symplastIndex = ").rstrip().rstrip(";"))
    assert index["systems"] == [card.slug for card in catalogue.cards()]
    mean = sum(index["lengths"]) / len(index["lengths"])

    def score(term: str) -> dict[str, float]:
        postings = index["postings"][term]
        idf = np.log(1 + (len(index["systems"]) - len(postings) + 0.5) / (len(postings) + 0.5))
        dampen = [index["k1"] * (1 - index["b"] + index["b"] * length / mean) for length in index["lengths"]]
        return {index["systems"][p]: idf * f * (index["k1"] + 1) / (f + dampen[p]) for p, f in postings}

    ours = catalogue.index.rankers["BM25"].by_term("dopamine ", prefix=False)["dopamin"]
    for place, card in enumerate(catalogue.index.cards):
        assert score("dopamin").get(card.slug, 0.0) == pytest.approx(ours[place])
