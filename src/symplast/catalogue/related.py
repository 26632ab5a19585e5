"""Related terms: latent semantic analysis, which finds a paper by words that keep company with those asked for.

It is a truncated singular value decomposition of TF-IDF counts, not a language model: it knows only these texts.
"""

from collections.abc import Sequence

import numpy as np

from symplast.catalogue.words import terms

RANK, FEATURES = 64, 30_000
FLOOR, SHARE = 0.1, 1 / 3
"""Cosines below the floor, or below this share of the best, are chance likeness and count as absent."""


class RelatedTerms:
    """Cosines between a query and documents in the space of the leading singular vectors.

    Args:
        texts: of the documents.
        rank: largest dimension of the space; it is at most one less than there are documents.
        features: at most so many words and pairs of words, and so many pieces of three to five letters.

    Example:
        >>> index = RelatedTerms(["spiking neurons learn", "neurons of cortex spike", "loss of language models"])
        >>> bool(index.scores("spikes").argmax() < 2)
        True
    """

    name = "related terms"

    def __init__(self, texts: Sequence[str], rank: int = RANK, features: int = FEATURES):
        from scipy.linalg import eigh
        from scipy.sparse import csr_array, hstack
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.size = len(texts)
        rank = min(rank, self.size - 1)
        self._parts = []
        if rank < 1 or not any(terms(text) for text in texts):
            return
        words = TfidfVectorizer(
            analyzer="word", tokenizer=terms, token_pattern=None, lowercase=False, ngram_range=(1, 2),
            sublinear_tf=True, max_features=features, dtype=np.float32,
        )  # fmt: skip
        letters = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, max_features=features, dtype=np.float32
        )
        self._parts = [words, letters]
        X = csr_array(hstack([part.fit_transform(texts) for part in self._parts]))
        # left singular vectors from the documents' inner products: exact, without random numbers, small
        values, U = eigh((X @ X.T).toarray().astype(np.float64), subset_by_index=[self.size - rank, self.size - 1])
        sound = values > 1e-9 * values[-1]
        spread = np.sqrt(values[sound])
        self._V = np.ascontiguousarray(X.T @ (U[:, sound] / spread), dtype=np.float32)
        self._docs = _unit(U[:, sound] * spread).astype(np.float32)

    def scores(self, query: str) -> np.ndarray:
        """Cosine of the query with each document, (documents,); 0 where it is below the floor."""
        if not self._parts:
            return np.zeros(self.size)
        found = np.zeros(self._V.shape[1], np.float32)
        begin = 0
        for part in self._parts:
            row = part.transform([query]).tocsr()
            found += row.data @ self._V[begin + row.indices]  # only the rows of the query's own terms
            begin += row.shape[1]
        cosine = self._docs @ _unit(found[None])[0]
        return np.where(cosine > max(FLOOR, SHARE * float(cosine.max())), cosine, 0.0)


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1; rows of zeros stay."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)
