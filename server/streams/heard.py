"""Streams as their listeners use them, wherever they are."""

from typing import Protocol, TypeVar

from server.streams.notices import Notices, Send
from server.streams.registry import Session, Stream
from server.streams.tracks import Tracks
from signaling.messages import State


class Heard(Protocol):
    """A stream: a LiveStream of this server, or one that is at a hub. ``tracks``: the sound.
    ``notices``: what its participants are told."""

    stream: Stream
    tracks: Tracks
    notices: Notices

    @property
    def channels(self) -> list[str]:
        """The channels that listeners can choose now."""

    @property
    def state(self) -> State:
        """The stream's state, as participants are told."""

    @property
    def now_ms(self) -> int:
        """The stream's time now, in milliseconds, as captions have it."""

    def attach(self, session: Session, send: Send) -> None:
        """Send the participant its messages from now on, through ``send``."""

    def selected(self, session: Session, captions_changed: bool) -> None:
        """The session's channel or captions changed."""

    def detach(self, session: Session) -> None:
        """The participant left."""

    def finish(self) -> None:
        """The speaker left, if it had one here."""


#: The kind of streams that a server has.
H_co = TypeVar("H_co", bound=Heard, covariant=True)


class Streams(Protocol[H_co]):
    """All streams that have participants here."""

    def of(self, stream: Stream) -> H_co:
        """The one of ``stream``, made at the first call."""

    def state(self, stream_id: str) -> State | None:
        """The state of a stream, if the stream exists."""
