"""The tracks of a stream's sessions: connects each session to the channel that it hears."""

from collections.abc import Mapping
from typing import Protocol

from server.media.broadcast import QUEUE_PACKETS, Broadcast, SubscriberTrack
from server.streams.registry import Session, Stream, language_of


class Channels(Protocol):
    """What plays the channels of a stream: see StreamPlayout."""

    @property
    def channels(self) -> Mapping[str, Broadcast]:
        """The open channels, by name."""

    def channel(self, name: str) -> Broadcast:
        """The channel of that name, which is opened if it is not open."""

    def close_channel(self, name: str) -> None:
        """Close a channel. Its tracks are stopped."""


class Tracks:
    """The tracks of one stream: one for each session that receives audio, and those recorded.
    ``as_named``: each session hears the channel that it names, whatever is spoken."""

    def __init__(self, stream: Stream, playout: Channels, as_named: bool = False) -> None:
        self._stream = stream
        self._playout = playout
        self._as_named = as_named
        self._tracks: dict[Session, SubscriberTrack] = {}
        self._recorded: set[SubscriberTrack] = set()

    def add(
        self, session: Session, queue_packets: int = QUEUE_PACKETS, gapless: bool = False
    ) -> SubscriberTrack:
        """A new track for one connection of the session. It follows the channel that the session
        selects."""
        channel = self._playout.channel(self._heard_by(session))
        track = SubscriberTrack(channel, queue_packets, gapless)
        self._tracks[session] = track
        return track

    def record(self, name: str, queue_packets: int) -> SubscriberTrack:
        """A track with every packet of a channel, until ``stop_recording``."""
        track = SubscriberTrack(self._playout.channel(name), queue_packets, gapless=True)
        self._recorded.add(track)
        return track

    def stop_recording(self, track: SubscriberTrack) -> None:
        """The track is not needed any more."""
        self._recorded.discard(track)
        track.stop()

    def remove(self, session: Session) -> None:
        """The session ended."""
        self._tracks.pop(session, None)

    def reroute(self, session: Session) -> None:
        """Connect the session's track to its channel, after a change."""
        if track := self._tracks.get(session):
            track.select(self._playout.channel(self._heard_by(session)))

    def reroute_all(self) -> None:
        """Connect all tracks anew, as another language is spoken: its listeners hear the floor."""
        for session in self._tracks:
            self.reroute(session)

    def close_unheard(self) -> None:
        """Close the channels that nobody hears or records, so that they are not encoded."""
        tracks = (*self._tracks.values(), *self._recorded)
        heard = {track.broadcast.name for track in tracks}
        for name in set(self._playout.channels) - heard:
            self._playout.close_channel(name)

    def _heard_by(self, session: Session) -> str:
        """The session's channel; the floor if the channel is in the spoken language."""
        channel = session.channel or "floor"
        if self._as_named or language_of(channel) != self._stream.source:
            return channel
        return "floor"
