"""Packing finds the cheapest cuts."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from plait.chunkers.passage_breaks import Unit, pack

UNITS = st.lists(st.tuples(st.integers(1, 20), st.sampled_from([0.0, 0.1, 0.5])), min_size=1, max_size=9)
LIMIT = 25


def cost(units: list[Unit], sizes: list[int], cuts: list[int]) -> float:
    """The cost of cutting before the units in ``cuts``, written down independently of the algorithm."""
    total = sum(units[cut].price for cut in cuts)
    for first, last in pairwise([0, *cuts, len(units)]):
        words = sum(sizes[first:last])
        if words > LIMIT:
            return float("inf")
        total += ((LIMIT - words) / LIMIT) ** 2
    return total


@given(UNITS)
def test_no_other_way_of_cutting_is_cheaper(drawn: list[tuple[int, float]]) -> None:
    units = [Unit(index, index + 1, price) for index, (_, price) in enumerate(drawn)]
    sizes = [size for size, _ in drawn]
    ranges = pack(units, lambda first, last: sum(sizes[first:last]) / LIMIT)
    assert [first for first, _ in ranges] == [0, *(last for _, last in ranges[:-1])]
    assert ranges[-1][1] == len(units)
    places = range(1, len(units))
    every = [[place for place in places if mask >> place & 1] for mask in range(0, 2 ** len(units), 2)]
    least = min(cost(units, sizes, cuts) for cuts in every)
    assert abs(cost(units, sizes, [last for _, last in ranges[:-1]]) - least) < 1e-9


def test_nothing_gives_nothing() -> None:
    assert pack([], lambda first, last: 1.0) == []
