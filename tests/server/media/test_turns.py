import asyncio

from server.media.turns import Turns


async def test_the_loop_runs_other_tasks_between_two_steps() -> None:
    turns, steps = Turns(), list[int]()
    between = list[int]()

    async def step(number: int) -> None:
        await turns.wait()
        steps.append(number)

    async def everything_else() -> None:
        while len(steps) < 50:
            between.append(len(steps))
            await asyncio.sleep(0)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(step(number))
        group.create_task(everything_else())
    assert steps == list(range(50))
    assert set(between) >= set(range(50))


async def test_a_cancelled_wait_blocks_nobody() -> None:
    turns = Turns()
    waiting = [asyncio.ensure_future(turns.wait()) for _ in range(5)]
    await asyncio.sleep(0)
    for each in waiting[:3]:
        each.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting[3:])
    assert [each.cancelled() for each in waiting] == [True] * 3 + [False] * 2
