"""When no machine interprets any more."""

from pathlib import Path

from server.client.participants import Listener
from signaling import messages as wire
from tests.helpers.running import STAND_IN, tolk


async def test_listeners_of_streams_that_no_machine_had_are_told_too(tmp_path: Path) -> None:
    fallback = wire.ChannelState(channel="en", status="fallback", reason="restarting")
    async with (
        tolk(tmp_path, STAND_IN) as server,
        Listener(server.url, "early", "en", audio="socket") as early,
    ):
        await early.expect(wire.ChannelState, lambda told: told.channel == "en")
        server.live.interpreter_lost(set(), others=False)
        await early.expect(wire.ChannelState, lambda told: told == fallback)
