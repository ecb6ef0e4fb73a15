from __future__ import annotations

from plait.contracts import Hit, Strand
from plait.rankers.reordering import reorder, spread

HITS = [
    Hit(f"{name}#0", name, 1.0 - row / 10, row, (Strand("dense", row + 1, 0.5, 0.1),))
    for row, name in enumerate("abcd")
]


def test_what_retrieval_said_stays_beside_what_the_ranker_says() -> None:
    first = reorder("r", HITS, [0.2, 0.9], [2.0, 9.0])[0]
    assert first.strands == (Strand("dense", 2, 0.5, 0.1), Strand("r", 1, 0.9, 9.0))


def test_scores_fall_all_the_way_down() -> None:
    scores = [hit.score for hit in reorder("r", HITS, [0.1, 0.1], [-5.0, -7.0])]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == 4


def test_equal_scores_keep_the_order() -> None:
    assert [hit.document_id for hit in reorder("r", HITS, [0.5] * 4, [1.0] * 4)] == list("abcd")


def test_nothing_spreads_to_nothing() -> None:
    assert spread([]) == []
    assert spread([3.0, 3.0]) == [1.0, 1.0]
