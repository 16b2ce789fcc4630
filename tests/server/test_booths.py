"""Who is on air in a stream's booths, tick by tick. No network, no clock: the playout is driven by
the test, and a person's level tells who is heard."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from server.media.opus import SAMPLES_PER_TICK
from server.media.playout import StreamPlayout
from server.media.receive import Sound
from server.streams.interpreters import GONE_S, Interpreters
from server.streams.registry import MAX_INTERPRETERS, ConnectionManager, Session
from signaling.errors import ProtocolError
from signaling.messages import Booth, OnAir, ServerMessage

TAKE, ASK, NOW, GIVE = OnAir(on=True), OnAir(on=True), OnAir(on=True, now=True), OnAir(on=False)


@dataclass
class Person:
    """An interpreter, and what they are told."""

    session: Session
    silent_s: float = 0.0
    told: list[ServerMessage] = field(default_factory=list)

    @property
    def booth(self) -> Booth:
        """What they were told last."""
        last = self.told[-1]
        assert isinstance(last, Booth)
        return last


class Stage:
    """One stream and its interpreters into English."""

    def __init__(self) -> None:
        self.manager = ConnectionManager()
        self.playout = StreamPlayout(on_handover=lambda language: self.interpreters.tell())
        self.people: list[Person] = []
        self._tick = 0
        self.listener = self.manager.join_listener("s", "a", "en", [], print, resume=None)
        self.interpreters = Interpreters(self.listener.stream, self.playout)

    def enter(self, name: str, language: str = "en", resume: str | None = None) -> Person:
        session = self.manager.join_listener(
            "s", "a", "floor", [], print, resume=resume, interprets=language
        )
        person = Person(session)
        self.people.append(person)
        self.interpreters.enter(
            session, language, name, person.told.append, lambda: person.silent_s
        )
        return person

    def play(self, ticks: int = 30) -> str | None:
        """Everybody speaks for so long; returns who is heard then."""
        sound = np.full(SAMPLES_PER_TICK, 5000, np.int16)
        for _ in range(ticks):
            for person in self.people:
                self.interpreters.hear(person.session, Sound(sound, sound))
            self.playout.tick(self._tick)
            self._tick += 1
        return self.interpreters.heard("en")


def test_taken_from_the_machine_and_given_back() -> None:
    stage = Stage()
    ann = stage.enter("Ann")
    assert (ann.booth.name, ann.booth.listeners) == (None, 1)
    assert stage.play() is None
    stage.interpreters.want(ann.session, TAKE)
    assert ann.booth.on_air
    assert stage.play() == "Ann"
    assert ann.booth.heard
    stage.interpreters.want(ann.session, GIVE)
    assert ann.booth.name is None
    assert stage.play() is None


def test_a_colleague_asks_and_gets_it() -> None:
    stage = Stage()
    ann, bob = stage.enter("Ann"), stage.enter("Bob")
    stage.interpreters.want(ann.session, TAKE)
    stage.interpreters.want(bob.session, ASK)
    assert stage.play() == "Ann"
    assert (ann.booth.asks, bob.booth.asked, bob.booth.name) == ("Bob", True, "Ann")
    stage.interpreters.want(ann.session, GIVE)
    assert stage.play() == "Bob"
    assert (bob.booth.on_air, bob.booth.asks, ann.booth.on_air) == (True, None, False)


def test_who_asked_may_take_it_or_ask_no_more() -> None:
    stage = Stage()
    ann, bob = stage.enter("Ann"), stage.enter("Bob")
    stage.interpreters.want(ann.session, TAKE)
    stage.interpreters.want(bob.session, ASK)
    stage.interpreters.want(bob.session, GIVE)
    assert ann.booth.asks is None
    stage.interpreters.want(bob.session, NOW)
    assert stage.play() == "Bob"
    assert not ann.booth.on_air


@pytest.mark.parametrize(("asked", "follows"), [(False, None), (True, "Bob")])
def test_when_one_leaves_who_asked_goes_on_or_else_the_machine(
    asked: bool, follows: str | None
) -> None:
    stage = Stage()
    ann, bob = stage.enter("Ann"), stage.enter("Bob")
    stage.interpreters.want(ann.session, TAKE)
    if asked:
        stage.interpreters.want(bob.session, ASK)
    assert stage.play() == "Ann"
    stage.interpreters.leave(ann.session)
    assert stage.play() == follows
    assert bob.booth.colleagues == []


def test_the_machine_is_heard_while_no_packets_come() -> None:
    stage = Stage()
    ann = stage.enter("Ann")
    stage.interpreters.want(ann.session, TAKE)
    stage.play()
    ann.silent_s = GONE_S
    assert stage.play() is None
    assert ann.booth.on_air
    ann.silent_s = 0
    assert stage.play() == "Ann"


def test_who_comes_back_in_place_of_a_dead_connection_need_not_ask() -> None:
    stage = Stage()
    ann = stage.enter("Ann")
    stage.interpreters.want(ann.session, TAKE)
    stage.play()
    again = stage.enter("Ann", resume=ann.session.resume)
    stage.interpreters.want(again.session, TAKE)
    stage.interpreters.leave(ann.session)
    assert again.booth.on_air
    assert stage.play() == "Ann"


def test_who_interprets_elsewhere_is_told() -> None:
    stage = Stage()
    ann, cas = stage.enter("  Ann \u00a0 B "), stage.enter("Cas", "fr")
    stage.interpreters.want(ann.session, TAKE)
    assert cas.booth.elsewhere == {"en": "Ann B"}
    assert stage.interpreters.on_air == {"en": "Ann B"}


def test_interpreters_are_no_audience_and_their_number_is_limited() -> None:
    stage = Stage()
    for number in range(MAX_INTERPRETERS):
        stage.enter(str(number))
    assert stage.listener.stream.audience() == {"en": 1}
    with pytest.raises(ProtocolError, match="has its 32 interpreters already"):
        stage.enter("one more")


def test_a_stream_with_an_interpreter_is_not_empty() -> None:
    stage = Stage()
    ann = stage.enter("Ann")
    stage.manager.leave(stage.listener, 0)
    assert not ann.session.stream.is_empty
    stage.manager.leave(ann.session, 0)
    assert ann.session.stream.is_empty
