"""All streams and their sessions, and the limits on them. No I/O, no clock of its own.

A stream outlives its connections: it exists from its first participant until it has been empty
for a while. At most one session speaks in it. A session ends when its participant leaves, or when
it is dismissed: by another session that resumes it with its ``resume`` secret, by another speaker
who takes over, or because the server stops.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import cycle

from server.streams import dismissals, places
from server.streams.stream import Dismiss, Role, Session, Stream, language_of
from signaling.errors import ProtocolError

__all__ = ["ConnectionManager", "Dismiss", "Role", "Session", "Stream", "language_of"]

#: When participants are told to come back after the server stopped.
BACK_S = 2.0
#: Of one stream, in all languages.
MAX_INTERPRETERS = 32


class ConnectionManager:
    """All streams, and the limits on them."""

    def __init__(
        self,
        *,
        max_streams: int = 20,
        max_listeners: int = 500,
        max_sessions_per_address: int = 500,
        empty_s: float = 15.0,
    ) -> None:
        self.max_streams = max_streams
        self.max_listeners = max_listeners
        self.empty_s = empty_s
        self.streams: dict[str, Stream] = {}
        self._sessions: dict[str, Session] = {}
        self.addresses = places.Addresses(max_sessions_per_address)
        self.draining = False
        self.back_s = BACK_S
        #: Called before somebody speaks in a stream, with whether they may take over. Raises
        #: ProtocolError if the stream is another server's.
        self.before_speaking: Callable[[str, bool], None] = lambda stream, take_over: None
        #: Called when nobody is admitted any more, before participants are told to come back.
        self.on_close: Callable[[], None] = lambda: None

    @property
    def sessions(self) -> Iterable[Session]:
        """All sessions, of all streams."""
        return self._sessions.values()

    def knows(self, resume: str) -> bool:
        """Whether ``resume`` is the secret of a session."""
        return resume in self._sessions

    def join_speaker(
        self,
        stream_id: str,
        address: str,
        source: str,
        dismiss: Dismiss,
        *,
        resume: str | None,
        take_over: bool,
        languages: Collection[str] | None = None,
        wings: bool = False,
    ) -> Session:
        """Make a speaker's session, and dismiss the speaker that it replaces. ``source``: the
        spoken language, or AUTO: then it is detected among ``languages``, and a language detected
        before counts until then. ``wings``: it does not speak yet, and replaces nobody but the
        session that it resumes. Who resumes a session while somebody else speaks waits, too.

        Raises ProtocolError: speaker_present, limit, unavailable.
        """
        stream = self.streams.get(stream_id)
        speaker = stream.speaker if stream else None
        own = self._resumed(stream, resume)
        if own is not None and speaker not in (None, own) and not take_over:
            wings = True
        if not wings:
            self.before_speaking(stream_id, take_over)
            if speaker is not None and speaker is not own and not take_over:
                raise ProtocolError(
                    "speaker_present",
                    f"Somebody speaks in {stream_id!r} already. Use another stream's name, or "
                    "take over with a token that allows it.",
                )
        elif own is speaker:
            own = None  # it goes on until its connection is known to be gone
        stream = self._stream(stream_id, address, instead=own)
        paused = own is not None and own is speaker and stream.state == "paused"
        if own is not None:
            self._replace(own)
        if speaker is not None and speaker is not own and not wings:
            self._replace(speaker, by_another=True)
        session = Session("speaker", stream, address, dismiss)
        self._admit(session, resume if own is not None and not take_over else None)
        session.languages, session.speaks = languages, source
        if wings:
            stream.wings.add(session)
        else:
            stream.give_to(session)
            if paused:
                stream.state = "paused"
        return session

    def _resumed(self, stream: Stream | None, resume: str | None) -> Session | None:
        """The session in ``stream`` of a speaker, or of somebody who waits to speak, with this
        secret."""
        found = self._sessions.get(resume or "")
        known = found is not None and found.role == "speaker" and found.stream is stream
        return found if known else None

    def join_listener(
        self,
        stream_id: str,
        address: str,
        channel: str | None,
        captions: Iterable[str],
        dismiss: Dismiss,
        *,
        resume: str | None,
        claims: bool = False,
        interprets: str | None = None,
    ) -> Session:
        """Make the session of a listener, or of an interpreter into the language ``interprets``.
        ``claims``: with a token. Raises ProtocolError: limit, unavailable."""
        role: Role = "interpreter" if interprets else "listener"
        old = self._sessions.get(resume) if resume else None
        if old is not None and (old.role != role or old.stream.id != stream_id):
            old = None
        stream = self._stream(stream_id, address, place=claims, instead=old)
        if old is not None:
            self._replace(old)
        those = stream.interpreters if interprets else stream.listeners
        most = MAX_INTERPRETERS if interprets else self.max_listeners
        if len(those) >= most:
            raise ProtocolError(
                "limit",
                f"{stream_id!r} has its {most} {role}s already. Try again later.",
                retry_after_s=30,
            )
        session = Session(role, stream, address, dismiss, channel, frozenset(captions))
        session.claims = claims
        session.languages = (interprets,) if interprets else None
        self._admit(session, resume if old is not None else None)
        those.add(session)
        return session

    def join_talk(self, address: str, source: str, target: str, dismiss: Dismiss) -> Session:
        """Make the session of somebody who is alone in a stream and hears their own
        interpretation."""
        stream = self._stream("talk-" + secrets.token_urlsafe(12), address)
        stream.is_private = True
        session = Session("talk", stream, address, dismiss, target, speaks=source)
        self._admit(session, None)
        stream.give_to(session)
        session.captions = frozenset({source, target})
        return session

    def select(self, session: Session, channel: str | None, captions: Iterable[str] | None) -> None:
        """Change a listener's channel or captions; None: unchanged."""
        if channel is not None:
            session.channel = channel
        if captions is not None:
            session.captions = frozenset(captions)

    def leave(self, session: Session, now: float) -> None:
        """The session ended. Has no effect if it was replaced or left before."""
        if self._sessions.get(session.resume) is session:
            del self._sessions[session.resume]
            self.addresses.remove(session.address)
        stream = session.stream
        stream.discard(session)
        if stream.speaker is session:
            stream.speaker = None
            if stream.state != "ended":
                stream.state = "waiting"
        if stream.is_empty and stream.empty_since is None:
            stream.empty_since = now

    def expire(self, now: float, on_removed: Callable[[Stream], None]) -> None:
        """Remove the streams that were empty for ``empty_s``, those without a place at once; call
        ``on_removed`` with each."""
        for stream in list(self.streams.values()):
            places.release(stream, now)
            since, kept_s = stream.empty_since, self.empty_s if stream.has_place else 0
            if stream.is_empty and since is not None and now - since >= kept_s:
                del self.streams[stream.id]
                on_removed(stream)

    def close(self, elsewhere: Sequence[str] = ()) -> None:
        """Admit nobody any more, and dismiss everybody. ``elsewhere``: where listeners go on."""
        self.draining = True
        self.on_close()
        for session, url in zip(list(self._sessions.values()), cycle(elsewhere or [None])):
            session.dismiss(dismissals.moved(url) if url else dismissals.going_away(self.back_s))

    def _stream(
        self, stream_id: str, address: str, place: bool = True, instead: Session | None = None
    ) -> Stream:
        """The stream, made if it does not exist; ``place``: it takes one. Checks the limits, for a
        session that comes ``instead`` of this one."""
        if self.draining:
            raise dismissals.going_away(self.back_s)
        if instead is None or instead.address != address:
            self.addresses.check(address)
        stream = self.streams.get(stream_id)
        if stream is None or (place and not stream.has_place):
            places.check(self.streams.values(), self.max_streams, place=place)
        if stream is None:
            stream = self.streams[stream_id] = Stream(stream_id)
        stream.has_place |= place
        stream.empty_since = None
        return stream

    def _admit(self, session: Session, resume: str | None) -> None:
        """Register the session. ``resume``: the secret of the session that it resumes, to keep."""
        if resume:
            session.resume = resume
        self._sessions[session.resume] = session
        self.addresses.add(session.address)

    def _replace(self, session: Session, by_another: bool = False) -> None:
        session.dismiss(dismissals.taken_over() if by_another else dismissals.gone_on())
        if self._sessions.get(session.resume) is session:
            del self._sessions[session.resume]
            self.addresses.remove(session.address)
        session.stream.discard(session)
        if session.stream.speaker is session:
            session.stream.speaker = None
