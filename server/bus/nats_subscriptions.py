"""What one connection to NATS hears: always what is for its machine, and besides subjects that come
and go."""

import asyncio
from collections.abc import Callable, Set
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from server.bus.queues import MAX_QUEUED_BYTES, MAX_QUEUED_MESSAGES
from server.process import logged

#: Called with a subject and what was sent there.
Hear = Callable[[str, bytes], None]


class Subscriptions:
    """Those of ``client``, which is never connected again. ``wanted``: the subjects that come and
    go, as they are wanted now; ``hear`` is called with what comes there."""

    def __init__(self, client: Client, wanted: Callable[[], Set[str]], hear: Hear) -> None:
        self._client: Final = client
        self._wanted: Final = wanted
        self._hear: Final = hear
        self._there: dict[str, Subscription] = {}
        self._settling = asyncio.Lock()

    async def add(self, subject: str, hear: Hear) -> Subscription:
        """Hear a subject. What waits is bounded; what is dropped the library calls an error. Raises
        what the library raises."""

        async def received(message: Msg) -> None:
            with logged("what came by NATS was not handled"):  # the library would tell nobody
                hear(message.subject, message.data)

        return await self._client.subscribe(
            subject,
            cb=received,
            pending_msgs_limit=MAX_QUEUED_MESSAGES,
            pending_bytes_limit=MAX_QUEUED_BYTES,
        )

    async def settle(self) -> None:
        """Hear what is wanted now, and nothing else that comes and goes. NATS learns of that before
        anything that is sent later. Raises what the library raises."""
        if self._there.keys() == self._wanted():
            return
        async with self._settling:
            wanted = self._wanted()
            for subject in self._there.keys() - wanted:
                await self._there.pop(subject).unsubscribe()
            for subject in wanted - self._there.keys():
                self._there[subject] = await self.add(subject, self._hear)
