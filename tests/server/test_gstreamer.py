"""GStreamer's webrtcbin speaks and listens: libnice's ICE, GStreamer's DTLS with RSA
certificates, its RTP and its Opus."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from server.media.opus import RATE_HZ
from signaling import messages as wire
from signaling.whip import HttpTransport
from tests.helpers import gstreamer
from tests.helpers.gstreamer import Bin, Webrtcbin
from tests.helpers.running import STAND_IN, power, tolk
from tests.helpers.waiting import until

#: What webrtcbin.py says: a word to the stand-in, who speaks "low" so.
SPOKEN_HZ, INTERPRETED_HZ = 300, 700
HEARD_S = 0.5
LOUD = 1000
PATIENCE_S = 60


@pytest.fixture(scope="module", autouse=True)
def webrtcbin() -> None:
    """Skips where there is none; fails in continuous integration."""
    if reason := gstreamer.missing():
        if os.environ.get("TOLK_CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def as_dtls_client(sdp: str) -> str:
    return sdp.replace("a=setup:actpass", "a=setup:active")


async def heard(listener: Bin, frequency_hz: float) -> None:
    """Wait for HEARD_S of sound, most of it at this frequency. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            sound = listener.heard
            loud = np.count_nonzero(np.abs(sound.astype(int)) > LOUD)
            if loud > HEARD_S * RATE_HZ and power(sound, frequency_hz) > 0.8:
                return
            await asyncio.sleep(0.2)


def peers() -> list[str]:
    """Of the connections that the server holds, by what runs for each."""
    return [name for task in asyncio.all_tasks() if (name := task.get_name()) == "peer"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("options", "offered"),
    [((), str), ((), as_dtls_client), (("--more",), str)],
    ids=["DTLS server", "DTLS client", "BUNDLE, RTX, RED and FEC"],
)
async def test_webrtcbin_speaks_and_listens(
    tmp_path: Path, options: tuple[str, ...], offered: Callable[[str], str]
) -> None:
    """Whatever way DTLS goes, and whatever is offered besides."""

    def joined(join: wire.JoinSpeaker | wire.JoinListener, sound: str = "") -> Webrtcbin:
        file = tmp_path / sound if sound else None
        return Webrtcbin(server.url, join, *options, sound=file, offered=offered)

    async with tolk(tmp_path / "state", STAND_IN) as server:
        async with (
            joined(wire.JoinListener(channel="floor"), "floor") as floor,
            joined(wire.JoinListener(channel="en"), "english") as english,
            joined(wire.JoinSpeaker(language="nl")) as speaker,
        ):
            await heard(floor.bin, SPOKEN_HZ)
            await heard(english.bin, INTERPRETED_HZ)
            assert len(peers()) == 3
            for each in (speaker, floor, english):
                await each.bin.hang_up()
        await until(lambda: not peers() and not list(server.manager.sessions))
        assert server.metrics.hostile_counts.keys() <= {"queue_full"}  # of a slow machine


@pytest.mark.timeout(300)
async def test_webrtcbin_joins_by_whip_and_whep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a speaker that ends without a goodbye the stream is free soon."""
    monkeypatch.setattr(HttpTransport, "silence_s", 2.0)
    async with (
        tolk(tmp_path / "state", STAND_IN) as server,
        aiohttp.ClientSession(server.url) as http,
        gstreamer.over_http(http, "/whep/hall?language=en", tmp_path / "english") as english,
    ):
        async with gstreamer.over_http(http, "/whip/hall?language=nl"):
            await heard(english, INTERPRETED_HZ)
        await until(lambda: server.manager.streams["hall"].speaker is None)
