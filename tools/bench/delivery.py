"""20 listeners on two channels while the interpreter works: does all sound arrive in time?"""

import asyncio
import dataclasses
from contextlib import AsyncExitStack
from pathlib import Path

from server.client.participants import Listener
from tools.bench.serving import Speaking, serving
from tools.figures import Figure
from tools.listen import figures

LISTENERS = 20
CHANNELS = ("en", "en+floor")


async def run(quick: bool) -> list[Figure]:
    clip = Path("server/demo/nl.opus")
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving())
        listeners = [
            await stack.enter_async_context(
                Listener(server.url, "bench", CHANNELS[number % len(CHANNELS)])
            )
            for number in range(LISTENERS)
        ]
        await stack.enter_async_context(Speaking(server.url, "bench", "nl", clip))
        await asyncio.sleep(5)  # until the interpretation is heard
        since_s = asyncio.get_running_loop().time()
        cpu_s = await server.metric("process_cpu_seconds_total")
        seconds = 15 if quick else 60
        await asyncio.sleep(seconds)
        cpu_s = await server.metric("process_cpu_seconds_total") - cpu_s
        calls = await server.metric("tolk_stage_calls_total")
        skipped = await server.metric("tolk_ticks_skipped")
    return [
        *(_renamed(figure) for figure in figures(listeners, since_s)),
        Figure("delivery.media_process_cpu", cpu_s / seconds, "cores"),
        Figure("delivery.engine_calls", calls, "", bound=1, better="higher"),
        Figure("delivery.ticks_skipped", skipped, ""),
    ]


def _renamed(figure: Figure) -> Figure:
    return dataclasses.replace(figure, name=figure.name.replace("listen.", "delivery."))
