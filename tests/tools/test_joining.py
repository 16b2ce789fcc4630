import asyncio
from pathlib import Path

import pytest

from tests.helpers.running import STAND_IN, tolk
from tests.helpers.waiting import until
from tools.bench.joining import joining, joining_by_whep
from tools.bench.load import Joining, Listeners


@pytest.mark.parametrize("way", [joining, joining_by_whep])
async def test_listeners_join_a_real_server_hear_it_and_leave(tmp_path: Path, way: Joining) -> None:
    async with tolk(tmp_path, STAND_IN, ready=False) as server:
        async with way(server.url, "hall", "floor") as join:
            listeners = Listeners(join)
            async with listeners.alive(), asyncio.timeout(20):
                await listeners.join(3)
                while len(listeners.first_packet_s) < 3:
                    await asyncio.sleep(0.05)
            stream = server.manager.streams["hall"]
            assert len(stream.listeners) == 3
        await until(lambda: not stream.listeners)
