from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plait.embedders.batching import token_batches


@given(st.lists(st.integers(0, 300)), st.integers(1, 1_000))
def test_every_position_stands_in_exactly_one_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(token_batches(lengths, budget))
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[position] for position in batch) <= budget


def test_texts_of_like_length_stand_together() -> None:
    assert list(token_batches([9, 1, 8, 2], budget=18)) == [[0, 2], [3, 1]]
