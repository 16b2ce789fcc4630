"""GStreamer's webrtcbin speaks and listens: libnice's ICE, GStreamer's DTLS with RSA
certificates, its RTP and its Opus."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from server.media.opus import RATE_HZ
from signaling import messages as wire
from tests.helpers import gstreamer
from tests.helpers.gstreamer import Webrtcbin
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


async def heard(listener: Webrtcbin, frequency_hz: float) -> None:
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
            await heard(floor, SPOKEN_HZ)
            await heard(english, INTERPRETED_HZ)
            assert len(peers()) == 3
            for each in (speaker, floor, english):
                await each.hang_up()
        await until(lambda: not peers() and not list(server.manager.sessions))
        assert server.metrics.hostile_counts.keys() <= {"queue_full"}  # of a slow machine
