from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from plait.contracts import Query
from plait.contracts.errors import ModelError
from plait.rankers.cross_encoder import Config, CrossEncoder
from plait.testing import memory_view, sample_documents
from plait.testing.conformance import RankerConformance

Make = Callable[..., Path]
QUERY = Query("Which negatives help to train dense retrieval?")


class TestCrossEncoder(RankerConformance):
    @pytest.fixture
    def ranker(self, cross_encoder_folder: Make) -> CrossEncoder:
        return CrossEncoder(Config(model=str(cross_encoder_folder(1)), max_tokens=128))


@pytest.mark.parametrize("outputs", [1, 2])
def test_scores_are_those_of_the_model_pair_by_pair(cross_encoder_folder: Make, outputs: int) -> None:
    folder = cross_encoder_folder(outputs)
    view = memory_view(sample_documents())
    hits = view.hits(np.arange(6), np.linspace(1, 0.5, 6))
    ranked = CrossEncoder(Config(model=str(folder), dtype="float32", batch=4, max_tokens=128)).rank(QUERY, hits, view)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    for hit in ranked:
        pair = tokenizer(
            QUERY.text, view.passage(hit.row).embedding_text, return_tensors="pt", truncation=True, max_length=128
        )
        with torch.no_grad():
            logits = model(**pair).logits[0]
        assert hit.score == pytest.approx((logits[0] if outputs == 1 else logits[1] - logits[0]).item(), abs=1e-4)


@pytest.mark.parametrize(("most", "said"), [(128, 0), (16, 1)])
def test_what_is_cut_is_said(
    cross_encoder_folder: Make, caplog: pytest.LogCaptureFixture, most: int, said: int
) -> None:
    view = memory_view(sample_documents())
    hits = view.hits(np.arange(6), np.linspace(1, 0.5, 6))
    ranker = CrossEncoder(Config(model=str(cross_encoder_folder(1)), batch=2, max_tokens=most))
    ranker.rank(QUERY, hits, view)
    assert len(caplog.messages) == said
    if said:
        assert "6 of 6 pairs are longer than max_tokens (16) and were cut" in caplog.text


def test_nothing_is_written_while_it_loads(cross_encoder_folder: Make, capfd: pytest.CaptureFixture[str]) -> None:
    folder = cross_encoder_folder(1)
    view = memory_view(sample_documents())
    capfd.readouterr()
    CrossEncoder(Config(model=str(folder), max_tokens=128)).rank(QUERY, view.hits(np.arange(2), np.ones(2)), view)
    assert capfd.readouterr() == ("", "")


def test_hits_beyond_top_follow_in_the_order_they_had(cross_encoder_folder: Make) -> None:
    view = memory_view(sample_documents())
    hits = view.hits(np.arange(6), np.linspace(1, 0.5, 6))
    ranked = CrossEncoder(Config(model=str(cross_encoder_folder(1)), top=2, max_tokens=128)).rank(QUERY, hits, view)
    assert {hit.row for hit in ranked[:2]} == {0, 1}
    assert [hit.row for hit in ranked[2:]] == [2, 3, 4, 5]


def test_an_encoder_without_a_head_is_refused(cross_encoder_folder: Make) -> None:
    """transformers would give it a random head and say so in the log only."""
    view = memory_view(sample_documents())
    ranker = CrossEncoder(Config(model=str(cross_encoder_folder(0))))
    with pytest.raises(ModelError, match="not trained to rank"):
        ranker.rank(QUERY, view.hits(np.arange(1), np.ones(1)), view)


def test_a_model_of_three_classes_is_refused(cross_encoder_folder: Make) -> None:
    view = memory_view(sample_documents())
    ranker = CrossEncoder(Config(model=str(cross_encoder_folder(3))))
    with pytest.raises(ModelError, match="3 outputs"):
        ranker.rank(QUERY, view.hits(np.arange(1), np.ones(1)), view)


def test_a_missing_model_is_said_before_the_first_question() -> None:
    with pytest.raises(ModelError, match="no such model folder"):
        CrossEncoder(Config(model="./nowhere"))
