"""A talk of people through a whole server in real time. A PeerConnection speaks, and a listener
reads captions in its language. By default no other language is wanted, so the interpreter only
recognises speech."""

import asyncio
import contextlib
from collections.abc import Sequence

import numpy as np

from server.bus.messages import RATE_HZ as STREAM_HZ
from server.client.participants import BIT_RATE, Listener, Speaker
from server.interpretation.types import Pcm
from server.media.opus import RATE_HZ, Resampler
from tools.bench.serving import serving
from tools.detour import Detour
from tools.evaluate.captions import Line
from tools.evaluate.hearing_run import Run
from tools.evaluate.live import TAIL_S, Usage, interpreter_dropped
from tools.evaluate.talks import Talk
from tools.impair import Network

STREAM = "talk"
#: Wait before the talk begins.
READY_S = 2.0
MEMORY_EVERY_S = 10.0
LOSSY = Network(loss=0.05, delay_s=0.02)
LOSSY_BIT_RATE = 24_000


async def heard(
    said: Talk,
    pcm: Pcm,
    options: Sequence[str],
    *,
    lossy: bool = False,
    targets: Sequence[str] = (),
) -> Run:
    """The captions of ``said``, whose sound is ``pcm`` at 16 kHz, from a server started with
    ``options``. ``lossy``: sent at 24 kb/s over a network that loses packets. ``targets``:
    languages that others listen to."""
    resampler = Resampler(STREAM_HZ, RATE_HZ)
    sound = np.concatenate((resampler.push(pcm), resampler.flush()))
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(*options))
        through = stack.enter_context(Detour(LOSSY)) if lossy else lambda sdp: sdp
        bit_rate = LOSSY_BIT_RATE if lossy else BIT_RATE
        listener = await stack.enter_async_context(
            Listener(server.url, STREAM, captions=[said.source], audio="none")
        )
        for target in targets:
            await stack.enter_async_context(Listener(server.url, STREAM, target))
        speaker = await stack.enter_async_context(
            Speaker(server.url, STREAM, said.source, through=through, bit_rate=bit_rate)
        )
        await asyncio.sleep(READY_S)
        usage = Usage(server)
        held: list[tuple[float, float]] = []
        began_s = loop.time()
        async with asyncio.TaskGroup() as group:
            noting = group.create_task(_note_memory(usage, held), name="memory")
            await speaker.play(sound)
            await asyncio.sleep(TAIL_S)
            noting.cancel()
        used = usage.cores(loop.time() - began_s)
        lost = await interpreter_dropped(server)
    return Run(
        lines=[
            Line(at_s - began_s, each.segment, each.status, each.text, each.certain)
            for at_s, each in listener.captions
            if each.language == said.source
        ],
        cpu=used,
        dropped=lost,
        memory_mb=held,
    )


async def _note_memory(usage: Usage, held: list[tuple[float, float]]) -> None:
    """Note the interpreter's memory at intervals, with the time in the talk."""
    began_s = asyncio.get_running_loop().time()
    while True:
        held.append((asyncio.get_running_loop().time() - began_s, usage.memory_mb()["interpreter"]))
        await asyncio.sleep(MEMORY_EVERY_S)
