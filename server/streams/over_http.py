"""What is sent to listeners over plain HTTP."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from server.http.netinfo import Visitor
from server.streams.attendance import Attendance
from server.streams.heard import Heard
from server.streams.hls_text import HlsText
from server.streams.http_listener import HttpListeners
from server.streams.sound_out import SoundOut
from server.streams.text_out import TextOut


@dataclass(frozen=True)
class OverHttp:
    """Text and sound over plain HTTP; the fields are those of HttpListeners."""

    attendance: Attendance[Heard]
    visitor: Callable[[web.Request], Visitor]
    allowed_origins: Sequence[str]

    def add_routes(self, app: web.Application) -> None:
        """Serve all of it."""
        listeners = HttpListeners(self.attendance, self.visitor, self.allowed_origins)
        TextOut(listeners).add_routes(app)
        HlsText(listeners).add_routes(app)
        SoundOut(listeners).add_routes(app)
