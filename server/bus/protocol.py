"""The interface of every bus between the media process and the other processes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol, TypeVar

from server.bus.messages import BusMessage

M = TypeVar("M", bound=BusMessage)


class Bus(Protocol[M]):
    """Typed messages with NATS core's promises: at most once, ordered within a subject.

    A message's subject is its type, stream and language. Either side may disappear at any time.
    """

    def publish(self, message: M) -> None:
        """Send without waiting. If the other side is slow or gone, the oldest unsent message is
        dropped and counted in ``dropped``."""

    async def receive(self) -> M:
        """Wait for the next message of the other side. If too many wait, the oldest is dropped
        and counted. Raises BusClosed once the bus is closed."""

    @property
    def dropped(self) -> dict[str, int]:
        """Messages dropped so far, by direction: "out" and "in"."""


class Link(Bus[M], Protocol[M]):
    """One end of a bus to another machine."""

    @property
    def is_linked(self) -> bool:
        """Whether the other end is there."""


class BusClosed(Exception):
    """The bus, or the connection behind it, is closed."""


async def until_gone(link: Link[M], look_s: float) -> AsyncIterator[M]:
    """What comes over a link, until the other end is gone; that is looked at every ``look_s``."""
    while True:
        try:
            async with asyncio.timeout(look_s):
                message = await link.receive()
        except TimeoutError:
            if not link.is_linked:
                return
        except BusClosed:
            return
        else:
            yield message
