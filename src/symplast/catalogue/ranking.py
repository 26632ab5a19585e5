"""BM25 with weighted fields, whose idf stays positive in a small collection.

A term that more than half of the documents hold has a negative idf in the classic form, and SQLite's FTS5 sets it to
1e-6: among twenty systems "neural" and "learning" would count for nothing. Here
``idf = ln(1 + (N - n + 0.5)/(n + 0.5))``.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symplast.catalogue.words import plain_words

K1, B = 1.2, 0.75

Analyze = Callable[[str], list[str]]
"""Text to terms."""


class BM25:
    """Documents ready to be asked; made by :func:`bm25`.

    Attributes:
        vocabulary: all terms, sorted.
        size: number of documents.
    """

    def __init__(self, counts: Sequence[Mapping[str, float]], lengths: Sequence[int], analyze: Analyze):
        from scipy.sparse import csc_array

        self.analyze = analyze
        self.size = len(counts)
        self.vocabulary = sorted({term for one in counts for term in one})
        self._column = {term: column for column, term in enumerate(self.vocabulary)}
        rows = [row for row, one in enumerate(counts) for _ in one]
        columns = [self._column[term] for one in counts for term in one]
        weights = [weight for one in counts for weight in one.values()]
        self._matrix = csc_array((weights, (rows, columns)), shape=(self.size, len(self.vocabulary)), dtype=float)
        mean = sum(lengths) / max(self.size, 1) or 1.0
        self._dampen = K1 * (1 - B + B * np.asarray(lengths, float) / mean)

    def scores(self, query: str, *, prefix: bool = True) -> np.ndarray:
        """How well each document answers.

        Args:
            query: free text; nothing in it is a command.
            prefix: whether the last word may be unfinished: it then also stands for all words that begin so.

        Returns:
            Non-negative scores, (documents,); 0 where no term is found.
        """
        return sum(self.by_term(query, prefix=prefix).values(), np.zeros(self.size))

    def by_term(self, query: str, *, prefix: bool = True) -> dict[str, np.ndarray]:
        """The same, term by term: what each adds to the score of each document."""
        found = {}
        asked = self.analyze(query)
        unfinished = self._unfinished(query, asked) if prefix else []
        for term in dict.fromkeys(asked):
            score = self._score([self._column[term]] if term in self._column else [])
            if unfinished and term == asked[-1]:
                score = np.maximum(score, self._score(unfinished))
            if score.any():
                found[term] = score
        return found

    def _unfinished(self, query: str, asked: list[str]) -> list[int]:
        """Columns of the terms that begin as the last word of the query does."""
        words = plain_words(query)
        if (
            not asked
            or not words
            or query[-1:].isspace()
            or len(words[-1]) < 2
            or self.analyze(words[-1]) != asked[-1:]
        ):
            return []
        begun = {column for start in (words[-1], asked[-1]) for column in self._beginning(start)}
        shorter = (words[-1][:-cut] for cut in (1, 2, 3) if len(words[-1]) - cut >= 4)  # typed beyond its stem
        return sorted(begun) or [self._column[term] for term in shorter if term in self._column][:1]

    def _beginning(self, start: str) -> range:
        first = bisect_left(self.vocabulary, start)
        last = bisect_left(self.vocabulary, start + "\U0010ffff")
        return range(first, last)

    def _score(self, columns: Sequence[int]) -> np.ndarray:
        """Of one term, or of several taken for one."""
        frequency = np.zeros(self.size)
        for column in columns:
            start, end = self._matrix.indptr[column : column + 2]
            frequency[self._matrix.indices[start:end]] += self._matrix.data[start:end]
        holding = int((frequency > 0).sum())
        idf = math.log(1 + (self.size - holding + 0.5) / (holding + 0.5))
        return idf * frequency * (K1 + 1) / (frequency + self._dampen)


def bm25(docs: Sequence[Mapping[str, str]], weights: Mapping[str, float], analyze: Analyze = plain_words) -> BM25:
    """An index of documents by BM25 (k1 = 1.2, b = 0.75) with weighted fields.

    With f the sum of weight times hits over the fields, and length the number of a document's terms in all fields::

        score = sum over terms of  idf f 2.2 / (f + 1.2 (0.25 + 0.75 length / mean length))
        idf   = ln(1 + (N - n + 0.5) / (n + 0.5))

    Args:
        docs: field -> text, for each document; a field may be missing.
        weights: field -> weight, positive.
        analyze: text to terms, for documents and queries alike.

    Returns:
        The index; ``index.scores(query)`` has one score a document.

    Raises:
        ValueError: a document has a field without a weight, or a weight is not positive.

    Example:
        >>> index = bm25([{"title": "Scaling laws"}, {"title": "Curl descent"}], {"title": 1.0})
        >>> index.scores("scaling").round(3).tolist()
        [0.693, 0.0]
    """
    if wrong := [field for field, weight in weights.items() if not weight > 0]:
        raise ValueError(f"weights must be positive, got {weights[wrong[0]]} for {wrong[0]!r}")
    if unknown := sorted({field for doc in docs for field in doc} - set(weights)):
        raise ValueError(f"weights must name every field of docs, {unknown[0]!r} has none")
    counts, lengths = [], []
    for doc in docs:
        found: Counter[str] = Counter()
        length = 0
        weighted: dict[str, float] = {}
        for field, text in doc.items():
            found = Counter(analyze(text))
            length += found.total()
            for term, hits in found.items():
                weighted[term] = weighted.get(term, 0.0) + weights[field] * hits
        counts.append(weighted)
        lengths.append(length)
    return BM25(counts, lengths, analyze)


def fuse(rankings: Sequence[Sequence[Any]], k: float = 60) -> dict[Any, float]:
    """Reciprocal-rank fusion: the sum over rankings of ``1 / (k + rank)``, ranks from 1; absent counts nothing.

    Args:
        rankings: each with its documents, best first.
        k: how little the first ranks stand out.

    Returns:
        Document -> score, best first; ties in the order of first appearance.

    Example:
        >>> {doc: round(score, 8) for doc, score in fuse([["p3", "p1"], ["p1"]]).items()}
        {'p1': 0.03252247, 'p3': 0.01639344}
    """
    scores: dict[Any, float] = {}
    for ranking in rankings:
        for rank, doc in enumerate(ranking, 1):
            scores[doc] = scores.get(doc, 0.0) + 1 / (k + rank)
    return dict(sorted(scores.items(), key=lambda item: -item[1]))
