"""How many packets are sent to listeners while nobody speaks: before anybody has spoken, and
afterwards, with the noise of a quiet room."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np

from server.client.participants import Listener
from server.demo import clip
from server.media.files import WavWriter
from server.media.opus import RATE_HZ, Pcm
from signaling.messages import ListenerAudio
from tools.bench.serving import Speaking, serving
from tools.figures import Figure

#: Packets per listener and second; with sound there are 50.
BOUND = 3
#: Decibels below full scale: a microphone in a quiet room.
ROOM_DB = -60
SPEECH_S = 8.0
#: After the end of speech the last interpretation is over within this time.
LAG_S = 12.0
WAYS: tuple[tuple[str, ListenerAudio], ...] = (
    ("floor", "webrtc"),
    ("en", "webrtc"),
    ("en+floor", "webrtc"),
    ("floor", "socket"),
)


async def run(quick: bool) -> list[Figure]:
    seconds = 10.0 if quick else 60.0
    figures = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = await stack.enter_async_context(serving())
        for name, said, wait_s in (
            ("before", np.zeros(0, np.int16), 2.0),
            ("after", clip("nl")[: round(SPEECH_S * RATE_HZ)], SPEECH_S + LAG_S),
        ):
            file = folder / f"{name}.wav"
            with WavWriter(file, RATE_HZ) as wav:
                wav.write(said)
                wav.write(_room(wait_s + seconds + 30))
            async with AsyncExitStack() as listening:
                await listening.enter_async_context(Speaking(server.url, name, "nl", file))
                listeners = {
                    way: await listening.enter_async_context(
                        Listener(server.url, name, way[0], audio=way[1])
                    )
                    for way in WAYS
                }
                await asyncio.sleep(wait_s)
                before = {way: len(each.arrivals) for way, each in listeners.items()}
                await asyncio.sleep(seconds)
                for (channel, audio), each in listeners.items():
                    came = len(each.arrivals) - before[channel, audio]
                    label = f"silence.{name}.{channel}.{audio}"
                    figures.append(Figure(label, came / seconds, "packets/s", BOUND))
    return figures


def _room(seconds: float) -> Pcm:
    level = 32768 * 10 ** (ROOM_DB / 20)
    noise = np.random.default_rng(1).normal(0, level, round(seconds * RATE_HZ))
    return noise.astype(np.int16)
