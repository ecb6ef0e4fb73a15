"""Checks an embedder against :class:`plait.contracts.Embedder`."""

from __future__ import annotations

import numpy as np
import pytest

from plait.contracts import Embedder
from plait.testing.conformance.checks import check_json, check_unit_vectors

__all__ = ["EmbedderConformance"]

TEXTS = (
    "BM25 weighs a term by how often it occurs.",
    "Ein Satz auf Deutsch, und ein Faden: 🧵",
    "short",
    "Citations link documents; a graph network mixes each vector with its neighbours'. " * 3,
)


class EmbedderConformance:
    """Override :meth:`embedder`."""

    @pytest.fixture
    def embedder(self) -> Embedder:
        """The embedder to check."""
        raise NotImplementedError("override the fixture 'embedder' in your subclass")

    def test_satisfies_the_protocol(self, embedder: Embedder) -> None:
        assert isinstance(embedder, Embedder)

    def test_its_fingerprint_is_json_and_stays_the_same(self, embedder: Embedder) -> None:
        check_json(embedder.fingerprint())
        assert embedder.fingerprint() == embedder.fingerprint()

    def test_its_vectors_have_length_1(self, embedder: Embedder) -> None:
        check_unit_vectors(embedder.embed_passages(TEXTS), len(TEXTS), embedder.dimension)
        check_unit_vectors(embedder.embed_queries(TEXTS), len(TEXTS), embedder.dimension)

    def test_no_texts_give_no_vectors(self, embedder: Embedder) -> None:
        assert embedder.embed_passages(()).shape == (0, embedder.dimension)
        assert embedder.embed_queries(()).shape == (0, embedder.dimension)

    def test_a_text_has_the_same_vector_in_any_company(self, embedder: Embedder) -> None:
        """Sorting by length and padding must neither mix rows up nor change what they mean."""
        together = embedder.embed_passages(TEXTS)
        for row, text in enumerate(TEXTS):
            alone = embedder.embed_passages([text])[0]
            assert alone @ together[row] > 0.999, f"row {row}"

    def test_different_texts_have_different_vectors(self, embedder: Embedder) -> None:
        vectors = embedder.embed_passages(TEXTS)
        cosines = vectors @ vectors.T  # (4, 4)
        assert (cosines[~np.eye(len(TEXTS), dtype=bool)] < 0.999).all()

    def test_the_same_texts_have_the_same_vectors(self, embedder: Embedder) -> None:
        np.testing.assert_allclose(embedder.embed_queries(TEXTS), embedder.embed_queries(TEXTS), atol=1e-5)

    @pytest.mark.parametrize("text", ["", " \n", "word " * 5_000], ids=["empty", "blank", "long"])
    def test_odd_texts_have_vectors_too(self, embedder: Embedder, text: str) -> None:
        check_unit_vectors(embedder.embed_passages([text]), 1, embedder.dimension)
