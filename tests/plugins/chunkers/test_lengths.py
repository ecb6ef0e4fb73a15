"""Lengths in words and in an embedder's own tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plait.chunkers.lengths import Ruler, count_words, tokens_of, words
from plait.chunkers.sections import Config, SectionChunker
from plait.contracts import Document, Section, Table, Text
from plait.embedders.transformers import MiniLM, MiniLMConfig
from plait.testing import LetterEmbedder

PROSE = " ".join(f"Sentence {number} says that a braid of three strands holds." for number in range(200))


@given(st.text(alphabet="ab .,\n漢", max_size=80), st.data())
def test_a_stretch_between_spaces_has_the_words_of_its_own_text(text: str, data: st.DataObject) -> None:
    places = [place for place in range(len(text) + 1) if place in (0, len(text)) or text[place].isspace()]
    start, end = sorted(data.draw(st.tuples(st.sampled_from(places), st.sampled_from(places))))
    assert Ruler(text, [words(7)]).load(start, end) == count_words(text[start:end]) / 7


def test_the_fullest_measure_counts() -> None:
    ruler = Ruler("a, b, c", [words(3), tokens_of(LetterEmbedder(11), 100)])
    assert ruler.load(0, 7) == 1.0  # three words of three; five tokens of ten
    assert ruler.load(0, 3) == 1 / 3
    assert ruler.loads([(0, 2), (3, 5), (6, 7)])(1, 3) == ruler.load(3, 7) == 2 / 3


def test_what_stands_above_takes_its_tokens_but_never_more_than_half() -> None:
    ruler = Ruler("", [tokens_of(LetterEmbedder(21), 100), words(8)])
    assert ruler.rooms() == (20, 8)
    assert ruler.rooms("On braids > Intro") == (16, 8)
    assert ruler.rooms("word " * 50) == (10, 8)


def test_no_passage_is_longer_than_minilm_reads_and_few_are_much_shorter() -> None:
    embedder = MiniLM(MiniLMConfig())
    document = Document("d", "On braids", (Section("A section with a heading of its own", (Text(PROSE),)),))
    passages = SectionChunker().fitted([embedder]).chunk(document)
    lengths = [len(own) for own in embedder.tokeniser()([passage.embedding_text for passage in passages])]
    assert max(lengths) <= 256
    assert sum(lengths) / len(lengths) > 200
    in_words = SectionChunker(Config(max_words=320)).fitted([embedder]).chunk(document)
    assert embedder.coverage([passage.embedding_text for passage in in_words]).windowed == len(in_words)


def test_the_smallest_of_several_embedders_decides() -> None:
    document = Document("d", "On braids", (Section("", (Text(PROSE),)),))
    small, large = LetterEmbedder(40), LetterEmbedder(120)
    both = [passage.text for passage in SectionChunker().fitted([large, small]).chunk(document)]
    assert both == [passage.text for passage in SectionChunker().fitted([small]).chunk(document)]
    assert len(both) > len(SectionChunker().fitted([large]).chunk(document))


def test_the_setting_lowers_what_an_embedder_allows_and_never_raises_it() -> None:
    document = Document("d", "On braids", (Section("", (Text(PROSE),)),))
    embedder = LetterEmbedder(60)

    def cut(most: int) -> list[str]:
        return [passage.text for passage in SectionChunker(Config(max_tokens=most)).fitted([embedder]).chunk(document)]

    assert len(cut(30)) > len(cut(60))
    assert cut(1_000) == cut(60)


def test_a_run_without_a_space_is_no_single_token() -> None:
    """BERT's tokenizer makes one unknown token of it, however long it is."""
    document = Document("d", "", (Section("", (Text("A" * 50_000),)),))
    passages = SectionChunker().fitted([MiniLM(MiniLMConfig())]).chunk(document)
    assert max(len(passage.text) for passage in passages) <= 256 * 48


def test_the_pieces_of_a_table_fit_with_the_header_that_they_repeat() -> None:
    embedder = MiniLM(MiniLMConfig())
    rows = tuple((f"model {number}", f"{number / 7:.5f}", "a remark of some words") for number in range(150))
    table = Table(("name of the model " * 20, "score in per cent", "remark"), rows, "A long caption. " * 40)
    document = Document("d", "On braids", (Section("Results", (table,)),))
    passages = SectionChunker().fitted([embedder]).chunk(document)
    assert len(passages) > 5
    read = embedder.coverage([passage.embedding_text for passage in passages[1:]])
    assert (read.windowed, read.unread) == (0, 0)
