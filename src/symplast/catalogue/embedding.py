"""An optional third ranker: sentence embeddings by a model that lies on this machine. Nothing is ever downloaded."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

FLOOR = 0.25
"""Cosines below it count as absent."""


class Embeddings:
    """Cosines between the embeddings of a query and of documents.

    Args:
        texts: of the documents.
        model: folder of a sentence-transformers model.

    Raises:
        ValueError: no such folder, or sentence-transformers is not installed.
    """

    name = "embeddings"

    def __init__(self, texts: Sequence[str], model: Path):
        if not model.is_dir():
            raise ValueError(f"embed must be the folder of a sentence-embedding model on this machine, got {model}")
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ValueError('embed needs sentence-transformers; install it: pip install "symplast[embed]"') from error
        self._model = SentenceTransformer(str(model), local_files_only=True)
        self._docs = self._embed(texts)

    def scores(self, query: str) -> np.ndarray:
        """Cosine of the query with each document, (documents,); 0 where it is below the floor."""
        cosine = self._docs @ self._embed([query])[0]
        return np.where(cosine > FLOOR, cosine, 0.0)

    def _embed(self, texts: Sequence[str]) -> np.ndarray:
        return np.asarray(self._model.encode(list(texts), normalize_embeddings=True), np.float32)
