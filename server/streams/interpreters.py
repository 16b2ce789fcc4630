"""The people who interpret one stream: in each language one of them is on air, or the machine is.

- The language is taken from the machine at once. A colleague on air is asked, and hands it over;
  or it is taken from them. Whoever is on air gives it back with one message.
- A person who leaves, or whose sound ends, is not on air any more, or not heard: the colleague who
  asks goes on, or the machine. It has been running meanwhile.
- Nothing here waits: the change itself is in ``server.media.handover``.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from server.media.floor import FloorBuffer
from server.media.playout import StreamPlayout
from server.media.receive import Sound
from server.streams.stream import Session, Stream, language_of
from signaling.messages import Booth, OnAir, ServerMessage

#: After so long without a packet a person's sound has ended. What comes until then may be silence
#: that stands for loss.
GONE_S: Final = 1.0


@dataclass(eq=False, slots=True)
class _Person:
    """``silent_s()``: seconds since their last packet. ``sound``: waits to be played; None: they
    are not on air. ``since_s``: when they went on air. ``told``: what they were told last."""

    session: Session
    language: str
    name: str
    send: Callable[[ServerMessage], None]
    silent_s: Callable[[], float]
    sound: FloorBuffer | None = None
    since_s: float = 0.0
    told: Booth | None = None


@dataclass(eq=False, slots=True)
class _Booth:
    """The people of one language, in the order in which they came."""

    people: list[_Person] = field(default_factory=list)
    on_air: _Person | None = None
    asks: _Person | None = None


class Interpreters:
    """Those of one stream."""

    def __init__(self, stream: Stream, playout: StreamPlayout) -> None:
        self._stream = stream
        self._playout = playout
        self._people: dict[Session, _Person] = {}
        self._booths: dict[str, _Booth] = {}

    @property
    def on_air(self) -> dict[str, str]:
        """The names of those on air, by language."""
        return {
            language: booth.on_air.name for language, booth in self._booths.items() if booth.on_air
        }

    def heard(self, language: str) -> str | None:
        """The name of the person who is heard in a language; None: the machine is."""
        return self.on_air.get(language) if self._playout.is_by_person(language) else None

    def enter(
        self,
        session: Session,
        language: str,
        name: str,
        send: Callable[[ServerMessage], None],
        silent_s: Callable[[], float],
    ) -> None:
        """A person is here who may interpret into ``language``. ``send`` takes messages for them;
        ``silent_s()``: seconds since the last packet of their sound."""
        person = _Person(session, language, " ".join(name.split()), send, silent_s)
        self._people[session] = person
        self._booths.setdefault(language, _Booth()).people.append(person)
        self.tell()

    def leave(self, session: Session) -> None:
        """The session ended. Has no effect for others than interpreters."""
        person = self._people.pop(session, None)
        if person is None:
            return
        booth = self._booths[person.language]
        booth.people.remove(person)
        self._give_up(person, booth)
        if not booth.people:
            del self._booths[person.language]
        self.tell()

    def want(self, session: Session, message: OnAir) -> None:
        """The person takes the language over, or gives it back; see ``OnAir``."""
        person = self._people[session]
        booth = self._booths[person.language]
        if not message.on:
            self._give_up(person, booth)
        elif booth.on_air in (None, person) or message.now or _resumes(person, booth.on_air):
            self._put_on_air(booth, person.language, person)
        else:
            booth.asks = person
        self.tell()

    def hear(self, session: Session, sound: Sound) -> None:
        """Take the person's next audio. It is dropped unless they are on air."""
        person = self._people.get(session)
        if person is not None and person.sound is not None and person.silent_s() < GONE_S:
            person.sound.push(sound.pcm48)

    def tell(self) -> None:
        """Tell everyone who interprets what has changed."""
        on_air = self.on_air
        listeners = Counter[str | None]()
        for each in self._stream.listeners:
            listeners[language_of(each.channel or "floor")] += max(1, each.counts)
        for language, booth in self._booths.items():
            elsewhere = {other: name for other, name in on_air.items() if other != language}
            for person in booth.people:
                told = Booth(
                    language=language,
                    on_air=booth.on_air is person,
                    heard=booth.on_air is not person or self._arrives(person),
                    name=on_air.get(language),
                    asks=booth.asks.name if booth.asks else None,
                    asked=booth.asks is person,
                    colleagues=[each.name for each in booth.people if each is not person],
                    elsewhere=elsewhere,
                    listeners=listeners[language],
                )
                if told != person.told:
                    person.told = told
                    person.send(told)

    def _arrives(self, person: _Person) -> bool:
        """Whether the sound of a person on air is heard, or will be in a moment."""
        begins = time.monotonic() - person.since_s < GONE_S
        return begins or self._playout.is_by_person(person.language)

    def _give_up(self, person: _Person, booth: _Booth) -> None:
        """The person asks no more, or is not on air any more."""
        if booth.asks is person:
            booth.asks = None
        if booth.on_air is person:
            self._put_on_air(booth, person.language, booth.asks)

    def _put_on_air(self, booth: _Booth, language: str, person: _Person | None) -> None:
        if booth.on_air is person:
            return
        if booth.on_air is not None:
            booth.on_air.sound = None
        booth.on_air = person
        if booth.asks is person:
            booth.asks = None
        if person is not None:
            person.sound = FloorBuffer(self._playout.counts)
            person.since_s = time.monotonic()
        self._playout.hand_over(language, person.sound if person else None)


def _resumes(person: _Person, other: _Person | None) -> bool:
    """Whether ``person`` is back in place of ``other``, whose connection is dead."""
    return other is not None and person.session.resume == other.session.resume
