import asyncio
import threading
import time

import pytest

from plait.generators.streaming import in_thread


def test_items_come_in_order_from_another_thread_while_the_loop_goes_on():
    def work(ended):
        for n in range(3):
            time.sleep(0.05)
            yield n, threading.current_thread() is threading.main_thread()

    async def main():
        beats = 0

        async def heart():
            nonlocal beats
            while True:
                await asyncio.sleep(0.005)
                beats += 1

        beating = asyncio.create_task(heart())
        items = [item async for item in in_thread(work)]
        beating.cancel()
        return items, beats

    items, beats = asyncio.run(main())
    assert items == [(0, False), (1, False), (2, False)]
    assert beats >= 5


def test_nothing_runs_ahead_of_who_asks_and_closing_ends_the_work():
    begun, closed = [], []

    def work(ended):
        try:
            for n in range(100):
                begun.append(n)
                yield n
        finally:
            closed.append(ended())

    async def main():
        source = in_thread(work)
        assert [await anext(source), await anext(source)] == [0, 1]
        await asyncio.sleep(0.05)
        await source.aclose()

    asyncio.run(main())
    assert begun == [0, 1]
    assert closed == [True]


def test_cancelling_who_waits_ends_the_work_under_way():
    entered, told, closed = threading.Event(), [], []

    def work(ended):
        try:
            entered.set()
            while not ended():
                time.sleep(0.005)
            told.append(True)
            yield "late"
        finally:
            closed.append(True)

    async def main():
        task = asyncio.create_task(anext(in_thread(work)))
        await asyncio.to_thread(entered.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(200):
            if closed:
                return
            await asyncio.sleep(0.01)

    asyncio.run(main())
    assert (told, closed) == ([True], [True])


def test_an_error_reaches_who_asks():
    def work(ended):
        yield 1
        raise KeyError("lost")

    async def main():
        source = in_thread(work)
        assert await anext(source) == 1
        with pytest.raises(KeyError, match="lost"):
            await anext(source)

    asyncio.run(main())
