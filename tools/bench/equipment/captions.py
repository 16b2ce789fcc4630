"""How much later than a page gets a caption does a reader of server-sent events get it?"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import numpy as np

from server.client.conversation import alongside
from server.client.participants import Listener
from signaling.messages import Caption
from tools.bench.serving import Speaking, serving
from tools.events import events
from tools.figures import Figure

STREAM, LANGUAGE = "bench", "en"
SECONDS, QUICK_SECONDS = 120.0, 10.0
#: Captions on their way at the end arrive within this time.
TAIL_S = 1.0
READY_S = 180.0

#: A caption's segment, revision and status.
Key = tuple[int, int, str]


async def run(quick: bool) -> list[Figure]:
    loop = asyncio.get_running_loop()
    by_events: dict[Key, float] = {}

    async def read() -> None:
        async with http.get(
            f"{server.url}/api/streams/{STREAM}/captions", params={"language": LANGUAGE}
        ) as response:
            async for event in events(response):
                if event.name == "caption":
                    line = event.data
                    key = (line["segment"], line["revision"], line["status"])
                    by_events.setdefault(key, loop.time())

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving("--max-languages", "1"))
        http = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout())
        )
        page = await stack.enter_async_context(
            Listener(server.url, STREAM, LANGUAGE, captions=[LANGUAGE], audio="none")
        )
        await stack.enter_async_context(alongside(read(), "events"))
        await stack.enter_async_context(
            Speaking(server.url, STREAM, "nl", Path("server/demo/nl.opus"))
        )
        await page.expect(Caption, within_s=READY_S)
        await asyncio.sleep(QUICK_SECONDS if quick else SECONDS)
        by_page = {(line.segment, line.revision, line.status): at_s for at_s, line in page.captions}
        await asyncio.sleep(TAIL_S)
    later_ms = [1e3 * (by_events[key] - by_page[key]) for key in by_page.keys() & by_events.keys()]
    p50, p99 = np.percentile(later_ms, [50, 99]).tolist() if later_ms else (None, None)
    missing = sum(key not in by_events for key in by_page if key[2] == "final")
    return [
        Figure("equipment.captions.lines", len(later_ms), "", bound=1, better="higher"),
        Figure("equipment.captions.missing", missing, "", bound=0),
        Figure("equipment.captions.after_the_page_p50", p50, "ms"),
        Figure("equipment.captions.after_the_page_p99", p99, "ms", bound=50),
    ]
