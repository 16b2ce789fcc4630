"""Kills a server while it records: what is lost, and can every file be read?"""

import asyncio
import os
import random
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import aiohttp
import av
import msgspec
from av.error import FFmpegError

from server.client.conversation import alongside
from server.client.participants import Listener, Refused, Speaker
from server.demo import clip
from server.media.opus import Pcm
from server.recording.files import CAPTIONS, Line
from signaling.messages import Caption
from tools.bench.serving import serving
from tools.figures import Figure

STREAM = "bench"
KILLS, QUICK_KILLS = 30, 3
#: Servers that run at the same time.
AT_ONCE = 2
#: A server is killed so long after the first words were recognised.
AFTER_S = (2.0, 10.0)
READY_S = 180.0
LOST_S = 5.0


class Kill(NamedTuple):
    """``lost_s``: sound that is missing at the end of the shortest channel. ``unreadable``: files.
    ``captions_lost``: lines that were sent LOST_S before, and are not there."""

    lost_s: float
    files: int
    unreadable: int
    captions_lost: int


async def run(quick: bool) -> list[Figure]:
    rng = random.Random(11)
    after_s = [rng.uniform(*AFTER_S) for _ in range(QUICK_KILLS if quick else KILLS)]
    kills: list[Kill] = []
    pcm = clip("nl")
    for start in range(0, len(after_s), AT_ONCE):
        batch = after_s[start : start + AT_ONCE]
        kills += await asyncio.gather(*(_killed(each, pcm) for each in batch))
    return [
        Figure("equipment.kills", len(kills), ""),
        Figure("equipment.kills.lost_max", max(each.lost_s for each in kills), "s", bound=LOST_S),
        Figure("equipment.kills.files", sum(each.files for each in kills), ""),
        Figure("equipment.kills.unreadable", sum(each.unreadable for each in kills), "", bound=0),
        Figure(
            "equipment.kills.captions_lost", sum(each.captions_lost for each in kills), "", bound=0
        ),
    ]


async def _killed(after_s: float, pcm: Pcm) -> Kill:
    loop = asyncio.get_running_loop()
    async with serving("--record", "audio,text") as server:
        async with (
            Listener(server.url, STREAM, "en", captions=["nl", "en"], audio="socket") as listener,
            Speaker(server.url, STREAM, "nl", audio="socket") as speaker,
            alongside(_speak(speaker, pcm), "speak"),
        ):
            await listener.expect(Caption, lambda line: line.status == "final", within_s=READY_S)
            await asyncio.sleep(after_s)
            os.kill(server.pid, signal.SIGKILL)
            killed_s = loop.time()
            begun_s = speaker.started_speaking_s
        assert begun_s is not None
        (folder,) = (server.state / "recordings").iterdir()
        lines = [
            (line.language, line.segment)
            for at_s, line in listener.captions
            if line.status == "final" and at_s < killed_s - LOST_S
        ]
        return judged(folder, killed_s - begun_s, lines)


async def _speak(speaker: Speaker, pcm: Pcm) -> None:
    """Speak until the server is killed."""
    with suppress(Refused, OSError, aiohttp.ClientError):
        while True:
            await speaker.play(pcm)


def judged(folder: Path, spoken_s: float, lines: Sequence[tuple[str, int]]) -> Kill:
    """What is there of a recording of ``spoken_s`` seconds and these lines."""
    lengths_s: list[float] = []
    unreadable = 0
    files = sorted(folder.glob("*.ogg"))
    for file in files:
        try:
            lengths_s.append(_length_s(file))
        except FFmpegError:
            unreadable += 1
    kept: set[tuple[str, int]] = set()
    captions = folder / CAPTIONS
    rows = captions.read_bytes().split(b"\n")[:-1] if captions.exists() else []
    try:
        said = [msgspec.json.decode(row, type=Line) for row in rows]
        kept = {(line.language, line.segment) for line in said}
    except msgspec.MsgspecError:
        unreadable += 1
    lost_s = spoken_s - min(lengths_s, default=0.0)
    return Kill(lost_s, len(files) + 1, unreadable, len(set(lines) - kept))


def _length_s(file: Path) -> float:
    """The length of what FFmpeg decodes of it. Raises FFmpegError if it cannot."""
    with av.open(str(file)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
        return samples / container.streams.audio[0].codec_context.sample_rate
