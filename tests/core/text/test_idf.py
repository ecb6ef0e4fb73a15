from plait.contracts import Document, Section, Text
from plait.testing.memory import memory_view
from plait.text.idf import idf_in


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
