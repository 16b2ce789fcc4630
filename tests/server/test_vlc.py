"""A channel's sound in VLC, from Debian."""

import asyncio
import os
from pathlib import Path

import numpy as np

from server.client.conversation import alongside
from server.client.participants import Speaker
from server.media.opus import RATE_HZ
from tests.helpers.programs import program
from tests.helpers.running import STAND_IN, power, tolk, tone

PATIENCE_S = 60.0
HEARD_S = 1.0
LOUD = 1000
#: Instead of to a sound card, VLC writes what it plays to its standard output.
PLAYED = "#transcode{acodec=s16l,channels=1,samplerate=48000}:std{access=file,mux=raw,dst=-}"


async def test_vlc_plays_a_channel(tmp_path: Path) -> None:
    vlc = program("cvlc")
    async with tolk(tmp_path, STAND_IN) as server:
        process = await asyncio.create_subprocess_exec(
            *(vlc, "-q", "--sout", PLAYED, f"{server.url}/listen/hall/en.ogg"),
            stdout=asyncio.subprocess.PIPE,
            user="nobody" if os.geteuid() == 0 else None,  # it refuses to run as root
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        )
        try:
            async with (
                Speaker(server.url, "hall", "nl", audio="socket") as speaker,
                alongside(_speak(speaker), "speaking"),
                asyncio.timeout(PATIENCE_S),
            ):
                assert process.stdout is not None
                sound = np.zeros(0, np.int16)
                while not (np.abs(sound.astype(int)) > LOUD).any():
                    heard = await process.stdout.readexactly(round(2 * HEARD_S * RATE_HZ))
                    sound = np.frombuffer(heard, np.int16)
        finally:
            process.kill()
            await process.wait()
    assert power(sound, 700) > 0.1


async def _speak(speaker: Speaker) -> None:
    while True:
        await speaker.play(tone(300))
