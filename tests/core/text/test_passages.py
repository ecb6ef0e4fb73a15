"""One analysis of a passage: where statements begin and end, what they know of tables, and what a view keeps of it."""

import threading

import numpy as np
import pytest

from plait.contracts import Document, Evidence, Passage, Section, Table, Text
from plait.testing.memory import memory_view
from plait.text import passages as module
from plait.text.passages import (
    AnalysedPassage,
    analysed,
    analysis_of,
    quotable,
    statement_vectors,
    statements_of,
)

TWO = "Green tea is steamed. Black tea is oxidised."
TABLE = Table(("model", "nDCG@10"), (("BM25", ".679"), ("MiniLM", ".6505")), caption="Results on SciFact")
PAPER = Document("a", "Tea", (Section("Leaves", (Text(TWO), TABLE)),))


class Counting:
    """Counts the texts it is given."""

    dimension = 1

    def __init__(self):
        self.calls = []

    def fingerprint(self):
        return {}

    def embed_passages(self, texts):
        self.calls.append(list(texts))
        return np.array([[len(text)] for text in texts], dtype=np.float32)

    embed_queries = embed_passages


def bare(text, context=""):
    return Evidence(1, Passage("a#0", "a", 0, 0, len(text), text, context), "a", 1.0)


def known(view, steering=None):
    rows = [view.passage(row) for row in range(len(view))]
    found = analysed(view, rows, steering)
    return [Evidence(n, p.passage, "t", 1.0, None, p) for n, p in enumerate(found, 1)]


def test_every_statement_opens_exactly_from_its_document():
    view = memory_view([PAPER])
    found = statements_of(known(view))
    assert [(item.text, item.kind) for _, item in found] == [
        ("Green tea is steamed.", "sentence"),
        ("Black tea is oxidised.", "sentence"),
        ("Results on SciFact", "caption"),
        ("BM25 | .679", "row"),
        ("MiniLM | .6505", "row"),
    ]
    for _, item in found:
        assert PAPER.text[item.start : item.end] == item.text
        assert item.context.startswith("Tea > Leaves")


def test_a_row_knows_its_header_and_caption_also_where_the_passage_begins_below_them():
    start = PAPER.text.index("MiniLM")
    cut = Passage("a#9", "a", 9, start, len(PAPER.text), PAPER.text[start:])
    (row,) = AnalysedPassage(cut, PAPER).statements
    assert (row.text, row.header_text) == ("MiniLM | .6505", "model | nDCG@10")
    assert PAPER.text[slice(*row.header)] == row.header_text
    assert row.described == "Tea > Leaves\nResults on SciFact\nmodel | nDCG@10\nMiniLM | .6505"


def test_without_its_document_the_lines_of_a_passage_show_its_tables():
    text = f"{TWO}\n\n{TABLE.text}"
    shown = [(item.text, item.kind, item.header_text) for item in analysis_of(bare(text, "Tea")).statements]
    assert shown == [
        ("Green tea is steamed.", "sentence", ""),
        ("Black tea is oxidised.", "sentence", ""),
        ("Results on SciFact", "caption", ""),
        ("BM25 | .679", "row", "model | nDCG@10"),
        ("MiniLM | .6505", "row", "model | nDCG@10"),
    ]


def test_a_replaced_passage_is_analysed_anew():
    from dataclasses import replace

    (evidence, *_) = known(memory_view([PAPER]))
    other = replace(evidence.passage, text="Tea grows.", end=evidence.passage.start + 10)
    assert [item.text for item in analysis_of(replace(evidence, passage=other)).statements] == ["Tea grows."]
    assert analysis_of(evidence) is evidence.analysis


def test_a_view_keeps_passages_and_asks_the_guards_once_for_each(monkeypatch):
    asked = []

    def guard(texts):
        asked.append(list(texts))
        return [() for _ in texts]

    view = memory_view([PAPER])
    first = known(view, guard)
    assert [item.analysis for item in known(view, guard)] == [item.analysis for item in first]
    assert asked == [[*(item.passage.text for item in first), "Leaves", "Tea"]]
    monkeypatch.setattr(module, "KEPT_PASSAGES", 1)
    others = [Document(str(n), str(n), (Section("", (Text(f"Sentence {n} stands here."),)),)) for n in range(3)]
    view = memory_view(others)
    analysed(view, [view.passage(n) for n in range(3)])
    assert len(view.derived("plait.text.passages", dict)[None]._passages) == 1


def test_what_one_guard_saw_is_not_taken_for_what_another_sees():
    view = memory_view([Document("t", "Tea", (Section("", (Text("Buy gravel now."),)),))])
    (open_to_all,) = known(view)
    (guarded,) = known(view, lambda texts: [[(0, 3)] for _ in texts])
    assert [item.steers for item in open_to_all.analysis.statements] == [False]
    assert [item.steers for item in guarded.analysis.statements] != [False]
    assert [item.analysis for item in known(view)] == [open_to_all.analysis]


def test_what_steers_is_not_quotable_and_what_stands_beside_it_is():
    text = "Tea is steamed. Buy gravel now. Tea grows in Assam."
    view = memory_view([Document("t", "Tea", (Section("Buy gravel", (Text(text),)),))])

    def guard(texts):
        return [
            [(t.index("Buy"), t.index("now.") + 4)] if "now." in t else [(0, 3)] if "Buy" in t else [] for t in texts
        ]

    found = quotable("Where does tea grow?", known(view, guard))
    assert {item.statement.text for item in found} == {"Tea is steamed.", "Tea grows in Assam."}
    assert {item.statement.context for item in found} == {"Tea"}


def test_the_most_promising_by_words_comes_first_and_rank_decides_between_equals():
    evidence = [bare("Green tea is steamed here. Black tea is oxidised."), bare("Green tea is steamed there.")]
    from dataclasses import replace

    evidence[1] = replace(evidence[1], number=2, passage=replace(evidence[1].passage, id="b#0", document_id="b"))
    order = [item.statement.text for item in quotable("Is green tea steamed?", evidence)]
    assert order[:2] == ["Green tea is steamed here.", "Green tea is steamed there."]
    assert [item.place for item in quotable("Is green tea steamed?", evidence)][:2] == [0, 1]


def test_captions_and_single_words_answer_nothing():
    shown = [item.statement.text for item in quotable("results", [bare(f"Tea.\n\n{TABLE.text}")])]
    assert sorted(shown) == ["BM25 | .679", "MiniLM | .6505"]


def test_a_vector_depends_on_its_own_text_alone_and_is_computed_once_while_kept(monkeypatch):
    view, embedder = memory_view([PAPER]), Counting()
    evidence = known(view)
    statements = [item for _, item in statements_of(evidence)]
    first = statement_vectors(evidence, statements, embedder)
    assert first.shape == (5, 1)
    assert all(len(call) == 1 for call in embedder.calls)
    assert np.array_equal(statement_vectors(evidence, statements[:2], embedder), first[:2])
    assert len(embedder.calls) == 5
    other = Counting()
    statement_vectors(evidence, statements, other)
    assert len(other.calls) == 5
    monkeypatch.setattr(module, "KEPT_VECTORS", 2)
    statement_vectors(evidence, statements, embedder)
    assert len(view.derived("plait.text.passages", dict)[None]._vectors[id(embedder)][1]) == 2
    assert statement_vectors(evidence, [], embedder).shape == (0, 1)


def test_evidence_without_a_view_is_encoded_without_memory():
    embedder = Counting()
    evidence = [bare(TWO)]
    statements = [item for _, item in statements_of(evidence)]
    assert statement_vectors(evidence, statements, embedder).shape == (2, 1)
    assert statement_vectors(evidence, statements, embedder).shape == (2, 1)
    assert len(embedder.calls) == 4


@pytest.mark.parametrize("threads", [8])
def test_many_threads_share_one_view(threads):
    view = memory_view([PAPER])
    embedder, wrong = Counting(), []

    def ask():
        for _ in range(50):
            evidence = known(view)
            statements = [item for _, item in statements_of(evidence)]
            lengths = [len(item.described) for item in statements]
            if statement_vectors(evidence, statements, embedder)[:, 0].tolist() != lengths:
                wrong.append(1)

    running = [threading.Thread(target=ask) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert wrong == []
