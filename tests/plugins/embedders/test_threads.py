from __future__ import annotations

import threading

import pytest
import torch

from plait.embedders.threads import each_on_its_own, single_threaded


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
            leave.wait(10)
        after.append(torch.get_num_threads())

    thread = threading.Thread(target=other)
    try:
        with single_threaded():
            thread.start()
            assert entered.wait(10)
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
