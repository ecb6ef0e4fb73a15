from __future__ import annotations

import numpy as np
import pytest

from plait.contracts import Document, Query, Section, Text
from plait.embedders.transformers import MiniLM, MiniLMConfig
from plait.rankers.best_sentence import BestSentence, Config
from plait.testing import memory_view
from plait.testing.conformance import RankerConformance
from plait.text.sentences import sentence_spans

EMBEDDER = MiniLM(MiniLMConfig())
FILLER = "Weather reports were collected daily. Ships left the harbour at noon. "
DOCUMENTS = [
    Document("plain", "", (Section("", (Text(FILLER + "Bread needs flour."),)),)),
    Document("hidden", "", (Section("", (Text(FILLER * 3 + "A reef knot joins two ropes. " + FILLER * 3),)),)),
]
QUERY = Query("Which knot joins two ropes?")


class TestSentences(RankerConformance):
    @pytest.fixture
    def ranker(self) -> BestSentence:
        return BestSentence(Config(), EMBEDDER)


def test_one_answering_sentence_lifts_a_long_passage() -> None:
    view = memory_view(DOCUMENTS)
    hits = view.hits(np.array([0, 1]), np.array([0.2, 0.1]))
    ranked = BestSentence(Config(weight=1.0), EMBEDDER).rank(QUERY, hits, view)
    assert [hit.document_id for hit in ranked] == ["hidden", "plain"]


def test_weight_zero_keeps_the_order() -> None:
    view = memory_view(DOCUMENTS)
    hits = view.hits(np.array([0, 1]), np.array([0.2, 0.1]))
    ranked = BestSentence(Config(weight=0.0), EMBEDDER).rank(QUERY, hits, view)
    assert [hit.document_id for hit in ranked] == ["plain", "hidden"]


def test_the_strand_holds_the_cosine_of_the_nearest_sentence() -> None:
    view = memory_view(DOCUMENTS)
    hits = view.hits(np.array([1]), np.array([0.1]))
    text = view.passage(1).text
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    cosines = EMBEDDER.embed_passages(sentences) @ EMBEDDER.embed_queries([QUERY.text])[0]
    (hit,) = BestSentence(Config(), EMBEDDER).rank(QUERY, hits, view)
    assert hit.strands[-1].retriever == "sentences"
    assert hit.strands[-1].score == pytest.approx(float(cosines.max()), abs=1e-3)
