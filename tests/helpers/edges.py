"""Runs an edge on loopback during a test, and looks at what goes over NATS."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import nats
from nats.aio.msg import Msg

from server import edge_app
from server.bus import frames, hub_messages
from server.bus.addresses import NatsServer
from server.bus.frames import Kind
from server.bus.hub_messages import Message
from server.config import Config
from server.edge_front import EdgeServer
from tests.helpers.waiting import until


@asynccontextmanager
async def edge_of(
    state: Path, bus: str, *, ready: bool = True, **settings: object
) -> AsyncIterator[EdgeServer]:
    """Run an edge on a free port. Unless ``ready`` is false, wait until it has heard of a hub."""
    config = Config(port=0, state=str(state), models="starter", bus=bus)
    async with edge_app.running(msgspec.structs.replace(config, **settings)) as edge:
        if ready:
            await until(lambda: edge.origins.ready)
        yield edge


class Seen:
    """What hubs send to edges: the messages to each, and the packets to all that hear them, by
    stream, channel and tick."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.packets: list[tuple[str, str, int]] = []

    def channels(self, stream: str) -> set[str]:
        """The channels of a stream of which packets were sent."""
        return {channel for of, channel, _ in self.packets if of == stream}

    def copies(self, stream: str) -> set[int]:
        """How often each packet of a stream was sent."""
        return {*Counter(each for each in self.packets if each[0] == stream).values()}

    async def take(self, message: Msg) -> None:
        frame = frames.decode(message.data)
        if frame.kind is Kind.MESSAGE:
            self.messages.append(hub_messages.decode(frame.payload))
        elif frame.kind is Kind.SOUND:
            stream, channel = message.subject.split(".")[3:]
            packet = hub_messages.decode_packet(frame.payload)
            self.packets.append((stream, channel, packet.tick))


@asynccontextmanager
async def seen_to_edges(server: NatsServer) -> AsyncIterator[Seen]:
    """What hubs send to edges while the body runs."""
    client, seen = await nats.connect(server.url), Seen()
    try:
        for subject in ("tolk.edge.*.*", "tolk.sound.*.*.*"):
            await client.subscribe(subject, cb=seen.take)
        await client.flush()
        yield seen
    finally:
        await client.close()
