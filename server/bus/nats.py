"""The bus between two machines, over NATS: a link with the promises of ``LocalBus``.

- One end listens, the other connects. The connecting end says HELLO every ``HELLO_S``; each HELLO
  is answered. An end that looks ``SILENT_LOOKS`` times and has heard nothing counts the other as
  gone. It counts looks, as its own loop may have been late.
- A listening end has one other end at a time: a new session replaces the old. A connecting end is
  closed when the other end is gone, or is another one than before.
- What is published while there is no other end, or no NATS, is dropped and counted.
- What was lost on the way is missing in the numbers of the messages, and counted as dropped.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from secrets import randbits
from typing import Final, Generic

import msgspec

from server.bus import frames
from server.bus.frames import Frame, Kind
from server.bus.messages import encode
from server.bus.nats_connection import Nats
from server.bus.protocol import BusClosed, M
from server.bus.queues import DropOldest

HELLO_S: Final = 0.4
SILENT_LOOKS: Final = 4
#: How long connecting waits for an answer, and closing until what was published is sent.
CONNECT_S: Final = 2.0
CLOSE_DEADLINE_S: Final = 1.0

_log = logging.getLogger(__name__)


class Links:
    """The links of one machine, by the other end's name. ``stranger`` is called when a machine
    without a link says HELLO: it may listen to it, and the next HELLO is answered. ``offered`` is
    called with what machines say to all, and their names; it raises msgspec.DecodeError if that
    cannot be understood, which is counted."""

    def __init__(
        self,
        nats: Nats,
        stranger: Callable[[str], None] = lambda _: None,
        offered: Callable[[str, bytes], None] = lambda *_: None,
    ) -> None:
        self.nats = nats
        self.dropped = {"version": 0, "invalid": 0}
        self.receivers: dict[str, Callable[[Frame], None]] = {}
        self._stranger = stranger
        self._offered = offered
        self._said = set[str]()
        nats.receive = self._receive
        nats.hear = self._hear

    async def offer(self, payload: bytes) -> bool:
        """Say something to all machines. Returns whether NATS has taken it."""
        return await self.nats.send_all(Frame(Kind.OFFER, payload=payload).encode())

    def unframed(self, sender: str, data: bytes) -> Frame | None:
        """The frame that a machine sent; None if it is of another version, or is none. That is
        counted, and said once for each kind and version."""
        try:
            return frames.decode(data)
        except frames.OtherVersion as other:
            self.dropped["version"] += 1
            self._say(
                f"{sender} speaks version {other} of the bus, and this machine "
                f"{frames.VERSION}: install the same release of Tolk on both"
            )
        except ValueError as error:
            self.invalid(sender, str(error))
        return None

    def invalid(self, sender: str, what: str) -> None:
        """Count what a machine sent that makes no sense, and say so once."""
        self.dropped["invalid"] += 1
        self._say(f"{sender} sent {what}, which is dropped")

    def _say(self, what: str) -> None:
        if what not in self._said and len(self._said) < 100:
            self._said.add(what)
            _log.warning("%s", what)

    def _hear(self, sender: str, data: bytes) -> None:
        if (frame := self.unframed(sender, data)) and frame.kind is Kind.OFFER:
            try:
                self._offered(sender, frame.payload)
            except msgspec.DecodeError as error:
                self.invalid(sender, f"an offer that cannot be understood ({error})")

    def _receive(self, sender: str, data: bytes) -> None:
        if (frame := self.unframed(sender, data)) is None:
            return
        if receiver := self.receivers.get(sender):
            receiver(frame)
        elif frame.kind is Kind.HELLO:
            self._stranger(sender)


class NatsBus(Generic[M]):
    """A ``Bus`` over NATS; made by ``listen`` or ``connect``."""

    def __init__(
        self, links: Links, other: str, decode: Callable[[bytes], M], listens: bool
    ) -> None:
        self._links = links
        self._nats = links.nats
        self._other = other
        self._decode = decode
        self._listens = listens
        self._session = randbits(64) | 1
        self._others = 0  # the other end's session; 0: there is no other end
        self._last = 0  # its latest session, also if it is gone
        self._inbound = DropOldest[M]()
        self._outbound = DropOldest[bytes]()
        self._lost = 0
        self._sent = 0  # the number of the last message, each way
        self._got = 0
        self._arrived = asyncio.Event()
        self._wake = asyncio.Event()
        self._greets = not listens
        self._silent = 0  # looks since something was heard
        self._closed = False

    @classmethod
    @asynccontextmanager
    async def listen(
        cls, links: Links, other: str, decode: Callable[[bytes], M]
    ) -> AsyncIterator["NatsBus[M]"]:
        """The end to which the machine ``other`` may connect, again and again. ``decode`` raises
        msgspec.DecodeError if its argument is no message."""
        async with cls(links, other, decode, True)._running() as bus:
            yield bus

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, links: Links, other: str, decode: Callable[[bytes], M]
    ) -> AsyncIterator["NatsBus[M]"]:
        """The other end. Raises OSError if the machine ``other`` does not answer. If it disappears
        later, ``receive`` raises BusClosed."""
        async with cls(links, other, decode, False)._running() as bus:
            if answered := await bus._answered():
                yield bus
        if not answered:  # raised here, as a task group makes a group of what passes it
            raise ConnectionRefusedError(f"no answer from {other} by NATS in {CONNECT_S:g} s")

    @property
    def is_linked(self) -> bool:
        """Whether the other end is there."""
        return self._others != 0

    @property
    def dropped(self) -> dict[str, int]:
        """Messages dropped so far, by direction: "out" and "in"."""
        return {"in": self._inbound.dropped + self._lost, "out": self._outbound.dropped}

    def publish(self, message: M) -> None:
        """See ``Bus.publish``. Raises ValueError if the message is too large."""
        data = encode(message)
        if self._others and self._nats.up:
            self._outbound.push(data, len(data))
            self._wake.set()
        else:
            self._outbound.dropped += 1

    async def receive(self) -> M:
        """See ``Bus.receive``. Raises BusClosed if the other end is gone and nothing is left."""
        while not self._inbound:
            if self._closed:
                raise BusClosed(f"{self._other} is gone")
            self._arrived.clear()
            await self._arrived.wait()
        return self._inbound.pop()

    async def _answered(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_S):
                while not self._others:
                    self._arrived.clear()
                    await self._arrived.wait()
        return self._others != 0

    @asynccontextmanager
    async def _running(self) -> AsyncIterator["NatsBus[M]"]:
        self._links.receivers[self._other] = self._received
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._write(), name=f"nats to {self._other}"),
                group.create_task(self._watch(), name=f"nats watch {self._other}"),
            ]
            try:
                yield self
            finally:
                await self._say_bye()
                self._close()
                del self._links.receivers[self._other]
                for task in tasks:
                    task.cancel()

    async def _say_bye(self) -> None:
        """Wait until what was published is sent, and tell the other end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                while self._outbound and self._others and self._nats.up:
                    await asyncio.sleep(0.005)
        if self._others:
            await self._nats.send(self._other, self._frame(Kind.BYE).encode())
            await self._nats.flush()

    async def _write(self) -> None:
        # The library takes a cancellation while it flushes for its own: look at ``_closed``.
        while not self._closed:
            await self._wake.wait()
            self._wake.clear()
            if self._greets:
                self._greets = False
                kind = Kind.WELCOME if self._listens else Kind.HELLO
                await self._nats.send(self._other, self._frame(kind).encode())
            while self._outbound and not self._closed:
                self._sent += 1
                frame = self._frame(Kind.MESSAGE, self._sent, self._outbound.pop())
                if not await self._nats.send(self._other, frame.encode()):
                    self._outbound.dropped += 1
                    if frame.receiver == self._others:
                        self._sent -= 1

    async def _watch(self) -> None:
        while not self._closed:
            if not self._listens:
                self._greets = True
                self._wake.set()
            await asyncio.sleep(HELLO_S)
            self._silent += 1
            if self._others and self._silent > SILENT_LOOKS:
                self._gone()

    def _frame(self, kind: Kind, number: int = 0, payload: bytes = b"") -> Frame:
        return Frame(kind, self._session, self._others, number, payload)

    def _received(self, frame: Frame) -> None:
        if self._closed:
            return
        match frame.kind:
            case Kind.HELLO if self._listens:
                self._adopt(frame.sender)
                self._greets = True
                self._wake.set()
            case Kind.WELCOME if not self._listens and frame.receiver == self._session:
                if self._others not in (0, frame.sender):
                    self._gone()  # what listens there now is another one
                else:
                    self._adopt(frame.sender)
            case Kind.BYE if self._others and frame.sender == self._others:
                self._gone()
            case Kind.MESSAGE if (frame.sender, frame.receiver) == (self._others, self._session):
                self._take(frame)
            case _:  # of an earlier session
                pass

    def _adopt(self, session: int) -> None:
        self._silent = 0
        if session != self._others:
            self._outbound.drop_all()
            self._others = session
            if session != self._last:  # else it did not notice that it was gone, and counts on
                self._last, self._sent, self._got = session, 0, 0
            self._arrived.set()

    def _take(self, frame: Frame) -> None:
        self._silent = 0
        if frame.number <= self._got:  # it came twice, or too late to be in order
            return
        self._lost += frame.number - self._got - 1
        self._got = frame.number
        try:
            message = self._decode(frame.payload)
        except msgspec.DecodeError as error:
            self._links.dropped["invalid"] += 1
            _log.warning("%s sent something that is not a message: %s", self._other, error)
            return
        self._inbound.push(message, len(frame.payload))
        self._arrived.set()

    def _gone(self) -> None:
        self._others = 0
        self._outbound.drop_all()
        if not self._listens:
            self._close()

    def _close(self) -> None:
        self._closed = True
        self._others = 0
        self._outbound.drop_all()
        self._arrived.set()
        self._wake.set()
