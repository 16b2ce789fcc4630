import asyncio

from server.interpretation.bounded import DropOldest


async def test_the_oldest_item_is_dropped_first() -> None:
    dropped: list[int] = []
    queue = DropOldest[int](2, dropped.append)
    for item in range(4):
        queue.put(item)
    assert dropped == [0, 1]
    assert [await queue.get(), await queue.get()] == [2, 3]


async def test_the_bound_applies_to_the_sum_of_sizes() -> None:
    dropped: list[str] = []
    queue = DropOldest[str](5, dropped.append, len)
    for item in ("aaa", "bb", "c"):
        queue.put(item)
    assert dropped == ["aaa"]


async def test_one_item_beyond_the_bound_is_kept() -> None:
    dropped: list[str] = []
    queue = DropOldest[str](2, dropped.append, len)
    queue.put("aaa")
    assert (dropped, await queue.get()) == ([], "aaa")


async def test_a_closed_queue_returns_its_items_then_none() -> None:
    queue = DropOldest[int](2, print)
    queue.put(1)
    queue.close()
    queue.put(2)
    assert [await queue.get(), await queue.get()] == [1, None]


async def test_closing_wakes_the_reader() -> None:
    queue = DropOldest[int](2, print)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        reader = group.create_task(queue.get())
        await asyncio.sleep(0)
        queue.close()
    assert reader.result() is None


async def test_a_reopened_queue_goes_on() -> None:
    queue = DropOldest[int](2, print)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        reader = group.create_task(queue.get())
        await asyncio.sleep(0)
        queue.close()
        queue.reopen()
        await asyncio.sleep(0)
        queue.put(1)
    assert reader.result() == 1
