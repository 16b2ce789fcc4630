"""The sound of a hub's streams, over NATS to all edges that hear it: a subject for each channel,
``tolk.sound.HUB.STREAM.CHANNEL``, so that the hub sends a packet once and NATS copies it.

- Names of machines, streams and channels have only letters, digits, ``_``, ``-`` and ``+``: each is
  one token of a subject as it is.
- Each packet has the hub's session, a random number that the hub announces. So what a hub sends is
  never taken for what another one of the same name sent.
- The packets of a channel are numbered, so an edge counts what was lost on the way. Numbers begin
  again at any time.
- Nothing is kept while NATS is gone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import randbits
from typing import Final

import msgspec

from server.bus import hub_messages
from server.bus.frames import Frame, Kind
from server.bus.hub_messages import ChannelAt, Packet
from server.bus.nats import Links
from server.bus.nats_connection import Nats
from server.bus.queues import DropOldest

#: Channels that an edge hears at a time, of all its streams.
MOST_CHANNELS: Final = 4096
_PREFIX: Final = "tolk.sound."


class SoundOut:
    """What a hub sends (a Sound); made by ``opened``."""

    def __init__(self, nats: Nats) -> None:
        self.session: Final = randbits(63) | 1
        self._nats = nats
        self._waiting = DropOldest[tuple[str, bytes]]()
        self._refused = 0
        self._wake = asyncio.Event()
        self._closed = False

    @classmethod
    @asynccontextmanager
    async def opened(cls, nats: Nats) -> AsyncIterator["SoundOut"]:
        """It sends until the body ends; what waits then is dropped."""
        out = cls(nats)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(out._write(), name="sound to edges")
            try:
                yield out
            finally:
                out._closed = True
                out._wake.set()
                task.cancel()

    @property
    def dropped(self) -> int:
        """Packets dropped so far."""
        return self._waiting.dropped + self._refused

    def send(self, stream: str, channel: str, number: int, packet: Packet) -> None:
        """See Sound."""
        if not self._nats.up:
            self._refused += 1
            return
        payload = hub_messages.encode_packet(packet)
        data = Frame(Kind.SOUND, self.session, number=number, payload=payload).encode()
        self._waiting.push((_subject(ChannelAt(self._nats.name, stream, channel)), data), len(data))
        self._wake.set()

    async def _write(self) -> None:
        # The library takes a cancellation while it flushes for its own: look at ``_closed``.
        while not self._closed:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting and not self._closed:
                if not await self._nats.publish(*self._waiting.pop()):
                    self._refused += 1


@dataclass
class _Heard:
    """``number``: of the last packet; 0: none has come."""

    session: int
    number: int = 0


class SoundIn:
    """What an edge hears: nothing, until ``hear`` is called. ``on_packet``: called with what comes.
    ``dropped``: packets that were lost on the way ("in"), that another session sent ("fenced"),
    that came when the channel was not heard any more, and channels too many ("unheard")."""

    def __init__(self, links: Links) -> None:
        self.on_packet: Callable[[ChannelAt, Packet], None] = lambda channel, packet: None
        self.dropped = {"in": 0, "fenced": 0, "unheard": 0}
        self._links = links
        self._heard: dict[str, _Heard] = {}  # by subject
        links.nats.on_subject = self._received

    def hear(self, channels: Mapping[ChannelAt, int]) -> None:
        """Hear these channels and no others, each from the hub with that session. It begins before
        anything arrives that is sent after this."""
        before, self._heard = self._heard, {}
        for channel, session in channels.items():
            if len(self._heard) == MOST_CHANNELS:
                self.dropped["unheard"] += len(channels) - MOST_CHANNELS
                break
            known = before.get(subject := _subject(channel))
            same = known is not None and known.session == session
            self._heard[subject] = known if known and same else _Heard(session)
        self._links.nats.subjects = self._heard.keys()

    def _received(self, subject: str, data: bytes) -> None:
        channel = ChannelAt(*subject.removeprefix(_PREFIX).split("."))
        frame = self._links.unframed(channel.hub, data)
        if frame is None:
            return
        heard = self._heard.get(subject)
        if heard is None:
            self.dropped["unheard"] += 1
            return
        if frame.kind is not Kind.SOUND or frame.sender != heard.session:
            self.dropped["fenced"] += 1
            return
        if heard.number:
            self.dropped["in"] += max(0, frame.number - heard.number - 1)
        heard.number = frame.number
        try:
            packet = hub_messages.decode_packet(frame.payload)
        except msgspec.DecodeError as error:
            self._links.invalid(channel.hub, f"a packet of sound that is none ({error})")
        else:
            self.on_packet(channel, packet)


def _subject(channel: ChannelAt) -> str:
    return _PREFIX + ".".join(channel)
