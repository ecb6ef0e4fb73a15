"""Against BM25 worked out passage by passage in plain Python."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.contracts import Column, Document, IndexView, Passage, Query, Section, Text
from plait.retrievers.lexical import ENGLISH_STOP_WORDS, Analyser, Config, Impacts, Lexical, best_rows
from plait.testing import MemoryView, memory_view
from plait.testing.conformance import RetrieverConformance
from plait.testing.memory import postings

DOCUMENTS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=12), min_size=1, max_size=15)


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


def reference(documents: list[list[str]], query: list[str], k1: float, b: float) -> list[float]:
    """Lucene's BM25, straight from the formula."""
    mean = sum(map(len, documents)) / len(documents) or 1.0
    scores = [0.0] * len(documents)
    for term in query:
        having = sum(term in document for document in documents)
        for row, document in enumerate(documents):
            often = document.count(term)
            if often:
                idf = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
                scores[row] += idf * often / (often + k1 * (1 - b + b * len(document) / mean))
    return scores


def impacts(documents: list[list[str]], k1: float, b: float) -> Impacts:
    column = postings([{term: float(document.count(term)) for term in document} for document in documents])
    return Impacts.of(column, len(documents), k1, b)


@given(DOCUMENTS, st.lists(st.sampled_from("abcdefgz"), max_size=6), st.floats(0, 3), st.floats(0, 1))
def test_scores_equal_the_formula(documents: list[list[str]], query: list[str], k1: float, b: float) -> None:
    expected = reference(documents, query, k1, b)
    np.testing.assert_allclose(impacts(documents, k1, b).scores(query), expected, rtol=1e-5, atol=1e-6)


def chapters(*documents: Sequence[str]) -> list[Document]:
    """Documents with a block, and so a passage, for each text."""
    return [Document(f"d{i}", "", (Section("", tuple(map(Text, texts))),)) for i, texts in enumerate(documents)]


CHAPTERS = st.lists(st.lists(st.lists(st.sampled_from("bcdefg"), min_size=1, max_size=6), min_size=1, max_size=3), min_size=1, max_size=6)  # fmt: skip  # noqa: E501


@given(CHAPTERS, st.lists(st.sampled_from("bcdz"), min_size=1, max_size=4), st.floats(0.1, 3))
def test_a_passage_has_its_share_of_the_whole_documents_score(
    documents: list[list[list[str]]], query: list[str], share: float
) -> None:
    lexical = Lexical(Config(stop_words=(), stemmer="none", document_weight=share))
    view = memory_view(chapters(*([" ".join(words) for words in texts] for texts in documents)), [lexical])
    passages = reference([words for texts in documents for words in texts], query, 1.2, 0.75)
    wholes = reference([[word for words in texts for word in words] for texts in documents], query, 1.2, 0.75)
    added = 0.0 if len(view) == len(documents) else share
    owners = [number for number, texts in enumerate(documents) for _ in texts]
    expected = [own + added * wholes[owner] for own, owner in zip(passages, owners, strict=True) if own > 0]
    hits = lexical.retrieve(Query(" ".join(query)), view, len(view))
    np.testing.assert_allclose([hit.score for hit in hits], sorted(expected, reverse=True), rtol=1e-4)


def test_what_stands_in_other_passages_of_a_document_speaks_for_it() -> None:
    lexical = Lexical(Config())
    view = memory_view(chapters(["knot one", "sail"], ["braid two", "rope"], ["braid three", "cord"]), [lexical])
    assert found(Lexical(Config(document_weight=0.0)), view, "braid cord", 3)[0] == "d2"
    assert found(lexical, view, "rope braid", 3)[:2] == ["d1", "d1"]


def test_the_run_counts_more_the_longer_documents_are() -> None:
    lexical = Lexical(Config())
    assert lexical.own_weight(memory_view(chapters(["rope", "sail"], ["knot", "cord"]), [lexical])) == 1.125
    assert 1.9 < lexical.own_weight(memory_view(chapters(["rope"] * 40), [lexical])) < 2.0
    assert lexical.own_weight(memory_view(corpus("rope", "knot"), [lexical])) == 1.0
    assert lexical.own_weight(memory_view([], [lexical])) == 1.0
    without = Lexical(Config(document_weight=0.0))
    assert without.own_weight(memory_view(chapters(["rope", "sail"]), [without])) == 1.0


def test_passages_without_terms_count_in_the_collection_and_its_mean_length() -> None:
    few, more = [["a", "b"], ["b"]], [["a", "b"], ["b"], [], []]
    assert impacts(more, 1.2, 0.75).scores(["a"])[0] != impacts(few, 1.2, 0.75).scores(["a"])[0]
    assert impacts(more, 1.2, 0.75).scores(["a"]) == pytest.approx(reference(more, ["a"], 1.2, 0.75))


@given(st.lists(st.integers(-1, 3), max_size=30), st.integers(0, 35))
def test_the_best_rows_are_those_of_a_full_sort(values: list[int], k: int) -> None:
    scores = np.array(values, dtype=np.float32)
    expected = [row for row in sorted(range(len(values)), key=lambda row: (-values[row], row)) if values[row] > 0][:k]
    assert best_rows(scores, k).tolist() == expected


def terms(text: str, stemmer: str | None = None) -> list[str]:
    return Analyser(stemmer, ENGLISH_STOP_WORDS).terms(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cat AND the dog", ["cat", "dog"]),
        ("GPT-4", ["gpt", "4", "gpt4"]),
        ("nDCG@10", ["ndcg", "10", "ndcg10"]),
        ("state-of-the-art", ["state", "art"]),
        ("p53, IL-6 (n=17)", ["p53", "il", "6", "il6", "n", "17"]),
        ("0.679 3.14.15 1,000", ["0.679", "3.14.15", "1000"]),
        ("v2.0b", ["v2", "0b", "v20b"]),
        ("Müller's naïve CAFÉ, don\u2019t", ["muller", "naive", "cafe", "don't"]),
        ("Straße ﬁne", ["strasse", "fine"]),
        ("arXiv:2004.12832", ["arxiv", "2004.12832"]),
        ("snake_case", ["snake", "case"]),
        ("中文 текст", ["中文", "текст"]),
        ("?! \u0000 🧵", []),
        ("x" * 65, []),
    ],
)
def test_text_becomes_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_spellings_of_one_name_share_a_term() -> None:
    for one, other in [("GPT-4", "GPT4"), ("nDCG@10", "ndcg10"), ("COVID-19", "covid19")]:
        assert set(terms(one)) & set(terms(other)), (one, other)


def test_word_forms_share_a_stem() -> None:
    assert terms("retrieval retrieving retrieved", "english") == ["retriev"] * 3


def test_stop_words_are_compared_before_stemming() -> None:
    assert Analyser("english", ["retrieval"]).terms("retrieval retrieving") == ["retriev"]


def test_an_unknown_language_is_refused_with_the_choices() -> None:
    from plait.contracts.errors import ConfigError

    with pytest.raises(ConfigError, match="english"):
        Analyser("klingon", ())
