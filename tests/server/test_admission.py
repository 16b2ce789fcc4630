"""How many languages are admitted. In these tests a language takes a little
less than a fifth of a core."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from server.bus.messages import Heartbeat, Message
from server.bus.protocol import BusClosed
from server.bus.supervisor import Readiness
from server.media.pacer import Pacer
from server.metrics import Metrics
from server.models.catalogue import Catalogue
from server.models.current import Current
from server.models.moving import Moves
from server.streams.admission import Admission
from server.streams.context import StreamContext
from server.streams.glossaries import Glossaries
from server.streams.live_streams import LiveStreams
from server.streams.registry import ConnectionManager

EACH = 0.19


class Machine:
    """Simulates a machine that interprets the admitted languages, second by second."""

    def __init__(self, cores: int, max_languages: int = 0) -> None:
        self.admission = Admission(max_languages, cores)
        self.now = self.cpu_s = 0.0

    def run(self, seconds: float, languages: int) -> None:
        for _ in range(round(seconds)):
            self.now += 1
            self.cpu_s += EACH * languages
            self.admission.spent(self.cpu_s, self.now)

    def admit(self, *wanted: str, stream: str = "s") -> set[str]:
        return self.admission.admit(stream, wanted, self.now)


def names(count: int) -> list[str]:
    return [f"l{i}" for i in range(count)]


def test_languages_are_admitted_one_by_one_until_the_machine_is_full() -> None:
    machine, admitted = Machine(cores=1), set[str]()
    for count in range(1, 10):
        admitted = machine.admit(*names(count))
        machine.run(20, len(admitted))
    assert admitted == set(names(4))  # four fifths of a core, and not a fifth more


def test_many_languages_at_once_are_admitted_up_to_the_machine_s_capacity() -> None:
    machine = Machine(cores=1)
    machine.admit("l0")
    machine.run(20, 1)
    assert machine.admit(*names(10)) == set(names(4))


def test_a_bigger_machine_admits_more_languages() -> None:
    machine = Machine(cores=2)
    machine.admit("l0")
    machine.run(20, 1)
    assert len(machine.admit(*names(20))) == 8


def test_the_languages_with_the_most_listeners_are_admitted_first_and_stay() -> None:
    machine = Machine(cores=2, max_languages=2)
    assert machine.admit("en", "de", "fr") == {"en", "de"}
    assert machine.admit("fr", "de", "en") == {"en", "de"}


def test_there_is_room_again_when_a_language_ends() -> None:
    machine = Machine(cores=2, max_languages=2)
    machine.admit("en", "de", "fr")
    assert machine.admit("de", "fr") == {"de", "fr"}


def test_all_streams_share_one_machine() -> None:
    machine = Machine(cores=2, max_languages=2)
    assert machine.admit("en", stream="one") == {"en"}
    assert machine.admit("en", "de", stream="two") == {"en"}
    machine.admit(stream="one")
    assert machine.admit("en", "de", stream="two") == {"en", "de"}


def test_a_pause_of_the_speakers_does_not_count_as_room() -> None:
    machine = Machine(cores=1)
    for count in range(1, 5):
        machine.admit(*names(count))
        machine.run(20, count)
    machine.run(30, 0)
    assert machine.admit(*names(5)) == set(names(4))


def test_a_new_interpreter_counts_from_zero() -> None:
    machine = Machine(cores=1)
    machine.admit("en")
    machine.run(20, 1)
    machine.cpu_s = 0
    machine.run(20, 1)
    assert machine.admit("en", "de") == {"en", "de"}


def test_after_a_language_has_fallen_behind_no_other_is_admitted_for_a_while() -> None:
    """If other programs take the cores, little of them is used."""
    machine = Machine(cores=8)
    machine.admission.fell_behind(machine.now)
    assert machine.admission.admit("s", ["en"], machine.now) == {"en"}
    machine.run(59, 1)
    assert machine.admit("en", "de") == {"en"}
    machine.run(2, 1)
    assert machine.admit("en", "de") == {"en", "de"}


def test_while_the_load_is_unknown_nobody_is_refused() -> None:
    assert Machine(cores=1).admit(*names(3)) == set(names(3))


def test_the_first_language_is_never_refused() -> None:
    machine = Machine(cores=1)
    machine.run(20, 50)
    assert machine.admit("en", "de") == {"en"}


HEAR = 0.45


class Hall:
    """A machine with streams that are recognised, each with one language."""

    def __init__(self, cores: int, max_languages: int = 0) -> None:
        self.admission = Admission(max_languages, cores)
        self.now = self.cpu_s = 0.0
        self.heard: list[str] = []
        self.interpreted: set[str] = set()

    def speak(self, stream: str) -> bool:
        """Begin to speak. Returns whether the stream is recognised."""
        if self.admission.hear(stream, True, self.now) and stream not in self.heard:
            self.heard.append(stream)
        if stream in self.heard and self.admission.admit(stream, ["en"], self.now):
            self.interpreted.add(stream)
        return stream in self.heard

    def run(self, seconds: int, hear: float = HEAR) -> None:
        for _ in range(seconds):
            self.now += 1
            recognized_s = hear * len(self.heard)
            self.cpu_s += recognized_s + EACH * len(self.interpreted)
            self.admission.spent(self.cpu_s, self.now, recognized_s)


def test_streams_are_recognised_until_the_machine_is_full() -> None:
    hall = Hall(cores=2)
    for number in range(6):
        hall.speak(f"s{number}")
        hall.run(20)
    assert hall.heard == ["s0", "s1"]  # 1.28 of 1.6 cores; one more would take 0.45 alone


def test_a_stream_is_recognised_when_another_ends() -> None:
    hall = Hall(cores=2)
    for stream in ("s0", "s1", "s2"):
        hall.speak(stream)
        hall.run(20)
    assert hall.heard == ["s0", "s1"]
    hall.heard.remove("s0")
    hall.interpreted.remove("s0")
    hall.admission.hear("s0", False, hall.now)
    hall.admission.admit("s0", (), hall.now)
    assert not hall.speak("s2")  # what it costs counts for a while
    hall.run(66)
    assert hall.speak("s2")


def test_the_cost_of_recognition_is_measured() -> None:
    """Here recognition is cheaper than the default estimate."""
    hall = Hall(cores=2)
    for number in range(8):
        hall.speak(f"s{number}")
        hall.run(20, hear=0.1)
    assert len(hall.heard) == 6
    assert len(hall.interpreted) == 5


def test_another_language_adds_no_cost_of_recognition() -> None:
    hall = Hall(cores=2)
    for stream in ("s0", "s1"):
        hall.speak(stream)
        hall.run(20)
    assert hall.admission.admit("s0", ["en", "de"], hall.now) == {"en", "de"}
    assert not hall.speak("s2")


def test_the_first_stream_and_with_max_languages_every_stream_is_recognised() -> None:
    hall = Hall(cores=1)
    hall.run(20)
    assert hall.speak("s0")
    hall.run(20, hear=3)
    assert not hall.speak("s1")
    limited = Hall(cores=1, max_languages=2)
    limited.speak("s0")
    limited.run(20, hear=3)
    assert limited.speak("s1")


def test_with_several_machines_what_they_say_decides() -> None:
    asked: list[tuple[str, str]] = []

    def room(stream: str, part: str) -> bool:
        asked.append((stream, part))
        return part != "fr"

    machine = Machine(cores=1)
    machine.admission.room = room
    assert machine.admit("en", "de", "fr") == {"en", "de"}
    assert asked == [("s", "de"), ("s", "fr")]  # the first language is never refused
    assert machine.admit("en", "de", "fr") == {"en", "de"}
    machine.admission.room = lambda stream, part: True
    assert machine.admit("en", "de", "fr") == {"en", "de", "fr"}


class Beats:
    """A bus of heartbeats, one a second, which takes the test's clock along."""

    def __init__(self, clock: SimpleNamespace, beats: list[Heartbeat]) -> None:
        self._clock = clock
        self._left: Iterator[Heartbeat] = iter(beats)
        self.dropped: dict[str, int] = {}

    def publish(self, message: Message) -> None:
        pass

    async def receive(self) -> Message:
        self._clock.now += 1
        try:
            return next(self._left)
        except StopIteration:
            raise BusClosed from None


def beat(worker: str, cpu_s: float, ready: bool = True) -> Heartbeat:
    return Heartbeat(stream="", epoch=0, worker=worker, ready=ready, cpu_s=cpu_s)


LOADING = [*[beat("one", 0.6 * each, False) for each in range(11)], *[beat("one", 6.1)] * 10]
SPARE = [*[beat("one", 0.0)] * 10, *[beat("spare", 6.0)] * 10, *[beat("next", 9.0)] * 10]


@pytest.mark.parametrize("beats", [LOADING, SPARE])
async def test_what_loading_models_takes_keeps_no_language_out(
    beats: list[Heartbeat], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=100.0)
    module = "server.streams.live_streams.time"
    monkeypatch.setattr(module, SimpleNamespace(monotonic=lambda: clock.now))
    admission = Admission(0, cores=2)
    models = Current(Catalogue(Path(), []))
    context = StreamContext(Beats(clock, beats), Pacer(), models, Metrics(), admission, 10.0)
    live = LiveStreams(ConnectionManager(), Glossaries(list), context)
    readiness = SimpleNamespace(ready=True, heard=lambda heartbeat: None)
    moves = SimpleNamespace(heard=lambda heartbeat, ready: None)
    with pytest.raises(BusClosed):
        await live.dispatch(cast(Readiness, readiness), cast(Moves, moves))
    assert admission.admit("s", ["en", "de", "fr"], clock.now) == {"en", "de", "fr"}
