"""A stream and its sessions: who speaks, who listens to what, who interprets. No I/O, no clock."""

import secrets
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

from server.streams.channel_names import language_of as language_of
from signaling.errors import ProtocolError
from signaling.messages import AUTO, StreamState

Role = Literal["speaker", "listener", "talk", "interpreter"]
#: Closes a participant's connection with this error.
Dismiss = Callable[[ProtocolError], None]


@dataclass(eq=False, slots=True)
class Session:
    """One participant's stay in a stream. ``channel``: what it hears; None: nothing. ``captions``:
    the languages that it reads. ``languages``: those that a speaker may speak, None: all; or the
    one that an interpreter interprets into. ``claims``: whether its stream takes a place, see
    ``places``. ``speaks``: the language that a speaker chose, or AUTO. ``may_begin``:
    whether it may speak that. ``counts``: as so many listeners; a monitor as none, an edge as those
    whom it passes a channel on to."""

    role: Role
    stream: "Stream"
    address: str
    dismiss: Dismiss
    channel: str | None = None
    captions: frozenset[str] = frozenset()
    languages: Collection[str] | None = None
    claims: bool = True
    speaks: str = AUTO
    may_begin: bool = True
    counts: int = 1
    resume: str = field(default_factory=lambda: secrets.token_urlsafe(18))

    @property
    def speaks_now(self) -> bool:
        """Whether it is the speaker of its stream."""
        return self.stream.speaker is self


@dataclass(eq=False, slots=True)
class Stream:
    """A stream, its participants and what they want. ``source``: the spoken language; with
    ``auto`` it is detected, and None until then. ``wings``: speakers who do not speak now.
    ``panel``: those in the wings take over by speaking. ``held``: an operator has paused it; it
    stays so whoever comes back, goes on or pauses, until somebody continues.
    ``is_private``: somebody is alone in it, to hear or read themselves: it is not listed.
    ``rehearses``: the stream for which a speaker rehearses in this one."""

    id: str
    state: StreamState = "waiting"
    source: str | None = None
    auto: bool = False
    speaker: Session | None = None
    listeners: set[Session] = field(default_factory=set)
    interpreters: set[Session] = field(default_factory=set)
    wings: set[Session] = field(default_factory=set)
    panel: bool = False
    held: bool = False
    ended_by_operator: bool = False
    empty_since: float | None = None
    has_place: bool = False
    unclaimed_since: float | None = None
    is_private: bool = False
    rehearses: str | None = None
    _last_wanted: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def has_speaker(self) -> bool:
        """Whether somebody speaks."""
        return self.speaker is not None

    @property
    def is_empty(self) -> bool:
        """Whether nobody speaks, listens, interprets or waits to speak."""
        return not self._everyone and not self.wings

    @property
    def is_claimed(self) -> bool:
        """Whether somebody speaks in it or waits to, or listens or interprets with a token."""
        return bool(self.wings) or any(each.claims for each in self._everyone)

    @property
    def _everyone(self) -> list[Session]:
        speaker = [self.speaker] if self.speaker else []
        return [*self.listeners, *self.interpreters, *speaker]

    def discard(self, session: Session) -> None:
        """Remove a listener, an interpreter, or one who waits to speak."""
        self.listeners.discard(session)
        self.interpreters.discard(session)
        self.wings.discard(session)

    def give_to(self, session: Session) -> None:
        """Let the session speak, in the language that it chose."""
        self.wings.discard(session)
        self.speaker, self.state = session, "paused" if self.held else "live"
        self.ended_by_operator = False
        if session.speaks == AUTO and not self.auto:
            self.source = None
        self.speak(session.speaks)
        session.captions = frozenset([self.source] if self.source else [])

    def pause(self, paused: bool, by_operator: bool) -> None:
        """Pause or continue. A stream that has ended stays so until somebody begins again."""
        if self.state == "ended":
            return
        self.state = "paused" if paused else "live"
        self.held = paused and (by_operator or self.held)

    def speak(self, language: str) -> None:
        """Set the spoken language. With AUTO it is detected; until then the last one counts."""
        self.auto = language == AUTO
        if not self.auto:
            self.source = language

    @property
    def listening(self) -> int:
        """How many listen, here and at edges. Monitors do not count."""
        return sum(each.counts for each in self.listeners)

    def audience(self) -> dict[str, int]:
        """The number of listeners by channel. Those who only read captions count as "captions"."""
        audience = Counter[str]()
        for each in self.listeners:
            if each.counts:
                audience[each.channel or "captions"] += each.counts
        return dict(audience)

    def listeners_by_language(self) -> dict[str, int]:
        """The number of participants who hear each language. The floor does not count."""
        heard = Counter[str]()
        for each in self._everyone:
            if language := language_of(each.channel or "floor"):
                heard[language] += max(1, each.counts)
        return dict(heard)

    def wanted(self, now: float, linger_s: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The languages to speak, and the languages only to write, that somebody wanted within
        the last ``linger_s`` seconds. In order of first demand, without the source language."""
        for session in self._everyone:
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
