"""Pion, a WebRTC stack in Go, speaks by WHIP and listens by WHEP."""

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from server.media.opus import RATE_HZ
from tests.helpers import pion
from tests.helpers.running import STAND_IN, power, tolk
from tests.helpers.waiting import until
from tests.helpers.whip import word

pytestmark = pytest.mark.asyncio(loop_scope="module")

INTERPRETED_HZ = 700
HEARD_S = 0.5
LOUD = 1000
PATIENCE_S = 60


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Skips where Pion cannot be built; fails in continuous integration."""
    if reason := pion.missing():
        if os.environ.get("TOLK_CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return await pion.built(tmp_path_factory.mktemp("go"))


def is_interpreted(heard: pion.Heard) -> bool:
    sound = heard.sound
    loud = np.count_nonzero(np.abs(sound.astype(int)) > LOUD)
    return bool(loud > HEARD_S * RATE_HZ) and power(sound, INTERPRETED_HZ) > 0.8


@pytest.mark.timeout(600)
async def test_pion_speaks_and_listens_and_leaves(program: Path, tmp_path: Path) -> None:
    async with tolk(tmp_path, STAND_IN) as server:
        speak, listen = (
            f"{server.url}/{kind}/hall?language={language}"
            for kind, language in (("whip", "nl"), ("whep", "en"))
        )
        async with (
            pion.listening(program, listen) as heard,
            pion.speaking(program, speak, word()),
        ):
            await until(lambda: is_interpreted(heard), PATIENCE_S)
        await until(lambda: not list(server.manager.sessions))


async def hears_more(heard: pion.Heard) -> None:
    so_far = len(heard.packets)
    await until(lambda: len(heard.packets) > so_far + 100, PATIENCE_S)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_sound_goes_on_after_ice_restarts(program: Path, tmp_path: Path) -> None:
    """Pion closes its sockets when it restarts ICE, as if it had changed networks. The listener is
    at an edge."""
    async with tolk(tmp_path, STAND_IN, media_processes=2) as server:
        await until(lambda: server.edges[0].ready, PATIENCE_S)
        async with (
            pion.listening(program, f"{server.url}/whep/hall") as heard,
            pion.speaking(program, f"{server.url}/whip/hall?language=nl", word()) as speaker,
        ):
            await until(lambda: len(heard.packets) > 50, PATIENCE_S)
            assert len(server.edges[0].peers) == 1
            before = list(server.manager.sessions)
            for process in (heard.process, speaker, heard.process):
                process.send_signal(signal.SIGUSR1)
                await asyncio.sleep(1)  # for what is still on its way
                await hears_more(heard)
            assert list(server.manager.sessions) == before
