"""1,000 listeners come and go: what does each cost, and does the server leak memory?"""

import asyncio
import time
from contextlib import AsyncExitStack

from server.client.participants import Listener
from tools.bench.serving import Serving, serving
from tools.figures import Figure

AT_ONCE = 4
CHANNELS = ("floor", "en", "en+floor")
#: After this time the server has forgotten the sessions that left.
SETTLE_S = 8.0


async def run(quick: bool) -> list[Figure]:
    half = 50 if quick else 500
    async with serving() as server, AsyncExitStack() as staying:
        # Somebody always listens to each channel, so that its cost is not counted as the joins'.
        for channel in CHANNELS:
            await staying.enter_async_context(
                Listener(server.url, "bench", channel, audio="socket")
            )
        await _come_and_go(server.url, 20)  # what the first joins create once is not a leak
        await asyncio.sleep(SETTLE_S)
        idle_cpu_s = await _cpu_s(server)
        await asyncio.sleep(SETTLE_S)
        idle_share = (await _cpu_s(server) - idle_cpu_s) / SETTLE_S
        before = await _held(server)
        came_s, cpu_s = time.monotonic(), await _cpu_s(server)
        await _come_and_go(server.url, half)
        came_s, cpu_s = time.monotonic() - came_s, await _cpu_s(server) - cpu_s
        await asyncio.sleep(SETTLE_S)
        middle = await _held(server)
        await _come_and_go(server.url, half)
        await asyncio.sleep(SETTLE_S)
        after = await _held(server)
    growth = (after["memory"] - middle["memory"]) / 1e6
    return [
        Figure("joins.count", 2 * half, ""),
        Figure("joins.cpu", 1e3 * (cpu_s - idle_share * came_s) / half, "ms", bound=6),
        *(
            Figure(f"joins.more_{name}", after[name] - before[name], "", bound=0)
            for name in ("descriptors", "tasks", "threads")
        ),
        Figure("joins.memory_growth_second_half", growth, "MB", bound=5),
        Figure("joins.memory", after["memory"] / 1e6, "MB"),
    ]


async def _held(server: Serving) -> dict[str, float]:
    return {
        "descriptors": await server.metric("process_open_fds"),
        "tasks": await server.metric("tolk_tasks"),
        "threads": await server.metric("tolk_threads"),
        "memory": await server.metric("process_resident_memory_bytes"),
    }


async def _cpu_s(server: Serving) -> float:
    """Processor time of the media process until now."""
    return await server.metric("process_cpu_seconds_total")


async def _come_and_go(url: str, count: int) -> None:
    """Let listeners join, hear something and leave; four at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def once(number: int) -> None:
        channel = CHANNELS[number % len(CHANNELS)]
        async with gate, Listener(url, "bench", channel) as each:
            async with asyncio.timeout(5):
                while not len(each.arrivals):
                    await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(once(number), name=f"join-{number}")
