"""Pion, a WebRTC stack in Go, speaks by WHIP and listens by WHEP."""

import os
from pathlib import Path

import numpy as np
import pytest

from server.media.opus import RATE_HZ
from tests.helpers import pion
from tests.helpers.running import STAND_IN, power, tolk
from tests.helpers.waiting import until
from tests.helpers.whip import word

INTERPRETED_HZ = 700
HEARD_S = 0.5
LOUD = 1000
PATIENCE_S = 60


@pytest.fixture(scope="module", autouse=True)
def go() -> None:
    """Skips where Pion cannot be built; fails in continuous integration."""
    if reason := pion.missing():
        if os.environ.get("TOLK_CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def is_interpreted(heard: pion.Heard) -> bool:
    sound = heard.sound
    loud = np.count_nonzero(np.abs(sound.astype(int)) > LOUD)
    return bool(loud > HEARD_S * RATE_HZ) and power(sound, INTERPRETED_HZ) > 0.8


@pytest.mark.timeout(600)
async def test_pion_speaks_and_listens_and_leaves(tmp_path: Path) -> None:
    program = await pion.built(tmp_path / "go")
    async with tolk(tmp_path / "state", STAND_IN) as server:
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
