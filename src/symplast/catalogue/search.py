"""Search among systems: exact names first, then BM25 and related terms, fused by their ranks."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from symplast.catalogue.cards import Card
from symplast.catalogue.filters import Filter
from symplast.catalogue.ranking import bm25, fuse
from symplast.catalogue.words import STOP_WORDS, normalised, stem, terms

WEIGHTS: Mapping[str, float] = {"title": 10, "topics": 6, "claims": 3, "summary": 1}
"""How much a hit in a field counts: titles of paper and system, topics, texts of claims, summary."""
LONGEST = 500
"""Characters of a query; what is longer is cut."""
ARXIV = re.compile(r"(?:arxiv:)?(\d{4}\.\d{4,5})(?:v\d+)?", re.IGNORECASE)


@runtime_checkable
class Ranker(Protocol):
    """Anything that scores all documents for a query; 0 is absent."""

    def scores(self, query: str) -> np.ndarray: ...


@dataclass(frozen=True)
class Hit:
    """A system that was found.

    Attributes:
        slug: its name.
        score: of the fused ranking; exact hits have infinity.
        why: what was found, in words.
        claims: ids of up to three claims that match best.
        rankers: ranker -> rank of the system in it, from 1.
    """

    slug: str
    score: float
    why: list[str]
    claims: list[str]
    rankers: dict[str, int]


def document(card: Card) -> dict[str, str]:
    """The texts of a system by field."""
    says = [text for row in card.rows for text in (row.claim.says, *(part.says for part in row.claim.part))]
    return {
        "title": f"{card.system.title} {card.paper.title}",
        "topics": " ".join(card.system.topics),
        "claims": " ".join(says),
        "summary": card.system.summary,
    }


class Index:
    """The rankers over all systems.

    Args:
        cards: the systems.
        embed: folder of a sentence-embedding model, for a third ranker.

    Attributes:
        rankers: name -> ranker, those in use.
    """

    def __init__(self, cards: Sequence[Card], embed: Path | None = None):
        by_name = sorted(cards, key=lambda card: card.slug)
        self.cards = sorted(by_name, key=lambda card: card.paper.day, reverse=True)  # ties fall in this order
        self._place = {card.slug: place for place, card in enumerate(self.cards)}
        docs = [document(card) for card in self.cards]
        texts = [" ".join(doc.values()) for doc in docs]
        self._words = bm25(docs, WEIGHTS, terms)
        self.rankers: dict[str, Ranker] = {"BM25": self._words}
        if len(self.cards) > 2:
            from symplast.catalogue.related import RelatedTerms

            self.rankers[RelatedTerms.name] = RelatedTerms(texts)
        if embed is not None:
            from symplast.catalogue.embedding import Embeddings

            self.rankers[Embeddings.name] = Embeddings(texts, embed)
        self._fields = [{name: frozenset(terms(text)) for name, text in doc.items()} for doc in docs]
        rows = [row for card in self.cards for row in card.rows]
        self._claims = [row.id for row in rows]
        self._first = np.cumsum([0, *(len(card.rows) for card in self.cards)])
        said = [{"says": " ".join([row.claim.says, *(p.says for p in row.claim.part)])} for row in rows]
        self._claim_words = bm25(said, {"says": 1.0}, terms)
        self._exact = self._names()

    def search(self, query: str, k: int = 10, wanted: Filter | None = None) -> list[Hit]:
        """The best systems for a query, best first.

        Args:
            query: free text, an arXiv number, a system, a claim such as ``curl.C4``, or an author's surname.
            k: at most so many.
            wanted: what they must have.

        Returns:
            Hits; none where no word is known.
        """
        query = query[:LONGEST]
        exact = self.exact(query)
        if not exact and not terms(query):
            return []
        rankings = {name: self._ranking(ranker.scores(query)) for name, ranker in self.rankers.items()}
        fused = fuse([ranking.tolist() for ranking in rankings.values()])
        scores = np.zeros(len(self.cards))
        scores[list(fused)] = list(fused.values())
        found = [self._place[slug] for slug in exact]
        found += [place for place in self._ranking(scores, 12).tolist() if place not in found]
        admitted = [place for place in found if wanted is None or wanted.admits(self.cards[place])][:k]
        ranks = {
            name: dict(zip(order.tolist(), range(1, len(order) + 1), strict=True)) for name, order in rankings.items()
        }
        matched, claimed = self._words.by_term(query), self._claim_words.scores(query)
        words = {stem(word): word for word in reversed(normalised(query))}
        hits = []
        for place in admitted:
            slug = self.cards[place].slug
            own = {name: rank[place] for name, rank in ranks.items() if place in rank}
            why = ([exact[slug]] if slug in exact else []) + self._why(place, matched, own, words)
            score = float("inf") if slug in exact else float(scores[place])
            hits.append(Hit(slug, score, why, self._best_claims(place, claimed, exact.get(slug, "")), own))
        return hits

    def ranked(self, query: str, ranker: str) -> list[str]:
        """The systems in the order of one ranker alone."""
        return [self.cards[place].slug for place in self._ranking(self.rankers[ranker].scores(query[:LONGEST]))]

    def exact(self, query: str) -> dict[str, str]:
        """Systems that the query names by arXiv number, name, claim or author, and how."""
        text = " ".join(query.casefold().split())
        number = ARXIV.fullmatch(text)
        if number:
            text = number[1]
        found = dict(self._exact.get(text, [])) or self._by_authors(text)
        return dict(sorted(found.items(), key=lambda item: self._place[item[0]]))

    def _by_authors(self, text: str) -> dict[str, str]:
        """Papers that have all the authors whose surnames the query consists of."""
        surnames = [word for word in normalised(text) if word not in STOP_WORDS]
        named = [
            {slug: how for slug, how in self._exact.get(word, []) if how.startswith("author")} for word in surnames
        ]
        shared = set.intersection(*map(set, named)) if len(named) > 1 else set()
        return {slug: "; ".join(one[slug] for one in named) for slug in shared}

    def _names(self) -> dict[str, list[tuple[str, str]]]:
        """What names a system exactly: text -> (system, how it names it)."""
        names: dict[str, list[tuple[str, str]]] = {}

        def add(text: str, slug: str, how: str) -> None:
            names.setdefault(text.casefold(), []).append((slug, how))

        for card in self.cards:
            add(card.slug, card.slug, "the system's name")
            add(card.slug.replace("_", "-"), card.slug, "the system's name")
            add(card.slug.replace("_", " "), card.slug, "the system's name")
            if card.paper.arxiv:
                add(card.paper.arxiv, card.slug, "arXiv number")
            for row in card.rows:
                add(row.id, card.slug, f"claim {row.id}")
            for surname, author in card.authors:
                add(surname, card.slug, f"author {author}")
                add(" ".join(normalised(surname)), card.slug, f"author {author}")
        return names

    def _ranking(self, scores: np.ndarray, digits: int = 9) -> np.ndarray:
        """Places of the documents with a score above 0, best first; ties by the paper's day, then the name."""
        places = np.flatnonzero(scores > 0)
        order: np.ndarray = places[np.argsort(-np.round(scores[places], digits), kind="stable")]
        return order

    def _best_claims(self, place: int, scores: np.ndarray, how: str) -> list[str]:
        """Up to three claims of a system that match best, before them one that the query names."""
        own = range(self._first[place], self._first[place + 1])
        named = [self._claims[one] for one in own if how == f"claim {self._claims[one]}"]
        best = sorted((one for one in own if scores[one] > 0), key=lambda one: -scores[one])
        return list(dict.fromkeys([*named, *(self._claims[one] for one in best)]))[:3]

    def _why(
        self, place: int, matched: Mapping[str, np.ndarray], ranks: Mapping[str, int], words: Mapping[str, str]
    ) -> list[str]:
        """Which words of the query it has, and where; and that related terms found it."""
        own = [term for term, scores in sorted(matched.items(), key=lambda item: -item[1][place]) if scores[place] > 0]
        said = []
        if own:
            fields = self._fields[place].items()
            where = [name for name, held in fields if any(_holds(held, term) for term in own)]
            said.append(f"{', '.join(words.get(term, term) for term in own[:5])} in {', '.join(where)}")
        said += [f"{name}: rank {rank}" for name, rank in ranks.items() if name != "BM25"]
        return said


def _holds(found: frozenset[str], term: str) -> bool:
    return term in found or any(one.startswith(term) for one in found)
