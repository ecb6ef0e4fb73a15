from __future__ import annotations

from collections.abc import Sequence

import pytest

from plait.contracts import Column, Document, IndexView, Passage, Query, Section, Text
from plait.retrievers.lexical import Config, Lexical
from plait.testing import MemoryView, memory_view
from plait.testing.conformance import RetrieverConformance


def corpus(*texts: str) -> list[Document]:
    return [Document(f"d{i}", "", (Section("", (Text(text),)),)) for i, text in enumerate(texts)]


def found(lexical: Lexical, view: IndexView, text: str, k: int = 10) -> Sequence[str]:
    return [hit.document_id for hit in lexical.retrieve(Query(text), view, k)]


class TestLexical(RetrieverConformance):
    @pytest.fixture
    def retriever(self) -> Lexical:
        return Lexical(Config())


def test_a_rare_term_outweighs_a_common_one() -> None:
    lexical = Lexical(Config())
    view = memory_view(corpus("braid rope", "braid knot", "braid cord"), [lexical])
    assert found(lexical, view, "the braided knots") == ["d1", "d0", "d2"]


def test_what_shares_no_term_is_not_found() -> None:
    lexical = Lexical(Config())
    assert found(lexical, memory_view(corpus("braid", "knot"), [lexical]), "sails") == []


def test_the_context_is_searched_too() -> None:
    lexical = Lexical(Config())
    documents = [Document("d", "On sails", (Section("", (Text("Canvas."),)),))]
    assert found(lexical, memory_view(documents, [lexical]), "sail") == ["d"]


def test_weights_can_change_without_a_rebuild() -> None:
    """k1 = 0 ignores how often, so the shorter passage no longer loses."""
    written = Lexical(Config())
    view = memory_view(corpus("rope rope rope rope", "rope"), [written])
    assert written.fingerprint() == Lexical(Config(k1=0.0)).fingerprint()
    assert found(written, view, "rope") == ["d0", "d1"]
    hits = Lexical(Config(k1=0.0)).retrieve(Query("rope"), view, 2)
    assert hits[0].score == hits[1].score and [hit.row for hit in hits] == [0, 1]
    assert found(written, view, "rope") == ["d0", "d1"], "derived postings of other settings were used"


@pytest.mark.parametrize("settings", [{"stemmer": "none"}, {"stop_words": ("rope",)}])
def test_another_analysis_has_another_fingerprint(settings: dict[str, object]) -> None:
    assert Lexical(Config(**settings)).fingerprint() != Lexical(Config()).fingerprint()


def test_an_index_without_any_term_finds_nothing() -> None:
    lexical = Lexical(Config())
    assert found(lexical, memory_view(corpus("the", "of"), [lexical]), "rope") == []


def test_postings_are_worked_out_once_for_a_view() -> None:
    lexical = Lexical(Config())
    documents = corpus("rope", "knot")
    passages = [Passage(f"d{i}#0", f"d{i}", 0, 0, 4, document.text) for i, document in enumerate(documents)]
    view = MemoryView(documents, passages, [(Column("lexical", "sparse"), [{"rope": 1.0}, {"knot": 1.0}])])
    assert lexical.impacts(view) is lexical.impacts(view)
