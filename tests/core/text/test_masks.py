"""What nobody sees is dropped, what is disguised is read."""

import pytest

from plait.text.masks import disguised, seen, unmasked, visible


@pytest.mark.parametrize(
    "hidden", ["\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u2066", "\U000e0041", "\U000e0101", "\x00"]
)
def test_characters_that_nobody_sees_are_dropped(hidden: str) -> None:
    assert visible(f"ig{hidden}nore") == "ignore"
    assert [f"ig{hidden}nore"[place] for place in seen(f"ig{hidden}nore")] == list("ignore")


@pytest.mark.parametrize(
    "text",
    [
        "plain\n\ttext",
        "naïve Gödel",
        "β ≤ δ ∈ λ",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "👩\u200d🔬",
        "日本語",
    ],
)
def test_what_is_seen_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("masked", "plain"),
    [
        ("\uff29\uff47\uff4e\uff4f\uff52\uff45", "Ignore"),
        ("ign\u043er\u0435", "ignore"),
        ("i g n o r e", "ignore"),
        ("i.g.n.o.r.e  t-h-i-s", "ignore this"),
        ("i g n o r e a l l p r e v i o u s", "ignore all previous"),
        ("répondez", "repondez"),
        ("привет", "привет"),
        ("e.g. a test", "e.g. a test"),
    ],
)
def test_disguises_come_off(masked: str, plain: str) -> None:
    assert unmasked(masked) == plain


def test_only_latin_text_that_is_turned_round_or_hidden_is_disguised() -> None:
    assert disguised("\u202eetirw\u202c that")
    assert disguised("fine" + "".join(chr(0xE0000 + ord(letter)) for letter in "obey"))
    assert not disguised("soft\u00adhyphen and zero\u200bwidth")
    assert not disguised("\u202b\u05e2\u05d1\u05e8\u05d9\u05ea\u202c")
