"""Captions as HLS, for players of video: a media playlist of WebVTT segments (RFC 8216, 3.5).

- A player asks again and again. All who ask for one language of a stream are one reader, a listener
  who only reads. It has left once nobody has asked for ASKED_S.
- Time is that of the clock, as a video's is: it goes on while nobody speaks. 0 is LEAD_S before the
  first request, so that the playlist has segments at once.
- A segment is published READY_S after its end. A line that comes later begins with the next one.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from aiohttp import hdrs, web

from server.streams.heard import Heard
from server.streams.http_listener import HttpListeners
from server.streams.webvtt import cue
from signaling.errors import ProtocolError
from signaling.messages import Caption, JoinListener, ServerMessage
from signaling.protocol import listener_join, parse_stream_id
from signaling.tokens import bearer_token

PLAYLIST: Final = "/captions/{stream}/{language}.m3u8"
SEGMENT: Final = "/captions/{stream}/{language}/{number:[0-9]{1,9}}.vtt"
SEGMENT_S: Final = 4.0
#: An interpreted line comes 1 to 4 s after it was said.
READY_S: Final = 4.0
#: Segments in the playlist; they can be fetched a little longer.
LISTED: Final = 6
LEAD_S: Final = READY_S + LISTED * SEGMENT_S
ASKED_S: Final = 30.0
#: Cues of a segment; there are few.
MOST_CUES: Final = 64
#: As the timestamps of MPEG-TS do, the times of cues begin with the stream.
_HEAD: Final = b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n"


class Reader:
    """The lines of one language. ``clock``: in seconds. ``now_ms``: stream time."""

    def __init__(self, clock: Callable[[], float], now_ms: Callable[[], int]) -> None:
        self.asked_s = clock()
        self._begun_s = clock() - LEAD_S
        self._begun = datetime.now(UTC) - timedelta(seconds=LEAD_S)
        self._clock, self._now_ms = clock, now_ms
        self._cues: dict[int, dict[int, bytes]] = {}

    @property
    def _next(self) -> int:
        """The first segment that is not published yet."""
        return int((self._clock() - self._begun_s - READY_S) / SEGMENT_S)

    def put(self, message: ServerMessage) -> None:
        """Take a final line, once."""
        if not isinstance(message, Caption) or message.status != "final":
            return
        if any(message.segment in cues for cues in self._cues.values()):
            return
        now_ms = round((self._clock() - self._begun_s) * 1000)
        shift_ms = now_ms - self._now_ms()
        first = self._next
        late_ms = max(0, round(first * SEGMENT_S * 1000) - (message.start_ms + shift_ms))
        number = max(first, int((message.start_ms + shift_ms) / 1000 / SEGMENT_S))
        cues = self._cues.setdefault(number, {})
        if len(cues) < MOST_CUES:
            cues[message.segment] = cue(message, shift_ms + late_ms)
        for old in [each for each in self._cues if each < first - 2 * LISTED]:
            del self._cues[old]

    def playlist(self, address: Callable[[int], str]) -> str:
        """The playlist now. ``address``: of a segment."""
        end = self._next
        begun = self._begun + timedelta(seconds=(end - LISTED) * SEGMENT_S)
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:3",
            f"#EXT-X-TARGETDURATION:{SEGMENT_S:.0f}",
            f"#EXT-X-MEDIA-SEQUENCE:{end - LISTED}",
            f"#EXT-X-PROGRAM-DATE-TIME:{begun.isoformat(timespec='milliseconds')}",
        ]
        for number in range(end - LISTED, end):
            lines += [f"#EXTINF:{SEGMENT_S:.3f},", address(number)]
        return "\n".join(lines) + "\n"

    def segment(self, number: int) -> bytes | None:
        """A published segment; None: it is not, or not any more."""
        if not self._next - 2 * LISTED <= number < self._next:
            return None
        return _HEAD + b"".join(self._cues.get(number, {}).values())


@dataclass(frozen=True)
class HlsText:
    """The handlers."""

    listeners: HttpListeners
    _readers: dict[tuple[str, str], Reader] = field(default_factory=dict)

    def add_routes(self, app: web.Application) -> None:
        """Serve playlists and segments."""
        self.listeners.add_route(app, PLAYLIST, self.playlist)
        self.listeners.add_route(app, SEGMENT, self.segment)

    async def playlist(self, request: web.Request) -> web.Response:
        """The segments of the last half minute. Raises ProtocolError."""
        stream, join = self._checked(request)
        (language,) = join.captions
        reader = self._readers.get((stream, language)) or self._begin(request, stream, join)
        reader.asked_s = asyncio.get_running_loop().time()
        token = request.query.get("token")
        query = f"?{urlencode({'token': token})}" if token else ""
        text = reader.playlist(lambda number: f"{language}/{number}.vtt{query}")
        return self._response(request, "application/vnd.apple.mpegurl", text.encode())

    async def segment(self, request: web.Request) -> web.Response:
        """A segment. Raises ProtocolError, web.HTTPNotFound."""
        stream, join = self._checked(request)
        reader = self._readers.get((stream, join.captions[0]))
        data = reader.segment(int(request.match_info["number"])) if reader else None
        if data is None:
            raise web.HTTPNotFound(text="this segment is not there yet, or not any more")
        return self._response(request, "text/vtt", data)

    def _checked(self, request: web.Request) -> tuple[str, JoinListener]:
        language = request.match_info["language"]
        token = bearer_token(request.headers.get(hdrs.AUTHORIZATION), request.query)
        join = listener_join({"token": token, "audio": "none", "captions": [language]})
        stream = parse_stream_id(request.match_info["stream"])
        self.listeners.attendance.check_captions(stream, join)
        return stream, join

    def _begin(self, request: web.Request, stream: str, join: JoinListener) -> Reader:
        """A listener joins, and leaves once nobody asks any more. Raises ProtocolError."""
        attendance, loop = self.listeners.attendance, asyncio.get_running_loop()
        key = stream, join.captions[0]
        stay = ExitStack()
        site = self.listeners.visitor(request).site

        def dismiss(error: ProtocolError) -> None:
            loop.call_soon(stay.close)

        session = attendance.join_listener(stream, site, join, dismiss)
        live: Heard = stay.enter_context(attendance.present(session))
        reader = self._readers[key] = Reader(loop.time, lambda: live.now_ms)
        stay.callback(self._readers.pop, key)
        live.attach(session, reader.put)

        def look() -> None:
            if loop.time() - reader.asked_s > ASKED_S:
                stay.close()
            elif self._readers.get(key) is reader:
                loop.call_later(ASKED_S / 4, look)

        loop.call_later(ASKED_S / 4, look)
        return reader

    def _response(self, request: web.Request, content_type: str, body: bytes) -> web.Response:
        headers = {hdrs.CONTENT_TYPE: content_type, **self.listeners.headers(request)}
        return web.Response(body=body, headers=headers)
