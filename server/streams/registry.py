"""The streams and their sessions: who speaks, who listens to what. No I/O, no clock of its own.

A stream outlives its connections: it exists from its first participant until it has been empty
for a while. At most one session speaks in it. A session ends when its participant leaves, or when
it is dismissed: by another session that resumes it with its ``resume`` secret, by another speaker
who takes over, or because the server stops.
"""

import re
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from signaling.errors import ProtocolError
from signaling.messages import AUTO, StreamState

Role = Literal["speaker", "listener", "talk"]
#: Closes a participant's connection with this error.
Dismiss = Callable[[ProtocolError], None]
_CHANNEL = re.compile(r"^(?:floor|(?P<language>[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)(?:\+floor)?)$")


def language_of(channel: str) -> str | None:
    """The language interpreted on a channel: "en" for "en" and "en+floor", None for "floor"."""
    match = _CHANNEL.match(channel)
    return match["language"] if match else None


@dataclass(eq=False, slots=True)
class Session:
    """One participant's stay in a stream. ``channel``: what it hears; None: nothing. ``captions``:
    the languages that it reads. ``languages``: those that a speaker may speak; None: all."""

    role: Role
    stream: "Stream"
    address: str
    dismiss: Dismiss
    channel: str | None = None
    captions: frozenset[str] = frozenset()
    languages: Collection[str] | None = None
    resume: str = field(default_factory=lambda: secrets.token_urlsafe(18))


@dataclass(eq=False, slots=True)
class Stream:
    """A stream, its participants and what they want. ``source``: the spoken language; with
    ``auto`` it is detected, and None until then."""

    id: str
    state: StreamState = "waiting"
    source: str | None = None
    auto: bool = False
    speaker: Session | None = None
    listeners: set[Session] = field(default_factory=set)
    empty_since: float | None = None
    _last_wanted: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def is_private(self) -> bool:
        """Whether somebody is alone in it, hearing themselves: it is not listed."""
        return self.speaker is not None and self.speaker.role == "talk"

    @property
    def is_empty(self) -> bool:
        """Whether nobody speaks or listens."""
        return self.speaker is None and not self.listeners

    def speak(self, language: str) -> None:
        """Set the spoken language. With AUTO it is detected; until then the last one counts."""
        self.auto = language == AUTO
        if not self.auto:
            self.source = language

    def audience(self) -> dict[str, int]:
        """The number of listeners by channel. Those who only read captions count as "captions"."""
        return dict(Counter(each.channel or "captions" for each in self.listeners))

    def listeners_by_language(self) -> dict[str, int]:
        """The number of participants who hear each language. The floor does not count."""
        everyone = [*self.listeners, *([self.speaker] if self.speaker else [])]
        languages = (language_of(each.channel or "floor") for each in everyone)
        return dict(Counter(language for language in languages if language))

    def wanted(self, now: float, linger_s: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The languages to speak, and the languages only to write, that somebody wanted within
        the last ``linger_s`` seconds. In order of first demand, without the source language."""
        everyone = list(self.listeners) + ([self.speaker] if self.speaker else [])
        for session in everyone:
            language = language_of(session.channel) if session.channel else None
            if language:
                self._last_wanted[language, "speech"] = now
            for caption in session.captions:
                self._last_wanted[caption, "text"] = now
        for key, last in list(self._last_wanted.items()):
            if now - last >= linger_s and now > last:
                del self._last_wanted[key]
        live = [key for key in self._last_wanted if key[0] != self.source]
        speech = tuple(each for each, kind in live if kind == "speech")
        text = tuple(each for each, kind in live if kind == "text" and each not in speech)
        return speech, text


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
        self.max_sessions_per_address = max_sessions_per_address
        self.empty_s = empty_s
        self.streams: dict[str, Stream] = {}
        self._sessions: dict[str, Session] = {}
        self._addresses: Counter[str] = Counter()
        self.draining = False

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
    ) -> Session:
        """Make a speaker's session, and dismiss the speaker that it replaces. ``source``: the
        spoken language, or AUTO: then it is detected among ``languages``, and a language detected
        before counts until then.

        Raises ProtocolError: speaker_present, limit, unavailable.
        """
        stream = self.streams.get(stream_id)
        current = stream.speaker if stream else None
        if current is not None:
            if not take_over and not _same(resume, current.resume):
                raise ProtocolError(
                    "speaker_present",
                    f"Somebody speaks in {stream_id!r} already. Use another stream's name, or "
                    "take over with a token that allows it.",
                )
            self._replace(current)
        session = Session("speaker", self._stream(stream_id, address), address, dismiss)
        self._admit(session, resume if current is not None and not take_over else None)
        session.languages = languages
        session.stream.speaker = session
        if source == AUTO and not session.stream.auto:
            session.stream.source = None
        session.stream.speak(source)
        session.captions = frozenset([session.stream.source] if session.stream.source else [])
        session.stream.state = "live"
        return session

    def join_listener(
        self,
        stream_id: str,
        address: str,
        channel: str | None,
        captions: Iterable[str],
        dismiss: Dismiss,
        *,
        resume: str | None,
    ) -> Session:
        """Make a listener's session. Raises ProtocolError: limit, unavailable."""
        old = self._sessions.get(resume) if resume else None
        if old is not None and old.role == "listener" and old.stream.id == stream_id:
            self._replace(old)
        else:
            old = None
        stream = self._stream(stream_id, address)
        if len(stream.listeners) >= self.max_listeners:
            raise ProtocolError(
                "limit",
                f"{stream_id!r} has its {self.max_listeners} listeners already. Try again later.",
                retry_after_s=30,
            )
        session = Session("listener", stream, address, dismiss, channel, frozenset(captions))
        self._admit(session, resume if old is not None else None)
        stream.listeners.add(session)
        return session

    def join_talk(self, address: str, source: str, target: str, dismiss: Dismiss) -> Session:
        """Make the session of somebody who is alone in a stream and hears their own
        interpretation."""
        stream = self._stream("talk-" + secrets.token_urlsafe(12), address)
        session = Session("talk", stream, address, dismiss, target, frozenset({source, target}))
        self._admit(session, None)
        stream.speaker = session
        stream.speak(source)
        stream.state = "live"
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
            self._forget_address(session.address)
        stream = session.stream
        stream.listeners.discard(session)
        if stream.speaker is session:
            stream.speaker = None
            if stream.state != "ended":
                stream.state = "waiting"
        if stream.is_empty and stream.empty_since is None:
            stream.empty_since = now

    def expire(self, now: float, on_removed: Callable[[Stream], None]) -> None:
        """Remove the streams that were empty for ``empty_s``; call ``on_removed`` with each."""
        for stream in list(self.streams.values()):
            since = stream.empty_since
            if stream.is_empty and since is not None and now - since >= self.empty_s:
                del self.streams[stream.id]
                on_removed(stream)

    def close(self) -> None:
        """Admit nobody any more, and dismiss everybody."""
        self.draining = True
        for session in list(self._sessions.values()):
            session.dismiss(_going_away())

    def _stream(self, stream_id: str, address: str) -> Stream:
        """The stream, made if it does not exist. Checks the limits of all kinds of sessions."""
        if self.draining:
            raise _going_away()
        if self._addresses[address] >= self.max_sessions_per_address:
            raise ProtocolError(
                "limit",
                f"{self.max_sessions_per_address} sessions come from your address already: the "
                "host can raise max_sessions_per_address.",
                retry_after_s=30,
            )
        stream = self.streams.get(stream_id)
        if stream is None:
            if len(self.streams) >= self.max_streams:
                raise ProtocolError(
                    "limit",
                    f"This server has its {self.max_streams} streams already. Try again later.",
                    retry_after_s=30,
                )
            stream = self.streams[stream_id] = Stream(stream_id)
        stream.empty_since = None
        return stream

    def _admit(self, session: Session, resume: str | None) -> None:
        """Register the session. ``resume``: the secret of the session that it resumes, to keep."""
        if resume:
            session.resume = resume
        self._sessions[session.resume] = session
        self._addresses[session.address] += 1

    def _replace(self, session: Session) -> None:
        session.dismiss(
            ProtocolError("replaced", "This session goes on in another window or device.")
        )
        if self._sessions.get(session.resume) is session:
            del self._sessions[session.resume]
            self._forget_address(session.address)
        session.stream.listeners.discard(session)
        if session.stream.speaker is session:
            session.stream.speaker = None

    def _forget_address(self, address: str) -> None:
        self._addresses[address] -= 1
        if self._addresses[address] <= 0:
            del self._addresses[address]


def _same(given: str | None, secret: str) -> bool:
    return given is not None and secrets.compare_digest(given.encode(), secret.encode())


def _going_away() -> ProtocolError:
    return ProtocolError(
        "unavailable", "The server is stopping. Connect again in a moment.", retry_after_s=2
    )
