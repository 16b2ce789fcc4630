"""``tolk output`` to a real Icecast, from Debian."""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import av
import numpy as np

from server.client.participants import Speaker
from server.media.opus import RATE_HZ, Pcm, mono
from server.outputs.command import Output
from server.outputs.source import Channel
from server.outputs.target import Wanted
from tests.helpers.programs import daemon, free_port, program
from tests.helpers.running import STAND_IN, power, tolk, tone

PATIENCE_S = 60.0
HEARD_S = 1.0
CONFIG = """<icecast>
  <limits><sources>4</sources><burst-size>0</burst-size></limits>
  <authentication><source-password>secret</source-password></authentication>
  <hostname>localhost</hostname>
  <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  <paths>
    <logdir>/tmp</logdir><webroot>/usr/share/icecast2/web</webroot>
    <adminroot>/usr/share/icecast2/admin</adminroot>
  </paths>
  <logging><accesslog>-</accesslog><errorlog>-</errorlog></logging>
  <security>
    <chroot>0</chroot>{owner}
  </security>
</icecast>"""
#: It refuses to run as root.
OWNER = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>"


def heard(url: str) -> tuple[str, Pcm]:
    """The codec of what Icecast sends, and its first sound that is not silent."""
    kept: list[Pcm] = []
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    with av.open(url, "r", timeout=PATIENCE_S) as container:
        codec = container.streams.audio[0].codec_context.name
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                pcm = mono(part)
                if kept or np.abs(pcm).max() > 1000:
                    kept.append(pcm)
            if sum(map(len, kept)) > HEARD_S * RATE_HZ:
                break
    return codec, np.concatenate(kept)


async def kind_of(http: aiohttp.ClientSession, url: str) -> str:
    """What Icecast says that it plays; "" if nothing."""
    async with http.get(url) as response:
        return response.content_type if response.status == 200 else ""


@asynccontextmanager
async def sending(threads: ThreadPoolExecutor, url: str, target: str) -> AsyncIterator[None]:
    """While the body runs, the English channel is sent to ``target``."""
    output = Output(Channel(url, "hall", "en"), Wanted(target))
    running = asyncio.get_running_loop().run_in_executor(threads, output.run)
    try:
        yield
    finally:
        output.stop()
        await running  # noqa: ASYNC102


async def test_icecast_plays_a_channel(tmp_path: Path) -> None:
    program("icecast2")
    config, port = tmp_path / "icecast.xml", free_port()
    config.write_text(CONFIG.format(port=port, owner=OWNER if os.geteuid() == 0 else ""))
    url = f"http://127.0.0.1:{port}/tolk.mp3"
    with ThreadPoolExecutor(2) as threads:
        async with (
            daemon("icecast2", "-c", config, port=port, log=tmp_path / "icecast.log"),
            tolk(tmp_path / "state", STAND_IN) as server,
            Speaker(server.url, "hall", "nl", audio="socket") as speaker,
            sending(threads, server.url, url.replace("http://", "icecast://source:secret@")),
            aiohttp.ClientSession() as http,
            asyncio.timeout(PATIENCE_S),
        ):
            while await kind_of(http, url) != "audio/mpeg":
                await speaker.play(tone(300))
            listening = asyncio.get_running_loop().run_in_executor(threads, heard, url)
            while not listening.done():
                await speaker.play(tone(300))
            played, pcm = await listening
    assert played in ("mp3", "mp3float")
    assert power(pcm, 700) > 0.3
