"""Titles are found by equality, by nearness and inside text."""

from __future__ import annotations

import time

import numpy as np
import pytest

from plait.docgraph.titles import LEAST_DICE, TitleIndex


def _index(*titles: str) -> TitleIndex:
    index = TitleIndex()
    for title in titles:
        index.add(title)
    return index


def test_the_longest_title_in_a_text_is_taken() -> None:
    index = _index("Dense passage retrieval", "Dense passage retrieval for open-domain question answering")
    assert index.within("Karpukhin: Dense Passage Retrieval for Open-Domain Question Answering. EMNLP") == [1]
    assert index.within("Karpukhin V. Dense passage re- trieval, 2020") == [0]


def test_a_title_stands_in_a_text_only_as_whole_words() -> None:
    index = _index("Learning to rank trees")
    assert index.within("On learning to rank treestructures") == ()
    assert index.within("Unlearning to rank trees") == ()


def test_short_titles_are_not_looked_for_in_text() -> None:
    assert _index("Attention").within("Attention is all you need") == ()


@pytest.mark.parametrize(
    ("wanted", "known"),
    [
        ("Algorithms for braids part one 123", "Algorithms for braids part one 124"),
        ("A theory of long braids part I", "A theory of long braids part II"),
        ("Braids", "Braid"),
        ("Three word title", "Three word titel"),
    ],
)
def test_titles_that_differ_in_a_number_or_are_short_are_not_near(wanted: str, known: str) -> None:
    assert _index(known).near(wanted) == []


def test_near_finds_exactly_what_comparing_with_all_finds() -> None:
    dice = np.random.default_rng(0)
    vocabulary = [f"w{letter}" for letter in "abcdefghijklmnopq"]
    titles = [" ".join(dice.choice(vocabulary, dice.integers(4, 10), replace=False)) for _ in range(300)]
    index = _index(*titles)
    for wanted in titles[:60]:
        a = set(wanted.split())
        expected = {
            number
            for number, title in enumerate(titles)
            if 2 * len(a & set(title.split())) / (len(a) + len(set(title.split()))) >= LEAST_DICE
        }
        assert {number for _, number in index.near(wanted)} == expected


def test_looking_up_in_a_hundred_thousand_titles_is_fast() -> None:
    dice = np.random.default_rng(0)
    vocabulary = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in map(chr, range(97, 123))]
    index = _index(*(" ".join(row) for row in dice.choice(vocabulary, (100_000, 8))))
    start = time.process_time()
    for _ in range(200):
        index.near(" ".join(dice.choice(vocabulary, 8)))
        index.within(" ".join(dice.choice(vocabulary, 40)))
    assert (time.process_time() - start) / 200 < 0.02


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("Doe J. Machine learning methods. Nature 2019.", True),
        ("Doe J (2019) Machine learning methods, Nature", True),
        ("\u201cMachine learning methods,\u201d Nature", True),
        ('Doe: "Machine learning methods" in Nature', True),
        ("Doe J Machine learning methods 2019", True),
        ("Doe 2019 Machine learning methods (Nature)", True),
        ("Machine learning methods", True),
        ("Doe J. Machine learning methods for protein folding. Nature 2019.", False),
        ("Doe J. Towards machine learning methods. Nature 2019.", False),
        ("Doe J. Machine learning methods: a survey. 2019.", False),
        ("Doe J. Machine learning methods-based control. 2019.", False),
    ],
)
def test_a_title_stands_in_a_text_only_where_it_begins_and_ends(text: str, stands: bool) -> None:
    assert _index("Machine learning methods").within(text) == ([0] if stands else ())


def test_a_removed_title_is_found_no_more_and_hides_no_other() -> None:
    index = _index("Dense passage retrieval", "Dense passage retrieval for open domains", "Dense passage retrieval")
    index.remove(1)
    index.remove(0)
    assert index.within("Dense passage retrieval.") == [2]
    assert index.near("Dense passage retrieval for open domain") == []
    index.remove(2)
    assert index.within("Dense passage retrieval.") == ()
    assert index.equal("Dense passage retrieval") == ()
