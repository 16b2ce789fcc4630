"""The signaling conversation with one participant, over an aiohttp WebSocket.

Rules for changing this file:
- ``send`` and ``send_audio`` never wait. They put what they send into a bounded outbox; a
  participant whose outbox overflows is disconnected as too slow.
- Only the writer task writes, including the close: in aiohttp all writers that wait for a slow
  reader share one future, so cancelling one would cancel the others.
- However the session ends, by ``close`` or by an exception, the participant gets one Error
  message, then the socket closes with that error's close code. All of it has a deadline.
- After the ``async with`` no task of it is running and the socket is closed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Final, Generic

import msgspec
from aiohttp import WebSocketError, WSCloseCode, WSMsgType, web

from signaling.errors import ProtocolError, internal_error, protocol_error
from signaling.messages import ErrorCode, Ping, Pong, ServerMessage
from signaling.origins import refuse_foreign
from signaling.outbox import Outbox
from signaling.protocol import MAX_FAULTS, MAX_TEXT_BYTES, Conversation, M, Role
from signaling.rates import Rates
from signaling.unsent import bound_unsent

FIRST_MESSAGE_S: Final = 10.0
HEARTBEAT_S: Final = 10.0
#: How long one write may wait for a participant that reads slowly.
SEND_S: Final = 10.0
#: How long the end of a session may take: sending what is queued, the error and the close.
GOODBYE_S: Final = 2.0
#: A longer message may be an offer, which takes long to check.
SHORT_CHARS: Final = 1_000

Turn = Callable[[], Awaitable[None]]
_AT_ONCE: Final[Turn] = partial(asyncio.sleep, 0)

_ENCODER: Final = msgspec.json.Encoder()
#: The errors to send for frames that aiohttp itself refuses, by the close code it would send.
_FRAME_FAULTS: Final[dict[int, tuple[ErrorCode, str]]] = {
    WSCloseCode.MESSAGE_TOO_BIG: ("too_large", f"a message over {MAX_TEXT_BYTES} bytes"),
    WSCloseCode.INVALID_TEXT: ("bad_message", "text that is not UTF-8"),
    WSCloseCode.PROTOCOL_ERROR: ("bad_message", "frames unlike those of RFC 6455"),
}


class _Socket(web.WebSocketResponse):
    """Does not close when aiohttp refuses a frame, so that an Error can be sent first."""

    ending = False

    async def close(
        self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True
    ) -> bool:
        if code in _FRAME_FAULTS and not self.ending:
            return False
        return await super().close(code=code, message=message, drain=drain)


class Connection(Generic[M]):
    """One participant's WebSocket, made by ``accept``. One task uses it; ``send``, ``send_audio``
    and ``close`` may be called from any task of the same loop."""

    silence_s: Final[float | None] = None
    """A participant who is gone answers no ping, so its audio need not tell."""

    def __init__(self, response: _Socket, role: Role[M], turn: Turn) -> None:
        self.response: Final = response
        """The response that the request's handler returns at the end."""
        self.outbox: Final = Outbox()
        """What waits to be sent, and counts of what was dropped."""
        self.error: ProtocolError | None = None
        """Why the session ended; None after a normal end."""
        self.all_sent = False
        """Whether everything was sent before the socket closed."""
        self._conversation = Conversation(role)
        self._turn = turn
        self._join_by_s = asyncio.get_running_loop().time() + FIRST_MESSAGE_S
        self._rates = Rates()
        self._faults = 0
        self._pinged: bytes | None = None
        self._pending = asyncio.Event()
        self._ended = False
        self._closed_with: ProtocolError | None = None
        self._closing = asyncio.Event()

    async def receive(self) -> M | bytes | None:
        """Wait for the next message (or bytes: a speaker's audio). None: the participant is gone.

        The first message must come within FIRST_MESSAGE_S. Pings, and faults that do not end the
        session, are answered here. Raises ProtocolError for faults that do.
        """
        while self._closed_with is None:
            await asyncio.sleep(0)  # one message per loop iteration: a flood stalls nobody else
            try:
                async with asyncio.timeout_at(
                    None if self._conversation.joined else self._join_by_s
                ):
                    frame = await self.response.receive()
            except TimeoutError:
                raise ProtocolError("timeout", f"no join within {FIRST_MESSAGE_S:g} s") from None
            now_s = asyncio.get_running_loop().time()
            self._rates.count(now_s, sound=frame.type is WSMsgType.BINARY)
            with self.answering():
                if frame.type is WSMsgType.PING:
                    self._pinged = frame.data
                    self._pending.set()
                elif frame.type is WSMsgType.PONG:
                    pass  # aiohttp's heartbeat has already seen it
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
        """Around the handling of one message: catches a ProtocolError that is not ``fatal`` and
        sends it to the participant. Too many of them, whoever raises them, end the session."""
        try:
            yield
        except ProtocolError as error:
            self._faults += 1
            if error.fatal or self._faults >= MAX_FAULTS:
                raise error.as_fatal(True) from None
            self.send(error.as_message())

    def send(self, message: ServerMessage) -> None:
        """Queue a message. Never waits and never fails; a full outbox ends the session."""
        if self._closed_with is not None:
            return
        if self.outbox.put(message):
            self._pending.set()
        else:
            self.close(_too_slow())

    def send_audio(self, packet: bytes) -> None:
        """Queue an RTP packet. Never waits; if the queue is full, the oldest is dropped."""
        self.outbox.put_audio(packet)
        self._pending.set()

    def close(self, error: ProtocolError) -> None:
        """End the session: send ``error``, and cancel the task inside ``accept``. Never waits;
        only the first call has an effect."""
        if self._closed_with is None:
            self._closed_with = error
            self._closing.set()
            self._say_last(error)

    async def _write(self) -> None:
        """Send what is queued until the session has ended, then close the socket."""
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
            pass  # ``receive`` then returns None

    async def _send_next(self) -> bool:
        """Send one item. False: nothing was queued. Only the last of several pings is answered
        (RFC 6455, 5.5.3)."""
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
        """Let ``_write`` send the rest, and finish."""
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


class _ClosedError(Exception):
    """Raised after ``Connection.close``, to end the task inside ``accept``."""


@asynccontextmanager
async def accept(
    request: web.Request,
    *,
    role: Role[M],
    allowed_origins: Collection[str] = (),
    host: str | None = None,
    turn: Turn = _AT_ONCE,
) -> AsyncIterator[Connection[M]]:
    """Upgrade ``request`` to a WebSocket and keep the session while the ``async with`` lasts.

    ``host``: our name and port as the participant sees them, if a proxy tells; None: the request's.
    ``turn``: awaited before work that takes long: an upgrade, a join, an offer. A ProtocolError
    raised inside ends the session, is sent, and becomes ``Connection.error``. For any other
    exception "internal" is sent, and the exception is raised again.

    Raises web.HTTPForbidden before the upgrade if the page's origin is not allowed.
    """
    refuse_foreign(request, host, allowed_origins)
    await turn()
    response = _Socket(
        timeout=GOODBYE_S,
        heartbeat=HEARTBEAT_S,
        autoping=False,  # aiohttp would answer thousands in one iteration of the loop
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
                    connection.error = ProtocolError("unavailable", "the server is shutting down")
                    raise
                except Exception as error:  # noqa: BLE001  any bug ends this session only
                    known = protocol_error(error)
                    bug = None if known else error
                    connection.error = known or internal_error()
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
