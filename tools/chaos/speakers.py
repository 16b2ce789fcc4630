"""The speaker's network or page fails: what do those who listen miss?"""

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import jiwer
import numpy as np

from server.client.conversation import alongside
from server.client.participants import Listener, Speaker
from server.demo import clip
from server.media.opus import RATE_HZ
from tools.bench.serving import Serving, Speaking, serving
from tools.chaos.people import STREAM, Guest, speak_through
from tools.detour import Detour
from tools.figures import Figure
from tools.impair import Network
from training.phrases import normalise

CUTS_S, QUICK_CUTS_S = (2.0, 5.0, 10.0, 25.0), (2.0,)
FROZEN_S, QUICK_FROZEN_S = 5.0, 2.0
BACK_S: Final = 2.0
AFTER_S: Final = 10.0
TAIL_S: Final = 3.0
POINTS: Final = 3.0
NETWORKS: Final[Mapping[str, Network]] = {
    "clean": Network(),
    "slow_40_kbs": Network(rate_bps=40_000, delay_s=0.02),
    "far_600_ms": Network(delay_s=0.3),
    "bursts_10": Network(loss=0.1, burst=4, delay_s=0.02),
}


async def cut(quick: bool, busy: bool) -> list[Figure]:
    """Nothing of the speaker's sound comes for a while; signaling still does."""
    figures = []
    async with serving() as server:
        for seconds in QUICK_CUTS_S if quick else CUTS_S:
            figures.append(await _cut(server, seconds))
    return figures


async def _cut(server: Serving, seconds: float) -> Figure:
    loop, guest = asyncio.get_running_loop(), Guest([server.url])
    with Detour(Network()) as detour:
        async with (
            alongside(speak_through(server.url, detour), "speaker"),
            alongside(guest.run(), "guest"),
        ):
            await _sounding(guest)
            detour.become(Network(loss=1.0))
            await asyncio.sleep(seconds)
            detour.become(Network())
            at_s = loop.time()
            await asyncio.sleep(AFTER_S)
            back_s = guest.first_after_s(at_s)
    return Figure(f"speaker_cut.{seconds:g}_s.heard_again", back_s, "s", bound=BACK_S)


async def _sounding(guest: Guest) -> None:
    async with asyncio.timeout(60):
        while guest.at_s.size < 100:
            await asyncio.sleep(0.1)


async def frozen(quick: bool, busy: bool) -> list[Figure]:
    """The speaker's whole program stands still for a while, as a page whose laptop is closed."""
    loop = asyncio.get_running_loop()
    async with serving() as server, AsyncExitStack() as stack:
        guest = Guest([server.url])
        await stack.enter_async_context(alongside(guest.run(), "guest"))
        file = Path("server/demo/nl.opus")
        speaking = await stack.enter_async_context(Speaking(server.url, STREAM, "nl", file))
        await _sounding(guest)
        os.kill(speaking.pid, signal.SIGSTOP)
        await asyncio.sleep(QUICK_FROZEN_S if quick else FROZEN_S)
        os.kill(speaking.pid, signal.SIGCONT)
        at_s = loop.time()
        await asyncio.sleep(AFTER_S)
        back_s = guest.first_after_s(at_s)
    return [Figure("speaker_frozen.heard_again", back_s, "s", bound=BACK_S)]


async def network(quick: bool, busy: bool) -> list[Figure]:
    """How many more words of the captions are wrong."""
    wrong: dict[str, float] = {}
    async with serving() as server:
        for name, each in NETWORKS.items():
            if not quick or name in ("clean", "far_600_ms"):
                wrong[name] = await _wrong(server, name, each)
    return [Figure("speaker_network.clean.words_wrong", wrong["clean"], "%")] + [
        Figure(f"speaker_network.{name}.words_wrong_more", more - wrong["clean"], "points", POINTS)
        for name, more in wrong.items()
        if name != "clean"
    ]


async def _wrong(server: Serving, stream: str, network: Network) -> float:
    """The share of wrong words in the captions of the clip, in percent."""
    described = json.loads(Path("server/demo/nl.json").read_text(encoding="utf8"))
    said = normalise(" ".join(phrase["text"] for phrase in described["phrases"]))
    with Detour(network) as detour:
        async with (
            Listener(server.url, stream, "floor", captions=["nl"], audio="none") as listener,
            Speaker(server.url, stream, "nl", through=detour) as speaker,
        ):
            await speaker.play(clip("nl"))
            await speaker.play(np.zeros(round(TAIL_S * RATE_HZ), np.int16))
            finals = [each.text for _, each in listener.captions if each.status == "final"]
    return 100 * float(jiwer.wer(said, normalise(" ".join(finals)) or "-"))
