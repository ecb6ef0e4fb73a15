from __future__ import annotations

import pytest

from plait.contracts import Document, Reference
from plait.contracts.errors import ConfigError, DocumentError
from plait.docgraph import DocumentGraph, build_graph
from plait.fusion.tokens.verbalised import verbalised


def paper(name: str, *cited: str, authors: tuple[str, ...] = (), topics: tuple[str, ...] = ()) -> Document:
    references = tuple(Reference(identifiers={"id": other}) for other in cited)
    return Document(name, f"On {name}", (), {"authors": list(authors), "topics": list(topics)}, references)


@pytest.fixture
def graph() -> DocumentGraph:
    return build_graph(
        [
            paper("a", "c", "d", authors=("Ada Lovelace",)),
            paper("b", authors=("Ada Lovelace", "Emmy Noether")),
            paper("c", "b", authors=("Emmy Noether",), topics=("graphs", "trees")),
            paper("d", topics=("graphs", "trees")),
            paper("alone"),
        ]
    )


def test_ties_are_named_by_the_numbers_of_the_prompt(graph: DocumentGraph) -> None:
    found = verbalised(graph, ["c", "a", "b"], limit=500)
    assert found == "[1] cites [3]; shares authors with [3].\n[2] cites [1]; shares authors with [3]."


def test_documents_outside_the_prompt_are_not_mentioned(graph: DocumentGraph) -> None:
    assert verbalised(graph, ["a", "alone"], limit=500) == ""
    assert verbalised(graph, [], limit=500) == ""


def test_a_document_that_cites_several_names_them_in_one_clause(graph: DocumentGraph) -> None:
    assert verbalised(graph, ["a", "c", "d"], limit=500).startswith("[1] cites [2] and [3].")


def test_passages_of_one_document_are_tied_and_speak_with_one_voice(graph: DocumentGraph) -> None:
    found = verbalised(graph, ["a", "c", "a"], limit=500)
    assert found == "[1] is from the same document as [3]; cites [2]."


def test_the_text_stays_within_its_limit_and_says_what_was_left_out(graph: DocumentGraph) -> None:
    whole = verbalised(graph, ["a", "b", "c", "d"], limit=10_000)
    assert "left out" not in whole
    ties = whole.count(";") + whole.count("\n") + 1 + whole.count(" and [")
    assert ties == 7
    for limit in range(len(whole) + 1):
        found = verbalised(graph, ["a", "b", "c", "d"], limit=limit)
        assert len(found) <= limit
        told, _, note = found.partition("\n(")
        said = told.count(";") + told.count("\n") + bool(told) + told.count(" and [")
        if note:
            assert said + int(note.split()[0]) == ties
        elif said < ties:
            assert said <= 1  # no room for a note beside even one
    assert verbalised(graph, ["a", "b", "c", "d"], limit=0) == ""


def test_strong_ties_outlive_weak_ones(graph: DocumentGraph) -> None:
    short = verbalised(graph, ["a", "b", "c", "d"], limit=70)
    assert "cites" in short
    assert "topics" not in short
    assert "topics" in verbalised(graph, ["a", "b", "c", "d"], limit=10_000)


def test_any_measure_of_length_will_do(graph: DocumentGraph) -> None:
    found = verbalised(graph, ["a", "b", "c", "d"], limit=12, count=lambda text: len(text.split()))
    assert 0 < len(found.split()) <= 12


def test_the_same_prompt_is_told_the_same_way(graph: DocumentGraph) -> None:
    first, second = (verbalised(graph, ["d", "c", "b", "a"], limit=100) for _ in range(2))
    assert first == second


def test_unknown_documents_and_negative_limits_are_refused(graph: DocumentGraph) -> None:
    with pytest.raises(DocumentError, match="no document 'x'"):
        verbalised(graph, ["x"], limit=10)
    with pytest.raises(ConfigError, match="the limit is -1"):
        verbalised(graph, ["a"], limit=-1)
