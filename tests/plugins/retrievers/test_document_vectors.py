"""Document vectors and scores out of those of passages, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from plait.contracts import Column, Document, Section, Text
from plait.embedders.transformers import MiniLM, MiniLMConfig
from plait.retrievers.dense import Config, Dense
from plait.retrievers.document_vectors import best_passages, document_vectors, mean_vectors
from plait.testing import MemoryView, memory_view, sample_documents

EMBEDDER = MiniLM(MiniLMConfig())


def unit(table: NDArray[np.float64]) -> NDArray[np.float32]:
    return (table / np.linalg.norm(table, axis=1, keepdims=True)).astype(np.float32)


def test_document_vectors_are_the_means_of_their_passages_of_length_1() -> None:
    dense = Dense(Config(), EMBEDDER)
    view = memory_view(sample_documents(), [dense])
    found = document_vectors(view, "dense", EMBEDDER.embed_passages)
    for number in range(len(view.document_ids)):
        rows = np.flatnonzero(view.document_numbers == number)
        mean = view.vectors("dense")[rows].astype(np.float64).mean(axis=0)
        assert found[number] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert document_vectors(view, "dense", EMBEDDER.embed_passages) is found, "the view keeps them"
    assert not found.flags.writeable


def test_a_document_without_passages_is_its_title_and_without_title_its_id() -> None:
    titled, untitled = Document("a", "On braids", ()), Document("knots", "", ())
    with_text = Document("b", "On ropes", (Section("", (Text("Ropes are long."),)),))
    view = memory_view([titled, with_text, untitled], [Dense(Config(), EMBEDDER)])
    found = document_vectors(view, "dense", EMBEDDER.embed_passages)
    assert found[[0, 2]] == pytest.approx(EMBEDDER.embed_passages(["On braids", "knots"]), abs=1e-5)
    assert found[1] == pytest.approx(view.vectors("dense")[0], abs=1e-6)


def test_an_empty_index_has_no_document_vectors() -> None:
    view = MemoryView((), (), [(Column("dense", "vector", 4), np.zeros((0, 4), np.float32))])
    assert document_vectors(view, "dense", EMBEDDER.embed_passages).shape == (0, 4)


@given(st.lists(st.integers(0, 5), max_size=20), st.integers(0, 2**32 - 1))
def test_means_equal_those_of_a_loop(owners: list[int], seed: int) -> None:
    vectors = unit(np.random.default_rng(seed).normal(size=(len(owners), 4)))
    numbers = np.array(owners, dtype=np.int64)
    means, empty = mean_vectors(vectors, numbers, 6)
    assert empty.tolist() == [number for number in range(6) if number not in owners]
    for number in range(6):
        mine = vectors[numbers == number].astype(np.float64)
        total = mine.sum(axis=0)
        if number in owners and np.linalg.norm(total) > 1e-3:
            assert means[number] == pytest.approx(total / np.linalg.norm(total), abs=1e-4)
        if number not in owners:
            assert not means[number].any()


def test_vectors_that_cancel_out_leave_the_first() -> None:
    vectors = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, -1.0]], np.float32)
    means, _ = mean_vectors(vectors, np.array([1, 0, 1]), 2)
    assert means.tolist() == [[1.0, 0.0], [0.0, 1.0]]


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0.0, 0.25, 0.5, -np.inf])), max_size=20))
def test_the_best_passage_is_the_first_of_the_highest(scored: list[tuple[int, float]]) -> None:
    numbers = np.array([number for number, _ in scored], dtype=np.int64)
    scores = np.array([score for _, score in scored], dtype=np.float32)
    best, rows = best_passages(scores, numbers, 5)
    for number in range(5):
        mine = [row for row, (owner, score) in enumerate(scored) if owner == number and score > -np.inf]
        expected = max(mine, key=lambda row: (scored[row][1], -row), default=-1)
        assert rows[number] == expected
        assert best[number] == (scored[expected][1] if expected >= 0 else -np.inf)
