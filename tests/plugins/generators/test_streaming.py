import asyncio
import threading
import time

import pytest

from plait.generators.streaming import in_thread


def test_items_come_in_order_from_another_thread_while_the_loop_goes_on():
    waits, beat = threading.Semaphore(0), threading.Semaphore(0)

    def work(ended):
        for n in range(3):
            waits.release()
            assert beat.acquire(timeout=60), "the event loop stood still"
            yield n, threading.current_thread() is threading.main_thread()

    async def main():
        async def heart():
            for _ in range(3):
                await asyncio.to_thread(waits.acquire, timeout=60)
                beat.release()

        beating = asyncio.create_task(heart())
        items = [item async for item in in_thread(work)]
        await beating
        return items

    assert asyncio.run(main()) == [(0, False), (1, False), (2, False)]


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
        async with asyncio.timeout(60):
            while not closed:
                await asyncio.sleep(0.005)

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
