"""The chunker ``sections`` keeps every character, in order, along the sections."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.chunkers.lengths import count_words
from plait.chunkers.sections import Config, SectionChunker
from plait.contracts import Chunker, Document, Equation, Figure, Passage, Section, Table, Text


def chunk(document: Document, **settings: int | bool) -> list[Passage]:
    return list(SectionChunker(Config(**settings)).chunk(document))


def words(count: int, word: str = "word") -> str:
    return " ".join([word] * count)


def sentences(count: int, each: int = 10) -> str:
    return " ".join("Here " + words(each - 2) + " end." for _ in range(count))


PROSE = st.text(alphabet=st.sampled_from("ab AB.,\n?1|$漢"), max_size=120)
CELLS = st.lists(st.text(alphabet="ab 1", max_size=8), min_size=1, max_size=3).map(tuple)
BLOCKS = st.one_of(
    PROSE.map(Text),
    PROSE.map(Equation),
    st.builds(Figure, st.just("a.png"), PROSE),
    st.builds(Table, CELLS, st.lists(CELLS, max_size=12).map(tuple), st.text(alphabet="ab \n", max_size=20)),
)
SECTIONS = st.builds(
    Section,
    st.text(alphabet="AB c", max_size=6),
    st.lists(BLOCKS, max_size=4).map(tuple),
    st.integers(1, 3),
    st.sampled_from(["body", "abstract"]),
)
DOCUMENTS = st.builds(
    Document, st.just("d"), st.text(alphabet="Title .", max_size=12), st.lists(SECTIONS, max_size=5).map(tuple)
)


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS, st.integers(16, 60), st.integers(0, 40), st.integers(0, 2), st.booleans())
def test_passages_are_exact_cover_every_block_and_stand_in_order(
    document: Document, max_words: int, min_words: int, overlap: int, separate: bool
) -> None:
    passages = chunk(
        document, max_words=max_words, min_words=min_words, overlap_sentences=overlap, separate_tables=separate
    )
    covered = [False] * len(document.text)
    for ordinal, passage in enumerate(passages):
        assert passage.ordinal == ordinal
        assert passage.id == f"d#{ordinal}"
        assert passage.text == document.text[passage.start : passage.end]
        assert passage.text.strip()
        covered[passage.start : passage.end] = [True] * (passage.end - passage.start)
    ends = [passage.end for passage in passages]
    starts = [passage.start for passage in passages]
    assert starts == sorted(starts)
    assert ends == sorted(ends)
    if not overlap:
        assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    for block in document.placed():
        for position in range(block.start, block.end):
            assert covered[position] or document.text[position].isspace()
    assert bool(passages) == bool(document.text.strip())


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS, st.integers(16, 60))
def test_no_passage_is_longer_than_asked(document: Document, max_words: int) -> None:
    for passage in chunk(document, max_words=max_words, min_words=0):
        assert count_words(passage.text) <= max_words + 1  # bars of a table row are counted apart when it is cut


def test_it_satisfies_the_contract() -> None:
    assert isinstance(SectionChunker(), Chunker)


def test_a_short_document_is_one_passage_under_its_title() -> None:
    document = Document("d", "On braids", (Section("", (Text(sentences(15)), Text(sentences(10)))),))
    (passage,) = chunk(document)
    assert passage.context == "On braids"
    assert passage.text == sentences(15) + "\n\n" + sentences(10)


def test_a_document_with_only_a_title_is_one_passage_without_context() -> None:
    (passage,) = chunk(Document("d", "On braids", ()))
    assert (passage.start, passage.end, passage.text, passage.context) == (0, 9, "On braids", "")


def test_a_document_without_any_text_has_no_passages() -> None:
    assert chunk(Document("d", "", ())) == []
    assert chunk(Document("d", " ", (Section("", (Text("\n"),)),))) == []


def test_long_paragraphs_are_cut_at_sentences_into_even_passages() -> None:
    document = Document("d", "T", (Section("", (Text(sentences(50)),)),))
    passages = chunk(document, max_words=300)
    assert [count_words(passage.text) for passage in passages] == [250, 250]
    assert all(passage.text.endswith("end.") for passage in passages)


def test_cuts_fall_between_paragraphs_rather_than_inside() -> None:
    paragraphs = tuple(Text(sentences(count)) for count in (11, 9, 12, 10))
    passages = chunk(Document("d", "T", (Section("", paragraphs),)), max_words=230)
    assert [passage.text.count("\n\n") for passage in passages] == [1, 1]


def test_one_sentence_beyond_the_limit_is_cut_at_words() -> None:
    passages = chunk(Document("d", "T", (Section("", (Text(words(100)),)),)), max_words=40)
    assert [count_words(passage.text) for passage in passages] == [34, 34, 32]


def test_a_run_without_any_space_is_cut_as_well() -> None:
    passages = chunk(Document("d", "T", (Section("", (Text("A" * 10_000),)),)), max_words=40)
    assert max(len(passage.text) for passage in passages) <= 40 * 48
    assert "".join(passage.text for passage in passages) == "A" * 10_000


def test_sections_are_not_mixed_and_their_path_is_the_context() -> None:
    document = Document(
        "d",
        "T",
        (
            Section("Method", (Text(sentences(8)),)),
            Section("Data", (Text(sentences(8)),), level=2),
            Section("Results", (Text(sentences(8)),)),
        ),
    )
    assert [passage.context for passage in chunk(document)] == ["T > Method", "T > Method > Data", "T > Results"]


def test_tiny_neighbours_under_one_parent_are_merged_with_their_headings() -> None:
    document = Document(
        "d",
        "T",
        (
            Section("Method", (), level=1),
            Section("Data", (Text("We took ten."),), level=2),
            Section("Loss", (Text("We took two."),), level=2),
            Section("Other", (Text("Far away."),), level=1),
        ),
    )
    first, second = chunk(document)
    assert first.text == "Data\n\nWe took ten.\n\nLoss\n\nWe took two."
    assert first.context == "T > Method"
    assert (second.text, second.context) == ("Far away.", "T > Other")


def test_an_abstract_is_never_merged_with_the_body() -> None:
    document = Document(
        "d", "T", (Section("Abstract", (Text("Short."),), role="abstract"), Section("Intro", (Text("Also."),)))
    )
    assert [passage.text for passage in chunk(document)] == ["Short.", "Also."]


def test_tables_and_figures_are_passages_of_their_own() -> None:
    table = Table(("model", "score"), (("BM25", ".68"),), caption="SciFact")
    document = Document(
        "d", "T", (Section("R", (Text(sentences(6)), table, Figure("a.png", "A braid"), Text(sentences(6)))),)
    )
    assert [passage.kind for passage in chunk(document)] == ["text", "table", "figure", "text"]


def test_a_table_stays_with_the_text_when_asked() -> None:
    table = Table(("model", "score"), (("BM25", ".68"),))
    document = Document("d", "T", (Section("R", (Text("One."), table, Text("Two."))),))
    assert [passage.kind for passage in chunk(document, separate_tables=False)] == ["text"]


def test_a_big_table_is_cut_between_rows_and_repeats_its_header_as_context() -> None:
    rows = tuple((f"model {i}", f".{i}") for i in range(100))
    table = Table(("model", "score"), rows, caption="Scores on SciFact")
    passages = chunk(Document("d", "T", (Section("Results", (table,)),)), max_words=64)
    assert len(passages) > 5
    assert passages[0].text.startswith("Scores on SciFact\nmodel | score\nmodel 0 | .0")
    for passage in passages[1:]:
        assert passage.context == "T > Results\nScores on SciFact\nmodel | score"
        assert passage.text.startswith("model ")
        assert passage.text.split("\n")[-1].count(" | ") == 1


def test_equations_stay_with_the_text_around_them() -> None:
    blocks = (Text(sentences(14)), Equation("z = t + g"), Text("where g is structure. " + sentences(14)))
    passages = chunk(Document("d", "T", (Section("", blocks),)), max_words=200)
    assert len(passages) == 2
    assert any("z = t + g\n\nwhere" in p.text or (p.text.endswith("z = t + g") and len(p.text) > 50) for p in passages)


def test_a_section_of_only_an_equation_is_an_equation() -> None:
    (passage,) = chunk(Document("d", "T", (Section("Loss", (Equation("a = b"),)),)))
    assert passage.kind == "equation"


def test_overlap_repeats_whole_sentences_of_the_same_section_only() -> None:
    text = " ".join(f"Sentence {i} " + words(8) + "." for i in range(20))
    document = Document("d", "T", (Section("A", (Text(text),)), Section("B", (Text(text),))))
    passages = chunk(document, max_words=110, overlap_sentences=1)
    assert len(passages) == 4
    assert passages[1].start < passages[0].end
    assert passages[2].start > passages[1].end
    assert passages[1].text.startswith("Sentence 9 ")


def test_the_title_is_not_repeated_by_a_heading_that_equals_it() -> None:
    document = Document("d", "Braids", (Section("Braids", (Text("x y"),)),))
    assert chunk(document)[0].context == "Braids"


@pytest.mark.parametrize("count", [20_000])
def test_a_long_section_is_packed_in_reasonable_time(count: int) -> None:
    document = Document("d", "T", (Section("", (Text(sentences(count, 6)),)),))
    assert len(chunk(document)) >= count * 6 // 320
