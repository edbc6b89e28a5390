"""The distance of a text to the nearest reviewed texts, with scikit-learn (extra `learn`)."""

from collections.abc import Callable, Sequence
from typing import Any

from hitl_orchestrator.errors import InvalidInput, install_hint

__all__ = ["NearestTexts", "texts_of"]

_BLOCK = 500
"""How many texts are compared with all others at a time, which bounds the memory."""


class NearestTexts:
    """Reviewed texts as vectors of length 1. The distance of two texts is 1 minus the cosine of their angle."""

    def __init__(self, vector: Callable[[str], Any], vectors: Any, neighbours: int, usual: float) -> None:
        """`vector` returns a text as a row like those of `vectors`. The bound holds the share `usual` of the texts."""
        self._vector, self._vectors = vector, vectors
        self._neighbours = min(neighbours, vectors.shape[0] - 1)
        self.bound = self._bound(usual)

    def distance(self, text: str) -> float:
        """Return the mean distance of a text to its nearest ones."""
        return self._mean_distances(self._vector(text), self._neighbours)[0]

    def _bound(self, usual: float) -> float:
        """Return the quantile of the distances of the texts to the others; the nearest of each is the text itself."""
        rows = range(0, self._vectors.shape[0], _BLOCK)
        blocks = (self._mean_distances(self._vectors[row : row + _BLOCK], self._neighbours, skip=1) for row in rows)
        ordered = sorted(distance for block in blocks for distance in block)
        return ordered[min(int(usual * len(ordered)), len(ordered) - 1)]

    def _mean_distances(self, rows: Any, most: int, skip: int = 0) -> list[float]:
        product = rows @ self._vectors.T
        cosines = product.toarray() if hasattr(product, "toarray") else product
        among = skip + most
        cosines.partition(cosines.shape[1] - among, axis=1)
        nearest = cosines[:, -among:]
        nearest.sort(axis=1)
        distances: list[float] = (1 - nearest[:, :most].mean(axis=1)).clip(0, 1).tolist()
        return distances


def texts_of(texts: Sequence[str], neighbours: int, usual: float, embeddings: Any = None) -> NearestTexts | None:
    """Return reviewed texts, compared by TF-IDF of their character n-grams or by LangChain embeddings.

    None if all texts are blank.

    Raises:
        InvalidInput: scikit-learn is not installed.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]  # noqa: PLC0415
        from sklearn.preprocessing import normalize  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as exc:
        raise InvalidInput([f"unusual: scikit-learn is missing; {install_hint('learn')}"]) from exc
    if not any(text.strip() for text in texts):
        return None
    if embeddings is not None:
        given = normalize(embeddings.embed_documents(list(texts)))
        return NearestTexts(lambda text: normalize([embeddings.embed_query(text)]), given, neighbours, usual)
    weights = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    fitted = weights.fit_transform(texts)
    return NearestTexts(lambda text: weights.transform([text]), fitted, neighbours, usual)
