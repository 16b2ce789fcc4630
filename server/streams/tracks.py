"""Which channel of a stream each of its sessions hears."""

from server.media.broadcast import SubscriberTrack
from server.media.playout import StreamPlayout
from server.streams.registry import Session, Stream, language_of


class Tracks:
    """One stream's: a track for each session whose connection wants one."""

    def __init__(self, stream: Stream, playout: StreamPlayout) -> None:
        self._stream = stream
        self._playout = playout
        self._tracks: dict[Session, SubscriberTrack] = {}

    def add(self, session: Session) -> SubscriberTrack:
        """What the session hears from now on, whatever it selects; for one connection."""
        track = SubscriberTrack(self._playout.channel(self._heard_by(session)))
        self._tracks[session] = track
        return track

    def remove(self, session: Session) -> None:
        """The session is gone."""
        self._tracks.pop(session, None)

    def reroute(self, session: Session) -> None:
        """The session's channel changed."""
        if track := self._tracks.get(session):
            track.select(self._playout.channel(self._heard_by(session)))

    def reroute_all(self) -> None:
        """Another language is spoken: who listens to that hears the floor."""
        for session in self._tracks:
            self.reroute(session)

    def close_unheard(self) -> None:
        """Channels that nobody is on are not encoded."""
        heard = {track.broadcast.name for track in self._tracks.values()}
        for name in set(self._playout.channels) - heard:
            self._playout.close_channel(name)

    def _heard_by(self, session: Session) -> str:
        """The session's channel; the floor where that is in the speaker's own language."""
        channel = session.channel or "floor"
        return channel if language_of(channel) != self._stream.source else "floor"
