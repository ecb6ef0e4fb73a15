from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.index.rows import postings

bags = st.lists(
    st.dictionaries(st.text("abcé", min_size=1, max_size=2), st.floats(0, 9, width=32), max_size=5), max_size=12
)


@given(bags, st.randoms(use_true_random=False), st.integers(1, 4))
@settings(deadline=None)
def test_postings_hold_every_weight_at_its_row(bags: list[dict[str, float]], random: object, chunks: int) -> None:
    target = np.random.default_rng(random.randint(0, 99)).permutation(len(bags))  # type: ignore[attr-defined]  # Random
    cut = [bags[i::chunks] for i in range(chunks)]
    order = [row for i in range(chunks) for row in range(len(bags))[i::chunks]]
    text = pa.large_list(pa.large_string())
    terms = pa.chunked_array([pa.array([list(bag) for bag in part], text) for part in cut])
    weights = pa.chunked_array(
        [pa.array([list(bag.values()) for bag in part], pa.large_list(pa.float32())) for part in cut]
    )
    column = postings(terms, weights, target[order].astype(np.int64))
    found: dict[int, dict[str, float]] = {}
    for term, i in column.vocabulary.items():
        rows = column.rows[column.indptr[i] : column.indptr[i + 1]]
        assert len(rows) > 0
        assert (np.diff(rows) > 0).all()
        for row, weight in zip(rows, column.weights[column.indptr[i] : column.indptr[i + 1]], strict=True):
            found.setdefault(int(row), {})[term] = float(weight)
    assert found == {int(target[row]): bag for row, bag in enumerate(bags) if bag}
    assert list(column.vocabulary) == sorted(column.vocabulary, key=str.encode)


def test_a_million_postings_take_no_python_loop() -> None:
    rows, width = 12_500, 80
    words = pa.array([f"w{n}" for n in range(30_000)], pa.large_string())
    picks = np.random.default_rng(0).integers(0, 30_000, rows * width)
    offsets = np.arange(0, rows * width + 1, width)
    terms = pa.LargeListArray.from_arrays(offsets, words.take(pa.array(picks)))
    weights = pa.LargeListArray.from_arrays(offsets, pa.array(np.ones(rows * width, dtype=np.float32)))
    start = time.process_time()
    column = postings(pa.chunked_array([terms]), pa.chunked_array([weights]), np.arange(rows))
    # A loop over a million postings takes about 0.5 s at the very least; this takes 0.2 s, here with room.
    assert time.process_time() - start < 1.0
    assert column.indptr[-1] == rows * width
