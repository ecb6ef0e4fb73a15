"""Late interaction against loops that compare one pair of tokens at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from plait.contracts import Query
from plait.contracts.errors import ConfigError, ModelError
from plait.embedders.transformers import MiniLM, MiniLMConfig
from plait.rankers.late import Config, Late, max_similarities
from plait.testing import memory_view, sample_documents
from plait.testing.conformance import RankerConformance

EMBEDDER = MiniLM(MiniLMConfig(dtype="float32"))
QUERY = Query("Which negatives help to train dense retrieval?")


def unit(rows: int, seed: int, width: int = 16) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).standard_normal((rows, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def by_loops(question: NDArray[np.float32], passage: NDArray[np.float32]) -> float:
    """The definition, a pair at a time, in double precision."""
    total = 0.0
    for asked in question.astype(np.float64):
        total += max(float(asked @ token) for token in passage.astype(np.float64))
    return total


class WholeTexts:
    """An embedder of whole texts only."""

    dimension = 1

    def fingerprint(self) -> Mapping[str, Any]:
        return {}

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.ones((len(texts), 1), dtype=np.float32)

    embed_queries = embed_passages


class TestLate(RankerConformance):
    @pytest.fixture
    def ranker(self) -> Late:
        return Late(Config(), EMBEDDER)


class TestKept(RankerConformance):
    @pytest.fixture
    def ranker(self) -> Late:
        return Late(Config(column="late"), EMBEDDER)


class TestOfAModelTrainedForIt(RankerConformance):
    @pytest.fixture
    def ranker(self, colbert_folder: Path) -> Late:
        return Late(Config(model=str(colbert_folder), column="late"), None)


class TestKeptAndPooled(RankerConformance):
    @pytest.fixture
    def ranker(self) -> Late:
        return Late(Config(column="late", pool=3), EMBEDDER)


@pytest.mark.parametrize("seed", range(5))
def test_equals_a_double_loop(seed: int) -> None:
    chance = np.random.default_rng(seed)
    question = unit(int(chance.integers(1, 12)), seed)
    passages = [unit(int(count), seed + 100 * place) for place, count in enumerate(chance.integers(1, 40, 9), start=1)]
    found = max_similarities(question, np.concatenate(passages), [len(tokens) for tokens in passages])
    np.testing.assert_allclose(found, [by_loops(question, tokens) for tokens in passages], atol=1e-6)


def test_a_passage_without_tokens_is_behind_all_others_wherever_it_stands() -> None:
    question, tokens = unit(3, 0), unit(4, 1)
    for place in range(3):
        counts = [2, 2]
        counts.insert(place, 0)
        found = max_similarities(question, tokens, counts)
        assert found[place] == -3.0
        others = np.delete(found, place)
        np.testing.assert_allclose(others, [by_loops(question, tokens[:2]), by_loops(question, tokens[2:])], atol=1e-6)
        assert (others > -3.0).all()


def test_a_question_without_tokens_keeps_the_order() -> None:
    view = memory_view(sample_documents())
    hits = view.hits(np.arange(6), np.linspace(1, 0.5, 6))
    assert [hit.row for hit in Late(Config(), EMBEDDER).rank(Query("?!"), hits, view)] == list(range(6))


def test_the_strand_holds_the_sum_of_the_best_cosines() -> None:
    view = memory_view(sample_documents())
    hits = view.hits(np.arange(len(view)), np.linspace(1, 0.1, len(view)))
    (question,) = EMBEDDER.embed_tokens([QUERY.text], "query")
    for hit in Late(Config(), EMBEDDER).rank(QUERY, hits, view):
        (passage,) = EMBEDDER.embed_tokens([view.passage(hit.row).embedding_text], "passage")
        assert hit.strands[-1].retriever == "late"
        assert hit.strands[-1].score == pytest.approx(by_loops(question, passage), abs=1e-4)


def test_at_weight_one_the_order_is_that_of_late_interaction_and_at_none_what_came() -> None:
    view = memory_view(sample_documents())
    hits = view.hits(np.arange(len(view)), np.linspace(1, 0.1, len(view)))
    sums = [hit.strands[-1].score for hit in Late(Config(weight=1.0), EMBEDDER).rank(QUERY, hits, view)]
    assert sums == sorted(sums, reverse=True)
    assert [hit.row for hit in Late(Config(weight=0.0), EMBEDDER).rank(QUERY, hits, view)] == list(range(len(view)))


def test_hits_beyond_top_follow_in_the_order_they_had() -> None:
    view = memory_view(sample_documents())
    hits = view.hits(np.arange(6), np.linspace(1, 0.5, 6))
    ranked = Late(Config(top=2), EMBEDDER).rank(QUERY, hits, view)
    assert {hit.row for hit in ranked[:2]} == {0, 1}
    assert [hit.row for hit in ranked[2:]] == [2, 3, 4, 5]


def test_filters_of_the_question_stay_kept() -> None:
    """What a filter has left out is not among the hits, and nothing is brought back."""
    view = memory_view(sample_documents())
    rows = np.flatnonzero(view.allowed({"year": 2009}))
    ranked = Late(Config(), EMBEDDER).rank(Query(QUERY.text, filters={"year": 2009}), view.hits(rows, -rows), view)
    assert sorted(hit.row for hit in ranked) == rows.tolist()


def test_an_embedder_without_vectors_of_tokens_is_refused() -> None:
    with pytest.raises(ConfigError, match="vectors of tokens"):
        Late(Config(), WholeTexts())
    with pytest.raises(ConfigError, match="no retriever of the pipeline has one"):
        Late(Config(), None)


def test_kept_vectors_rank_as_those_made_for_the_question() -> None:
    for pool in (1, 2):
        kept, made = (Late(Config(column=column, pool=pool), EMBEDDER) for column in ("late", None))
        view = memory_view(sample_documents(), [kept])
        hits = view.hits(np.arange(len(view)), np.linspace(1, 0.1, len(view)))
        sums = [{hit.row: hit.strands[-1].score for hit in ranker.rank(QUERY, hits, view)} for ranker in (kept, made)]
        assert sums[0] == pytest.approx(sums[1], abs=1e-2)


def test_pooling_leaves_fewer_vectors_and_nearly_the_same_sums() -> None:
    view = memory_view(sample_documents(), [Late(Config(column="late", pool=2), EMBEDDER)])
    (question,) = EMBEDDER.embed_tokens([QUERY.text], "query")
    for row in range(len(view)):
        (whole,) = EMBEDDER.embed_tokens([view.passage(row).embedding_text], "passage")
        (halved,) = view.tokens("late", [row])
        assert len(halved) == -(-len(whole) // 2)
        assert by_loops(question, halved.astype(np.float32)) == pytest.approx(by_loops(question, whole), rel=0.25)


def test_another_encoder_or_pooling_is_another_identity() -> None:
    plain = Late(Config(column="late"), EMBEDDER).fingerprint()
    assert Late(Config(column="late", top=7, weight=0.1), EMBEDDER).fingerprint() == plain
    assert Late(Config(column="late", pool=2), EMBEDDER).fingerprint() != plain
    assert Late(Config(column="late"), MiniLM(MiniLMConfig(max_tokens=64))).fingerprint() != plain


def test_a_model_trained_for_it_stands_in_for_the_embedder(colbert_folder: Path) -> None:
    ranker = Late(Config(model=str(colbert_folder), column="late"), EMBEDDER)
    assert ranker.columns[0].dimension == 16
    assert ranker.fingerprint() != Late(Config(column="late"), EMBEDDER).fingerprint()
    with pytest.raises(ModelError, match="there is no such model folder"):
        Late(Config(model="./nowhere"), None)
