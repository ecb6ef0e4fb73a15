from __future__ import annotations

import pytest

from plait.retrievers.analysis import ENGLISH_STOP_WORDS, Analyser


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
