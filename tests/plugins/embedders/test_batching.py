from __future__ import annotations

import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from plait.embedders.batching import each_on_its_own, pool, single_threaded, token_batches
from plait.embedders.model_folder import Pooling


@given(st.lists(st.integers(0, 300)), st.integers(1, 1_000))
def test_every_position_stands_in_exactly_one_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(token_batches(lengths, budget))
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[position] for position in batch) <= budget


def test_texts_of_like_length_stand_together() -> None:
    assert list(token_batches([9, 1, 8, 2], budget=18)) == [[0, 2], [3, 1]]


STATES = torch.tensor([[[1.0, 0.0], [3.0, 4.0], [9.0, 9.0]], [[9.0, 9.0], [5.0, 1.0], [7.0, 3.0]]])
RIGHT_AND_LEFT = torch.tensor([[1, 1, 0], [0, 1, 1]])


@pytest.mark.parametrize(
    ("how", "expected"),
    [("mean", [[2.0, 2.0], [6.0, 2.0]]), ("cls", [[1.0, 0.0], [5.0, 1.0]]), ("last", [[3.0, 4.0], [7.0, 3.0]])],
)
def test_padding_on_either_side_is_left_out(how: Pooling, expected: list[list[float]]) -> None:
    assert pool(STATES, RIGHT_AND_LEFT, how).tolist() == expected


def test_bfloat16_states_are_summed_in_float32() -> None:
    states = torch.full((1, 1_000, 1), 1.0, dtype=torch.bfloat16)
    states[0, 0, 0] = 3.0
    assert pool(states, torch.ones(1, 1_000), "mean").item() == pytest.approx(1.002, abs=1e-5)


def test_torch_gets_its_threads_back_after_the_last_leaves() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with single_threaded() as outer, single_threaded() as inner:
            assert (outer, inner, torch.get_num_threads()) == (3, 3, 1)
        assert torch.get_num_threads() == 3
        with pytest.raises(ValueError, match="inside"), single_threaded():
            raise ValueError("inside")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_each_thread_gets_its_threads_back_whoever_leaves_last() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    entered, leave = threading.Event(), threading.Event()
    after: list[int] = []

    def other() -> None:
        with single_threaded():
            entered.set()
            leave.wait(60)
        after.append(torch.get_num_threads())

    thread = threading.Thread(target=other)
    try:
        with single_threaded():
            thread.start()
            assert entered.wait(60)
        assert torch.get_num_threads() == 3
        leave.set()
        thread.join()
        assert torch.get_num_threads() == 3
        assert after == [3]
    finally:
        leave.set()
        torch.set_num_threads(before)


def test_workers_use_one_thread_each() -> None:
    seen: list[int] = []
    with single_threaded():
        each_on_its_own(lambda _: seen.append(torch.get_num_threads()), range(8), workers=2)
    assert seen == [1] * 8


def test_every_item_is_worked_on_once() -> None:
    done: list[int] = []
    lock = threading.Lock()

    def work(item: int) -> None:
        with lock:
            done.append(item)

    each_on_its_own(work, range(50), workers=4)
    assert sorted(done) == list(range(50))


def test_an_error_in_a_worker_reaches_the_caller() -> None:
    def work(item: int) -> None:
        if item == 3:
            raise ValueError("third")

    with pytest.raises(ValueError, match="third"):
        each_on_its_own(work, range(5), workers=2)
