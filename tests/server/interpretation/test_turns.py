import asyncio

from server.interpretation.turns import Turns
from tools.virtual_time import run


async def work(turns: Turns, name: str, weight: int, done: list[str]) -> None:
    async with turns.turn(weight):
        await asyncio.sleep(1)
        done.append(name)


def test_turns_go_by_weight_then_by_order_of_arrival() -> None:
    done: list[str] = []

    async def main() -> None:
        turns = Turns(1)
        async with asyncio.TaskGroup() as group:
            for name, weight in [("under way", 0), ("a", 1), ("b", 1), ("c", 5)]:
                group.create_task(work(turns, name, weight, done))

    run(main())
    assert done == ["under way", "c", "a", "b"]


def test_no_more_calls_at_a_time_than_turns() -> None:
    async def main() -> float:
        turns = Turns(2)
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(work(turns, "", 0, []))
        return asyncio.get_running_loop().time()

    assert run(main()) == 2


def test_a_cancelled_wait_uses_no_turn() -> None:
    """While waiting, and in the moment at which the turn is given."""
    done: list[str] = []

    async def main() -> None:
        turns = Turns(1)
        async with asyncio.TaskGroup() as group:
            async with turns.turn(0):
                waiting = group.create_task(work(turns, "never", 9, done))
                chosen = group.create_task(work(turns, "nor this", 8, done))
                group.create_task(work(turns, "last", 0, done))
                await asyncio.sleep(1)
                waiting.cancel()
            chosen.cancel()

    run(main())
    assert done == ["last"]
