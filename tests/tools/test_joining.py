import asyncio
from pathlib import Path

from tests.helpers.running import STAND_IN, tolk
from tools.bench.joining import joining
from tools.bench.load import Listeners


async def test_listeners_join_a_real_server_and_hear_it(tmp_path: Path) -> None:
    async with tolk(tmp_path, STAND_IN, ready=False) as server, joining(server.url, "hall") as join:
        listeners = Listeners(join)
        async with listeners.alive(), asyncio.timeout(20):
            await listeners.join(3)
            while len(listeners.first_packet_s) < 3:
                await asyncio.sleep(0.05)
        assert len(server.manager.streams["hall"].listeners) == 3
