"""Captions over plain HTTP: as server-sent events for programs, as a growing WebVTT for players.

Each reader is a listener who only reads. What waits for it is bounded as on a WebSocket: partial
captions are dropped first, and counted; a reader whose other lines do not fit is sent away.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import web

from server.streams import webvtt
from server.streams.heard import Heard
from server.streams.http_listener import Answer, HttpListeners
from server.streams.registry import Session
from signaling.errors import ProtocolError, excerpt
from signaling.messages import Caption, Captions, Message, ServerMessage, State
from signaling.outbox import Outbox

EVENTS: Final = "/api/streams/{stream}/captions"
WEBVTT: Final = "/captions/{stream}/{language}.vtt"
#: A comment is sent if nothing else was for so long: proxies close connections that are silent.
HEARTBEAT_S: Final = 15.0
#: How often it is looked whether a reader has left.
LOOK_S: Final = 1.0
#: When a browser that lost the connection connects again.
RETRY_MS: Final = 2000
#: The times of a WebVTT may be shifted by a day at most.
MOST_SHIFT_S: Final = 86_400.0
#: A line comes again, with a mark, soon after it came first.
LINES_REMEMBERED: Final = 64

_ENCODER: Final = msgspec.json.Encoder()
#: What to send for a message; b"": nothing.
Format = Callable[[ServerMessage], bytes]


@dataclass(frozen=True)
class TextOut:
    """The handlers."""

    listeners: HttpListeners

    def add_routes(self, app: web.Application) -> None:
        """Serve both formats."""
        self.listeners.add_route(app, EVENTS, self.events)
        self.listeners.add_route(app, WEBVTT, self.webvtt)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: "caption" and "state" with the messages of these names, and "end"
        with an Error. Final lines have an id; those up to ``Last-Event-ID`` are left out, unless
        that is of no line of this stream: of one before, while the clock was wrong."""
        given = ",".join(request.query.getall("language", []))
        known = request.headers.get("Last-Event-ID", "")
        after = int(known) if known.isdecimal() and len(known) < 20 else 0

        async def talk(answer: Answer, session: Session, live: Heard) -> None:
            format = _events(after, lambda: live.notices.newest)
            await answer.write(b"retry: %d\n\n" % RETRY_MS + format(live.state))
            await self._pass_on(answer, session, live, format, b":\n\n")

        async def last(answer: Answer, error: ProtocolError) -> None:
            await answer.write(_event("end", error.as_message()))

        wants = _reads(given.split(","))
        return await self.listeners.answer(request, "text/event-stream", wants, talk, last)

    async def webvtt(self, request: web.Request) -> web.StreamResponse:
        """A WebVTT that grows for as long as it is read. Its times are those of the stream; with
        ``from=now`` they begin with the request. ``offset``: seconds to add to them."""

        async def talk(answer: Answer, session: Session, live: Heard) -> None:
            begin_ms = live.now_ms if request.query.get("from") == "now" else 0
            await answer.write(webvtt.HEADER)
            format = _cues(round(shift_s * 1000) - begin_ms)
            await self._pass_on(answer, session, live, format, webvtt.NOTE)

        shift_s = _seconds(request.query.get("offset", "0"))
        wants = _reads([request.match_info["language"]])
        return await self.listeners.answer(request, "text/vtt", wants, talk)

    async def _pass_on(
        self, answer: Answer, session: Session, live: Heard, format: Format, comment: bytes
    ) -> None:
        """Send a reader its messages, and comments between them, until it leaves."""
        waiting = _Waiting(session)
        live.attach(session, waiting.put)
        quiet_s = 0.0
        try:
            while not answer.gone:
                message = await waiting.next(LOOK_S)
                data = b"" if message is None else format(message)
                quiet_s = 0.0 if data else quiet_s + LOOK_S
                if quiet_s >= HEARTBEAT_S:
                    data, quiet_s = comment, 0.0
                if data:
                    await answer.write(data)
        finally:
            dropped = self.listeners.attendance.metrics.dropped
            dropped.labels("captions").inc(waiting.outbox.dropped_captions)


class _Waiting:
    """The messages that wait for one reader."""

    def __init__(self, session: Session) -> None:
        self.outbox = Outbox()
        self._session = session
        self._came = asyncio.Event()

    def put(self, message: ServerMessage) -> None:
        """Queue a message. If there is no room, the reader is dismissed."""
        if self.outbox.put(message):
            self._came.set()
        else:
            self._session.dismiss(
                ProtocolError("limit", "This connection is too slow: connect again.")
            )

    async def next(self, within_s: float) -> ServerMessage | None:
        """The next message; None if none came in time."""
        if not len(self.outbox):
            self._came.clear()
            try:
                async with asyncio.timeout(within_s):
                    await self._came.wait()
            except TimeoutError:
                return None
        message = self.outbox.take()
        assert not isinstance(message, bytes)
        return message


def _reads(languages: list[str]) -> dict[str, object]:
    """The fields of a reader's join. Raises ProtocolError."""
    if not any(languages):
        raise ProtocolError("bad_message", "No language is named: add ?language=en, for example.")
    return {"audio": "none", "captions": languages}


def _events(after: int, newest: Callable[[], int]) -> Format:
    """Messages as events, without the final lines up to number ``after``, if that is not above
    ``newest``: an edge may get the stream's lines later."""

    def format(message: ServerMessage) -> bytes:
        match message:
            case Captions(captions=lines):
                return b"".join(map(format, lines))
            case Caption(number=number):
                known = 0 < number <= after <= newest()
                return b"" if known else _event("caption", message, number)
            case State():
                return _event("state", message)
        return b""

    return format


def _event(name: str, message: Message, number: int = 0) -> bytes:
    mark = f"id: {number}\n" if number else ""
    return f"event: {name}\n{mark}data: ".encode() + _ENCODER.encode(message) + b"\n\n"


def _cues(shift_ms: int) -> Format:
    """Final lines as cues, each once: a cue that was sent cannot be changed."""
    sent: deque[int] = deque(maxlen=LINES_REMEMBERED)

    def format(message: ServerMessage) -> bytes:
        match message:
            case Captions(captions=lines):
                return b"".join(map(format, lines))
            case Caption(status="final", segment=segment) if segment not in sent:
                sent.append(segment)
                return webvtt.cue(message, shift_ms)
        return b""

    return format


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not abs(seconds) <= MOST_SHIFT_S:
        raise ProtocolError(
            "bad_message", f"offset={excerpt(text)}: expected a number of seconds, at most a day"
        )
    return seconds
