"""Records in a key-value bucket of NATS's JetStream.

- A record is written over a revision that its writer knows. If there is a newer one by then, the
  write fails; so of several writers one succeeds.
- What was written is passed on by NATS to all, with its revision. Nobody else may say it.
- What nobody has written for ``KEPT_S`` is removed.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import api
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from server.bus.cancelled import is_cancelled
from server.bus.nats_connection import Nats
from server.bus.queues import MAX_QUEUED_BYTES, MAX_QUEUED_MESSAGES
from server.bus.records import Record
from server.process import logged

BUCKET: Final = "tolk"
#: Where NATS passes on what was written.
HEARD: Final = "tolk.lease"
KEPT_S: Final = 600
#: How long NATS has to answer.
ANSWER_S: Final = 1.0
#: How often to look whether NATS was connected anew.
LOOK_S: Final = 0.1
#: The pause before another try without a bucket doubles: JetStream may only be slow to start.
AGAIN_S: Final = 0.5
LONGEST_AGAIN_S: Final = 30.0

_log = logging.getLogger(__name__)


class NatsRecords:
    """Records; see there."""

    def __init__(self, nats: Nats) -> None:
        self.heard: Callable[[Record], None] = lambda record: None
        self._nats = nats
        self._bucket: KeyValue | None = None
        self._said = ""

    @property
    def there(self) -> bool:
        """See Records."""
        return self._bucket is not None and self._nats.up

    async def run(self) -> None:
        """Find or make the bucket whenever NATS is connected, until cancelled."""
        again_s = AGAIN_S
        while not is_cancelled():
            await self._nats.connected()
            if (client := self._nats.client) is None:
                continue
            try:
                self._bucket = await self._open(client)
            except (nats.errors.Error, OSError, TimeoutError) as error:
                self._say(error)
                await self._while_connected(client, again_s)
                again_s = min(2 * again_s, LONGEST_AGAIN_S)
            else:
                again_s, self._said = AGAIN_S, ""
                await self._while_connected(client)
            finally:
                self._bucket = None

    async def write(self, key: str, value: bytes, over: int) -> Record:
        """See Records."""
        if self._bucket is None:
            raise OSError("no bucket")
        try:
            try:
                return Record(key, value, await self._bucket.update(key, value, last=over))
            except KeyWrongLastSequenceError:
                entry = await self._bucket.get(key)
                return Record(key, entry.value or b"", entry.revision or 0)
        except KeyNotFoundError:
            return Record(key, b"", 0)
        except (nats.errors.Error, TimeoutError) as error:
            raise OSError(f"NATS does not answer: {error}") from error

    async def _open(self, client: Client) -> KeyValue:
        async def received(message: Msg) -> None:
            revision = (message.headers or {}).get("Nats-Sequence", "")
            if revision.isdecimal():
                key = message.subject.rpartition(".")[2]
                with logged("a lease that came by NATS was not handled"):
                    self.heard(Record(key, message.data, int(revision)))

        hearing = await client.subscribe(
            f"{HEARD}.*",
            cb=received,
            pending_msgs_limit=MAX_QUEUED_MESSAGES,
            pending_bytes_limit=MAX_QUEUED_BYTES,
        )
        try:
            return await client.jetstream(timeout=ANSWER_S).create_key_value(
                bucket=BUCKET,
                ttl=KEPT_S,
                republish=api.RePublish(src=f"$KV.{BUCKET}.*", dest=f"{HEARD}.{{{{wildcard(1)}}}}"),
            )
        except (nats.errors.Error, TimeoutError):
            with suppress(nats.errors.Error):  # the connection may be closed, too
                await hearing.unsubscribe()  # noqa: ASYNC120  cancelled, nobody needs the reason
            raise

    async def _while_connected(self, client: Client, most_s: float = float("inf")) -> None:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + most_s
        while client.is_connected and client is self._nats.client and loop.time() < end_s:
            await asyncio.sleep(LOOK_S)

    def _say(self, error: Exception) -> None:
        if (why := str(error) or type(error).__name__) != self._said:
            self._said = why
            _log.warning(
                "NATS keeps no records here, so two servers may have a stream of the same name: "
                "turn its JetStream on, see docs/scaling.md (%s)",
                why,
            )
