"""Opening an index: with which pipeline, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from plait.config import Pipeline, use
from plait.contracts import Hit, IndexView, Query
from plait.contracts.errors import ConfigError, IdentityError, IndexNotFoundError, QueryError
from plait.rag import open_index

LEXICAL = Pipeline(retrievers=[use("lexical")], gate=use("open"))


@pytest.fixture
def index(tmp_path: Path) -> Path:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "tea.md").write_text("---\nid: tea\nyear: 2001\n---\n\nGreen tea is steamed.\n")
    (notes / "rope.md").write_text("---\nid: rope\nyear: 2020\n---\n\nA laid rope has three strands of tea.\n")
    with open_index(tmp_path / "index", pipeline=LEXICAL) as rag:
        rag.add(notes)
    return tmp_path / "index"


def test_without_an_index_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with open_index(tmp_path / "none") as rag, pytest.raises(IndexNotFoundError, match="plait index add PATH --index"):
        rag.retrieve("tea")


def test_an_index_knows_the_pipeline_it_was_written_with(index: Path) -> None:
    with open_index(index) as rag:
        assert rag.pipeline == LEXICAL


def test_a_pipeline_that_names_nothing_known_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Fix: write 'lexical'"):
        open_index(tmp_path / "index", pipeline=Pipeline(retrievers=[use("lexicl")]))


def test_filters_leave_out_documents(index: Path) -> None:
    with open_index(index) as rag:
        assert {hit.document_id for hit in rag.ask("tea").hits} == {"tea", "rope"}
        assert {hit.document_id for hit in rag.ask("tea", filters={"year": {"min": 2010}}).hits} == {"rope"}


@pytest.mark.parametrize("question", ["", "  \n"])
def test_an_empty_question_is_refused(index: Path, question: str) -> None:
    with open_index(index) as rag, pytest.raises(QueryError, match="the query is empty"):
        rag.ask(question)


def test_a_closed_session_opens_again(index: Path) -> None:
    rag = open_index(index)
    rag.close()
    assert rag.retrieve("steamed")[0].document_id == "tea"


def test_a_ranker_brings_up_what_the_k_best_would_have_left_out(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_index(index) as rag:
        first, second = rag.retrieve("tea", k=2)
        monkeypatch.setattr(rag.parts, "ranker", Upwards())
        assert [hit.document_id for hit in rag.retrieve("tea", k=1)] == [second.document_id] != [first.document_id]


class Upwards:
    """A ranker that finds the last the best."""

    def rank(self, _query: Query, hits: Sequence[Hit], _view: IndexView) -> Sequence[Hit]:
        return [replace(hit, score=float(place)) for place, hit in enumerate(hits)][::-1]


def test_a_column_of_tokens_belongs_to_the_model_that_made_it(tmp_path: Path, index: Path) -> None:
    def piped(**settings: object) -> Pipeline:
        ranker = use("late", column="late", embedder=use("minilm", **settings))
        return LEXICAL.model_copy(update={"ranker": ranker})

    with open_index(tmp_path / "kept", pipeline=piped()) as rag:
        rag.add(tmp_path / "notes")
        found = rag.retrieve_all("steamed tea")
    assert found.fused[0].strands[-1].retriever == "late"
    with (
        open_index(tmp_path / "kept", pipeline=piped(max_tokens=64)) as rag,
        pytest.raises(IdentityError, match=r"the index has 256, the pipeline wants 64.*plait index rebuild"),
    ):
        rag.retrieve("steamed tea")
    with open_index(index, pipeline=piped()) as rag, pytest.raises(IdentityError, match="late: not in the index"):
        rag.retrieve("steamed tea")
