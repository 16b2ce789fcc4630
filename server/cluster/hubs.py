"""What an edge knows of a hub, and which hubs have a stream. No I/O."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from server.bus.hub_messages import Announced, Announcement, Message
from server.bus.protocol import Bus
from server.models.catalogue import Catalogue


@dataclass
class Hub:
    """``announced``: the last time. ``heard_s``: when. ``used_s``: when a stream was last wanted
    from it. ``bus``: the link; None while there is none. ``task`` makes and reads it."""

    name: str
    announced: Announcement
    heard_s: float
    used_s: float = 0.0
    models: bytes = b""
    catalogue: Catalogue | None = None
    bus: Bus[Message] | None = None
    task: asyncio.Task[None] | None = None


def having(stream: str, hubs: Mapping[str, Hub]) -> dict[str, Announced]:
    """The hubs that have a stream, by name, and what they say of it."""
    return {
        name: hub.announced.streams[stream]
        for name, hub in hubs.items()
        if stream in hub.announced.streams
    }
