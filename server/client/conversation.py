"""A headless participant's signaling with the server. ``participants`` builds on it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple, Self, TypeVar

import aiohttp
import msgspec

from signaling import messages as wire

CONNECT_S = 15.0
CLOSE_S = 5.0
#: The messages that ``ended`` keeps.
KEPT = 100

M = TypeVar("M", bound=wire.Message)
_decoder: msgspec.json.Decoder[wire.ServerMessage] = msgspec.json.Decoder(wire.ServerMessage)
_encoder = msgspec.json.Encoder()


class Refused(Exception):
    """The server refused the session or a message, or ended the session. ``error``: its message;
    None if it closed the socket without one."""

    def __init__(self, error: wire.Error | None) -> None:
        super().__init__(f"{error.code}: {error.message}" if error else "the session is over")
        self.error = error


class NoAudio(ConnectionError):
    """The server accepted the session, but no audio can flow."""


class Received(NamedTuple):
    """A message and when it came, on the loop's clock."""

    at_s: float
    message: wire.ServerMessage


class Participant:
    """The base of all participants: the WebSocket, and the connection for audio.

    ``joined``: the server's answer to the join. ``received``: all the server's messages, in order.
    ``started_s``: when the participant began to join, on the loop's clock. ``local_address``: the
    address of this machine that reaches the server. ``connection``: aiortc's, for audio, from the
    offer on.
    """

    joined: wire.Joined
    connection: Any

    def __init__(self, url: str, join: wire.Message, tls: ssl.SSLContext | bool) -> None:
        self._url = url
        self._join = join
        self._tls = tls
        self._changed = asyncio.Event()
        self.closed = False
        self.received: list[Received] = []

    async def __aenter__(self) -> Self:
        self._stay = self._joined()
        await self._stay.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> bool | None:
        return await self._stay.__aexit__(*raised)  # type: ignore[arg-type]

    @asynccontextmanager
    async def _joined(self) -> AsyncIterator[None]:
        self.started_s = asyncio.get_running_loop().time()
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            async with asyncio.timeout(CONNECT_S):
                self.socket = await stack.enter_async_context(
                    session.ws_connect(
                        self._url, ssl=self._tls, timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S)
                    )
                )
            self.local_address = str(self.socket.get_extra_info("sockname")[0])
            await stack.enter_async_context(alongside(self._read(), "client-reader"))
            self.joined = await self.ask(self._join, wire.Joined)
            await self._start_sound(stack)
            yield

    async def _start_sound(self, stack: AsyncExitStack) -> None:
        """Send or receive audio as long as ``stack`` lasts."""

    def _hear_packet(self, data: bytes, at_s: float) -> None:
        """A binary message came."""

    def _end(self) -> None:
        """The WebSocket is closed."""
        self.closed = True
        self._changed.set()

    def refusal(self) -> Refused:
        """Why the session ended."""
        errors = [each for _, each in self.received if isinstance(each, wire.Error)]
        return Refused(errors[-1] if errors else None)

    async def ended(self, within_s: float) -> bool:
        """Wait until the session is over, but not longer than ``within_s``; say whether it is.
        Only the latest messages are kept."""
        try:
            async with asyncio.timeout(within_s):
                while not self.closed:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass
        del self.received[:-KEPT]
        return self.closed

    async def send(self, message: wire.Message) -> None:
        """Send a message. Raises Refused if the session has ended."""
        if self.closed:
            raise self.refusal()
        await self.socket.send_str(_encoder.encode(message).decode())

    async def ask(self, message: wire.Message, kind: type[M]) -> M:
        """Send ``message`` and wait for its answer. Raises Refused if that is any Error."""
        since = len(self.received)
        await self.send(message)
        return await self.expect(kind, since=since, any_error=True)

    async def expect(
        self,
        kind: type[M],
        where: Callable[[M], bool] = lambda message: True,
        *,
        since: int = 0,
        within_s: float = 10.0,
        any_error: bool = False,
    ) -> M:
        """Wait for the first message of ``kind`` for which ``where`` is true, from
        ``received[since:]`` on. Raises TimeoutError, or Refused if the session ends first (with
        ``any_error``: at any Error)."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    for _, message in self.received[since:]:
                        if isinstance(message, kind) and where(message):
                            return message
                        if isinstance(message, wire.Error) and (message.fatal or any_error):
                            raise Refused(message)
                    since = len(self.received)
                    if self.closed:
                        raise self.refusal()
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"no such {kind.__name__} within {within_s:g} s") from None

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async for frame in self.socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    self.received.append(Received(loop.time(), _decoder.decode(frame.data)))
                    self._changed.set()
                elif frame.type is aiohttp.WSMsgType.BINARY:
                    self._hear_packet(frame.data, loop.time())
        finally:
            self._end()


@asynccontextmanager
async def alongside(work: Coroutine[object, object, None], name: str) -> AsyncIterator[None]:
    """Run ``work`` while the body runs. An exception of the body is raised without a group."""
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work, name=name)
            try:
                yield
            finally:
                task.cancel()
    except ExceptionGroup as raised:
        if len(raised.exceptions) > 1:
            raise
        error = raised.exceptions[0]
        raise error from error.__cause__  # noqa: ASYNC123
