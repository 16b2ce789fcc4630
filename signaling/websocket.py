"""A conversation over a WebSocket of aiohttp.

Rules for changing this file:
- ``send`` and ``send_audio`` never wait: what does not go at once waits in a bounded outbox,
  and whom that does not help ends as too slow.
- Only the writer's task writes, to the very close: aiohttp lets all who wait for a slow reader
  share one future, and a cancelled one would cancel the others.
- Whoever ends the session, by ``close`` or by an exception, the participant is told once, in a
  typed Error, and then the socket closes with that error's code; all of it has a deadline.
- When the ``async with`` is over, nothing of it still runs and the socket is closed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Final, Generic

import msgspec
from aiohttp import WebSocketError, WSCloseCode, WSMsgType, web

from signaling.errors import ProtocolError
from signaling.messages import ErrorCode, Ping, Pong, ServerMessage
from signaling.origins import refuse_foreign
from signaling.outbox import Outbox
from signaling.protocol import MAX_TEXT_BYTES, Conversation, M, Role
from signaling.rates import Rates
from signaling.unsent import bound_unsent

FIRST_MESSAGE_S: Final = 10.0
HEARTBEAT_S: Final = 10.0
#: How long one write may wait for a participant that reads slowly.
SEND_S: Final = 10.0
#: How long a goodbye may take: what is queued, the error and the close.
GOODBYE_S: Final = 2.0
#: What is longer may be an offer, and takes long to read.
SHORT_CHARS: Final = 1_000

Turn = Callable[[], Awaitable[None]]
_AT_ONCE: Final[Turn] = partial(asyncio.sleep, 0)

_ENCODER: Final = msgspec.json.Encoder()
#: What aiohttp itself refuses, by its close code, as a participant is told it.
_FRAME_FAULTS: Final[dict[int, tuple[ErrorCode, str]]] = {
    WSCloseCode.MESSAGE_TOO_BIG: ("too_large", f"a message over {MAX_TEXT_BYTES} bytes"),
    WSCloseCode.INVALID_TEXT: ("bad_message", "text that is not UTF-8"),
    WSCloseCode.PROTOCOL_ERROR: ("bad_message", "frames unlike those of RFC 6455"),
}


class _Socket(web.WebSocketResponse):
    """Does not close by itself on a frame that aiohttp refuses: the participant is told first."""

    ending = False

    async def close(
        self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True
    ) -> bool:
        if code in _FRAME_FAULTS and not self.ending:
            return False
        return await super().close(code=code, message=message, drain=drain)


class Connection(Generic[M]):
    """One participant's socket. Made by ``accept``; used by one task, save that ``send``,
    ``send_audio`` and ``close`` may be called by any on the same loop."""

    def __init__(self, response: _Socket, role: Role[M], turn: Turn) -> None:
        self.response: Final = response
        """What the request's handler returns at the end."""
        self.outbox: Final = Outbox()
        """What waits to be sent, and how much of it was dropped."""
        self.error: ProtocolError | None = None
        """Why the session ended, where it was not an ordinary end."""
        self.all_sent = False
        """Whether the session ended with nothing left to send."""
        self._conversation = Conversation(role)
        self._turn = turn
        self._join_by_s = asyncio.get_running_loop().time() + FIRST_MESSAGE_S
        self._rates = Rates()
        self._pinged: bytes | None = None
        self._pending = asyncio.Event()
        self._ended = False
        self._closed_with: ProtocolError | None = None
        self._closing = asyncio.Event()

    async def receive(self) -> M | bytes | None:
        """The next message, sound of a speaker, or None when the participant is gone.

        The first must come within FIRST_MESSAGE_S. Pings are answered here, and so are faults
        the session survives. Raises ProtocolError for the others.
        """
        while self._closed_with is None:
            await asyncio.sleep(0)  # one message a turn: who floods us stalls nobody else
            try:
                async with asyncio.timeout_at(
                    None if self._conversation.joined else self._join_by_s
                ):
                    frame = await self.response.receive()
            except TimeoutError:
                raise ProtocolError("timeout", f"no join in {FIRST_MESSAGE_S:g} s") from None
            now_s = asyncio.get_running_loop().time()
            self._rates.count(now_s, sound=frame.type is WSMsgType.BINARY)
            with self.answering():
                if frame.type is WSMsgType.PING:
                    self._pinged = frame.data
                    self._pending.set()
                elif frame.type is WSMsgType.PONG:
                    pass  # aiohttp has noted that somebody is there
                elif frame.type is WSMsgType.TEXT:
                    if not self._conversation.joined or len(frame.data) > SHORT_CHARS:
                        await self._turn()
                    message = self._conversation.receive_text(frame.data)
                    if not isinstance(message, Ping):
                        return message
                    self.send(Pong())
                elif frame.type is WSMsgType.BINARY:
                    return self._conversation.receive_bytes(frame.data)
                elif isinstance(frame.data, WebSocketError) and frame.data.code in _FRAME_FAULTS:
                    raise ProtocolError(*_FRAME_FAULTS[frame.data.code])
                else:
                    return None
        return None

    @contextmanager
    def answering(self) -> Iterator[None]:
        """A fault inside that the session survives (not ``fatal``) is sent and goes no
        further: around what is done about one message."""
        try:
            yield
        except ProtocolError as error:
            if error.fatal:
                raise
            self.send(error.as_message())

    def send(self, message: ServerMessage) -> None:
        """Queue a message. Never waits and never fails; see the policy above."""
        if self._closed_with is not None:
            return
        if self.outbox.put(message):
            self._pending.set()
        else:
            self.close(_too_slow())

    def send_audio(self, packet: bytes) -> None:
        """Queue an RTP packet. Never waits; the oldest gives way."""
        self.outbox.put_audio(packet)
        self._pending.set()

    def close(self, error: ProtocolError) -> None:
        """End the session from outside: the participant is told ``error``, the task inside
        ``accept`` is cancelled. Never waits; the first call counts."""
        if self._closed_with is None:
            self._closed_with = error
            self._closing.set()
            self._say_last(error)

    async def _write(self) -> None:
        """Write what is queued until the session has ended, then close."""
        try:
            while not self._ended or len(self.outbox):
                async with asyncio.timeout(SEND_S):
                    sent = await self._send_next()
                if not sent and not self._ended:
                    await self._pending.wait()
                    self._pending.clear()
            self.response.ending = True
            code = WSCloseCode.OK if self.error is None else self.error.close_code
            await self.response.close(code=code)
            self.all_sent = True
        except TimeoutError:
            self.close(_too_slow())
        except ConnectionError:
            pass  # ``receive`` sees it as the end

    async def _send_next(self) -> bool:
        """Whether there was anything to send. Of many pings the last is answered (RFC 6455,
        5.5.3)."""
        if self._pinged is not None:
            data, self._pinged = self._pinged, None
            await self.response.pong(data)
        elif (item := self.outbox.take()) is None:
            return False
        elif isinstance(item, bytes):
            await self.response.send_bytes(item)
        else:
            await self.response.send_str(_ENCODER.encode(item).decode())
        return True

    async def _end_when_closed(self) -> None:
        await self._closing.wait()
        raise _ClosedError

    def _end(self) -> None:
        """The session is over: ``_write`` may finish."""
        if self._closed_with is not None:
            self.error = self._closed_with
        elif self.error is not None:
            self._say_last(self.error)
        self._ended = True
        self._pending.set()

    def _say_last(self, error: ProtocolError) -> None:
        if error is self._closed_with or not self.outbox.put(error.as_message()):
            self.outbox.clear()
            self.outbox.put(error.as_message())
        self._pending.set()


def _too_slow() -> ProtocolError:
    return ProtocolError("limit", "this connection is too slow; join again")


def _internal() -> ProtocolError:
    return ProtocolError("internal", "a fault of the server; try again")


class _ClosedError(Exception):
    """Ends the task inside ``accept`` after ``Connection.close``."""


@asynccontextmanager
async def accept(
    request: web.Request,
    *,
    role: Role[M],
    allowed_origins: Collection[str] = (),
    host: str | None = None,
    turn: Turn = _AT_ONCE,
) -> AsyncIterator[Connection[M]]:
    """Upgrade ``request`` and hold the conversation while the ``async with`` lasts.

    ``host``: our name and port as the participant sees them, where a proxy tells; else the
    request's. ``turn`` is waited for before what takes long: an upgrade, a join, an offer.
    A ProtocolError from inside ends the conversation and goes no further: it is
    ``Connection.error`` then. Any other exception is told as "internal" and goes on.

    Raises web.HTTPForbidden for a page of a foreign origin, before the upgrade.
    """
    refuse_foreign(request, host, allowed_origins)
    await turn()
    response = _Socket(
        timeout=GOODBYE_S,
        heartbeat=HEARTBEAT_S,
        autoping=False,  # aiohttp would answer thousands in one turn of the loop
        compress=False,
        max_msg_size=MAX_TEXT_BYTES,
        writer_limit=0,
    )
    await response.prepare(request)
    transport = bound_unsent(request)
    connection = Connection(response, role, turn)
    bug: Exception | None = None
    async with _written(connection, transport, f"{role.name}-writer"):
        try:
            async with asyncio.TaskGroup() as group:
                guard = group.create_task(connection._end_when_closed(), name=f"{role.name}-guard")
                try:
                    yield connection
                except asyncio.CancelledError:
                    connection.error = ProtocolError("unavailable", "the server is going away")
                    raise
                except Exception as error:  # noqa: BLE001  the session's edge
                    known = _protocol_error(error)
                    bug = None if known else error
                    connection.error = known or _internal()
                finally:
                    guard.cancel()
        except* _ClosedError:
            pass
    if bug is not None:
        raise bug


@asynccontextmanager
async def _written(
    connection: Connection[M], transport: asyncio.Transport | None, name: str
) -> AsyncIterator[None]:
    """A task of this name writes what is queued. On leaving it gets GOODBYE_S for the rest."""
    async with asyncio.TaskGroup() as group:
        writer = group.create_task(connection._write(), name=name)
        try:
            yield
        finally:
            connection._end()
            try:
                await asyncio.wait([writer], timeout=GOODBYE_S)
            finally:
                writer.cancel()
                if transport is not None and not connection.all_sent:
                    transport.abort()  # nobody reads what is left


def _protocol_error(error: Exception) -> ProtocolError | None:
    """The ProtocolError that ``error`` is, or the first where it is a TaskGroup's and holds
    nothing else; fatal, since the session has ended by it."""
    while isinstance(error, ExceptionGroup) and error.split(ProtocolError)[1] is None:
        error = error.exceptions[0]
    return error.as_fatal(True) if isinstance(error, ProtocolError) else None
