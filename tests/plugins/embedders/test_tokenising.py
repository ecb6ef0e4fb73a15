"""Tokens from the file alone and through transformers, with the places where they start."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoTokenizer, ByT5Tokenizer

from plait.embedders.tokenising import FileTokeniser, LibraryTokeniser

TEXTS = [
    "BM25 weighs a term by how often it occurs.",
    "Größe, naïve café — 中文 🧵 don't U.S. e.g. p<0.05",
    "",
    "long " * 700,
    "tab\tand\nnewline\x00 and [MASK] or [SEP]",
]


def test_the_tokenizer_file_alone_gives_the_numbers_of_transformers(minilm_folder: Path) -> None:
    theirs = AutoTokenizer.from_pretrained(minilm_folder)(TEXTS)["input_ids"]
    assert FileTokeniser(minilm_folder)(TEXTS) == theirs
    assert LibraryTokeniser(minilm_folder)(TEXTS) == theirs


def test_tokens_start_where_their_text_does(minilm_folder: Path) -> None:
    for tokeniser in (FileTokeniser(minilm_folder), LibraryTokeniser(minilm_folder)):
        (starts,) = tokeniser.starts(["braided  strands,\nno knot"])
        assert starts.tolist() == [0, 5, 9, 16, 18, 21]
        for text, places in zip(TEXTS, tokeniser.starts(TEXTS), strict=True):
            assert len(places) == len(tokeniser([text])[0]) - 2


def test_a_tokenizer_that_tells_no_places_has_those_of_its_words(tmp_path: Path) -> None:
    ByT5Tokenizer().save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    tokeniser = LibraryTokeniser(tmp_path)
    assert tokeniser.starts(["ab c", ""])[0].tolist() == [0, 0, 3]
    assert [len(own) for own in tokeniser(["ab c"])] == [5]
