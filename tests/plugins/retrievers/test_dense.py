from __future__ import annotations

import numpy as np
import pytest

from plait.contracts import Query
from plait.embedders.transformers import MiniLM, MiniLMConfig
from plait.retrievers.dense import Config, Dense
from plait.testing import memory_view, sample_documents
from plait.testing.conformance import RetrieverConformance

EMBEDDER = MiniLM(MiniLMConfig())


class TestDense(RetrieverConformance):
    @pytest.fixture
    def retriever(self) -> Dense:
        return Dense(Config(), EMBEDDER)


def test_hits_are_the_highest_cosines_of_brute_force() -> None:
    dense = Dense(Config(), EMBEDDER)
    view = memory_view(sample_documents(), [dense])
    text = "Which negatives help to train dense retrieval?"
    texts = [view.passage(row).embedding_text for row in range(len(view))]
    cosines = EMBEDDER.embed_passages(texts).astype(np.float64) @ EMBEDDER.embed_queries([text])[0]
    hits = dense.retrieve(Query(text), view, 5)
    assert [hit.row for hit in hits] == np.argsort(-cosines, kind="stable")[:5].tolist()
    assert [hit.score for hit in hits] == pytest.approx(np.sort(cosines)[::-1][:5], abs=1e-3)


def test_another_embedder_makes_another_fingerprint() -> None:
    shorter = MiniLM(MiniLMConfig(max_tokens=128))
    assert Dense(Config(), EMBEDDER).fingerprint() != Dense(Config(), shorter).fingerprint()


def test_two_dense_retrievers_can_have_columns_of_their_own() -> None:
    assert [column.name for column in Dense(Config(column="dense2"), EMBEDDER).columns] == ["dense2"]
