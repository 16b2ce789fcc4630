"""libdatachannel, the WebRTC stack of OBS, publishes sound and video by WHIP."""

import asyncio
import os
import struct
from asyncio.subprocess import PIPE
from pathlib import Path

import playwright
import pytest

from server.client.participants import Listener
from signaling import messages as wire
from tests.helpers.running import STAND_IN, final, tolk
from tests.helpers.waiting import until
from tests.helpers.whip import word

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "helpers" / "libdatachannel.js"
NODE = Path(playwright.__file__).parent / "driver" / "node"
PATIENCE_S = 60


@pytest.fixture(autouse=True)
def node_datachannel() -> None:
    """Skips where it is missing; fails in continuous integration."""
    if not (ROOT / "node_modules" / "node-datachannel").exists() or not NODE.exists():
        reason = "node-datachannel is missing: npm ci"
        if os.environ.get("TOLK_CI"):
            pytest.fail(reason)
        pytest.skip(reason)


async def test_audio_connects_and_video_is_refused(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN) as server,
        Listener(server.url, "hall", captions=["en"], audio="none") as listener,
    ):
        process = await asyncio.create_subprocess_exec(
            *(NODE, PROGRAM, f"{server.url}/whip/hall?language=nl"), stdin=PIPE, stdout=PIPE
        )
        try:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(b"".join(struct.pack("!H", len(each)) + each for each in word()))
            process.stdin.close()
            await listener.expect(wire.Caption, final("en", "low"), within_s=PATIENCE_S)
            process.terminate()
            async with asyncio.timeout(10):
                assert (await process.stdout.read()).split(b"\n") == [b"audio open", b""]
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()  # noqa: ASYNC102
        await until(lambda: not server.manager.streams["hall"].speaker)
