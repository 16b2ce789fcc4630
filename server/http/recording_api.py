"""The HTTP API of recordings: switch them on and off. Archive has the rest of it.

GET and PUT /api/streams/{stream}/recording. Everybody may know what is recorded; an operator of
the stream may change it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import web

from server.http.access import Access
from server.http.archive import Archive
from server.http.operators import body_of, operated, token_of
from server.http.refusals import Refusal
from server.recording.recorder import Recorder
from server.recording.recordings import Recordings
from signaling.errors import ProtocolError
from signaling.messages import Recorded
from signaling.protocol import parse_stream_id

SWITCH: Final = "/api/streams/{stream}/recording"
EXPECTED: Final = '{"recording": ["audio", "text"]}, or [] for nothing'


class _Switch(msgspec.Struct, frozen=True):
    recording: list[Recorded]


@dataclass(frozen=True)
class RecordingApi:
    """The handlers. ``recorder`` returns that of a stream, if the stream exists."""

    recordings: Recordings
    access: Access
    recorder: Callable[[str], Recorder | None]

    def add_routes(self, app: web.Application) -> None:
        """Serve the switch of each stream, and the recordings."""
        Archive(self.recordings, self.access).add_routes(app)
        app.router.add_get(SWITCH, self.get)
        app.router.add_put(SWITCH, self.put)

    async def get(self, request: web.Request) -> web.Response:
        """What is recorded of the stream while somebody speaks; to an operator also why not."""
        try:
            stream, token = parse_stream_id(request.match_info["stream"]), token_of(request)
            operator = token is not None and self.access.grants(token, stream).operate
            return self._state(stream, operator)
        except ProtocolError as error:
            raise Refusal(error) from error

    async def put(self, request: web.Request) -> web.Response:
        """Record what the body says: ``{"recording": ["audio", "text"]}``; [] for nothing."""
        try:
            stream = operated(self.access, request)
            wanted = await body_of(request, _Switch, EXPECTED)
            self.recordings.ask(stream, wanted.recording)
        except ProtocolError as error:
            raise Refusal(error) from error
        if recorder := self.recorder(stream):
            recorder.asked()
        return self._state(stream, operator=True)

    def _state(self, stream: str, operator: bool) -> web.Response:
        recorder = self.recorder(stream)
        kinds = self.recordings.kinds(stream) if recorder is None else recorder.kinds
        state = {"recording": kinds, "running": recorder is not None and recorder.is_running}
        if operator:
            state["problem"] = "" if recorder is None else recorder.problem
        return web.json_response(state)
