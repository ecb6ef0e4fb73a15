"""Checks a retriever against :class:`plait.contracts.Retriever`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from plait.contracts import (
    ColumnValues,
    Document,
    EarnsWeight,
    IngestBatch,
    LexicalScores,
    OwnWeight,
    Query,
    Retriever,
    StructureSource,
    VectorSearch,
)
from plait.index.entry_checks import check_values
from plait.testing.conformance.checks import check_best_first, check_json
from plait.testing.memory import MemoryView, memory_view
from plait.testing.samples import BlockChunker, sample_documents

__all__ = ["RetrieverConformance"]

KINDS = {"vector", "tokens", "sparse", "number", "text"}
EVERYTHING = 10_000


class RetrieverConformance:
    """Override :meth:`retriever`; override :meth:`documents` and :meth:`questions` if yours needs others.

    Of a retriever that reads columns of others, override :meth:`before` as well.
    """

    @pytest.fixture
    def retriever(self) -> Retriever:
        """The retriever to check."""
        raise NotImplementedError("override the fixture 'retriever' in your subclass")

    @pytest.fixture
    def before(self) -> Sequence[Retriever]:
        """Retrievers that stand before it in a pipeline, and fill the columns that it reads; by default none."""
        return ()

    @pytest.fixture
    def documents(self) -> Sequence[Document]:
        """The corpus; its metadata has ``year`` in some documents."""
        return sample_documents()

    @pytest.fixture
    def questions(self, documents: Sequence[Document]) -> Sequence[str]:
        """Questions, at least one of which the retriever answers; by default the titles."""
        return [document.title for document in documents]

    @pytest.fixture
    def view(self, retriever: Retriever, before: Sequence[Retriever], documents: Sequence[Document]) -> MemoryView:
        """The corpus, encoded by the retriever and those before it."""
        return memory_view(documents, [*before, retriever])

    def test_satisfies_the_protocol(self, retriever: Retriever) -> None:
        assert isinstance(retriever, Retriever)

    def test_declares_its_columns(self, retriever: Retriever) -> None:
        names = [column.name for column in retriever.columns]
        assert len(set(names)) == len(names), f"a column is declared twice: {names}"
        for column in retriever.columns:
            assert column.kind in KINDS
            vectors = column.kind in {"vector", "tokens"}
            assert vectors == bool(column.dimension), "exactly the columns of vectors have a dimension"

    def test_its_fingerprint_is_json_and_stays_the_same(self, retriever: Retriever) -> None:
        check_json(retriever.fingerprint())
        assert retriever.fingerprint() == retriever.fingerprint()

    def test_encodes_exactly_the_columns_it_declares(
        self, retriever: Retriever, before: Sequence[Retriever], documents: Sequence[Document]
    ) -> None:
        batch = _batch(documents, before)
        encoded = retriever.encode(batch)
        assert set(encoded) == {column.name for column in retriever.columns}
        for column in retriever.columns:
            check_values(column, encoded[column.name], len(batch.passages), [passage.id for passage in batch.passages])

    def test_encodes_no_passages_as_no_values(self, retriever: Retriever, before: Sequence[Retriever]) -> None:
        encoded = retriever.encode(_batch((), before))
        assert all(len(encoded[column.name]) == 0 for column in retriever.columns)

    def test_encodes_the_same_batch_to_the_same_values(
        self, retriever: Retriever, before: Sequence[Retriever], documents: Sequence[Document]
    ) -> None:
        first, second = retriever.encode(_batch(documents, before)), retriever.encode(_batch(documents, before))
        for column in retriever.columns:
            if column.kind in {"vector", "number"}:
                np.testing.assert_allclose(np.asarray(first[column.name]), np.asarray(second[column.name]), atol=1e-5)
            elif column.kind == "tokens":
                for one, other in zip(first[column.name], second[column.name], strict=True):
                    np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=1e-3)
            else:
                assert list(first[column.name]) == list(second[column.name])

    def test_returns_hits_best_first_and_each_once(
        self, retriever: Retriever, view: MemoryView, questions: Sequence[str]
    ) -> None:
        for question in questions:
            check_best_first(retriever.retrieve(Query(question), view, EVERYTHING))

    def test_finds_something_for_at_least_one_question(
        self, retriever: Retriever, view: MemoryView, questions: Sequence[str]
    ) -> None:
        assert any(retriever.retrieve(Query(question), view, EVERYTHING) for question in questions)

    def test_its_hits_name_passages_of_the_view(
        self, retriever: Retriever, view: MemoryView, questions: Sequence[str]
    ) -> None:
        for question in questions:
            for hit in retriever.retrieve(Query(question), view, EVERYTHING):
                assert view.row(hit.passage_id) == hit.row
                assert view.passage(hit.row).document_id == hit.document_id

    @pytest.mark.parametrize("k", [1, 2, 5])
    def test_returns_at_most_k_and_the_best_ones(
        self, retriever: Retriever, view: MemoryView, questions: Sequence[str], k: int
    ) -> None:
        for question in questions:
            every = retriever.retrieve(Query(question), view, EVERYTHING)
            best = retriever.retrieve(Query(question), view, k)
            assert [hit.passage_id for hit in best] == [hit.passage_id for hit in every[:k]]

    def test_respects_filters(self, retriever: Retriever, view: MemoryView, questions: Sequence[str]) -> None:
        recent = {"year": {"min": 2010}}
        for question in questions:
            hits = retriever.retrieve(Query(question, filters=recent), view, EVERYTHING)
            assert all(view.metadata(hit.document_id).get("year", 0) >= 2010 for hit in hits)

    def test_fills_k_from_what_the_filter_leaves(
        self, retriever: Retriever, view: MemoryView, questions: Sequence[str]
    ) -> None:
        """Filtering after cutting to k would lose hits that the filter allows."""
        recent = {"year": {"min": 2010}}
        for question in questions:
            every = retriever.retrieve(Query(question, filters=recent), view, EVERYTHING)
            best = retriever.retrieve(Query(question, filters=recent), view, 1)
            assert [hit.passage_id for hit in best] == [hit.passage_id for hit in every[:1]]

    def test_finds_nothing_when_the_filter_leaves_nothing(
        self, retriever: Retriever, view: MemoryView, questions: Sequence[str]
    ) -> None:
        for question in questions:
            assert not retriever.retrieve(Query(question, filters={"year": 1066}), view, 5)

    def test_finds_nothing_in_an_empty_index(
        self, retriever: Retriever, before: Sequence[Retriever], questions: Sequence[str]
    ) -> None:
        empty = memory_view((), [*before, retriever])
        assert not retriever.retrieve(Query(questions[0]), empty, 5)

    def test_answers_the_same_question_the_same_way(
        self, retriever: Retriever, view: MemoryView, questions: Sequence[str]
    ) -> None:
        for question in questions:
            assert list(retriever.retrieve(Query(question), view, 5)) == list(
                retriever.retrieve(Query(question), view, 5)
            )

    @pytest.mark.parametrize(
        "text", ["?!", "🧵", "\u0000\u202e", "word " * 3_000], ids=["marks", "emoji", "odd", "long"]
    )
    def test_survives_odd_questions(self, retriever: Retriever, view: MemoryView, text: str) -> None:
        check_best_first(retriever.retrieve(Query(text), view, 5))

    def test_answers_several_threads_at_once(
        self, retriever: Retriever, view: MemoryView, questions: Sequence[str]
    ) -> None:
        alone = [[hit.passage_id for hit in retriever.retrieve(Query(text), view, 5)] for text in questions]
        with ThreadPoolExecutor(4) as threads:
            together = threads.map(lambda text: retriever.retrieve(Query(text), view, 5), questions)
        assert [[hit.passage_id for hit in hits] for hits in together] == alone

    def test_the_vectors_it_says_it_searches_are_its_own(
        self, retriever: Retriever, view: MemoryView, questions: Sequence[str]
    ) -> None:
        """Of a :class:`plait.contracts.VectorSearch`: hits are explained by them."""
        if not isinstance(retriever, VectorSearch):
            pytest.skip("it searches no column of vectors")
        assert retriever.vector_column in {column.name for column in retriever.columns if column.kind == "vector"}
        check_json(retriever.made_by(view))
        vectors = view.vectors(retriever.vector_column)
        for text in questions:
            vector = retriever.embedder.embed_queries([text])[0]
            adapted = retriever.adapted(vector, view)
            assert adapted.shape == vector.shape and np.isclose(np.linalg.norm(adapted), 1.0, atol=1e-3)
            for hit in retriever.retrieve(Query(text), view, 5):
                assert hit.score == pytest.approx(float(vectors[hit.row] @ adapted), abs=1e-3)

    def test_what_its_run_counts_is_a_weight(
        self, retriever: Retriever, view: MemoryView, questions: Sequence[str]
    ) -> None:
        """Of an :class:`plait.contracts.EarnsWeight` or :class:`plait.contracts.OwnWeight`."""
        if not isinstance(retriever, EarnsWeight | OwnWeight):
            pytest.skip("its run counts as any other")
        weights = []
        if isinstance(retriever, OwnWeight):
            weights.append(retriever.own_weight(view))
        if isinstance(retriever, EarnsWeight):
            weights += [retriever.earned_weight(Query(text), view) for text in questions]
        assert all(math.isfinite(weight) and weight >= 0.0 for weight in weights)

    def test_its_scores_by_words_are_those_of_its_hits(
        self, retriever: Retriever, view: MemoryView, questions: Sequence[str]
    ) -> None:
        """Of a :class:`plait.contracts.LexicalScores`."""
        if not isinstance(retriever, LexicalScores):
            pytest.skip("it gives no scores by words")
        for text in questions:
            scores = retriever.passage_scores(text, view)
            assert scores.shape == (len(view),) and scores.dtype == np.float32
            for hit in retriever.retrieve(Query(text), view, 5):
                assert hit.score == pytest.approx(float(scores[hit.row]), abs=1e-4)

    def test_its_structure_is_one_vector_a_document_and_a_flag(self, retriever: Retriever, view: MemoryView) -> None:
        """Of a :class:`plait.contracts.StructureSource`."""
        if not isinstance(retriever, StructureSource):
            pytest.skip("it ties no documents together")
        kinds = {column.name: column.kind for column in retriever.columns}
        assert kinds[retriever.structure_column] == "vector" and kinds[f"{retriever.structure_column}.tied"] == "number"
        structural = retriever.structural(view)
        assert len(structural.vectors) == len(structural.has_structure) == len(view.document_ids)
        assert tuple(retriever.graph(view).ids) == tuple(view.document_ids)
        check_json(retriever.structure_identity(view))
        assert retriever.trained(view) is False, "nothing is trained on these documents"


def _batch(documents: Sequence[Document], before: Sequence[Retriever]) -> IngestBatch:
    chunker = BlockChunker()
    passages = [passage for document in documents for passage in chunker.chunk(document)]
    columns: dict[str, ColumnValues] = {}
    for retriever in before:
        columns |= retriever.encode(IngestBatch(documents, passages, columns))
    return IngestBatch(documents, passages, columns)
