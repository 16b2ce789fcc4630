"""A channel's sound over plain HTTP, as an Ogg stream without an end.

For VLC, FFmpeg, or the player of a hearing loop. The packets are the channel's own, as all its
listeners get them: nothing is encoded for such a listener.
"""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from server.media.broadcast import MediaStreamError
from server.media.ogg import OggOpus
from server.streams.heard import Heard
from server.streams.http_listener import Answer, HttpListeners
from server.streams.registry import Session

PATH: Final = "/listen/{stream}/{channel}.ogg"
#: So many are sent at once, 60 ms: each sending takes three times the processor time of a packet.
TOGETHER: Final = 3
#: A listener's queue: a second. TCP repeats what is lost, and until then nothing more arrives.
QUEUE_PACKETS: Final = 50


@dataclass(frozen=True)
class SoundOut:
    """The handler."""

    listeners: HttpListeners

    def add_routes(self, app: web.Application) -> None:
        """Serve the channels of all streams."""
        self.listeners.add_route(app, PATH, self.ogg)

    async def ogg(self, request: web.Request) -> web.StreamResponse:
        """A channel as Ogg/Opus, from now on. If the listener is too slow, the oldest packets are
        dropped, counted, and concealed by its decoder."""
        wants: dict[str, object] = {"channel": request.match_info["channel"], "audio": "socket"}
        return await self.listeners.answer(request, "audio/ogg; codecs=opus", wants, self._play)

    async def _play(self, answer: Answer, session: Session, live: Heard) -> None:
        live.attach(session, lambda message: None)
        track = live.tracks.add(session, QUEUE_PACKETS, gapless=True)
        ogg = OggOpus()
        try:
            while True:
                pages = []
                for _ in range(TOGETHER):
                    packet = await track.recv()
                    pages.append(ogg.push(packet.pts or 0, bytes(packet)))
                await answer.write(b"".join(pages))
        except MediaStreamError:
            await answer.write(ogg.close())
        finally:
            ogg.free()
            track.stop()
            self.listeners.attendance.metrics.dropped.labels("http_audio").inc(track.dropped)
