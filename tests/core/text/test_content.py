import pytest

from plait.contracts import Document, Section, Text
from plait.testing.memory import memory_view
from plait.text.content import STOP_WORDS, content_words, idf_in, stem, stems, words


def test_every_word_stands_at_its_place():
    text = "The nDCG@10 of BM25 isn't Müller's best."
    for word in words(text):
        assert text[word.start : word.end] == word.text


def test_names_with_digits_stay_whole_and_numbers_are_no_content():
    assert stems("BM25 reaches nDCG@10 of 0.65 in 2019 with 2DMSE") == ["bm25", "reach", "ndcg@10", "2dmse"]


@pytest.mark.parametrize("word", ["BM25", "SciFact", "DSE"])
def test_names_are_recognised_also_at_the_beginning(word):
    assert next(words(f"{word} wins.")).named


def test_a_capital_that_only_opens_a_sentence_is_no_name():
    named = {word.text: word.named for word in words("Fusion helps. Structure helps Paris.")}
    assert named == {"Fusion": False, "helps": False, "Structure": False, "Paris": True}


def test_possessives_and_ligatures_fall_away():
    assert [word.stem for word in content_words("Müller\u2019s eﬀect")] == ["müller", "effect"]


def test_inflected_forms_share_a_stem():
    assert stem("retrieval") == stem("retrieve") == stem("retrieving")


def test_function_words_carry_no_content():
    assert content_words(" ".join(sorted(STOP_WORDS))) == []


def test_an_empty_text_has_no_words():
    assert list(words("")) == []


def _view(texts):
    return memory_view([Document(str(n), "", (Section("", (Text(text),)),)) for n, text in enumerate(texts)])


def test_a_word_in_every_passage_weighs_less_than_one_in_a_single_passage_and_unknown_words_weigh_one():
    weight = idf_in(_view([f"retrieval number{n}x" for n in range(40)]))
    assert weight("retriev") < 0.1 < weight("number7x") < weight("zebra") == 1.0


def test_a_tiny_index_trusts_its_frequencies_little():
    weight = idf_in(_view(["retrieval one thing", "retrieval two things"]))
    assert weight("retriev") > 0.85


def test_frequencies_are_counted_once_per_snapshot(monkeypatch):
    view = _view(["some words here"] * 3)
    idf_in(view)
    monkeypatch.setattr(view, "passage", lambda row: (_ for _ in ()).throw(AssertionError("counted again")))
    idf_in(view)


def test_an_empty_index_gives_every_word_full_weight():
    assert idf_in(_view([]))("anything") == 1.0


def test_it_knows_the_stems_of_the_index_and_no_others():
    weight = idf_in(_view(["Whisper listens"]))
    assert weight.knows("whisper")
    assert not weight.knows("alphafold")
